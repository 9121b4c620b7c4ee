"""Reading and writing the message table: functions of a session, for `Database.read` and `Database.write`."""

from __future__ import annotations

import uuid
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from bot.store.models import Client, Conversation, Endpoint, Message

AHEAD = 50
"""Open messages of one conversation that are looked through for risk at once."""
HISTORY = 8
"""How many of the client's earlier messages the safety screen sees with a new one."""


@dataclass(frozen=True)
class Outbound:
    """A reply to be stored. `payload` holds what goes with the words: buttons, ruler, slots, card."""

    text: str
    kind: str = "text"
    payload: dict[str, Any] = field(default_factory=dict)
    moves: tuple[str, ...] = ()


class NoSuchConversation(LookupError):
    """The conversation was never there, or has been erased."""


def new_conversation(
    session: Session,
    *,
    channel: str,
    address: str,
    language: str,
    time_zone: str | None,
    greeting: Sequence[Outbound],
    dialogue: dict[str, Any],
    now: datetime,
) -> Conversation:
    """A new client with a conversation that begins with `greeting`."""
    client = Client(id=uuid.uuid4().hex, language=language, time_zone=time_zone, created_at=now)
    conversation = Conversation(
        id=uuid.uuid4().hex,
        client=client,
        channel=channel,
        address=address,
        mi_state={},
        safety_state={},
        dialogue=dialogue,
        last_seq=0,
        created_at=now,
        updated_at=now,
    )
    session.add(conversation)
    session.flush()
    session.add(Endpoint(channel=channel, address=address, conversation_id=conversation.id, used_at=now))
    add_outbound(session, conversation, greeting, None, now)
    return conversation


def add_inbound(
    session: Session,
    conversation_id: str,
    *,
    external_id: str | None,
    kind: str,
    text: str,
    payload: dict[str, Any],
    now: datetime,
) -> tuple[Message, bool]:
    """Stores what a client sent, once: (row, True), or for a repeat of `external_id` (the first row, False).

    Raises:
        NoSuchConversation: there is none with this id.
    """
    conversation = session.get(Conversation, conversation_id)
    if conversation is None:
        raise NoSuchConversation(conversation_id)
    if external_id is not None:
        first = session.scalar(
            select(Message).where(
                Message.conversation_id == conversation_id,
                Message.direction == "in",
                Message.external_id == external_id,
            )
        )
        if first is not None:
            return first, False
    message = Message(
        conversation_id=conversation_id,
        seq=_next_seq(session, conversation),
        direction="in",
        external_id=external_id,
        kind=kind,
        text=text,
        payload=payload,
        moves=[],
        created_at=now,
        delivered_at=now,
    )
    session.add(message)
    session.flush()
    return message, True


def add_outbound(
    session: Session, conversation: Conversation, replies: Iterable[Outbound], in_reply_to: int | None, now: datetime
) -> list[Message]:
    """Stores replies behind everything that is there."""
    rows = []
    for reply in replies:
        row = Message(
            conversation_id=conversation.id,
            seq=_next_seq(session, conversation),
            direction="out",
            kind=reply.kind,
            text=reply.text,
            payload=reply.payload,
            moves=list(reply.moves),
            in_reply_to=in_reply_to,
            created_at=now,
            answered_at=now,
        )
        session.add(row)
        rows.append(row)
    session.flush()
    return rows


def queue_for_client(
    session: Session, client_id: str, words: Outbound, now: datetime, *, not_before: datetime | None = None
) -> Message:
    """Queues a message that answers nothing (a clinician's words, a notice) where the client was last active.

    Args:
        not_before: until when a phone must not ring for it (`bot.clinic.quiet.hold_until`). A client who writes first
            gets it before the answer.

    The caller commits, and then signals `message.conversation_id` on the bus so that the channel delivers it.

    Raises:
        NoSuchConversation: the client has none.
    """
    conversation = latest_conversation(session, client_id)
    if conversation is None:
        raise NoSuchConversation(client_id)
    message = add_outbound(session, conversation, [words], None, now)[0]
    message.not_before = not_before
    session.flush()
    return message


def latest_conversation(session: Session, client_id: str) -> Conversation | None:
    """Where the client wrote last; before they wrote anything, the newest."""
    wrote = (
        select(func.max(Message.created_at))
        .where(Message.conversation_id == Conversation.id, Message.direction == "in")
        .scalar_subquery()
    )
    query = select(Conversation).where(Conversation.client_id == client_id)
    return session.scalar(query.order_by(wrote.desc().nulls_last(), Conversation.created_at.desc()).limit(1))


def last_said(session: Session, conversation_id: str) -> Outbound | None:
    """What the bot said last, to say it again where the conversation goes on; a link that leads there is no such."""
    query = select(Message).where(Message.conversation_id == conversation_id, Message.direction == "out")
    rows = session.scalars(query.order_by(Message.seq.desc()).limit(10))
    row = next((row for row in rows if not row.payload.get("go_on")), None)
    return Outbound(row.text, row.kind, row.payload, tuple(row.moves)) if row else None


def _next_seq(session: Session, conversation: Conversation) -> int:
    # One UPDATE takes the next number: two writers on PostgreSQL wait for each other on the row.
    number = session.execute(
        update(Conversation)
        .where(Conversation.id == conversation.id)
        .values(last_seq=Conversation.last_seq + 1)
        .returning(Conversation.last_seq)
    ).scalar_one()
    session.expire(conversation, ["last_seq"])
    return int(number)


def next_open(session: Session, conversation_id: str) -> Message | None:
    """The oldest inbound message that has no answer yet."""
    return session.scalar(
        select(Message)
        .where(Message.conversation_id == conversation_id, Message.direction == "in", Message.answered_at.is_(None))
        .order_by(Message.seq)
        .limit(1)
    )


def conversations_with_open_messages(session: Session) -> list[str]:
    """Ids of conversations that wait for an answer: what to work on after a restart."""
    return list(
        session.scalars(
            select(Message.conversation_id).where(Message.direction == "in", Message.answered_at.is_(None)).distinct()
        )
    )


def open_messages(
    session: Session, conversation_id: str, known: Container[int] = ()
) -> list[tuple[int, str, list[str]]]:
    """(id, text, what the client wrote before) of every open message, in order; of `known` ones the id is enough."""
    query = select(Message).where(
        Message.conversation_id == conversation_id, Message.direction == "in", Message.answered_at.is_(None)
    )
    rows = list(session.scalars(query.order_by(Message.seq).limit(AHEAD)))
    if len(rows) < 2:  # nothing waits behind it, so nobody has to know what came before
        return [(row.id, row.text, []) for row in rows]
    return [(row.id, row.text, [] if row.id in known else earlier_texts(session, row)) for row in rows]


def close_overtaken(session: Session, inbound: Message, now: datetime) -> None:
    """Marks the open messages before a message with risk in it as answered with it: its reply is what matters now."""
    query = select(Message).where(
        Message.conversation_id == inbound.conversation_id,
        Message.direction == "in",
        Message.answered_at.is_(None),
        Message.seq < inbound.seq,
    )
    for row in session.scalars(query):
        row.answered_at, row.tier = now, "none"


def earlier_texts(session: Session, message: Message) -> list[str]:
    """The client's last HISTORY texts before this message, oldest first."""
    rows = session.scalars(
        select(Message.text)
        .where(Message.conversation_id == message.conversation_id, Message.direction == "in", Message.seq < message.seq)
        .order_by(Message.seq.desc())
        .limit(HISTORY)
    )
    return list(rows)[::-1]


def previous_inbound_at(session: Session, message: Message) -> datetime | None:
    """When the client's message before this one came."""
    return session.scalar(
        select(Message.created_at)
        .where(Message.conversation_id == message.conversation_id, Message.direction == "in", Message.seq < message.seq)
        .order_by(Message.seq.desc())
        .limit(1)
    )


def has_holding_reply(session: Session, message: Message) -> bool:
    """Whether the client was already told that the answer to this message is late."""
    found = session.scalar(
        select(Message.id).where(Message.in_reply_to == message.id, Message.kind == "holding").limit(1)
    )
    return found is not None


def after(session: Session, conversation_id: str, seq: int, limit: int = 500) -> list[Message]:
    """Messages of both directions behind number `seq`, in order."""
    return list(
        session.scalars(
            select(Message)
            .where(Message.conversation_id == conversation_id, Message.seq > seq)
            .order_by(Message.seq)
            .limit(limit)
        )
    )


def due(session: Session, conversation_id: str, now: datetime | None = None) -> list[Message]:
    """Outbound messages that are not delivered yet, in order.

    Args:
        now: leaves out what has to wait, unless the client has written since.
    """
    query = select(Message).where(Message.conversation_id == conversation_id, *_is_due(now))
    return list(session.scalars(query.order_by(Message.seq)))


def are_due(session: Session, conversation_ids: Sequence[str], now: datetime) -> dict[str, bool]:
    """Those of the conversations that something is due in (as `due` has it), and whether safety's words are in it."""
    safety = func.max(case((Message.kind == "safety", 1), else_=0))
    query = select(Message.conversation_id, safety).where(Message.conversation_id.in_(conversation_ids), *_is_due(now))
    return {id_: bool(urgent) for id_, urgent in session.execute(query.group_by(Message.conversation_id))}


def _is_due(now: datetime | None) -> list[ColumnElement[bool]]:
    undelivered = [Message.direction == "out", Message.delivered_at.is_(None), Message.refused_at.is_(None)]
    if now is None:
        return undelivered
    later = aliased(Message)
    written_since = select(later.id).where(
        later.conversation_id == Message.conversation_id, later.direction == "in", later.seq > Message.seq
    )
    return [*undelivered, or_(Message.not_before.is_(None), Message.not_before <= now, written_since.exists())]


def conversations_due(session: Session, channel: str, held: bool = False) -> list[str]:
    """Ids of conversations with undelivered messages, among those last used on a channel that still reaches them.

    Args:
        held: only those with a message that had to wait for a time.
    """
    waited = [Message.not_before.is_not(None)] if held else []
    due_ones = select(Message.conversation_id).where(*_is_due(None), *waited)
    return list(
        session.scalars(
            select(Conversation.id)
            .join(Endpoint, (Endpoint.channel == Conversation.channel) & (Endpoint.address == Conversation.address))
            .where(Conversation.id.in_(due_ones), Conversation.channel == channel, Endpoint.unreachable_since.is_(None))
        )
    )


def mark_delivered(session: Session, ids: Sequence[int], now: datetime, channels: Sequence[str] = ()) -> None:
    """Notes that messages have arrived.

    Args:
        channels: only those of conversations last used on one of these. Somebody who reads along elsewhere takes
            nothing away from where the client is.
    """
    change = update(Message).where(Message.id.in_(ids), Message.delivered_at.is_(None))
    if channels:
        here = select(Conversation.id).where(Conversation.channel.in_(channels))
        change = change.where(Message.conversation_id.in_(here))
    session.execute(change.values(delivered_at=now), execution_options={"synchronize_session": False})


def forget_words(session: Session, conversation_id: str) -> None:
    """Empties what the client wrote; the rows stay, so that nothing is answered twice."""
    session.execute(
        update(Message)
        .where(Message.conversation_id == conversation_id, Message.direction == "in")
        .values(text="", payload={}, heard={})
    )
