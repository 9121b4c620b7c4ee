"""The diary: days and weeks, moving and cancelling."""

import re
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select

from bot.channels.files import FILES
from bot.clinic.config import ClinicConfig, Clinician
from bot.clinic.schedule import book
from bot.store.models import Appointment, Client, Conversation
from tests.fakes.console import NOW, audit, post, sign_in, stored, stored_messages


def appointment_id(clinic: Any) -> str:
    return clinic.db.read_now(lambda session: session.scalars(select(Appointment.id)).one())


async def test_the_week_shows_hours_closed_days_absences_and_appointments(browser, clinic):
    away = {"from": "2026-11-25", "to": "2026-11-25"}
    rivera = {**ClinicConfig.demo().clinicians[0].model_dump(by_alias=True), "absences": [away]}
    changes = {"holidays": frozenset({date(2026, 11, 26)}), "clinicians": (Clinician.model_validate(rivera),)}
    clinic.app.state.clinic = ClinicConfig.demo().model_copy(update=changes)
    await sign_in(browser, "front_desk")
    page = (await browser.get("/console/appointments?view=week&on=2026-11-27")).text
    days = dict(zip(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), page.split("<section")[1:], strict=True))
    assert "10:30" in days["Mon"]
    assert "Client ana" in days["Mon"]
    assert "Open 09:00–17:00" in days["Tue"]
    assert "Dr Rivera is away" in days["Wed"]
    assert "Holiday: closed" in days["Thu"]
    assert "Closed" in days["Sun"]
    day = (await browser.get("/console/appointments?view=day&on=2026-11-25")).text
    assert "Dr Rivera is away" in day
    assert "Dr Rivera 09:00–12:30" in (await browser.get("/console/appointments?on=2026-11-27")).text
    for odd in ("tomorrow", "9999-99-99", "0001-01-01", "9999-12-31"):
        assert (await browser.get("/console/appointments", params={"on": odd, "view": "week"})).status_code == 200


async def test_the_front_desk_moves_an_appointment_and_the_client_gets_the_new_calendar_file(browser, clinic):
    await sign_in(browser, "front_desk")
    appointment = appointment_id(clinic)
    address = f"/console/appointments/{appointment}/move"
    page = (await browser.get(address)).text
    offered = re.findall(r'name="slot" value="([^"]+)"><strong>([\d:]+)', page)
    assert offered[0][1] == "11:00"  # it is ten, and its own time is no new one
    slot = offered[-1][0]
    answer = await post(browser, address, slot=slot)
    moved = stored(clinic, Appointment, appointment)
    assert answer.headers["location"] == f"/console/appointments?on={moved.starts_at:%Y-%m-%d}"
    assert moved.sequence == 1
    assert moved.starts_at != datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
    last = stored_messages(clinic)[-1]
    assert last.text.startswith("Demo clinic has moved your appointment. It was Mon 23 Nov, 10:30.")
    assert last.payload["card"]["file"] == "appointment.ics"
    invitation = FILES["appointment.ics"]
    file, _ = clinic.db.read_now(lambda session: invitation(session, "talk", clinic.app.state.clinic, clinic.now))
    assert b"SEQUENCE:1" in file
    assert f"DTSTART:{moved.starts_at:%Y%m%dT%H%M%SZ}".encode() in file
    assert ("front_desk", "move_appointment", appointment) in audit(clinic)
    assert clinic.signals == ["talk"]


async def test_a_time_that_somebody_else_took_meanwhile_is_not_given_twice(browser, clinic):
    await sign_in(browser, "front_desk")
    appointment = appointment_id(clinic)
    address = f"/console/appointments/{appointment}/move"
    slot = re.findall(r'name="slot" value="([^"]+)"', (await browser.get(address)).text)[-1]

    def take(session: Any) -> None:
        session.add(Client(id="ben", created_at=NOW))
        session.flush()
        session.add(
            Conversation(id="ben-talk", client_id="ben", channel="web", address="y", created_at=NOW, updated_at=NOW)
        )
        session.flush()
        book(session, clinic.app.state.clinic, slot, client_id="ben", conversation_id="ben-talk", now=NOW, key="b")

    clinic.db.write_now(take)
    answer = await post(browser, address, slot=slot)
    assert answer.status_code == 409
    assert "has just been taken" in answer.text
    assert stored(clinic, Appointment, appointment).sequence == 0
    assert (await post(browser, address, slot="made-up")).status_code == 409
    assert (await browser.get("/console/appointments/none/move")).status_code == 404
