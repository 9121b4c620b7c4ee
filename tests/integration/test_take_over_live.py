"""The whole way, with everything real but Rasa: a client in danger on the web, and a clinician in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from bot.console.staff import create_staff
from tests.contract.clients import WebPerson, joined
from tests.fakes.dialogue import FakeDialogue
from tests.fakes.stack import Stack, until

CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "correct horse battery"
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def clinician(chromium: Browser, stack: Stack) -> Page:
    """Dr Rivera, looking at the queue."""
    now = datetime.now(UTC)
    stack.evoke.db.write_now(
        lambda session: create_staff(session, "rivera@clinic.example", "Dr Rivera", "clinician", PASSWORD, now)
    )
    page = chromium.new_page()
    page.set_default_timeout(20_000)
    page.goto(f"{stack.url}/console")
    page.get_by_label("E-mail address").fill("rivera@clinic.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/queue")
    return page


def test_from_a_case_that_appears_by_itself_to_handing_back(
    chromium: Browser, make_stack: Callable[..., Stack], dialogue: FakeDialogue
) -> None:
    stack = make_stack(dialogue=dialogue)
    page = clinician(chromium, stack)
    page.get_by_text("Nobody is waiting.").wait_for()
    client = WebPerson(stack)
    client.open()
    client.say("i want to kill myself")
    page.get_by_role("button", name="I will look after this").click()  # there is one without a reload
    page.get_by_text("raised this case").wait_for()
    page.get_by_role("button", name="Take over from Evoke").click()
    page.get_by_text("You are talking with this client.").wait_for()
    assert "Dr Rivera from Demo clinic is here now" in joined(client._new())
    assert client.say("is this a person?") == []
    page.get_by_text("is this a person?").wait_for()
    page.get_by_label("Write to the client").fill("Yes. I have ten minutes, tell me.")
    page.get_by_role("button", name="Send").click()
    until(lambda: "Yes. I have ten minutes" in joined(client._new()))
    page.get_by_role("button", name="Hand back to Evoke").click()
    page.get_by_text("Evoke is answering this client.").wait_for()
    assert "Dr Rivera has left this chat" in joined(client._new())
    page.close()
    client.close()
