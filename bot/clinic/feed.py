"""A private calendar feed for each clinician: their appointments as an address that calendars subscribe to.

The address is the secret: it is made from the key of the home folder (`session.key`), and a new key makes new ones.
The feed says when and nothing else, so that a lost address tells nobody who comes or why.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, HTTPException, Request, Response
from icalendar import Calendar, Event
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig, Clinician
from bot.store.models import Appointment

BACK = timedelta(days=30)
router = APIRouter()


def token_of(key: str, clinician_id: str) -> str:
    """The secret part of a clinician's address: HMAC-SHA256 under the home folder's key."""
    digest = hmac.new(key.encode(), f"calendar feed of {clinician_id}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def address_of(key: str, public_url: str, clinician_id: str) -> str:
    return f"{public_url.rstrip('/')}/calendar/{token_of(key, clinician_id)}.ics"


def feed(session: Session, config: ClinicConfig, clinician: Clinician, now: datetime) -> bytes:
    """The booked appointments of a clinician, from BACK on, as an iCalendar object; method=PUBLISH."""
    query = select(Appointment).where(
        Appointment.clinician == clinician.id, Appointment.status == "booked", Appointment.ends_at > now - BACK
    )
    calendar = Calendar()
    calendar.add("prodid", "-//Evoke//Appointments//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", config.calendar_title)
    for appointment in session.scalars(query.order_by(Appointment.starts_at)):
        event = Event()
        event.add("uid", f"{appointment.id}@evoke.invalid")
        event.add("sequence", appointment.sequence)
        event.add("dtstamp", now.astimezone(UTC))
        event.add("dtstart", appointment.starts_at.astimezone(UTC))
        event.add("dtend", appointment.ends_at.astimezone(UTC))
        event.add("summary", config.calendar_title)
        event.add("class", "PRIVATE")
        calendar.add_component(event)
    return bytes(calendar.to_ical())


@router.get("/calendar/{token}.ics", include_in_schema=False)
async def calendar(token: str, request: Request) -> Response:
    """A clinician's feed; 404 for an address that is nobody's."""
    state = request.app.state
    found = None
    for clinician in state.clinic.clinicians:  # all of them, in the same time whichever fits
        if hmac.compare_digest(token_of(state.session_key, clinician.id).encode(), token.encode()):
            found = clinician
    if found is None:
        raise HTTPException(404, "There is no such calendar.")
    text = await state.db.read(lambda session: feed(session, state.clinic, found, state.clock()))
    return Response(text, media_type="text/calendar; charset=utf-8", headers={"Cache-Control": "no-store"})
