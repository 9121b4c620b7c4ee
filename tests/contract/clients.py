"""One person on each channel, for the shared suite: what they type, and what they get to see."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import os
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx

from bot.channels.terminal import Terminal
from bot.store import messages as store
from bot.store import places
from bot.store.models import Conversation
from tests.fakes.stack import Stack, until
from tests.fakes.telegram_api import TelegramApi

T = TypeVar("T")
_chats = itertools.count(70_001)


@dataclass(frozen=True)
class Reply:
    """One message as the person sees it: its words, and what can be pressed."""

    text: str
    choices: tuple[str, ...] = ()


class Person(Protocol):
    """Someone on a channel. Every method returns when all that it sets off is done."""

    conversation_id: str

    def open(self) -> list[Reply]:
        """Begins; the welcome."""

    def say(self, text: str) -> list[Reply]:
        """Types and sends; what came back."""

    def press(self, title: str) -> list[Reply]:
        """Presses a button that is shown; what came back."""

    def say_at_once(self, texts: list[str]) -> list[Reply]:
        """Sends without waiting in between; what came back to all of it."""

    def repeat(self) -> list[Reply]:
        """The last message once more, as a channel repeats it when an acknowledgement was lost."""

    def close(self) -> None: ...


def joined(replies: list[Reply]) -> str:
    return "\n".join(reply.text for reply in replies)


class WebPerson:
    """On the web API, as the widget uses it."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.seen = stack, 0
        self.http = httpx.Client(base_url=f"{stack.url}/api/v1", timeout=30)
        self.conversation_id, self.last, self.payloads = "", {"text": ""}, {"": ""}
        self.status = 0

    def open(self) -> list[Reply]:
        made = self.http.post("/conversations", json={"time_zone": "Europe/London"}).raise_for_status().json()
        self.conversation_id = made["conversation_id"]
        self.http.headers["Authorization"] = f"Bearer {made['token']}"
        return self._new()

    def say(self, text: str, payload: str | None = None) -> list[Reply]:
        self.last = {"client_message_id": uuid.uuid4().hex, "text": text} | ({"payload": payload} if payload else {})
        return self.repeat()

    def repeat(self) -> list[Reply]:
        answer = self.http.post(f"/conversations/{self.conversation_id}/messages", json=self.last)
        self.status = answer.status_code
        self.stack.settled(self.conversation_id)
        return self._new()

    def press(self, title: str) -> list[Reply]:
        return self.say(title, self.payloads[title])

    def say_at_once(self, texts: list[str]) -> list[Reply]:
        for text in texts:
            message = {"client_message_id": uuid.uuid4().hex, "text": text}
            self.http.post(f"/conversations/{self.conversation_id}/messages", json=message).raise_for_status()
        self.stack.settled(self.conversation_id)
        return self._new()

    def move_to(self, stack: Stack) -> None:
        """The same browser, token and conversation, against the stack that was started anew."""
        self.stack, self.http.base_url = stack, httpx.URL(f"{stack.url}/api/v1")

    def close(self) -> None:
        self.http.close()

    def _new(self) -> list[Reply]:
        path = f"/conversations/{self.conversation_id}/messages"
        messages = self.http.get(path, params={"after": self.seen}).raise_for_status().json()["messages"]
        self.seen = max([self.seen, *(message["seq"] for message in messages)])
        replies = []
        for message in messages:
            if message["from"] == "client":
                continue
            buttons = {button["title"]: button["payload"] for button in message.get("buttons", [])}
            buttons |= {slot["label"]: f"slot:{slot['id']}" for slot in message.get("slots", [])}
            if "ruler" in message:
                buttons = {str(number): str(number) for number in range(11)}
            self.payloads |= buttons
            replies.append(Reply(message["text"], tuple(buttons)))
        return replies


class TelegramPerson:
    """On a phone: the real channel with the real python-telegram-bot, against the stand-in of Telegram's server."""

    def __init__(self, stack: Stack, api: TelegramApi) -> None:
        self.stack, self.api, self.chat = stack, api, next(_chats)
        self.seen, self.conversation_id, self.last = 0, "", {"update_id": 0}

    def open(self) -> list[Reply]:
        self.api.write(self.chat, "/start")
        until(lambda: self._found() is not None)
        found = self._found()
        assert found is not None
        self.conversation_id = found.id
        return self._new()

    def say(self, text: str) -> list[Reply]:
        self.last = self.api.update(self.chat, text)
        return self.repeat()

    def repeat(self) -> list[Reply]:
        return self._taken(self.api.deliver(self.last))

    def press(self, title: str) -> list[Reply]:
        return self._taken(self.api.press(self.chat, title))

    def send(self, content: dict[str, object], kind: str = "message") -> list[Reply]:
        return self._taken(self.api.send(self.chat, content, kind))

    def say_at_once(self, texts: list[str]) -> list[Reply]:
        return self._taken(self.api.deliver(*(self.api.update(self.chat, text) for text in texts)))

    def close(self) -> None:
        pass

    def _found(self) -> Conversation | None:
        return self.stack.read(lambda session: places.conversation_at(session, "telegram", str(self.chat)))

    def _taken(self, update_id: int) -> list[Reply]:
        until(lambda: self.api.taken(update_id))
        self.stack.settled(self.conversation_id)
        return self._new()

    def _new(self) -> list[Reply]:
        until(lambda: not self.stack.read(lambda session: store.due(session, self.conversation_id)))
        sent = self.api.sent_to(self.chat)
        fresh, self.seen = sent[self.seen :], len(sent)
        return [Reply(message.text, tuple(title for title, _ in message.keyboard)) for message in fresh]


class TerminalPerson:
    """At a keyboard: `evoke chat` as a process of its own, on pipes."""

    def __init__(self, stack: Stack, home: Path) -> None:
        self.stack, self.home = stack, home
        self.conversation_id, self.shown = "", ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot", "chat", "--url", stack.url],
            env=os.environ | {"EVOKE_HOME": str(home), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._printed = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def open(self) -> list[Reply]:
        until(lambda: (self.home / "terminal.json").exists() and "\n\n" in self._printed)
        text = (self.home / "terminal.json").read_text()
        self.conversation_id = re.findall(r'"id": "(\w+)"', text)[0]
        return self._new()

    def say(self, text: str) -> list[Reply]:
        return self.say_at_once([text])

    def press(self, title: str) -> list[Reply]:
        return self.say(title)  # what can be pressed elsewhere is typed here

    def say_at_once(self, texts: list[str]) -> list[Reply]:
        assert self.process.stdin is not None
        typed = [text for text in texts if text.strip()]
        for text in texts:
            self.process.stdin.write(text.replace("\n", " ") + "\n")
        self.process.stdin.flush()
        if len(typed) > 1:
            until(lambda: self.stack.inbound(self.conversation_id)[-1].text == typed[-1])
        return self._new(len(typed))

    def repeat(self) -> list[Reply]:
        """The terminal never sends twice by itself; this is its last request on the wire once more."""
        kept = dict(re.findall(r'"(id|token)": "([^"]+)"', (self.home / "terminal.json").read_text()))
        last = self.stack.inbound(self.conversation_id)[-1]
        httpx.post(
            f"{self.stack.url}/api/v1/conversations/{kept['id']}/messages",
            json={"client_message_id": last.external_id, "text": last.text},
            headers={"Authorization": f"Bearer {kept['token']}"},
        ).raise_for_status()
        self.stack.settled(self.conversation_id)
        return self._new()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(20) == 0, "the terminal ends without an error at the end of input"
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._printed += line

    def _new(self, expected: int = 0) -> list[Reply]:
        """What was printed since, once `expected` answers are there and nothing more comes."""
        until(lambda: len(_blocks(self._printed[len(self.shown) :])) >= expected, 40)
        self.stack.settled(self.conversation_id)
        said = [row.text for row in self.stack.rows(self.conversation_id) if row.direction == "out"]
        until(lambda: said[-1] in self._printed)
        quiet = ""
        while quiet != self._printed:
            quiet = self._printed
            time.sleep(0.15)
        fresh, self.shown = quiet[len(self.shown) :], quiet
        return [_reply(block) for block in _blocks(fresh)]


class TypingPerson:
    """At a keyboard, in the test's own process: the same code, without the seconds that a process takes to start."""

    def __init__(self, stack: Stack, home: Path) -> None:
        self.stack, self.conversation_id = stack, ""
        home.mkdir(parents=True, exist_ok=True)
        self._loop = asyncio.new_event_loop()
        self._terminal = self._run(_terminal_at(stack.url, home / "typing.json"))[1]

    def open(self) -> list[Reply]:
        replies, _ = self._run(self._terminal.begin())
        self.conversation_id = self._terminal.id
        return replies

    def say(self, text: str) -> list[Reply]:
        replies, _ = self._run(self._terminal.say(text.replace("\n", " ")))
        self.stack.settled(self.conversation_id)
        return replies

    def press(self, title: str) -> list[Reply]:
        return self.say(title)

    def say_at_once(self, texts: list[str]) -> list[Reply]:
        return [reply for text in texts for reply in self.say(text)]

    def repeat(self) -> list[Reply]:
        raise NotImplementedError("a keyboard repeats nothing")

    def close(self) -> None:
        self._run(self._terminal.http.aclose())
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> tuple[list[Reply], T]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            result = self._loop.run_until_complete(work)
        return [_reply(block) for block in _blocks(printed.getvalue())], result


async def _terminal_at(url: str, memory: Path) -> Terminal:
    return Terminal(url, memory)


def _blocks(printed: str) -> list[str]:
    """Each message begins with who speaks, or with "!" for a refusal."""
    return [
        block.strip() for block in re.split(r"^(?=Evoke: |Clinic: |you: |! )", printed, flags=re.M) if block.strip()
    ]


def _reply(block: str) -> Reply:
    text = block.removeprefix("Evoke: ").removeprefix("Clinic: ")
    buttons = tuple(re.findall(r"\[([^\]]+)\]", text.splitlines()[-1]))
    slots = tuple(re.findall(r"^  \d\. (.+?) \(", text, flags=re.M))
    ruler = tuple(str(n) for n in range(11)) if re.search(r"^  \(0 = .* 10 = ", text, flags=re.M) else ()
    return Reply(text, buttons + slots + ruler)
