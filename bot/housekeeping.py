"""What has to be done by the clock: expired holds are let go every minute, old conversations erased every hour."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.clinic.config import ClinicConfig
from bot.clinic.rights import erase_old
from bot.clinic.schedule import expire_holds
from bot.store.database import Database

log = structlog.get_logger()
MINUTE = 60.0
RETENTION_EVERY_MINUTES = 60


async def keep_house(db: Database, clinic: ClinicConfig, clock: Callable[[], datetime]) -> None:
    """Runs until cancelled. Everything it looks at is in the tables, so a restart misses nothing."""
    minutes = 0
    while True:
        try:
            await db.write(lambda session: expire_holds(session, clock()))
            if minutes % RETENTION_EVERY_MINUTES == 0:
                erased = await db.write(lambda session: erase_old(session, clinic, clock()))
                if erased:
                    db.forget_old_pages()
                    log.info("retention", erased=erased)
        except SQLAlchemyError as error:
            log.warning("housekeeping_waits", why=type(error).__name__)
        await asyncio.sleep(MINUTE)
        minutes += 1
