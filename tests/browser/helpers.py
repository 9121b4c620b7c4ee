"""Words for what the tests do with the chat. Locators see through the shadow root."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page

GREETING = "What would you like to talk about today?"


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Your message")


def say(page: Page, text: str) -> None:
    box(page).fill(text)
    page.get_by_role("button", name="Send", exact=True).last.click()


def bubble(page: Page, text: str) -> Locator:
    return page.locator(".bubble").get_by_text(text, exact=True)


def answered(page: Page, text: str) -> None:
    """Say it and wait for the answer."""
    say(page, text)
    bubble(page, f"You said: {text}").wait_for()


def ready(page: Page) -> Page:
    bubble(page, GREETING).wait_for()
    return page


def opened(page: Page) -> Page:
    """Open the panel of a page with a launcher."""
    page.get_by_role("button", name="Chat with Evoke").click()
    return ready(page)


def bubbles(page: Page) -> list[str]:
    return page.locator(".bubble").all_inner_texts()


def focused(page: Page) -> str:
    """The part or tag that has the focus, inside the chat or out of it."""
    name: str = page.evaluate(
        """() => { const inner = document.querySelector('evoke-chat').shadowRoot.activeElement;
        const it = inner ?? document.activeElement;
        return it.getAttribute('part') || it.id || it.tagName.toLowerCase(); }"""
    )
    return name


def until(check: Callable[[], Any], seconds: float = 20, page: Page | None = None) -> None:
    """Wait for something outside the page, letting the page work meanwhile."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it did not happen in time"
        page.wait_for_timeout(30) if page else time.sleep(0.03)
