"""The PostgreSQL database that tests may use: one for each process that tests side by side."""

from __future__ import annotations

import functools
import os

import psycopg
from sqlalchemy import make_url

SERVER = os.environ.get("EVOKE_TEST_POSTGRES_URL", "")


@functools.cache
def database_url() -> str:
    """A database of this process's own, made if it is not there; "" where EVOKE_TEST_POSTGRES_URL names no server."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not (SERVER and worker):
        return SERVER
    url = make_url(SERVER)
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (worker,)).fetchone():
            connection.execute(f'CREATE DATABASE "{worker}"')
    return url.set(database=worker).render_as_string(hide_password=False)
