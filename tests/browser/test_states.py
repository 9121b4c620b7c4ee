"""axe (WCAG 2.2 AA and its best practices) in every state of the widget, in every look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from .fake_server import FakeServer
from .helpers import GREETING, bubble

LOOKS: dict[str, tuple[str, dict[str, str]]] = {
    "light": ("lang=en", {"color_scheme": "light"}),
    "dark": ("lang=de", {"color_scheme": "dark"}),
    "right to left": ("lang=ar&dir=rtl", {"color_scheme": "light"}),
    "right to left in the dark, on a page from left to right": ("lang=ar", {"color_scheme": "dark"}),
    "forced colours, without motion": ("lang=es", {"forced_colors": "active", "reduced_motion": "reduce"}),
}


def write(page: Page, text: str) -> None:
    page.locator("textarea").fill(text)
    page.locator(".send").click()


def states(page: Page, server: FakeServer) -> Iterator[str]:
    """Brings the widget into one state after the other. Found by class: the words are in many languages."""
    page.locator(".opener").last.wait_for()
    yield "closed"
    page.locator(".opener").last.click()
    bubble(page, GREETING).wait_for()
    yield "open"
    server.script.slow = 20
    write(page, "slow")
    expect(page.locator(".typing")).to_be_visible()
    yield "typing"
    for word, shown in [
        ("buttons", ".buttons .choice"),
        ("ruler", ".ruler"),
        ("slots", ".slots"),
        ("card", ".card"),
        ("safety", ".message.safety"),
        ("clinician", ".message.clinician"),
        ("holding", ".message.holding"),
        ("notice", ".message.notice"),
        ("numbers", ".safety .card"),
    ]:
        write(page, word)
        page.locator(shown).last.wait_for()
        if word == "ruler":
            page.locator(".ruler input").nth(6).check()
        yield word
    page.locator("textarea").fill("a" * 5000)
    yield "too long"
    server.script.refuse = "There is nothing to read in it."
    write(page, "...")
    page.locator(".failed .link").last.wait_for()
    yield "error"
    page.locator("header .help").click()
    page.locator(".lines .phone").first.wait_for()
    yield "help"
    page.keyboard.press("Escape")
    page.locator(".move").click()
    page.locator(".status a").wait_for()
    yield "a link to Telegram"
    server.script.limit_sends = 1
    write(page, "again")
    expect(page.locator(".status").first).not_to_be_empty()
    yield "slow down"
    page.context.set_offline(True)
    write(page, "offline")
    expect(page.locator(".delivery[data-state=waiting]").last).to_be_visible()
    yield "offline"
    page.context.set_offline(False)
    server.talks.clear()
    page.reload()
    page.locator(".fresh").wait_for()
    yield "gone"


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_in_any_state(visit, server, axe, look):
    query, media = LOOKS[look]
    page = visit("/neutral")
    page.emulate_media(**media)
    page.goto(f"{server.url}/host?{query}")
    found = {state: axe(page) for state in states(page, server)}
    assert {state: violations for state, violations in found.items() if violations} == {}
    assert len(found) == 19


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(390, 844), (1280, 800)])
def test_axe_finds_nothing_on_the_chat_page(visit, axe, size, scheme):
    page = visit("/neutral", width=size[0], height=size[1])
    page.emulate_media(color_scheme=scheme)
    page.goto(page.url.replace("neutral", ""))
    bubble(page, GREETING).wait_for()
    assert axe(page) == []
    write(page, "everything")
    page.locator(".slots").wait_for()
    assert axe(page) == []
