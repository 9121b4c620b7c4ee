"""Many clients at once: one slot, one booking; one client, one case. On SQLite, and on PostgreSQL if there is one."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.clinic.cases import open_case
from bot.clinic.config import ClinicConfig
from bot.clinic.schedule import SlotTaken, book, free_slots, move
from bot.store.database import Database
from bot.store.models import Alert, Appointment, Base, Case, Client, Conversation
from tests.postgres import database_url

NOW = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)
MANY = 50
POSTGRES = database_url()
CONFIG = ClinicConfig.demo()


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param(
            "postgres",
            marks=pytest.mark.skipif(not POSTGRES, reason="EVOKE_TEST_POSTGRES_URL names no server"),
        ),
    ]
)
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    database = Database(POSTGRES if request.param == "postgres" else f"sqlite:///{tmp_path / 'races.db'}")
    Base.metadata.drop_all(database.engine)
    Base.metadata.create_all(database.engine)

    def clients(session: Any) -> None:
        session.add_all(Client(id=f"c{number}", created_at=NOW) for number in range(MANY))
        session.flush()
        session.add_all(
            Conversation(
                id=f"t{number}",
                client_id=f"c{number}",
                channel="web",
                address=str(number),
                created_at=NOW,
                updated_at=NOW,
            )
            for number in range(MANY)
        )

    database.write_now(clients)
    yield database
    database.close()


def at_once(work: Callable[[int], Any], many: int = MANY) -> list[Any]:
    """The results of `work(0)`, `work(1)` … in as many threads, started together."""
    start = threading.Barrier(many)

    def run(number: int) -> Any:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(many) as pool:
        return list(pool.map(run, range(many)))


def test_fifty_clients_take_the_last_slot_and_one_has_it(db):
    slot = db.read_now(lambda session: free_slots(session, CONFIG, now=NOW))[0]

    def take(number: int) -> bool:
        try:
            db.write_now(
                lambda session: book(
                    session,
                    CONFIG,
                    slot.id,
                    client_id=f"c{number}",
                    conversation_id=f"t{number}",
                    now=NOW,
                    key=f"k{number}",
                )
            )
        except SlotTaken:
            return False
        return True

    assert at_once(take).count(True) == 1
    booked = db.read_now(lambda session: list(session.scalars(select(Appointment))))
    assert [row.starts_at for row in booked] == [slot.starts_at]


def test_fifty_clients_who_take_what_is_free_all_get_a_time_of_their_own(db):
    def take(number: int) -> str:
        for attempt in range(MANY):
            slot = db.read_now(lambda session: free_slots(session, CONFIG, now=NOW, limit=1))[0]
            try:
                return db.write_now(
                    lambda session, slot=slot, attempt=attempt: (
                        book(
                            session,
                            CONFIG,
                            slot.id,
                            client_id=f"c{number}",
                            conversation_id=f"t{number}",
                            now=NOW,
                            key=f"k{number}-{attempt}",
                        ).slot_key
                    )
                )
            except SlotTaken:
                continue
        raise AssertionError("no time was left")

    assert len(set(at_once(take, 20))) == 20


def test_one_message_answered_twice_at_once_books_once(db):
    slot = db.read_now(lambda session: free_slots(session, CONFIG, now=NOW))[0]

    def take(number: int) -> str | None:
        try:
            return db.write_now(
                lambda session: (
                    book(session, CONFIG, slot.id, client_id="c1", conversation_id="t1", now=NOW, key="same").id
                )
            )
        except SlotTaken:
            return None

    assert len({id_ for id_ in at_once(take, 10) if id_}) == 1
    assert len(db.read_now(lambda session: list(session.scalars(select(Appointment))))) == 1


def test_two_appointments_moved_to_one_time_end_up_apart(db):
    slots = db.read_now(lambda session: free_slots(session, CONFIG, now=NOW, limit=3))

    def make(session: Any) -> list[str]:
        return [
            book(session, CONFIG, slots[n].id, client_id=f"c{n}", conversation_id=f"t{n}", now=NOW, key=f"k{n}").id
            for n in range(2)
        ]

    ids = db.write_now(make)

    def go(number: int) -> bool:
        try:
            db.write_now(lambda session: move(session, CONFIG, ids[number], slots[2].id, now=NOW, key=f"m{number}"))
        except SlotTaken:
            return False
        return True

    assert sorted(at_once(go, 2)) == [False, True]


def test_one_client_on_many_channels_at_once_has_one_case_at_the_highest_tier(db):
    tiers = ("moderate", "high", "imminent", "check_in")

    def report(number: int) -> str:
        return db.write_now(
            lambda session: (
                open_case(
                    session,
                    CONFIG,
                    client_id="c1",
                    conversation_id="t1",
                    message_id=None,
                    reason="risk",
                    tier=tiers[number % 4],
                    kinds=["suicide"],
                    now=NOW,
                ).id
            )
        )

    assert len(set(at_once(report, 12))) == 1
    case = db.read_now(lambda session: session.scalars(select(Case)).one())
    assert case.tier == "imminent"
    pages = db.read_now(lambda session: list(session.scalars(select(Alert).where(Alert.tier == "imminent"))))
    assert len(pages) == 1
