"""WCAG 2.2 AA in a real browser: axe, keyboard alone, zoom, forced colours, motion, right to left."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .helpers import GREETING, answered, box, bubble, focused, opened, ready, say


def test_axe_finds_nothing_on_the_page(visit, axe, server):
    page = ready(visit("/"))
    say(page, "everything")
    page.locator(".buttons").last.wait_for()
    assert axe(page) == []
    page.emulate_media(color_scheme="dark")
    assert axe(page) == []
    server.script.refuse = "No."
    say(page, "x")
    page.get_by_role("button", name="Change it").wait_for()
    box(page).fill("a" * 5000)
    page.get_by_role("button", name="Get help now").click()
    assert axe(page) == []
    page.emulate_media(color_scheme="light")
    assert axe(page) == []


def test_axe_finds_nothing_on_a_clinics_page(visit, axe):
    page = visit("/host", width=390, height=844)
    page.get_by_role("button", name="Chat with Evoke").wait_for()
    assert axe(page) == []
    opened(page)
    say(page, "buttons")
    page.locator(".choices").wait_for()
    assert axe(page) == []


def test_the_keyboard_alone_is_enough(visit):
    page = visit("/host")
    page.get_by_role("button", name="A button of the page").focus()
    page.keyboard.press("Tab")
    assert focused(page) == "launcher-help"
    page.keyboard.press("Tab")
    assert focused(page) == "launcher"
    page.keyboard.press("Enter")
    assert focused(page) == "input"
    page.keyboard.type("buttons")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Not now").wait_for()
    for _ in range(2):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    bubble(page, "You said: Yes, let's start").or_(bubble(page, "You said: Not now")).wait_for()
    assert focused(page) == "input"
    page.keyboard.press("Escape")
    assert focused(page) == "launcher"
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_everything_that_can_be_pressed_is_reached_and_worked_by_keyboard(visit, server):
    page = visit("/host?attributes=exit-url%3D/neutral")
    opened(page)
    page.keyboard.type("everything")
    page.keyboard.press("Enter")
    page.locator(".slots").wait_for()

    def back_to(part: str) -> None:
        for _ in range(30):
            if focused(page) == part:
                return
            page.keyboard.press("Shift+Tab")
        raise AssertionError(f"{part} is not reached")

    back_to("button download")
    with page.expect_download():
        page.keyboard.press("Enter")
    back_to("phone")
    back_to("close")
    back_to("quick-exit")
    back_to("help")
    page.keyboard.press("Enter")
    assert focused(page) == "help-panel"
    page.keyboard.press("Escape")
    assert focused(page) == "help"
    for _ in range(30):
        page.keyboard.press("Tab")
        if focused(page) == "button slot":
            break
    page.keyboard.press("Space")
    bubble(page, "You said: Tue 26 Nov, 10:00").wait_for()
    assert focused(page) == "input"
    back_to("quick-exit")
    page.keyboard.press("Enter")
    page.wait_for_url("**/neutral")


def test_on_a_small_screen_the_panel_is_modal_and_holds_the_focus(visit):
    page = opened(visit("/host", width=390, height=844))
    for _ in range(12):
        page.keyboard.press("Tab")
        assert focused(page) not in ("button", "a")
    page.keyboard.press("Escape")
    assert focused(page) == "launcher"


def test_an_open_panel_follows_the_window_from_large_to_small(visit):
    page = opened(visit("/host"))
    box(page).fill("half")
    page.set_viewport_size({"width": 400, "height": 700})
    page.wait_for_function("document.querySelector('evoke-chat').shadowRoot.querySelector(':modal')")
    expect(box(page)).to_have_value("half")
    assert focused(page) == "input"


SIZES = {"200% of 1280 by 800": (640, 400), "400% of 1280 by 1024": (320, 256), "small phone": (320, 640)}


@pytest.mark.parametrize("path", ["/", "/host"])
def test_everything_reflows_and_is_reached(visit, path):
    page = visit(path)
    ready(page) if path == "/" else opened(page)
    say(page, "everything")
    page.locator(".buttons").last.wait_for()
    for width, height in SIZES.values():
        page.set_viewport_size({"width": width, "height": height})
        check_reflow(page)


def check_reflow(page):
    """Nothing is wider than the window, everything can be reached, and help stays in view."""
    wide = page.evaluate(
        """() => { const root = document.querySelector('evoke-chat').shadowRoot;
        const boxes = [document.documentElement, root.querySelector('.panel'), root.querySelector('.scroll')];
        return boxes.filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.className); }"""
    )
    assert wide == []
    expect(page.get_by_role("button", name="Get help now")).to_be_in_viewport(ratio=1)
    page.get_by_role("link", name="Text HOME to 741741").scroll_into_view_if_needed()
    expect(page.get_by_role("link", name="Text HOME to 741741")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Get help now")).to_be_in_viewport(ratio=1)
    box(page).press_sequentially("x", timeout=3000)
    expect(box(page)).to_be_in_viewport()


def test_targets_are_at_least_24_pixels(visit):
    page = ready(visit("/", width=320, height=640))
    say(page, "everything")
    page.locator(".buttons").last.wait_for()
    sizes = page.evaluate(
        """() => [...document.querySelector('evoke-chat').shadowRoot.querySelectorAll('button, a, .step, textarea')]
        .filter((it) => it.checkVisibility()).map((it) => it.getBoundingClientRect())
        .map((it) => Math.min(it.width, it.height))"""
    )
    assert min(sizes) >= 24


def test_text_spacing_of_the_readers_own_loses_nothing(visit):
    """WCAG 1.4.12: line height 1.5, letter spacing 0.12 em, word spacing 0.16 em."""
    page = ready(visit("/", width=320, height=640))
    say(page, "ruler")
    page.locator(".ruler").wait_for()
    cut = page.evaluate(
        """() => { const root = document.querySelector('evoke-chat').shadowRoot;
        const sheet = new CSSStyleSheet();
        sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: .12em !important; ' +
          'word-spacing: .16em !important }');
        root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
        return [...root.querySelectorAll('button, .bubble, legend, .note, .step')]
          .filter((it) => it.checkVisibility() && it.scrollWidth > it.clientWidth + 2).map((it) => it.textContent); }"""
    )
    assert cut == []


def test_only_what_is_new_is_announced(visit):
    page = ready(visit("/"))
    answered(page, "one")
    page.add_init_script(
        """customElements.whenDefined('evoke-chat').then(() => { window.said = [];
        const seek = setInterval(() => {
          const log = document.querySelector('evoke-chat')?.shadowRoot.querySelector('[role=log]');
          if (!log) return; clearInterval(seek);
          new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) =>
            log.ariaLive !== 'off' && log.getAttribute('aria-live') !== 'off' && said.push(node.textContent))))
            .observe(log, { childList: true }); }, 1); })"""
    )
    page.reload()
    bubble(page, "You said: one").wait_for()
    answered(page, "two")
    assert page.evaluate("said") == ["You:twoSending", "Evoke:You said: two"]


def test_reduced_motion_stops_the_typing_dots(visit):
    page = visit("/")
    page.emulate_media(reduced_motion="reduce")
    ready(page)
    assert page.locator(".dots i").first.evaluate("(dot) => getComputedStyle(dot).animationName") == "none"


def test_forced_colours_keep_the_chosen_number_visible(visit):
    page = visit("/")
    page.emulate_media(forced_colors="active")
    ready(page)
    say(page, "ruler")
    page.get_by_role("radio", name="5", exact=True).check()
    colours = page.locator(".step span").evaluate_all("(all) => all.map((it) => getComputedStyle(it).backgroundColor)")
    assert colours[5] != colours[4]


def test_right_to_left_mirrors_the_layout(visit):
    page = opened(visit("/host?dir=rtl"))
    answered(page, "hello")
    mine = page.locator(".client .bubble").bounding_box()
    theirs = page.locator(".bot .bubble").last.bounding_box()
    panel = page.locator(".panel").bounding_box()
    assert panel["x"] < 100
    assert mine["x"] < theirs["x"]


def test_a_right_to_left_language_brings_its_direction_with_it(visit):
    page = visit("/host?lang=ar")
    page.get_by_role("button", name="محادثة مع Evoke").click()
    page.get_by_role("textbox", name="رسالتك").fill("card")
    page.get_by_role("button", name="إرسال", exact=True).click()
    page.locator(".card").wait_for()
    assert page.locator(".client .bubble").bounding_box()["x"] < page.locator(".bot .bubble").last.bounding_box()["x"]
    assert page.locator(".panel").bounding_box()["x"] < 100
    # What the server sends keeps the direction of its own words.
    expect(page.locator(".bot .bubble").last).to_have_css("direction", "ltr")


def test_the_welcome_is_read_from_its_beginning(visit, server):
    page = visit("/neutral", width=360, height=640)
    server.script.welcome = "Hello. " * 150
    page.goto(server.url)
    page.locator(".bubble").last.wait_for()
    assert page.locator(".bubble").first.bounding_box()["y"] > page.locator(".scroll").bounding_box()["y"]
    page.get_by_role("button", name="More below").click()
    expect(bubble(page, GREETING)).to_be_in_viewport()
    expect(page.get_by_role("button", name="More below")).to_have_count(0)


def test_help_comes_first_in_the_panel_and_stays_where_it_is(visit):
    """WCAG 3.2.6 and more: the same place in every state, and the first thing a keyboard meets."""
    page = opened(visit("/host", width=390, height=844))
    button = page.get_by_role("button", name="Get help now")
    place = button.bounding_box()
    for word in ["buttons", "ruler", "slots", "card", "safety", "long"]:
        say(page, word)
        page.locator(".client .bubble").get_by_text(word, exact=True).wait_for()
        assert button.bounding_box() == place
    page.locator("#title").focus()
    page.keyboard.press("Tab")
    assert focused(page) == "help"


def test_a_long_answer_is_shown_from_its_beginning(visit):
    page = ready(visit("/", width=390, height=700))
    say(page, "long")
    last = page.locator(".bubble").last
    expect(last).to_contain_text("You said a lot there.")
    top = last.bounding_box()["y"] - page.locator(".scroll").bounding_box()["y"]
    assert 0 <= top < 60
