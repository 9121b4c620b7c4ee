"""The clinic's days as staff see them: opening hours, who is there and who is away, and every appointment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.clinic.rules import windows
from bot.clinic.slots import Slot, slots_on
from bot.store.models import Appointment, Client

Window = tuple[datetime, datetime]


@dataclass(frozen=True)
class Present:
    """A clinician on a day: when they see clients, or that they are away."""

    name: str
    windows: tuple[Window, ...]
    away: bool


@dataclass(frozen=True)
class Entry:
    """An appointment in the diary."""

    appointment: Appointment
    client: Client
    what: str
    over: bool


@dataclass(frozen=True)
class Day:
    """One day at the clinic. `opening` is empty when it is closed."""

    day: date
    opening: tuple[Window, ...]
    holiday: bool
    present: tuple[Present, ...]
    entries: tuple[Entry, ...]

    @property
    def live(self) -> tuple[Entry, ...]:
        """The entries that are not cancelled."""
        return tuple(entry for entry in self.entries if entry.appointment.slot_key is not None)


def diary(session: Session, config: ClinicConfig, first: date, days: int, now: datetime) -> list[Day]:
    """The days from `first` on, in the clinic's own time."""
    begins = datetime.combine(first, time(), config.zone)
    ends = datetime.combine(first + timedelta(days=days), time(), config.zone)
    query = (
        select(Appointment, Client)
        .join(Client, Client.id == Appointment.client_id)
        .where(Appointment.starts_at >= begins, Appointment.starts_at < ends, Appointment.status.in_(_SHOWN))
        .order_by(Appointment.starts_at, Appointment.clinician)
    )
    entries: dict[date, list[Entry]] = {}
    for appointment, client in session.execute(query):
        if appointment.held_until is not None and appointment.held_until <= now:
            continue
        kind = config.kind(appointment.kind)
        day = appointment.starts_at.astimezone(config.zone).date()
        entry = Entry(appointment, client, kind.title if kind else appointment.kind, appointment.ends_at <= now)
        entries.setdefault(day, []).append(entry)
    every = (first + timedelta(days=offset) for offset in range(days))
    return [_day(config, day, entries.get(day, [])) for day in every]


def next_entry(session: Session, now: datetime) -> Appointment | None:
    """The next appointment that is booked, on whatever day."""
    query = select(Appointment).where(Appointment.status == "booked", Appointment.starts_at > now)
    return session.scalars(query.order_by(Appointment.starts_at).limit(1)).first()


def free_for(
    session: Session, config: ClinicConfig, appointment: Appointment, first: date, days: int, now: datetime
) -> dict[date, list[Slot]]:
    """Where an appointment could move to: every free slot of its kind, with every clinician, day by day.

    Staff can give times that are sooner than the lead time that clients are offered.
    """
    kind = config.kind(appointment.kind) or config.kind_for(None)
    taken = select(Appointment).where(
        Appointment.slot_key.is_not(None), Appointment.ends_at > now, Appointment.id != appointment.id
    )
    busy: dict[str, list[Window]] = {}
    for other in session.scalars(taken):
        if other.held_until is None or other.held_until > now:
            busy.setdefault(other.clinician, []).append((other.starts_at, other.ends_at))
    last = now.astimezone(config.zone).date() + timedelta(days=config.booking_horizon_days)
    found = {}
    for day in (first + timedelta(days=offset) for offset in range(days)):
        free = [slot for slot in slots_on(config, kind, day) if slot.starts_at > now and _is_free(slot, busy)]
        own = (appointment.clinician, appointment.starts_at)
        free = [slot for slot in free if (slot.clinician, slot.starts_at) != own]
        if free and day <= last:
            found[day] = free
    return found


_SHOWN = ("booked", "held", "cancelled")


def _is_free(slot: Slot, busy: dict[str, list[Window]]) -> bool:
    return not any(slot.starts_at < ends and begins < slot.ends_at for begins, ends in busy.get(slot.clinician, ()))


def _day(config: ClinicConfig, day: date, entries: list[Entry]) -> Day:
    holiday = day in config.holidays
    opening = () if holiday else tuple(sorted(_utc(windows(config.opening_hours, day, config.zone))))
    present = []
    for clinician in config.clinicians:
        hours = tuple(sorted(_utc(windows(clinician.availability, day, config.zone))))
        away = clinician.is_away(day)
        if opening and (hours or away):
            present.append(Present(clinician.name, hours, away))
    return Day(day, opening, holiday, tuple(present), tuple(entries))


def _utc(found: object) -> list[Window]:
    return [(begins.astimezone(UTC), ends.astimezone(UTC)) for begins, ends in found]  # type: ignore[attr-defined]
