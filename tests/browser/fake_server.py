"""A stand-in for the bot's web API, scripted by what the client writes, for tests of the widget alone.

It answers as /api/v1 is documented, keeps everything in memory and serves bot/widget. `FakeServer` runs it on
a free port and can be stopped and started again with its memory intact, as a real restart does.

| the client writes | the answer                                             |
|-------------------|--------------------------------------------------------|
| buttons, ruler, slots, card, safety, html, holding, clinician, long | a message of that shape |
| everything        | all of that in one safety message                      |
| slow              | typing, then an answer after `Script.slow` seconds     |
| anything else     | "You said: ..."                                        |

`Script` holds what a test can turn on: failures, rate limits, a silent stream, the widget's own answer.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, StreamingResponse

from bot.channels.pages import WIDGET, chat_page, widget_files

LIMIT = 4096
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
CRISIS: dict[str, Any] = {
    "clinic": "Riverside Clinic",
    "emergency": "911",
    "language": "en",
    "telegram": True,
    "crisis": [
        {
            "name": "988 Suicide & Crisis Lifeline",
            "call": "988",
            "text": "988",
            "note": "Free, day and night",
        },
        {"name": "Crisis Text Line", "call": None, "text": "HOME to 741741", "note": "https://www.crisistextline.org/"},
    ],
}
HOST_PAGE = """<!doctype html><html lang="{lang}" dir="{dir}"><head><meta charset="utf-8"><title>A clinic</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script type="module" src="{bot}/widget/evoke-chat.js"></script></head>
<body><main><h1>Riverside Clinic</h1><p>Opening hours and a <a href="#top">link</a>.</p>
<button>A button of the page</button></main><evoke-chat {attributes}></evoke-chat></body></html>"""


@dataclass
class Script:
    """What a test can turn on and look at. Times are seconds."""

    help: dict[str, Any] = field(default_factory=lambda: CRISIS)
    help_fails: bool = False
    words_fail: bool = False
    fail_sends: int = 0  # so many sends answer 503 before anything is stored
    lose_answers: int = 0  # so many sends are stored, then answer 503
    limit_sends: int = 0  # so many sends answer 429
    refuse: str = ""  # a 400 with these words for the next send
    deaf_stream: bool = False  # the event stream stays silent, as behind a buffering proxy
    answer_in_post: bool = False  # replies come back with the 202 as well as on the stream
    slow: float = 0.6
    welcome: str = "Hello. I am Evoke, a program you can think things through with."
    code_status: int = 201  # of POST …/code
    codes: int = 0  # so many were asked for
    posts: list[str] = field(default_factory=list)  # client_message_id of every send that arrived
    last_event_ids: list[str] = field(default_factory=list)
    started: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Talk:
    token: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    typing: bool = False

    def add(self, sender: str, text: str, **more: Any) -> dict[str, Any]:
        seq = len(self.messages) + 1
        now = datetime.now(timezone.utc).isoformat()
        message = {"id": 100 + seq, "seq": seq, "from": sender, "kind": "text", "text": text}
        message |= {"created_at": now, "in_reply_to": None} | more
        self.messages.append(message)
        return message


def scripted(text: str, conversation: str) -> dict[str, Any]:
    """The reply to `text`: the fields of one message, `from` and `text` included."""
    word = text.strip().lower()
    day = datetime(2030, 11, 26, 10, 0, tzinfo=timezone.utc)
    slots = [
        {
            "id": f"s{n}",
            "starts_at": (day + timedelta(hours=26 * n)).isoformat(),
            "ends_at": (day + timedelta(hours=26 * n, minutes=50)).isoformat(),
            "with": "Dr Rivera",
            "label": (day + timedelta(hours=26 * n)).strftime("%a %d %b, %H:%M"),
        }
        for n in range(3)
    ]
    replies: dict[str, dict[str, Any]] = {
        "buttons": {
            "text": "Shall we look at what a good week would be like for you?",
            "buttons": [{"title": "Yes, let's start", "payload": "yes"}, {"title": "Not now", "payload": "no"}],
        },
        "ruler": {
            "text": "How much does cutting down matter to you right now?",
            "ruler": {"name": "importance", "low": "not at all important", "high": "very important"},
        },
        "slots": {"text": "These times are free. Which one suits you?", "slots": slots},
        "card": {
            "text": "Here is the plan you put together.",
            "card": {
                "type": "plan",
                "title": "My plan",
                "lines": [
                    {"label": "The change", "text": "Two evenings a week without a drink"},
                    {"label": "Why", "text": "To be clear in the mornings, for my daughter"},
                    {"label": "First step", "text": "Tuesday: walk with Sam after work"},
                ],
                "download": f"/api/v1/conversations/{conversation}/files/plan.txt",
            },
        },
        "safety": {
            "kind": "safety",
            "text": "Thank you for telling me. Your safety comes first. You can call or text 988 at any hour.\n\n"
            "Are you safe where you are right now?",
        },
        "notice": {"kind": "notice", "text": "Dr Rivera from Riverside Clinic is here now.", "with": "Dr Rivera"},
        "back": {"kind": "notice", "text": "Dr Rivera has left. You are writing with Evoke again.", "with": None},
        "numbers": {
            "kind": "safety",
            "text": "Thank you for telling me. Nobody reads live here, so please call or text 988 now.",
            "card": {
                "type": "safety",
                "title": "Numbers to keep",
                "lines": [{"label": "In an emergency", "text": "911"}, {"label": "988 Lifeline", "text": "call 988"}],
                "download": f"/api/v1/conversations/{conversation}/files/help.txt",
            },
        },
        "summary": {
            "text": "So far: the evenings are hard, and you want clear mornings.",
            "card": {
                "type": "summary",
                "title": "What I have said",
                "lines": [],
                "download": f"/api/v1/conversations/{conversation}/files/summary.txt",
            },
        },
        "html": {"text": '<img src=x onerror="window.hacked=1"><b>bold</b> & <script>window.hacked=1</script>'},
        "holding": {"kind": "holding", "text": "Your message is here. The answer takes a little longer."},
        "clinician": {"from": "clinician", "text": "Hello, this is Ana from the clinic. I am with you now."},
        "long": {"text": "You said a lot there. " * 60},
    }
    parts = ("card", "slots", "ruler", "buttons", "safety")
    replies["everything"] = {key: value for name in parts for key, value in replies[name].items()}
    return {"from": "bot", "text": f"You said: {text[:80]}"} | replies.get(word, {})


def create_app(script: Script) -> FastAPI:
    app = FastAPI()
    app.add_middleware(
        CORSMiddleware,
        allow_origin_regex=r"http://127\.0\.0\.1:\d+",
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "last-event-id"],
        expose_headers=["retry-after"],
    )
    talks: dict[str, Talk] = {}
    app.state.talks = talks
    app.state.tasks = set()
    numbers = itertools.count(1)

    def problem(status: int, title: str, detail: str = "", **headers: str) -> JSONResponse:
        body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        return JSONResponse(body, status, headers, media_type="application/problem+json")

    def allowed(conversation: str, request: Request) -> Talk | JSONResponse:
        talk = talks.get(conversation)
        if talk is None:
            return problem(404, "Not found")
        if request.headers.get("authorization") != f"Bearer {talk.token}":
            return problem(401, "Not authorized")
        return talk

    @app.get("/api/v1/widget")
    async def widget() -> Response:
        return problem(503, "Unavailable") if script.help_fails else JSONResponse(script.help)

    @app.post("/api/v1/conversations", status_code=201)
    async def start(request: Request) -> Any:
        script.started.append(await request.json())
        name = f"c{next(numbers)}"
        talks[name] = Talk(secrets.token_urlsafe(16))
        talks[name].add("bot", script.welcome)
        talks[name].add("bot", "What would you like to talk about today?")
        return {"conversation_id": name, "token": talks[name].token, "messages": talks[name].messages}

    @app.post("/api/v1/conversations/{name}/messages", status_code=202)
    async def send(name: str, request: Request) -> Any:
        talk = allowed(name, request)
        if isinstance(talk, JSONResponse):
            return talk
        body = await request.json()
        script.posts.append(body["client_message_id"])
        if script.limit_sends:
            script.limit_sends -= 1
            return problem(429, "Too many messages", "Too many messages at once.", **{"Retry-After": "1"})
        if script.fail_sends:
            script.fail_sends -= 1
            return problem(503, "Unavailable")
        if script.refuse:
            detail, script.refuse = script.refuse, ""
            return problem(400, "Invalid", detail)
        if len(body["text"]) > LIMIT:
            return problem(413, "Too long", "At most 4096 characters.")
        mine = [m for m in talk.messages if m.get("client_message_id") == body["client_message_id"]]
        if mine:
            replies = [m for m in talk.messages if m["in_reply_to"] == mine[0]["seq"]]
            return {"message": mine[0], "messages": replies}
        message = talk.add("client", body["text"], client_message_id=body["client_message_id"])
        message["payload"] = body.get("payload")
        reply = scripted(body["text"], name) | {"in_reply_to": message["seq"]}
        replies = []
        if script.answer_in_post:
            replies = [talk.add(reply.pop("from"), reply.pop("text"), **reply)]
        else:
            task = asyncio.create_task(answer(talk, reply, script.slow if body["text"] == "slow" else 0.02))
            app.state.tasks.add(task)
            task.add_done_callback(app.state.tasks.discard)
        if script.lose_answers:
            script.lose_answers -= 1
            return problem(503, "Unavailable")
        return {"message": message, "messages": replies}

    async def answer(talk: Talk, reply: dict[str, Any], wait: float) -> None:
        talk.typing = True
        await asyncio.sleep(wait)
        talk.typing = False
        talk.add(reply.pop("from"), reply.pop("text"), **reply)

    @app.get("/api/v1/conversations/{name}/messages")
    async def since(name: str, request: Request, after: int = 0) -> Any:
        talk = allowed(name, request)
        return talk if isinstance(talk, JSONResponse) else {"messages": talk.messages[after:]}

    @app.get("/api/v1/conversations/{name}/events")
    async def events(name: str, request: Request) -> Response:
        talk = allowed(name, request)
        if isinstance(talk, JSONResponse):
            return talk
        script.last_event_ids.append(request.headers.get("last-event-id", ""))
        return StreamingResponse(
            stream(talk, int(request.headers.get("last-event-id") or 0), script), media_type="text/event-stream"
        )

    @app.post("/api/v1/conversations/{name}/code", status_code=201)
    async def code(name: str, request: Request) -> Any:
        talk = allowed(name, request)
        if isinstance(talk, JSONResponse):
            return talk
        script.codes += 1
        if script.code_status != 201:
            return problem(script.code_status, "No code", "Answer the question above first.")
        return {"code": "K7QM-2XWD", "web": None, "telegram": "https://t.me/RiversideBot?start=c_K7QM2XWD"}

    @app.get("/api/v1/conversations/{name}/files/{file}")
    async def download(name: str, file: str, request: Request) -> Response:
        talk = allowed(name, request)
        return talk if isinstance(talk, JSONResponse) else Response(f"{file} of {name}", media_type="text/plain")

    @app.get("/")
    async def page() -> HTMLResponse:
        html = chat_page(CRISIS["clinic"], CRISIS["emergency"], CRISIS["crisis"])
        return HTMLResponse(html, headers={"Content-Security-Policy": CSP})

    @app.get("/host")
    async def host(lang: str = "en", dir: str = "ltr", attributes: str = "", bot: str = "") -> HTMLResponse:
        html = HOST_PAGE.format(lang=lang, dir=dir, attributes=attributes, bot=bot)
        policy = CSP.replace("script-src 'self'", f"script-src {bot}").replace(
            "connect-src 'self'", f"connect-src {bot}"
        )
        return HTMLResponse(html, headers={"Content-Security-Policy": policy if bot else CSP})

    @app.get("/neutral")
    async def neutral() -> HTMLResponse:
        return HTMLResponse("<!doctype html><title>Weather</title><h1>Weather</h1>")

    @app.get("/widget/strings/{file}")
    async def strings(file: str) -> Response:
        path = WIDGET / "strings" / file
        return problem(404, "Not found") if script.words_fail or not path.is_file() else FileResponse(path)

    app.mount("/widget", widget_files())
    return app


async def stream(talk: Talk, last: int, script: Script) -> AsyncIterator[str]:
    """Server-sent events from after `last`, with a comment now and then as a sign of life."""
    typing, beat = False, 0
    yield ": hello\n\n"
    while True:
        while not script.deaf_stream and last < len(talk.messages):
            message = talk.messages[last]
            last = message["seq"]
            yield f"id: {last}\nevent: message\ndata: {json.dumps(message)}\n\n"
        if not script.deaf_stream and typing != talk.typing:
            typing = talk.typing
            yield f'event: typing\ndata: {{"on": {str(typing).lower()}}}\n\n'
        await asyncio.sleep(0.02)
        beat += 1
        if beat % 25 == 0:
            yield ":\n\n"


class FakeServer:
    """The app on a free port of this machine, in a thread."""

    def __init__(self) -> None:
        self.script = Script()
        self.app = create_app(self.script)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.talks: dict[str, Talk] = self.app.state.talks

    def start(self) -> None:
        config = uvicorn.Config(
            self.app,
            host="127.0.0.1",
            port=self.port,
            log_level="critical",
            lifespan="off",
            timeout_graceful_shutdown=0,
            ws="none",
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        until = time.monotonic() + 10
        while not self.server.started:
            if time.monotonic() > until:
                raise RuntimeError("the fake server did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """Every connection breaks, as when the process ends."""
        self.server.force_exit = True
        self.server.should_exit = True
        self.thread.join(10)
