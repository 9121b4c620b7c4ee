"""`evoke replay`: client turns through the whole stack, Rasa included, on a throw-away database."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import IO, Any

from sqlalchemy.orm import Session

from bot.app import Evoke, running
from bot.channels.views import view
from bot.commands.lines import BadLine, error_line, parse, texts_of, write
from bot.settings import Settings
from bot.store import messages as store
from bot.store.models import Conversation

SIDE_BY_SIDE = 8


async def replay(settings: Settings, lines: list[str], out: IO[str], start: str = "auto") -> int:
    """Plays every conversation, side by side, and writes their turns in order; the exit status."""
    status = 0
    with tempfile.TemporaryDirectory(prefix="evoke-replay-") as folder:
        private = settings.model_copy(update={"home": Path(folder), "database_url": ""})
        async with running(private) as evoke:
            gate = asyncio.Semaphore(SIDE_BY_SIDE)
            jobs: list[asyncio.Task[list[dict[str, Any]]] | BadLine] = []
            for line in lines:
                if not line.strip():
                    continue
                try:
                    value = parse(line)
                    turns = texts_of(value, "turns")
                except BadLine as error:
                    jobs.append(error)
                    continue
                name = value.get("conversation_id", value.get("id"))
                jobs.append(asyncio.create_task(_play(evoke, gate, name, turns, start)))
            for job in jobs:
                if isinstance(job, BadLine):
                    write(out, error_line(job))
                    status = 1
                    continue
                for row in await job:
                    write(out, row)
    return status


async def _play(evoke: Evoke, gate: asyncio.Semaphore, name: Any, turns: list[str], start: str) -> list[dict[str, Any]]:
    async with gate:
        conversations = evoke.conversations
        made, _ = await conversations.start("replay", f"replay-{id(turns)}")
        if start == "consented" or (start == "auto" and turns and not await _answers_consent(evoke, turns[0])):
            await conversations.receive(made.id, external_id=None, text="yes")
            await _answered(evoke, made.id)
        return [await _turn(evoke, made.id, name, number, text) for number, text in enumerate(turns, 1)]


async def _answers_consent(evoke: Evoke, text: str) -> bool:
    assert evoke.dialogue is not None
    parsed = await evoke.dialogue.parse(text)  # type: ignore[attr-defined]
    return len(text.split()) <= 6 and parsed["intent"]["name"] in ("affirm", "deny", "greet", "ask_privacy", "ask_bot")


async def _turn(evoke: Evoke, conversation_id: str, name: Any, number: int, text: str) -> dict[str, Any]:
    before = await evoke.db.read(lambda session: session.get_one(Conversation, conversation_id).last_seq)
    if text.strip():
        await evoke.conversations.receive(conversation_id, external_id=None, text=text)
        await _answered(evoke, conversation_id)
    rows = await evoke.db.read(lambda session: store.after(session, conversation_id, before))
    conversation = await evoke.db.read(lambda session: session.get_one(Conversation, conversation_id))
    inbound = next((row for row in rows if row.direction == "in"), None)
    replies = [row for row in rows if row.direction == "out"]
    return {
        "conversation_id": name,
        "turn": number,
        "client": text,
        "replies": [_with_extras(view(row)) for row in replies],
        "moves": [move for row in replies for move in row.moves],
        "process": (conversation.mi_state or {}).get("process", "consent"),
        "tier": (inbound.tier if inbound else None) or "none",
    }


def _with_extras(shown: dict[str, Any]) -> str:
    return str(shown["text"])


async def _answered(evoke: Evoke, conversation_id: str) -> None:
    """Waits until nothing of the conversation is open."""

    def is_open(session: Session) -> bool:
        return store.next_open(session, conversation_id) is not None

    with evoke.bus.waiting(conversation_id) as news:
        while await evoke.db.read(is_open):
            news.clear()
            try:
                await asyncio.wait_for(news.wait(), 0.25)
            except TimeoutError:
                continue
