"""What the clinic has set, in words, and what `evoke check` says at this moment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response

from bot.checks import Report, examine
from bot.console.desk import Desk
from bot.console.settings_words import in_words

LOOK_AGAIN_AFTER = timedelta(minutes=1)
"""A look takes some seconds of work: who reloads the page sees the last one."""


@dataclass(frozen=True)
class Look:
    """What was found, and when."""

    report: Report
    at: datetime


def add(pages: APIRouter, desk: Desk) -> None:
    """Adds the page."""
    one_at_a_time = asyncio.Lock()
    last: list[Look] = []

    async def look() -> Look:
        async with one_at_a_time:
            now = desk.now()
            if not last or now - last[0].at > LOOK_AGAIN_AFTER:
                last[:] = [Look(await asyncio.to_thread(examine, desk.state.settings, now), now)]
            return last[0]

    @pages.get("/settings")
    async def settings_page(request: Request) -> Response:
        visitor = await desk.visitor(request, "see_settings")
        await desk.write(lambda session: desk.audit(session, visitor, "view_settings"))
        found = await look()
        return desk.page(
            "settings.html",
            visitor,
            sections=in_words(desk.clinic),
            report=found.report,
            at=found.at,
            file=desk.state.settings.clinic_file.name,
            there=desk.state.settings.clinic_file.exists(),
            changed=found.report.clinic is not None and found.report.clinic != desk.clinic,
        )
