"""In Rasa's place, as a server: the turn channel's protocol without NLU, and real actions through the real endpoint.

As a process it is started in Rasa's stead (EVOKE_RASA_PYTHON names the script that `as_python` writes) and is up in
a fifth of a second instead of fifteen. What it does: consent, then one turn of the MI core for every message.
"""

from __future__ import annotations

import json
import os
import sys
import tarfile
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class RasaServer(ThreadingHTTPServer):
    """`mode` says how it fails: "" not at all, "rubbish", "empty", "error", or "slow" for `seconds`."""

    daemon_threads = True

    def __init__(self, port: int = 0, actions_url: str = "") -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.actions_url, self.mode, self.seconds = actions_url, "", 30.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> RasaServer:
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: RasaServer

    def do_POST(self) -> None:
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.mode == "slow":
            time.sleep(self.server.seconds)
        if self.server.mode == "error":
            self._answer(500, b"{}")
        elif self.server.mode == "rubbish":
            self._answer(200, b"<html>certainly not JSON")
        elif self.server.mode == "empty":
            self._answer(200, b'{"replies": [], "slots": {}, "loop": null, "parse": {}}')
        elif self.path.endswith("/parse"):
            self._answer(200, b'{"intent": {"name": "share", "confidence": 1.0}, "entities": []}')
        else:
            self._answer(200, json.dumps(self._turn(call)).encode())

    def _turn(self, call: dict[str, Any]) -> dict[str, Any]:
        slots = call["slots"]
        if not self.server.actions_url:
            return {"replies": [{"text": "I see."}], "slots": slots, "loop": None, "parse": {}}
        consents = slots.get("awaiting") == "consent"
        result = self._action("action_consent_given" if consents else "action_mi_turn", call)
        for event in result["events"]:
            if event["event"] == "slot":
                slots[event["name"]] = event["value"]
        replies: list[dict[str, Any]] = []
        for response in result["responses"]:
            replies.append({"text": response["text"], "buttons": response["buttons"]})
            replies += [{"custom": response["custom"]}] if response["custom"] else []
        return {"replies": replies, "slots": slots, "loop": None, "parse": {}}

    def _action(self, name: str, call: dict[str, Any]) -> dict[str, Any]:
        message = {"text": call["text"], "intent": {"name": "share", "confidence": 1.0}, "entities": []}
        tracker = {
            "sender_id": call["turn_id"],
            "slots": call["slots"],
            "latest_message": message,
            "events": [],
            "paused": False,
            "followup_action": None,
            "active_loop": {},
            "latest_action_name": "action_listen",
        }
        body = json.dumps({"next_action": name, "sender_id": call["turn_id"], "tracker": tracker, "domain": {}})
        request = urllib.request.Request(self.server.actions_url, body.encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return dict(json.load(answer))

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


def as_python(folder: Path) -> Path:
    """A script that takes the place of Rasa's Python and, whatever it is asked to run, runs this server."""
    script = folder / "python-with-a-fake-rasa"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" "$@"\n')
    script.chmod(0o755)
    return script


def empty_model(folder: Path) -> Path:
    """What the application takes for a model; this server reads none."""
    file = folder / "model.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("metadata.json"))
    return file


def main() -> None:
    sys.path.insert(0, str(ROOT))
    from bot.nlu.server import die_with_parent

    die_with_parent()
    port = int(sys.argv[sys.argv.index("--port") + 1])
    RasaServer(port, os.environ["EVOKE_ACTIONS_URL"]).serve_forever()


if __name__ == "__main__":
    main()
