"""A clinic with a case, an appointment and one person for each role, and how a browser without JavaScript uses it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import select

from bot.bus import Bus
from bot.clinic.cases import open_case
from bot.clinic.config import ClinicConfig
from bot.clinic.schedule import book, free_slots
from bot.console import visits
from bot.console.roles import ROLES
from bot.console.router import router
from bot.settings import Settings
from bot.store.database import Database
from bot.store.models import Audit, Base, Case, Client, Conversation, Message, Staff

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
SAID = "marker-88ab <script>alert(1)</script>"


@contextmanager
def console_clinic(folder: Path, password_hash: str) -> Iterator[SimpleNamespace]:
    """The application. Its time is `now`; `signals` are the conversations that were told to look."""
    db = Database(f"sqlite:///{folder / 'console.db'}")
    Base.metadata.create_all(db.engine)
    config = ClinicConfig.demo()

    def fill(session: Any) -> None:
        for role in ROLES:
            session.add(
                Staff(
                    id=role,
                    email=f"{role}@clinic.example",
                    name=f"Sam {role}",
                    role=role,
                    password_hash=password_hash,
                    created_at=NOW,
                )
            )
        session.add(Client(id="ana", contact="ana@mail.example", created_at=NOW))
        session.flush()
        session.add(
            Conversation(
                id="talk", client_id="ana", channel="web", address="x", last_seq=1, created_at=NOW, updated_at=NOW
            )
        )
        session.flush()
        session.add(
            Message(id=1, conversation_id="talk", seq=1, direction="in", text=SAID, tier="high", created_at=NOW)
        )
        session.flush()
        open_case(
            session,
            config,
            client_id="ana",
            conversation_id="talk",
            message_id=1,
            reason="risk",
            tier="high",
            kinds=["suicide"],
            now=NOW,
        )
        slot = free_slots(session, config, now=NOW, tier="high")[0]
        book(session, config, slot.id, client_id="ana", conversation_id="talk", now=NOW, key="k")

    db.write_now(fill)
    world = SimpleNamespace(now=NOW, db=db)
    app = FastAPI()
    app.state.db, app.state.clinic, app.state.session_key = db, config, "a key for tests"
    app.state.settings = Settings(
        home=folder,
        clinic_file=folder / "clinic.yml",  # there is none: the demo clinic
        database_url=f"sqlite:///{folder / 'console.db'}",
        public_url="",
    )
    app.state.clock, app.state.bus = lambda: world.now, Bus()
    world.signals = []
    app.state.bus.listen(world.signals.append)
    app.include_router(router(app.state))
    world.app = app
    world.case = db.read_now(lambda session: session.scalars(select(Case.id)).one())
    yield world
    db.close()


def token_of(page: httpx.Response) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


async def sign_in(
    browser: httpx.AsyncClient, role: str = "clinician", password: str = PASSWORD, next_page: str = ""
) -> httpx.Response:
    page = await browser.get("/console/sign-in", params={"next": next_page} if next_page else {})
    fields = {"email": f"{role}@clinic.example", "password": password, "token": token_of(page)}
    return await browser.post("/console/sign-in", data={**fields, "next": next_page})


async def post(browser: httpx.AsyncClient, to: str, page: str = "/console/account", /, **fields: str) -> Any:
    token = token_of(await browser.get(page))
    return await browser.post(to, data={**fields, "token": token})


def audit(clinic: Any) -> list[tuple[str | None, str, str]]:
    rows = clinic.db.read_now(lambda session: list(session.scalars(select(Audit).order_by(Audit.id))))
    return [(row.staff_id, row.action, row.subject) for row in rows]


def stored(clinic: Any, model: Any, id_: str) -> Any:
    return clinic.db.read_now(lambda session: session.get(model, id_))


def stored_messages(clinic: Any) -> list[Message]:
    return clinic.db.read_now(lambda session: list(session.scalars(select(Message).order_by(Message.seq))))


def tab(clinic: Any, *, role: str = "", **transport: Any) -> httpx.AsyncClient:
    """Another browser, with somebody signed in where a role is given (without the work of a password)."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(clinic.app, **transport), base_url="http://console.test")
    if role:
        visit = clinic.db.write_now(lambda session: visits.begin(session, role, "password", clinic.now))
        client.cookies.set(visits.COOKIE, visits.Visits(clinic.app.state.session_key).cookie(visit), path="/console")
        client.headers["x-evoke-token"] = visit.token
    return client


def routes(app: Any) -> Iterator[tuple[str, str]]:
    """Method and path of every route of an application, those of included routers and mounted parts among them."""
    for route in app.routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from routes(inner)
        elif getattr(route, "methods", None):
            yield from ((method, route.path) for method in sorted(route.methods))
        else:
            yield "MOUNT", route.path
