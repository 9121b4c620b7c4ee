"""Duties are done until they are over: through kills, broken looks, a database that is away, and clocks that are set.

The same suite for DBOS (on SQLite and, where there is one, PostgreSQL) and for the stand-in that other tests use.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import OperationalError

from bot.durable import DbosEngine
from bot.duties import Duty, Engine
from tests.fakes.engine import FakeEngine
from tests.postgres import database_url

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
POSTGRES = database_url()
needs_postgres = pytest.mark.skipif(not POSTGRES, reason="EVOKE_TEST_POSTGRES_URL names no server")


class Hands:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture(params=["fake", "dbos", pytest.param("postgres", marks=needs_postgres)])
async def make_engine(request: pytest.FixtureRequest, tmp_path: Path, clock: Hands) -> AsyncIterator[Any]:
    """Makes engines on one and the same database, as processes that follow each other do."""
    url = POSTGRES if request.param == "postgres" else f"sqlite:///{tmp_path / 'workflows.db'}"
    if request.param == "postgres":
        server = create_engine(url)
        with server.begin() as connection:
            connection.execute(text("DROP SCHEMA IF EXISTS dbos CASCADE"))
        server.dispose()
    made: list[Engine] = []

    def make() -> Engine:
        fake = request.param == "fake"
        made.append(FakeEngine(clock, tick=0.01) if fake else DbosEngine(url, clock, tick=0.01, pause=0.05))
        return made[-1]

    yield make
    for engine in made:
        await engine.stop()


@pytest.fixture
async def dbos(tmp_path: Path, clock: Hands) -> AsyncIterator[Callable[[], DbosEngine]]:
    made: list[DbosEngine] = []

    def make() -> DbosEngine:
        made.append(DbosEngine(f"sqlite:///{tmp_path / 'workflows.db'}", clock, tick=0.01, pause=0.05))
        return made[-1]

    yield make
    for engine in made:
        await engine.stop()


class Visits:
    """A look that comes three times, a minute apart."""

    def __init__(self, clock: Hands, times: int = 3) -> None:
        self.clock, self.times, self.at = clock, times, []  # type: ignore[var-annotated]
        self.breaks = 0

    async def look(self, *_: Any) -> datetime | None:
        if self.breaks:
            self.breaks -= 1
            raise RuntimeError("broken on purpose")
        self.at.append(self.clock())
        return self.clock() + timedelta(minutes=1) if len(self.at) < self.times else None


async def soon(true: Callable[[], Any], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


DUTY = Duty("page-1", "page", (1,))


async def test_a_duty_is_looked_at_until_it_is_over(make_engine, clock):
    visits, engine = Visits(clock), make_engine()
    await engine.start({"page": visits.look})
    for _ in range(3):
        await engine.begin(DUTY)
    await soon(lambda: len(visits.at) == 1)
    await asyncio.sleep(0.1)
    assert visits.at == [NOW], "not before its time, and one at a time"
    clock.move(minutes=1)
    await soon(lambda: len(visits.at) == 2)
    clock.move(minutes=1)
    await soon(lambda: len(visits.at) == 3)


async def test_many_duties_wait_side_by_side(make_engine, clock):
    visits, engine = Visits(clock, times=61), make_engine()
    await engine.start({"page": visits.look})
    for number in range(60):
        await engine.begin(Duty(f"page-{number}", "page", (number,)))
    await soon(lambda: len(visits.at) == 60, 30)


async def test_a_duty_goes_on_in_the_next_process(make_engine, clock):
    visits, engine = Visits(clock), make_engine()
    await engine.start({"page": visits.look})
    await engine.begin(DUTY)
    await soon(lambda: len(visits.at) == 1)
    await engine.stop()
    clock.move(minutes=1)
    after = make_engine()
    await after.start({"page": visits.look})
    await after.begin(DUTY)  # as its row calls for it
    await soon(lambda: len(visits.at) == 2)
    await asyncio.sleep(0.2)
    assert len(visits.at) == 2


async def test_a_duty_that_broke_is_done_when_it_is_called_for_again(make_engine, clock):
    visits, engine = Visits(clock, times=1), make_engine()
    visits.breaks = 2
    await engine.start({"page": visits.look})
    async with asyncio.timeout(10):
        while not visits.at:
            await engine.begin(DUTY)
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("by", [-3600, -61, 3600], ids=["an hour back", "a minute back", "an hour forward"])
async def test_a_clock_that_is_set_does_not_stop_a_duty(make_engine, clock, by):
    visits, engine = Visits(clock, times=2), make_engine()
    await engine.start({"page": visits.look})
    await engine.begin(DUTY)
    await soon(lambda: len(visits.at) == 1)
    clock.move(seconds=by)
    await soon(lambda: len(visits.at) == 2)


async def test_what_has_no_row_is_done_once_also_through_a_restart(dbos, clock):
    visits = Visits(clock, times=1)
    once = Duty("retention-2026112315", "retention", ("2026112315",), once=True)
    for _ in range(2):
        engine = dbos()
        await engine.start({"retention": visits.look})
        for _ in range(5):
            await engine.begin(once)
            await asyncio.sleep(0.05)
        await engine.stop()
    assert len(visits.at) == 1


async def test_dbos_alone_takes_up_what_was_left(dbos, clock):
    visits, engine = Visits(clock), dbos()
    await engine.start({"page": visits.look})
    await engine.begin(DUTY)
    await soon(lambda: len(visits.at) == 1)
    await engine.stop()
    clock.move(minutes=1)
    await dbos().start({"page": visits.look})
    await soon(lambda: len(visits.at) == 2)


async def test_a_damaged_workflow_file_is_put_aside(dbos, clock, tmp_path):
    (tmp_path / "workflows.db").write_bytes(b"this is no database" * 100)
    visits, engine = Visits(clock, times=1), dbos()
    await engine.start({"page": visits.look})
    await engine.begin(DUTY)
    await soon(lambda: visits.at)
    assert (tmp_path / "workflows.db.damaged").exists()


async def test_pages_go_out_while_dbos_can_write_nothing_and_again_when_it_can(dbos, clock):
    visits, engine = Visits(clock, times=4), dbos()
    await engine.start({"page": visits.look})
    await engine.begin(DUTY)
    await soon(lambda: len(visits.at) == 1)

    def refuse(*_: Any) -> None:
        raise OperationalError("INSERT", {}, Exception("disk I/O error"))

    event.listen(engine._sql, "checkout", refuse)
    clock.move(minutes=1)
    async with asyncio.timeout(10):
        while len(visits.at) < 3:  # its own step fails when it is to be remembered; the tables call for it again
            await engine.begin(DUTY)
            clock.move(minutes=1)
            await asyncio.sleep(0.05)
    event.remove(engine._sql, "checkout", refuse)
    async with asyncio.timeout(10):
        while len(visits.at) < 4:
            await engine.begin(DUTY)
            clock.move(minutes=1)
            await asyncio.sleep(0.05)


async def test_workflows_that_are_over_are_forgotten_after_a_day(dbos, clock, tmp_path):
    visits, engine = Visits(clock, times=1), dbos()
    await engine.start({"page": visits.look})
    await engine.begin(DUTY)
    await soon(lambda: visits.at)
    await asyncio.sleep(0.3)
    with sqlite3.connect(tmp_path / "workflows.db") as file:
        file.execute("UPDATE workflow_status SET created_at = created_at - 90000000")
        file.commit()
    await engine.tidy()
    with sqlite3.connect(tmp_path / "workflows.db") as file:
        assert file.execute("SELECT count(*) FROM workflow_status").fetchone() == (0,)
