"""One inbound message becomes replies: stored, screened, worked on in order, answered once.

Theory of operation. `receive` stores a message before the channel acknowledges it and wakes the conversation's worker.
A worker takes a conversation's open messages one by one and has `bot.answering` answer them; then, in ONE transaction,
the replies, the new state, cases, holds and alerts are stored, and the message is marked answered (`bot.work`). A
process killed anywhere in between has changed nothing, and `recover` begins the same turn again: turns are seeded by
their message, so it comes out the same. When Rasa is down the message stays open, the client is told once, and the
worker tries again. A message with risk in it is never kept waiting by one before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.orm import Session

from bot.answering import Answering
from bot.bus import Bus
from bot.dialogue import DialogueAnswer, DialogueDown
from bot.errors import place_of
from bot.metrics import ANSWERED, SECONDS
from bot.mi.draft import sentence_id
from bot.safety.tiers import Tier
from bot.store import messages as store
from bot.store import places
from bot.store.database import Database
from bot.store.messages import Outbound
from bot.store.models import Client, Conversation, Message
from bot.work import Result, Work, commit, load

log = structlog.get_logger()
RETRY_SECONDS = (0.5, 1.0, 2.0, 3.0, 3.0, 5.0, 10.0)
"""Pauses before an unanswered message is tried again; the last one repeats."""


class Overtaken(Exception):
    """A later message with risk in it has to be answered first."""


class Conversations:
    """Receives, works and answers. One per process; all its state is in the database."""

    def __init__(
        self, *, db: Database, answering: Answering, bus: Bus, clock: Callable[[], datetime], patience: float = 0.0
    ) -> None:
        """`patience`: the seconds that an answer may be late before the client is told so."""
        self.db, self.answering, self.bus, self.clock = db, answering, bus, clock
        self.clinic, self.place = answering.clinic, answering.place
        self.patience = patience
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._news: dict[str, asyncio.Event] = {}
        self._risky: dict[str, dict[int, bool]] = {}

    # -- what channels call ----------------------------------------------------------------------------------------

    async def start(
        self, channel: str, address: str, *, language: str = "en", time_zone: str | None = None
    ) -> tuple[Conversation, list[Message]]:
        """A new conversation, opened by the welcome and the question for consent. Needs no Rasa."""
        now = self.clock()
        greeting = self.answering.greeting(channel)
        dialogue = {"slots": {"awaiting": "consent"}, "loop": None, "said": [sentence_id(g.text) for g in greeting]}

        def write(session: Session) -> tuple[Conversation, list[Message]]:
            row = store.new_conversation(
                session,
                channel=channel,
                address=address,
                language=language,
                time_zone=time_zone,
                greeting=greeting,
                dialogue=dialogue,
                now=now,
            )
            return row, store.after(session, row.id, 0)

        conversation, messages = await self.db.write(write)
        self.bus.signal(conversation.id)
        return conversation, messages

    async def receive(
        self,
        conversation_id: str,
        *,
        external_id: str | None,
        text: str,
        kind: str = "text",
        payload: dict[str, Any] | None = None,
        place: tuple[str, str] | None = None,
    ) -> tuple[Message, bool]:
        """Stores a message and has it worked on. A repeat of `external_id` gives the first row and False.

        Args:
            place: channel and address that it came from, when that may be another one than the last time.

        Raises:
            NoSuchConversation: there is none with this id.
            OperationalError: the database is down; nothing was stored, and the channel must say so.
        """
        now = self.clock()

        def write(session: Session) -> tuple[Message, bool]:
            if place is not None and (conversation := session.get(Conversation, conversation_id)) is not None:
                places.use(session, conversation, *place, now)
            return store.add_inbound(
                session, conversation_id, external_id=external_id, kind=kind, text=text, payload=payload or {}, now=now
            )

        row, is_new = await self.db.write(write)
        if is_new:
            self.bus.signal(conversation_id)
        self.wake(conversation_id)
        return row, is_new

    def announce(self, conversation_id: str) -> None:
        """A channel has stored something by itself: channels deliver what is due, and a worker looks."""
        self.bus.signal(conversation_id)
        self.wake(conversation_id)

    def wake(self, conversation_id: str) -> None:
        """Makes sure that a worker looks at this conversation from now on."""
        worker = self._workers.get(conversation_id)
        if worker is None or worker.done():
            task = asyncio.create_task(self._work(conversation_id), name=f"work-{conversation_id}")
            self._workers[conversation_id] = task
        else:
            self._again.add(conversation_id)
            self._news.setdefault(conversation_id, asyncio.Event()).set()

    async def recover(self) -> int:
        """Takes up every message that a stopped process left open; how many conversations that were."""
        waiting = await self.db.read(store.conversations_with_open_messages)
        for conversation_id in waiting:
            self.wake(conversation_id)
        return len(waiting)

    async def idle(self) -> None:
        """Returns when no worker has anything left to do."""
        while busy := [task for task in self._workers.values() if not task.done()]:
            await asyncio.wait(busy)

    async def close(self) -> None:
        for task in self._workers.values():
            task.cancel()
        await asyncio.gather(*self._workers.values(), return_exceptions=True)
        self.answering.close()

    # -- working ---------------------------------------------------------------------------------------------------

    async def _work(self, conversation_id: str) -> None:
        tries, news = 0, self._news.setdefault(conversation_id, asyncio.Event())
        risky = self._risky.setdefault(conversation_id, {})
        begun = time.monotonic()
        while True:
            self._again.discard(conversation_id)
            news.clear()
            try:
                waiting, work = await self.db.read(
                    lambda session: (
                        store.open_messages(session, conversation_id, risky),
                        self._load(session, conversation_id),
                    )
                )
                first = await self._first_with_risk(conversation_id, waiting, with_first=not tries)
                if work is not None and first not in (None, work.inbound.id):
                    work = await self.db.read(
                        functools.partial(self._load, conversation_id=conversation_id, first=first)
                    )
                if work is None:
                    if conversation_id in self._again:
                        continue
                    break
                begun = begun if tries else time.monotonic()
                self.bus.typing(conversation_id, work.client.taken_by is None)
                with SECONDS.time():
                    answered = await self._answer(work, begun)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                # Whatever went wrong, the message stays open and is tried again; the log names no words of it.
                log.error("turn_failed", conversation=conversation_id, why=type(error).__name__, at=place_of(error))
                answered = False
            if answered or time.monotonic() - begun > self.patience:
                self.bus.typing(conversation_id, False)
            tries = 0 if answered else tries + 1
            if not answered and not news.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), RETRY_SECONDS[min(tries, len(RETRY_SECONDS)) - 1])
        self._workers.pop(conversation_id, None)
        self._news.pop(conversation_id, None)
        self._risky.pop(conversation_id, None)

    def _load(self, session: Session, conversation_id: str, first: int | None = None) -> Work | None:
        return load(session, conversation_id, self.answering.questionnaires, self.clock(), first)

    async def _answer(self, work: Work, begun: float) -> bool:
        """Answers one message, first tried at `begun` by the monotonic clock; False when it stays open."""
        waits = functools.partial(self._unless_risk_waits, work.inbound.conversation_id)
        try:
            await self._store(work, await self.answering.answer(work, self.clock(), waits))
        except Overtaken:
            return False
        except DialogueDown as error:
            log.warning("dialogue_down", why=str(error))
            await self._hold_on(work, begun)
            return False
        return True

    async def _first_with_risk(
        self, conversation_id: str, waiting: list[tuple[int, str, list[str]]], *, with_first: bool = False
    ) -> int | None:
        """The first open message with risk in it; it must not be kept waiting by one before it.

        Each is looked at once, however many wait with it: ten messages in a row are ten looks, not fifty-five.

        Args:
            with_first: the one that is next has not been tried; with risk in it, it stays the next.
        """
        if len(waiting) < 2:
            return None
        risky = self._risky.setdefault(conversation_id, {})
        for id_, text, history in waiting if with_first else waiting[1:]:
            if id_ not in risky:
                try:
                    risky[id_] = (await self.answering.screen(text, history)).tier >= Tier.CHECK_IN
                except Exception:
                    risky[id_] = True  # its turn fails closed, and at once
            if risky[id_]:
                return id_
        return None

    async def _unless_risk_waits(self, conversation_id: str, turn: Awaitable[DialogueAnswer]) -> DialogueAnswer:
        """The dialogue's answer, unless a message with risk comes in while it is awaited.

        Raises:
            Overtaken: one did.
        """
        call = asyncio.ensure_future(turn)
        news = self._news.setdefault(conversation_id, asyncio.Event())
        try:
            while not call.done():
                heard = asyncio.ensure_future(news.wait())
                await asyncio.wait({call, heard}, return_when=asyncio.FIRST_COMPLETED)
                heard.cancel()
                if news.is_set() and not call.done():
                    news.clear()
                    known = self._risky.get(conversation_id, {})
                    waiting = await self.db.read(
                        functools.partial(store.open_messages, conversation_id=conversation_id, known=known)
                    )
                    if await self._first_with_risk(conversation_id, waiting) is not None:
                        raise Overtaken
            return call.result()
        finally:
            call.cancel()

    async def _hold_on(self, work: Work, begun: float) -> None:
        """Tells the client once, honestly, that the answer is late. The message stays open.

        Not before `patience` is over: Rasa is away for some seconds whenever it starts.
        """
        if time.monotonic() - begun < self.patience:
            return
        now = self.clock()
        words = Outbound(
            self.answering.words("holding", work.inbound.seq), kind="holding", moves=("structure:holding",)
        )

        def write(session: Session) -> bool:
            row = session.get(Message, work.inbound.id)
            if row is None or store.has_holding_reply(session, row):
                return False
            conversation = session.get_one(Conversation, row.conversation_id)
            if session.get_one(Client, conversation.client_id).taken_by is not None:
                return False
            store.add_outbound(session, conversation, [words], row.id, now)
            return True

        if await self.db.write(write):
            self.bus.signal(work.inbound.conversation_id)

    async def _store(self, work: Work, result: Result) -> None:
        now = self.clock()
        await self.db.write(lambda session: commit(session, work, result, now))
        if result.erases:
            await asyncio.to_thread(self.db.forget_old_pages)
        ANSWERED.labels(tier=result.verdict.tier.label).inc()
        self.bus.signal(work.inbound.conversation_id)
