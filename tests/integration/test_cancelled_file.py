"""An appointment that the clinic cancels goes out of the client's calendar: the file as it is delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from icalendar import Calendar
from sqlalchemy.orm import Session

from bot.clinic.notices import cancel_for_clinic
from bot.clinic.schedule import book, free_slots, hold
from bot.store.models import Appointment, Conversation
from tests.conftest import TOKEN
from tests.contract.clients import Person, TelegramPerson, WebPerson
from tests.fakes.dialogue import FakeDialogue
from tests.fakes.stack import Stack, until
from tests.fakes.telegram_api import TelegramApi


@pytest.fixture
def someone(
    make_stack: Callable[..., Stack], dialogue: FakeDialogue, own_telegram_api: TelegramApi
) -> Iterator[Callable[[str], tuple[Stack, Person]]]:
    made: list[Person] = []

    def begin(channel: str) -> tuple[Stack, Person]:
        on_telegram = {"telegram_token": TOKEN, "telegram_base_url": own_telegram_api.base_url}
        stack = make_stack(dialogue=dialogue, **(on_telegram if channel == "telegram" else {}))
        made.append(TelegramPerson(stack, own_telegram_api) if channel == "telegram" else WebPerson(stack))
        made[-1].open()
        made[-1].say("yes")
        return stack, made[-1]

    yield begin
    for person in made:
        person.close()


def take(stack: Stack, person: Person, deed: Callable[..., Appointment]) -> str:
    """Books or holds the first free time."""

    def write(session: Session) -> str:
        talk, now = session.get_one(Conversation, person.conversation_id), stack.clock()
        slot = free_slots(session, stack.evoke.clinic, now=now)[0]
        keys: dict[str, Any] = {"client_id": talk.client_id, "conversation_id": talk.id, "now": now, "key": "k"}
        return deed(session, stack.evoke.clinic, slot.id, **keys).id

    return stack.evoke.db.write_now(write)


def cancelled(stack: Stack, appointment_id: str) -> None:
    """As the console does it."""
    clinic = stack.evoke.clinic
    news = stack.evoke.db.write_now(lambda s: cancel_for_clinic(s, clinic, appointment_id, now=stack.clock()))

    async def signal() -> None:
        stack.evoke.bus.signal(news)

    stack.call(signal())


def event_of(file: bytes) -> tuple[str, Any]:
    """The method of a calendar file, and its event."""
    calendar = Calendar.from_ical(file)
    return str(calendar["METHOD"]), calendar.walk("VEVENT")[0]


def download(person: WebPerson, name: str) -> bytes:
    path = f"/conversations/{person.conversation_id}/files/{name}"
    return bytes(person.http.get(path).raise_for_status().content)


def test_on_the_web_the_card_s_file_takes_it_out_of_the_calendar(someone):
    stack, person = someone("web")
    appointment_id = take(stack, person, book)
    method, before = event_of(download(person, "appointment.ics"))
    assert method == "REQUEST"
    cancelled(stack, appointment_id)
    row = stack.rows(person.conversation_id)[-1]
    assert row.text.startswith("Demo clinic had to cancel your appointment")
    assert row.payload["card"]["title"] == "Cancelled"
    method, after = event_of(download(person, row.payload["card"]["file"]))
    assert (method, after["STATUS"]) == ("CANCEL", "CANCELLED")
    assert after["UID"] == before["UID"]
    assert int(after["SEQUENCE"]) > int(before["SEQUENCE"])
    assert (after["ORGANIZER"], after["DTSTART"].dt) == (before["ORGANIZER"], before["DTSTART"].dt)


def test_on_telegram_the_file_itself_is_sent(someone, own_telegram_api):
    stack, person = someone("telegram")
    appointment_id = take(stack, person, book)
    cancelled(stack, appointment_id)
    until(lambda: any(sent.file for sent in own_telegram_api.sent_to(person.chat)), seconds=60)
    name, content = next(sent.file for sent in own_telegram_api.sent_to(person.chat) if sent.file)
    method, event = event_of(content)
    assert (name, method) == (f"cancelled-{appointment_id[:8]}.ics", "CANCEL")
    assert event["UID"] == f"{appointment_id}@evoke.invalid"


def test_a_time_that_was_only_held_needs_no_file(someone):
    stack, person = someone("web")
    cancelled(stack, take(stack, person, hold))
    assert "card" not in stack.rows(person.conversation_id)[-1].payload


def test_nobody_gets_the_file_of_somebody_else_s_appointment(someone):
    stack, person = someone("web")
    appointment_id = take(stack, person, book)
    cancelled(stack, appointment_id)
    other = WebPerson(stack)
    other.open()
    for name in (f"cancelled-{appointment_id[:8]}.ics", "cancelled-%25%25%25%25%25%25%25%25.ics"):
        assert other.http.get(f"/conversations/{other.conversation_id}/files/{name}").status_code == 404
    other.close()
