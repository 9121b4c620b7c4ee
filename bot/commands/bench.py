"""`evoke bench`: throughput and latency of the whole path, and of stock Rasa on the same data, in one run.

Both sides are processes of their own behind real HTTP on loopback; the clients are in this one and wait for each
answer before they write again, without a pause for thinking. Latency is from sending to the answer's arrival. Evoke's
side stores, screens, answers and delivers every message; stock Rasa has its defaults (`bot.commands.bench_stock`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from bot.commands.bench_clients import EvokeTalk, Measured, StockTalk, Talk, measure, until
from bot.commands.bench_stock import stock_model, stock_rasa, train_stock
from bot.rasa_process import RasaError, free_port
from bot.settings import ROOT, Settings
from bot.training import model_path

WARM_UP_SECONDS = 5.0
MEASURE_SECONDS = 90.0
"""The longest one measurement may take; what is not sent by then is left out."""
START_SECONDS = 180.0
NO_LIMIT = 1_000_000
Figures = dict[str, dict[str, float | int]]


async def bench(settings: Settings, console: Console, as_json: bool, clients: int, turns: int) -> None:
    """Measures Evoke and stock Rasa with one client and with `clients`, and prints both side by side.

    Args:
        as_json: ends with one JSON object on standard output.
        turns: messages from each client.

    Raises:
        RasaError: a Rasa does not start, or cannot be trained.
    """
    if not stock_model(settings).exists():
        console.print("Training stock Rasa on the same data, once (some minutes) …")
    model = await train_stock(settings)
    levels = sorted({1, clients})
    with console.status("Measuring Evoke …"):
        async with _evoke(settings) as url, _http(url) as http:
            ours = await _levels(lambda number: EvokeTalk(http), levels, turns)
    with console.status("Measuring stock Rasa …"):
        async with stock_rasa(settings, model) as url, _http(url) as http:
            names = itertools.count(1)
            stock = await _levels(lambda number: StockTalk(http, f"client-{next(names)}"), levels, turns)
    result = compared(ours, stock, clients)
    _show(result, console)
    if as_json:
        sys.stdout.write(json.dumps(result) + "\n")


def compared(ours: Figures, stock: Figures, clients: int) -> dict[str, Any]:
    """Both sides' figures, and the ratios at `clients`: of throughput (above 1: ours is faster), of p95 (below 1: ours
    answers sooner)."""
    at = str(clients)
    return {
        "throughput_ratio": _ratio(ours[at]["throughput"], stock[at]["throughput"]),
        "p95_ratio": _ratio(ours[at]["p95_ms"], stock[at]["p95_ms"]),
        "clients": clients,
        "evoke": ours,
        "stock": stock,
        "machine": f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}, Python {platform.python_version()}",
    }


def _ratio(one: float, other: float) -> float | None:
    return round(one / other, 3) if other else None


async def _levels(open_talk: Callable[[int], Talk], levels: list[int], turns: int) -> Figures:
    """A warm-up, then each number of clients."""
    await measure(open_talk, 2, NO_LIMIT, WARM_UP_SECONDS)
    found: dict[int, Measured] = {}
    for level in levels:
        found[level] = await measure(open_talk, level, turns, MEASURE_SECONDS)
    return {str(level): result.figures() for level, result in found.items()}


@contextlib.asynccontextmanager
async def _evoke(settings: Settings) -> AsyncIterator[str]:
    """`evoke run` on a free port and a throw-away database, without limits, the demo clinic and no Telegram."""
    with tempfile.TemporaryDirectory(prefix="evoke-bench-") as folder:
        private = settings.model_copy(
            update={
                "home": Path(folder),
                "database_url": f"sqlite:///{folder}/evoke.db",
                "host": "127.0.0.1",
                "port": free_port(),
                "clinic_file": Path(folder) / "none.yml",  # the demo clinic: nobody is paged by a measurement
                "model": model_path(settings),
                "messages_per_minute": NO_LIMIT,
                "new_conversations_per_minute": NO_LIMIT,
                "log_level": "ERROR",
            }
        )
        names = {"home", "database_url", "host", "port", "clinic_file", "model", "models", "rasa_python"} | {
            *("messages_per_minute", "new_conversations_per_minute", "log_level", "rasa_timeout", "screen_timeout"),
        }
        variables = {f"EVOKE_{name.upper()}": str(getattr(private, name)) for name in names}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run"),
            cwd=ROOT,
            env={**os.environ, **variables, "EVOKE_TELEGRAM_TOKEN": ""},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches this process, which stops the other in order
        )
        url = f"http://127.0.0.1:{private.port}"
        try:
            async with httpx.AsyncClient(base_url=url, timeout=10) as http:

                async def ready() -> bool:
                    return process.returncode is not None or (await http.get("/readyz")).status_code == 200

                if not await until(ready, START_SECONDS) or process.returncode is not None:
                    raise RasaError("Evoke did not start for the measurement: see what `evoke run` says.")
            yield url
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Stops `evoke run` in order, and by force where it does not within 20 seconds."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()


def _http(url: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    return httpx.AsyncClient(base_url=url, timeout=httpx.Timeout(60), limits=limits)


def _show(result: dict[str, Any], console: Console) -> None:
    table = Table("", "clients", "messages", "lost", "messages/s", "p50 ms", "p95 ms")
    for name, label in (("evoke", "Evoke, whole path"), ("stock", "stock Rasa")):
        for level, row in result[name].items():
            cells = (row["messages"], row["lost"], row["throughput"], row["p50_ms"], row["p95_ms"])
            table.add_row(label, level, *(str(cell) for cell in cells))
    console.print(table)
    console.print(
        f"At {result['clients']} clients: throughput {result['throughput_ratio']} times stock Rasa's, "
        f"p95 {result['p95_ratio']} times; {result['machine']}.",
        highlight=False,
    )
