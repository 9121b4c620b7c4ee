"""The twelve runnable checks of the safety specification, through the whole stack, by each channel.

What other files run already is not run twice: docs/safety.md has the table of all of them. Most of this file shares
one stack that is real but for Rasa, which safety must not need, and a clock that can be moved.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError

import bot.app
from bot.clinic.config import ClinicConfig
from bot.clinic.schedule import free_slots, label
from bot.console.staff import create_staff
from bot.durable import DbosEngine
from bot.safety.tiers import Verdict
from bot.store.models import Appointment, Case
from tests.conftest import TOKEN
from tests.contract.clients import Person, TelegramPerson, TerminalPerson, TypingPerson, WebPerson, joined
from tests.fakes import stack as stacks
from tests.fakes.dialogue import FakeDialogue
from tests.fakes.pager import PagerServer
from tests.fakes.stack import Stack, settings_for, until
from tests.fakes.telegram_api import TelegramApi

DESPAIR = "i want to kill myself"
CHANNELS = ("web", "terminal", "telegram")
FALSE_HOPE = ("help is coming", "is on the way to you", "has read", "have read", "booked")


class MovableClock:
    """The real time, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def move(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@pytest.fixture(scope="module")
def pager() -> Iterator[PagerServer]:
    server = PagerServer().start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def clinic_file(tmp_path_factory: pytest.TempPathFactory, pager: PagerServer) -> Path:
    """The demo clinic with a pager, and a backup for it."""
    routes = [
        {"name": "pager", "kind": "webhook", "url": f"{pager.url}/pager"},
        {"name": "backup", "kind": "webhook", "url": f"{pager.url}/backup", "backup": True},
    ]
    own = {"notifications": {"routes": routes}}
    kept = ClinicConfig.demo().model_dump(
        mode="json", by_alias=True, exclude={"notifications", "crisis", "holidays"}, exclude_defaults=True
    )
    file = tmp_path_factory.mktemp("clinic") / "clinic.yml"
    YAML(typ="safe").dump(kept | own, file)
    return file


@pytest.fixture(scope="module")
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="module")
def rasa() -> FakeDialogue:
    return FakeDialogue()


@pytest.fixture(scope="module")
def evoke(
    tmp_path_factory: pytest.TempPathFactory,
    own_telegram_api: TelegramApi,
    clinic_file: Path,
    clock: MovableClock,
    rasa: FakeDialogue,
) -> Iterator[Stack]:
    """Everything real but Rasa and DBOS, with a pager; shared, so that tests put back what they break."""
    settings = settings_for(
        tmp_path_factory.mktemp("checks"),
        clinic_file=clinic_file,
        telegram_token=TOKEN,
        telegram_base_url=own_telegram_api.base_url,
        screen_timeout=1.0,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bot.app, "load_core", stacks.core)
        patch.setenv("EVOKE_WEBHOOK_SECRET", "signing-key")
        with Stack(settings, dialogue=rasa, clock=clock) as running:
            yield running


@pytest.fixture(autouse=True)
def _nobody_waits(request: pytest.FixtureRequest) -> Iterator[None]:
    """Afterwards every case is acknowledged: the next test may move the clock and see only its own pages."""
    yield
    if "evoke" in request.fixturenames:
        stack: Stack = request.getfixturevalue("evoke")
        done = update(Case).values(acknowledged_at=stack.clock())
        stack.evoke.db.write_now(lambda session: session.execute(done.where(Case.acknowledged_at.is_(None))))


def someone(channel: str, stack: Stack, api: TelegramApi, home: Path) -> Person:
    if channel == "web":
        return WebPerson(stack)
    return TypingPerson(stack, home) if channel == "terminal" else TelegramPerson(stack, api)


@pytest.fixture(params=CHANNELS)
def person(
    request: pytest.FixtureRequest, evoke: Stack, own_telegram_api: TelegramApi, tmp_path: Path
) -> Iterator[Person]:
    """Someone who was welcomed and has said yes, without Rasa."""
    made = someone(request.param, evoke, own_telegram_api, tmp_path)
    made.open()
    made.say("yes")
    yield made
    made.close()


def in_safe_hands(stack: Stack, person: Person, words: str) -> None:
    """A safety reply with the crisis line, nothing false in it, and one open case."""
    assert "988" in words, words
    assert not [lie for lie in FALSE_HOPE if lie in words.lower()], words
    (case,) = stack.cases(person.conversation_id)
    assert case.closed_at is None


# -- 1: a positive at every state of the dialogue (the web's are in test_safety_everywhere.py) ---------------------


@pytest.mark.parametrize("channel", ["terminal", "telegram"])
@pytest.mark.parametrize(
    "before",
    [
        pytest.param(["no"], id="after a no to consent"),
        pytest.param(["yes", "can I talk to a person?", "the first one"], id="asked for a name"),
        pytest.param(["yes", "bye"], id="after goodbye"),
    ],
)
def test_01_a_risk_at_any_state_is_answered_in_the_next_message(
    stack: Stack, telegram_api: TelegramApi, tmp_path: Path, channel: str, before: list[str]
) -> None:
    person = someone(channel, stack, telegram_api, tmp_path)
    person.open()
    for text in before:
        person.say(text)
    in_safe_hands(stack, person, joined(person.say(DESPAIR)))
    person.close()


# -- 2: taking it back --------------------------------------------------------------------------------------------


def test_02_jk_no_and_restart_leave_the_case_open_and_its_tier_as_it_was(evoke: Stack, person: Person) -> None:
    person.say(DESPAIR)
    tier = evoke.cases(person.conversation_id)[0].tier
    for text in ("jk", "no", "/restart"):
        person.say(text)
        (case,) = evoke.cases(person.conversation_id)
        assert (case.closed_at, case.tier) == (None, tier), text


# -- 3: payloads --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [f"/share{{}} {DESPAIR}", f"/{DESPAIR}", f'/inform{{"name": "{DESPAIR}"}}'])
def test_03_a_payload_with_risk_in_it_is_caught(evoke: Stack, person: Person, text: str) -> None:
    in_safe_hands(evoke, person, joined(person.say(text)))


# -- 4: Rasa away -------------------------------------------------------------------------------------------------


def test_04_a_risk_is_answered_at_once_while_rasa_is_down(evoke: Stack, person: Person, rasa: FakeDialogue) -> None:
    rasa.down = True
    try:
        began = time.monotonic()
        in_safe_hands(evoke, person, joined(person.say(DESPAIR)))
        assert time.monotonic() - began < 5
    finally:
        rasa.down = False


@pytest.mark.parametrize("how", ["down", "late"])
def test_04_a_risk_is_not_kept_waiting_behind_a_message_that_rasa_owes_an_answer(
    evoke: Stack, own_telegram_api: TelegramApi, tmp_path: Path, rasa: FakeDialogue, how: str
) -> None:
    person = WebPerson(evoke)
    person.open()
    person.say("yes")
    rasa.down, rasa.late = how == "down", 60.0 if how == "late" else 0.0
    try:
        path = f"/conversations/{person.conversation_id}/messages"
        for number, text in enumerate(("I drink most evenings", DESPAIR)):
            person.http.post(path, json={"client_message_id": str(number), "text": text}).raise_for_status()
        until(lambda: evoke.cases(person.conversation_id), 5)
        said = [row for row in evoke.rows(person.conversation_id) if row.kind == "safety"]
        in_safe_hands(evoke, person, " ".join(row.text for row in said))
    finally:
        rasa.down, rasa.late = False, 0.0
    evoke.settled(person.conversation_id)
    person.close()


def test_04_of_two_messages_with_risk_the_first_is_answered_first(evoke: Stack, rasa: FakeDialogue) -> None:
    person = WebPerson(evoke)
    person.open()
    person.say("yes")
    rasa.down = True
    try:
        path = f"/conversations/{person.conversation_id}/messages"
        for number, text in enumerate(("I drink most evenings", f"{DESPAIR} tonight", DESPAIR)):
            person.http.post(path, json={"client_message_id": str(number), "text": text}).raise_for_status()
        evoke.settled(person.conversation_id, 10)
        asked = [row.id for row in evoke.inbound(person.conversation_id)][-2:]
        answers = [row.in_reply_to for row in evoke.rows(person.conversation_id) if row.kind == "safety"]
        assert list(dict.fromkeys(answers)) == asked
    finally:
        rasa.down = False
    person.close()


# -- 5: the database away (web and Telegram are in test_safety_everywhere.py) --------------------------------------


def test_05_without_the_database_the_terminal_says_so_with_the_crisis_line(evoke: Stack, tmp_path: Path) -> None:
    person = TypingPerson(evoke, tmp_path)
    person.open()
    person.say("yes")

    def refuse(*_: Any) -> None:
        raise OperationalError("SELECT 1", {}, Exception("disk I/O error"))

    event.listen(evoke.evoke.db.engine, "checkout", refuse)
    try:
        refused, _ = person._run(person._terminal.say(DESPAIR))
        assert "988" in joined(refused)
        assert "booked" not in joined(refused)
    finally:
        event.remove(evoke.evoke.db.engine, "checkout", refuse)
    assert evoke.cases(person.conversation_id) == []
    in_safe_hands(evoke, person, joined(person.say(DESPAIR)))
    person.close()


# -- 6: the screener ----------------------------------------------------------------------------------------------


class Broken:
    """Raises, or keeps silent for longer than it may."""

    def __init__(self, hangs: bool) -> None:
        self.hangs, self.let_go = hangs, threading.Event()

    def screen(self, text: str, history: Sequence[str] = ()) -> Verdict:
        if self.hangs:
            self.let_go.wait(20)
        raise RuntimeError("broken on purpose")


@pytest.mark.parametrize("hangs", [False, True], ids=["raises", "hangs"])
def test_06_a_screen_that_fails_gives_the_fixed_reply_and_tells_the_clinic(
    evoke: Stack, person: Person, pager: PagerServer, clock: MovableClock, hangs: bool
) -> None:
    works, broken = evoke.evoke.conversations.answering.screener, Broken(hangs)
    evoke.evoke.conversations.answering.screener = broken
    try:
        in_safe_hands(evoke, person, joined(person.say("i had a nice day")))
    finally:
        evoke.evoke.conversations.answering.screener = works
        broken.let_go.set()
    (case,) = evoke.cases(person.conversation_id)
    assert case.kinds == ["unscreened"]
    assert "console" in [alert.route for alert in evoke.alerts(person.conversation_id)]


# -- 7: the alert channel down for half an hour --------------------------------------------------------------------


def test_07_a_route_that_is_down_for_half_an_hour(
    evoke: Stack, person: Person, pager: PagerServer, clock: MovableClock
) -> None:
    pager.status = 503
    try:
        words = joined(person.say("i have the pills in my hand and i am going to kill myself tonight"))
        in_safe_hands(evoke, person, words)
        (case,) = evoke.cases(person.conversation_id)
        until(lambda: ("backup", 0) in pager.about(case.id), 10)  # the second way is tried at once
        for _ in range(6):
            clock.move(minutes=5)
            time.sleep(0.2)
        until(lambda: len(pager.about(case.id)) > 4, 10)
        failed = [alert for alert in evoke.alerts(person.conversation_id) if alert.route != "console"]
        assert all(alert.sent_at is None and alert.error for alert in failed if alert.attempts)
        assert evoke.cases(person.conversation_id)[0].acknowledged_at is None
        words = joined(person.say("is someone coming?"))
        assert not [lie for lie in FALSE_HOPE if lie in words.lower()], words
    finally:
        pager.status = 200
    pager.pages.clear()
    clock.move(minutes=31)
    until(lambda: {path for path, _ in pager.about(case.id)} == {"pager", "backup"}, 10)
    assert len({round_ for _, round_ in pager.about(case.id)}) <= 2, "not every round that was missed"


# -- 8: nobody acknowledges ---------------------------------------------------------------------------------------


def test_08_pages_are_repeated_at_their_times_over_a_restart_and_a_clock_change(
    tmp_path: Path, pager: PagerServer, clinic_file: Path, monkeypatch: pytest.MonkeyPatch, dialogue: FakeDialogue
) -> None:
    monkeypatch.setattr(bot.app, "load_core", stacks.core)
    monkeypatch.setenv("EVOKE_WEBHOOK_SECRET", "signing-key")
    clock, settings = MovableClock(), settings_for(tmp_path / "home", clinic_file=clinic_file)

    def start() -> Stack:
        engine = DbosEngine(settings.workflow_database, clock, tick=0.05)
        return Stack(settings, dialogue=dialogue, clock=clock, engine=engine).start()

    first = start()
    person = WebPerson(first)
    person.open()
    person.say("i have taken an overdose, all of my pills")
    (case,) = first.cases(person.conversation_id)
    assert case.tier == "imminent"

    def rounds() -> list[int]:
        sent = (round_ for path, round_ in pager.about(case.id) if path == "pager")
        return list(dict.fromkeys(sent))  # a page that the stop cuts off is sent once more: none may be lost

    until(lambda: rounds() == [0], 60)
    clock.move(minutes=4)
    time.sleep(0.5)
    assert rounds() == [0], "not before its time"
    clock.move(minutes=1)
    until(lambda: rounds() == [0, 1], 60)
    first.stop()
    clock.move(minutes=5)
    second = start()
    until(lambda: rounds() == [0, 1, 2], 60)
    clock.move(hours=-1)
    until(lambda: len(rounds()) == 4, 60)  # set back by an hour: paged at once, and from then on by the new time
    clock.move(minutes=10)
    until(lambda: rounds() == [0, 1, 2, 3, 4], 60)
    second.stop()
    person.close()


def test_08_an_acknowledgement_ends_it(
    evoke: Stack, pager: PagerServer, clock: MovableClock, own_telegram_api: TelegramApi
) -> None:
    from bot.clinic.cases import acknowledge

    person = WebPerson(evoke)
    person.open()
    person.say(DESPAIR + " tonight")
    (case,) = evoke.cases(person.conversation_id)
    until(lambda: pager.about(case.id) or case.tier == "moderate", 10)

    def by_staff(session: Any) -> None:
        staff = create_staff(session, f"{case.id}@clinic.example", "Sam", "clinician", "a long pass word", clock())
        acknowledge(session, case.id, staff.id if hasattr(staff, "id") else staff, clock())

    evoke.evoke.db.write_now(by_staff)
    time.sleep(0.3)
    before = len(pager.about(case.id))
    clock.move(hours=3)
    time.sleep(1.5)
    assert len(pager.about(case.id)) == before
    person.close()


# -- 9: the last slot, and out of hours ---------------------------------------------------------------------------


def choice_like(said: list[str]) -> list[str]:
    """Times in what was said or shown, such as "Tue 24 Nov, 10:00"."""
    return re.findall(r"[A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2}, \d\d:\d\d", "\n".join(said))


@pytest.mark.parametrize("other", ["terminal", "telegram"])
def test_09_two_clients_take_one_slot_at_once_and_the_other_is_offered_another(
    stack: Stack, telegram_api: TelegramApi, tmp_path: Path, other: str
) -> None:
    typing = TerminalPerson(stack, tmp_path) if other == "terminal" else TelegramPerson(stack, telegram_api)
    people: list[Person] = [WebPerson(stack), typing]
    offers = []
    for person in people:
        person.open()
        person.say("yes")
        offers.append(person.say("can I talk to a person?")[-1].choices)

    def book(number: int) -> list[str]:
        """What was said, and what could be pressed."""
        person, offer = people[number], offers[number]
        replies = [*person.press(offer[0]), *person.say("Sam"), *person.say("07700 900123")]
        return [text for reply in replies for text in (reply.text, *reply.choices)]

    with ThreadPoolExecutor(2) as pool:
        words = list(pool.map(book, range(2)))
    rows = [[row for row in stack.appointments(person.conversation_id) if row.slot_key] for person in people]
    keys = [row.slot_key for found in rows for row in found]
    assert len(keys) == len(set(keys)), "nobody shares a time"
    assert any(row.status == "booked" for found in rows for row in found)
    for found, said, offer in zip(rows, words, offers, strict=True):
        if not [row for row in found if row.status == "booked"]:
            assert set(choice_like(said)) - {offer[0]}, "another time is offered"
    for person in people:
        person.close()


def test_09_out_of_hours_the_real_next_time_is_said(evoke: Stack, person: Person, clock: MovableClock) -> None:
    night = clock.ahead
    today = clock()
    clock.ahead += today.replace(hour=4, minute=30, second=0) + timedelta(days=1) - today  # 23:30 in New York
    try:
        expected = evoke.read(
            lambda session: free_slots(session, evoke.evoke.clinic, now=clock(), tier="moderate", limit=3)
        )
        words = joined(person.say(DESPAIR))
        (held,) = [a for a in evoke.appointments(person.conversation_id) if a.status == "held"]
        zone = "Europe/London" if isinstance(person, WebPerson) else evoke.evoke.clinic.time_zone
        assert label(held, zone) in words or any(label(slot, zone) in words for slot in expected)
        assert held.starts_at > clock()
    finally:
        clock.ahead = night


# -- 10 to 12 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["quiero matarme", "je veux mourir", "ich will mich umbringen"], ids=["Spanish", "French", "German"]
)
def test_10_risk_in_another_language_gets_the_line_and_a_human(evoke: Stack, person: Person, text: str) -> None:
    words = joined(person.say(text))
    assert "988" in words
    assert "didn't understand" not in words.lower()
    assert evoke.cases(person.conversation_id)


def test_11_what_has_no_words_gets_an_answer(evoke: Stack, person: Person) -> None:
    for text in ("👍", "…", "?", "\U0001f3b5 \U0001f3b5"):
        assert person.say(text), text


def test_12_appointments_and_cases_of_this_file_are_there_once(evoke: Stack) -> None:
    keys = evoke.read(lambda session: list(session.scalars(select(Appointment.slot_key))))
    taken = [key for key in keys if key is not None]
    assert len(taken) == len(set(taken))
