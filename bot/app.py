"""The one place where the parts are wired together."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.staticfiles import StaticFiles
from prometheus_client import generate_latest

from bot import crisis
from bot.actions_endpoint import actions_app
from bot.answering import Answering, Dialogue, Screens
from bot.bus import Bus
from bot.channels import problems, web
from bot.channels.limits import ALL_CODES_PER_MINUTE, CODES_PER_MINUTE, RateLimit
from bot.channels.pages import chat_page, widget_files
from bot.channels.telegram.channel import TelegramChannel
from bot.channels.telegram.webhook import webhook_router
from bot.clinic import feed
from bot.clinic.alerts import Pager
from bot.clinic.busy import BusyTimes
from bot.clinic.config import ClinicConfig
from bot.clinic.forgotten import Forgotten
from bot.clinic.mails import Mails
from bot.console.router import router as console_router
from bot.conversation import Conversations
from bot.core import DATA, load_core
from bot.dialogue import RasaDialogue
from bot.durable import DbosEngine
from bot.duties import Clock, Duties, Engine, Look
from bot.housekeeping import Housekeeping
from bot.loopback import Loopback
from bot.metrics import REGISTRY
from bot.rasa_process import RasaProcess
from bot.safety.protocol import Protocol as SafetyProtocol
from bot.safety.screen import Screener
from bot.safety.state import Place
from bot.safety.tiers import Verdict
from bot.safety_training import load_scorer
from bot.settings import ROOT, Settings
from bot.store.database import Database
from bot.training import model_path
from bot.turns import Turns

log = structlog.get_logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


class NoScreener:
    """Stands where the screener could not be loaded: every message then fails closed."""

    def screen(self, text: str, history: Sequence[str] = ()) -> Verdict:
        raise RuntimeError("the safety screen is not loaded")


def load_screener(settings: Settings | None = None) -> Screens:
    """The safety screen; when its data is damaged or its model missing, one that fails closed (readiness is red and
    the clinic is told)."""
    try:
        return Screener.load(DATA / "safety", load_scorer(settings or Settings()))
    except Exception as error:
        log.critical("screener_not_loaded", why=str(error))
        return NoScreener()


@dataclass
class Evoke:
    """A running Evoke: everything that has to be started and stopped, in order."""

    settings: Settings
    clinic: ClinicConfig
    db: Database
    bus: Bus
    turns: Turns
    conversations: Conversations
    duties: Duties
    rasa: RasaProcess | None = None
    loopback: Loopback | None = None
    dialogue: Dialogue | None = None
    telegram: TelegramChannel | None = None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    dialogue: Dialogue | None = None,
    screener: Screens | None = None,
    engine: Engine | None = None,
    wait_for_rasa: bool = True,
) -> AsyncIterator[Evoke]:
    """Everything but the channels: database, screen, core, actions endpoint, Rasa, alerts.

    Args:
        dialogue: stands in for Rasa, in tests; then no Rasa is started.
        screener: stands in for the screen, in tests.
        engine: stands in for DBOS, in tests.
        wait_for_rasa: False returns while Rasa still loads; messages wait for it.

    Raises:
        StoreError, ClinicConfigError, RasaError: with one sentence on what to do.
    """
    clinic = ClinicConfig.of(settings.clinic_file)
    db = Database(settings.database)
    db.migrate()
    db.take_lease()
    bus, turns = Bus(), Turns()
    place = crisis.place_for(clinic, DATA / "safety")
    rasa, loopback, client = None, None, None
    if dialogue is None:
        token = secrets.token_urlsafe(24)
        loopback = Loopback(actions_app(turns, token))
        await loopback.start()
        rasa = RasaProcess(settings, f"{loopback.url}/{token}/webhook", model_path(settings))
        await rasa.start()
        dialogue = client = RasaDialogue(rasa.url, rasa.token, settings.rasa_timeout)
    answering = Answering(
        db=db,
        clinic=clinic,
        place=place,
        screener=screener or load_screener(settings),
        protocol=SafetyProtocol.load(DATA / "safety"),
        core=load_core(models=settings.models),
        dialogue=dialogue,
        turns=turns,
        screen_timeout=settings.screen_timeout,
        chat_page=settings.public_url,
    )
    conversations = Conversations(db=db, answering=answering, bus=bus, clock=clock, patience=settings.patience)
    loop = asyncio.get_running_loop()  # duties may be at work on a loop of their own
    duties = duties_of(
        settings,
        clinic,
        db,
        clock,
        engine or DbosEngine(settings.workflow_database, clock),
        place=place,
        signal=lambda conversation_id: loop.call_soon_threadsafe(bus.signal, conversation_id),
    )
    evoke = Evoke(settings, clinic, db, bus, turns, conversations, duties, rasa, loopback)
    evoke.dialogue = dialogue
    try:
        if rasa is not None and wait_for_rasa:
            await rasa.wait_ready()
        await conversations.recover()
        yield evoke
    finally:
        await conversations.close()
        if client is not None:
            await client.close()
        if rasa is not None:
            await rasa.stop()
        if loopback is not None:
            await loopback.stop()
        db.close()


def duties_of(
    settings: Settings,
    clinic: ClinicConfig,
    db: Database,
    clock: Clock,
    engine: Engine,
    *,
    place: Place,
    signal: Callable[[str], object],
) -> Duties:
    """Everything that is done by the clock."""
    pager = Pager(db, clinic, clock, public_url=settings.public_url or f"http://{settings.host}:{settings.port}")
    forgotten = Forgotten(db, clinic, clock, place=place, signal=signal)
    house, mails, busy = Housekeeping(db, clinic, clock), Mails(db, clinic, clock), BusyTimes(db, clinic, clock)
    looks: dict[str, Look] = {
        "page": pager.page,
        "round": pager.round,
        "hold": house.hold,
        "retention": house.retention,
        "mail": mails.mail,
        "busy": busy.busy,
        "waiting": forgotten.waiting,
    }
    sources = [part.called_for for part in (pager, house, mails, busy, forgotten)]
    return Duties(db, clock, engine, looks=looks, sources=sources)


def web_app(evoke: Evoke) -> FastAPI:
    """Everything that is reachable from outside: web API, widget, chat page, console, health."""
    app = FastAPI(
        title="Evoke",
        description="Conversations with a motivational-interviewing companion.",
        version="1",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    settings = evoke.settings
    app.state.db, app.state.clinic, app.state.bus = evoke.db, evoke.clinic, evoke.bus
    app.state.conversations, app.state.clock = evoke.conversations, evoke.conversations.clock
    app.state.settings, app.state.stopping = settings, asyncio.Event()
    app.state.message_limit = RateLimit(settings.messages_per_minute, "messages")
    app.state.new_limit = RateLimit(settings.new_conversations_per_minute, "new conversations")
    app.state.code_limit = RateLimit(CODES_PER_MINUTE, "codes")
    app.state.all_codes_limit = RateLimit(ALL_CODES_PER_MINUTE, "codes")
    app.state.chat_page = settings.public_url
    app.state.telegram_name = lambda: evoke.telegram.name if evoke.telegram else ""
    problems.install(app)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "last-event-id"],
        expose_headers=["Retry-After"],
    )
    app.include_router(web.router)
    app.include_router(feed.router)
    if evoke.telegram is not None and evoke.telegram.access.webhook:
        app.include_router(webhook_router(evoke.telegram))
    app.state.session_key = settings.session_key()
    app.include_router(console_router(app.state))
    _health(app, evoke)
    app.mount("/widget", widget_files(), name="widget")
    place = evoke.conversations.place
    chat = chat_page(evoke.clinic.name, place.emergency, crisis.as_list(place))

    app.mount("/join", StaticFiles(directory=ROOT / "bot" / "channels" / "join", html=True), name="join")

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return Response(chat, media_type="text/html")

    @app.middleware("http")
    async def headers(request: Request, call_next: Callable[[Request], object]) -> Response:
        response: Response = await call_next(request)  # type: ignore[misc]
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        if not request.url.path.startswith("/api/"):
            response.headers.setdefault(
                "Content-Security-Policy",
                "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
                "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
            )
        return response

    return app


def _health(app: FastAPI, evoke: Evoke) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        """The process is up."""
        return {"status": "ok"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        """200 when messages can be answered; 503 names what is missing."""
        missing = await what_is_missing(evoke)
        if missing:
            return problems.problem(503, "Not ready: " + ", ".join(missing) + ".", missing=missing)
        return Response('{"status":"ready"}', media_type="application/json")

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(REGISTRY), media_type="text/plain; version=0.0.4")


async def what_is_missing(evoke: Evoke) -> list[str]:
    """Which of database, dialogue and screen do not work at this moment."""
    missing = []
    try:
        await asyncio.wait_for(evoke.db.read(lambda session: session.connection().exec_driver_sql("SELECT 1")), 3)
    except Exception as error:
        log.warning("database_not_ready", why=type(error).__name__)
        missing.append("the database does not answer")
    if isinstance(evoke.dialogue, RasaDialogue):
        try:
            ready = await asyncio.wait_for(evoke.dialogue.is_ready(), 3)
        except (TimeoutError, httpx.HTTPError):
            ready = False
        if not ready:
            missing.append("Rasa has no model loaded yet")
    if not await screen_works(evoke.conversations):
        missing.append("the safety screen fails its self-test")
    return missing


async def screen_works(conversations: Conversations) -> bool:
    """Whether the screen tells a plain disclosure from a plain remark."""
    try:
        risky = await conversations.answering.screen("i want to kill myself", [])
        harmless = await conversations.answering.screen("i want to sleep better", [])
    except Exception as error:
        log.error("screen_self_test_failed", why=type(error).__name__)
        return False
    return risky.tier > harmless.tier and conversations.answering.screen_works
