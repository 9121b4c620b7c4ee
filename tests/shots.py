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

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.fakes.clinic_weeks import served_console

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
TALKS = {
    "conversation": (
        "Yes",
        "I want to stop smoking but I've failed so many times",
        "It's the one break I get in the day. But I can't keep up with my son on the stairs any more",
        "I'd love to run around with him without coughing",
    ),
    "risk": ("Yes", "Some nights I think everyone would be better off without me"),
}
BOT = "article.message.bot"
WINDOW: ViewportSize = {"width": 720, "height": 1120}
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


def talk(page: Page, address: str, turns: tuple[str, ...]) -> None:
    """The chat page with a new conversation, after these turns."""
    page.goto(address)
    page.locator(BOT).nth(1).wait_for()
    for text in turns:
        before = page.locator(BOT).count()
        page.get_by_role("textbox", name="Your message").fill(text)
        page.get_by_role("button", name="Send", exact=True).last.click()
        page.locator(BOT).nth(before).wait_for(timeout=60_000)
        page.wait_for_timeout(1500)  # a second message of the same answer may follow, and it scrolls


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
        for name, turns in TALKS.items() if address != "console" else ():
            page = browser.new_page(viewport=WINDOW, color_scheme="light", reduced_motion="reduce")
            talk(page, address, turns)
            page.locator("evoke-chat").screenshot(path=IMAGES / f"{name}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080/")
