"""Going on on Telegram: the control, and the link that it gives."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from bot.channels.pages import WIDGET

from .fake_server import CRISIS
from .helpers import answered, focused, opened, ready, say

NAME = "Continue on Telegram"


def control(page: Page):
    return page.get_by_role("button", name=NAME)


def test_the_way_to_telegram_is_offered_once_there_is_a_conversation(visit):
    page = ready(visit("/"))
    expect(control(page)).to_be_hidden()
    answered(page, "hello")
    expect(control(page)).to_be_visible()


def test_a_clinic_without_a_bot_on_telegram_offers_no_way_there(visit, server):
    server.script.help = {**CRISIS, "telegram": False}
    page = ready(visit("/"))
    answered(page, "hello")
    expect(control(page)).to_be_hidden()


def test_the_keyboard_leads_to_a_link_that_opens_beside_the_page(visit):
    page = opened(visit("/host"))
    answered(page, "hello")
    control(page).focus()
    page.keyboard.press("Enter")
    link = page.get_by_role("link", name="Open Telegram")
    expect(link).to_have_attribute("href", "https://t.me/RiversideBot?start=c_K7QM2XWD")
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(link).to_be_focused()
    said = page.get_by_role("status").filter(has=link)
    expect(said).to_contain_text("once, within ten minutes")
    expect(said).to_contain_text("not end-to-end encrypted")


def test_a_double_click_makes_one_code(visit, server):
    page = ready(visit("/"))
    answered(page, "hello")
    control(page).dblclick()
    page.get_by_role("link", name="Open Telegram").wait_for()
    assert server.script.codes == 1


def test_before_consent_the_servers_reason_is_said_and_the_focus_stays(visit, server):
    server.script.code_status = 409
    page = opened(visit("/host"))
    answered(page, "hello")
    control(page).press("Enter")
    expect(page.get_by_text("Answer the question above first.")).to_be_visible()
    assert focused(page) == "button"
    expect(page.get_by_role("link", name="Open Telegram")).to_have_count(0)


def test_offline_it_says_so_and_works_again_later(visit):
    page = ready(visit("/"))
    answered(page, "hello")
    page.context.set_offline(True)
    control(page).click()
    expect(page.get_by_text("The link could not be made.")).to_be_visible()
    page.context.set_offline(False)
    control(page).click()
    expect(page.get_by_role("link", name="Open Telegram")).to_be_visible()


def test_a_link_goes_with_the_conversation_that_it_leads_to(visit, server):
    page = ready(visit("/"))
    answered(page, "hello")
    control(page).click()
    link = page.get_by_role("link", name="Open Telegram")
    link.wait_for()
    server.talks.clear()
    say(page, "still there?")
    page.locator(".fresh").click()
    expect(link).to_have_count(0)


@pytest.mark.parametrize("lang", ["en", "es", "de", "ar"])
@pytest.mark.parametrize("width", [320, 1280])
def test_every_language_finds_room_for_it(visit, lang, width):
    page = visit(f"/host?lang={lang}", width=width, height=640)
    page.locator(".opener").last.click()
    page.locator("textarea").fill("hello")
    page.locator(".send").click()
    words = json.loads((WIDGET / "strings" / f"{lang}.json").read_text(encoding="utf-8"))
    button = page.get_by_role("button", name=words["move"])
    expect(button).to_be_visible()
    button.click()
    page.get_by_role("link", name=words["moveOpen"]).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = button.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert min(box["width"], box["height"]) >= 24
