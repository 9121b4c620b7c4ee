"""A real SQLite file, the demo clinic and a client for each test."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.store.database import Database
from bot.store.models import Base, Client, Conversation

MONDAY = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)
"""08:00 in the demo clinic, an hour before it opens."""


@pytest.fixture
def now() -> datetime:
    return MONDAY


@pytest.fixture
def config() -> ClinicConfig:
    return ClinicConfig.demo()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'clinic.db'}")
    Base.metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture
def session(db: Database) -> Iterator[Session]:
    with Session(db.engine) as session:
        add_client(session, "ana")
        add_client(session, "ben")
        session.commit()
        yield session


def add_client(session: Session, id_: str) -> None:
    """A client with one conversation, `<id>-talk`."""
    session.add(Client(id=id_, consent_version="1", consented_at=MONDAY, created_at=MONDAY))
    session.flush()
    session.add(
        Conversation(
            id=f"{id_}-talk",
            client_id=id_,
            channel="web",
            address=f"address of {id_}",
            created_at=MONDAY,
            updated_at=MONDAY,
        )
    )
    session.flush()
