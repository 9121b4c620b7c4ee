"""Order: in parallel across chats, one by one within a chat, and by Telegram's own numbers when updates overtake."""

from __future__ import annotations

import asyncio
import weakref

PATIENCE = 0.5
"""Seconds that an update waits for the ones before it."""
FAR = 1000
"""A gap this wide is none: after a week of silence Telegram begins to count anew (Bot API, Update)."""


class InOrder:
    """Lets updates through by their number. One that comes too early waits for those before it, though not long.

    Numbers count all chats of a bot, so a gap need not belong to the same chat: waiting may be in vain.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._next: int | None = None
        self._waiting: dict[int, asyncio.Future[None]] = {}

    async def turn(self, number: int) -> None:
        """Returns when it is this update's turn."""
        if self._next is None or abs(number - self._next) > FAR:
            self._next = number
        while number > self._next:
            waiting = self._waiting.setdefault(number, asyncio.get_running_loop().create_future())
            try:
                await asyncio.wait_for(asyncio.shield(waiting), self.patience)
            except TimeoutError:
                self._go_on(min(self._waiting, default=number))
        self._waiting.pop(number, None)
        self._go_on(max(self._next, number + 1))

    def _go_on(self, number: int) -> None:
        self._next = number
        for early in sorted(self._waiting):
            if early <= number and not self._waiting[early].done():
                self._waiting[early].set_result(None)


class Locks:
    """One lock a chat; those that nobody holds or waits for are gone."""

    def __init__(self) -> None:
        self._locks: weakref.WeakValueDictionary[int, asyncio.Lock] = weakref.WeakValueDictionary()

    def of(self, chat: int) -> asyncio.Lock:
        lock = self._locks.get(chat)
        if lock is None:
            self._locks[chat] = lock = asyncio.Lock()
        return lock
