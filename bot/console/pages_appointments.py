"""Appointments by day and by week, in the clinic's own time; moving and cancelling them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from bot.clinic.diary import diary, free_for, next_entry
from bot.clinic.notices import cancel_for_clinic, move_for_clinic
from bot.clinic.schedule import AppointmentNotFound, SlotTaken
from bot.clinic.waiting_list import in_line
from bot.console.desk import Desk, Refused, Visitor, seen
from bot.console.talks import called
from bot.store.models import Appointment, Audit, Client

MOVE_DAYS = 7
"""Days of free times that are offered at once."""


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""

    @pages.get("/appointments")
    async def appointments_page(request: Request, view: str = "day", on: str = "") -> Response:
        visitor = await desk.visitor(request, "see_appointments")
        now = desk.now()
        today = now.astimezone(desk.clinic.zone).date()
        day = _date(on, today)
        week = view == "week"
        first = day - timedelta(days=day.weekday()) if week else day

        def load(session: Session) -> dict[str, Any]:
            desk.audit(session, visitor, "view_appointments")
            days = diary(session, desk.clinic, first, 7 if week else 1, now)
            return {"days": days, "next_one": next_entry(session, now), "in_line": len(in_line(session))}

        found = await desk.write(load)
        step = timedelta(days=7 if week else 1)
        around: dict[str, Any] = {"before": first - step, "after": first + step, "today": today, "day": day}
        return desk.page("appointments.html", visitor, week=week, called=called, **around, **found)

    @pages.post("/appointments/{appointment_id}/cancel")
    async def cancel(appointment_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "cancel_appointment")
        fields, now = await desk.form(request, visitor.visit), desk.now()

        def work(session: Session) -> str | None:
            session.add(Audit(at=now, staff_id=visitor.id, action="cancel_appointment", subject=appointment_id))
            return cancel_for_clinic(session, desk.clinic, appointment_id, now=now)

        try:
            desk.signal(await desk.write(work))
        except AppointmentNotFound:
            raise _no_such_appointment() from None
        desk.touch()
        return seen(_back(fields))

    @pages.get("/appointments/{appointment_id}/move")
    async def move_page(appointment_id: str, request: Request, on: str = "") -> Response:
        visitor = await desk.visitor(request, "move_appointment")
        return await show_move(visitor, appointment_id, on)

    @pages.post("/appointments/{appointment_id}/move")
    async def move(appointment_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "move_appointment")
        fields, now = await desk.form(request, visitor.visit), desk.now()

        def work(session: Session) -> tuple[str | None, date]:
            news = move_for_clinic(session, desk.clinic, appointment_id, fields.get("slot", ""), now=now)
            session.add(Audit(at=now, staff_id=visitor.id, action="move_appointment", subject=appointment_id))
            moved = session.get_one(Appointment, appointment_id)
            return news, moved.starts_at.astimezone(desk.clinic.zone).date()

        try:
            news, day = await desk.write(work)
        except AppointmentNotFound:
            raise _no_such_appointment() from None
        except SlotTaken:
            error = "That time has just been taken. Choose another one."
            return await show_move(visitor, appointment_id, "", status=409, error=error)
        desk.signal(news)
        desk.touch()
        return seen(f"/console/appointments?on={day}")

    async def show_move(
        visitor: Visitor, appointment_id: str, on: str, *, status: int = 200, error: str = ""
    ) -> Response:
        now = desk.now()
        today = now.astimezone(desk.clinic.zone).date()
        first = max(_date(on, today), today)

        def load(session: Session) -> dict[str, Any] | None:
            appointment = session.get(Appointment, appointment_id)
            if appointment is None or appointment.slot_key is None:
                return None
            desk.audit(session, visitor, "view_free_times", appointment_id)
            free = free_for(session, desk.clinic, appointment, first, MOVE_DAYS, now)
            client = session.get_one(Client, appointment.client_id)
            return {"appointment": appointment, "who": called(client), "free": free}

        found = await desk.write(load)
        if found is None:
            raise _no_such_appointment()
        last = today + timedelta(days=desk.clinic.booking_horizon_days)
        later = first + timedelta(days=MOVE_DAYS)
        around: dict[str, Any] = {
            "earlier": first - timedelta(days=MOVE_DAYS),
            "later": later,
            "more": later <= last,
            "first": first,
        }
        return desk.page("move.html", visitor, status=status, error=error, today=today, **around, **found)


def _date(written: str, otherwise: date) -> date:
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return otherwise
    return day if 2000 <= day.year <= 2100 else otherwise


def _back(fields: Any) -> str:
    """The day or week that the form stood on."""
    day = _date(fields.get("on", ""), date.min)
    view = "week" if fields.get("view") == "week" else "day"
    return f"/console/appointments?view={view}" + ("" if day == date.min else f"&on={day}")


def _no_such_appointment() -> Refused:
    return Refused(404, "No such appointment", "Somebody may have cancelled it already.")
