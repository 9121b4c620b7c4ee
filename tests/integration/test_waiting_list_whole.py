"""From no free time, through the waiting list, to a booked appointment: the real dialogue, and the staff's page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from bot.clinic import waiting_list
from bot.clinic.schedule import book, cancel, free_slots
from bot.reaching_out import reach_out
from bot.settings import ROOT
from bot.store.models import Appointment, Client, Conversation, Message, WaitingPlace
from tests.contract.clients import WebPerson, joined
from tests.fakes.console import audit, post, sign_in, stored_messages
from tests.fakes.stack import Stack


def one_time_only(folder: Path) -> Path:
    """The demo clinic with a single half hour, the day after tomorrow."""
    day = (datetime.now(UTC) + timedelta(days=2)).date()
    before, rest = (ROOT / "clinic.yml").read_text(encoding="utf-8").split("opening_hours:")
    after = rest[rest.index("appointment_kinds:") :]
    when = f'{{rule: FREQ=DAILY, starting: {day}, until: {day}, from: "12:00", to: "12:30"}}'
    hours = 'opening_hours: [{rule: FREQ=DAILY, starting: 2026-01-01, from: "00:00", to: "24:00"}]\n'
    who = f"clinicians: [{{id: rivera, name: Dr Rivera, availability: [{when}]}}]\n"
    file = folder / "clinic.yml"
    file.write_text(f"{before}{hours}{who}{after}", encoding="utf-8")
    return file


@pytest.fixture
def waiting(make_stack: Callable[..., Stack], model: Path, tmp_path: Path) -> Iterator[tuple[Stack, WebPerson]]:
    """A client who wants to talk to a person, at a clinic whose only time is another's."""
    stack = make_stack(model=model, clinic_file=one_time_only(tmp_path))
    other, person = WebPerson(stack), WebPerson(stack)
    for one in (other, person):
        one.open()
        one.say("yes")

    def take(session: Session) -> None:
        talk, now = session.get_one(Conversation, other.conversation_id), stack.clock()
        slot = free_slots(session, stack.evoke.clinic, now=now)[0]
        keys: dict[str, Any] = {"client_id": talk.client_id, "conversation_id": talk.id, "now": now, "key": "k"}
        book(session, stack.evoke.clinic, slot.id, **keys)

    stack.evoke.db.write_now(take)
    stack.other = other  # type: ignore[attr-defined]
    yield stack, person
    for one in (other, person):
        one.close()


def comes_free(stack: Stack) -> None:
    """The other client cancels, and some minutes pass."""
    evoke, talk = stack.evoke, stack.other.conversation_id  # type: ignore[attr-defined]
    evoke.db.write_now(lambda session: cancel(session, stack.appointments(talk)[0].id, now=stack.clock()))
    stack.call(reach_out(evoke.db, evoke.clinic, evoke.bus, stack.clock() + timedelta(minutes=3)))


def on_list(stack: Stack, person: WebPerson) -> bool:
    def look(session: Session) -> bool:
        return session.get(WaitingPlace, session.get_one(Conversation, person.conversation_id).client_id) is not None

    return stack.read(look)


def test_from_no_free_time_over_the_waiting_list_to_an_appointment(waiting):
    stack, person = waiting
    told = person.say("I want to talk to a person")
    assert "waiting list at Demo clinic" in joined(told)
    assert told[-1].choices[:1] == ("Yes, please",)
    assert len(stack.cases(person.conversation_id, "wish")) == 1
    assert "You're on the waiting list" in joined(person.say("yes please"))  # typed, not pressed
    assert "You are number 1" in joined(person.say("am I still on the waiting list?"))
    comes_free(stack)
    offer = person._new()
    assert "A time has come free at Demo clinic" in joined(offer)
    assert "name" in joined(person.say("yes, that works")).lower()
    person.say("Kim")
    booked = joined(person.say("skip"))
    held = stack.appointments(person.conversation_id)
    assert [one.status for one in held] == ["booked"], booked
    stack.call(reach_out(stack.evoke.db, stack.evoke.clinic, stack.evoke.bus, stack.clock() + timedelta(minutes=9)))
    assert not on_list(stack, person)


def test_a_no_to_the_list_is_taken_and_a_no_to_an_offer_keeps_the_place(waiting):
    stack, person = waiting
    person.say("can I talk to a human?")
    assert "You are not on the waiting list" in joined(person.say("no thanks"))
    assert not on_list(stack, person)
    assert "put you on the waiting list" in joined(person.say("waiting list"))
    person.press("Yes, please")
    comes_free(stack)
    person._new()
    assert "You stay on the waiting list" in joined(person.say("no, that doesn't suit me"))
    assert [one.status for one in stack.appointments(person.conversation_id)] == ["cancelled"]
    assert on_list(stack, person)


# The console


def put_on_list(clinic: Any, *, offered: bool = False) -> None:
    def put(session: Session) -> None:
        session.get_one(Client, "ana").consent_version = "1"
        session.get_one(Message, 1).answered_at = clinic.now
        appointment = session.query(Appointment).one()
        cancel(session, appointment.id, now=clinic.now)
        waiting_list.join(session, clinic.app.state.clinic, "ana", clinic.now)
        session.get_one(WaitingPlace, "ana").known = []
        if offered:
            waiting_list.look(session, clinic.app.state.clinic, clinic.now + timedelta(minutes=5))

    clinic.db.write_now(put)


async def test_the_front_desk_sees_who_waits_and_what_was_offered(browser, clinic):
    await sign_in(browser, "front_desk")
    assert "Nobody is on the waiting list" in (await browser.get("/console/waiting-list")).text
    put_on_list(clinic, offered=True)
    page = (await browser.get("/console/waiting-list")).text
    assert "1. Client ana" in page
    assert "Offered Mon 23 Nov 2026, 10:30 with Dr Rivera" in page
    assert "Waiting list (1)" in (await browser.get("/console/appointments")).text
    assert ("front_desk", "view_waiting_list", "") in audit(clinic)


async def test_taking_somebody_off_the_list_is_told_to_them_and_noted(browser, clinic):
    put_on_list(clinic)
    await sign_in(browser, "front_desk")
    await post(browser, "/console/waiting-list/ana/take-off")
    assert "Nobody is on the waiting list" in (await browser.get("/console/waiting-list")).text
    assert stored_messages(clinic)[-1].text.startswith("Demo clinic has taken you off the waiting list")
    assert ("front_desk", "take_off_waiting_list", "ana") in audit(clinic)
    assert clinic.signals == ["talk"]
    assert (await post(browser, "/console/waiting-list/nobody/take-off")).status_code == 303
