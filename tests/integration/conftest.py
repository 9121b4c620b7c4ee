"""The clinic whose console several files test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from argon2 import PasswordHasher

from tests.fakes.console import PASSWORD, console_clinic


@pytest.fixture(scope="session")
def password_hash() -> str:
    """A real one, but quick to check: its cost is in the hash itself."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@pytest.fixture
def clinic(tmp_path: Path, password_hash: str) -> Iterator[SimpleNamespace]:
    """See `tests.fakes.console`; a file with another clinic has a fixture of its own."""
    with console_clinic(tmp_path, password_hash) as world:
        yield world


@pytest.fixture
async def browser(clinic: SimpleNamespace) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(clinic.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as client:
        yield client
