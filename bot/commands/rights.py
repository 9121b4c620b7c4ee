"""`evoke export` and `evoke erase`: a client's rights from the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import IO

from rich.console import Console

from bot.clinic.config import ClinicConfig
from bot.clinic.export_page import export_page
from bot.clinic.rights import erase_client, export_client
from bot.settings import Settings
from bot.store.database import Database, StoreError
from bot.store.models import Client


def export(settings: Settings, client: str, out: IO[str], page: bool = False) -> None:
    """Writes everything kept about a client as JSON, or as a page to read."""
    clinic = ClinicConfig.of(settings.clinic_file)
    db = _open(settings, client)
    if page:
        now = datetime.now(UTC)
        out.write(db.read_now(lambda session: export_page(session, clinic, client, now)))
    else:
        json.dump(db.read_now(lambda session: export_client(session, client)), out, indent=2, ensure_ascii=False)
    out.write("\n")
    db.close()


def erase(settings: Settings, client: str, console: Console) -> None:
    """Erases a client everywhere."""
    db = _open(settings, client)
    db.write_now(lambda session: erase_client(session, client, datetime.now(UTC)))
    db.forget_old_pages()
    console.print(f"Erased {client}: every table; one line without content stays in the audit.")
    db.close()


def _open(settings: Settings, client: str) -> Database:
    db = Database(settings.database)
    db.migrate()
    if db.read_now(lambda session: session.get(Client, client)) is None:
        db.close()
        raise StoreError(f"There is no client {client}: ids are in the console, on the client's page.")
    return db
