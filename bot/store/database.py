"""One writer, many readers: how the asyncio side reaches SQLAlchemy.

Work on the database is a plain function of a Session. `await db.write(fn)` runs it in a transaction on the writer
thread (SQLite allows one writer; PostgreSQL gets as many as its pool), `await db.read(fn)` on a reader thread.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Session

T = TypeVar("T")
CHECKPOINT_PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between two tries to empty the write-ahead log."""
MIGRATIONS = Path(__file__).parent / "migrations"


class StoreError(Exception):
    """The database cannot be used; the message is one sentence that says what to do."""


class Database:
    """A pool of connections to the tables of `bot.store.models`.

    Args:
        url: an SQLAlchemy address, sqlite:///… or postgresql+psycopg://…
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._lease: IO[str] | None = None
        if self.is_sqlite and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine = _engine(url, self.is_sqlite)
        self._writers = ThreadPoolExecutor(1 if self.is_sqlite else 8, "db-write")
        self._readers = ThreadPoolExecutor(4, "db-read")

    async def write(self, fn: Callable[[Session], T]) -> T:
        """Runs `fn` in one transaction, committed when it returns and rolled back when it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._writers, self.write_now, fn)

    async def read(self, fn: Callable[[Session], T]) -> T:
        """Runs `fn` on a reading session; what it changes is not kept."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, fn)

    def write_now(self, fn: Callable[[Session], T]) -> T:
        """`write` for code that is not asynchronous."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.connection(execution_options={"writes": True})
            return fn(session)

    def read_now(self, fn: Callable[[Session], T]) -> T:
        """`read` for code that is not asynchronous."""
        with Session(self.engine, expire_on_commit=False) as session:
            return fn(session)

    def migrate(self) -> None:
        """Brings the tables to the newest revision.

        Raises:
            StoreError: the file is damaged, cannot be written, or was made by a newer Evoke.
        """
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        try:
            with self.engine.connect() as connection:
                if self.is_sqlite and connection.execute(text("PRAGMA quick_check(1)")).scalar() != "ok":
                    raise StoreError(self._damaged("it fails SQLite's own check"))
                tables = inspect(connection).get_table_names()
                at = None
                if "alembic_version" in tables:
                    at = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
                connection.rollback()
                if at is not None and at not in known:
                    raise StoreError(
                        f"The database {self._name()} was made by a newer Evoke (revision {at}): "
                        "update Evoke, or point EVOKE_DATABASE_URL or EVOKE_HOME at another database."
                    )
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except (DatabaseError, sqlite3.DatabaseError, CommandError) as error:
            raise StoreError(self._damaged(str(getattr(error, "orig", None) or error))) from error

    def forget_old_pages(self) -> bool:
        """After an erasure: takes what SQLite's write-ahead log still holds out of the log.

        Returns:
            Whether it is done; False when readers were in the way all the time, and the next checkpoint has to do it.
        """
        if not self.is_sqlite:
            return True
        for pause in CHECKPOINT_PAUSES:
            with self.engine.connect() as connection:
                busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy is not None and not busy[0]:
                return True
            time.sleep(pause)
        return False

    def take_lease(self) -> None:
        """Makes sure that this is the only process that answers messages on this database.

        Raises:
            StoreError: another process holds it.
        """
        if not self.is_sqlite:
            self._take_postgres_lease()
            return
        path = Path(f"{self.url.database}.lock")
        self._lease = path.open("a+")
        try:
            fcntl.flock(self._lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lease.seek(0)
            holder = self._lease.read().strip() or "unknown"
            raise StoreError(
                f"Another Evoke (process {holder}) already uses {self._name()}: stop it first, "
                "or set EVOKE_HOME to another folder."
            ) from None
        self._lease.truncate(0)
        self._lease.write(str(os.getpid()))
        self._lease.flush()

    def _take_postgres_lease(self) -> None:
        self._lease_connection = self.engine.connect()
        taken = self._lease_connection.execute(text("SELECT pg_try_advisory_lock(7301946)")).scalar()
        self._lease_connection.commit()
        if not taken:
            raise StoreError(f"Another Evoke already uses {self._name()}: stop it first.")

    def close(self) -> None:
        """Finishes what is under way and lets go of every connection."""
        self._writers.shutdown()
        self._readers.shutdown()
        self.engine.dispose()
        if self._lease is not None:
            self._lease.close()

    def _name(self) -> str:
        return self.url.render_as_string(hide_password=True)

    def _damaged(self, why: str) -> str:
        return (
            f"The database {self._name()} cannot be used ({why.splitlines()[0]}): restore it from a backup, or move "
            "the file away and start again; nothing was changed in it."
        )


def _engine(url: str, is_sqlite: bool) -> Engine:
    if not is_sqlite:
        return create_engine(url, pool_size=12, pool_pre_ping=True)
    engine = create_engine(url, pool_size=8, connect_args={"check_same_thread": False, "timeout": 15})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        # WAL lets readers go on while one writes; NORMAL keeps every commit over a killed process (and a power cut
        # can only lose the last ones, never damage the file): https://www.sqlite.org/wal.html
        connection.isolation_level = None  # no BEGIN of the driver's own, which comes too late for savepoints
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")  # an erasure overwrites what it deletes

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes its place in the queue at once: a reader that turns writer half-way can be refused.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def is_down(error: BaseException) -> bool:
    """Whether an error means that the database cannot be reached or written just now."""
    return isinstance(error, OperationalError)
