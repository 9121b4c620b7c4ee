"""Calendar invitations (RFC 5545, RFC 5546). They say when, where and with whom, and nothing about health."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from icalendar import Calendar, Event, vCalAddress, vText

from bot.clinic.config import ClinicConfig
from bot.store.models import Appointment


def invitation(
    appointment: Appointment,
    config: ClinicConfig,
    *,
    now: datetime,
    method: Literal["REQUEST", "CANCEL"] = "REQUEST",
    attendee: str | None = None,
) -> bytes:
    """An appointment as an iCalendar object, to be attached or downloaded as text/calendar; method=REQUEST.

    The UID stays and the SEQUENCE grows over moves and the cancellation, so that calendars replace what they
    have (RFC 5546, 2.1.4). Times are in UTC and need no time zone table.

    Args:
        method: REQUEST for a booking or a move, CANCEL for a cancellation.
        attendee: the client's e-mail address, where the client gave one.
    """
    clinician = config.clinician(appointment.clinician)
    with_whom = clinician.name if clinician else config.name
    event = Event()
    event.add("uid", f"{appointment.id}@evoke.invalid")
    event.add("sequence", appointment.sequence)
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", appointment.starts_at.astimezone(UTC))
    event.add("dtend", appointment.ends_at.astimezone(UTC))
    event.add("summary", f"{config.calendar_title}: {with_whom}")
    event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    event.add("class", "PRIVATE")
    event.add("transp", "OPAQUE")
    if config.address:
        event.add("location", config.address)
    staff_address = clinician.email if clinician and clinician.email else config.email
    organizer = config.email or staff_address or "noreply@evoke.invalid"  # RFC 5546 wants one
    event.add("organizer", _address(organizer, config.calendar_title))
    event.add("attendee", _address(staff_address or organizer, with_whom, PARTSTAT="ACCEPTED"))
    if attendee is not None:
        event.add("attendee", _address(attendee, None, PARTSTAT="NEEDS-ACTION", RSVP="TRUE"))

    calendar = Calendar()
    calendar.add("prodid", "-//Evoke//Appointments//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _address(email: str, name: str | None, **parameters: str) -> vCalAddress:
    address = vCalAddress(f"mailto:{email}")
    for parameter, value in {"CN": name, "ROLE": "REQ-PARTICIPANT", **parameters}.items():
        if value is not None:
            address.params[parameter] = vText(value)
    return address
