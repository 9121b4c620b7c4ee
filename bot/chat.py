"""`evoke chat`: the terminal channel, on a running Evoke or on one started for it."""

from __future__ import annotations

import httpx
from rich.console import Console

from bot.channels.terminal import Terminal
from bot.settings import Settings


async def chat(settings: Settings, url: str, new: bool, console: Console) -> None:
    """Talks until the end of input. The conversation is remembered in the home folder; `new` forgets it."""
    memory = settings.home / "terminal.json"
    if new:
        memory.unlink(missing_ok=True)
    address = url or f"http://127.0.0.1:{settings.port}"
    if await _is_up(address):
        await Terminal(address, memory).talk()
        return
    from bot.app import running  # here, so that a chat with a running Evoke begins at once
    from bot.serve import serving

    console.print("Starting Evoke for this chat (about 20 seconds; `make run` in another window is quicker) …")
    private = settings.model_copy(update={"host": "127.0.0.1", "port": 0})
    async with running(private) as evoke, serving(evoke) as here:
        await Terminal(here, memory).talk()


async def _is_up(address: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=1) as client:
            return bool((await client.get(f"{address}/healthz")).json() == {"status": "ok"})
    except (httpx.HTTPError, ValueError):
        return False
