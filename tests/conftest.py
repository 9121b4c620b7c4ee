"""The running Evoke that tests share. EVOKE_MODEL names a trained model; without it the present data's is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

import bot.app
from bot.logs import configure
from bot.settings import Settings
from bot.training import train
from tests.fakes import stack as stacks
from tests.fakes.dialogue import FakeDialogue
from tests.fakes.stack import Stack, settings_for
from tests.fakes.telegram_api import TelegramApi

TOKEN = "4242:test-token"


@pytest.fixture(scope="session")
def telegram_api() -> Iterator[TelegramApi]:
    """Where the shared `stack` takes its messages: two stacks on one would take them from each other."""
    api = TelegramApi().start()
    yield api
    api.stop()


@pytest.fixture(scope="module")
def own_telegram_api() -> Iterator[TelegramApi]:
    """For a stack of one's own."""
    api = TelegramApi().start()
    yield api
    api.stop()


@pytest.fixture(scope="session")
def model() -> Path:
    """The trained model, made first if the present data has none."""
    return train(Settings(), lambda step: None)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, telegram_api: TelegramApi, model: Path) -> Iterator[Stack]:
    """Everything real, Rasa included; Telegram's server is the local stand-in. Shared: leave it as it was."""
    home = tmp_path_factory.mktemp("stack")
    settings = settings_for(home, model=model, telegram_token=TOKEN, telegram_base_url=telegram_api.base_url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bot.app, "load_core", stacks.core)
        with Stack(settings) as running:
            yield running


@pytest.fixture
def dialogue() -> FakeDialogue:
    return FakeDialogue()


@pytest.fixture
def make_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stack]]:
    """`make_stack(dialogue=…, screen=…, **settings)` starts a stack of one's own; it is stopped afterwards."""
    made: list[Stack] = []

    def make(*, dialogue: Any = None, screen: Any = None, clock: Any = bot.app.utc_now, **changes: Any) -> Stack:
        monkeypatch.setattr(bot.app, "load_core", stacks.core)
        settings = settings_for(tmp_path / "home", **changes)
        made.append(Stack(settings, dialogue=dialogue, screen=screen, clock=clock).start())
        return made[-1]

    yield make
    for stack in made:
        stack.stop()


@pytest.fixture
def fake_dialogue_stack(make_stack: Callable[..., Stack], dialogue: FakeDialogue) -> Stack:
    """Everything real but Rasa."""
    return make_stack(dialogue=dialogue)


@pytest.fixture(scope="session", autouse=True)
def _quiet_logs() -> Iterator[None]:
    """Evoke's own log lines go to standard error, which pytest shows with a failure."""
    configure("WARNING")
    yield
    structlog.reset_defaults()
