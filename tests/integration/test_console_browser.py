"""The console in a real browser: accessibility, a phone's width, the living queue, and no JavaScript at all."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bot.clinic.cases import open_case
from bot.console import live
from bot.store.messages import add_inbound
from tests.fakes.clinic_weeks import served_console
from tests.fakes.console import NOW, PASSWORD
from tests.fakes.served import served

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def address(clinic: Any) -> Iterator[str]:
    with served(clinic.app) as address:
        yield f"{address}/console"


def sign_in(page: Page, address: str, role: str = "admin") -> None:
    page.goto(address)
    page.get_by_label("E-mail address").fill(f"{role}@clinic.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/queue")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits_a_phone(chromium, address, clinic, scheme):
    context = chromium.new_context(viewport={"width": 320, "height": 640}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(address)
    found = {"sign-in": _problems(page)}
    sign_in(page, address)
    for name in (
        "queue",
        f"cases/{clinic.case}",
        "appointments",
        "clients",
        "clients/ana",
        "staff",
        "staff/clinician",
        "audit",
        "account",
        "account/second-factor",
        "settings",
    ):
        page.goto(f"{address}/{name}")
        for summary in page.locator("summary").all():
            summary.click()
        found[name] = _problems(page)
    context.close()
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_a_new_case_appears_by_itself_and_the_focus_stays(chromium, address, clinic, monkeypatch):
    monkeypatch.setattr(live, "TICK_SECONDS", 0.5)
    page = chromium.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    sign_in(page, address)
    button = page.get_by_role("button", name="I will look after this")
    button.focus()
    clinic.db.write_now(
        lambda session: open_case(
            session,
            clinic.app.state.clinic,
            client_id="ana",
            conversation_id="talk",
            message_id=None,
            reason="wish",
            tier="none",
            now=NOW,
        )
    )
    page.get_by_text("Wants to talk to a person").wait_for(timeout=5000)
    assert page.evaluate("document.activeElement.id") == f"take-{clinic.case}"
    assert page.title() == "Cases (2 waiting) · Demo clinic"
    assert page.locator("#news").text_content() == "Somebody new is waiting."
    assert errors == []
    page.close()


def test_what_a_colleague_does_shows_at_once(chromium, address, clinic):
    mine, theirs = (chromium.new_context().new_page() for _ in range(2))
    sign_in(mine, address)
    sign_in(theirs, address, "clinician")
    theirs.get_by_role("button", name="I will look after this").click()
    mine.get_by_text("Sam clinician is looking after this").wait_for(timeout=5000)
    theirs.get_by_role("button", name="Take over from Evoke").click()
    mine.get_by_text("Sam clinician is talking with").wait_for(timeout=5000)
    for page in (mine, theirs):
        page.context.close()


def test_a_clinician_sees_the_client_answer_without_losing_what_they_type(chromium, address, clinic, monkeypatch):
    monkeypatch.setattr(live, "TICK_SECONDS", 0.5)
    page = chromium.new_page()
    sign_in(page, address, "clinician")
    page.goto(f"{address}/cases/{clinic.case}")
    page.get_by_role("button", name="Take over from Evoke").click()
    page.get_by_label("Write to the client").fill("I'm just looking up the number")
    clinic.db.write_now(
        lambda session: add_inbound(
            session, "talk", external_id=None, kind="text", text="are you still there", payload={}, now=NOW
        )
    )
    page.get_by_text("are you still there").wait_for(timeout=5000)
    assert page.get_by_label("Write to the client").input_value() == "I'm just looking up the number"
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Sam clinician, Demo clinic:").wait_for(timeout=5000)
    page.close()


def test_a_visit_that_ends_leads_to_the_sign_in_by_itself(chromium, address, clinic, monkeypatch):
    monkeypatch.setattr(live, "TICK_SECONDS", 0.5)
    page = chromium.new_page()
    sign_in(page, address)
    clinic.now += timedelta(minutes=21)
    expect(page).to_have_url(re.compile(r"/sign-in"), timeout=10_000)
    page.close()


def test_a_minute_before_an_idle_visit_ends_the_page_asks_and_one_click_keeps_it(chromium, address, clinic):
    context = chromium.new_context()
    page = context.new_page()
    page.clock.install()
    sign_in(page, address, "clinician")
    page.goto(f"{address}/account")

    def pass_(minutes: float) -> None:
        clinic.now += timedelta(minutes=minutes)
        page.clock.fast_forward(int(minutes * 60_000))

    pass_(18)
    assert not page.get_by_role("dialog").is_visible()
    pass_(1.5)
    page.get_by_role("dialog", name="Do you need more time?").wait_for(timeout=15_000)
    with page.expect_response(lambda answer: answer.url.endswith("/visit") and answer.request.method == "POST"):
        page.get_by_role("button", name="Stay signed in").click()
    pass_(18)
    assert page.goto(f"{address}/account").status == 200
    assert page.get_by_role("heading", name="Your account").is_visible()
    pass_(21)
    # Both timer and stream may lead there at once, and the first of two navigations is aborted: where it ends counts.
    expect(page).to_have_url(re.compile(r"/sign-in\?next="), timeout=15_000)
    context.close()


def test_everything_works_without_javascript_and_by_keyboard(chromium, address, clinic):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, address, "clinician")
    page.get_by_role("button", name="I will look after this").press("Enter")
    page.wait_for_url("**/cases/*")
    page.get_by_text("Close the case").press("Enter")
    page.get_by_label("What came of it").select_option("Not a safety concern")
    page.get_by_role("button", name="Close it").press("Enter")
    page.wait_for_url("**/queue")
    assert page.get_by_text("Nobody is waiting.").is_visible()
    page.get_by_role("button", name="Sign out").press("Enter")
    page.wait_for_url("**/sign-in")
    context.close()


def _problems(page: Page) -> list[str]:
    """What axe finds, and whether the page is wider than the window."""
    found = [violation["id"] for violation in Axe().run(page).response["violations"]]
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [*found, "too wide"] if wide else found


def test_pages_full_of_weeks_are_accessible_and_fit_a_phone(chromium, tmp_path):
    with served_console(tmp_path) as served:
        context = chromium.new_context(viewport={"width": 390, "height": 800}, bypass_csp=True)
        page = context.new_page()
        served.sign_in(page)
        client, found = served.ids["client"], {}
        for name in ("use", "supervision", f"clients/{client}", f"supervision/clients/{client}", "notifications"):
            page.goto(f"{served.address}/{name}")
            for summary in page.locator("summary").all():
                summary.click()
            found[name] = _problems(page)
        page.goto(f"{served.address}/appointments?view=week&on=2026-11-26")
        found["week"] = _problems(page)
        page.get_by_role("link", name="13:00 Maya Lind").click()
        page.get_by_role("link", name="Move the appointment of Maya Lind").click()
        found["move"] = _problems(page)
        page.get_by_role("button", name="13:30 Ms Okafor").first.click()
        page.get_by_text("13:30–14:00").wait_for()
        context.close()
    assert {name: problems for name, problems in found.items() if problems} == {}
