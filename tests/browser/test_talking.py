"""Saying, picking, reading: the widget while everything works."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from .helpers import answered, box, bubble, bubbles, opened, ready, say


def test_the_page_greets_and_answers(visit, server):
    page = ready(visit("/"))
    answered(page, "I want to drink less")
    expect(page.locator(".client .delivery")).to_have_text("Sent")
    assert server.script.started == [{"language": "en", "time_zone": "Europe/London"}]


def test_text_from_the_server_is_only_ever_text(visit):
    page = ready(visit("/"))
    say(page, "html")
    expect(page.locator(".bubble").last).to_contain_text("<b>bold</b> & <script>")
    assert page.evaluate("window.hacked") is None
    assert page.locator(".log img, .log b, .log script").count() == 0


def test_enter_sends_and_shift_enter_makes_a_line(visit):
    page = ready(visit("/"))
    box(page).press_sequentially("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    page.keyboard.press("Enter")
    expect(page.locator(".client .bubble")).to_have_text("one\ntwo")
    expect(box(page)).to_have_value("")


def test_a_double_click_on_send_sends_once(visit, server):
    page = ready(visit("/"))
    box(page).fill("hello")
    page.get_by_role("button", name="Send", exact=True).dblclick()
    bubble(page, "You said: hello").wait_for()
    assert len(server.script.posts) == 1


def test_a_double_click_on_a_button_picks_once_and_the_buttons_go(visit, server):
    page = ready(visit("/"))
    say(page, "buttons")
    page.get_by_role("button", name="Yes, let's start").dblclick()
    bubble(page, "You said: Yes, let's start").wait_for()
    assert len(server.script.posts) == 2
    assert server.talks["c1"].messages[-2]["payload"] == "yes"
    expect(page.get_by_role("button", name="Not now")).to_have_count(0)


def test_the_ruler_is_a_radio_group_worked_with_the_keyboard(visit, server):
    page = ready(visit("/"))
    say(page, "ruler")
    group = page.get_by_role("group", name=re.compile("0 is not at all important, 10 is very important"))
    expect(group.get_by_role("radio")).to_have_count(11)
    group.get_by_role("radio", name="0, not at all important").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Send 6")).to_be_focused()
    page.keyboard.press("Enter")
    bubble(page, "You said: 6").wait_for()
    expect(group).to_have_count(0)


def test_the_ruler_can_be_answered_in_words(visit):
    page = ready(visit("/"))
    say(page, "ruler")
    page.locator(".ruler").wait_for()
    answered(page, "about a six")
    expect(page.locator(".ruler")).to_have_count(0)


def test_slots_show_the_clients_own_time_and_send_the_servers_id(browser, server):
    with browser.new_context(timezone_id="America/New_York", locale="en-GB") as context:
        page = context.new_page()
        page.goto(server.url)
        ready(page)
        say(page, "slots")
        slot = page.get_by_role("button", name="Tuesday 26 November, 05:00 with Dr Rivera")
        expect(page.get_by_text("Eastern Standard Time")).to_be_visible()
        slot.click()
        bubble(page, "You said: Tue 26 Nov, 10:00").wait_for()
        assert server.talks["c1"].messages[-2]["payload"] == "slot:s0"
        assert server.script.started[0]["time_zone"] == "America/New_York"


def test_a_card_is_downloaded_with_the_bearer_token(visit):
    page = ready(visit("/"))
    say(page, "card")
    card = page.get_by_role("group", name="My plan")
    expect(card).to_contain_text("Two evenings a week without a drink")
    with page.expect_download() as download:
        card.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "plan.txt"
    assert download.value.path().read_text() == "plan.txt of c1"


def test_the_safety_card_has_the_numbers_to_press_and_a_file_to_keep(visit):
    page = ready(visit("/"))
    say(page, "numbers")
    card = page.get_by_role("group", name="Numbers to keep")
    expect(card.get_by_role("link")).to_have_text(["Call 911", "Call 988", "Text 988", "Text HOME to 741741"])
    with page.expect_download() as download:
        card.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "help.txt"


def test_a_summary_can_be_kept(visit):
    page = ready(visit("/"))
    say(page, "summary")
    with page.expect_download() as download:
        page.get_by_role("group", name="What I have said").get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "summary.txt"


def test_the_header_says_when_a_person_is_there(visit):
    page = ready(visit("/"))
    expect(page.locator(".clinic")).to_have_text("Riverside Clinic")
    say(page, "notice")
    expect(page.locator(".clinic")).to_have_text("You are writing with Dr Rivera")
    page.reload()
    expect(page.locator(".clinic")).to_have_text("You are writing with Dr Rivera")
    say(page, "back")
    expect(page.locator(".clinic")).to_have_text("Riverside Clinic")


def test_a_card_never_sends_the_token_to_another_server(visit):
    page = ready(visit("/"))
    refused = page.evaluate(
        """async () => { const { Api } = await import('/widget/api.js');
        const seen = []; window.fetch = async (url) => { seen.push(String(url)); return new Response('x'); };
        const api = new Api(location.origin + '/api/v1/');
        for (const link of ['https://evil.example/x', '//evil.example/x', '/elsewhere', '../../x'])
          await api.file({ conversation_id: 'c', token: 't' }, link).catch(() => seen.push('refused'));
        return seen; }"""
    )
    assert refused == ["refused"] * 4


def test_typing_is_shown_and_goes(visit):
    page = ready(visit("/"))
    say(page, "slow")
    expect(page.get_by_text("Evoke is writing")).to_be_visible()
    bubble(page, "You said: slow").wait_for()
    expect(page.get_by_text("Evoke is writing")).to_be_hidden()


def test_who_is_speaking_is_said_when_it_is_not_the_program(visit):
    page = ready(visit("/"))
    for word, who in [("clinician", "From the clinic"), ("safety", "Support now")]:
        say(page, word)
        expect(page.locator(".message").last.locator(".who")).to_have_text(who)


def test_answers_in_the_202_and_on_the_stream_show_once(visit, server):
    server.script.answer_in_post = True
    page = ready(visit("/"))
    answered(page, "one")
    answered(page, "two")
    assert bubbles(page)[2:] == ["one", "You said: one", "two", "You said: two"]


def test_a_long_paste_is_told_and_kept_whole(visit, server):
    page = ready(visit("/"))
    box(page).fill("a" * 10_000)
    expect(page.locator(".count")).to_contain_text("5,904 characters too long")
    expect(page.get_by_role("alert")).to_contain_text("Nothing has been cut")
    page.get_by_role("button", name="Send", exact=True).click()
    assert server.script.posts == []
    assert len(box(page).input_value()) == 10_000
    box(page).fill("a" * 3_800)
    expect(page.locator(".count")).to_have_text("296 characters left")


def test_length_is_counted_in_code_points_as_the_server_does(visit):
    page = ready(visit("/"))
    say(page, "\U0001f642" * 4096)
    expect(page.locator(".client .delivery")).to_have_text("Sent")


def test_a_refused_message_says_why_and_can_be_changed(visit, server):
    page = ready(visit("/"))
    server.script.refuse = "There is nothing to read in it."
    say(page, "...")
    expect(page.locator(".client .delivery")).to_contain_text("Not sent. There is nothing to read in it.")
    page.get_by_role("button", name="Change it").click()
    expect(box(page)).to_have_value("...")
    expect(page.locator(".client")).to_have_count(0)


def test_a_language_has_its_own_words_and_an_unknown_one_gets_english(visit, server):
    page = visit("/host?lang=es-MX")
    page.get_by_role("button", name="Hablar con Evoke").click()
    expect(page.get_by_role("textbox", name="Tu mensaje")).to_be_visible()
    ready(page)
    assert server.script.started[0]["language"] == "es"
    page.goto(server.url + "/host?lang=xx")
    expect(page.get_by_role("textbox", name="Your message")).to_be_visible()


def test_the_looks_can_be_changed_with_properties_and_parts(visit):
    page = opened(visit("/host"))
    page.evaluate(
        """() => { const sheet = new CSSStyleSheet();
        sheet.replaceSync('evoke-chat { --evoke-accent: rgb(90, 30, 120) } ' +
          'evoke-chat::part(send) { border-radius: 0 }');
        document.adoptedStyleSheets = [sheet]; }"""
    )
    send = page.get_by_role("button", name="Send", exact=True)
    expect(send).to_have_css("background-color", "rgb(90, 30, 120)")
    expect(send).to_have_css("border-radius", "0px")


def test_server_sent_events_are_parsed_as_the_standard_says(visit):
    page = visit("/")
    events = page.evaluate(
        """async () => { const { readEvents } = await import('/widget/api.js');
        const pieces = [': note\\r', '\\nid: 4\\r\\nevent: typing\\r\\nda', 'ta: {"on":', 'true}\\r\\n\\r\\n',
          'data: a\\ndata:b\\n\\nid\\ndata: \\u00e9\\n\\n', 'data: never finished\\n'];
        const body = new ReadableStream({ start(c) {
          for (const piece of pieces) c.enqueue(new TextEncoder().encode(piece)); c.close(); } });
        const got = []; for await (const event of readEvents(body)) got.push(event); return got; }"""
    )
    assert events == [
        {"name": "typing", "data": '{"on":true}'},
        {"name": "message", "data": "a\nb"},
        {"name": "message", "data": "é"},
    ]
