"""The appointments of the next weeks, by day in the clinic's own time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic.notices import cancel_for_clinic
from bot.clinic.schedule import AppointmentNotFound
from bot.console.desk import Desk, Refused, seen
from bot.store.models import Appointment, Audit, Client

LOOK_BACK = timedelta(hours=12)


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the pages."""

    @pages.get("/appointments")
    async def appointments_page(request: Request) -> Response:
        visitor = await desk.visitor(request, "see_appointments")
        now, clinic = desk.now(), desk.clinic

        def load(session: Session) -> dict[Any, list[dict[str, Any]]]:
            desk.audit(session, visitor, "view_appointments")
            query = (
                select(Appointment, Client)
                .join(Client, Client.id == Appointment.client_id)
                .where(Appointment.slot_key.is_not(None), Appointment.ends_at > now - LOOK_BACK)
                .order_by(Appointment.starts_at, Appointment.clinician)
            )
            days: dict[Any, list[dict[str, Any]]] = {}
            for appointment, client in session.execute(query):
                if appointment.held_until is not None and appointment.held_until <= now:
                    continue
                clinician, kind = clinic.clinician(appointment.clinician), clinic.kind(appointment.kind)
                days.setdefault(appointment.starts_at.astimezone(clinic.zone).date(), []).append(
                    {
                        "appointment": appointment,
                        "who": client.name or f"Client {client.id[:6]}",
                        "contact": client.contact or "",
                        "with_whom": clinician.name if clinician else appointment.clinician,
                        "what": kind.title if kind else appointment.kind,
                        "past": appointment.starts_at <= now,
                    }
                )
            return days

        return desk.page("appointments.html", visitor, days=await desk.write(load))

    @pages.post("/appointments/{appointment_id}/cancel")
    async def cancel(appointment_id: str, request: Request) -> Response:
        visitor = await desk.visitor(request, "cancel_appointment")
        await desk.form(request, visitor.visit)
        now = desk.now()

        def work(session: Session) -> str | None:
            session.add(Audit(at=now, staff_id=visitor.id, action="cancel_appointment", subject=appointment_id))
            return cancel_for_clinic(session, desk.clinic, appointment_id, now=now)

        try:
            desk.signal(await desk.write(work))
        except AppointmentNotFound:
            raise Refused(404, "No such appointment", "Somebody may have cancelled it already.") from None
        return seen("/console/appointments")
