"""The screener and the protocol with the project's own data, loaded once."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.safety.lines import CrisisLines
from bot.safety.protocol import Protocol
from bot.safety.screen import Screener

DATA = Path(__file__).parents[3] / "data" / "safety"


@pytest.fixture(scope="session")
def data() -> Path:
    return DATA


@pytest.fixture(scope="session")
def screener() -> Screener:
    return Screener.load(DATA)


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    return Protocol.load(DATA)


@pytest.fixture(scope="session")
def lines() -> CrisisLines:
    return CrisisLines.load(DATA)
