"""Clients for `evoke bench`: each has its own conversation over real HTTP and waits for an answer before it goes on."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import yaml

ANSWER_SECONDS = 60.0
"""A message without an answer for so long counts as lost, and ends its client."""
TURNS = Path(__file__).parent / "bench_turns.yml"


class Talk(Protocol):
    """One client's conversation."""

    async def begin(self) -> None: ...

    async def say(self, text: str) -> None:
        """Returns when the answer is there."""

    async def end(self) -> None: ...


@dataclass
class Measured:
    """Latencies in seconds, one a message; `wall` is how long it took in all; `lost` counts missing answers."""

    latencies: list[float] = field(default_factory=list)
    wall: float = 0.0
    lost: int = 0

    def figures(self) -> dict[str, float | int]:
        """Throughput in messages a second, latencies in milliseconds."""
        return {
            "messages": len(self.latencies),
            "lost": self.lost,
            "throughput": round(len(self.latencies) / self.wall, 2) if self.wall else 0.0,
            "p50_ms": round(1000 * percentile(self.latencies, 0.50), 1),
            "p95_ms": round(1000 * percentile(self.latencies, 0.95), 1),
        }


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of the values do not exceed; 0 without any."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def scripts(path: Path = TURNS) -> list[list[str]]:
    """The conversations that clients type."""
    raw: list[list[str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return raw


def typed_by(number: int, turns: int) -> Iterator[str]:
    """What client `number` types."""
    known = scripts()
    return itertools.islice(itertools.cycle(known[number % len(known)]), turns)


async def measure(open_talk: Callable[[int], Talk], clients: int, turns: int, seconds: float) -> Measured:
    """Lets `clients` talk at once, `turns` messages each, for at most `seconds`."""
    result = Measured()
    talks = [open_talk(number) for number in range(clients)]
    await asyncio.gather(*(talk.begin() for talk in talks))
    began = time.perf_counter()

    async def one(number: int, talk: Talk) -> None:
        for text in typed_by(number, turns):
            if time.perf_counter() - began > seconds:
                return
            sent = time.perf_counter()
            try:
                await asyncio.wait_for(talk.say(text), ANSWER_SECONDS)
            except (TimeoutError, httpx.HTTPError):
                result.lost += 1
                return
            result.latencies.append(time.perf_counter() - sent)

    try:
        await asyncio.gather(*(one(number, talk) for number, talk in enumerate(talks)))
        result.wall = time.perf_counter() - began
    finally:
        await asyncio.gather(*(talk.end() for talk in talks), return_exceptions=True)
    return result


class EvokeTalk:
    """Posts messages to the web API and takes the answers from the event stream, as the widget does."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._answered: dict[str, asyncio.Event] = {}
        self._stream: asyncio.Task[None] | None = None
        self._path, self._headers = "", {}  # type: str, dict[str, str]
        self._number = itertools.count(1)

    async def begin(self) -> None:
        answer = await self._http.post("/api/v1/conversations", json={"language": "en"})
        answer.raise_for_status()
        made = answer.json()
        self._path = f"/api/v1/conversations/{made['conversation_id']}"
        self._headers = {"Authorization": f"Bearer {made['token']}"}
        last = max((message["seq"] for message in made["messages"]), default=0)
        connected = asyncio.Event()
        self._stream = asyncio.create_task(self._read(last, connected))
        await asyncio.wait_for(connected.wait(), ANSWER_SECONDS)

    async def say(self, text: str) -> None:
        body = {"client_message_id": f"m{next(self._number)}", "text": text}
        answer = await self._http.post(f"{self._path}/messages", json=body, headers=self._headers)
        answer.raise_for_status()
        await self._event(answer.json()["message"]["id"]).wait()

    async def end(self) -> None:
        if self._stream:
            self._stream.cancel()
            await asyncio.gather(self._stream, return_exceptions=True)

    def _event(self, message_id: str) -> asyncio.Event:
        return self._answered.setdefault(message_id, asyncio.Event())

    async def _read(self, after: int, connected: asyncio.Event) -> None:
        url = f"{self._path}/events?after={after}"
        async with self._http.stream("GET", url, headers=self._headers, timeout=None) as response:
            connected.set()
            async for line in response.aiter_lines():
                if line.startswith("data:") and '"in_reply_to"' in line:
                    replied: str | None = json.loads(line[5:])["in_reply_to"]
                    if replied:
                        self._event(replied).set()


class StockTalk:
    """Posts messages to Rasa's REST channel; its answer holds the replies."""

    def __init__(self, http: httpx.AsyncClient, sender: str) -> None:
        self._http, self._sender = http, sender

    async def begin(self) -> None:
        pass

    async def say(self, text: str) -> None:
        answer = await self._http.post("/webhooks/rest/webhook", json={"sender": self._sender, "message": text})
        answer.raise_for_status()

    async def end(self) -> None:
        pass


async def until(ready: Callable[[], Awaitable[Any]], seconds: float) -> bool:
    """Whether `ready` came true within `seconds`; a refused connection counts as not yet."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if await ready():
                return True
        except httpx.HTTPError:
            pass
        await asyncio.sleep(0.2)
    return False
