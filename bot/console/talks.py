"""A client's conversation as staff may see it: all of it, only what was said to a person, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic import cases
from bot.store import places
from bot.store.messages import latest_conversation
from bot.store.models import Case, Client, Conversation, Message, Staff

MOST_MESSAGES = 500


@dataclass(frozen=True)
class Talk:
    """What the page shows of a conversation.

    `why` is shared, risk, taken or "" (nothing may be read); `since` is set when only later messages may be. `taken_by`
    is a name. `reachable`: whether staff may take over or write, which needs an open case or the client's consent.
    `blocked_since`: nothing arrives at the client since then, because they have blocked the bot or deleted the account.
    """

    client: Client
    why: str
    messages: list[Message]
    since: datetime | None
    taken_by: str
    reachable: bool
    channels: tuple[str, ...]
    blocked_since: datetime | None = None


def talk(session: Session, client: Client) -> Talk:
    """The conversation on all of the client's channels, in order of time."""
    open_case = session.scalars(select(Case.id).where(Case.client_id == client.id, Case.closed_at.is_(None))).first()
    why = may_read(session, client)
    since = client.taken_at if why == "taken" else None
    channels = session.scalars(select(Conversation.channel).where(Conversation.client_id == client.id).distinct())
    return Talk(
        client=client,
        why=why,
        messages=_messages(session, client.id, since) if why else [],
        since=since,
        taken_by=name_of(session, client.taken_by),
        reachable=open_case is not None or client.share_with_clinic or client.taken_by is not None,
        channels=tuple(sorted(channels)),
        blocked_since=blocked_since(session, client.id),
    )


def may_read(session: Session, client: Client) -> str:
    """Why staff may read what a client wrote.

    They may when the client agreed ("shared"), while a risk case is open ("risk"), and what the client says to a
    person who has taken over ("taken", from then on). Else "".
    """
    if client.share_with_clinic:
        return "shared"
    if cases.open_risk_case(session, client.id) is not None:
        return "risk"
    return "taken" if client.taken_by is not None else ""


def blocked_since(session: Session, client_id: str) -> datetime | None:
    """Since when nothing arrives where the client wrote last; None while it does."""
    conversation = latest_conversation(session, client_id)
    return places.unreachable_since(session, conversation) if conversation else None


def name_of(session: Session, staff_id: str | None) -> str:
    """A member of staff's name; empty for nobody."""
    staff = session.get(Staff, staff_id) if staff_id else None
    return staff.name if staff else ""


def called(client: Client) -> str:
    """What a client is called on the pages: the name they gave, or the start of their id."""
    return client.name or f"Client {client.id[:6]}"


def _messages(session: Session, client_id: str, since: datetime | None) -> list[Message]:
    query = select(Message).join(Conversation).where(Conversation.client_id == client_id)
    if since is not None:
        query = query.where(Message.created_at >= since)
    newest = query.order_by(Message.created_at.desc(), Message.id.desc()).limit(MOST_MESSAGES)
    return list(reversed(list(session.scalars(newest))))
