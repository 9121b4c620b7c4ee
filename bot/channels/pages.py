"""What anyone may fetch: the chat page at "/", and the widget's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

WIDGET = Path(__file__).resolve().parents[1] / "widget"
KEEP = "public, max-age=300, stale-while-revalidate=604800"
"""Fresh for five minutes; for a week more a browser shows what it has and asks behind that, so that the widget and
"Get help now" still appear on a clinic's page while the bot is away."""


class WidgetFiles(StaticFiles):
    """The widget's files with how long they keep. `Vary: Origin` also where no origin was named: else a copy that
    the bot's own page has fetched, without the header that lets a clinic's site use it, would serve there too."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = KEEP
        response.headers.add_vary_header("Origin")
        return response


def widget_files() -> ASGIApp:
    """Everything in bot/widget, compressed."""
    return GZipMiddleware(WidgetFiles(directory=WIDGET), minimum_size=400)


def chat_page(clinic: str, emergency: str, lines: list[dict[str, Any]]) -> str:
    """The page at "/", with the numbers that have to be there without JavaScript.

    Args:
        lines: crisis lines as `bot.crisis.as_list` gives them.
    """
    source = (WIDGET / "index.html").read_text(encoding="utf-8")
    template = Environment(autoescape=True).from_string(source)
    return template.render(clinic=clinic, emergency=emergency, lines=lines)
