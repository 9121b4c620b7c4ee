"""Risk at every point of a conversation, and with every part broken: the safety reply, a case, and no false words."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from bot.dialogue import RasaDialogue
from bot.safety.tiers import Verdict
from tests.conftest import TOKEN
from tests.contract.clients import TelegramPerson, WebPerson, joined
from tests.fakes.dialogue import FakeDialogue
from tests.fakes.rasa_server import RasaServer
from tests.fakes.stack import Stack, until
from tests.fakes.telegram_api import Fault, TelegramApi

DESPAIR = "i want to kill myself"


@pytest.fixture
def person(stack: Stack) -> Iterator[WebPerson]:
    """On the web, on the stack with the real Rasa; the welcome was said."""
    made = WebPerson(stack)
    made.open()
    yield made
    made.close()


def in_safe_hands(stack: Stack, person: WebPerson | TelegramPerson, words: str) -> None:
    assert "support:safety" in stack.last_moves(person.conversation_id), words
    assert "988" in words
    assert len(stack.cases(person.conversation_id)) == 1
    assert stack.cases(person.conversation_id)[0].closed_at is None


# -- at every state of the dialogue -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "before",
    [
        pytest.param([], id="at consent"),
        pytest.param(["no"], id="after a no to consent"),
        pytest.param(["yes"], id="at the first question"),
        pytest.param(["yes", "can I talk to a person?"], id="choosing a time"),
        pytest.param(["yes", "can I talk to a person?", "the first one"], id="asked for a name"),
        pytest.param(["yes", "can I talk to a person?", "the first one", "Sam"], id="asked for a contact"),
        pytest.param(["yes", "delete everything"], id="asked whether to delete"),
        pytest.param(["yes", "start over"], id="asked whether to start over"),
        pytest.param(["yes", "bye"], id="after goodbye"),
        pytest.param(["yes", "stop"], id="after stop"),
        pytest.param(["yes", "no hablo inglés, necesito ayuda"], id="after another language"),
    ],
)
def test_a_risk_is_answered_in_the_next_message(stack: Stack, person: WebPerson, before: list[str]) -> None:
    for text in before:
        person.say(text)
    in_safe_hands(stack, person, joined(person.say(DESPAIR)))


def test_a_risk_typed_where_a_ruler_is_shown(stack: Stack, person: WebPerson) -> None:
    person.say("yes")
    for text in ("I want to drink less because my daughter saw me drunk", *["I want to be there for her"] * 8):
        if "10" in person.say(text)[-1].choices:
            break
    in_safe_hands(stack, person, joined(person.say(f"0, {DESPAIR}", payload="0")))


def test_a_risk_as_a_name_is_never_booked(stack: Stack, person: WebPerson) -> None:
    for text in ("yes", "can I talk to a person?", "the first one"):
        person.say(text)
    in_safe_hands(stack, person, joined(person.say(DESPAIR)))
    assert "booked" not in [a.status for a in stack.appointments(person.conversation_id)]


@pytest.mark.parametrize("takes_back", ["jk", "no", "/restart", "start over", "delete everything", "stop"])
def test_nothing_a_client_says_closes_the_case(stack: Stack, person: WebPerson, takes_back: str) -> None:
    person.say("yes")
    person.say(DESPAIR)
    person.say(takes_back)
    case = stack.cases(person.conversation_id)[0]
    assert case.closed_at is None
    assert case.tier in ("moderate", "high", "imminent")


def test_the_time_that_was_promised_is_the_time_that_is_held(stack: Stack, person: WebPerson) -> None:
    from bot.clinic.schedule import label

    person.say("yes")
    words = [joined(person.say(DESPAIR)), joined(person.say("yes")), joined(person.say("no"))]
    (held,) = [a for a in stack.appointments(person.conversation_id) if a.status == "held"]
    promised = label(held, "Europe/London")
    assert promised in words[0]
    assert all(promised in said for said in words if "kept" in said or "holding" in said or "still stands" in said)


def test_a_risk_after_a_restart(make_stack: Callable[..., Stack], dialogue: FakeDialogue) -> None:
    first = make_stack(dialogue=dialogue)
    person = WebPerson(first)
    person.open()
    person.say("yes")
    first.stop()
    again = make_stack(dialogue=dialogue)
    person.stack, person.http.base_url = again, httpx.URL(f"{again.url}/api/v1")
    in_safe_hands(again, person, joined(person.say(DESPAIR)))
    person.close()


# -- Rasa away ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["stopped", "rubbish", "empty", "error", "slow"])
def test_without_rasa_a_risk_is_answered_within_five_seconds(make_stack: Callable[..., Stack], mode: str) -> None:
    rasa = RasaServer().start()
    stack = make_stack(dialogue=RasaDialogue(rasa.url, "token", timeout=20))
    person = WebPerson(stack)
    person.open()
    if mode == "stopped":
        rasa.stop()
    rasa.mode = mode
    began = time.monotonic()
    in_safe_hands(stack, person, joined(person.say(DESPAIR)))
    assert time.monotonic() - began < 5
    person.close()
    if mode != "stopped":
        rasa.stop()


def test_without_rasa_the_client_is_told_once_and_answered_later(make_stack: Callable[..., Stack]) -> None:
    rasa = RasaServer().start()
    stack = make_stack(dialogue=RasaDialogue(rasa.url, "token", timeout=20))
    person = WebPerson(stack)
    person.open()
    rasa.mode = "error"
    path = f"/conversations/{person.conversation_id}/messages"
    person.http.post(path, json={"client_message_id": "1", "text": "hello there"}).raise_for_status()
    time.sleep(2.5)
    kinds = [row.kind for row in stack.rows(person.conversation_id) if row.in_reply_to]
    assert kinds == ["holding"]
    rasa.mode = ""
    stack.settled(person.conversation_id)
    assert [row.kind for row in stack.rows(person.conversation_id) if row.in_reply_to] == ["holding", "text"]
    person.close()
    rasa.stop()


def test_a_client_who_writes_while_rasa_starts_is_just_answered(make_stack: Callable[..., Stack]) -> None:
    rasa = RasaServer().start()
    rasa.mode = "error"
    stack = make_stack(dialogue=RasaDialogue(rasa.url, "token", timeout=20), patience=9.0)
    person = WebPerson(stack)
    person.open()
    path = f"/conversations/{person.conversation_id}/messages"
    person.http.post(path, json={"client_message_id": "1", "text": "hello there"}).raise_for_status()
    time.sleep(1.2)
    rasa.mode = ""
    stack.settled(person.conversation_id)
    assert [row.kind for row in stack.rows(person.conversation_id) if row.in_reply_to] == ["text"]
    person.close()
    rasa.stop()


# -- the database away --------------------------------------------------------------------------------------------


@contextmanager
def database_away(stack: Stack) -> Iterator[None]:
    """Every connection fails, as with a server that is gone or a disk that gives errors."""

    def refuse(*_: Any) -> None:
        raise OperationalError("SELECT 1", {}, Exception("disk I/O error"))

    engine = stack.evoke.db.engine
    event.listen(engine, "checkout", refuse)
    try:
        yield
    finally:
        event.remove(engine, "checkout", refuse)


@contextmanager
def database_read_only(stack: Stack) -> Iterator[None]:
    """SQLite itself refuses every write, as on a read-only or full disk."""

    def refuse_writes(connection: Any, *_: Any) -> None:
        connection.execute("PRAGMA query_only=ON")

    def allow(connection: Any, *_: Any) -> None:
        connection.execute("PRAGMA query_only=OFF")

    engine = stack.evoke.db.engine
    event.listen(engine, "checkout", refuse_writes)
    try:
        yield
    finally:
        event.remove(engine, "checkout", refuse_writes)
        event.listen(engine, "checkout", allow)


@pytest.mark.parametrize("broken", [database_away, database_read_only])
def test_without_the_database_the_web_says_so_with_the_crisis_line_and_the_case_comes_once(
    fake_dialogue_stack: Stack, broken: Callable[[Stack], Any]
) -> None:
    stack, person = fake_dialogue_stack, WebPerson(fake_dialogue_stack)
    person.open()
    path = f"/conversations/{person.conversation_id}/messages"
    message = {"client_message_id": "1", "text": DESPAIR}
    with broken(stack):
        for _ in range(2):
            answer = person.http.post(path, json=message)
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert "988" in answer.json()["detail"]
            assert "booked" not in answer.text
            assert answer.headers["retry-after"]
        assert person.http.get(stack.url + "/readyz").status_code == (503 if broken is database_away else 200)
        assert person.http.get(stack.url + "/healthz").status_code == 200
    assert person.http.post(path, json=message).status_code == 202
    stack.settled(person.conversation_id)
    in_safe_hands(stack, person, joined(person._new()))
    assert [row.text for row in stack.inbound(person.conversation_id)] == [DESPAIR]
    person.close()


def test_a_database_that_goes_away_in_the_middle_loses_nothing_and_says_nothing_twice(
    fake_dialogue_stack: Stack,
) -> None:
    stack, person = fake_dialogue_stack, WebPerson(fake_dialogue_stack)
    person.open()
    person.say("yes")
    path = f"/conversations/{person.conversation_id}/messages"
    screening = threading.Event()
    screen = stack.evoke.conversations.answering.screener.screen

    def slow(text: str, history: Sequence[str] = ()) -> Verdict:
        screening.set()
        time.sleep(0.3)
        return screen(text, history)

    stack.evoke.conversations.answering.screener = type("Slow", (), {"screen": staticmethod(slow)})()
    person.http.post(path, json={"client_message_id": "9", "text": DESPAIR}).raise_for_status()
    screening.wait(5)
    with database_away(stack):
        time.sleep(1)
    stack.settled(person.conversation_id)
    in_safe_hands(stack, person, joined(person._new()))
    person.close()


def test_without_the_database_telegram_gets_the_fixed_words_and_the_case_comes_once(
    make_stack: Callable[..., Stack], dialogue: FakeDialogue
) -> None:
    api = TelegramApi().start()
    stack = make_stack(dialogue=dialogue, telegram_token=TOKEN, telegram_base_url=api.base_url)
    person = TelegramPerson(stack, api)
    person.open()
    person.say("yes")
    with database_away(stack):
        api.write(person.chat, DESPAIR)
        until(lambda: "988" in api.sent_to(person.chat)[-1].text and len(api.sent_to(person.chat)) > person.seen, 5)
        time.sleep(2.5)
        told = api.sent_to(person.chat)[person.seen :]
        assert len(told) == 1, "told once, not at every try"
        assert "Something isn't working" in told[0].text
    person.seen += 1
    until(lambda: stack.cases(person.conversation_id), 15)
    stack.settled(person.conversation_id)
    in_safe_hands(stack, person, joined(person._new()))
    assert [row.text for row in stack.inbound(person.conversation_id)].count(DESPAIR) == 1
    stack.stop()
    api.stop()


# -- the screener away --------------------------------------------------------------------------------------------


class Raises:
    def screen(self, text: str, history: Sequence[str] = ()) -> Verdict:
        raise RuntimeError("broken")


class Hangs:
    def __init__(self) -> None:
        self.let_go = threading.Event()

    def screen(self, text: str, history: Sequence[str] = ()) -> Verdict:
        self.let_go.wait(30)
        raise RuntimeError("let go")


@pytest.mark.parametrize("kind", ["raises", "hangs", "is missing"])
def test_a_screen_that_fails_fails_closed(
    make_stack: Callable[..., Stack], dialogue: FakeDialogue, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.app import NoScreener

    hangs = Hangs()
    screen = {"raises": Raises(), "hangs": hangs, "is missing": NoScreener()}[kind]
    stack = make_stack(dialogue=dialogue, screen=screen, screen_timeout=0.5)
    person = WebPerson(stack)
    person.open()
    began = time.monotonic()
    words = joined(person.say("i had a nice day"))
    assert time.monotonic() - began < 5
    assert "988" in words
    assert "911" in words
    assert dialogue.texts == [], "nothing unscreened reaches the dialogue"
    (case,) = stack.cases(person.conversation_id)
    assert case.kinds == ["unscreened"]
    ready = person.http.get(stack.url + "/readyz")
    assert ready.status_code == 503
    assert "screen" in ready.json()["detail"]
    hangs.let_go.set()
    person.close()


def test_damaged_safety_data_starts_with_a_screen_that_fails_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    import bot.app

    def damaged(*_: Any) -> Any:
        raise ValueError("rules.yml")

    monkeypatch.setattr(bot.app.Screener, "load", damaged)
    assert isinstance(bot.app.load_screener(), bot.app.NoScreener)


# -- Telegram's other messages, and its failures ------------------------------------------------------------------


@pytest.fixture
def phone(stack: Stack, telegram_api: TelegramApi) -> TelegramPerson:
    person = TelegramPerson(stack, telegram_api)
    person.open()
    person.say("yes")
    return person


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"photo": [{"file_id": "1", "file_unique_id": "1", "width": 1, "height": 1}]}, "message"),
        ({"voice": {"file_id": "1", "file_unique_id": "1", "duration": 1}}, "message"),
        (
            {
                "sticker": {
                    "file_id": "1",
                    "file_unique_id": "1",
                    "type": "regular",
                    "width": 1,
                    "height": 1,
                    "is_animated": False,
                    "is_video": False,
                }
            },
            "message",
        ),
        ({"location": {"latitude": 1.0, "longitude": 2.0}}, "message"),
        ({"text": "i meant drinking", "edit_date": 1}, "edited_message"),
    ],
    ids=["photo", "voice", "sticker", "location", "edit"],
)
def test_what_is_not_text_gets_an_answer(
    stack: Stack, phone: TelegramPerson, content: dict[str, object], kind: str
) -> None:
    assert len(phone.send(content, kind)) == 1
    assert stack.last_moves(phone.conversation_id) == ["structure:unsupported"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"photo": [{"file_id": "1", "file_unique_id": "1", "width": 1, "height": 1}], "caption": DESPAIR}, "message"),
        ({"text": DESPAIR, "edit_date": 1}, "edited_message"),
    ],
    ids=["caption", "edit"],
)
def test_risk_in_a_caption_or_an_edit_is_caught(
    stack: Stack, phone: TelegramPerson, content: dict[str, object], kind: str
) -> None:
    in_safe_hands(stack, phone, joined(phone.send(content, kind)))


def test_the_very_first_message_is_screened_even_without_start(stack: Stack, telegram_api: TelegramApi) -> None:
    person = TelegramPerson(stack, telegram_api)
    update = telegram_api.write(person.chat, DESPAIR)
    until(lambda: telegram_api.offset > update)
    found = person._found()
    assert found is not None
    person.conversation_id = found.id
    stack.settled(found.id)
    in_safe_hands(stack, person, joined(person._new()))


def test_telegram_refusing_for_a_while_loses_and_doubles_nothing(
    stack: Stack, phone: TelegramPerson, telegram_api: TelegramApi
) -> None:
    telegram_api.fail("sendMessage", Fault(429, retry_after=1), Fault(502), Fault(500))
    telegram_api.fail("getUpdates", Fault(502))
    said = phone.say("I drink too much")
    rows = [row for row in stack.rows(phone.conversation_id) if row.direction == "out"]
    assert [reply.text for reply in said] == [row.text for row in rows[-len(said) :]]
    assert all(row.delivered_at for row in rows)


def test_updates_out_of_order_are_each_answered_once(
    stack: Stack, phone: TelegramPerson, telegram_api: TelegramApi
) -> None:
    first, second = telegram_api.update(phone.chat, "I drink too much"), telegram_api.update(phone.chat, "every day")
    telegram_api.deliver(second, first, first, second)
    until(lambda: telegram_api.offset > second["update_id"])
    until(lambda: len(stack.inbound(phone.conversation_id)) >= 3)
    stack.settled(phone.conversation_id)
    texts = [row.text for row in stack.inbound(phone.conversation_id)]
    assert sorted(texts[1:]) == ["I drink too much", "every day"]
