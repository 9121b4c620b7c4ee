"""What has to be done by the clock: pages, page rounds, held times that run out, notices, retention.

Theory of operation. The tables are the truth: a duty is called for by rows, written in the transaction of the deed
that it follows from. A duty's work is a *look*: it does what is due and says when to look again, or that it is over.
An engine repeats looks until they are over, remembers them through restarts, and never has two of one id at work; the
real one is DBOS (`bot.durable`). `Duties.run` compares tables and engine and begins what is called for and is not at
work, so nothing depends on the engine being up when a row is written, and a duty that broke is taken up again.

Rule 1: a look may be repeated. It reads its row first, and finds nothing to do when somebody has done it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

T = TypeVar("T")
Clock = Callable[[], datetime]
Look = Callable[..., Awaitable[datetime | None]]
"""Does what is due. Returns when to look again, or None when it is over. Takes a duty's arguments."""

AHEAD = timedelta(hours=1)
"""Duties are begun this long before they are due; until then a row is enough."""
TICK_SECONDS = 1.0
"""A waiting duty looks at the clock this often, and so notices when somebody sets it."""
TIDY_EVERY_SECONDS = 3600.0
PAUSE_SECONDS = 5.0
"""Before a duty that broke is begun again."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Duty:
    """Something to be done by the clock.

    Args:
        id: the same whenever the tables call for the same thing.
        kind: names its look.
        args: plain JSON values, and nothing that a client wrote.
        once: it has no row that shows it is done, so the engine's memory of it counts.
    """

    id: str
    kind: str
    args: tuple[str | int, ...]
    once: bool = False


class Engine(Protocol):
    """Repeats looks until they are over, also through restarts."""

    async def start(self, looks: Mapping[str, Look]) -> None:
        """Takes up what an earlier process left, from now on."""

    async def begin(self, duty: Duty) -> None:
        """Has a duty worked on, unless it is at work already."""

    async def tidy(self) -> None:
        """Drops what has been over for long."""

    async def stop(self) -> None:
        """Lets go; what is not over is taken up by the next start."""


class Reads(Protocol):
    """The part of `bot.store.database.Database` that is needed here."""

    async def read(self, fn: Callable[[Session], T]) -> T: ...


Source = Callable[[Session, datetime], Iterable[Duty]]
"""What some tables call for at a time; the datetime is AHEAD of now."""


class Duties:
    """Begins what the tables call for. One per process."""

    def __init__(
        self, db: Reads, clock: Clock, engine: Engine, *, looks: Mapping[str, Look], sources: Sequence[Source]
    ) -> None:
        self.db, self.clock, self.engine, self.looks, self.sources = db, clock, engine, looks, sources
        self._tidy_at = 0.0

    async def run(self, *, every_seconds: float = 0.5) -> None:
        """Until cancelled; a database that is away is waited for."""
        try:
            await self.engine.start(self.looks)
            while True:
                await self._tidy_now_and_then()
                try:
                    await self.begin_due()
                except SQLAlchemyError as error:
                    log.warning("duties_wait_for_database", error=type(error).__name__)
                await asyncio.sleep(every_seconds)
        finally:
            await asyncio.shield(self.engine.stop())

    async def begin_due(self) -> None:
        """Begins everything that the tables call for now."""
        for duty in await self.db.read(self._called_for):
            await self.engine.begin(duty)

    async def _tidy_now_and_then(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._tidy_at:
            self._tidy_at = now + TIDY_EVERY_SECONDS
            await self.engine.tidy()

    def _called_for(self, session: Session) -> list[Duty]:
        until = self.clock() + AHEAD
        return [duty for source in self.sources for duty in source(session, until)]


async def wait_until(due: datetime, clock: Clock, *, looked: datetime, tick: float = TICK_SECONDS) -> None:
    """Waits until the clock shows `due`, or shows less than at the last look: then somebody has set it back."""
    now = clock()
    while looked <= now < due:
        await asyncio.sleep(min(tick, (due - now).total_seconds()))
        now = clock()
