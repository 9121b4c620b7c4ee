"""The engine behind `bot.duties`: DBOS workflows, on a SQLite file of their own or on PostgreSQL.

Each duty is one workflow under the duty's id, each look one step of it. DBOS has one instance a process; it gets a
thread and an event loop of its own, so that looks are never in the way of a conversation. What it stores (ids, and
when to look again) can be thrown away at any time, since the tables call for everything once more.
https://docs.dbos.dev/python/programming-guide
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Engine as SqlEngine
from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import QueuePool

from bot.duties import PAUSE_SECONDS, TICK_SECONDS, Clock, Duty, Look, wait_until

VERSION = "1"
"""Of the workflow's shape. DBOS takes up only workflows of its own version; the tables call for the others anew."""
KEPT = timedelta(days=1)
"""How long DBOS remembers a workflow that is over."""
TAKEN_UP_WITHIN = 30.0
"""Seconds in which what an earlier process left has to be at work again; then it is begun anew."""
TRY_AGAIN_AFTER = 30.0
"""Seconds until DBOS is launched once more after it could not be."""
OVER = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
UNREMEMBERED = "-"
T = TypeVar("T")
log = structlog.get_logger(__name__)


class DbosEngine:
    """See `bot.duties.Engine`.

    Args:
        url: SQLAlchemy address for DBOS's tables (PostgreSQL: its schema "dbos").
        tick: seconds between two looks at the clock.
        pause: seconds before a duty that broke may be begun again.
    """

    def __init__(self, url: str, clock: Clock, *, tick: float = TICK_SECONDS, pause: float = PAUSE_SECONDS) -> None:
        self.url, self.clock, self.tick, self.pause = url, clock, tick, pause
        self._looks: Mapping[str, Look] = {}
        self._at_work: dict[str, str] = {}  # duty -> the workflow that has it
        self._left: set[str] = set()  # duties of an earlier process that DBOS is about to take up
        self._taken_up: set[str] = set()
        self._over: set[str] = set()
        self._left_until = self._next_try = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._is_up = False
        self._unremembered: set[asyncio.Task[None]] = set()
        self._sql: SqlEngine | None = None
        self._workflow: Any = None

    async def start(self, looks: Mapping[str, Look]) -> None:
        self._looks = looks
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="duties", daemon=True)
        self._thread.start()
        await self._there(self._launch_or_wait())

    async def begin(self, duty: Duty) -> None:
        if duty.id not in self._at_work and duty.id not in self._over:
            await self._there(self._begin(duty))

    async def tidy(self) -> None:
        if self._is_up:
            await self._there(self._tidy())

    async def stop(self) -> None:
        if self._loop is None or self._thread is None:
            return
        await self._there(_cancel_the_others())
        await asyncio.to_thread(self._destroy)
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()
        self._loop = self._thread = None

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs it on the loop of the duties, and waits here."""
        assert self._loop is not None
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    # -- on the loop of the duties ------------------------------------------------------------------------------------

    async def _launch_or_wait(self) -> None:
        """Brings DBOS up, or tries again later. A damaged file is put aside: nothing in it is needed."""
        now = asyncio.get_running_loop().time()
        self._left_until, self._next_try = now + TAKEN_UP_WITHIN, now + TRY_AGAIN_AFTER
        try:
            await self._launch()
            self._is_up = True
        except Exception as error:
            log.error("workflows_away", why=type(error).__name__)
            await asyncio.to_thread(self._destroy)
            path = make_url(self.url).database
            if isinstance(error, DatabaseError) and not isinstance(error, OperationalError) and path:
                Path(path).replace(f"{path}.damaged")
                self._next_try = now

    async def _launch(self) -> None:
        from dbos import DBOS  # takes half a second, which commands without alerts need not spend

        self._sql = _engine(self.url)
        DBOS(
            config={
                "name": "evoke",
                "system_database_engine": self._sql,
                "application_version": VERSION,
                "executor_id": "evoke",
                "use_listen_notify": False,  # duties are told nothing, so nobody has to listen
                "log_level": "ERROR",
                "console_log_level": "CRITICAL",  # the troubles that matter are logged here, by name
            }
        )

        @DBOS.workflow(name="duty")
        async def duty(id_: str, kind: str, args: list[Any]) -> None:
            await self._work(str(DBOS.workflow_id), id_, kind, args)

        self._workflow = duty
        DBOS.launch()
        left = await DBOS.list_workflows_async(status=["PENDING", "ENQUEUED"], load_input=False, load_output=False)
        self._left = {_duty_id(status.workflow_id) for status in left} - self._taken_up

    async def _begin(self, duty: Duty) -> None:
        now = asyncio.get_running_loop().time()
        if not self._is_up and now >= self._next_try:
            await self._launch_or_wait()
        if now > self._left_until:
            self._left.clear()
        if duty.id in self._at_work or duty.id in self._left:
            return
        try:
            await self._start_workflow(duty)
        except Exception as error:
            # DBOS cannot write just now. The tables are the truth, so the duty is done without its memory.
            log.error("duty_without_workflow", duty=duty.id, why=type(error).__name__)
            self._at_work[duty.id] = UNREMEMBERED
            work = self._work(UNREMEMBERED, duty.id, duty.kind, list(duty.args))
            self._unremembered.add(task := asyncio.create_task(work))
            task.add_done_callback(self._unremembered.discard)

    async def _start_workflow(self, duty: Duty) -> None:
        from dbos import DBOS, SetWorkflowID

        workflow_id = duty.id
        known = await DBOS.get_workflow_status_async(workflow_id)
        if known is not None:
            if duty.once and known.status == "SUCCESS":
                self._over.add(duty.id)
                return
            workflow_id = f"{duty.id}~{uuid.uuid4().hex[:8]}"  # it broke, and the tables still call for it
        self._at_work[duty.id] = workflow_id
        with SetWorkflowID(workflow_id):
            await DBOS.start_workflow_async(self._workflow, duty.id, duty.kind, list(duty.args))

    async def _work(self, workflow_id: str, duty_id: str, kind: str, args: list[Any]) -> None:
        """Looks until it is over. One that breaks ends after a pause; the tables then call for it anew."""
        self._taken_up.add(duty_id)
        self._left.discard(duty_id)
        if self._at_work.setdefault(duty_id, workflow_id) != workflow_id:
            return
        try:
            while (times := await self._step(workflow_id, kind, args)) is not None:
                looked, again = map(datetime.fromisoformat, times)
                await wait_until(again, self.clock, looked=looked, tick=self.tick)
        except Exception as error:
            log.warning("duty_failed", duty=duty_id, why=type(error).__name__)
            await asyncio.sleep(self.pause)
        finally:
            self._at_work.pop(duty_id, None)

    async def _step(self, workflow_id: str, kind: str, args: list[Any]) -> list[str] | None:
        """One look; DBOS remembers when it was, and when the next one is due."""
        from dbos import DBOS

        async def look() -> list[str] | None:
            looked = self.clock()
            again = await self._looks[kind](*args)
            return None if again is None else [looked.isoformat(), again.isoformat()]

        return await look() if workflow_id == UNREMEMBERED else await DBOS.run_step_async({"name": kind}, look)

    async def _tidy(self) -> None:
        from dbos import DBOS

        before = (datetime.now(UTC) - KEPT).isoformat()  # DBOS stamps its rows by the machine's clock
        while old := await DBOS.list_workflows_async(
            status=OVER, end_time=before, limit=500, load_input=False, load_output=False
        ):
            await DBOS.delete_workflows_async([status.workflow_id for status in old])

    def _destroy(self) -> None:
        from dbos import DBOS

        self._is_up = False
        DBOS.destroy(destroy_registry=True)
        if self._sql is not None:
            _dispose(self._sql)
        self._at_work.clear()


async def _cancel_the_others() -> None:
    """Ends every other task of this loop; DBOS keeps what was cancelled for the next process."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _dispose(engine: SqlEngine) -> None:
    """Closes every connection, once the threads that a cancelled step left behind have given theirs back."""
    pool = engine.pool
    end = time.monotonic() + 2
    while isinstance(pool, QueuePool) and pool.checkedout() and time.monotonic() < end:
        time.sleep(0.02)
    engine.dispose()


def _duty_id(workflow_id: str) -> str:
    return workflow_id.partition("~")[0]


def _engine(url: str) -> SqlEngine:
    """DBOS wants to set its own pace of transactions on SQLite: a writer takes its place at once, and waits long."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=6, pool_pre_ping=True)
    engine = create_engine(url, pool_size=6)

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
