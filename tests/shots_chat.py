"""The chat's pictures for `tests.shots`, of a running Evoke: its page, a phone, a clinic's page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SMOKING = (
    "Yes",
    "I want to stop smoking but I've failed so many times",
    "It's the one break I get in the day. But I can't keep up with my son on the stairs any more",
    "I'd love to run around with him without coughing",
)
RISK = ("Yes", "Some nights I think everyone would be better off without me")
BOT = "article.message.bot"
DESKTOP: dict[str, Any] = {"viewport": {"width": 1120, "height": 720}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
TALL: dict[str, Any] = {"viewport": {"width": 720, "height": 1120}}
SITE = """<!doctype html><html lang="{lang}" dir="{dir}"><title>A clinic</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ font: 17px/1.6 Georgia, serif; margin: 0; color: #333 }} header {{ background: #2f4858; color: #fff;
padding: 1.2rem 2rem; font-size: 1.3rem }} main {{ padding: 2rem; max-width: 38rem }}</style>
<header>Riverside Clinic</header><main><h1>{title}</h1><p>{text}</p></main>
<script type="module" src="/widget/evoke-chat.js"></script><evoke-chat></evoke-chat></html>"""
ENGLISH = {"lang": "en", "dir": "ltr", "title": "Two minds about drinking?", "text": "Many people are. You can think "
           "it through here at any hour, and see one of us when you like."}  # fmt: skip
ARABIC = {"lang": "ar", "dir": "rtl", "title": "أهلًا بك", "text": "يمكنك الكتابة هنا في أي وقت."}


def say(page: Page, turns: tuple[str, ...]) -> None:
    """The conversation after these turns; the controls are found by class, in any language."""
    page.locator(BOT).nth(1).wait_for(timeout=60_000)
    for text in turns:
        before = page.locator(BOT).count()
        page.locator("textarea").fill(text)
        page.locator(".send").click()
        page.locator(BOT).nth(before).wait_for(timeout=60_000)
        page.wait_for_timeout(1500)  # a second message of the same answer may follow, and it scrolls


def chat_page(turns: tuple[str, ...] = ()) -> Callable[[Page, str], None]:
    def go(page: Page, address: str) -> None:
        page.goto(address)
        say(page, turns)

    return go


def on_a_site(words: dict[str, str], turns: tuple[str, ...]) -> Callable[[Page, str], None]:
    def go(page: Page, address: str) -> None:
        page.route("**/a-clinic", lambda route: route.fulfill(content_type="text/html", body=SITE.format(**words)))
        page.goto(address.rstrip("/") + "/a-clinic")
        page.locator(".opener").last.click()
        say(page, turns)

    return go


FLAT = """() => { const sheet = new CSSStyleSheet(); sheet.replaceSync(
  'html { background: var(--back) !important } .chat { box-shadow: none !important }');
  document.adoptedStyleSheets = [sheet]; }"""  # gradients would make a picture of 270 kB


SHOTS: dict[str, tuple[dict[str, Any], Callable[[Page, str], None]]] = {
    "chat-page": (DESKTOP, chat_page()),
    "chat-phone": (PHONE, chat_page(SMOKING[:3])),
    "embedded": (DESKTOP, on_a_site(ENGLISH, SMOKING[:2])),
    "arabic": (PHONE, on_a_site(ARABIC, ())),
    "risk": (TALL, chat_page(RISK)),
}


def shoot(browser: Browser, name: str, address: str) -> None:
    options, go = SHOTS[name]
    page = browser.new_page(**({"color_scheme": "light", "reduced_motion": "reduce"} | options))
    go(page, address)
    page.evaluate("document.querySelector('evoke-chat').shadowRoot.activeElement?.blur()")
    page.evaluate(FLAT)
    page.screenshot(path=IMAGES / f"{name}.png")
    page.close()
