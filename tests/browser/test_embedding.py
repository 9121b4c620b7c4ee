"""On a clinic's own page: another origin, a strict policy, hostile styles, and a bot that is away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from .fake_server import FakeServer
from .helpers import answered, opened, say

HOSTILE = """
* { font: italic 40px/3 fantasy !important; color: red !important; letter-spacing: 1em !important;
  text-transform: uppercase !important; text-align: right !important; white-space: nowrap !important;
  visibility: hidden !important; cursor: none !important; user-select: none !important;
  pointer-events: none !important; }
body > * {
  transform: rotate(20deg) scale(.5) !important; filter: blur(5px) !important; opacity: .1 !important;
  contain: strict !important; clip-path: inset(50%) !important; will-change: transform !important; zoom: 3 !important; }
button, textarea, dialog, p, div, section { background: black !important; border: 9px solid red !important;
  display: none !important; margin: 99px !important; }
"""
LOOKS = """() => { const root = document.querySelector('evoke-chat').shadowRoot;
  return ['.panel', '.help', '.bubble', 'textarea', '.send', '.clinic', '.choice'].map((name) => {
    const it = root.querySelector(name), style = getComputedStyle(it), box = it.getBoundingClientRect();
    return [name, box.x, box.y, box.width, box.height, ...['color', 'backgroundColor', 'fontFamily', 'fontSize',
      'fontStyle', 'letterSpacing', 'lineHeight', 'textTransform', 'whiteSpace', 'visibility', 'pointerEvents',
      'userSelect', 'display', 'marginTop'].map((name) => style[name])]; }); }"""


@pytest.fixture
def bot() -> Iterator[FakeServer]:
    """The bot's own address; the page stands on `server`."""
    bot = FakeServer()
    bot.start()
    yield bot
    bot.stop()


def test_a_clinics_page_embeds_it_under_a_policy_that_names_nothing_but_the_bot(visit, server, bot):
    page = opened(visit(f"/host?bot={bot.url}"))
    bot.script.limit_sends = 1
    answered(page, "hello")
    say(page, "card")
    with page.expect_download():
        page.get_by_role("button", name="Download").click()
    assert server.talks == {}


def test_styles_for_all_elements_of_a_page_change_nothing_in_it(visit):
    page = opened(visit("/host"))
    say(page, "buttons")
    page.locator(".choices .choice").last.wait_for()
    before = page.evaluate(LOOKS)
    page.evaluate(
        """(css) => { const sheet = new CSSStyleSheet(); sheet.replaceSync(css);
        document.adoptedStyleSheets = [sheet]; }""",
        HOSTILE,
    )
    expect(page.locator("h1")).to_be_hidden()
    assert page.evaluate(LOOKS) == before
    page.get_by_role("button", name="Not now").click()
    expect(page.locator(".client .bubble").last).to_have_text("Not now")


def test_a_page_can_still_hide_it(visit):
    page = visit("/host")
    page.locator(".opener").last.wait_for()
    page.evaluate("document.querySelector('evoke-chat').hidden = true")
    expect(page.locator(".opener").last).to_be_hidden()


def test_the_buttons_and_the_crisis_line_are_there_while_the_bot_is_away(visit, server, bot):
    page = visit(f"/host?bot={bot.url}")
    page.get_by_role("button", name="Get help now").wait_for()
    page.wait_for_function("Object.keys(localStorage).some((key) => key.endsWith(':help'))")
    bot.stop()
    page.reload()
    page.get_by_role("button", name="Get help now").click()
    expect(page.locator(".lines").get_by_role("link", name="Call 988")).to_be_visible()
    expect(page.get_by_role("status").first).to_contain_text("Evoke cannot be reached")
    bot.start()
    answered(page, "back again")
