"""The clinic's pager: an HTTP server that notes the pages it gets, and can be down."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class PagerServer(ThreadingHTTPServer):
    """`status` is what it answers; `pages` are (path, body) of everything that came, refused or not."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.pages: list[tuple[str, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> PagerServer:
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        self.shutdown()
        self.server_close()

    def about(self, case_id: str) -> list[tuple[str, int]]:
        """(path, round) of the pages about a case."""
        return [(path, page["round"]) for path, page in self.pages if page["case"] == case_id]


class _Handler(BaseHTTPRequestHandler):
    server: PagerServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.pages.append((self.path.strip("/"), json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""
