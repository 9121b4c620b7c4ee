"""`evoke run`: starts everything, prints where it is, and stops it in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from rich.console import Console
from rich.panel import Panel

from bot.app import Evoke, running, web_app
from bot.channels.telegram.channel import Access, TelegramChannel
from bot.channels.telegram.webhook import PATH as WEBHOOK
from bot.console.staff import first_admin
from bot.loopback import Loopback
from bot.reaching_out import reach_out_for_ever
from bot.settings import Settings

log = structlog.get_logger()


class StartError(Exception):
    """Evoke cannot start; the message is one sentence that says what to do."""


@asynccontextmanager
async def serving(evoke: Evoke) -> AsyncIterator[str]:
    """The web side and Telegram around a running Evoke; yields the address of the chat page.

    Raises:
        StartError: the port is taken.
    """
    settings = evoke.settings
    access = telegram_access(settings)
    telegram = evoke.telegram = TelegramChannel(evoke.conversations, evoke.db, access) if access else None
    evoke.conversations.answering.has_telegram = telegram is not None
    app = web_app(evoke)
    try:
        server = Loopback(app, settings.host, settings.port)
    except OSError as error:
        raise StartError(
            f"Port {settings.port} on {settings.host} cannot be used ({error.strerror}): stop the other program, "
            f"or choose another port, for example EVOKE_PORT={settings.port + 1 if settings.port else 8081}."
        ) from error
    await server.start()
    reaching_out = reach_out_for_ever(evoke.db, evoke.clinic, evoke.bus, evoke.conversations.clock)
    background = [asyncio.create_task(evoke.duties.run()), asyncio.create_task(reaching_out)]
    try:
        if telegram is not None:
            await telegram.start()
        yield server.url
    finally:
        app.state.stopping.set()
        if telegram is not None:
            await telegram.stop()
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await server.stop()


def telegram_access(settings: Settings) -> Access | None:
    """How Telegram is reached; None without a token.

    Raises:
        StartError: there is a secret for the webhook, and no address that Telegram could call.
    """
    token, secret = settings.telegram_token.get_secret_value(), settings.telegram_webhook_secret.get_secret_value()
    if not token:
        return None
    public = settings.public_url.rstrip("/")
    if secret and not public.startswith("https://"):
        raise StartError(
            "Telegram can only call an https address: set EVOKE_PUBLIC_URL to the one that leads here, such as "
            "https://bot.clinic.example, or leave EVOKE_TELEGRAM_WEBHOOK_SECRET out and Evoke polls."
        )
    return Access(
        token=token,
        base_url=settings.telegram_base_url,
        webhook=public + WEBHOOK if secret else "",
        secret=secret,
        web=f"{public}/" if public else "",
        messages_per_second=settings.telegram_messages_per_second,
    )


async def run(settings: Settings, console: Console) -> None:
    """Runs until Ctrl-C or SIGTERM.

    Raises:
        StartError, StoreError, ClinicConfigError, RasaError: with one sentence on what to do.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    console.print("Starting: database, safety screen, language …")
    async with running(settings, wait_for_rasa=False) as evoke, serving(evoke) as address:
        await _announce(evoke, address, console, stop)
        await stop.wait()
        console.print("Stopping …")


async def _announce(evoke: Evoke, address: str, console: Console, stop: asyncio.Event) -> None:
    now = evoke.conversations.clock()
    admin = await evoke.db.write(lambda session: first_admin(session, now))
    if evoke.rasa is not None:
        with console.status("Starting Rasa (about 15 seconds) …"):
            ready = asyncio.create_task(evoke.rasa.wait_ready())
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait([ready, stopped], return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not ready.done():
                ready.cancel()
                return
            await ready
    lines = [f"Chat page       {address}/", f"Staff console   {address}/console"]
    if admin is not None:
        lines.append(f"First sign-in   {admin[0]}   password {admin[1]}   (shown only now)")
    if evoke.telegram is not None:
        access = evoke.telegram.access
        lines.append(f"Telegram        {f'webhook at {access.webhook}' if access.webhook else 'polling'}")
    console.print(
        Panel("\n".join(lines), title=f"Evoke is running for {evoke.clinic.name}", subtitle="Ctrl-C stops it")
    )
