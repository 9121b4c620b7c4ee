"""`evoke staff add`."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console

from bot.console.passwords import random_password
from bot.console.roles import ROLES
from bot.console.staff import create_staff
from bot.settings import Settings
from bot.store.database import Database, StoreError


def add(settings: Settings, email: str, name: str, role: str, console: Console) -> None:
    """Adds someone with a random first password, shown once.

    Raises:
        StoreError: the role is unknown, or the address is taken.
    """
    if role not in ROLES:
        raise StoreError(f"There is no role {role}: choose one of {', '.join(ROLES)}.")
    db = Database(settings.database)
    db.migrate()
    password = random_password()
    try:
        now = datetime.now(UTC)
        db.write_now(lambda session: create_staff(session, email, name or email.split("@")[0], role, password, now))
    except ValueError as error:
        raise StoreError(str(error)) from error
    finally:
        db.close()
    console.print(f"{email} ({role}) can sign in with the password {password} (shown only now).")
