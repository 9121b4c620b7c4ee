"""The waiting list: who would like an appointment, and is offered the next time that comes free.

Theory of operation. A row of WaitingPlace is the wish. `look` is called every few seconds: it finds in the tables what
has become of the offers that stood, then holds free times for the first in line and writes to them. So nothing has to
tell it that a time came free, be it a cancellation, an absence that ended or a new day within reach; and a restart
loses nothing. The offer opens the booking form in the client's conversation, where a yes is a choice like any other.

In line: who has an open risk case, then who has let the fewest offers go, then who asked first. A client is offered no
time twice, and none that was free when they asked. After MOST_OFFERS that were not taken the wish ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.clinic.cases import open_risk_case
from bot.clinic.config import ClinicConfig
from bot.clinic.notices import words
from bot.clinic.quiet import hold_until
from bot.clinic.schedule import Slot, SlotTaken, cancel, free_slots, hold, moment, on_offer, upcoming
from bot.clinic.tiers import rank
from bot.safety.state import SafetyState
from bot.store import places
from bot.store.messages import Outbound, latest_conversation, next_open, queue_for_client
from bot.store.models import Appointment, Audit, Client, Conversation, Message, WaitingPlace

MOST_OFFERS = 3
"""Offers that a client can let go; then the wish ends, and they are told."""
AGAIN_AFTER = timedelta(hours=12)
"""After an offer that was not taken, the next one comes no sooner."""
PAUSE = timedelta(minutes=2)
"""In the middle of a conversation no offer comes between."""
MOST_KNOWN = 500
Free = dict[str | None, list[Slot]]
"""Tier -> its free times, found once in a look. One that was given away in it is refused by `hold`."""


@dataclass(frozen=True)
class Waiting:
    """One client in line, as staff see it.

    `held` is the appointment of an offer that stands; `why_not` says why none can be made (taken, blocked, consent,
    safety), or "".
    """

    place: WaitingPlace
    client: Client
    held: Appointment | None
    why_not: str


@dataclass(frozen=True)
class Standing:
    """What one client is told: which place they have on the list, if any, and whether they have an appointment.

    `offered`: a time is held for them by an offer.
    """

    place: int | None = None
    booked: bool = False
    offered: bool = False


def standing(session: Session, client_id: str, now: datetime) -> Standing:
    """Where a client stands."""
    kept = upcoming(session, client_id, now)
    row = session.get(WaitingPlace, client_id)
    booked = kept is not None and kept.status == "booked"
    if row is None:
        return Standing(None, booked)
    offered = kept is not None and not booked and kept.id == row.appointment_id
    return Standing(place_of(session, client_id), booked, offered)


def join(session: Session, config: ClinicConfig, client_id: str, now: datetime) -> int:
    """Puts a client on the list, where they are not yet; which place they have."""
    if session.get(WaitingPlace, client_id) is None:
        free = free_slots(session, config, now=now, tier=_tier(session, client_id), limit=MOST_KNOWN)
        session.add(WaitingPlace(client_id=client_id, asked_at=now, known=[slot.id for slot in free], passed=0))
        session.flush()
    return place_of(session, client_id) or 1


def leave(session: Session, client_id: str, now: datetime) -> bool:
    """Takes a client off the list, and lets go of the time that an offer holds; whether they were on it."""
    place = session.get(WaitingPlace, client_id)
    if place is None:
        return False
    kept = session.get(Appointment, place.appointment_id) if place.appointment_id else None
    session.delete(place)
    session.flush()
    if kept is not None and kept.status == "held":
        cancel(session, kept.id, now=now)
    return True


def turn_down(session: Session, client_id: str, now: datetime) -> None:
    """The client does not want the time that is held for them: it is free again. One held for a risk case stays."""
    kept = upcoming(session, client_id, now)
    if kept is not None and kept.status == "held" and kept.case_id is None:
        cancel(session, kept.id, now=now)


def close_offer(session: Session, conversation_id: str) -> None:
    """The booking form that an offer opened is over."""
    conversation = session.get_one(Conversation, conversation_id)
    slots = {**conversation.dialogue.get("slots", {}), "awaiting": "nothing", "requested_slot": None, "offered": None}
    conversation.dialogue = {**conversation.dialogue, "slots": slots, "loop": None}


def place_of(session: Session, client_id: str) -> int | None:
    """1 for the first in line; None for a client who is not on the list."""
    ids = [place.client_id for place in in_line(session)]
    return ids.index(client_id) + 1 if client_id in ids else None


def in_line(session: Session) -> list[WaitingPlace]:
    """Everybody on the list, the first in line first."""
    found = list(session.scalars(select(WaitingPlace)))
    return sorted(found, key=lambda place: (-_urgency(session, place.client_id), place.passed, place.asked_at))


def shown(session: Session, config: ClinicConfig, now: datetime) -> list[Waiting]:
    """The list for staff."""
    rows = []
    for place in in_line(session):
        client = session.get_one(Client, place.client_id)
        held = session.get(Appointment, place.appointment_id) if place.appointment_id else None
        stands = held is not None and held.held_until is not None and held.held_until > now
        rows.append(Waiting(place, client, held if stands else None, why_not(session, config, client)))
    return rows


def take_off(session: Session, config: ClinicConfig, client_id: str, staff_id: str, now: datetime) -> str | None:
    """Takes a client off the list on the clinic's side, and tells them.

    Returns:
        The conversation that has news, or None when they were not on it.
    """
    if not leave(session, client_id, now):
        return None
    session.add(Audit(at=now, staff_id=staff_id, action="take_off_waiting_list", subject=client_id))
    return _tell(session, config, client_id, "waiting_taken_off", now)


def look(session: Session, config: ClinicConfig, now: datetime) -> list[str]:
    """Closes the offers that are over and makes those that can be made.

    Returns:
        The conversations that have news.
    """
    free: Free = {}
    news = [_settled(session, config, place, now) for place in in_line(session)]
    news += [_offered(session, config, place, free, now) for place in in_line(session)]
    return [conversation_id for conversation_id in news if conversation_id is not None]


def why_not(session: Session, config: ClinicConfig, client: Client) -> str:
    """Why a client cannot be offered a time by the bot: taken, blocked, consent, safety; "" when they can."""
    conversation = latest_conversation(session, client.id)
    if client.taken_by is not None:
        return "taken"
    if conversation is None or places.unreachable_since(session, conversation) is not None:
        return "blocked"
    if client.consent_version != config.consent.version:
        return "consent"
    return "safety" if SafetyState.from_dict(conversation.safety_state).awaiting else ""


def _settled(session: Session, config: ClinicConfig, place: WaitingPlace, now: datetime) -> str | None:
    """What has become of a client's wish and of the offer that stood; the conversation that has news of it."""
    kept = upcoming(session, place.client_id, now)
    if kept is not None and kept.status == "booked":
        session.delete(place)
        session.flush()
        return None
    if kept is not None or place.appointment_id is None:  # they are choosing, or nothing was offered
        return None
    offered = session.get(Appointment, place.appointment_id)
    ran_out = offered is not None and offered.status != "cancelled"
    place.appointment_id, place.next_at = None, now + AGAIN_AFTER
    place.passed += 1
    session.flush()
    if place.passed >= MOST_OFFERS:
        leave(session, place.client_id, now)
        return _tell(session, config, place.client_id, "waiting_over", now)
    return _tell(session, config, place.client_id, "waiting_passed", now) if ran_out else None


def _offered(session: Session, config: ClinicConfig, place: WaitingPlace, free: Free, now: datetime) -> str | None:
    """Holds the next free time for a client and offers it; the conversation that has news."""
    if place.appointment_id is not None or (place.next_at is not None and place.next_at > now):
        return None
    client = session.get_one(Client, place.client_id)
    conversation = latest_conversation(session, client.id)
    if conversation is None or why_not(session, config, client) or upcoming(session, client.id, now) is not None:
        return None
    if next_open(session, conversation.id) is not None or _wrote_since(session, client.id, now - PAUSE):
        return None
    tier = _tier(session, client.id)
    if tier not in free:
        free[tier] = free_slots(session, config, now=now, tier=tier, limit=MOST_KNOWN)
    for slot in free[tier]:
        if slot.id in place.known:
            continue
        wait = hold_until(session, config, client.id, now)
        until = min((wait or now) + timedelta(minutes=config.waiting_list_hold_minutes), slot.starts_at)
        try:
            with session.begin_nested():
                held = hold(
                    session,
                    config,
                    slot.id,
                    client_id=client.id,
                    conversation_id=conversation.id,
                    now=now,
                    key=f"waiting-{slot.id}-{now.isoformat()}",
                    until=until,
                )
        except SlotTaken:
            continue
        place.appointment_id, place.known = held.id, [*place.known, slot.id][-MOST_KNOWN:]
        return _write_offer(session, config, conversation, slot, held, wait, now)
    return None


def _write_offer(
    session: Session,
    config: ClinicConfig,
    conversation: Conversation,
    slot: Slot,
    held: Appointment,
    wait: datetime | None,
    now: datetime,
) -> str:
    """The message, and the booking form that it opens: whatever else was asked before is over."""
    zone = conversation.client.time_zone or config.time_zone
    offer = on_offer(slot, zone)
    before = conversation.dialogue
    slots = {
        **before.get("slots", {}),
        "awaiting": "booking",
        "requested_slot": "appointment_choice",
        "offered": [offer],
        "appointment_choice": None,
        "client_name": None,
        "client_contact": None,
    }
    kept = {name: value for name, value in before.items() if name != "asked"}
    conversation.dialogue = {**kept, "slots": slots, "loop": "booking_form"}
    if conversation.mi_state:
        conversation.mi_state = {**conversation.mi_state, "awaiting": "", "asked": ""}
    text = words("waiting_offer").format(
        clinic=config.name, when=offer["label"], who=slot.clinician_name, until=moment(held.held_until or now, zone)
    )
    message = Outbound(text, kind="text", payload={"slots": [offer]}, moves=("give_information:waiting_list.offer",))
    return queue_for_client(session, conversation.client_id, message, now, not_before=wait).conversation_id


def _tell(session: Session, config: ClinicConfig, client_id: str, what: str, now: datetime) -> str | None:
    if latest_conversation(session, client_id) is None:
        return None
    wait = hold_until(session, config, client_id, now)
    notice = Outbound(words(what).format(clinic=config.name), kind="notice")
    return queue_for_client(session, client_id, notice, now, not_before=wait).conversation_id


def _tier(session: Session, client_id: str) -> str | None:
    case = open_risk_case(session, client_id)
    return case.tier if case is not None else None


def _urgency(session: Session, client_id: str) -> int:
    return rank(_tier(session, client_id) or "none")


def _wrote_since(session: Session, client_id: str, since: datetime) -> bool:
    wrote = select(func.max(Message.created_at)).join(Conversation).where(Conversation.client_id == client_id)
    last = session.scalar(wrote.where(Message.direction == "in"))
    return last is not None and last > since
