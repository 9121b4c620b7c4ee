"""A local stand-in of the Telegram Bot API: what Evoke uses of it, and the ways in which it fails.

A test is the phone: `write`, `press`, `send`, `block` put updates in; `sent` is what the bot sent. Where the bot asks
for a webhook, updates go to `bot_url` (the address that a public one would lead to): side by side for chats, in order
within one, and again until they are taken.
https://core.telegram.org/bots/api
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from bot.loopback import Loopback

BOT = {"id": 4242, "is_bot": True, "first_name": "Evoke", "username": "evoke_test_bot"}


@dataclass(frozen=True)
class Sent:
    """One message that the bot sent."""

    chat: int
    message_id: int
    text: str
    keyboard: tuple[tuple[str, str], ...] = ()
    """(title, callback data) of its buttons, row by row."""
    rows: tuple[int, ...] = ()
    """How many buttons each row has."""
    file: tuple[str, bytes] | None = None
    """Of a document: its name and what is in it."""


@dataclass(frozen=True)
class Fault:
    """What a call gets instead of its answer: an error status, or (after `hang` seconds) its answer too late."""

    status: int = 0
    retry_after: int = 0
    hang: float = 0.0
    description: str = "as the test wants it"


@dataclass
class TelegramApi:
    """Start it, give `base_url` to Evoke, and talk."""

    sent: list[Sent] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    edited: dict[int, str] = field(default_factory=dict)
    answered: dict[str, str] = field(default_factory=dict)
    """callback query's id -> what the bot answered it with"""
    left: list[int] = field(default_factory=list)
    """Chats that the bot left."""
    blocked: set[int] = field(default_factory=set)
    """Chats whose clients have blocked the bot."""
    offset: int = 0
    """Everything below it was acknowledged by the bot."""
    trouble: Callable[[str], Fault | None] | None = None
    """What a call of a method meets when no `fail` waits for it: for load with faults in it."""
    bot_url: str = ""
    webhook: dict[str, Any] = field(default_factory=dict)
    """What setWebhook asked for; empty while the bot polls."""

    def __post_init__(self) -> None:
        self._updates: list[dict[str, Any]] = []
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._ids = itertools.count(1)
        self._message_ids = itertools.count(1000)
        self._keyboards: dict[int, dict[str, Any]] = {}
        self._taken: set[int] = set()
        self._poll = 0
        self._stopped = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="telegram-api", daemon=True)
        self.base_url = ""

    def start(self) -> TelegramApi:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def stop(self) -> None:
        self._stopped = True
        self._thread.join(10)

    # -- the phone -------------------------------------------------------------------------------------------------

    def write(self, chat: int, text: str) -> int:
        """Someone types `text`; the update's id."""
        return self.send(chat, {"text": text})

    def send(self, chat: int, content: dict[str, Any], kind: str = "message") -> int:
        """A message with any content (photo, voice, sticker …), or of another kind (edited_message)."""
        return self.deliver({"update_id": next(self._ids), kind: self._message(chat, content)})

    def press(self, chat: int, title: str) -> int:
        """Someone presses the newest button with this title."""
        for message in reversed(self.sent_to(chat)):
            data = dict(message.keyboard).get(title)
            if data is not None:
                held = self._message(chat, {"text": message.text}, message.message_id)
                held["reply_markup"] = self._keyboards[message.message_id]
                query = {"id": f"q{next(self._ids)}", "from": _person(chat), "chat_instance": "1", "data": data}
                return self.deliver({"update_id": next(self._ids), "callback_query": {**query, "message": held}})
        raise AssertionError(f"no button {title!r}")

    def deliver(self, *updates: dict[str, Any]) -> int:
        """Queues updates as they are, in the order given: for repeats, and for ones that come out of order."""
        self._updates.extend(updates)
        return int(updates[-1]["update_id"])

    def block(self, chat: int, blocked: bool = True) -> int:
        """Someone blocks the bot (or lets it in again)."""
        (self.blocked.add if blocked else self.blocked.discard)(chat)
        return self.deliver(self.membership(chat, "kicked" if blocked else "member", "private"))

    def membership(self, chat: int, status: str, kind: str) -> dict[str, Any]:
        """That the bot's place in a chat has changed, not queued yet."""
        member = {"user": BOT, "until_date": 0}
        where = {"id": chat, "type": kind} | ({"first_name": "Sam"} if kind == "private" else {"title": "Family"})
        changed = {
            "chat": where,
            "from": _person(abs(chat)),
            "date": int(time.time()),
            "old_chat_member": {**member, "status": "member"},
            "new_chat_member": {**member, "status": status},
        }
        return {"update_id": next(self._ids), "my_chat_member": changed}

    def taken(self, update_id: int) -> bool:
        """Whether the bot has acknowledged an update."""
        return update_id < self.offset or update_id in self._taken

    def update(self, chat: int, text: str) -> dict[str, Any]:
        """An update that is not queued yet."""
        return {"update_id": next(self._ids), "message": self._message(chat, {"text": text})}

    def sent_to(self, chat: int) -> list[Sent]:
        return [message for message in self.sent if message.chat == chat]

    def fail(self, method: str, *faults: Fault) -> None:
        """The next calls of `method` meet these."""
        self._faults[method].extend(faults)

    def work_again(self) -> None:
        """No more faults."""
        self._faults.clear()

    def forget_what_was_taken(self) -> None:
        """As if no update had been acknowledged yet; those that are delivered again count as new."""
        self.offset = 0
        self._taken.clear()

    def repeat_last(self) -> None:
        """Telegram sends its last batch once more, as if the acknowledgement had been lost."""
        self.offset = 0

    # -- the server ------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        app = FastAPI(openapi_url=None)

        @app.post("/bot{token}/{method}")
        async def call(token: str, method: str, request: Request) -> JSONResponse:
            async with request.form() as form:
                given = {n: v if isinstance(v, str) else (v.filename, await v.read()) for n, v in form.items()}
            self.calls.append((method, given))
            fault = self._faults[method].popleft() if self._faults[method] else self.trouble and self.trouble(method)
            if fault:
                await asyncio.sleep(fault.hang)
                if fault.status:
                    return _refusal(fault)
            if given.get("chat_id") and int(given["chat_id"]) in self.blocked:
                return _refusal(Fault(403, description="Forbidden: bot was blocked by the user"))
            if method == "getUpdates" and self.webhook:
                return _refusal(Fault(409, description="Conflict: can't use getUpdates while webhook is active"))
            return JSONResponse({"ok": True, "result": await self._answer(method, given)})

        server = Loopback(app)
        await server.start()
        self.base_url = f"{server.url}/bot"
        self._ready.set()
        async with httpx.AsyncClient(timeout=30) as http:
            while not self._stopped:
                if self.webhook and self._updates:
                    await self._call_bot(http)
                await asyncio.sleep(0.02)
        await server.stop()

    async def _call_bot(self, http: httpx.AsyncClient) -> None:
        """What is queued, chats side by side."""
        updates, self._updates = self._updates, []
        chats: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for update in updates:
            chats[_chat_of(update)].append(update)
        limit = asyncio.Semaphore(40)

        async def one_chat(own: list[dict[str, Any]]) -> None:
            async with limit:
                for place, update in enumerate(own):
                    if not await self._taken_by_bot(http, update):
                        self._updates[:0] = own[place:]
                        return

        await asyncio.gather(*(one_chat(own) for own in chats.values()))

    async def _taken_by_bot(self, http: httpx.AsyncClient, update: dict[str, Any]) -> bool:
        address = self.bot_url + urlsplit(self.webhook["url"]).path
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook["secret_token"]}
        try:
            answer = await http.post(address, json=update, headers=headers)
        except httpx.HTTPError:
            return False
        if answer.status_code == 200:
            self._taken.add(update["update_id"])
        return answer.status_code == 200

    async def _answer(self, method: str, given: dict[str, Any]) -> Any:
        if method == "getMe":
            return BOT
        if method == "setMyCommands":
            self.commands = [command["command"] for command in json.loads(given["commands"])]
        elif method == "getUpdates":
            return await self._get_updates(int(given.get("offset", 0)), float(given.get("timeout", 0)))
        elif method == "sendMessage":
            return self._send_message(given)
        elif method == "sendDocument":
            self.sent.append(Sent(int(given["chat_id"]), next(self._message_ids), "", file=given["document"]))
            return self._message(int(given["chat_id"]), {"text": ""}, self.sent[-1].message_id)
        elif method == "setWebhook":
            self.webhook = dict(given)
        elif method == "deleteWebhook":
            self.webhook = {}
        elif method == "leaveChat":
            self.left.append(int(given["chat_id"]))
        elif method == "answerCallbackQuery":
            self.answered[given["callback_query_id"]] = given.get("text", "")
        elif method == "editMessageReplyMarkup":
            return self._message(int(given["chat_id"]), {"text": ""}, int(given["message_id"]))
        elif method == "editMessageText":
            self.edited[int(given["message_id"])] = given["text"]
            return self._message(int(given["chat_id"]), {"text": given["text"]}, int(given["message_id"]))
        return True

    async def _get_updates(self, offset: int, timeout: float) -> list[dict[str, Any]]:
        self.offset = max(self.offset, offset)
        self._poll = poll = self._poll + 1
        end = time.monotonic() + timeout
        while not self._stopped and poll == self._poll and not self.webhook:  # the newest poll ends older ones
            waiting = [update for update in self._updates if update["update_id"] >= offset]
            self._updates = waiting
            if waiting or time.monotonic() > end:
                return waiting[:100]
            await asyncio.sleep(0.02)
        return []

    def _send_message(self, given: dict[str, Any]) -> dict[str, Any]:
        chat, number = int(given["chat_id"]), next(self._message_ids)
        markup = json.loads(given.get("reply_markup", "{}"))
        rows = markup.get("inline_keyboard", [])
        keyboard = tuple((button["text"], button["callback_data"]) for row in rows for button in row)
        assert all(len(data.encode()) <= 64 for _, data in keyboard), "callback data is 1-64 bytes"
        self._keyboards[number] = markup
        assert 0 < len(given["text"].encode("utf-16-le")) // 2 <= 4096, "a text has 1 to 4096 characters"
        self.sent.append(Sent(chat, number, given["text"], keyboard, tuple(len(row) for row in rows)))
        return self._message(chat, {"text": given["text"]}, number)

    def _message(self, chat: int, content: dict[str, Any], number: int | None = None) -> dict[str, Any]:
        return {
            "message_id": number or next(self._message_ids),
            "date": int(time.time()),
            "chat": {"id": chat, "type": "private", "first_name": "Sam"},
            "from": _person(chat),
            **content,
        }


def _chat_of(update: dict[str, Any]) -> Any:
    for kind in ("message", "edited_message", "my_chat_member"):
        if kind in update:
            return update[kind]["chat"]["id"]
    return update["callback_query"]["message"]["chat"]["id"]


def _person(chat: int) -> dict[str, Any]:
    return {"id": chat, "is_bot": False, "first_name": "Sam", "language_code": "en"}


def _refusal(fault: Fault) -> JSONResponse:
    body: dict[str, Any] = {"ok": False, "error_code": fault.status, "description": fault.description}
    if fault.retry_after:
        body["parameters"] = {"retry_after": fault.retry_after}
    return JSONResponse(body, fault.status)
