"""Telegram by python-telegram-bot 22, by polling or by a webhook.

How to run: set EVOKE_TELEGRAM_TOKEN (from @BotFather) and start `make run`; that polls. With EVOKE_PUBLIC_URL and
EVOKE_TELEGRAM_WEBHOOK_SECRET set as well, Telegram calls us (webhook.py).

An update is stored before Telegram is told that it was taken (by the next getUpdates, or by answering its call), and
once by its update_id; so a killed process neither loses nor doubles a message. This is why PTB's own Application and
Updater are not used: they confirm an update before it is worked on. Replies leave in order per chat and are marked
delivered one by one; between Telegram's yes and that mark a kill can send one message again, which Telegram's API
gives no means to prevent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from telegram import Bot, BotCommand, Message, Update
from telegram.constants import ChatAction, ChatMemberStatus, ChatType
from telegram.error import RetryAfter, TelegramError
from telegram.ext import AIORateLimiter, ExtBot
from telegram.request import HTTPXRequest

from bot import requests
from bot.channels.files import maker
from bot.channels.limits import ALL_CODES_PER_MINUTE, CODES_PER_MINUTE, RateLimit
from bot.channels.links import links
from bot.channels.problems import Problem
from bot.channels.telegram.delivery import RETRY_SECONDS, Delivery
from bot.channels.telegram.incoming import read
from bot.channels.telegram.intake import CHANNEL, Arrival, Taken, set_blocked
from bot.channels.telegram.order import InOrder, Locks
from bot.channels.telegram.words import word
from bot.conversation import Conversations
from bot.store import messages as store
from bot.store import places
from bot.store.codes import make_code
from bot.store.database import Database

log = structlog.get_logger()
POLL_SECONDS = 25
TYPING_SECONDS = 4.5
"""Telegram shows "typing" for five seconds at most."""
CROWD = 20
"""Chats in line for delivery from which on nobody is shown that we type: the calls are needed for words."""
ALLOWED_UPDATES = ["message", "edited_message", "callback_query", "my_chat_member"]
TRIES = 3
"""How often an update that breaks something is tried before it is left aside."""


@dataclass(frozen=True)
class Access:
    """How the Bot API is reached, and how it reaches us.

    `webhook`: our public address for it, or empty for polling; `secret`: what Telegram proves itself with there.
    `web`: address of the clinic's own chat page, named as the private way, or empty.
    """

    token: str
    base_url: str
    webhook: str = ""
    secret: str = ""
    web: str = ""
    messages_per_second: float = 25.0


class TelegramChannel:
    """Takes updates in and delivers replies. Private chats only."""

    def __init__(self, conversations: Conversations, db: Database, access: Access) -> None:
        self.conversations, self.db, self.access, self.bus = conversations, db, access, conversations.bus
        self.bot: Bot = ExtBot(
            access.token,
            base_url=access.base_url,
            # A long wait for the answer: a message that Telegram took but did not confirm would be sent twice
            request=HTTPXRequest(connection_pool_size=64, read_timeout=30, pool_timeout=30),
            get_updates_request=HTTPXRequest(read_timeout=10),  # on top of POLL_SECONDS
            rate_limiter=AIORateLimiter(overall_max_rate=access.messages_per_second, max_retries=5),
        )
        self.delivery = Delivery(self.bot, db, conversations.clock, self._file, self._link)
        self.name = ""
        """The bot's user name, once Telegram has told it."""
        self._codes, self._all_codes = RateLimit(CODES_PER_MINUTE, "codes"), RateLimit(ALL_CODES_PER_MINUTE, "codes")
        self._order, self._locks = InOrder(), Locks()
        self._tasks: set[asyncio.Task[None]] = set()
        self._known: set[str] = set()
        self._told_of_trouble: set[int] = set()
        self._broken: Counter[int] = Counter()
        self._stopped = False

    async def start(self) -> None:
        """Begins; returns at once, and keeps trying when Telegram cannot be reached."""
        self.bus.listen(self._signalled)
        self.delivery.start()
        self._spawn(self._begin())

    async def stop(self) -> None:
        self._stopped = True
        await self.delivery.stop()
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TelegramError):
            await self.bot.shutdown()

    async def _begin(self) -> None:
        await self._until_it_works(self._recover)
        await self._until_it_works(self._introduce)
        if not self.access.webhook:
            await self._poll()

    async def _recover(self) -> None:
        """Takes up what a stopped process left undelivered."""
        self._known |= set(await self.db.read(lambda session: places.addresses(session, CHANNEL)))
        for conversation_id in await self.db.read(lambda session: store.conversations_due(session, CHANNEL)):
            self.delivery.look(conversation_id)

    async def _introduce(self) -> None:
        await self.bot.initialize()
        self.name = self.bot.username
        await self.bot.set_my_commands([BotCommand(name, says["menu"]) for name, says in requests.commands().items()])
        if self.access.webhook:
            await self.bot.set_webhook(
                self.access.webhook, secret_token=self.access.secret, allowed_updates=ALLOWED_UPDATES
            )
        else:
            await self.bot.delete_webhook()  # Telegram serves either way, not both

    # -- in --------------------------------------------------------------------------------------------------------

    async def _poll(self) -> None:
        offset, failures = 0, 0
        while not self._stopped:
            try:
                updates, behind = await self._ask(offset)
                await self._take_all(updates)
                offset = behind
                failures = 0
            except RetryAfter as error:
                await asyncio.sleep(_seconds(error))
            except Exception as error:
                # Telegram away, or the database: the updates stay with Telegram and are asked for again.
                log.warning("telegram_poll_failed", why=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1

    async def _ask(self, offset: int) -> tuple[Sequence[Update], int]:
        """The next updates, and the number behind them."""
        try:
            updates = await self.bot.get_updates(offset=offset, timeout=POLL_SECONDS, allowed_updates=ALLOWED_UPDATES)
            return updates, max((update.update_id + 1 for update in updates), default=offset)
        except TelegramError:
            raise
        except Exception as error:  # one that cannot be read must not hold up the others
            log.error("telegram_update_unreadable", why=type(error).__name__)
            raw = await self.bot.do_api_request("getUpdates", api_kwargs={"offset": offset, "timeout": 0})
            given = list(raw) if isinstance(raw, list) else []
            readable = [update for one in given if (update := readable_update(one, self.bot)) is not None]
            return readable, max((int(one["update_id"]) + 1 for one in given), default=offset)

    async def _take_all(self, updates: Sequence[Update]) -> None:
        """Chats side by side, each in order. Raises when one could not be stored; those that were are not repeated."""
        chats: dict[int, list[Update]] = {}
        for update in sorted(updates, key=lambda update: update.update_id):
            chats.setdefault(update.effective_chat.id if update.effective_chat else 0, []).append(update)
        results = await asyncio.gather(*(self._one_by_one(own) for own in chats.values()), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _one_by_one(self, updates: Sequence[Update]) -> None:
        for update in updates:
            await self.take(update)

    async def take_in_order(self, update: Update) -> None:
        """`take` for updates that come side by side."""
        await self._order.turn(update.update_id)
        await self.take(update)

    async def take(self, update: Update) -> None:
        """Stores one update and has it answered; a repeat changes nothing.

        Raises:
            SQLAlchemyError: it could not be stored; Telegram has to send it again.
        """
        chat = update.effective_chat
        async with self._locks.of(chat.id if chat else 0):
            try:
                await self._take(update)
            except SQLAlchemyError:
                await self._say_without_database(update)
                raise
            except Exception as error:
                self._broken[update.update_id] += 1
                log.error("telegram_update_broke", update=update.update_id, why=type(error).__name__)
                if self._broken[update.update_id] < TRIES:
                    raise

    async def _take(self, update: Update) -> None:
        if update.my_chat_member is not None:
            await self._membership(update)
            return
        incoming = read(update)
        if incoming is None:
            return
        user = update.effective_user
        arrival = Arrival(
            key=f"{self.bot.token.partition(':')[0]}.{update.update_id}",
            incoming=incoming,
            language=(user.language_code if user else None) or "en",
            greeting=self._greeting(),
            now=self.conversations.clock(),
            may_try=incoming.what != "start" or self._may_try(incoming.chat),
        )
        taken = await self.db.write(arrival)
        if taken is not None:
            self._known.add(taken.conversation_id)
            self.conversations.announce(taken.conversation_id)
            self._spawn(self._typing(incoming.chat, taken.conversation_id))
        if update.callback_query is not None:
            self._spawn(self._acknowledge(update, taken))

    def _may_try(self, chat: int) -> bool:
        try:
            self._codes.check(str(chat))
            self._all_codes.check("all")
        except Problem:
            return False
        return True

    def _greeting(self) -> list[store.Outbound]:
        first, *rest = self.conversations.answering.greeting(CHANNEL)
        return [replace(first, text=f"{first.text} {self.access.web}".strip()), *rest]

    async def _membership(self, update: Update) -> None:
        """A client has blocked or unblocked the bot, or somebody has put it into a group, which it leaves."""
        changed = update.my_chat_member
        assert changed is not None
        gone = changed.new_chat_member.status in (ChatMemberStatus.BANNED, ChatMemberStatus.LEFT)
        if changed.chat.type != ChatType.PRIVATE:
            if not gone:
                with contextlib.suppress(TelegramError):
                    await self.bot.leave_chat(changed.chat.id)
            return
        now = self.conversations.clock()
        conversation_id = await self.db.write(lambda session: set_blocked(session, changed.chat.id, gone, now))
        if conversation_id is not None:
            log.info("telegram_blocked" if gone else "telegram_unblocked", conversation=conversation_id)
            self._known.add(conversation_id)
            self.bus.signal(conversation_id)

    async def _say_without_database(self, update: Update) -> None:
        """The fixed words with the crisis line, once an update; Telegram keeps it until it can be stored."""
        incoming = read(update)
        if incoming is None or update.update_id in self._told_of_trouble:
            return
        self._told_of_trouble.add(update.update_id)
        words = self.conversations.answering.protocol.static_reply(self.conversations.place)
        with contextlib.suppress(TelegramError):
            await self.bot.send_message(incoming.chat, words.text)

    async def _acknowledge(self, update: Update, taken: Taken | None) -> None:
        """Answers the press, so that the button stops waiting, and puts what was chosen in the buttons' place."""
        query = update.callback_query
        assert query is not None
        late = taken is not None and taken.late
        with contextlib.suppress(TelegramError):
            await query.answer(word("late_press") if late else None)
        with contextlib.suppress(TelegramError):
            if taken is None or not isinstance(query.message, Message):
                return
            if late:
                await query.edit_message_reply_markup(None)
            else:
                await query.edit_message_text(f"{query.message.text}\n\n✓ {taken.pressed}", reply_markup=None)

    async def _typing(self, chat: int, conversation_id: str) -> None:
        """Shows that we type, as long as we work on an answer."""
        with contextlib.suppress(TelegramError):
            while self.delivery.waiting < CROWD:
                await self.bot.send_chat_action(chat, ChatAction.TYPING)
                await asyncio.sleep(TYPING_SECONDS)
                if not self.bus.is_typing(conversation_id):
                    return

    # -- out -------------------------------------------------------------------------------------------------------

    def _signalled(self, conversation_id: str) -> None:
        if not self._stopped and conversation_id in self._known:
            self.delivery.look(conversation_id)

    def _file(self, session: Session, conversation_id: str, name: str) -> bytes | None:
        make = maker(name)
        made = make(session, conversation_id, self.conversations.clinic, self.conversations.clock()) if make else None
        return made[0] if made else None

    async def _link(self, conversation_id: str, where: str) -> str:
        """A fresh link that opens the conversation elsewhere; the words say how long it is good for."""
        now = self.conversations.clock()
        code = await self.db.write(lambda session: make_code(session, conversation_id, now))
        return links(code, self.access.web, self.name)[where]

    async def _until_it_works(self, step: Any) -> None:
        failures = 0
        while True:
            try:
                await step()
                return
            except (TelegramError, SQLAlchemyError) as error:
                log.warning("telegram_not_reached", why=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def readable_update(raw: Any, bot: Bot) -> Update | None:
    """The update in what Telegram sent, or None for one that python-telegram-bot cannot read."""
    try:
        update = Update.de_json(raw, bot)
        return update if isinstance(update.update_id, int) else None
    except Exception as error:
        log.error("telegram_update_left_aside", why=type(error).__name__)
        return None


def _seconds(error: RetryAfter) -> float:
    wait = error.retry_after
    return float(wait.total_seconds() if hasattr(wait, "total_seconds") else wait)
