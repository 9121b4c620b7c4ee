"""Rasa as a child process: started on a free loopback port, watched, started again, stopped, never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import tarfile
import zlib
from collections import deque
from pathlib import Path

import httpx
import structlog

from bot.settings import ROOT, Settings

log = structlog.get_logger()
START_SECONDS = 120.0
"""How long Rasa may take to load its model; it needs about 15 s on two cores."""


class RasaError(Exception):
    """Rasa cannot be started; the message is one sentence that says what to do."""


def free_port() -> int:
    """A loopback port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment() -> dict[str, str]:
    """What every Rasa process is started with: no telemetry, no deprecation noise, this checkout importable."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
        "RASA_TELEMETRY_ENABLED": "false",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def is_model(file: Path) -> bool:
    """Whether a file is a whole Rasa model: a readable archive with a description in it."""
    try:
        with tarfile.open(file) as archive:
            return "metadata.json" in (name.removeprefix("./") for name in archive.getnames())
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        return False


class RasaProcess:
    """Keeps one Rasa server alive.

    Args:
        settings: where Rasa's Python and the model are.
        actions_url: where Rasa finds the actions (loopback).
        model: the trained model.

    Its `token` is shared by Rasa and the application for this run only.
    """

    def __init__(self, settings: Settings, actions_url: str, model: Path) -> None:
        self.settings = settings
        self.actions_url = actions_url
        self.token = secrets.token_urlsafe(24)
        self.port = free_port()
        self.model = model
        self.starts = 0
        self._process: asyncio.subprocess.Process | None = None
        self._tail: deque[str] = deque(maxlen=20)
        self._keeper: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Starts Rasa and keeps it alive until `stop`; returns at once, see `wait_ready`.

        Raises:
            RasaError: Rasa's Python or the model is missing.
        """
        if not self.settings.rasa_python.exists():
            raise RasaError(f"Rasa's environment is missing ({self.settings.rasa_python}): run `make setup`.")
        if not self.model.exists():
            raise RasaError(f"There is no trained model {self.model}: run `make train` (about a minute).")
        if not is_model(self.model):  # Rasa would start without it, and say nothing
            raise RasaError(f"The model {self.model} is damaged: run `make train` to make a new one.")
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep())

    async def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Returns when Rasa answers with a loaded model.

        Raises:
            RasaError: it did not within `seconds`, or it ended by itself twice on the way.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        async with httpx.AsyncClient(timeout=2) as client:
            while asyncio.get_running_loop().time() < deadline:
                if await self.is_ready(client):
                    return
                if self.starts > 2:
                    break
                await asyncio.sleep(0.1)
        raise RasaError(self._why_not())

    async def is_ready(self, client: httpx.AsyncClient) -> bool:
        """Whether Rasa has a loaded model: it answers our channel's parse, which refuses without one."""
        try:
            answer = await client.post(
                f"{self.url}/webhooks/turn/parse",
                json={"text": "hello"},
                headers={"Authorization": f"Bearer {self.token}"},
            )
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    async def stop(self) -> None:
        """Ends Rasa, by force after five seconds."""
        if self._keeper:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        process = self._process
        if process and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if self._reader:
            await self._reader

    async def _spawn(self) -> None:
        self.starts += 1
        variables = environment() | {
            "EVOKE_RASA_CHILD": "1",
            "EVOKE_RASA_TOKEN": self.token,
            "EVOKE_ACTIONS_URL": self.actions_url,
        }
        self._process = await asyncio.create_subprocess_exec(
            str(self.settings.rasa_python),
            *("-m", "bot.nlu.server", "run", "--model", str(self.model)),
            *("--interface", "127.0.0.1", "--port", str(self.port), "--quiet"),
            *("--endpoints", "endpoints.yml", "--credentials", "credentials.yml"),
            cwd=ROOT,
            env=variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal reaches the application, which stops Rasa in order
        )
        self._reader = asyncio.create_task(self._read(self._process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        # Rasa's output is only kept for the sentence of a failed start: it may hold what a client wrote.
        assert process.stdout is not None
        async for line in process.stdout:
            self._tail.append(line.decode(errors="replace").rstrip())

    async def _keep(self) -> None:
        pause = 0.5
        while True:
            assert self._process is not None
            began = asyncio.get_running_loop().time()
            code = await self._process.wait()
            log.warning("rasa_ended", code=code)
            pause = 0.5 if asyncio.get_running_loop().time() - began > 60 else min(pause * 2, 30)
            await asyncio.sleep(pause)
            await self._spawn()

    def _why_not(self) -> str:
        said = " ".join(self._tail).lower()
        if "address already in use" in said:
            return f"Rasa's port {self.port} was taken by another program: start again."
        if any(word in said for word in ("could not load model", "no model", "readerror", "not a gzip", "eof")):
            return f"The model {self.model} is damaged or from another version: run `make train` to make a new one."
        last = next((line for line in reversed(self._tail) if line.strip()), "it said nothing")
        return f"Rasa did not start ({last[:200]}): run `make train`, and if that does not help, `make setup`."
