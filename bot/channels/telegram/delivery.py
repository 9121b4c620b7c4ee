"""Out to Telegram: in order within a chat, safety before everything else, again until it arrives.

Whatever is due stands in the message table; here is only whose turn it is. A scout looks where something may be due,
in all conversations that were named meanwhile at once. A few couriers take one message at a time of the most urgent
conversation, so that a safety reply waits for at most the few calls under way, however many messages stand in line for
Telegram's limit of about 30 a second. What several couriers delivered meanwhile is noted in one transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import heapq
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from telegram import Bot, InlineKeyboardMarkup
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.channels.telegram import render
from bot.store import messages as store
from bot.store import places
from bot.store.database import Database
from bot.store.models import Conversation, Message

log = structlog.get_logger()
COURIERS = 8
AT_ONCE = 200
"""Conversations that are looked through in one reading."""
SAFETY, OTHER = 0, 1
"""How urgent what a conversation has due is."""
FAREWELL_SECONDS = 5.0
RETRY_SECONDS = (1, 2, 5, 15, 60)
GONE = ("chat not found", "user is deactivated", "peer_id_invalid")
"""What Telegram says (lower case) of a chat that is no more."""
MakeFile = Callable[[Session, str, str], bytes | None]
"""(session, conversation's id, file's name) -> the file."""
MakeLink = Callable[[str, str], Awaitable[str]]
"""(conversation's id, "web" or "telegram") -> a link that opens it there, once."""


@dataclass(frozen=True)
class _Next:
    """The message that a conversation is due next."""

    chat: int
    row: Message
    behind: int | None
    """How urgent what comes after it is; None where nothing does."""


class Delivery:
    """Delivers what is due on conversations that were last used on Telegram.

    Args:
        make_file: for cards with a download; it is sent as a document.
    """

    def __init__(
        self, bot: Bot, db: Database, clock: Callable[[], datetime], make_file: MakeFile, make_link: MakeLink
    ) -> None:
        self.bot, self.db, self.clock, self.make_file, self.make_link = bot, db, clock, make_file, make_link
        self._named: dict[str, None] = {}
        self._name = asyncio.Event()
        self._arrived: list[int] = []
        self._noting = asyncio.Lock()
        self._line: list[tuple[int, int, str]] = []
        self._places: dict[str, int] = {}
        self._busy: set[str] = set()
        self._again: set[str] = set()
        self._failures: Counter[str] = Counter()
        self._numbers = itertools.count()
        self._something = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._couriers: list[asyncio.Task[None]] = []
        self._stopping = False

    def start(self) -> None:
        self._spawn(self._scout())
        self._couriers = [self._spawn(self._courier()) for _ in range(COURIERS)]

    async def stop(self) -> None:
        """Lets what is on its way arrive and be noted, so that a restart sends nothing twice."""
        self._stopping = True
        self._something.set()
        if self._couriers:
            await asyncio.wait(self._couriers, timeout=FAREWELL_SECONDS)
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def waiting(self) -> int:
        """How many conversations stand in line."""
        return len(self._places)

    def look(self, conversation_id: str) -> None:
        """Something may be due here."""
        self._named[conversation_id] = None
        self._name.set()

    # -- the line --------------------------------------------------------------------------------------------------

    async def _scout(self) -> None:
        while True:
            await self._name.wait()
            self._name.clear()
            named, self._named = [*self._named], {}
            for at in range(0, len(named), AT_ONCE):
                await self._look_through(named[at : at + AT_ONCE])

    async def _look_through(self, named: list[str]) -> None:
        try:
            found = await self.db.read(lambda session: store.are_due(session, named, self.clock()))
        except Exception as error:  # a scout must never be lost
            log.warning("telegram_look_failed", conversations=len(named), why=type(error).__name__)
            for conversation_id in named:
                self._later(conversation_id)
            return
        for conversation_id, is_safety in found.items():
            self._stand(conversation_id, SAFETY if is_safety else OTHER)

    def _stand(self, conversation_id: str, urgency: int) -> None:
        if conversation_id in self._busy:
            self._again.add(conversation_id)
        elif self._places.get(conversation_id, urgency + 1) > urgency:
            self._places[conversation_id] = urgency
            heapq.heappush(self._line, (urgency, next(self._numbers), conversation_id))
            self._something.set()

    def _take(self) -> str | None:
        while self._line:
            urgency, _, conversation_id = heapq.heappop(self._line)
            if self._places.get(conversation_id) == urgency and conversation_id not in self._busy:
                del self._places[conversation_id]
                return conversation_id
        if not self._stopping:
            self._something.clear()
        return None

    def _later(self, conversation_id: str) -> None:
        """Tries again after a while, longer each time."""
        wait = RETRY_SECONDS[min(self._failures[conversation_id], len(RETRY_SECONDS) - 1)]
        self._failures[conversation_id] += 1
        asyncio.get_running_loop().call_later(wait, self.look, conversation_id)

    async def _courier(self) -> None:
        while not self._stopping:
            conversation_id = self._take()
            if conversation_id is None:
                await self._something.wait()
                continue
            self._busy.add(conversation_id)
            behind, failed = None, False
            try:
                behind = await self._one(conversation_id)
                self._failures.pop(conversation_id, None)
            except (TelegramError, SQLAlchemyError) as error:
                # Telegram away, or the database: what is due stays due, and the same message is first again.
                log.warning("telegram_send_failed", conversation=conversation_id, why=type(error).__name__)
                failed = True
            except Exception as error:  # a courier must never be lost
                log.error("telegram_send_broke", conversation=conversation_id, why=type(error).__name__)
                failed = True
            finally:
                self._busy.discard(conversation_id)
            if failed:
                self._again.discard(conversation_id)
                self._later(conversation_id)
                continue
            if behind is not None:
                self._stand(conversation_id, behind)
            if conversation_id in self._again:
                self._again.discard(conversation_id)
                self.look(conversation_id)

    # -- one message -----------------------------------------------------------------------------------------------

    async def _one(self, conversation_id: str) -> int | None:
        """Sends the next message; how urgent the rest is."""
        due = await self.db.read(lambda session: _next(session, conversation_id, self.clock()))
        if due is None:
            return None
        try:
            await self._send(due.chat, due.row)
        except Forbidden:
            await self._unreachable(due, "blocked")
            return None
        except BadRequest as error:
            if any(words in error.message.lower() for words in GONE):
                await self._unreachable(due, "gone")
                return None
            # Refused for what it is: the same again would be refused again, and hold up the rest.
            log.error("telegram_refused", conversation=conversation_id, message=due.row.id, why=error.message)
            await self._surely(lambda session: _set_refused(session, due.row.id, self.clock()))
            return due.behind
        await self._note(due.row.id)
        return due.behind

    async def _send(self, chat: int, row: Message) -> None:
        """The parts that were not sent yet; a kill between two parts repeats neither."""
        texts, keyboard, name = render.texts(row), render.keyboard(row), render.file_of(row)
        if row.payload.get("go_on"):  # made now, shown once, and kept nowhere
            texts, name = [f"{row.text}\n\n{await self.make_link(row.conversation_id, row.payload['go_on'])}"], None
        steps = len(texts) + (name is not None)
        for number in range(row.parts_sent, steps):
            if number < len(texts):
                await self._text(chat, texts[number], keyboard if number == len(texts) - 1 else None)
            elif name is not None:
                made = await self.db.read(lambda session: self.make_file(session, row.conversation_id, name))
                if made is not None:
                    await self.bot.send_document(chat, made, filename=name)
            if number < steps - 1:
                await self._surely(functools.partial(_set_parts, row_id=row.id, sent=number + 1))

    async def _text(self, chat: int, text: str, keyboard: InlineKeyboardMarkup | None) -> None:
        try:
            await self.bot.send_message(chat, text, reply_markup=keyboard)
        except BadRequest as error:
            if keyboard is None or any(words in error.message.lower() for words in GONE):
                raise
            await self.bot.send_message(chat, text)  # the words matter more than the buttons

    async def _unreachable(self, due: _Next, why: str) -> None:
        log.warning("telegram_" + why, conversation=due.row.conversation_id)
        now = self.clock()
        await self._surely(lambda session: places.set_unreachable(session, "telegram", str(due.chat), now))

    async def _note(self, row_id: int) -> None:
        """Notes that a message has arrived, with all that did while the ones before were being noted."""
        self._arrived.append(row_id)
        async with self._noting:
            if row_id in self._arrived:
                ids, self._arrived = self._arrived, []
                await self._surely(lambda session: store.mark_delivered(session, ids, self.clock()))

    async def _surely(self, note: Callable[[Session], Any]) -> None:
        """Notes what has happened at Telegram: a database that is away now must not make us send it again."""
        for wait in RETRY_SECONDS:
            with contextlib.suppress(SQLAlchemyError):
                await self.db.write(note)
                return
            await asyncio.sleep(wait)
        await self.db.write(note)

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _next(session: Session, conversation_id: str, now: datetime) -> _Next | None:
    conversation = session.get(Conversation, conversation_id)
    if conversation is None or conversation.channel != "telegram":
        return None
    if places.unreachable_since(session, conversation) is not None:
        return None  # what is due waits for them to come back
    rows = store.due(session, conversation_id, now)
    if not rows:
        return None
    behind = min((SAFETY if row.kind == "safety" else OTHER for row in rows[1:]), default=None)
    return _Next(int(conversation.address), rows[0], behind)


def _set_refused(session: Session, row_id: int, now: datetime) -> None:
    row = session.get(Message, row_id)
    if row is not None:
        row.refused_at = now


def _set_parts(session: Session, row_id: int, sent: int) -> None:
    row = session.get(Message, row_id)
    if row is not None:
        row.parts_sent = sent
