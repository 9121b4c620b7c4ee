"""Errors as RFC 9457 problem documents. They never hold what a client wrote."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.exceptions import HTTPException

from bot import crisis

TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    409: "Not now",
    405: "Method not allowed",
    413: "Too long",
    422: "Not understood",
    429: "Too many messages",
    500: "Something went wrong",
    503: "Not available",
}


class Problem(Exception):
    """Becomes a problem document. `extra` members are added to it, `headers` to the response."""

    def __init__(
        self, status: int, detail: str, *, headers: dict[str, str] | None = None, extra: dict[str, Any] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.extra = status, detail, headers or {}, extra or {}


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **extra: Any) -> JSONResponse:
    body = {"type": "about:blank", "title": TITLES.get(status, "Error"), "status": status, "detail": detail, **extra}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Makes every error of the API a problem document."""

    @app.exception_handler(Problem)
    async def _problem(request: Request, error: Problem) -> JSONResponse:
        return problem(error.status, error.detail, error.headers, **error.extra)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # Only where and what, never the value or a name that is not ours: it may be what a client wrote.
        errors = [{"where": _where(e), "what": e["msg"]} for e in error.errors()]
        return problem(400, "The request is not as the API describes it.", errors=errors)

    @app.exception_handler(OperationalError)
    @app.exception_handler(InterfaceError)
    async def _database_down(request: Request, error: Exception) -> JSONResponse:
        place = request.app.state.conversations.place
        return problem(
            503,
            f"Your message could not be kept just now, so it has not been sent. Please try again in a while. "
            f"If it can't wait: {crisis.short(place)}.",
            {"Retry-After": "10"},
            crisis=crisis.short(place),
        )


def _where(error: dict[str, Any]) -> str:
    loc = error["loc"][:-1] if error["type"] == "extra_forbidden" else error["loc"]
    return "/".join(str(part) for part in loc)
