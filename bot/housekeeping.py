"""The looks of `bot.duties` at held times that run out, and at conversations that are kept no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.clinic.rights import erase_old
from bot.clinic.schedule import let_go_if_over
from bot.duties import AHEAD, Clock, Duty
from bot.reaching_out import forget_used_numbers
from bot.store.database import Database
from bot.store.models import Appointment

log = structlog.get_logger()


class Housekeeping:
    """The looks "hold" (one held time) and "retention" (once an hour)."""

    def __init__(self, db: Database, clinic: ClinicConfig, clock: Clock) -> None:
        self.db, self.clinic, self.clock = db, clinic, clock

    async def hold(self, appointment_id: str) -> datetime | None:
        """Frees a held time that ran out. When it will, or None when it is no longer held."""
        return await self.db.write(lambda session: let_go_if_over(session, appointment_id, self.clock()))

    async def retention(self, hour: str) -> datetime | None:
        """Erases the clients whose time is over, and numbers that are of no use any more."""
        await self.db.write(lambda session: forget_used_numbers(session, self.clock()))
        erased = await self.db.write(lambda session: erase_old(session, self.clinic, self.clock()))
        if erased:
            await asyncio.to_thread(self.db.forget_old_pages)
            log.info("retention", erased=erased)
        return None

    def called_for(self, session: Session, until: datetime) -> Iterator[Duty]:
        """Every hold that runs out by then, and this hour's retention."""
        held = select(Appointment.id, Appointment.held_until).where(
            Appointment.status == "held", Appointment.held_until <= until
        )
        for id_, ends in session.execute(held):
            yield Duty(f"hold-{id_}-{ends:%Y%m%d%H%M%S}", "hold", (id_,))
        hour = f"{until - AHEAD:%Y%m%d%H}"
        yield Duty(f"retention-{hour}", "retention", (hour,), once=True)
