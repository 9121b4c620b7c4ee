"""Going on with a conversation on another channel: one client, one transcript, one state."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from bot.clinic.rights import erase_client
from bot.safety.state import SafetyState
from bot.store import places
from bot.store.codes import take_code
from bot.store.models import Appointment, Base, Case, CheckIn, Client, Conversation, WaitingPlace


class WrongCode(ValueError):
    """The code is unknown, used, or too old."""


class BothWaiting(ValueError):
    """The clinic looks after a case in both chats: a person has to sort that out."""


def continue_here(session: Session, code: str, channel: str, address: str, now: datetime) -> Conversation:
    """Links a place to the conversation that the code came from.

    What was said at this place before, if anything, stays with the same client as a conversation of its own; a chat
    that never got as far as consent is forgotten.

    Raises:
        WrongCode, BothWaiting: and nothing has changed, but that the code is used.
    """
    conversation_id = take_code(session, code, now)
    found = session.get(Conversation, conversation_id) if conversation_id else None
    if found is None:
        raise WrongCode
    here = places.conversation_at(session, channel, address)
    if here is not None and here.id != found.id:
        _absorb(session, found, here, now)
        found = session.get_one(Conversation, conversation_id)
    places.use(session, found, channel, address, now)
    return found


def _absorb(session: Session, found: Conversation, here: Conversation, now: datetime) -> None:
    owner, other = found.client_id, here.client_id
    if owner != other and _is_fresh(session, session.get_one(Client, other)):
        session.expunge(here)
        erase_client(session, other, now)
        return
    if owner != other:
        if _open_reasons(session, owner) & _open_reasons(session, other):
            raise BothWaiting
        _merge(session, owner, other)
        found.safety_state = _graver(found.safety_state, here.safety_state)
    here.address = f"moved-{here.id}"  # it has no place any more
    session.flush()


def _is_fresh(session: Session, client: Client) -> bool:
    """Whether nothing but a welcome has happened yet."""
    kept = sum(
        session.scalar(select(func.count()).select_from(table).where(table.client_id == client.id)) or 0
        for table in (Case, Appointment)
    )
    return client.consent_version is None and not kept


def _open_reasons(session: Session, client_id: str) -> set[str]:
    return set(session.scalars(select(Case.reason).where(Case.client_id == client_id, Case.closed_at.is_(None))))


def _merge(session: Session, owner: str, other: str) -> None:
    """Gives everything of one client to another, whatever table it is in."""
    for only in (CheckIn, WaitingPlace):  # one row a client: the owner's stays
        if session.get(only, owner) is not None:
            session.execute(delete(only).where(only.client_id == other))
    client = Base.metadata.tables[Client.__tablename__]
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column.table is client:
                session.execute(update(table).where(key.parent == other).values({key.parent: owner}))
    session.expire_all()
    session.execute(delete(Client).where(Client.id == other))


def _graver(one: dict[str, object], other: dict[str, object]) -> dict[str, object]:
    """Of two states of the safety protocol the one that has gone further: nothing lowers a tier."""
    first, second = SafetyState.from_dict(one), SafetyState.from_dict(other)
    return one if (first.open, first.tier) >= (second.open, second.tier) else other
