"""How much Evoke is used, and how well it keeps to motivational interviewing, over the last weeks."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from bot.console.desk import Desk
from bot.console.use import WEEKS, Raw, read, use


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the page."""
    one_at_a_time = asyncio.Semaphore(1)  # work for a processor: answers to clients come first

    @pages.get("/use")
    async def use_page(request: Request) -> Response:
        visitor = await desk.visitor(request, "see_use")
        now = desk.now()

        def load(session: Session) -> Raw:
            desk.audit(session, visitor, "view_use")
            return read(session, desk.clinic, now)

        async with one_at_a_time:
            raw = await desk.write(load)
            made = await asyncio.to_thread(use, raw, desk.clinic)
        return desk.page("use.html", visitor, use=made, weeks=WEEKS)
