"""Who may do what: the table of routes and roles is walked over the application's own list of routes."""

import asyncio
import re
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from sqlalchemy import select

from bot.app import web_app
from bot.console.desk import Desk
from bot.console.roles import ALLOWED, HOME, OPEN, ROLES, ROUTES, deed_of, may
from bot.store.models import Appointment, Audit, Staff
from tests.fakes.console import NOW, routes, stored, tab

SIGNED_IN = sorted(route for route, deed in ROUTES.items() if deed != OPEN)


@pytest.fixture
def parts(clinic: Any) -> dict[str, str]:
    """What stands in for the variable parts of an address."""

    def add(session: Any) -> str:
        session.add(
            Staff(id="target", email="t@b.example", name="T", role="clinician", password_hash="", created_at=NOW)
        )
        return session.scalars(select(Appointment.id)).one()

    return {
        "case_id": clinic.case,
        "staff_id": "target",
        "appointment_id": clinic.db.write_now(add),
        "client_id": "ana",
    }


def filled(path: str, parts: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: parts.get(found[1], "none"), path)


async def status(client: Any, method: str, address: str) -> int:
    """The answer's status; 200 for a stream that goes on and on."""
    try:
        answer = await asyncio.wait_for(client.request(method, address, data={} if method == "POST" else None), 10)
    except TimeoutError:
        return 200
    return answer.status_code


def test_every_console_route_of_the_application_is_in_the_table_and_nothing_else_is(fake_dialogue_stack):
    there = {f"{method} {path}" for method, path in routes(web_app(fake_dialogue_stack.evoke)) if "/console" in path}
    assert there == set(ROUTES)


def test_a_route_that_is_not_in_the_table_cannot_be_made(clinic):
    pages = APIRouter(prefix="/console", route_class=Desk(clinic.app.state).route_class())
    with pytest.raises(LookupError, match=r"GET /console/new is not in bot\.console\.roles\.ROUTES"):
        pages.get("/new")(lambda: None)
    with pytest.raises(LookupError):
        deed_of("DELETE", "/console/queue")


async def test_a_page_that_names_another_deed_than_the_table_is_a_mistake(clinic):
    desk, app = Desk(clinic.app.state), FastAPI()
    pages = APIRouter(prefix="/console", route_class=desk.route_class())

    @pages.get("/queue")
    async def page(request: Request) -> None:
        await desk.visitor(request, "manage_staff")

    app.include_router(pages)
    app.state.session_key = clinic.app.state.session_key
    async with tab(SimpleNamespace(app=app, db=clinic.db, now=clinic.now), role="admin") as client:
        with pytest.raises(LookupError, match="is for see_queue in the table, and manage_staff on its page"):
            await client.get("/console/queue")


@pytest.mark.parametrize("role", ROLES)
async def test_every_role_gets_what_the_table_says_and_no_more(clinic, parts, role):
    wrong = []
    for route in SIGNED_IN:
        method, path = route.split(" ")
        async with tab(clinic, role=role) as client:
            got = await status(client, method, filled(path, parts))
        if (got == 403) != (not may(role, ROUTES[route])) or got >= 500 or got == 401:
            wrong.append((route, got))
    assert wrong == []


async def test_nobody_gets_anything_without_a_sign_in(clinic, parts):
    async with tab(clinic) as client:
        for route in SIGNED_IN:
            method, path = route.split(" ")
            answer = await client.request(method, filled(path, parts), data={} if method == "POST" else None)
            assert answer.status_code == 303, route
            assert answer.headers["location"].startswith("/console/sign-in"), route


async def test_every_unsafe_route_refuses_a_form_without_its_token(clinic, parts):
    async with tab(clinic, role="admin") as client:
        del client.headers["x-evoke-token"]
        for route in ROUTES:
            method, path = route.split(" ")
            if method == "GET":
                continue
            answer = await client.request(method, filled(path, parts), data={"token": "made up"})
            assert answer.status_code == 403, route
    assert stored(clinic, Staff, "target").disabled_at is None


async def test_every_page_that_shows_something_is_in_the_audit_without_content(clinic, parts):
    def count() -> int:
        return clinic.db.read_now(lambda session: len(list(session.scalars(select(Audit.id)))))

    unseen = []
    for route in SIGNED_IN:
        method, path = route.split(" ")
        if method != "GET" or path in ("/console", "/console/live"):  # these show nothing
            continue
        role = next(role for role in ROLES if may(role, ROUTES[route]))
        async with tab(clinic, role=role) as client:
            before = count()
            await status(client, method, filled(path, parts))
            if count() == before:
                unseen.append(route)
    assert unseen == []
    lines = clinic.db.read_now(lambda session: list(session.scalars(select(Audit))))
    assert not [line for line in lines if "marker" in f"{line.action} {line.subject}"]


def test_every_deed_is_somebody_s_and_every_home_may_be_seen():
    assert set(ROUTES.values()) - {OPEN} == set(ALLOWED)
    assert all(ALLOWED.values())
    assert all(may(role, ROUTES[f"GET {HOME[role]}"]) for role in ROLES)


def test_an_unknown_role_may_do_nothing():
    assert not any(may("visitor", deed) for deed in ALLOWED)
