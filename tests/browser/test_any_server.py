"""What must hold against any server: the scripted one here, and the real stack with EVOKE_SITE=http://...

EVOKE_SITE=http://127.0.0.1:8080 python -m pytest tests/browser/test_any_server.py
"""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import expect

from .helpers import box, bubbles, say, until

PATIENCE = 20_000  # ms for an answer; a whole dialogue engine may stand behind it


@pytest.fixture
def chat(visit, server, monkeypatch):
    """The chat page, greeted."""
    if site := os.environ.get("EVOKE_SITE"):
        monkeypatch.setattr(server, "url", site.rstrip("/"))
    page = visit("/")
    page.locator(".bot .bubble").first.wait_for(timeout=PATIENCE)
    return page


def test_every_message_is_answered_once_and_kept_over_a_reload(chat):
    for text in ["hello", "I want to drink less but I like the taste"]:
        before = chat.locator(".bot .bubble").count()
        say(chat, text)
        until(lambda before=before: chat.locator(".bot .bubble").count() > before, PATIENCE / 1000, chat)
    expect(chat.locator(".client .delivery").last).to_have_text("Sent")
    chat.wait_for_timeout(500)
    said = bubbles(chat)
    assert said.count("hello") == 1
    chat.reload()
    until(lambda: bubbles(chat) == said, PATIENCE / 1000, chat)


def test_markup_is_answered_as_text(chat):
    before = chat.locator(".bot .bubble").count()
    say(chat, "<img src=x onerror=window.hacked=1><b>bold</b>")
    until(lambda: chat.locator(".bot .bubble").count() > before, PATIENCE / 1000, chat)
    assert chat.evaluate("window.hacked") is None
    assert chat.locator(".log img, .log b").count() == 0


def test_the_longest_text_is_taken(chat):
    say(chat, "a b " * 1023 + "end.")
    expect(chat.locator(".client .delivery")).to_have_text("Sent", timeout=PATIENCE)


def test_axe_finds_nothing_and_help_shows_a_number(chat, axe):
    assert axe(chat) == []
    chat.get_by_role("button", name="Get help now").click()
    expect(chat.locator(".lines a[href^='tel:']").first).to_be_visible()
    assert axe(chat) == []


def test_the_keyboard_reaches_the_answer_field(chat):
    for _ in range(12):
        chat.keyboard.press("Tab")
        if box(chat).evaluate("(it) => it.getRootNode().activeElement === it"):
            return
    pytest.fail("twelve tabs and not there")
