"""Reloads, tabs, lost connections, restarts and refusals: nothing is lost and nothing is said twice."""

from __future__ import annotations

from playwright.sync_api import expect

from .helpers import GREETING, answered, box, bubble, bubbles, focused, opened, ready, say, until


def test_a_reload_keeps_the_conversation_and_what_was_being_written(visit, server):
    page = ready(visit("/"))
    answered(page, "before")
    box(page).fill("half a thou")
    page.reload()
    bubble(page, "You said: before").wait_for()
    expect(box(page)).to_have_value("half a thou")
    assert list(server.talks) == ["c1"]


def test_a_reload_leaves_an_open_panel_open_without_taking_the_focus(visit):
    page = opened(visit("/host"))
    page.reload()
    bubble(page, GREETING).wait_for()
    assert focused(page) == "body"


def test_no_conversation_begins_before_the_panel_is_opened(visit, server):
    page = visit("/host")
    page.get_by_role("button", name="Chat with Evoke").wait_for()
    page.wait_for_timeout(200)
    assert server.talks == {}


def test_two_tabs_share_one_conversation(visit, server):
    one = ready(visit("/"))
    two = ready(visit("/"))
    answered(one, "from the first tab")
    bubble(two, "You said: from the first tab").wait_for()
    answered(two, "from the second tab")
    bubble(one, "You said: from the second tab").wait_for()
    assert bubbles(one) == bubbles(two)
    assert list(server.talks) == ["c1"]


def test_two_tabs_opened_at_once_start_one_conversation(context, server):
    pages = [context.new_page(), context.new_page()]
    for page in pages:
        page.goto(server.url + "/host")
    for page in pages:
        page.evaluate("document.querySelector('evoke-chat').open()")
    for page in pages:
        ready(page)
    assert list(server.talks) == ["c1"]


def test_what_is_written_offline_goes_out_once_when_back(visit, server, context):
    page = ready(visit("/"))
    context.set_offline(True)
    say(page, "first")
    say(page, "second")
    expect(page.get_by_role("status").first).to_contain_text("You are offline")
    expect(page.locator(".client .delivery").last).to_have_text("Waiting to send")
    context.set_offline(False)
    bubble(page, "You said: second").wait_for()
    expect(page.get_by_text("You are offline")).to_have_count(0)
    mine = [m["text"] for m in server.talks["c1"].messages if m["from"] == "client"]
    assert mine == ["first", "second"]


def test_a_message_waiting_at_a_reload_is_sent_with_the_same_id(visit, server):
    server.script.fail_sends = 1
    page = ready(visit("/"))
    say(page, "keep me")
    until(lambda: server.script.posts, page=page)
    page.reload()
    bubble(page, "You said: keep me").wait_for()
    assert len(set(server.script.posts)) == 1


def test_an_answer_lost_on_the_way_does_not_send_the_message_twice(visit, server):
    server.script.lose_answers = 1
    page = ready(visit("/"))
    answered(page, "hello")
    page.wait_for_timeout(900)
    assert bubbles(page)[2:] == ["hello", "You said: hello"]
    assert len(set(server.script.posts)) == 1


def test_a_server_restart_resumes_after_the_last_message(visit, server):
    page = ready(visit("/"))
    answered(page, "before the restart")
    server.stop()
    server.talks["c1"].add("bot", "Said while you were away.")
    say(page, "during the restart")
    server.start()
    bubble(page, "Said while you were away.").wait_for()
    bubble(page, "You said: during the restart").wait_for()
    assert server.script.last_event_ids[-1] == "4"
    assert len(bubbles(page)) == 7


def test_a_server_that_stays_away_is_said_and_help_still_works(visit, server):
    page = ready(visit("/"))
    server.stop()
    say(page, "anyone?")
    expect(page.get_by_role("status").first).to_contain_text("Evoke cannot be reached")
    page.get_by_role("button", name="Get help now").click()
    expect(page.get_by_role("link", name="Call 911")).to_be_visible()
    server.start()
    bubble(page, "You said: anyone?").wait_for()
    expect(page.get_by_text("Evoke cannot be reached")).to_have_count(0)


def test_a_rate_limit_is_explained_and_the_message_goes_out_later(visit, server):
    page = ready(visit("/"))
    server.script.limit_sends = 1
    say(page, "hello")
    expect(page.get_by_role("status").first).to_have_text("Many messages at once. Yours goes out in 1 second.")
    bubble(page, "You said: hello").wait_for()
    expect(page.get_by_role("status").first).to_have_text("")


def test_an_answer_arrives_even_when_a_proxy_holds_the_stream_back(visit, server):
    page = ready(visit("/"))
    server.script.deaf_stream = True
    answered(page, "hello")


def test_a_conversation_that_was_erased_can_be_begun_anew(visit, server):
    page = ready(visit("/"))
    answered(page, "old")
    server.talks.clear()
    page.reload()
    expect(page.get_by_role("status").first).to_contain_text("no longer kept")
    page.get_by_role("button", name="Start a new one").click()
    ready(page)
    answered(page, "new")
    assert "old" not in bubbles(page)


def test_what_was_written_to_an_erased_conversation_goes_into_the_new_one(visit, server):
    page = ready(visit("/"))
    server.talks.clear()
    say(page, "keep me")
    expect(page.get_by_role("status").first).to_contain_text("no longer kept")
    expect(page.locator(".client .delivery")).to_have_text("Waiting to send")
    page.get_by_role("button", name="Start a new one").click()
    bubble(page, "You said: keep me").wait_for()
    assert [m["text"] for talk in server.talks.values() for m in talk.messages if m["from"] == "client"] == ["keep me"]


def test_it_works_where_storage_is_blocked(context, server):
    context.add_init_script(
        "for (const name of ['localStorage', 'sessionStorage'])"
        " Object.defineProperty(window, name, { get() { throw new DOMException('blocked'); } });"
    )
    page = context.new_page()
    page.goto(server.url)
    ready(page)
    answered(page, "hello")


def test_it_works_without_the_functions_that_need_https(context, server):
    context.add_init_script("delete Navigator.prototype.locks; delete Crypto.prototype.randomUUID;")
    page = context.new_page()
    page.goto(server.url)
    ready(page)
    answered(page, "hello")


def test_unread_messages_are_counted_on_the_button(visit, server):
    page = opened(visit("/host"))
    answered(page, "hello")
    page.keyboard.press("Escape")
    server.talks["c1"].add("clinician", "Are you there?")
    expect(page.get_by_role("button", name="Chat with Evoke 1 , 1 new message")).to_be_visible()
    page.get_by_role("button", name="Chat with Evoke").click()
    bubble(page, "Are you there?").wait_for()


def test_a_widget_taken_off_the_page_stops_and_can_come_back(visit, server):
    page = opened(visit("/host"))
    page.evaluate("window.chat = document.querySelector('evoke-chat'); chat.remove()")
    opened_streams = len(server.script.last_event_ids)
    page.wait_for_timeout(700)
    assert len(server.script.last_event_ids) == opened_streams
    page.evaluate("document.body.append(chat)")
    bubble(page, GREETING).wait_for()
