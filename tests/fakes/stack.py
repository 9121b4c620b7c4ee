"""A running Evoke in a thread of its own, for tests that are not asynchronous themselves."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

import bot.app
from bot.answering import Dialogue, Screens
from bot.app import Evoke, running, utc_now
from bot.duties import Clock, Engine
from bot.safety.screen import Screener
from bot.serve import serving
from bot.settings import Settings
from bot.store import messages as store
from bot.store.models import Alert, Appointment, Case, Message
from tests.fakes.engine import FakeEngine

T = TypeVar("T")
core = functools.cache(bot.app.load_core)
"""The MI core, loaded once for all stacks of a test run: it holds nothing of a client."""


@functools.cache
def screener() -> Screener:
    return Screener.load(bot.app.DATA / "safety")


def settings_for(home: Path, **changes: Any) -> Settings:
    """A home of its own, any free port, and limits that a test does not meet by accident."""
    plain: dict[str, Any] = {
        "home": home,
        "database_url": "",
        "host": "127.0.0.1",
        "port": 0,
        "messages_per_minute": 10_000,
        "new_conversations_per_minute": 10_000,
        "telegram_token": "",
        "patience": 0.0,
    }
    return Settings(**(plain | changes))


class Stack:
    """Database, screen, MI core, dialogue, web side and, where a token is set, Telegram: the real ones.

    Args:
        dialogue: stands in for Rasa; None starts the real one.
        screen: stands in for the screener.
        clock: for tests that set the time.
        engine: the real DBOS, for one stack at a time; several run side by side on the stand-in.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        dialogue: Dialogue | None = None,
        screen: Screens | None = None,
        clock: Clock = utc_now,
        engine: Engine | None = None,
    ) -> None:
        self.settings, self._dialogue, self._screen, self.clock = settings, dialogue, screen, clock
        self._engine = engine or FakeEngine(clock)
        self.url = ""
        self._evoke: Evoke | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._up = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="evoke-stack", daemon=True)

    @property
    def evoke(self) -> Evoke:
        assert self._evoke is not None
        return self._evoke

    def start(self) -> Stack:
        self._thread.start()
        self._up.wait(300)
        if self._error is not None:
            raise self._error
        assert self.url, "the stack did not start"
        return self

    def stop(self) -> None:
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive(), "the stack did not stop"
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Stack:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine where the stack runs."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def read(self, fn: Callable[[Session], T]) -> T:
        return self.evoke.db.read_now(fn)

    # -- what tests ask for ----------------------------------------------------------------------------------------

    def settled(self, conversation_id: str, seconds: float = 40) -> None:
        """Waits until every message of the conversation is answered."""
        until(lambda: self.read(lambda session: store.next_open(session, conversation_id)) is None, seconds)

    def rows(self, conversation_id: str) -> list[Message]:
        return self.read(lambda session: store.after(session, conversation_id, 0))

    def inbound(self, conversation_id: str) -> list[Message]:
        return [row for row in self.rows(conversation_id) if row.direction == "in"]

    def last_moves(self, conversation_id: str) -> list[str]:
        """The moves of everything the bot has said since the client's last message."""
        rows = self.rows(conversation_id)
        last = max((row.seq for row in rows if row.direction == "in"), default=0)
        return [move for row in rows if row.seq > last for move in row.moves]

    def cases(self, conversation_id: str, reason: str = "risk") -> list[Case]:
        query = select(Case).where(Case.conversation_id == conversation_id, Case.reason == reason)
        return self.read(lambda session: list(session.scalars(query)))

    def appointments(self, conversation_id: str) -> list[Appointment]:
        query = select(Appointment).where(Appointment.conversation_id == conversation_id)
        return self.read(lambda session: list(session.scalars(query)))

    def alerts(self, conversation_id: str) -> list[Alert]:
        query = select(Alert).join(Case).where(Case.conversation_id == conversation_id)
        return self.read(lambda session: list(session.scalars(query)))

    # -- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self._error = error
        finally:
            self._up.set()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        screen = self._screen or screener()
        started = running(
            self.settings,
            dialogue=self._dialogue,
            screener=screen,
            clock=self.clock,
            engine=self._engine,
        )
        async with started as evoke, serving(evoke) as url:
            self._evoke, self.url = evoke, url
            self._up.set()
            await self._stop.wait()


def until(true: Callable[[], Any], seconds: float = 20, pause: float = 0.02) -> None:
    """Waits until `true()` holds; an AssertionError when it does not in time."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(pause)
