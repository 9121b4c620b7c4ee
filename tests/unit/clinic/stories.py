"""A client with something in every part of the summary, for its tests."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from bot.clinic.cases import open_case
from bot.clinic.config import ClinicConfig
from bot.clinic.schedule import book, free_slots
from bot.mi.plan import first_person
from bot.mi.state import MIState, Quote, RulerValue
from bot.safety.state import SafetyState
from bot.safety.tiers import Tier
from bot.store.models import Client, Conversation, Message, Questionnaire

SAID = (
    # what the client wrote, and the core's number of the turn it began
    ("i drink most evenings", 1),
    ("my kids see me like that and i hate it", 2),
    ("but it takes the edge off", 3),
    ("8", 4),
    ("a 4 maybe", 5),
    ("leave the wine in the shop on weekdays", 6),
    ("Several days", None),
    ("sometimes i think they'd be better off without me", None),
)
QUOTES = (
    Quote("your kids see you like that and you hate it", "+", "reason", 2),
    Quote("it takes the edge off", "-", "reason", 3),
)
STATE = MIState(
    process="plan",
    topic="drinking",
    turns=6,
    quotes=QUOTES,
    rulers=(RulerValue("importance", 8, 4), RulerValue("confidence", 4, 5)),
    plan={"first_step": "Leave the wine in the shop on weekdays", "why": first_person(QUOTES[0].text, turned=True)},
)


def tell(session: Session, config: ClinicConfig, now: datetime, client_id: str = "ana", marker: str = "") -> Client:
    """Fills the client's conversation `<id>-talk`; nothing is shared yet."""
    client = session.get_one(Client, client_id)
    client.name, client.contact = f"Ana{marker}", f"ana{marker}@mail.example"
    conversation = session.get_one(Conversation, f"{client_id}-talk")
    conversation.mi_state = STATE.to_dict()
    conversation.safety_state = SafetyState(
        tier=Tier.MODERATE, kinds=("suicide",), open=True, answers=(("suicide.wish", "yes"), ("suicide.plan", "no"))
    ).to_dict()
    for number, (text, turn) in enumerate(SAID):
        session.add(
            Message(
                conversation_id=conversation.id,
                seq=2 * number + 1,
                direction="in",
                text=text + marker,
                created_at=now + timedelta(minutes=number),
                answered_at=now,
                heard={"turn": turn} if turn else {},
            )
        )
    conversation.last_seq = 2 * len(SAID)
    session.flush()
    session.add(
        Questionnaire(
            id=f"{client_id}-phq9",
            client_id=client_id,
            conversation_id=conversation.id,
            instrument="phq9",
            status="finished",
            answers=[{"item": str(n), "value": 1 if n < 9 else 0, "seq": 13} for n in range(1, 10)],
            offered_at=now,
            finished_at=now + timedelta(minutes=7),
        )
    )
    risky = session.query(Message).filter_by(conversation_id=conversation.id, seq=15).one()
    case = open_case(
        session,
        config,
        client_id=client_id,
        conversation_id=conversation.id,
        message_id=risky.id,
        reason="risk",
        tier="moderate",
        kinds=["suicide"],
        now=now,
    )
    slot = free_slots(session, config, now=now)[0]
    book(session, config, slot.id, client_id=client_id, conversation_id=conversation.id, now=now, key=client_id)
    case.outcome = None
    session.flush()
    return client
