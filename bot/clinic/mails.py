"""Appointments by mail: the invitation, its updates, the cancellation, and a reminder; nothing about health in any.

The looks of `bot.duties` at appointments. What has to be sent follows from an appointment and its SEQUENCE; a row of
CalendarMail notes that it was. Mails leave by the server of the clinic's first mail route; without one there are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage

import aiosmtplib
import structlog
from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import Session

from bot.clinic.calendar import invitation
from bot.clinic.config import ClinicConfig
from bot.clinic.notices import words
from bot.clinic.routes import TIMEOUT_SECONDS, RouteFailed, send_mail
from bot.clinic.rules import check_email
from bot.clinic.schedule import label
from bot.duties import Clock, Duty
from bot.store.database import Database
from bot.store.models import Appointment, CalendarMail, Client

SETTLES = timedelta(minutes=1)
"""After a booking or a move: a client who changes their mind at once gets one mail."""
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(minutes=30)
LATE = timedelta(hours=2)
"""A reminder that could not go out in time is not sent later than this."""
log = structlog.get_logger(__name__)


class Mails:
    """The look "mail" (one mail about one appointment)."""

    def __init__(self, db: Database, config: ClinicConfig, clock: Clock) -> None:
        self.db, self.config, self.clock = db, config, clock
        self.server = next((route for route in config.notifications.routes if route.kind == "mail"), None)

    async def mail(self, appointment_id: str, kind: str, sequence: int) -> datetime | None:
        """Sends it if it is due. When to try (again), or None when it was sent or is no longer wanted."""
        now = self.clock()
        message = await self.db.read(lambda session: self._message(session, appointment_id, kind, sequence, now))
        if not isinstance(message, EmailMessage):
            return message
        error = None
        if message["To"] and self.server is not None:
            try:
                await send_mail(self.server, message, TIMEOUT_SECONDS)
            except (aiosmtplib.SMTPException, OSError, ValueError, RouteFailed) as failure:
                error = type(failure).__name__
        return await self.db.write(
            lambda session: self._note(session, appointment_id, kind, sequence, error, self.clock())
        )

    def called_for(self, session: Session, until: datetime) -> Iterator[Duty]:
        """Every invitation, cancellation and reminder that nobody has sent yet and that is due by then."""
        if self.server is None:
            return
        booked, cancelled = Appointment.status == "booked", Appointment.status == "cancelled"
        ahead = timedelta(hours=self._hours())
        wanted = (
            ("request", and_(booked, Appointment.updated_at <= until - SETTLES)),
            ("cancel", and_(cancelled, _was_sent("request"))),
            ("reminder", and_(booked, Appointment.starts_at <= until + ahead)),
        )
        for kind, condition in wanted if ahead else wanted[:2]:
            query = select(Appointment.id, Appointment.sequence).where(
                condition, Appointment.ends_at > until - timedelta(days=1), ~_is_over(kind)
            )
            for id_, sequence in session.execute(query):
                yield Duty(f"mail-{id_}-{kind}-{sequence}", "mail", (id_, kind, sequence))

    def _hours(self) -> int:
        return max(self.config.reminder_hours, default=0)

    def _message(
        self, session: Session, appointment_id: str, kind: str, sequence: int, now: datetime
    ) -> EmailMessage | datetime | None:
        appointment = session.get(Appointment, appointment_id)
        status = "cancelled" if kind == "cancel" else "booked"
        if appointment is None or appointment.status != status or appointment.sequence != sequence:
            return None
        if appointment.starts_at <= now:
            return None
        row = _row(session, appointment_id, kind, sequence)
        if row is not None and row.sent_at is not None:
            return None
        due = appointment.updated_at + SETTLES if kind == "request" else now
        if kind == "reminder":
            due = appointment.starts_at - timedelta(hours=self._hours())
            if now > due + LATE or appointment.updated_at > due:
                return None
        if row is not None:
            due = max(due, row.due_at)
        return due if due > now else self._written(session, appointment, kind, now)

    def _written(self, session: Session, appointment: Appointment, kind: str, now: datetime) -> EmailMessage:
        client = session.get_one(Client, appointment.client_id)
        clinician = self.config.clinician(appointment.clinician)
        own = _address(client.contact)
        staff = clinician.email if clinician and clinician.email and kind != "reminder" else None
        who = clinician.name if clinician else self.config.calendar_title
        zone = client.time_zone or self.config.time_zone
        again = "update" if kind == "request" and appointment.sequence > 0 else kind
        message = EmailMessage()
        message["From"] = self.server.sender if self.server else None
        if own or staff:
            message["To"] = ", ".join(address for address in (own, staff) if address)
        message["Subject"] = words(f"mail_{again}_subject").format(title=self.config.calendar_title)
        message["Message-ID"] = f"<{kind}-{appointment.id}-{appointment.sequence}@evoke.invalid>"
        message["Date"] = now
        text = words(f"mail_{again}").format(
            title=self.config.calendar_title, who=who, when=f"{label(appointment, zone)} ({zone})"
        )
        message.set_content(text.strip() + (f"\n{self.config.address}\n" if self.config.address else "\n"))
        if kind != "reminder":
            method = "CANCEL" if kind == "cancel" else "REQUEST"
            ics = invitation(appointment, self.config, now=now, method=method, attendee=own)  # type: ignore[arg-type]
            message.add_alternative(ics, maintype="text", subtype="calendar", params={"method": method})
        return message

    def _note(
        self, session: Session, appointment_id: str, kind: str, sequence: int, error: str | None, now: datetime
    ) -> datetime | None:
        if session.get(Appointment, appointment_id) is None:  # erased meanwhile
            return None
        row = _row(session, appointment_id, kind, sequence)
        if row is None:
            row = CalendarMail(appointment_id=appointment_id, kind=kind, sequence=sequence, attempts=0, created_at=now)
            session.add(row)
        row.attempts += 1
        row.error, row.sent_at, row.due_at = error, None if error else now, now
        if error is None:
            return None
        log.warning("mail_failed", appointment=appointment_id, kind=kind, attempts=row.attempts, error=error)
        row.due_at = now + min(FIRST_RETRY * 2 ** min(row.attempts - 1, 10), LONGEST_RETRY)
        return row.due_at


def _address(contact: str | None) -> str | None:
    """The client's contact where it is an address; a telephone number is none."""
    try:
        return check_email(contact.strip()) if contact and "@" in contact else None
    except ValueError:
        return None


def _row(session: Session, appointment_id: str, kind: str, sequence: int) -> CalendarMail | None:
    query = select(CalendarMail).where(
        CalendarMail.appointment_id == appointment_id, CalendarMail.kind == kind, CalendarMail.sequence == sequence
    )
    return session.scalars(query).first()


def _is_over(kind: str) -> ColumnElement[bool]:
    same = and_(CalendarMail.appointment_id == Appointment.id, CalendarMail.sequence == Appointment.sequence)
    return exists().where(same, CalendarMail.kind == kind, CalendarMail.sent_at.is_not(None))


def _was_sent(kind: str) -> ColumnElement[bool]:
    sent = and_(CalendarMail.sent_at.is_not(None), CalendarMail.kind == kind)
    return exists().where(CalendarMail.appointment_id == Appointment.id, sent)
