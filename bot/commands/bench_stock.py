"""Stock Rasa for `evoke bench`: trained once on the same data, then run as its own documentation says.

The parts: the pipeline and policies of `rasa init` (bench_stock.yml), the REST channel, an SQL tracker store with its
defaults (SQLite), and an action server over HTTP. The actions answer at once with one sentence, which is the fastest
that any action server can be.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from bot.commands.bench_clients import until
from bot.loopback import Loopback
from bot.rasa_process import RasaError, environment, free_port
from bot.settings import ROOT, Settings

CONFIG = Path(__file__).parent / "bench_stock.yml"
DATA = ("data/nlu", "data/rules", "data/stories")
TRAINING_SECONDS = 1800.0
START_SECONDS = 180.0


def stock_model(settings: Settings) -> Path:
    """Where the stock model of the present data is, or will be: models/stock-<fingerprint>.tar.gz."""
    digest = hashlib.sha256(CONFIG.read_bytes() + (ROOT / "domain.yml").read_bytes())
    for folder in DATA:
        for file in sorted((ROOT / folder).rglob("*.yml")):
            digest.update(file.read_bytes())
    return settings.models / f"stock-{digest.hexdigest()[:12]}.tar.gz"


async def train_stock(settings: Settings) -> Path:
    """Trains the stock model if it is not there yet; several minutes on two cores.

    Raises:
        RasaError: training failed, or took too long.
    """
    target = stock_model(settings)
    if target.exists():
        return target
    settings.models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.models, prefix="unfinished-") as folder:
        name = target.name.removesuffix(".tar.gz")
        words = ["train", "--config", str(CONFIG), "--domain", "domain.yml", "--data", *DATA]
        process = await _rasa(settings, *words, "--out", folder, "--fixed-model-name", name, cwd=ROOT)
        try:
            said, _ = await asyncio.wait_for(process.communicate(), TRAINING_SECONDS)
        except TimeoutError:
            raise RasaError("Stock Rasa was not trained within half an hour: run it on a quieter machine.") from None
        finally:
            await _stop(process)
        made = Path(folder) / target.name
        if process.returncode != 0 or not made.exists():
            raise RasaError("Training stock Rasa failed: " + said.decode(errors="replace")[-400:])
        os.replace(made, target)
    for old in settings.models.glob("stock-*.tar.gz"):
        if old != target:
            old.unlink()
    return target


@contextlib.asynccontextmanager
async def stock_rasa(settings: Settings, model: Path) -> AsyncIterator[str]:
    """Stock Rasa with its action server; yields its address, and stops both.

    Raises:
        RasaError: it did not start.
    """
    actions = Loopback(_actions())
    await actions.start()
    with tempfile.TemporaryDirectory(prefix="evoke-stock-") as folder:
        home, port = Path(folder), free_port()
        (home / "endpoints.yml").write_text(
            f"action_endpoint:\n  url: {actions.url}/webhook\n"
            f"tracker_store:\n  type: SQL\n  dialect: sqlite\n  db: {home / 'rasa.db'}\n"
        )
        (home / "credentials.yml").write_text("rest:\n")
        words = ["run", "--model", str(model), "--endpoints", "endpoints.yml", "--credentials", "credentials.yml"]
        process = await _rasa(settings, *words, "--interface", "127.0.0.1", "--port", str(port), "--quiet", cwd=home)
        reader = asyncio.create_task(_drain(process))
        url = f"http://127.0.0.1:{port}"
        try:
            async with httpx.AsyncClient(base_url=url, timeout=10) as http:

                async def answers() -> bool:
                    body = {"sender": "ready", "message": "hello"}
                    return bool((await http.post("/webhooks/rest/webhook", json=body)).json())

                if not await until(answers, START_SECONDS):
                    raise RasaError("Stock Rasa did not start: run `evoke bench` on a quieter machine.")
            yield url
        finally:
            await _stop(process)
            await reader
            await actions.stop()


def _actions() -> FastAPI:
    app = FastAPI()

    @app.post("/webhook")
    async def run(_call: dict[str, Any]) -> dict[str, Any]:
        return {"events": [], "responses": [{"text": "Tell me more about that."}]}

    return app


async def _rasa(settings: Settings, *words: str, cwd: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        str(settings.rasa_python),
        *("-m", "rasa", *words),
        cwd=cwd,
        env=environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    async for _ in process.stdout:
        pass


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ends a process of ours, by force after five seconds."""
    if process.returncode is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 5)
            return
