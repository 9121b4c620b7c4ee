"""Help at every moment, also without the server, and a way out that leaves nothing behind."""

from __future__ import annotations

from playwright.sync_api import expect

from .helpers import answered, bubble, focused, opened, ready, say


def test_help_is_on_screen_in_every_state(visit):
    page = ready(visit("/", width=390, height=844))
    for word in ["buttons", "ruler", "slots", "card", "safety", "long", "everything"]:
        say(page, word)
        page.locator(".client .bubble").get_by_text(word, exact=True).wait_for()
        expect(page.get_by_role("button", name="Get help now")).to_be_in_viewport(ratio=1)
        expect(page.get_by_role("button", name="Quick exit")).to_be_in_viewport(ratio=1)


def test_help_shows_the_clinics_lines_to_call_and_text(visit):
    page = ready(visit("/"))
    expect(page.get_by_role("link", name="Call 988")).to_have_attribute("href", "tel:988")
    page.get_by_role("button", name="Get help now").click()
    expect(page.get_by_role("link", name="Call 911")).to_have_attribute("href", "tel:911")
    expect(page.get_by_role("link", name="Text HOME to 741741")).to_have_attribute("href", "sms:741741?&body=HOME")
    expect(page.get_by_role("link", name="Text 988")).to_have_attribute("href", "sms:988")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Call 911")).to_have_count(0)
    assert focused(page) == "help"


def test_help_has_words_without_numbers_before_anything_was_ever_loaded(visit, server):
    server.script.help_fails = True
    page = ready(visit("/"))
    page.get_by_role("button", name="Get help now").click()
    expect(page.locator(".danger")).to_have_text("If anyone is in danger, call your local emergency number now.")


def test_help_remembers_the_lines_when_the_server_forgets_them(visit, server):
    page = ready(visit("/"))
    page.get_by_role("link", name="Call 988").wait_for()
    server.script.help_fails = True
    page.reload()
    expect(page.get_by_role("link", name="Call 988")).to_be_visible()


def test_help_works_when_not_even_the_words_can_be_loaded(visit, server):
    server.script.words_fail = server.script.help_fails = True
    page = visit("/")
    page.get_by_role("button", name="Get help now").click()
    expect(page.locator(".danger")).to_have_text("If anyone is in danger, call your local emergency number now.")
    expect(page.get_by_role("button", name="Quick exit")).to_be_visible()


def test_help_is_reached_from_the_closed_launcher(visit):
    page = visit("/host")
    page.get_by_role("button", name="Get help now").click()
    expect(page.get_by_role("link", name="Call 911")).to_be_visible()


def test_a_safety_message_carries_the_lines_to_press(visit):
    page = ready(visit("/"))
    say(page, "safety")
    message = page.locator(".message.safety")
    expect(message.get_by_role("link")).to_have_text(["Call 911", "Call 988", "Text 988", "Text HOME to 741741"])


def test_safety_messages_in_a_row_show_the_lines_once(visit, server):
    page = ready(visit("/"))
    say(page, "safety")
    page.locator(".message.safety").wait_for()
    server.talks["c1"].add("bot", "There is a time with a clinician tomorrow.", kind="safety")
    bubble(page, "There is a time with a clinician tomorrow.").wait_for()
    expect(page.locator(".log").get_by_role("link", name="Call 911")).to_have_count(1)
    answered(page, "ok")
    say(page, "safety")
    expect(page.locator(".log").get_by_role("link", name="Call 911")).to_have_count(2)


def test_without_javascript_the_page_still_says_where_help_is(browser, server):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(server.url)
        expect(page.get_by_text("If anyone is in danger, call 911 now.")).to_be_visible()
        expect(page.get_by_role("link", name="988")).to_have_attribute("href", "tel:988")
        expect(page.get_by_text("text HOME to 741741")).to_be_visible()


def test_quick_exit_leaves_nothing_and_no_way_back(visit, server):
    page = visit("/neutral")
    page.goto(server.url + "/host?attributes=exit-url%3D/neutral")
    opened(page)
    answered(page, "private words")
    page.get_by_role("textbox").fill("more private words")
    page.get_by_role("button", name="Quick exit").click()
    page.wait_for_url("**/neutral")
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    page.go_back()
    assert page.url.endswith("/neutral")


def test_quick_exit_clears_the_other_tabs_as_well(visit):
    page = opened(visit("/host?attributes=exit-url%3D/neutral"))
    other = opened(visit("/host"))
    answered(page, "private words")
    bubble(other, "private words").wait_for()
    page.get_by_role("button", name="Quick exit").click()
    expect(other.locator(".bubble")).to_have_count(0)
    expect(other.get_by_role("dialog")).to_have_count(0)
    assert other.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


def test_a_page_from_before_the_exit_shows_nothing_when_the_browser_brings_it_back(visit, server):
    """Browsers keep whole pages in memory for their back button, and no storage event reaches those."""
    page = ready(visit("/"))
    answered(page, "private words")
    page.evaluate("Object.keys(localStorage).forEach((key) => localStorage.removeItem(key))")  # as the exit elsewhere
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.locator(".bubble")).to_have_count(0)


def test_after_another_tabs_exit_writing_begins_a_new_conversation(visit, server):
    page = ready(visit("/"))
    answered(page, "private words")
    page.evaluate("localStorage.clear()")
    page.evaluate("dispatchEvent(new StorageEvent('storage', { key: null }))")
    expect(page.locator(".bubble")).to_have_count(0)
    say(page, "again")
    bubble(page, "You said: again").wait_for()
    assert list(server.talks) == ["c1", "c2"]


def test_only_the_key_of_the_conversation_is_kept_in_the_browser(visit):
    page = ready(visit("/"))
    answered(page, "private words")
    kept = page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage })")
    assert "private words" not in kept
