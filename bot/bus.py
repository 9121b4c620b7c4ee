"""Tells waiting streams and channels, inside this process, that a conversation has something new."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator


class Bus:
    """Signals carry no content: whoever is told reads the message table. A lost signal loses nothing."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._listeners: list[Callable[[str], None]] = []
        self._watchers: set[asyncio.Event] = set()
        self._typing: set[str] = set()

    def listen(self, listener: Callable[[str], None]) -> None:
        """Calls `listener` with the conversation's id at every signal."""
        self._listeners.append(listener)

    def signal(self, conversation_id: str) -> None:
        """Something new is in the table for this conversation."""
        for event in self._waiting.get(conversation_id, ()):
            event.set()
        for listener in self._listeners:
            listener(conversation_id)
        self.touch()

    def touch(self) -> None:
        """Something changed that is no client's business: a case was acknowledged, a note written."""
        for event in self._watchers:
            event.set()

    @contextlib.contextmanager
    def watching(self) -> Iterator[asyncio.Event]:
        """An event that every signal and every touch sets, for pages that show all there is; the watcher clears it."""
        event = asyncio.Event()
        self._watchers.add(event)
        try:
            yield event
        finally:
            self._watchers.discard(event)

    def typing(self, conversation_id: str, on: bool) -> None:
        """The bot began or ended work on an answer."""
        (self._typing.add if on else self._typing.discard)(conversation_id)
        for event in self._waiting.get(conversation_id, ()):
            event.set()

    def is_typing(self, conversation_id: str) -> bool:
        return conversation_id in self._typing

    @contextlib.contextmanager
    def waiting(self, conversation_id: str) -> Iterator[asyncio.Event]:
        """An event that the next signals set; the waiter clears it."""
        event = asyncio.Event()
        self._waiting[conversation_id].add(event)
        try:
            yield event
        finally:
            self._waiting[conversation_id].discard(event)
            if not self._waiting[conversation_id]:
                del self._waiting[conversation_id]
