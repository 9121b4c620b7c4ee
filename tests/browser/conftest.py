"""A real Chromium and a scripted server for the widget's tests.

Without a browser the tests are skipped and say so; where CI=true they fail, so that nobody mistakes a missing
browser for a pass. EVOKE_BROWSER (default /usr/bin/chromium) names the browser.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from .fake_server import FakeServer

BROWSER = os.environ.get("EVOKE_BROWSER", "/usr/bin/chromium")
PATIENCE = 20_000  # ms; a busy machine is slow, and that is not what is tested
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    # A page costs a fifth less processor time without these.
    "--disable-software-rasterizer",
    "--disable-extensions",
    "--disable-component-extensions-with-background-pages",
]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Closed after this package: a running Playwright loop would be in the way of asyncio tests elsewhere."""
    if not Path(BROWSER).exists():
        missing = f"no browser at {BROWSER} (set EVOKE_BROWSER)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    server = FakeServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, timezone_id="Europe/London")
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def troubles() -> list[str]:
    """What a page reported: uncaught errors and CSP violations. Tests end by finding it empty."""
    return []


@pytest.fixture
def visit(context: BrowserContext, server: FakeServer, troubles: list[str]) -> Iterator[Callable[..., Page]]:
    """`visit("/")` opens a page of the server in a new tab; afterwards nothing may have gone wrong in it."""

    def visit(path: str = "/", **size: int) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "console",
            lambda line: troubles.append(line.text) if "Content Security Policy" in line.text else None,
        )
        if size:
            page.set_viewport_size({"width": size["width"], "height": size["height"]})
        page.goto(server.url + path)
        return page

    yield visit
    assert troubles == []


@pytest.fixture
def axe() -> Callable[[Page], list[dict[str, Any]]]:
    """Violations of WCAG 2.2 AA and axe's best practices on the page as it is now."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # has no types

    checker = Axe()

    def run(page: Page) -> list[dict[str, Any]]:
        violations = checker.run(page).response["violations"]
        return [
            {"rule": v["id"], "nodes": [n["html"][:160] + " " + n["failureSummary"] for n in v["nodes"]]}
            for v in violations
        ]

    return run
