"""What one turn starts from, what it comes to, and how the two meet the database: one reading, one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from bot.clinic.cases import open_risk_case
from bot.clinic.rights import erase_client
from bot.clinic.waiting_list import Standing, standing
from bot.questionnaires import Open, Questionnaires
from bot.safety.state import SafetyState
from bot.safety.tiers import Verdict
from bot.store import messages as store
from bot.store.messages import Outbound
from bot.store.models import Client, Conversation, Endpoint, Message


@dataclass
class Work:
    """What one turn starts from, read in one go."""

    inbound: Message
    conversation: Conversation
    client: Client
    history: list[str]
    previous_at: datetime | None
    open_tier: str | None
    sheets: Open
    waiting: Standing

    def hours_away(self, now: datetime) -> float:
        """Since the client's message before."""
        return (now - self.previous_at).total_seconds() / 3600 if self.previous_at else 0.0


@dataclass
class Result:
    """What one turn comes to, stored in one go."""

    replies: list[Outbound]
    verdict: Verdict
    safety: SafetyState
    mi: dict[str, Any] | None = None
    dialogue: dict[str, Any] | None = None
    heard: dict[str, Any] = field(default_factory=dict)
    effects: list[Callable[[Session], None]] = field(default_factory=list)
    turn_effects: Sequence[Callable[[Session], object]] = ()
    erases: bool = False

    def silenced(self) -> Result:
        """What is left of it when a person has taken over: safety's words and case, nothing of the bot's."""
        said = [reply for reply in self.replies if reply.kind == "safety"]
        return Result(said, self.verdict, self.safety, effects=self.effects)


def load(
    session: Session, conversation_id: str, questionnaires: Questionnaires, now: datetime, first: int | None = None
) -> Work | None:
    """The conversation's next open message, or the open message `first`, and all that its turn needs."""
    inbound = store.next_open(session, conversation_id)
    if inbound is not None and first is not None:
        inbound = session.get_one(Message, first)
    if inbound is None or inbound.answered_at is not None:
        return None
    conversation = session.get_one(Conversation, conversation_id)
    client = session.get_one(Client, conversation.client_id)
    case = open_risk_case(session, client.id)
    return Work(
        inbound,
        conversation,
        client,
        store.earlier_texts(session, inbound),
        store.previous_inbound_at(session, inbound),
        case.tier if case else None,
        questionnaires.load(session, client, now),
        standing(session, client.id, now),
    )


def commit(session: Session, work: Work, result: Result, now: datetime) -> None:
    """Stores everything that a turn came to, and marks its message answered."""
    inbound = session.get(Message, work.inbound.id)
    if inbound is None or inbound.answered_at is not None:
        return  # answered already (another worker, or erased): nothing may be said twice
    conversation = session.get_one(Conversation, inbound.conversation_id)
    if result.erases:
        conversation = erase_and_begin_anew(session, conversation, now)
        store.add_outbound(session, conversation, result.replies, None, now)
        return
    client = session.get_one(Client, conversation.client_id, with_for_update=True)
    if client.taken_by is not None:  # perhaps while this turn was under way
        result = result.silenced()
    inbound.tier, inbound.answered_at, inbound.heard = result.verdict.tier.label, now, result.heard
    conversation.safety_state, conversation.updated_at = result.safety.to_dict(), now
    if result.mi is not None:
        conversation.mi_state = result.mi
    if result.dialogue is not None:
        conversation.dialogue = result.dialogue
    for effect in (*result.effects, *result.turn_effects):
        effect(session)
    if any(reply.kind == "safety" for reply in result.replies):
        store.close_overtaken(session, inbound, now)
    store.add_outbound(session, conversation, result.replies, inbound.id, now)


def erase_and_begin_anew(session: Session, conversation: Conversation, now: datetime) -> Conversation:
    """Erases the client everywhere and leaves an empty conversation, so that the last word can reach them."""
    kept = {name: getattr(conversation, name) for name in ("id", "channel", "address", "last_seq")}
    client_id, language = conversation.client_id, conversation.client.language
    session.expunge_all()
    erase_client(session, client_id, now)
    session.flush()
    fresh = Conversation(
        **kept,
        client=Client(id=client_id, language=language, created_at=now),
        mi_state={},
        safety_state={},
        dialogue={"slots": {"awaiting": "consent"}, "loop": None, "said": []},
        created_at=now,
        updated_at=now,
    )
    session.add(fresh)
    session.flush()
    here = {name: kept[name] for name in ("channel", "address")}  # other places have to be linked anew
    session.add(Endpoint(**here, conversation_id=fresh.id, used_at=now))
    session.flush()
    return fresh
