"""The clinic's console, to be included in the application: `app.include_router(router(app.state))`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Response

from bot.console import (
    live,
    pages_account,
    pages_appointments,
    pages_audit,
    pages_cases,
    pages_clients,
    pages_invitations,
    pages_notifications,
    pages_oidc,
    pages_queue,
    pages_settings,
    pages_sign_in,
    pages_staff,
    pages_summary,
    pages_supervision,
    pages_talks,
    pages_use,
    pages_waiting_list,
)
from bot.console.desk import Desk

FILES = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "htmx.min.js": "text/javascript",
    "htmx-sse.min.js": "text/javascript",
    "htmx-LICENSE.txt": "text/plain",
    "idle.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


def router(app_state: Any) -> APIRouter:
    """The pages under /console.

    Args:
        app_state: the application's state. `session_key` (str) is needed now; when a page is asked for, `db` (a
            `bot.store.database.Database`), `clinic` (a `ClinicConfig`), `bus` (a `bot.bus.Bus`) and `clock` (the
            time, zone-aware).
    """
    desk = Desk(app_state)
    pages = APIRouter(prefix="/console", route_class=desk.route_class(), include_in_schema=False)
    for part in (
        pages_sign_in,
        pages_oidc,
        pages_account,
        pages_queue,
        pages_cases,
        pages_clients,
        pages_invitations,
        pages_summary,
        pages_talks,
        pages_notifications,
        live,
        pages_appointments,
        pages_waiting_list,
        pages_staff,
        pages_supervision,
        pages_use,
        pages_audit,
        pages_settings,
    ):
        part.add(pages, desk)

    for name, kind in FILES.items():
        pages.add_api_route(f"/{name}", _file(desk.files[name], kind))
    return pages


def _file(content: str, kind: str) -> Callable[[], Coroutine[Any, Any, Response]]:
    async def answer() -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": "max-age=300"})

    return answer
