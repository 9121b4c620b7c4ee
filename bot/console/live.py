"""Tells open pages to renew themselves: server-sent events without content, since each page asks for its own.

A stream lasts a minute and is opened again by the browser, so that a visit that has ended gets no more of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from bot.console.desk import Desk

LONGEST_SECONDS = 60.0
TICK_SECONDS = 20.0
"""Without any news: waiting times grow, and what another process changed is seen."""
PAUSE_SECONDS = 0.5
"""Between two events, so that a busy minute does not flood the pages."""
AGAIN_MILLISECONDS = 1000


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the stream. It renews pages by itself and is no click: its address says `refresh`."""

    @pages.get("/live")
    async def live(request: Request) -> Response:
        await desk.visitor(request, "see_queue")
        return EventSourceResponse(_news(desk.state))


async def _news(state: Any) -> AsyncIterator[ServerSentEvent]:
    stopping: asyncio.Event = getattr(state, "stopping", None) or asyncio.Event()
    end = asyncio.get_running_loop().time() + LONGEST_SECONDS
    with state.bus.watching() as news:
        yield ServerSentEvent("", event="news", retry=AGAIN_MILLISECONDS)
        while not stopping.is_set() and asyncio.get_running_loop().time() < end:
            await _first(news, stopping)
            news.clear()
            yield ServerSentEvent("", event="news")
            await asyncio.sleep(PAUSE_SECONDS)


async def _first(*events: asyncio.Event) -> None:
    """Returns when one of them is set, or after TICK_SECONDS."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=TICK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
