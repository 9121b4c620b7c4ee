"""The times that a clinic's rules offer, taken or not: worked out from the settings alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.clinic.config import AppointmentKind, ClinicConfig, Clinician
from bot.clinic.rules import windows
from bot.store.models import Appointment

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Slot:
    """A time that can be offered. `id` is the same whenever it is worked out, and at most 24 characters."""

    id: str
    clinician: str
    clinician_name: str
    kind: str
    starts_at: datetime
    ends_at: datetime


def slots_on(config: ClinicConfig, kind: AppointmentKind, day: date) -> list[Slot]:
    """Every slot of a kind that the clinic's rules give on a day, taken or not, soonest first."""
    if day in config.holidays:
        return []
    opening = list(windows(config.opening_hours, day, config.zone))
    found: dict[str, Slot] = {}
    for clinician in config.clinicians:
        for slot in _slots_of(config, clinician, kind, day):
            if any(
                begins.astimezone(UTC) <= slot.starts_at and slot.ends_at <= ends.astimezone(UTC)
                for begins, ends in opening
            ):
                found[slot.id] = slot
    return sorted(found.values(), key=lambda slot: slot.starts_at)


def _slots_of(config: ClinicConfig, clinician: Clinician, kind: AppointmentKind, day: date) -> Iterator[Slot]:
    """A clinician's slots on a day, counted in UTC from each window's start, so that lengths are real."""
    if clinician.is_away(day):
        return
    length = timedelta(minutes=kind.minutes)
    for begins, ends in windows(clinician.availability, day, config.zone):
        starts_at, last = begins.astimezone(UTC), ends.astimezone(UTC) - length
        while starts_at <= last:
            id_ = _slot_id(clinician.id, kind.id, starts_at)
            yield Slot(id_, clinician.id, clinician.name, kind.id, starts_at, starts_at + length)
            starts_at += length


def _slot_id(clinician: str, kind: str, starts_at: datetime) -> str:
    """Minutes since 1970 in base 36, and a digest of who and what: short, stable, and it names nobody."""
    number, digits = int(starts_at.timestamp()) // 60, ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return f"{digits}-{hashlib.sha256(f'{clinician}|{kind}'.encode()).hexdigest()[:10]}"


def find_slot(config: ClinicConfig, slot_id: str, *, now: datetime) -> Slot | None:
    """The slot with this id, free or not; None when it is past, made up, or no longer offered."""
    try:
        minutes, _, _ = slot_id.partition("-")
        starts_at = datetime.fromtimestamp(int(minutes, 36) * 60, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    day = starts_at.astimezone(config.zone).date()
    horizon = now + timedelta(days=config.booking_horizon_days + 1)
    if not now < starts_at < horizon:
        return None
    for kind in config.appointment_kinds:
        for slot in slots_on(config, kind, day):
            if slot.id == slot_id:
                return slot
    return None


def on_offer(slot: Slot, zone: str) -> dict[str, str]:
    """A free time as channels show it, in a client's time zone."""
    return {
        "id": slot.id,
        "starts_at": slot.starts_at.isoformat(),
        "ends_at": slot.ends_at.isoformat(),
        "with": slot.clinician_name,
        "label": label(slot, zone),
    }


def label(slot: Slot | Appointment, zone: str) -> str:
    """When it begins, as `moment` says it."""
    return moment(slot.starts_at, zone)


def moment(at: datetime, zone: str) -> str:
    """A moment in a time zone: "Tue 24 Nov, 10:00"; in UTC, and saying so, for an unknown zone."""
    try:
        local, suffix = at.astimezone(ZoneInfo(zone)), ""
    except (KeyError, ValueError, OSError):  # what ZoneInfo raises for names that are none
        local, suffix = at.astimezone(UTC), " UTC"
    day = f"{WEEKDAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]}"
    return f"{day}, {local:%H:%M}{suffix}"
