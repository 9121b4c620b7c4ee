"""`evoke backup` and `evoke restore`: the database as one file, taken while Evoke runs, and put back.

For SQLite, with its online backup (https://www.sqlite.org/backup.html); PostgreSQL has pg_dump and pg_restore
(docs/deploy.md). Whoever was erased since the backup was taken is erased again when it is put back.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from bot.clinic.rights import erase_client
from bot.settings import Settings
from bot.store.database import Database, StoreError
from bot.store.models import Audit, Client

COUNTS = (
    ("clients", "SELECT count(*) FROM client"),
    ("open cases", 'SELECT count(*) FROM "case" WHERE closed_at IS NULL'),
    ("appointments", "SELECT count(*) FROM appointment WHERE status = 'booked'"),
    ("messages without an answer", "SELECT count(*) FROM message WHERE direction = 'in' AND answered_at IS NULL"),
)
SIDE_FILES = ("-wal", "-shm")


def backup(settings: Settings, file: Path, console: Console) -> None:
    """Copies the database as it is at this moment into a new file that only its owner can read.

    Raises:
        StoreError: there is no database, the file is there already, or it is PostgreSQL.
    """
    source = _sqlite_path(settings, "pg_dump")
    if not source.is_file():
        raise StoreError(f"There is no database at {source}: nothing was copied.")
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise StoreError(f"{file} is there already: name a new file; nothing was copied.") from None
    with _opened(source) as database, _opened(file) as copy:
        database.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    _check(file)
    console.print(f"Copied to {file}: {_counted(file)}. It holds what clients wrote: encrypt it.", highlight=False)


def restore(settings: Settings, file: Path, console: Console) -> None:
    """Puts a backup in the database's place, and erases again who has been erased since it was taken.

    What was there is kept beside it until somebody deletes it.

    Raises:
        StoreError: the file is no backup, Evoke is running, or it is PostgreSQL.
    """
    target = _sqlite_path(settings, "pg_restore")
    if not file.is_file():
        raise StoreError(f"There is no file {file}: nothing was changed.")
    _check(file)
    now = datetime.now(UTC)
    holder = Database(settings.database)
    try:
        holder.take_lease()
        beside = target.with_name(f"{target.name}.restoring")
        beside.unlink(missing_ok=True)
        _copy(file, beside)
        again = _erase_again(beside, _erased(target), now)
        kept = _move_away(target, now)
        beside.rename(target)
    finally:
        holder.close()
    console.print(f"Restored {file}: {_counted(target)}.", highlight=False)
    if again:
        console.print(f"Erased again, since they were erased after the backup: {again}.", highlight=False)
    if kept is not None:
        console.print(f"What was there before is in {kept}: delete it when all is well.", highlight=False)


def _sqlite_path(settings: Settings, tool: str) -> Path:
    url = make_url(settings.database)
    if url.get_backend_name() != "sqlite":
        raise StoreError(f"The database is PostgreSQL: use {tool} (docs/deploy.md).")
    return Path(str(url.database))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def _check(file: Path) -> None:
    """
    Raises:
        StoreError: the file is damaged, or no database of Evoke's.
    """
    try:
        with _opened(file) as database:
            sound = database.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
            database.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError:
        sound = False
    if not sound:
        raise StoreError(f"{file} is damaged, or is no backup of Evoke's: nothing was changed.")


def _counted(path: Path) -> str:
    with _opened(path) as database:
        return ", ".join(f"{database.execute(query).fetchone()[0]} {what}" for what, query in COUNTS)


def _erased(path: Path) -> dict[str, datetime]:
    """Ids of erased clients in the database that is to be replaced, as far as it can be read, with the time."""
    if not path.is_file():
        return {}
    with _opened(path) as database:
        try:
            rows = database.execute("SELECT subject, at FROM audit WHERE action = 'erase_client'").fetchall()
        except sqlite3.DatabaseError:
            return {}
    return {subject: datetime.fromisoformat(at).replace(tzinfo=UTC) for subject, at in rows}


def _move_away(path: Path, now: datetime) -> Path | None:
    if not path.is_file():
        return None
    with contextlib.suppress(sqlite3.DatabaseError), _opened(path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = path.with_name(f"{path.name}.before-restore-{now:%Y%m%d-%H%M%S}")
    path.rename(kept)
    for ending in SIDE_FILES:
        side = path.with_name(path.name + ending)
        if side.exists():
            side.rename(kept.with_name(kept.name + ending))
    return kept


def _copy(file: Path, target: Path) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with _opened(file) as source, _opened(target) as database:
        source.backup(database)


def _erase_again(path: Path, erased: dict[str, datetime], now: datetime) -> int:
    """Brings the tables up to date, and erases who is there again although they were erased.

    A client who began anew under the same id after an erasure is left alone.

    Raises:
        StoreError: the file was made by a newer Evoke.
    """
    db = Database(f"sqlite:///{path}")

    def erase(session: Session) -> int:
        found = session.scalars(select(Client).where(Client.id.in_(list(erased))))
        back = [client.id for client in found if client.created_at < erased[client.id]]
        for client_id in back:
            erase_client(session, client_id, now)
        session.add(Audit(at=now, staff_id=None, action="restore_backup", subject=""))
        return len(back)

    try:
        db.migrate()
        again = db.write_now(erase)
        db.forget_old_pages()
        return again
    finally:
        db.close()
