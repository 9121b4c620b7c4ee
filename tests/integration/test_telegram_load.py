"""A small part of `python -m tests.load.telegram`, which does 1,000 chats with 10 messages each."""

from __future__ import annotations

from pathlib import Path

import pytest

import bot.app
from tests.fakes import stack as stacks
from tests.load.telegram import run


@pytest.mark.parametrize("mode", ["polling", "webhook"])
def test_many_chats_at_once_lose_double_and_reorder_nothing(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.app, "load_core", stacks.core)
    outcome = run(tmp_path, chats=40, messages=5, mode=mode, restarts=1)
    assert outcome.is_good, outcome.line()
    assert outcome.repeated
