"""Pages leave the house: a real HTTP server and a real SMTP server stand in for the clinic's; the test is the clock."""

import asyncio
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from fastapi import FastAPI, Request, Response
from sqlalchemy import select

from bot.clinic.alerts import Pager, is_told
from bot.clinic.cases import acknowledge, open_case
from bot.clinic.config import ClinicConfig
from bot.console.staff import create_staff
from bot.duties import Duties
from bot.store.database import Database
from bot.store.models import Alert, Base, Case, Client, Conversation, Message, Staff
from tests.fakes.engine import FakeEngine

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # 10:00 in the demo clinic
MARKER = "marker-51c0"
TOKEN = "123:secret-token"
KEY = "signing-key"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
async def world() -> AsyncIterator[SimpleNamespace]:
    """An HTTP server that notes what it gets, and answers with `status`."""
    app, got = FastAPI(), SimpleNamespace(requests=[], status=200, delay=0.0, url="")

    @app.post("/{path:path}")
    async def take(path: str, request: Request) -> Response:
        got.requests.append((path, dict(request.headers), await request.body()))
        await asyncio.sleep(got.delay)
        return Response("{}", got.status)

    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off", ws="none"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    got.url = f"http://127.0.0.1:{port}"
    yield got
    server.should_exit = True
    await task


@pytest.fixture
def mailbox() -> Iterator[Any]:
    received: list[EmailMessage] = []

    class Keep(MessageHandler):
        def handle_message(self, message: Any) -> None:
            received.append(message)

    controller = Controller(Keep(), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield SimpleNamespace(messages=received, port=controller.port)
    controller.stop()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'alerts.db'}")
    Base.metadata.create_all(database.engine)

    def fill(session: Any) -> None:
        session.add(Client(id="ana", name=MARKER, contact=f"{MARKER}@mail.example", created_at=NOW))
        session.flush()
        session.add(
            Conversation(id="talk", client_id="ana", channel="web", address="x", created_at=NOW, updated_at=NOW)
        )
        session.flush()
        session.add(Message(id=1, conversation_id="talk", seq=1, direction="in", text=MARKER, created_at=NOW))
        create_staff(session, "sam@clinic.example", "Sam", "clinician", "a long password", NOW)

    database.write_now(fill)
    yield database
    database.close()


def clinic(*routes: dict[str, Any]) -> ClinicConfig:
    return ClinicConfig.model_validate({**ClinicConfig.demo().model_dump(), "notifications": {"routes": routes}})


def hook(world: Any, name: str = "pager", **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": "webhook", "url": f"{world.url}/{name}", **more}


def report(db: Database, config: ClinicConfig, tier: str = "high", at: datetime = NOW) -> Case:
    return db.write_now(
        lambda session: open_case(
            session,
            config,
            client_id="ana",
            conversation_id="talk",
            message_id=1,
            reason="risk",
            tier=tier,
            kinds=["suicide"],
            now=at,
        )
    )


class Sender:
    """Looks at everything that the tables call for, as a process would that was started at this moment."""

    def __init__(self, db: Database, config: ClinicConfig, **more: Any) -> None:
        self.db, self.now = db, NOW
        self.pager = Pager(db, config, lambda: self.now, public_url="https://bot.clinic.example/", **more)

    async def send_due(self, now: datetime) -> int:
        """Begins the rounds that are due, then sends the pages that are; how many got through."""
        self.now = now
        for kind, look in (("round", self.pager.round), ("page", self.pager.page)):
            before = self.sent()
            await asyncio.gather(*(look(*duty.args) for duty in self.called_for() if duty.kind == kind))
        return self.sent() - before

    def called_for(self) -> list[Any]:
        return self.db.read_now(lambda session: list(self.pager.called_for(session, self.now)))

    def sent(self) -> int:
        return len([alert for alert in stored(self.db).values() if alert.sent_at])


@pytest.fixture
def sender() -> type[Sender]:
    return Sender


def stored(db: Database) -> dict[tuple[str, int], Alert]:
    rows = db.read_now(lambda session: list(session.scalars(select(Alert).order_by(Alert.id))))
    return {(row.route, row.round): row for row in rows}


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv("EVOKE_WEBHOOK_SECRET", KEY)
    monkeypatch.setenv("EVOKE_TELEGRAM_TOKEN", TOKEN)


async def test_a_webhook_is_signed_with_its_time_and_says_where_to_look(db, world, sender):
    config = clinic(hook(world))
    case = report(db, config)
    assert await sender(db, config).send_due(NOW) == 2  # with the console
    (path, headers, body) = world.requests[0]
    assert path == "pager"
    expected = hmac.new(KEY.encode(), headers["evoke-timestamp"].encode() + b"." + body, hashlib.sha256)
    assert headers["evoke-signature"] == f"v1={expected.hexdigest()}"
    assert int(headers["evoke-timestamp"]) == NOW.timestamp()
    assert json.loads(body)["link"] == f"https://bot.clinic.example/console/cases/{case.id}"


async def test_a_page_by_mail_holds_a_link_and_is_one_message_however_often_it_is_tried(db, mailbox, sender):
    mail = {"name": "mail", "kind": "mail", "to": ["a@clinic.example"], "sender": "evoke@clinic.example"}
    config = clinic({**mail, "host": "127.0.0.1", "port": mailbox.port, "security": "none"})
    case = report(db, config)
    await sender(db, config).send_due(NOW)
    message = mailbox.messages[0]
    assert message["Subject"] == "Urgent: someone is waiting"
    assert case.id in message["Message-ID"]
    assert f"https://bot.clinic.example/console/cases/{case.id}" in message.get_payload()


async def test_a_telegram_group_gets_a_message(db, world, sender):
    config = clinic({"name": "group", "kind": "telegram_group", "chat_id": -100, "api_base": world.url})
    report(db, config)
    await sender(db, config).send_due(NOW)
    path, _, body = world.requests[0]
    assert path == f"bot{TOKEN}/sendMessage"
    assert json.loads(body)["chat_id"] == -100
    assert "URGENT" in json.loads(body)["text"]


async def test_no_page_holds_what_a_client_wrote_or_who_they_are(db, world, mailbox, sender):
    config = clinic(
        hook(world),
        {"name": "group", "kind": "telegram_group", "chat_id": -100, "api_base": world.url},
        {
            "name": "mail",
            "kind": "mail",
            "to": ["a@clinic.example"],
            "sender": "evoke@clinic.example",
            "host": "127.0.0.1",
            "port": mailbox.port,
            "security": "none",
        },
    )
    report(db, config)
    assert await sender(db, config).send_due(NOW) == 4
    sent = [repr(request) for request in world.requests] + [str(message) for message in mailbox.messages]
    assert len(sent) == 3
    assert not [text for text in sent if MARKER in text or "suicide" in text]


async def test_what_was_sent_is_not_sent_again(db, world, sender):
    config = clinic(hook(world))
    report(db, config)
    worker = sender(db, config)
    await worker.send_due(NOW)
    assert await worker.send_due(NOW + timedelta(minutes=1)) == 0
    assert len(world.requests) == 1


async def test_a_failed_route_is_tried_again_ever_more_slowly_and_says_why(db, world, sender):
    config = clinic(hook(world))
    case, worker = report(db, config), sender(db, config)
    world.status = 503
    tried = []
    for second in range(0, 300, 5):
        before = len(world.requests)
        await worker.send_due(NOW + timedelta(seconds=second))
        if len(world.requests) > before:
            tried.append(second)
    assert tried == [0, 15, 45, 105, 225]
    assert stored(db)["pager", 0].error == "it answered 503"
    assert not db.read_now(lambda session: is_told(session, config, session.get(Case, case.id)))
    world.status = 200
    await worker.send_due(NOW + timedelta(seconds=470))
    assert stored(db)["pager", 0].sent_at is not None
    assert db.read_now(lambda session: is_told(session, config, session.get(Case, case.id)))


async def test_the_next_backup_comes_in_when_a_route_fails(db, world, sender):
    config = clinic(
        {"name": "down", "kind": "webhook", "url": "http://127.0.0.1:9/x"},
        {"name": "down-too", "kind": "webhook", "url": "http://127.0.0.1:9/y", "backup": True},
        hook(world, "last", backup=True),
    )
    report(db, config)
    worker = sender(db, config)
    for second in range(3):
        await worker.send_due(NOW + timedelta(seconds=second))
    assert [path for path, _, _ in world.requests] == ["last"]
    assert stored(db)["down", 0].error == "no delivery (ConnectError)"


async def test_thirty_minutes_of_silence_are_told_and_made_up_for(db, world, sender):
    config = clinic(hook(world))
    report(db, config)
    worker = sender(db, config)
    world.status = 500
    for minute in range(30):
        await worker.send_due(NOW + timedelta(minutes=minute))
    assert all(row.sent_at is None for (route, _), row in stored(db).items() if route == "pager")
    world.status, world.requests[:] = 200, []
    await worker.send_due(NOW + timedelta(minutes=35))
    assert len(world.requests) == 1  # the newest round, not every one that was missed


async def test_pages_go_on_in_a_new_process_and_stop_with_the_acknowledgement(db, world, sender):
    config = clinic(hook(world))
    case = report(db, config, "imminent")
    rounds = []
    for minute in range(21):
        await sender(db, config).send_due(NOW + timedelta(minutes=minute))  # a new worker knows nothing
        rounds = [json.loads(body)["round"] for _, _, body in world.requests]
    assert rounds == [0, 1, 2, 3]
    db.write_now(lambda session: acknowledge(session, case.id, _staff(session), NOW))
    await sender(db, config).send_due(NOW + timedelta(hours=2))
    assert len(world.requests) == 4


async def test_a_clock_that_goes_back_sends_no_page_twice(db, world, sender):
    config = clinic(hook(world))
    report(db, config, "imminent")
    for minutes in (0, 6, 5, 6, 7, 11):
        await sender(db, config).send_due(NOW + timedelta(minutes=minutes))
    assert [json.loads(body)["round"] for _, _, body in world.requests] == [0, 1, 2]
    assert len({json.loads(body)["page"] for _, _, body in world.requests}) == 3


async def test_a_route_that_hangs_does_not_hold_up_the_others(db, world, sender):
    config = clinic(hook(world), {"name": "dead", "kind": "webhook", "url": "http://127.0.0.1:9/x"})
    report(db, config)
    world.delay = 6.0
    began = asyncio.get_running_loop().time()
    await sender(db, config, timeout_seconds=0.3).send_due(NOW)
    assert asyncio.get_running_loop().time() - began < 5
    assert stored(db)["pager", 0].error == "no delivery (ReadTimeout)"
    assert stored(db)["console", 0].sent_at == NOW


async def test_a_secret_that_is_missing_is_told_and_none_is_ever_stored(db, world, monkeypatch, sender):
    monkeypatch.delenv("EVOKE_WEBHOOK_SECRET")
    config = clinic(
        hook(world),
        {"name": "group", "kind": "telegram_group", "chat_id": -1, "api_base": "http://127.0.0.1:9"},
    )
    report(db, config)
    await sender(db, config).send_due(NOW)
    rows = stored(db)
    assert rows["pager", 0].error == "the environment variable EVOKE_WEBHOOK_SECRET is not set"
    assert TOKEN not in str(rows["group", 0].error)


async def test_a_route_that_left_the_settings_is_told(db, world, sender):
    report(db, clinic(hook(world)))
    await sender(db, clinic()).send_due(NOW)
    assert "no longer in the clinic's settings" in str(stored(db)["pager", 0].error)


async def test_a_clock_that_was_set_back_an_hour_delays_no_page(db, world, sender):
    config = clinic(hook(world))
    report(db, config, "imminent")
    worker = sender(db, config)
    await worker.send_due(NOW)
    world.status = 503
    await worker.send_due(NOW + timedelta(minutes=5))  # the second round, which fails
    back = NOW - timedelta(hours=1)
    world.status, world.requests[:] = 200, []
    await sender(db, config).send_due(back)
    assert [json.loads(body)["round"] for _, _, body in world.requests] == [2], "at once, by the new clock"
    await sender(db, config).send_due(back + timedelta(minutes=9))
    assert len(world.requests) == 1
    await sender(db, config).send_due(back + timedelta(minutes=10))
    assert [json.loads(body)["round"] for _, _, body in world.requests] == [2, 3]


async def test_duties_page_again_until_somebody_acknowledges(db, world):
    config, now = clinic(hook(world)), [NOW]
    case = report(db, config, "imminent")
    pager = Pager(db, config, lambda: now[0], public_url="https://bot.clinic.example/")
    engine = FakeEngine(lambda: now[0], tick=0.01)
    looks = {"page": pager.page, "round": pager.round}
    duties = Duties(db, lambda: now[0], engine, looks=looks, sources=[pager.called_for])
    task = asyncio.create_task(duties.run(every_seconds=0.01))
    for round_, minutes in enumerate((0, 5, 5, 10)):
        now[0] += timedelta(minutes=minutes)
        async with asyncio.timeout(5):
            while len(world.requests) <= round_:
                await asyncio.sleep(0.01)
    db.write_now(lambda session: acknowledge(session, case.id, _staff(session), now[0]))
    now[0] += timedelta(hours=2)
    await asyncio.sleep(0.2)
    assert [json.loads(body)["round"] for _, _, body in world.requests] == [0, 1, 2, 3]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def _staff(session: Any) -> str:
    return session.scalars(select(Staff.id)).one()
