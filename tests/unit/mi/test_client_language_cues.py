"""The cue tables and the learned head's file: what is refused, and that nothing is slow."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from bot.mi.client_language import CLASSES, annotate
from bot.mi.cues import CueError, Cues
from bot.mi.language_signals import read
from bot.nlu.client_language_head import TalkHead, shape

PATH = Path(__file__).parents[3] / "data" / "mi" / "cues.yml"
CUES = Cues.load(PATH)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("code: desire", "code: wish", "attitudes[0]"),
        ("<very>", "<vary>", "vary"),
        ("negators: >-", "negaters: >-", "negators"),
        ("\nspelling:", "\nspeling:", "spelling"),
    ],
)
def test_a_wrong_table_is_named_with_its_file(tmp_path: Path, old: str, new: str, named: str) -> None:
    broken = tmp_path / "cues.yml"
    broken.write_text(PATH.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CueError) as error:
        Cues.load(broken)
    assert "cues.yml" in str(error.value)
    assert named in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CueError, match="nowhere"):
        Cues.load(tmp_path / "nowhere.yml")


@pytest.mark.parametrize("text", ["i want to " * 400, "not " * 1000, "if i quit " * 400, "a" * 4096, "but , " * 600])
def test_long_text_takes_no_long_time(text: str) -> None:
    started = time.perf_counter()
    annotate(text[:4096], "what do you like about it? " * 20, cues=CUES)
    assert time.perf_counter() - started < 1.0


def test_the_topic_is_taken_out_of_a_shape() -> None:
    assert shape("i want to quit ", CUES).split() == ["i", "want", "to", "CHANGE"]


def test_a_head_reads_its_file_and_weighs_terms(tmp_path: Path) -> None:
    path = tmp_path / "talk_head.json"
    path.write_text(
        json.dumps(
            {
                "format": 2,
                "classes": list(CLASSES),
                "base": [0, 0, 0, 0],
                "tables": {
                    "words": {"scissors": [1.0, 3.0, 0, 0, 0]},
                    "shapes": {},
                    "letters": {},
                    "before": {},
                    "answers": {},
                },
                "cues": {},
                "dense": [],
            }
        ),
        encoding="utf-8",
    )
    head = TalkHead.load(path, CUES)
    found = head.probabilities("scissors", read("scissors", None, CUES))
    assert sum(found.values()) == pytest.approx(1)
    assert max(found, key=lambda name: found[name]) == CLASSES[0]


def test_a_head_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "talk_head.json"
    path.write_text('{"format": 99}', encoding="utf-8")
    with pytest.raises(ValueError, match="99"):
        TalkHead.load(path, CUES)
