"""Telegram by python-telegram-bot 22, polling.

How to run: set EVOKE_TELEGRAM_TOKEN (from @BotFather) and start `make run`.

An update is stored before Telegram is told that it was taken (the next getUpdates does that), and stored once by its
update_id; so a killed process neither loses nor doubles a message. Replies leave in order per chat and are marked
delivered one by one; between Telegram's yes and that mark a kill can send one message again, which Telegram's API
gives no means to prevent.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.constants import ChatAction, ChatType
from telegram.error import BadRequest, Forbidden, RetryAfter, TelegramError
from telegram.ext import AIORateLimiter, ExtBot
from telegram.request import HTTPXRequest

from bot.bus import Bus
from bot.channels.views import plain_text, view
from bot.conversation import Conversations
from bot.store import messages as store
from bot.store.database import Database
from bot.store.models import Conversation
from bot.store.models import Message as Row

log = structlog.get_logger()
POLL_SECONDS = 25
ALLOWED_UPDATES = ["message", "edited_message", "callback_query"]
COMMANDS: dict[str, tuple[str, str]] = {
    # command -> (what the menu says, what the client says with it)
    "start": ("begin, or go on", "hello"),
    "help": ("what I can do", "what can you do?"),
    "crisis": ("numbers to call now", "which number can i call in a crisis"),
    "human": ("talk to a person", "i want to talk to a person"),
    "plan": ("my plan", "show me my plan"),
    "stop": ("stop for now", "stop"),
    "export": ("a copy of my data", "can i get a copy of my data"),
    "delete": ("delete everything", "delete everything"),
    "privacy": ("who reads this", "who reads this?"),
}
RETRY_SECONDS = (1, 2, 5, 15, 60)
MAX_LENGTH = 4096
INVITATION = re.compile(r"[\w-]{1,64}")  # what a /start link can carry (Bot API, deep linking)


class TelegramChannel:
    """Polls, stores, and delivers. Private chats only.

    Args:
        base_url: of the Bot API, up to the token; tests point it at a local stand-in.
    """

    def __init__(self, conversations: Conversations, db: Database, bus: Bus, token: str, base_url: str) -> None:
        self.conversations, self.db, self.bus = conversations, db, bus
        self.bot: Bot = ExtBot(
            token,
            base_url=base_url,
            request=HTTPXRequest(connection_pool_size=32),
            get_updates_request=HTTPXRequest(read_timeout=POLL_SECONDS + 10),
            rate_limiter=AIORateLimiter(max_retries=5),
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._delivering: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._known: set[str] = set()
        self._told_of_trouble: set[int] = set()
        self._stopped = False

    async def start(self) -> None:
        """Begins to poll; returns at once, and keeps trying when Telegram cannot be reached."""
        self.bus.listen(self._signalled)
        self._spawn(self._poll())

    async def stop(self) -> None:
        self._stopped = True
        tasks = [*self._tasks, *self._delivering.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TelegramError):
            await self.bot.shutdown()

    # -- in --------------------------------------------------------------------------------------------------------

    async def _poll(self) -> None:
        await self._until_it_works(self._introduce)
        for conversation_id in await self.db.read(lambda session: store.conversations_due(session, "telegram")):
            self._known.add(conversation_id)
            self._signalled(conversation_id)
        offset, failures = 0, 0
        while not self._stopped:
            try:
                updates = await self.bot.get_updates(
                    offset=offset, timeout=POLL_SECONDS, allowed_updates=ALLOWED_UPDATES
                )
                for update in updates:
                    try:
                        await self.take(update)
                    except SQLAlchemyError:
                        await self._say_without_database(update)
                        raise
                    offset = update.update_id + 1
                failures = 0
            except RetryAfter as error:
                await asyncio.sleep(_seconds(error))
            except Exception as error:
                # Telegram away, or the database: the update stays with Telegram and is asked for again.
                log.warning("telegram_poll_failed", why=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1

    async def _introduce(self) -> None:
        await self.bot.initialize()
        await self.bot.set_my_commands([BotCommand(name, says) for name, (says, _) in COMMANDS.items()])

    async def take(self, update: Update) -> None:
        """Stores one update and has it answered; a repeat changes nothing."""
        query, message = update.callback_query, update.effective_message
        chat = update.effective_chat
        if chat is None or chat.type != ChatType.PRIVATE or (message is None and query is None):
            return
        kind, text, payload = _content(update, message)
        conversation, is_new = await self._conversation(str(chat.id), update)
        if is_new and text == COMMANDS["start"][1]:
            return  # the welcome was just sent: /start said no more than that
        await self.conversations.receive(
            conversation.id,
            external_id=f"update-{update.update_id}",
            text=text,
            kind=kind,
            payload={"payload": payload} if payload else {},
        )
        if query is not None:
            self._spawn(self._acknowledge(update, text))
        self._spawn(self._typing(chat.id))

    async def _conversation(self, chat_id: str, update: Update) -> tuple[Conversation, bool]:
        """The chat's conversation, and whether it has only just begun."""
        found = await self.db.read(lambda session: store.by_address(session, "telegram", chat_id))
        if found is not None:
            self._known.add(found.id)
            return found, False
        language = (update.effective_user.language_code if update.effective_user else None) or "en"
        made, _ = await self.conversations.start("telegram", chat_id, language=language)
        self._known.add(made.id)
        self._signalled(made.id)
        return made, True

    async def _say_without_database(self, update: Update) -> None:
        """The fixed words with the crisis line, once an update; Telegram keeps it until it can be stored."""
        chat = update.effective_chat
        if chat is None or chat.type != ChatType.PRIVATE or update.update_id in self._told_of_trouble:
            return
        self._told_of_trouble.add(update.update_id)
        words = self.conversations.protocol.static_reply(self.conversations.place)
        with contextlib.suppress(TelegramError):
            await self.bot.send_message(chat.id, words.text)

    async def _acknowledge(self, update: Update, chosen: str) -> None:
        query = update.callback_query
        assert query is not None
        with contextlib.suppress(TelegramError):
            await query.answer()
            if isinstance(query.message, Message):
                await query.edit_message_text(f"{query.message.text}\n\n> {chosen}", reply_markup=None)

    async def _typing(self, chat_id: int) -> None:
        with contextlib.suppress(TelegramError):
            await self.bot.send_chat_action(chat_id, ChatAction.TYPING)

    # -- out -------------------------------------------------------------------------------------------------------

    def _signalled(self, conversation_id: str) -> None:
        if self._stopped or conversation_id not in self._known:
            return
        task = self._delivering.get(conversation_id)
        if task is None or task.done():
            self._delivering[conversation_id] = asyncio.create_task(self._deliver(conversation_id))
        else:
            self._again.add(conversation_id)

    async def _deliver(self, conversation_id: str) -> None:
        """Sends what is due, in order, until nothing is left."""
        failures = 0
        while True:
            self._again.discard(conversation_id)
            try:
                rows = await self.db.read(lambda session: store.due(session, conversation_id))
                if not rows and conversation_id not in self._again:
                    return
                chat_id = await self.db.read(lambda session: _chat_id(session.get_one(Conversation, conversation_id)))
                for row in rows:
                    await self._send(chat_id, row)
                    await self._mark(row.id)
                    failures = 0
            except Exception as error:
                # Telegram away, or the database: what is due stays due.
                log.warning("telegram_send_failed", why=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1  # and the same row first again

    async def _mark(self, row_id: int) -> None:
        now = self.conversations.clock()
        await self.db.write(lambda session: store.mark_delivered(session, [row_id], now))

    async def _send(self, chat_id: int, row: Row) -> None:
        shown = view(row)
        try:
            await self.bot.send_message(chat_id, _telegram_text(shown)[:MAX_LENGTH], reply_markup=_keyboard(shown))
        except (Forbidden, BadRequest) as error:
            # Blocked, or refused for what it is: the same again would be refused again, and hold up the rest.
            log.warning("telegram_refused", conversation=row.conversation_id, why=type(error).__name__)

    async def _until_it_works(self, step: Any) -> None:
        failures = 0
        while True:
            try:
                await step()
                return
            except TelegramError as error:
                log.warning("telegram_not_reached", why=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _chat_id(conversation: Conversation) -> int:
    return int(conversation.address)


def _content(update: Update, message: Any) -> tuple[str, str, str]:
    """(kind, text, payload) of an update: a pressed button, a command, a text, or something that is not text."""
    if update.callback_query is not None:
        title, payload = _pressed(update)
        return "button", title, payload
    text = message.text or message.caption or ""
    if update.edited_message is not None or not message.text:
        # An edit is answered, and never changes what was said before. Its words, like a caption's, are screened.
        return "attachment", text, ""
    command, _, rest = text.partition(" ")
    name = command[1:].split("@")[0].lower() if command.startswith("/") else ""
    if name in COMMANDS and (not rest or (name == "start" and INVITATION.fullmatch(rest))):
        return "text", COMMANDS[name][1], ""
    return "text", text, ""  # a command with words behind it is taken for its words


def _pressed(update: Update) -> tuple[str, str]:
    query = update.callback_query
    assert query is not None
    data = query.data or ""
    markup = query.message.reply_markup if isinstance(query.message, Message) else None
    for row in markup.inline_keyboard if markup else ():
        for button in row:
            if button.callback_data == data:
                return button.text, data
    return data, data


def _telegram_text(shown: dict[str, Any]) -> str:
    bare = {k: v for k, v in shown.items() if k not in ("buttons", "slots", "ruler")}
    if shown.get("slots"):
        bare["slots"] = shown["slots"]
    return plain_text(bare)


def _keyboard(shown: dict[str, Any]) -> InlineKeyboardMarkup | None:
    """Buttons, slots or the two rows of a ruler. Callback data is at most 64 bytes (Bot API)."""
    if shown.get("ruler"):
        numbers = [InlineKeyboardButton(str(n), callback_data=str(n)) for n in range(11)]
        return InlineKeyboardMarkup([numbers[:6], numbers[6:]])
    if shown.get("slots"):
        return InlineKeyboardMarkup(
            [[InlineKeyboardButton(s["label"], callback_data=_short(f"slot:{s['id']}"))] for s in shown["slots"]]
        )
    if shown.get("buttons"):
        return InlineKeyboardMarkup(
            [[InlineKeyboardButton(b["title"], callback_data=_short(b["payload"]))] for b in shown["buttons"]]
        )
    return None


def _short(data: str) -> str:
    return data if len(data.encode()) <= 64 else hashlib.sha256(data.encode()).hexdigest()[:32]


def _seconds(error: RetryAfter) -> float:
    wait = error.retry_after
    return float(wait.total_seconds() if hasattr(wait, "total_seconds") else wait)
