"""How the real application serves the chat page and the widget, and to whose pages."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator

import httpx
import pytest

from bot.channels.pages import WIDGET
from tests.fakes.dialogue import FakeDialogue
from tests.fakes.stack import Stack

CLINIC, STRANGER = "https://clinic.example", "https://stranger.example"


@pytest.fixture
def site(make_stack: Callable[..., Stack], dialogue: FakeDialogue) -> Iterator[httpx.Client]:
    """The application that lets one clinic's site embed the chat."""
    stack = make_stack(dialogue=dialogue, allowed_origins=[CLINIC])
    with httpx.Client(base_url=stack.url) as client:
        yield client


def test_only_an_allowed_sites_pages_may_use_the_widget_and_the_api(site: httpx.Client) -> None:
    for path in ("/widget/evoke-chat.js", "/widget/strings/en.json", "/api/v1/widget"):
        assert site.get(path, headers={"Origin": CLINIC}).headers["access-control-allow-origin"] == CLINIC
        assert "access-control-allow-origin" not in site.get(path, headers={"Origin": STRANGER}).headers
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    url = "/api/v1/conversations/x/messages"
    assert site.options(url, headers={"Origin": CLINIC, **asks}).status_code == 200
    refused = site.options(url, headers={"Origin": STRANGER, **asks})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers


def test_a_copy_kept_from_the_bots_own_page_is_not_used_on_a_clinics_page(site: httpx.Client) -> None:
    for headers in ({}, {"Origin": CLINIC}):
        assert "origin" in site.get("/widget/evoke-chat.js", headers=headers).headers["vary"].lower()


def test_the_widget_travels_compressed_below_25_kilobytes_and_is_kept(site: httpx.Client) -> None:
    scripts = sorted(WIDGET.glob("*.js"))
    languages = sorted((WIDGET / "strings").glob("*.json"))
    sizes = {}
    for path in [*scripts, *languages]:
        with site.stream("GET", f"/widget/{path.relative_to(WIDGET)}", headers={"Accept-Encoding": "gzip"}) as answer:
            raw = b"".join(answer.iter_raw())
        assert gzip.decompress(raw) == path.read_bytes()
        assert "stale-while-revalidate" in answer.headers["cache-control"]
        sizes[path] = len(raw)
    assert sum(sizes[path] for path in scripts) + max(sizes[path] for path in languages) < 25_000
    kept = site.get("/widget/evoke-chat.js")
    again = site.get("/widget/evoke-chat.js", headers={"If-None-Match": kept.headers["etag"]})
    assert again.status_code == 304


def test_without_a_bot_the_widget_learns_of_no_way_to_telegram(site: httpx.Client) -> None:
    assert site.get("/api/v1/widget").json()["telegram"] is False


def test_the_chat_page_names_the_clinic_and_has_the_numbers_without_javascript(site: httpx.Client) -> None:
    page = site.get("/")
    assert "<title>Evoke at Demo clinic</title>" in page.text
    assert "call 911 now" in page.text
    assert '<a href="tel:988">988</a>' in page.text
    assert "{{" not in page.text
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
