"""Backup and restore: taken while somebody writes, put back with open cases intact, and no erased client comes back."""

from __future__ import annotations

import io
import shutil
import sqlite3
import stat
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.engine import make_url

from bot.clinic.cases import acknowledge, queue
from bot.clinic.config import ClinicConfig
from bot.clinic.rights import erase_client
from bot.clinic.schedule import upcoming
from bot.commands.backup import backup, restore
from bot.settings import Settings
from bot.store.database import Database, StoreError
from bot.store.models import Alert, Audit, Base, Client, Message, Staff
from tests.fakes.stack import settings_for
from tests.postgres import database_url
from tests.unit.clinic.conftest import MONDAY, add_client
from tests.unit.clinic.stories import tell

MARKER = "marker-51c0"
POSTGRES = database_url()


def fill(session) -> None:
    """Two clients, each with an open case; somebody looks after one of them."""
    session.add(Staff(id="sam", email="s@c.example", name="Sam", role="clinician", password_hash="", created_at=MONDAY))
    for client in ("ana", "ben"):
        add_client(session, client)
        tell(session, ClinicConfig.demo(), MONDAY, client, marker=f" {MARKER}-{client}")
    acknowledge(session, queue(session)[0].id, "sam", MONDAY)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path / "home")


@pytest.fixture
def db(settings: Settings):
    database = Database(settings.database)
    database.migrate()
    database.write_now(fill)
    yield database
    database.close()


def told() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=400), out


def state(settings: Settings) -> dict[str, object]:
    """Every row of every table but the audit, and the cases as a clinician sees them."""
    database = Database(settings.database)

    def read(session) -> dict[str, object]:
        tables = [table for table in Base.metadata.sorted_tables if table.name != "audit"]
        rows: dict[str, object] = {
            table.name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key.columns))]
            for table in tables
        }
        rows["queue"] = [(case.id, case.tier, case.acknowledged_by) for case in queue(session)]
        return rows

    try:
        return database.read_now(read)
    finally:
        database.close()


def test_a_backup_put_back_is_the_same_database_with_its_open_cases(settings: Settings, db: Database, tmp_path) -> None:
    before = state(settings)
    assert [case[2] for case in before["queue"]] == [None, "sam"]
    file = tmp_path / "copy.db"
    console, out = told()
    backup(settings, file, console)
    assert "2 clients, 2 open cases, 2 appointments, 0 messages without an answer" in out.getvalue()
    db.write_now(lambda session: session.query(Message).delete())
    db.close()
    restore(settings, file, console)
    assert state(settings) == before
    database = Database(settings.database)
    assert database.read_now(lambda session: session.scalar(select(func.count(Alert.id)))) == 2
    assert database.read_now(lambda session: upcoming(session, "ana", MONDAY)) is not None
    database.close()


def test_only_its_owner_can_read_a_backup(settings: Settings, db: Database, tmp_path: Path) -> None:
    file = tmp_path / "copy.db"
    backup(settings, file, told()[0])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(StoreError, match="is there already"):
        backup(settings, file, told()[0])


def test_it_can_be_taken_while_somebody_writes(settings: Settings, db: Database, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            db.write_now(lambda session, n=number: session.add(Audit(at=MONDAY, action=f"n{n}", subject="")))

    writer = threading.Thread(target=write)
    writer.start()
    file = tmp_path / "copy.db"
    try:
        backup(settings, file, told()[0])
    finally:
        stop.set()
        writer.join()
    db.close()
    restore(settings, file, told()[0])
    assert len(state(settings)["client"]) == 2


def test_who_was_erased_after_the_backup_stays_erased(settings: Settings, db: Database, tmp_path: Path) -> None:
    file = tmp_path / "copy.db"
    backup(settings, file, told()[0])
    db.write_now(lambda session: erase_client(session, "ana", datetime.now(UTC)))
    db.close()
    console, out = told()
    restore(settings, file, console)
    assert "Erased again, since they were erased after the backup: 1." in out.getvalue()
    assert [row[0] for row in state(settings)["client"]] == ["ben"]
    home = Path(settings.home)
    present = b"".join(path.read_bytes() for path in home.glob("evoke.db*") if "before-restore" not in path.name)
    assert f"{MARKER}-ben".encode() in present
    assert f"{MARKER}-ana".encode() not in present


def test_who_began_anew_after_an_erasure_is_not_erased_again(settings: Settings, db: Database, tmp_path: Path) -> None:
    def begin_anew(session) -> None:
        erase_client(session, "ana", datetime.now(UTC))
        session.add(Client(id="ana", created_at=datetime.now(UTC) + timedelta(seconds=1)))

    db.write_now(begin_anew)
    file = tmp_path / "copy.db"
    backup(settings, file, told()[0])
    db.close()
    restore(settings, file, told()[0])
    assert [row[0] for row in state(settings)["client"]] == ["ana", "ben"]


def test_a_running_evoke_is_not_restored_under_its_feet(settings: Settings, db: Database, tmp_path: Path) -> None:
    file = tmp_path / "copy.db"
    backup(settings, file, told()[0])
    db.take_lease()
    with pytest.raises(StoreError, match="Another Evoke"):
        restore(settings, file, told()[0])
    assert len(state(settings)["client"]) == 2


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\x00" + b"\x00" * 4000])
def test_what_is_no_backup_changes_nothing(settings: Settings, db: Database, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "copy.db"
    file.write_bytes(content)
    before = state(settings)
    with pytest.raises(StoreError, match="nothing was changed"):
        restore(settings, file, told()[0])
    assert state(settings) == before


def test_a_backup_of_a_newer_evoke_changes_nothing(settings: Settings, db: Database, tmp_path: Path) -> None:
    file = tmp_path / "copy.db"
    backup(settings, file, told()[0])
    with sqlite3.connect(file) as newer:
        newer.execute("UPDATE alembic_version SET version_num = 'ffff'")
    newer.close()
    before = state(settings)
    with pytest.raises(StoreError, match="newer Evoke"):
        restore(settings, file, told()[0])
    assert state(settings) == before


def test_a_restore_is_noted_and_the_old_database_kept(settings: Settings, db: Database, tmp_path: Path) -> None:
    file = tmp_path / "copy.db"
    backup(settings, file, told()[0])
    db.close()
    restore(settings, file, told()[0])
    assert len(list(Path(settings.home).glob("evoke.db.before-restore-*"))) == 1
    database = Database(settings.database)
    actions = database.read_now(lambda session: list(session.scalars(select(Audit.action))))
    database.close()
    assert actions[-1] == "restore_backup"


def test_postgresql_is_sent_to_its_own_tools(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, database_url="postgresql+psycopg://evoke@localhost/evoke")
    with pytest.raises(StoreError, match="pg_dump"):
        backup(settings, tmp_path / "x", told()[0])


@pytest.mark.skipif(
    not (POSTGRES and shutil.which("pg_dump")), reason="EVOKE_TEST_POSTGRES_URL names no server, or pg_dump is missing"
)
def test_a_postgresql_dump_put_back_has_its_open_cases(tmp_path: Path) -> None:
    server = make_url(POSTGRES)
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    first, second = (server.set(database=f"evoke_backup_{n}").render_as_string(hide_password=False) for n in (1, 2))
    with admin.connect() as connection:
        for n in (1, 2):
            connection.execute(text(f"DROP DATABASE IF EXISTS evoke_backup_{n}"))
            connection.execute(text(f"CREATE DATABASE evoke_backup_{n}"))
    database = Database(first)
    database.migrate()
    database.write_now(fill)
    database.close()
    dump, plain = tmp_path / "evoke.dump", [url.replace("+psycopg", "") for url in (first, second)]
    subprocess.run(["pg_dump", "--format=custom", f"--file={dump}", plain[0]], check=True)
    subprocess.run(["pg_restore", "--clean", "--if-exists", f"--dbname={plain[1]}", str(dump)], check=True)
    assert state(settings_for(tmp_path, database_url=second)) == state(settings_for(tmp_path, database_url=first))
    assert [case[2] for case in state(settings_for(tmp_path, database_url=second))["queue"]] == [None, "sam"]
    with admin.connect() as connection:
        for n in (1, 2):
            connection.execute(text(f"DROP DATABASE evoke_backup_{n}"))
    admin.dispose()
