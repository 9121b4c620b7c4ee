"""A clinician's busy times, read from their own calendar's iCalendar address (RFC 5545).

Read every ten minutes and kept in a table, so that offering times needs no network, and a calendar that is away leaves
what was read last. Only beginnings and ends are kept: no titles, no people.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import httpx
import recurring_ical_events
import structlog
from icalendar import Calendar
from sqlalchemy import delete
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.duties import AHEAD, Clock, Duty
from bot.store.database import Database
from bot.store.models import BusyTime

EVERY = timedelta(minutes=10)
TIMEOUT_SECONDS = 15.0
MOST_BYTES = 5_000_000
OWN_UID = "@evoke.invalid"
"""Evoke's own invitations come back in a clinician's calendar; their times are taken already."""
log = structlog.get_logger(__name__)
Span = tuple[datetime, datetime]


class BusyTimes:
    """The look "busy" (one clinician's calendar, once)."""

    def __init__(self, db: Database, config: ClinicConfig, clock: Clock) -> None:
        self.db, self.config, self.clock = db, config, clock

    async def busy(self, clinician_id: str, _window: str) -> datetime | None:
        """Reads the calendar anew. One that cannot be read leaves what there was."""
        clinician = self.config.clinician(clinician_id)
        address = os.environ.get(clinician.calendar_env, "") if clinician and clinician.calendar_env else ""
        if not address:
            log.warning("calendar_unset", clinician=clinician_id)
            return None
        try:
            text = await _fetch(address)
            spans = await asyncio.to_thread(busy_spans, text, self.config, self.clock())
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("calendar_unread", clinician=clinician_id, why=type(error).__name__)
            return None

        def keep(session: Session) -> None:
            session.execute(delete(BusyTime).where(BusyTime.clinician == clinician_id))
            session.add_all(BusyTime(clinician=clinician_id, starts_at=begins, ends_at=ends) for begins, ends in spans)

        await self.db.write(keep)
        return None

    def called_for(self, session: Session, until: datetime) -> Iterator[Duty]:
        """One reading in each window of EVERY."""
        minutes = int((until - AHEAD).timestamp() // EVERY.total_seconds())
        for clinician in self.config.clinicians:
            if clinician.calendar_env:
                yield Duty(f"busy-{clinician.id}-{minutes}", "busy", (clinician.id, str(minutes)), once=True)


def busy_spans(text: bytes, config: ClinicConfig, now: datetime) -> list[Span]:
    """When a calendar says busy, from today to the end of what can be booked, repeated events unfolded.

    Raises:
        ValueError: it is no calendar.
    """
    calendar = Calendar.from_ical(text)
    until = now + timedelta(days=config.booking_horizon_days + 1)
    spans = set()
    for found in recurring_ical_events.of(calendar).between(now - timedelta(days=1), until):
        if str(found.get("transp", "OPAQUE")) == "TRANSPARENT" or str(found.get("status", "")) == "CANCELLED":
            continue
        if str(found.get("uid", "")).endswith(OWN_UID):
            continue
        begins = _moment(found.decoded("dtstart"), config)
        ends = _moment(found.decoded("dtend"), config) if "dtend" in found else begins
        if ends > begins:
            spans.add((begins, ends))
    return sorted(spans)


def _moment(value: Any, config: ClinicConfig) -> datetime:
    """A whole day begins at midnight at the clinic; so does a time without a zone count there."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=config.zone)).astimezone(UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), config.zone).astimezone(UTC)
    raise ValueError(f"{value!r} is no time")


async def _fetch(address: str) -> bytes:
    """The calendar's text, of at most MOST_BYTES.

    Raises:
        httpx.HTTPError: it does not answer with one.
        ValueError: it is too long.
    """
    address = address.replace("webcal://", "https://", 1)
    async with (
        httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=True) as http,
        http.stream("GET", address) as answer,
    ):
        answer.raise_for_status()
        text = b""
        async for part in answer.aiter_bytes():
            text += part
            if len(text) > MOST_BYTES:
                raise ValueError("the calendar is too long")
    return text
