"""Appointments: which slots are free, and holding, booking, moving and cancelling them.

Every function takes the caller's SQLAlchemy session and leaves the commit to it, so that a booking and the
reply that tells the client about it are kept or lost together. Two clients never get the same time: a taking
begins with a write to the clinician's rows (SQLite then lets nobody else write; PostgreSQL gets a lock on the
clinician), looks for overlaps, and the table's unique `slot_key` stands behind that.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.clinic.slots import Slot, find_slot, label, moment, on_offer, slots_on
from bot.store.models import Appointment, BusyTime

__all__ = [
    "AppointmentNotFound",
    "Slot",
    "SlotTaken",
    "book",
    "cancel",
    "find_slot",
    "free_slots",
    "hold",
    "label",
    "let_go_if_over",
    "moment",
    "move",
    "on_offer",
    "upcoming",
]


class SlotTaken(Exception):
    """The slot is no longer free: taken, past, or not offered any more."""


class AppointmentNotFound(LookupError):
    """No such appointment, or it was cancelled."""


def free_slots(
    session: Session,
    config: ClinicConfig,
    *,
    now: datetime,
    tier: str | None = None,
    limit: int = 3,
    after: datetime | None = None,
) -> list[Slot]:
    """The first free slots, soonest first, each at a different time.

    Args:
        tier: of the client's open case, which picks the kind of appointment and its lead time; None for no
            case.
        limit: at most so many.
        after: only slots that start later than this, for "show me more".
    """
    kind = config.kind_for(tier)
    earliest = now + timedelta(minutes=kind.lead_minutes)
    taken = _taken(session, now)
    found: list[Slot] = []
    today = now.astimezone(config.zone).date()
    for offset in range(config.booking_horizon_days + 1):
        for slot in slots_on(config, kind, today + timedelta(days=offset)):
            if slot.starts_at < earliest or (after is not None and slot.starts_at <= after):
                continue
            if found and found[-1].starts_at == slot.starts_at:
                continue
            if _overlaps(slot, taken.get(slot.clinician, ())):
                continue
            found.append(slot)
            if len(found) >= limit:
                return found
    return found


def hold(
    session: Session,
    config: ClinicConfig,
    slot_id: str,
    *,
    client_id: str,
    conversation_id: str,
    case_id: str | None = None,
    now: datetime,
    key: str,
    until: datetime | None = None,
) -> Appointment:
    """Keeps a slot for a client for a while (longer for a case); it replaces the client's earlier hold.

    Args:
        until: in place of the clinic's usual minutes.
        key: the inbound message that asked; asking again with it changes nothing.

    Raises:
        SlotTaken: the slot is no longer free.
    """
    minutes = config.hold_minutes if case_id is None else config.case_hold_minutes
    return _take(
        session,
        config,
        slot_id,
        Appointment(
            client_id=client_id,
            conversation_id=conversation_id,
            case_id=case_id,
            status="held",
            held_until=until or now + timedelta(minutes=minutes),
        ),
        now=now,
        key=key,
    )


def book(
    session: Session,
    config: ClinicConfig,
    slot_id: str,
    *,
    client_id: str,
    conversation_id: str,
    now: datetime,
    key: str,
) -> Appointment:
    """Books a slot, turning the client's own hold on it into a booking and letting go of any other hold.

    Args:
        key: the inbound message that asked; asking again with it returns the same booking.

    Raises:
        SlotTaken: the slot is no longer free.
    """
    return _take(
        session,
        config,
        slot_id,
        Appointment(client_id=client_id, conversation_id=conversation_id, status="booked"),
        now=now,
        key=key,
    )


def move(
    session: Session, config: ClinicConfig, appointment_id: str, slot_id: str, *, now: datetime, key: str
) -> Appointment:
    """Moves an appointment to another slot; on failure it stays where it was.

    Raises:
        SlotTaken: the new slot is not free.
        AppointmentNotFound: there is no such appointment any more.
    """
    appointment = session.get(Appointment, appointment_id)
    if appointment is None or appointment.slot_key is None:
        raise AppointmentNotFound(appointment_id)
    stored_key = _stored_key(appointment.client_id, key)
    if appointment.booking_key == stored_key:
        return appointment
    slot = _offered(config, slot_id, now)
    _claim(session, slot.clinician, now)
    _refuse_overlap(session, slot, now, but=appointment.id)
    try:
        with session.begin_nested():
            _place(appointment, slot, now, stored_key)
            appointment.status, appointment.held_until = "booked", None
            appointment.sequence += 1
    except IntegrityError:
        raise SlotTaken(slot_id) from None
    return appointment


def cancel(session: Session, appointment_id: str, *, now: datetime) -> Appointment:
    """Cancels an appointment and frees its slot; cancelling twice changes nothing.

    Raises:
        AppointmentNotFound: there is no such appointment.
    """
    appointment = session.get(Appointment, appointment_id)
    if appointment is None:
        raise AppointmentNotFound(appointment_id)
    if appointment.slot_key is not None:
        appointment.status, appointment.slot_key, appointment.held_until = "cancelled", None, None
        appointment.sequence += 1
        appointment.updated_at = now
        session.flush()
    return appointment


def let_go_if_over(session: Session, appointment_id: str, now: datetime) -> datetime | None:
    """Frees the slot of a hold whose time is over.

    Returns:
        When it will be over; None when it is no longer held.
    """
    appointment = session.get(Appointment, appointment_id)
    if appointment is None or appointment.status != "held" or appointment.held_until is None:
        return None
    if appointment.held_until > now:
        return appointment.held_until
    _let_go(session, and_(Appointment.id == appointment_id, Appointment.status == "held"), "expired", now)
    return None


def upcoming(session: Session, client_id: str, now: datetime) -> Appointment | None:
    """The client's next appointment that is not over: a booked one, else one held (see its `status`)."""
    held = and_(Appointment.status == "held", Appointment.held_until > now)
    live = or_(Appointment.status == "booked", held)
    query = select(Appointment).where(Appointment.client_id == client_id, Appointment.ends_at > now, live)
    first = query.order_by(Appointment.status, Appointment.starts_at)  # "booked" sorts before "held"
    return session.scalars(first.limit(1)).first()


def _taken(session: Session, now: datetime) -> dict[str, list[tuple[datetime, datetime]]]:
    """What is held, booked, or busy in a clinician's own calendar from now on, by clinician."""
    query = select(Appointment.clinician, Appointment.starts_at, Appointment.ends_at).where(
        Appointment.slot_key.is_not(None),
        Appointment.ends_at > now,
        or_(Appointment.status == "booked", Appointment.held_until > now),
    )
    busy = select(BusyTime.clinician, BusyTime.starts_at, BusyTime.ends_at).where(BusyTime.ends_at > now)
    taken: dict[str, list[tuple[datetime, datetime]]] = {}
    for clinician, starts_at, ends_at in (*session.execute(query), *session.execute(busy)):
        taken.setdefault(clinician, []).append((starts_at, ends_at))
    return taken


def _overlaps(slot: Slot, taken: list[tuple[datetime, datetime]] | tuple[()]) -> bool:
    return any(slot.starts_at < ends and begins < slot.ends_at for begins, ends in taken)


def _offered(config: ClinicConfig, slot_id: str, now: datetime) -> Slot:
    slot = find_slot(config, slot_id, now=now)
    if slot is None:
        raise SlotTaken(slot_id)
    return slot


def _take(
    session: Session, config: ClinicConfig, slot_id: str, wanted: Appointment, *, now: datetime, key: str
) -> Appointment:
    """Stores `wanted` at a slot, reusing the client's own hold on it; see `book` and `hold`."""
    stored_key = _stored_key(wanted.client_id, key)
    again = session.scalars(select(Appointment).where(Appointment.booking_key == stored_key)).first()
    if again is not None and (again.status, wanted.status) != ("held", "booked"):
        return again
    slot = _offered(config, slot_id, now)
    _claim(session, slot.clinician, now)
    own_holds = list(
        session.scalars(
            select(Appointment).where(Appointment.client_id == wanted.client_id, Appointment.status == "held")
        )
    )
    same = next((held for held in own_holds if held.slot_key == _slot_key(slot)), None)
    _refuse_overlap(session, slot, now, but=same.id if same else None, client_holds=wanted.client_id)
    case_id = wanted.case_id or next((held.case_id for held in own_holds if held.case_id), None)
    try:
        with session.begin_nested():
            for other in own_holds:
                if other is not same:
                    other.booking_key = None if other is again else other.booking_key
                    other.status, other.slot_key, other.held_until = "cancelled", None, None
                    other.updated_at = now
            session.flush()
            appointment = same or Appointment(
                id=uuid.uuid4().hex,
                client_id=wanted.client_id,
                conversation_id=wanted.conversation_id,
                created_at=now,
            )
            appointment.status, appointment.held_until = wanted.status, wanted.held_until
            appointment.case_id = case_id
            _place(appointment, slot, now, stored_key)
            session.add(appointment)
    except IntegrityError:
        raise SlotTaken(slot_id) from None
    return appointment


def _place(appointment: Appointment, slot: Slot, now: datetime, key: str) -> None:
    appointment.clinician, appointment.kind = slot.clinician, slot.kind
    appointment.starts_at, appointment.ends_at = slot.starts_at, slot.ends_at
    appointment.slot_key, appointment.booking_key = _slot_key(slot), key
    appointment.updated_at = now


def _slot_key(slot: Slot) -> str:
    return f"{slot.clinician}|{slot.starts_at.isoformat()}"


def _stored_key(client_id: str, key: str) -> str:
    """A client's key cannot meet another client's, and fits the column whatever its length."""
    return hashlib.sha256(f"{client_id}|{key}".encode()).hexdigest()


def _claim(session: Session, clinician: str, now: datetime) -> None:
    """Lets nobody else take one of this clinician's slots before the commit, and frees their old holds."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"slots of {clinician}"))))
    over = and_(Appointment.clinician == clinician, Appointment.status == "held", Appointment.held_until <= now)
    _let_go(session, over, "expired", now)


def _let_go(session: Session, which: object, status: str, now: datetime) -> None:
    change = update(Appointment).where(which)  # type: ignore[arg-type]  # and_() and or_() of columns
    session.execute(change.values(status=status, slot_key=None, held_until=None, updated_at=now))


def _refuse_overlap(
    session: Session, slot: Slot, now: datetime, *, but: str | None = None, client_holds: str | None = None
) -> None:
    """Raises SlotTaken if another appointment of the clinician's overlaps; the client's holds may."""
    query = select(Appointment).where(
        Appointment.clinician == slot.clinician,
        Appointment.slot_key.is_not(None),
        Appointment.starts_at < slot.ends_at,
        Appointment.ends_at > slot.starts_at,
    )
    for other in session.scalars(query):
        if other.id == but or (other.status == "held" and other.client_id == client_holds):
            continue
        raise SlotTaken(slot.id)
    busy = select(BusyTime.id).where(
        BusyTime.clinician == slot.clinician, BusyTime.starts_at < slot.ends_at, BusyTime.ends_at > slot.starts_at
    )
    if session.scalars(busy.limit(1)).first() is not None:
        raise SlotTaken(slot.id)
