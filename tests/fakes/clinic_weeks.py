"""Some weeks at the demo clinic, written straight into a database: for looking at the console without waiting weeks.

Every client here is made up.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from playwright.sync_api import Page
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.bus import Bus
from bot.clinic.cases import acknowledge, add_note, close, open_case
from bot.clinic.config import ClinicConfig, Clinician
from bot.clinic.schedule import SlotTaken, book, free_slots
from bot.clinic.takeover import take_over
from bot.console.router import router
from bot.console.staff import create_staff
from bot.store.database import Database
from bot.store.messages import Outbound, add_inbound, add_outbound
from bot.store.models import Base, Client, Conversation, Message
from tests.fakes.served import served

NOW = datetime(2026, 11, 25, 16, 40, tzinfo=UTC)
PASSWORD = "a password for pictures"
NAMES = ("Maya Lind", "Tom Ashworth", None, "Priya Nair", None, "Jonas Weber", None, "Ruth Adeyemi")
LINES: tuple[tuple[str, str, tuple[str, ...], str, tuple[str, ...]], ...] = (
    # what the client says, its talk and codes, what the bot says, its moves
    (
        "I had three glasses again last night. It's the only time of day that's mine",
        "sustain",
        ("-reason",),
        "Those glasses mark the one hour that is yours. What happens on the evenings you don't?",
        ("complex_reflection:reflect", "open_question:evoke.open"),
    ),
    (
        "Honestly I sleep better, and the mornings with my daughter aren't a fight",
        "change",
        ("+reason", "+ability"),
        "Better sleep, and mornings that are easier for both of you.",
        ("simple_reflection:reflect",),
    ),
    (
        "I don't want her to remember me like this",
        "change",
        ("+desire", "+reason"),
        "You want her to remember somebody who was there. What would a first step look like?",
        ("complex_reflection:reflect", "open_question:key_question"),
    ),
    (
        "I could leave the bottle at my sister's on weekdays",
        "change",
        ("+commitment", "+activation"),
        "You have found something you could do this week, on your own terms.",
        ("affirm:affirm.step",),
    ),
    (
        "But Fridays everyone goes out and I can't see myself saying no",
        "sustain",
        ("-ability",),
        "Fridays look hard to change, and it is you who decides what is worth it.",
        ("complex_reflection:reflect", "autonomy:evoke.choice"),
    ),
)


@dataclass(frozen=True)
class ServedConsole:
    """A console in a thread: its address, and ids from `fill`."""

    address: str
    ids: dict[str, str]

    def sign_in(self, page: Page, role: str = "clinician") -> None:
        page.goto(self.address)
        page.get_by_label("E-mail address").fill(f"{role}@clinic.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "sign-in" not in url)


@contextmanager
def served_console(folder: Path) -> Iterator[ServedConsole]:
    """The console of these weeks, on any free port, with its clock standing still."""
    db = Database(f"sqlite:///{folder / 'weeks.db'}")
    Base.metadata.create_all(db.engine)
    config = with_absence(ClinicConfig.demo())
    ids = db.write_now(lambda session: fill(session, config, NOW))
    app = FastAPI()
    app.state.db, app.state.clinic, app.state.session_key = db, config, "a key for pictures"
    app.state.clock, app.state.bus = lambda: NOW, Bus()
    app.include_router(router(app.state))
    with served(app, timeout_graceful_shutdown=1) as address:
        yield ServedConsole(f"{address}/console", ids)
    db.close()


def with_absence(config: ClinicConfig) -> ClinicConfig:
    """The demo clinic with a holiday, and somebody away."""
    away = [{"from": date(2026, 11, 24), "to": date(2026, 11, 24)}]
    okafor = Clinician.model_validate({**config.clinicians[1].model_dump(by_alias=True), "absences": away})
    return config.model_copy(update={"clinicians": (config.clinicians[0], okafor)})


def fill(session: Session, config: ClinicConfig, now: datetime) -> dict[str, str]:
    """Staff (all with PASSWORD), clients, conversations, cases and appointments.

    Returns:
        The ids of a waiting case ("case") and of a client who shares everything ("client").
    """
    rng = random.Random(7)
    people = {
        role: create_staff(session, f"{role}@clinic.example", name, role, PASSWORD, now - timedelta(days=60)).id
        for role, name in (
            ("admin", "Ada Berg"),
            ("clinician", "Dr Rivera"),
            ("front_desk", "Sam Hill"),
            ("auditor", "Lee Odum"),
        )
    }
    clients = [_client(session, name, number, now, rng) for number, name in enumerate(NAMES)]
    for number, client in enumerate(clients):
        _talks(session, client, number, now, rng)
    for number, client in enumerate(clients[:7]):
        for slot in free_slots(session, config, now=now, limit=1, after=now + timedelta(hours=20 + 17 * number)):
            try:
                book(session, config, slot.id, client_id=client.id, conversation_id=_talk(client), now=now, key="k")
            except SlotTaken:
                continue
    return {**_cases(session, config, clients, people, now), "client": clients[0].id}


def _client(session: Session, name: str | None, number: int, now: datetime, rng: random.Random) -> Client:
    began = now - timedelta(days=45 - number * 5, hours=rng.randrange(12))
    client = Client(
        id=uuid.UUID(int=rng.getrandbits(128), version=4).hex,
        name=name,
        contact=f"{name.split()[0].lower()}@mail.example" if name else None,
        share_with_clinic=number in (0, 1, 3),
        consent_version="1",
        consented_at=began,
        created_at=began,
    )
    session.add(client)
    session.flush()
    session.add(
        Conversation(
            id=_talk(client),
            client_id=client.id,
            channel="telegram" if number % 3 == 2 else "web",
            address=client.id,
            created_at=began,
            updated_at=began,
        )
    )
    session.flush()
    return client


def _talk(client: Client) -> str:
    return client.id[::-1]


def _talks(session: Session, client: Client, number: int, now: datetime, rng: random.Random) -> None:
    conversation = session.get_one(Conversation, _talk(client))
    days = sorted({rng.randrange(1, 44) for _ in range(9 if number == 0 else 4)}, reverse=True)
    turn, rulers, quotes = 0, [], []
    for place, day in enumerate(day for day in days if now - timedelta(days=day) > client.created_at):
        at = now - timedelta(days=day, minutes=rng.randrange(400))
        for words, talk, codes, reply, moves in rng.sample(LINES, 4 if place else 3):
            if talk == "sustain" and rng.random() < place / 9:
                continue
            turn, at = turn + 1, at + timedelta(minutes=2)
            message, _ = add_inbound(
                session, conversation.id, external_id=None, kind="text", text=words, payload={}, now=at
            )
            message.tier, message.answered_at = "none", at
            message.heard = {"turn": turn, "process": "evoke", "talk": talk, "codes": list(codes)}
            add_outbound(session, conversation, [Outbound(reply, moves=moves)], message.id, at)
            quotes.append({"text": _turned(words), "sign": codes[0][0], "code": codes[0][1:], "turn": turn})
        if turn:
            for name, start in (("importance", 6), ("confidence", 3), ("readiness", 4)):
                value = min(10, start + place // 2 + rng.randrange(2))
                rulers.append({"name": name, "value": value, "turn": turn})
        conversation.updated_at = at
    plan = {
        "change": "Drink at weekends only",
        "why": "Mornings with my daughter",
        "first_step": "Bottle to my sister's",
    }
    conversation.mi_state = {
        "turns": turn,
        "topic": "drinking",
        "rulers": rulers,
        "quotes": quotes[-6:],
        "plan": plan if number == 0 else {},
    }
    for row in session.query(Message).where(Message.conversation_id == conversation.id, Message.direction == "out"):
        row.delivered_at = row.created_at


def _turned(words: str) -> str:
    return words.replace("I'm", "you're").replace("I ", "you ").replace("me ", "you ")


def _cases(
    session: Session, config: ClinicConfig, clients: list[Client], people: dict[str, str], now: datetime
) -> dict[str, Any]:
    def case(client: Client, reason: Any, tier: str, kinds: list[str], ago: timedelta, text: str) -> Any:
        at = now - ago
        message, _ = add_inbound(session, _talk(client), external_id=None, kind="text", text=text, payload={}, now=at)
        message.tier, message.answered_at = tier, at
        conversation = session.get_one(Conversation, _talk(client))
        conversation.updated_at = at
        reply = "Thank you for telling me. You can call or text 988 at any hour."
        add_outbound(session, conversation, [Outbound(reply, kind="safety")], message.id, at)[0].delivered_at = at
        return open_case(
            session,
            config,
            client_id=client.id,
            conversation_id=_talk(client),
            message_id=message.id,
            reason=reason,
            tier=tier,
            kinds=kinds,
            now=at,
        )

    waiting = case(
        clients[2],
        "risk",
        "high",
        ["suicide"],
        timedelta(minutes=12),
        "I keep thinking they'd be better off without me",
    )
    case(clients[5], "wish", "none", [], timedelta(hours=3, minutes=5), "Can I speak to someone real?")
    seen = case(clients[3], "risk", "moderate", ["self_harm"], timedelta(hours=5), "I hurt myself again on Sunday")
    acknowledge(session, seen.id, people["clinician"], now - timedelta(hours=4, minutes=48))
    add_note(session, seen.id, people["clinician"], "Rang at 11:10, no answer. Trying again at two.", now)
    done = case(clients[1], "risk", "moderate", ["suicide"], timedelta(days=2), "Some nights I don't want to wake up")
    close(session, done.id, people["clinician"], "Spoke with the client; safety plan made", now - timedelta(days=2))
    take_over(session, config, clients[3].id, people["clinician"], now - timedelta(minutes=6))
    for row in session.scalars(select(Message).where(Message.delivered_at.is_(None))):
        row.delivered_at = row.created_at
    later = now - timedelta(minutes=4)
    add_inbound(session, _talk(clients[3]), external_id=None, kind="text", text="oh, hello", payload={}, now=later)
    return {"case": waiting.id, "taken": seen.id}
