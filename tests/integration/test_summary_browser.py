"""The clinician's summary in a real browser: accessible, and it fits a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from bot.clinic.config import ClinicConfig
from bot.clinic.sharing import ITEMS, choose
from bot.console import visits
from tests.fakes.console import NOW
from tests.fakes.served import served
from tests.unit.clinic.conftest import add_client
from tests.unit.clinic.stories import tell

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium on this machine")


@pytest.fixture
def address(clinic: Any) -> Iterator[str]:
    def fill(session: Any) -> None:
        add_client(session, "eve")
        choose(tell(session, ClinicConfig.demo(), NOW, "eve"), dict.fromkeys(ITEMS, True))

    clinic.db.write_now(fill)
    with served(clinic.app) as address:
        yield address


def test_the_summary_is_accessible_fits_a_phone_and_its_links_lead_to_the_turns(clinic: Any, address: str) -> None:
    visit = clinic.db.write_now(lambda session: visits.begin(session, "clinician", "password", clinic.now))
    cookie = visits.Visits(clinic.app.state.session_key).cookie(visit)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for width, scheme in ((320, "light"), (1200, "dark")):
            context = browser.new_context(
                viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
            )
            context.add_cookies([{"name": visits.COOKIE, "value": cookie, "url": f"{address}/console"}])
            page = context.new_page()
            page.goto(f"{address}/console/clients/eve/summary")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            found = Axe().run(page).response["violations"]
            assert not found, [violation["id"] for violation in found]
            page.get_by_role("link", name="turn 4").first.click()
            assert page.evaluate("document.querySelector(location.hash).getBoundingClientRect().top") < 800
            context.close()
        browser.close()
