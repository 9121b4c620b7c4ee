"""Calendars: invitations by real SMTP, a clinician's busy times over real HTTP, and the private feed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from fastapi import FastAPI
from icalendar import Calendar, Event
from sqlalchemy import select

from bot.clinic import feed
from bot.clinic.busy import BusyTimes
from bot.clinic.config import ClinicConfig
from bot.clinic.mails import Mails
from bot.clinic.schedule import SlotTaken, book, cancel, free_slots, move
from bot.store.database import Database
from bot.store.models import Appointment, Base, BusyTime, CalendarMail, Client, Conversation

NOW = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)  # Monday, 08:00 in the demo clinic
KEY = "the key of the home folder"


class Mailbox:
    """A real SMTP server that keeps what it gets, or refuses everything while it is `closed`."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.closed = False
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = int(listener.getsockname()[1])
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.closed:
            return "451 not now"
        self.mails.append(message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    box.controller.start()
    yield box
    box.controller.stop()


@pytest.fixture
def config(mailbox: Mailbox) -> ClinicConfig:
    demo = ClinicConfig.demo().model_dump()
    demo["clinicians"] = [*map(dict, demo["clinicians"])]
    demo["clinicians"][0] |= {"email": "rivera@clinic.example", "calendar_env": "CALENDAR_RIVERA"}
    demo["clinicians"][1] |= {"availability": ()}
    route = {"name": "mail", "kind": "mail", "to": ["a@clinic.example"], "sender": "evoke@clinic.example"}
    server = {"host": "127.0.0.1", "port": mailbox.port, "security": "none"}
    return ClinicConfig.model_validate({**demo, "notifications": {"routes": [route | server]}})


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'calendars.db'}")
    Base.metadata.create_all(database.engine)

    def fill(session: Any) -> None:
        session.add(Client(id="ana", name="Ana", contact="ana@mail.example", time_zone="Europe/London", created_at=NOW))
        session.flush()
        session.add(Conversation(id="t", client_id="ana", channel="web", address="x", created_at=NOW, updated_at=NOW))

    database.write_now(fill)
    yield database
    database.close()


@pytest.fixture
def world(db: Database, config: ClinicConfig) -> SimpleNamespace:
    """The mails that appointments call for, and the clock."""
    at = SimpleNamespace(now=NOW, db=db, config=config)
    at.mails = Mails(db, config, lambda: at.now)

    async def look(**after: float) -> None:
        """What is sent when the clock has moved on."""
        at.now += timedelta(**after)
        for duty in db.read_now(lambda session: list(at.mails.called_for(session, at.now))):
            await at.mails.mail(*duty.args)

    at.look = look
    return at


def booked(world: SimpleNamespace) -> Appointment:
    def make(session: Any) -> Appointment:
        slot = free_slots(session, world.config, now=world.now)[0]
        return book(session, world.config, slot.id, client_id="ana", conversation_id="t", now=world.now, key="k")

    return world.db.write_now(make)


def event_in(mail: Any) -> tuple[str, Any]:
    """(method, event) of the calendar part."""
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    calendar = Calendar.from_ical(part.get_payload(decode=True))
    assert part.get_param("method") == str(calendar["method"])
    return str(calendar["method"]), calendar.walk("VEVENT")[0]


async def test_a_booking_a_move_and_a_cancellation_are_one_event_that_is_updated(world, mailbox):
    appointment = booked(world)
    await world.look(minutes=2)
    slots = world.db.read_now(lambda session: free_slots(session, world.config, now=world.now, limit=3))
    world.db.write_now(lambda session: move(session, world.config, appointment.id, slots[2].id, now=world.now, key="m"))
    await world.look(minutes=2)
    world.db.write_now(lambda session: cancel(session, appointment.id, now=world.now))
    await world.look(minutes=2)
    found = [event_in(mail) for mail in mailbox.mails]
    assert [method for method, _ in found] == ["REQUEST", "REQUEST", "CANCEL"]
    assert [int(event["sequence"]) for _, event in found] == [0, 1, 2]
    assert len({str(event["uid"]) for _, event in found}) == 1
    assert found[1][1].decoded("dtstart") == slots[2].starts_at
    assert mailbox.mails[0]["To"] == "ana@mail.example, rivera@clinic.example"


async def test_each_mail_is_sent_once(world, mailbox):
    booked(world)
    for _ in range(4):
        await world.look(minutes=2)
    assert len(mailbox.mails) == 1


async def test_a_mind_that_changes_at_once_is_one_mail(world, mailbox):
    appointment = booked(world)
    await world.look(seconds=20)
    slots = world.db.read_now(lambda session: free_slots(session, world.config, now=world.now, limit=2))
    world.db.write_now(lambda session: move(session, world.config, appointment.id, slots[1].id, now=world.now, key="m"))
    await world.look(minutes=2)
    assert [int(event_in(mail)[1]["sequence"]) for mail in mailbox.mails] == [1]


async def test_a_cancellation_before_the_invitation_went_out_sends_nothing(world, mailbox):
    appointment = booked(world)
    world.db.write_now(lambda session: cancel(session, appointment.id, now=world.now))
    await world.look(minutes=5)
    assert mailbox.mails == []


async def test_a_mail_server_that_refuses_is_tried_again(world, mailbox):
    booked(world)
    mailbox.closed = True
    await world.look(minutes=2)
    row = world.db.read_now(lambda session: session.scalars(select(CalendarMail)).one())
    assert (row.attempts, row.sent_at) == (1, None)
    assert row.error
    mailbox.closed = False
    await world.look(seconds=30)
    assert mailbox.mails == []
    await world.look(seconds=31)
    assert len(mailbox.mails) == 1


async def test_a_reminder_comes_once_in_the_client_s_time_and_to_the_client_alone(world, mailbox):
    appointment = booked(world)
    await world.look(minutes=2)
    mailbox.mails.clear()
    world.now = appointment.starts_at - timedelta(hours=24)
    for _ in range(3):
        await world.look(minutes=1)
    (mail,) = mailbox.mails
    assert mail["To"] == "ana@mail.example"
    assert f"{appointment.starts_at:%H:%M} (Europe/London)" in mail.get_payload()


async def test_no_mail_says_anything_about_health_or_the_clinic_s_field(world, mailbox):
    demo = world.config.model_copy(update={"name": "Addiction and Self-Harm Clinic"})
    world.mails = Mails(world.db, demo, lambda: world.now)
    appointment = booked(world)
    await world.look(minutes=2)
    world.now = appointment.starts_at - timedelta(hours=24)
    await world.look(minutes=1)
    world.db.write_now(lambda session: cancel(session, appointment.id, now=world.now))
    await world.look(minutes=2)
    parts = [part.get_payload(decode=True) or b"" for mail in mailbox.mails for part in mail.walk()]
    text = b"".join(parts).decode() + "".join(str(mail["Subject"]) for mail in mailbox.mails)
    assert len(mailbox.mails) == 3
    assert "Addiction" not in text
    assert "Self-Harm" not in text


async def test_a_client_who_left_a_telephone_number_gets_no_mail_and_the_clinician_does(world, mailbox):
    world.db.write_now(lambda session: setattr(session.get_one(Client, "ana"), "contact", "07700 900123"))
    booked(world)
    await world.look(minutes=2)
    assert mailbox.mails[0]["To"] == "rivera@clinic.example"


# -- busy times ---------------------------------------------------------------------------------------------------


class Cloud(ThreadingHTTPServer):
    """Where a clinician keeps their calendar."""

    daemon_threads = True
    text = b""
    status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/private.ics"


class _Handler(BaseHTTPRequestHandler):
    server: Cloud

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.text)))
        self.end_headers()
        self.wfile.write(self.server.text)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    server = Cloud(("127.0.0.1", 0), _Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    monkeypatch.setenv("CALENDAR_RIVERA", server.url)
    yield server
    server.shutdown()
    server.server_close()


def calendar(*events: dict[str, Any]) -> bytes:
    made = Calendar()
    made.add("prodid", "-//test//EN")
    made.add("version", "2.0")
    for number, values in enumerate(events):
        event = Event()
        for name, value in ({"uid": f"e{number}@cloud.example", "summary": "dentist"} | values).items():
            event.add(name, value)
        made.add_component(event)
    return bytes(made.to_ical())


def spans(db: Database) -> list[tuple[datetime, datetime]]:
    rows = db.read_now(lambda session: list(session.scalars(select(BusyTime).order_by(BusyTime.starts_at))))
    return [(row.starts_at, row.ends_at) for row in rows]


def first_slot(world: SimpleNamespace) -> Any:
    return world.db.read_now(lambda session: free_slots(session, world.config, now=world.now))[0]


async def test_a_busy_time_is_neither_offered_nor_taken(world, cloud):
    slot = first_slot(world)
    cloud.text = calendar({"dtstart": slot.starts_at, "dtend": slot.ends_at})
    await BusyTimes(world.db, world.config, lambda: NOW).busy("rivera", "1")
    assert spans(world.db) == [(slot.starts_at, slot.ends_at)]
    assert first_slot(world).id != slot.id
    with pytest.raises(SlotTaken):
        world.db.write_now(
            lambda session: book(session, world.config, slot.id, client_id="ana", conversation_id="t", now=NOW, key="k")
        )


async def test_a_weekly_event_is_unfolded_and_keeps_its_hour_over_a_clock_change(world, cloud):
    start = datetime(2027, 3, 1, 9, 0, tzinfo=world.config.zone)
    cloud.text = calendar({"dtstart": start, "dtend": start + timedelta(hours=1), "rrule": {"freq": "weekly"}})
    await BusyTimes(world.db, world.config, lambda: start - timedelta(days=1)).busy("rivera", "1")
    hours = {begins.astimezone(world.config.zone).time() for begins, _ in spans(world.db)}
    assert hours == {time(9)}
    assert len(spans(world.db)) == 4  # clocks go forward on 14 March


async def test_a_whole_day_is_busy_at_the_clinic_and_free_entries_are_not(world, cloud):
    day = date(2026, 11, 25)
    cloud.text = calendar(
        {"dtstart": day, "dtend": day + timedelta(days=1)},
        {"dtstart": NOW, "dtend": NOW + timedelta(hours=1), "transp": "TRANSPARENT"},
        {"dtstart": NOW, "dtend": NOW + timedelta(hours=1), "status": "CANCELLED"},
        {"dtstart": NOW, "dtend": NOW + timedelta(hours=1), "uid": "x@evoke.invalid"},
    )
    await BusyTimes(world.db, world.config, lambda: NOW).busy("rivera", "1")
    ((begins, ends),) = spans(world.db)
    assert begins.astimezone(world.config.zone).isoformat() == "2026-11-25T00:00:00-05:00"
    assert ends - begins == timedelta(days=1)


@pytest.mark.parametrize("trouble", ["away", "nonsense", "missing"])
async def test_a_calendar_that_cannot_be_read_leaves_what_was_read_last(world, cloud, monkeypatch, trouble):
    slot, look = first_slot(world), BusyTimes(world.db, world.config, lambda: NOW)
    cloud.text = calendar({"dtstart": slot.starts_at, "dtend": slot.ends_at})
    await look.busy("rivera", "1")
    if trouble == "away":
        cloud.status = 503
    elif trouble == "nonsense":
        cloud.text = b"<html>sign in first</html>"
    else:
        monkeypatch.delenv("CALENDAR_RIVERA")
    assert await look.busy("rivera", "2") is None
    assert len(spans(world.db)) == 1


async def test_nothing_of_a_calendar_is_kept_but_times(world, cloud, tmp_path):
    cloud.text = calendar({"dtstart": NOW, "dtend": NOW + timedelta(hours=1), "summary": "marker-77aa"})
    await BusyTimes(world.db, world.config, lambda: NOW).busy("rivera", "1")
    assert not [file for file in tmp_path.iterdir() if b"marker-77aa" in file.read_bytes()]


# -- the feed -----------------------------------------------------------------------------------------------------


@pytest.fixture
def site(world: SimpleNamespace) -> FastAPI:
    app = FastAPI()
    app.include_router(feed.router)
    app.state.db, app.state.clinic, app.state.clock = world.db, world.config, lambda: NOW
    app.state.session_key = KEY
    return app


async def get(site: FastAPI, address: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="https://bot.clinic.example") as http:
        return await http.get(address)


async def test_a_clinician_s_feed_has_their_appointments_and_says_when_and_no_more(world, site):
    appointment = booked(world)
    address = feed.address_of(KEY, "https://bot.clinic.example/", "rivera")
    answer = await get(site, address)
    assert answer.headers["content-type"].startswith("text/calendar")
    assert answer.headers["cache-control"] == "no-store"
    (event,) = Calendar.from_ical(answer.content).walk("VEVENT")
    assert event.decoded("dtstart") == appointment.starts_at
    assert "Ana" not in answer.text
    assert "ana@" not in answer.text


async def test_other_clinicians_feeds_are_empty_and_other_addresses_are_nobody_s(world, site):
    booked(world)
    other = await get(site, feed.address_of(KEY, "https://bot.clinic.example", "okafor"))
    assert Calendar.from_ical(other.content).walk("VEVENT") == []
    for token in ("", "x", feed.token_of("another key", "rivera"), "%F0%9F%92%A9"):
        assert (await get(site, f"/calendar/{token}.ics")).status_code == 404
