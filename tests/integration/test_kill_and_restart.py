"""kill -9 under load: every acknowledged message is answered once and in order; no case, hold or page twice.

The many kills meet a stand-in of Rasa (tests/fakes/rasa_server.py), which is up in an instant; one of the bot and
one of Rasa meet the real one. `python -m tests.load.kills --kills 50` does more of it.
"""

from __future__ import annotations

from pathlib import Path

from tests.load.kills import run


def test_killing_bot_and_rasa_at_random_moments_loses_and_doubles_nothing(tmp_path: Path) -> None:
    outcome = run(tmp_path, bot_kills=3, rasa_kills=3, clients=3, seed=7)
    assert outcome.is_good, outcome.line()
    assert outcome.acknowledged > 20


def test_the_real_rasa_comes_back_by_itself_and_with_the_bot(tmp_path: Path, model: Path) -> None:
    outcome = run(tmp_path, bot_kills=1, rasa_kills=1, clients=2, seed=3, real=True)
    assert outcome.is_good, outcome.line()
