"""A person took over and does not write: the clinic is paged, the client hears the truth, and the bot comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic.cases import acknowledge
from bot.clinic.config import ClinicConfig
from bot.clinic.forgotten import answered
from bot.clinic.notices import write_to_client
from bot.clinic.takeover import hand_back, take_over
from bot.settings import ROOT
from bot.store.models import Audit, Case, Client, Conversation, Staff
from tests.contract.clients import WebPerson, joined
from tests.fakes.dialogue import FakeDialogue
from tests.fakes.stack import Stack, until

MORNING = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # Monday, 10:00 in the demo clinic
SUNDAY_NIGHT = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
ROUTES = """
notifications:
  routes:
    - {name: console, kind: console}
    - {name: pager, kind: webhook, url: "http://127.0.0.1:9"}
"""


class Hands:
    """A clock that the test sets."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class Chat:
    """One client on the web, and Dr Rivera, who has taken over."""

    def __init__(self, make: Callable[..., Stack], now: datetime, **settings: Any) -> None:
        self.make, self.settings, self.clock, self.dialogue = make, settings, Hands(now), FakeDialogue()
        self.stack = self._start()
        self.stack.evoke.db.write_now(self._staff)
        self.person = WebPerson(self.stack)
        self.person.open()
        self.person.say("yes")
        self.id = self.client.id
        self.deed(take_over)

    def _start(self) -> Stack:
        return self.make(dialogue=self.dialogue, clock=self.clock, **self.settings)

    def _staff(self, session: Session) -> None:
        for id_ in ("rivera", "okafor"):
            mail, name = f"{id_}@clinic.example", f"Dr {id_.title()}"
            row = Staff(id=id_, email=mail, name=name, role="clinician", password_hash="x", created_at=self.clock())
            session.add(row)

    @property
    def client(self) -> Client:
        talk = self.person.conversation_id
        return self.stack.read(lambda s: s.get_one(Client, s.get_one(Conversation, talk).client_id))

    def deed(self, deed: Callable[..., Any], by: str = "rivera") -> None:
        self.stack.evoke.db.write_now(lambda s: deed(s, self.stack.evoke.clinic, self.id, by, self.clock()))

    def types(self, text: str) -> None:
        """Dr Rivera writes, as the console does it."""

        def write(session: Session) -> None:
            answered(session, self.id, "rivera", "Answered in the chat", self.clock())
            client, clinic = session.get_one(Client, self.id), self.stack.evoke.clinic
            write_to_client(session, clinic, client, who="Dr Rivera", text=text, now=self.clock())

        self.stack.evoke.db.write_now(write)

    def waiting_cases(self) -> list[Case]:
        return self.stack.cases(self.person.conversation_id, "left_waiting")

    def notices(self) -> list[str]:
        return [row.text for row in self.stack.rows(self.person.conversation_id) if row.kind == "notice"]

    def audit(self) -> list[str]:
        return list(self.stack.read(lambda s: s.scalars(select(Audit.action).order_by(Audit.id)).all()))

    def duties_have_looked(self) -> None:
        """Everything that is due is done."""
        looks = self.stack.evoke.duties

        async def look() -> None:
            await looks.begin_due()

        self.stack.call(look())
        time.sleep(0.3)  # a look takes some milliseconds, and a waiting one looks at the clock every 50

    def restart(self) -> None:
        self.stack.stop()
        self.stack = self._start()
        self.person.move_to(self.stack)


@pytest.fixture
def chat(make_stack: Callable[..., Stack]) -> Iterator[Callable[..., Chat]]:
    made: list[Chat] = []

    def begin(now: datetime = MORNING, **settings: Any) -> Chat:
        made.append(Chat(make_stack, now, **settings))
        return made[-1]

    yield begin
    for one in made:
        one.person.close()


def nothing_yet(chat: Chat) -> bool:
    chat.duties_have_looked()
    return not chat.waiting_cases() and chat.client.taken_by == "rivera"


def test_after_ten_minutes_the_clinic_is_paged_and_the_client_is_told_so(chat):
    one = chat()
    one.types("Hello, I'm here.")
    one.clock.move(minutes=40)  # the client thinks; nobody waits for anything
    assert nothing_yet(one)
    one.person.say("are you still there?")
    one.clock.move(minutes=9)
    assert nothing_yet(one)
    one.clock.move(minutes=1)
    until(one.waiting_cases)
    assert [alert.route for alert in one.stack.alerts(one.person.conversation_id)] == ["console"]
    assert one.notices()[-1].startswith("Dr Rivera has not answered yet, so I'm asking Demo clinic")
    assert "988" in one.notices()[-1]
    assert one.client.taken_by == "rivera"
    assert "page_left_waiting" in one.audit()


def test_the_client_reads_it_without_having_to_write(chat):
    one = chat()
    one.person._new()
    one.clock.move(minutes=11)
    until(lambda: "has not answered yet" in joined(one.person._new()))


def test_a_promise_of_words_that_never_come_counts_as_waiting(chat):
    one = chat()
    one.clock.move(minutes=11)
    until(one.waiting_cases)
    assert len(one.notices()) == 2


def test_after_thirty_minutes_the_bot_is_back_and_says_who_knows(chat):
    one = chat()
    one.clock.move(minutes=11)
    until(one.waiting_cases)
    until(lambda: all(alert.sent_at for alert in one.stack.alerts(one.person.conversation_id)))
    one.clock.move(minutes=20)
    until(lambda: one.client.taken_by is None)
    assert "Dr Rivera has not been able to answer" in one.notices()[-1]
    assert "Demo clinic knows that you are waiting" in one.notices()[-1]
    assert one.audit()[-1] == "hand_back_left_waiting"
    assert "Tell me more" in joined(one.person.say("hello?"))
    assert one.waiting_cases()[0].closed_at is None, "only a person closes a case"


def test_while_no_page_got_through_the_client_is_not_told_that_the_clinic_knows(chat, tmp_path):
    file = tmp_path / "clinic.yml"
    file.write_text((ROOT / "clinic.yml").read_text(encoding="utf-8").split("notifications:")[0] + ROUTES)
    one = chat(clinic_file=file)
    one.clock.move(minutes=11)
    until(one.waiting_cases)
    one.clock.move(minutes=20)
    until(lambda: one.client.taken_by is None)
    assert "I have not reached anybody at Demo clinic yet" in one.notices()[-1]


def test_the_page_goes_out_at_any_hour_since_somebody_was_there_a_moment_ago(chat, tmp_path):
    file = tmp_path / "clinic.yml"
    file.write_text((ROOT / "clinic.yml").read_text(encoding="utf-8").split("notifications:")[0] + ROUTES)
    one = chat(SUNDAY_NIGHT, clinic_file=file)
    one.clock.move(minutes=11)
    until(one.waiting_cases)
    alerts = one.stack.alerts(one.person.conversation_id)
    assert {alert.route for alert in alerts} == {"console", "pager"}
    assert all(alert.due_at < SUNDAY_NIGHT + timedelta(hours=1) for alert in alerts)


def test_words_of_a_person_in_time_keep_everybody_quiet(chat):
    one = chat()
    one.clock.move(minutes=9)
    one.types("Sorry, I had a call.")
    one.clock.move(minutes=60)
    assert nothing_yet(one)
    assert len(one.notices()) == 1


def test_an_answer_after_the_page_closes_the_case_and_the_next_wait_is_paged_anew(chat):
    one = chat()
    one.clock.move(minutes=11)
    until(one.waiting_cases)
    one.types("I'm so sorry. I'm here.")
    case = one.waiting_cases()[0]
    assert (case.closed_by, case.outcome) == ("rivera", "Answered in the chat")
    one.clock.move(minutes=60)
    one.person.say("thank you. may i ask something?")
    one.clock.move(minutes=11)
    until(lambda: len(one.waiting_cases()) == 2)


def test_a_colleague_who_acknowledges_stops_the_pages_but_not_the_coming_back(chat):
    one = chat()
    one.clock.move(minutes=11)
    until(one.waiting_cases)
    case_id = one.waiting_cases()[0].id
    one.stack.evoke.db.write_now(lambda s: acknowledge(s, case_id, "okafor", one.clock()))
    one.clock.move(minutes=20)
    until(lambda: one.client.taken_by is None)


def test_handing_back_by_hand_ends_the_wait(chat):
    one = chat()
    one.clock.move(minutes=5)
    one.deed(hand_back, "okafor")
    one.clock.move(minutes=60)
    one.duties_have_looked()
    assert one.waiting_cases() == []


def test_the_case_is_as_urgent_as_the_risk_that_is_open(chat):
    one = chat()
    one.person.say("i want to kill myself")
    risk = one.stack.cases(one.person.conversation_id)[0]
    one.clock.move(minutes=11)
    until(one.waiting_cases)
    assert one.waiting_cases()[0].tier == risk.tier != "none"


def test_a_restart_and_a_long_sleep_of_the_machine_lose_nothing(chat):
    one = chat()
    one.clock.move(minutes=5)
    one.duties_have_looked()
    one.stack.stop()
    one.clock.move(minutes=90)
    one.restart()
    until(lambda: one.client.taken_by is None)
    assert len(one.waiting_cases()) == 1
    assert len(one.notices()) == 2, "one for the taking over and one for the coming back; the page's would be old news"


def test_a_clock_that_is_set_back_makes_nobody_wait_longer(chat):
    one = chat()
    one.duties_have_looked()
    one.clock.move(hours=-3)
    until(lambda: one.client.taken_by is None)
    assert len(one.waiting_cases()) == 1


def test_the_limits_are_the_clinic_s_own(chat, tmp_path):
    file = tmp_path / "clinic.yml"
    usual = (ROOT / "clinic.yml").read_text(encoding="utf-8")
    file.write_text(
        usual.replace("{page_minutes: 10, hand_back_minutes: 30}", "{page_minutes: 2, hand_back_minutes: 4}")
    )
    assert ClinicConfig.load(file).take_over.page_minutes == 2
    one = chat(clinic_file=file)
    one.clock.move(minutes=3)
    until(one.waiting_cases)
    one.clock.move(minutes=1)
    until(lambda: one.client.taken_by is None)
