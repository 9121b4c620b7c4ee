"""Where Rasa finds the actions: rasa-sdk's executor behind a loopback address and a token."""

from __future__ import annotations

import hmac

import structlog
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionNotFoundException

from bot.errors import place_of
from bot.turns import Turns, UnknownTurn

log = structlog.get_logger()


def actions_app(turns: Turns, token: str) -> FastAPI:
    """The application that answers Rasa's `POST /{token}/webhook`. It is served on 127.0.0.1 only (bot/serve.py)."""
    executor = ActionExecutor()
    executor.register_package("actions")
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.post("/{given}/webhook")
    async def webhook(given: str, request: Request) -> JSONResponse:
        if not hmac.compare_digest(given, token):
            raise HTTPException(403)
        call = await request.json()
        call.setdefault("domain", {})  # with enable_selective_domain Rasa sends it only to actions that want it
        name = call.get("next_action", "")
        try:
            turns.enter(call["sender_id"])
            result = await executor.run(call)
            return JSONResponse(result.model_dump() if result else {"events": [], "responses": []})
        except (UnknownTurn, ActionNotFoundException) as error:
            log.warning("action_refused", action=name, why=type(error).__name__)
            raise HTTPException(404) from error
        except Exception as error:
            log.error("action_failed", action=name, why=type(error).__name__, at=place_of(error))
            raise HTTPException(500) from error

    return app
