"""Makes the pictures of the docs from a running Evoke, so that they show what is really there.

How to run, with `make run` in another window: `.venv/bin/python -m tests.shots`, or with an address behind it. Chromium
is Debian's (CHROMIUM names another). Pictures go to docs/images. The console's are of made-up weeks at the demo clinic
and need nothing running: `.venv/bin/python -m tests.shots console`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from tests.fakes.clinic_weeks import served_console
from tests.shots_chat import IMAGES, SHOTS, shoot

DESK: ViewportSize = {"width": 1120, "height": 660}
PHONE: ViewportSize = {"width": 390, "height": 780}
CONSOLE: dict[str, tuple[str, ViewportSize, str]] = {
    # picture -> page (with ids of the made-up weeks), window, and the part that is shown ("" for the window)
    "console-cases": ("queue", DESK, ""),
    "console-talk": ("cases/{taken}#conversation", PHONE, ""),
    "console-client": ("clients/{client}", DESK, "section:has(> .charts)"),
    "console-week": ("appointments?view=week&on=2026-11-26", {"width": 1120, "height": 420}, ""),
    "console-report": ("supervision", {"width": 800, "height": 900}, "section:has(.turns)"),
}
TRANSCRIPT = """Client: I know I drink too much, but it's the only thing that helps me sleep
Counsellor: You should really try a herbal tea instead. Have you thought of that?
Client: I suppose. I just miss how mornings used to be
Counsellor: Mornings used to be yours, and you would like them back. What was different then?
"""


def console(browser: Browser) -> None:
    """The console's pages, each in a window of its own size."""
    with tempfile.TemporaryDirectory() as folder, served_console(Path(folder)) as served:
        context = browser.new_context(color_scheme="light", reduced_motion="reduce")
        page = context.new_page()
        served.sign_in(page)
        for name, (path, window, part) in CONSOLE.items():
            page.set_viewport_size(window)
            page.goto(f"{served.address}/{path.format(**served.ids)}")
            if name == "console-report":
                page.get_by_label("Paste it here").fill(TRANSCRIPT)
                page.get_by_role("button", name="Make the report").click()
                page.get_by_text("Turn by turn").wait_for()
            page.wait_for_timeout(500)
            shown = page.locator(part) if part else page
            shown.screenshot(path=IMAGES / f"{name}.png")
        context.close()


def main(address: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"))
        console(browser)
        for name in SHOTS if address != "console" else ():
            shoot(browser, name, address)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080/")
