"""An application on a real port, for a real browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


@contextmanager
def served(app: Any, **settings: Any) -> Iterator[str]:
    """Serves `app` on any free port of this machine while the block runs; gives its address. `settings`: uvicorn's."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none", **settings))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
