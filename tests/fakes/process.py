"""`evoke run` as a process of its own, that can be killed and started again on the same home."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx

from bot.rasa_process import free_port
from tests.fakes.stack import until


class EvokeProcess:
    """Started by `start`; `kill` is kill -9. The port stays the same over restarts.

    Args:
        settings: more EVOKE_ variables, without their prefix.
    """

    def __init__(self, home: Path, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {"HOME": str(home), "PORT": str(self.port), "MESSAGES_PER_MINUTE": "100000"}
        self.variables = {f"EVOKE_{name}": value for name, value in (own | settings).items()}
        self.log = ""
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *, ready: bool = True) -> EvokeProcess:
        """Returns when the web side answers, or (`ready`) when everything is."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bot", "run"],
            env=os.environ | self.variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        until(lambda: self._answers("/readyz" if ready else "/healthz"), 120, pause=0.05)
        return self

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._gone()

    def interrupt(self) -> int:
        """Ctrl-C; the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        return self._gone()

    def children(self) -> list[int]:
        """Rasa's process id, where it runs."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def kill_rasa(self) -> None:
        for pid in self.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _answers(self, path: str) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"evoke run ended: {self.log[-2000:]}"
        try:
            return httpx.get(self.url + path, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def _gone(self) -> int:
        assert self._process is not None
        assert self._reader is not None
        code = self._process.wait(30)
        self._reader.join(5)
        return code

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                self.log += line


def is_alive(pid: int) -> bool:
    """Whether a process runs (one that ended and waits for its parent does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone_within(pids: list[int], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while any(is_alive(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(is_alive(pid) for pid in pids)
