"""Makes the pictures of the docs from a running Evoke, so that they show what is really there.

How to run, with `make run` in another window: `.venv/bin/python tests/shots.py`, or with an address behind it. Chromium
is Debian's (CHROMIUM names another). Pictures go to docs/images.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

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


def main(address: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"))
        for name, turns in TALKS.items():
            page = browser.new_page(viewport=WINDOW, color_scheme="light", reduced_motion="reduce")
            talk(page, address, turns)
            page.locator("evoke-chat").screenshot(path=IMAGES / f"{name}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080/")
