"""What a client writes is shown and exported as text: hostile strings go through a conversation and over every page."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import JSON, String, Text, select

from bot.console import visits
from bot.console.csv_file import RUNS
from bot.console.roles import OPEN, ROUTES
from bot.store.models import Appointment, Base, Case, Client, Conversation, Message, Staff
from tests.fakes.dialogue import FakeDialogue
from tests.fakes.stack import Stack, until

CHROMIUM = Path("/usr/bin/chromium")
HOSTILE = (
    '<script>window.taken="script"</script>',
    '"><img src=x onerror="window.taken=1">',
    "'><svg/onload=window.taken=2>",
    "javascript:window.taken=3",
    "{{ 7 * 191 }}${7*191}",
    "</textarea></title></script><script>window.taken=4</script>",
    '=HYPERLINK("https://evil.example","bill")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
)
ALL = " ".join(HOSTILE)
KEPT = {
    "id",
    "role",
    "email",
    "password_hash",
    "instrument",
    "status",
    "channel",
    "direction",
    "kind",
    "tier",
    "reason",
}
KEPT |= {
    "language",
    "time_zone",
    "consent_version",
    "clinician",
    "address",
    "staff_id",
    "taken_by",
    "assigned_to",
    "way",
}
"""Columns whose values are Evoke's own; the others of a client's tables may hold what somebody wrote."""
NOT_PAGES = ("/console/live", "/console/oidc", "/console/oidc/back", "/console/visit", "/console/sign-in/code")


@pytest.fixture
def world(make_stack: Callable[..., Stack], dialogue: FakeDialogue) -> Stack:
    """A client who has written every hostile string, in a crisis too, and shares everything."""
    stack = make_stack(dialogue=dialogue)
    mine = httpx.post(f"{stack.url}/api/v1/conversations", json={}).json()
    headers = {"Authorization": f"Bearer {mine['token']}"}
    messages = f"{stack.url}/api/v1/conversations/{mine['conversation_id']}/messages"
    for number, text in enumerate((*HOSTILE, f"i want to kill myself {ALL}")):
        body = {"text": text, "client_message_id": f"m{number}"}
        assert httpx.post(messages, json=body, headers=headers, timeout=30).status_code == 202
    until(lambda: stack.cases(mine["conversation_id"]), 40)
    stack.settled(mine["conversation_id"])
    stack.evoke.db.write_now(lambda session: _everywhere(session, stack.evoke.conversations.clock()))
    return stack


def _everywhere(session: Any, now: Any) -> None:
    """Puts the strings where the conversation's forms would have put them: names, plans, quotes, notes."""
    client = session.scalars(select(Client)).one()
    conversation = session.scalars(select(Conversation)).one()
    client.name, client.contact = ALL[:200], HOSTILE[1]
    for column in Client.__table__.columns:
        if column.name.startswith("share") and not isinstance(column.type, JSON):
            setattr(client, column.name, True)
    quotes = [{"text": text, "sign": "+", "code": "reason", "turn": 1} for text in HOSTILE]
    plan = dict.fromkeys(("change", "first_step", "when", "help", "obstacle", "other_help"), ALL)
    rulers = [{"name": "importance", "value": 7, "turn": 1}]
    conversation.mi_state = {**conversation.mi_state, "topic": ALL, "quotes": quotes, "plan": plan, "rulers": rulers}
    for number, message in enumerate(session.scalars(select(Message).where(Message.direction == "in"))):
        message.heard = {"turn": number, "process": "evoke", "talk": "change", "codes": ["+reason"]}
    session.add(Staff(id="boss", email="b@b.example", name=HOSTILE[6], role="admin", password_hash="", created_at=now))


@pytest.fixture
def page(world: Stack) -> Iterator[Page]:
    """An administrator's browser."""
    if not CHROMIUM.exists():
        missing = "there is no Chromium on this machine"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context()
        context.add_cookies(
            [{"name": visits.COOKIE, "value": _cookie(world), "domain": "127.0.0.1", "path": "/console"}]
        )
        yield context.new_page()
        browser.close()


def _cookie(stack: Stack) -> str:
    now = stack.evoke.conversations.clock()
    visit = stack.evoke.db.write_now(lambda session: visits.begin(session, "boss", "password", now))
    return visits.Visits(stack.settings.session_key()).cookie(visit)


def addresses(stack: Stack) -> list[str]:
    """Every page that is asked for by its address, with what there is in the database filled in."""

    def ids(session: Any) -> dict[str, str]:
        first = {"client_id": Client, "case_id": Case, "staff_id": Staff, "appointment_id": Appointment}
        return {name: session.scalars(select(table.id)).first() or "none" for name, table in first.items()}

    found = stack.read(ids)
    paths = [route.split(" ")[1] for route, deed in ROUTES.items() if route.startswith("GET ") and deed != OPEN]
    there = [re.sub(r"\{(\w+)[^}]*\}", lambda part: found.get(part[1], "none"), path) for path in paths]
    return [path for path in there if path not in NOT_PAGES]


def test_no_page_runs_what_a_client_wrote(world: Stack, page: Page) -> None:
    shown, troubles = set(), []
    page.on("dialog", lambda dialog: troubles.append(f"dialog {dialog.message}"))
    page.on("console", lambda line: troubles.append(line.text) if "Content Security Policy" in line.text else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    for path in addresses(world):
        if path.endswith((".csv", ".pdf", ".json", ".ics")):
            continue
        answer = page.goto(world.url + path)
        if answer is None or "text/html" not in answer.headers.get("content-type", ""):
            continue
        assert answer.status in (200, 404), path
        text = page.content()
        assert page.evaluate("window.taken") is None, path
        assert page.locator("img[src=x], [onerror], [onload], a[href^='javascript:' i]").count() == 0, path
        assert str(7 * 191) not in page.inner_text("body"), path
        shown |= {hostile for hostile in HOSTILE if hostile in page.inner_text("body")}
        assert "<script>" not in text, path
    assert troubles == []
    assert shown >= set(HOSTILE[:6])  # they were on the pages indeed


def test_no_file_holds_a_cell_that_a_spreadsheet_runs(world: Stack) -> None:
    files = 0
    with httpx.Client(base_url=world.url, cookies={visits.COOKIE: _cookie(world)}) as browser:
        for path in ROUTES:
            if path.startswith("GET ") and path.endswith(".csv"):
                answer = browser.get(path.removeprefix("GET "))
                assert answer.status_code == 200
                cells = [cell for row in csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))) for cell in row]
                assert not [cell for cell in cells if cell.lstrip(" ").startswith(RUNS)]
                assert f"'{HOSTILE[6]}" in cells  # the administrator's own name
                files += 1
    assert files >= 1


def test_the_columns_that_may_hold_what_a_client_wrote_are_known() -> None:
    """A new text column has to be thought about: filled above, or named in KEPT."""
    columns = {
        column.name
        for table in (Client, Conversation, Message, Case)
        for column in Base.metadata.tables[table.__tablename__].columns
        if isinstance(column.type, String | Text) and not column.foreign_keys
    }
    assert columns - KEPT == {"name", "contact", "text", "external_id", "outcome"}
