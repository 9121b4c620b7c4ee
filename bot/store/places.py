"""Where a conversation can be reached: a browser's token, a Telegram chat. Functions of a session.

A conversation has one transcript and one state, whatever it is read on. `Conversation.channel` and `.address` name the
place that the client used last: answers, reminders and a clinician's words go there.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.store.models import Conversation, Endpoint


def conversation_at(session: Session, channel: str, address: str) -> Conversation | None:
    """The conversation that a channel knows under `address`."""
    place = session.get(Endpoint, (channel, address))
    return session.get(Conversation, place.conversation_id) if place else None


def use(session: Session, conversation: Conversation, channel: str, address: str, now: datetime) -> None:
    """Notes that the client wrote from here: answers go here from now on."""
    place = session.get(Endpoint, (channel, address))
    here = (conversation.id, channel, address)
    if (
        place is not None
        and place.unreachable_since is None
        and here
        == (
            place.conversation_id,
            conversation.channel,
            conversation.address,
        )
    ):
        return  # as nearly always: nothing to write
    if place is None:
        place = Endpoint(channel=channel, address=address, conversation_id=conversation.id, used_at=now)
        session.add(place)
    place.conversation_id, place.used_at, place.unreachable_since = conversation.id, now, None
    conversation.channel, conversation.address = channel, address
    session.flush()


def set_unreachable(session: Session, channel: str, address: str, now: datetime) -> str | None:
    """Notes that nothing gets through to a place any more.

    Returns:
        The conversation, if this is news.
    """
    place = session.get(Endpoint, (channel, address))
    if place is None or place.unreachable_since is not None:
        return None
    place.unreachable_since = now
    return place.conversation_id


def set_reachable(session: Session, channel: str, address: str) -> str | None:
    """Undoes `set_unreachable`; the conversation, if this is news."""
    place = session.get(Endpoint, (channel, address))
    if place is None or place.unreachable_since is None:
        return None
    place.unreachable_since = None
    return place.conversation_id


def unreachable_since(session: Session, conversation: Conversation) -> datetime | None:
    """Since when the place that the client used last takes nothing any more; None while it does."""
    place = session.get(Endpoint, (conversation.channel, conversation.address))
    return place.unreachable_since if place else None


def addresses(session: Session, channel: str) -> list[str]:
    """Ids of all conversations that can be reached on a channel."""
    return list(session.scalars(select(Endpoint.conversation_id).where(Endpoint.channel == channel).distinct()))
