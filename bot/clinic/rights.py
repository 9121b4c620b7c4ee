"""A client's rights: a copy of everything that is held about them, and its erasure.

Both follow the tables' foreign keys from the client, so that a table added later is reached without a change
here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, or_, select, text, union
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.store.messages import forget_words
from bot.store.models import Appointment, Audit, Base, Case, Client, Conversation, Questionnaire

WITHOUT_CONSENT = timedelta(days=1)
"""How long what somebody typed before a yes is kept, since a danger in it has to be answered."""


class ClientNotFound(LookupError):
    """No such client."""


def export_client(session: Session, client_id: str) -> dict[str, Any]:
    """Everything held about a client, ready for JSON: table name -> rows, and who looked at them ("audit").

    Raises:
        ClientNotFound: there is no such client.
    """
    _must_exist(session, client_id)
    held = {
        table.name: [
            {name: _plain(value) for name, value in row.items()}
            for row in session.execute(select(table).where(condition).order_by(*table.primary_key.columns)).mappings()
        ]
        for table, condition in _reached(client_id).items()
    }
    subjects = [row["id"] for rows in held.values() for row in rows if isinstance(row.get("id"), str)]
    looked = select(Audit).where(Audit.subject.in_(subjects)).order_by(Audit.id)
    audit = [{"at": _plain(row.at), "action": row.action} for row in session.scalars(looked)]
    return {"format": "evoke-export-1", **held, "audit": audit}


def erase_client(session: Session, client_id: str, now: datetime) -> None:
    """Erases a client from every table, open cases included, and leaves one line in the audit.

    SQLite overwrites the freed space; its write-ahead log still holds the old pages until the next
    checkpoint.

    Raises:
        ClientNotFound: there is no such client.
    """
    _must_exist(session, client_id)
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA secure_delete = ON"))  # https://www.sqlite.org/pragma.html#pragma_secure_delete
    for table, condition in reversed(_reached(client_id).items()):
        session.execute(delete(table).where(condition))
    session.add(Audit(at=now, staff_id=None, action="erase_client", subject=client_id))
    session.flush()
    session.expire_all()


def forget(session: Session, client_id: str) -> None:
    """After a no to being kept: empties what the client said, chose and answered. Rows of messages stay without words,
    so that nothing is answered twice; cases and appointments stay until their time is over."""
    client = session.get_one(Client, client_id)
    client.consent_version = client.consented_at = None
    client.shares, client.share_with_clinic = {}, False
    for conversation in client.conversations:
        forget_words(session, conversation.id)
    session.execute(delete(Questionnaire).where(Questionnaire.client_id == client_id))


def erase_old(session: Session, config: ClinicConfig, now: datetime) -> int:
    """Erases the clients whose conversations have been silent for the clinic's `retention_days`, and after a day those
    who never consented to be kept.

    Who has an open case, or an appointment still to come, is kept.

    Returns:
        How many were erased.
    """
    before = now - timedelta(days=config.retention_days)
    silent = _silent_since(before)
    unconsented = Client.consent_version.is_(None) & _silent_since(now - WITHOUT_CONSENT)
    waiting = select(Case.client_id).where(Case.closed_at.is_(None))
    coming = select(Appointment.client_id).where(Appointment.slot_key.is_not(None), Appointment.ends_at > now)
    kept = union(waiting, coming).subquery()
    old = select(Client.id).where(silent | unconsented, Client.id.not_in(select(kept.c.client_id)))
    found = list(session.scalars(old))
    for client_id in found:
        erase_client(session, client_id, now)
    return len(found)


def _silent_since(before: datetime) -> ColumnElement[bool]:
    """Clients who began before a time, and of whose conversations none has moved since."""
    recent = select(Conversation.client_id).where(Conversation.updated_at >= before)
    return (Client.created_at < before) & Client.id.not_in(recent)


def _reached(client_id: str) -> dict[Table, ColumnElement[bool]]:
    """Each table that leads back to the client, parents first, with the condition on its rows."""
    client = Base.metadata.tables[Client.__tablename__]
    reached: dict[Table, ColumnElement[bool]] = {client: client.c.id == client_id}
    for table in Base.metadata.sorted_tables:
        ways = [
            key.parent.in_(select(key.column).where(reached[key.column.table]))
            for key in table.foreign_keys
            if key.column.table in reached and key.column.table is not table
        ]
        if ways and table not in reached:
            reached[table] = or_(*ways)
    return reached


def _must_exist(session: Session, client_id: str) -> None:
    if session.get(Client, client_id) is None:
        raise ClientNotFound(client_id)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
