"""What Evoke writes first, by the clock: check-ins, reminders, offers of the waiting list, and words that had to wait.

All of it is found in the tables by whoever looks next, so a restart misses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.bus import Bus
from bot.clinic import waiting_list
from bot.clinic.config import ClinicConfig
from bot.clinic.proactive import write_due
from bot.store.database import Database
from bot.store.messages import conversations_due
from bot.store.models import OneTimeCode, TakenUpdate

log = structlog.get_logger()
SECONDS = 20.0
UPDATES_KEPT = timedelta(days=7)
"""Telegram repeats an update for 24 hours at most: https://core.telegram.org/bots/api#getting-updates."""


async def reach_out_for_ever(db: Database, clinic: ClinicConfig, bus: Bus, clock: Callable[[], datetime]) -> None:
    """Runs until cancelled; a database that is away is waited for."""
    while True:
        try:
            await reach_out(db, clinic, bus, clock())
        except SQLAlchemyError as error:
            log.warning("reaching_out_waits", why=type(error).__name__)
        await asyncio.sleep(SECONDS)


async def reach_out(db: Database, clinic: ClinicConfig, bus: Bus, now: datetime) -> None:
    """Writes what is due, and has channels look at what waited for this time."""
    news = await db.write(lambda session: [*write_due(session, clinic, now), *waiting_list.look(session, clinic, now)])
    waited = await db.read(lambda session: conversations_due(session, "telegram", held=True))
    for conversation_id in dict.fromkeys([*news, *waited]):
        bus.signal(conversation_id)


def forget_used_numbers(session: Session, now: datetime) -> None:
    """Deletes the numbers of updates that can come no more, and codes that have run out."""
    session.execute(delete(TakenUpdate).where(TakenUpdate.taken_at < now - UPDATES_KEPT))
    session.execute(delete(OneTimeCode).where(OneTimeCode.expires_at < now))
