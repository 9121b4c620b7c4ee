"""Taking over from the bot, and handing back.

While a client is in somebody's hands the bot says nothing: what the client writes is stored and screened for risk as
ever (a risk opens or raises the case, and the safety reply goes out), and a person answers. It is one mark on the
client's row, so it holds on every channel of theirs and over a restart. The client is told both times.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.clinic.notices import words
from bot.clinic.quiet import hold_until
from bot.store.messages import Outbound, queue_for_client
from bot.store.models import Audit, Client, Conversation, Message, Staff


class NotYours(Exception):
    """It cannot be done now; the message is one sentence for the person."""


def take_over(session: Session, config: ClinicConfig, client_id: str, staff_id: str, now: datetime) -> str | None:
    """Puts a client into a person's hands, and tells the client.

    Returns:
        The conversation that has news, or None when it was theirs already.

    Raises:
        NotYours: a colleague has taken over, or there is no such client.
    """
    client = _locked(session, client_id)
    if client.taken_by == staff_id:
        return None
    if client.taken_by is not None:
        raise NotYours(f"{_name(session, client.taken_by)} is talking with this client already.")
    client.taken_by, client.taken_at = staff_id, now
    return _tell(session, config, client, "taken_over", staff_id, now)


def hand_back(session: Session, config: ClinicConfig, client_id: str, staff_id: str, now: datetime) -> str | None:
    """Lets the bot answer again, and tells the client. Any clinician may, so that no client is left alone.

    Returns:
        The conversation that has news, or None when the bot was answering already.

    Raises:
        NotYours: there is no such client.
    """
    client = _locked(session, client_id)
    if client.taken_by is None:
        return None
    who = client.taken_by
    let_go(client)
    return _tell(session, config, client, "handed_back", who, now, by=staff_id)


def let_go(client: Client) -> None:
    """The bot answers again; what it had asked before is over."""
    client.taken_by = client.taken_at = None
    for conversation in client.conversations:
        _forget_questions(conversation)


def waiting_since(session: Session, client: Client) -> datetime | None:
    """Since when a client in a person's hands has waited for that person; None while they wait for nothing.

    From the taking over on until the first words of a person, since those were promised; then from the first message
    that no person has answered.
    """
    if client.taken_at is None:
        return None
    own = select(Message).join(Conversation).where(Conversation.client_id == client.id)
    own = own.where(Message.created_at >= client.taken_at)
    last = session.scalars(own.where(Message.kind == "clinician").order_by(Message.id.desc()).limit(1)).first()
    if last is None:
        return client.taken_at
    later = own.where(Message.direction == "in", Message.id > last.id).order_by(Message.id).limit(1)
    message = session.scalars(later).first()
    return message.created_at if message else None


def taken(session: Session) -> list[Client]:
    """The clients in somebody's hands, the longest first."""
    return list(session.scalars(select(Client).where(Client.taken_by.is_not(None)).order_by(Client.taken_at)))


def _forget_questions(conversation: Conversation) -> None:
    """What the bot asked before is over: the client's next words answer none of it. Consent still has to be given."""
    kept = conversation.dialogue.get("slots", {})
    awaiting = "consent" if kept.get("awaiting") == "consent" else "nothing"
    slots = {**kept, "awaiting": awaiting, "requested_slot": None}
    conversation.dialogue = {**conversation.dialogue, "slots": slots, "loop": None}
    if conversation.mi_state:
        conversation.mi_state = {**conversation.mi_state, "awaiting": "", "asked": ""}


def _tell(
    session: Session, config: ClinicConfig, client: Client, what: str, who: str, now: datetime, *, by: str | None = None
) -> str:
    text = words(what).format(who=_name(session, who), clinic=config.name)
    with_whom = {"with": _name(session, who) if client.taken_by else None}
    notice, wait = Outbound(text, kind="notice", payload=with_whom), hold_until(session, config, client.id, now)
    message = queue_for_client(session, client.id, notice, now, not_before=wait)
    action = {"taken_over": "take_over", "handed_back": "hand_back"}[what]
    session.add(Audit(at=now, staff_id=by or who, action=action, subject=client.id))
    session.flush()
    return message.conversation_id


def _locked(session: Session, client_id: str) -> Client:
    client = session.get(Client, client_id, with_for_update=True)
    if client is None:
        raise NotYours("There is no such client any more.")
    return client


def _name(session: Session, staff_id: str) -> str:
    staff = session.get(Staff, staff_id)
    return staff.name if staff else "Somebody"
