"""`evoke fidelity`: what goes in, what comes out, and what a bad line does."""

import io
import json
from typing import Any

import pytest

from bot.commands import fidelity as module


@pytest.fixture(autouse=True)
def _no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_reflect", lambda text, kinds: None)


def run(*lines: Any) -> tuple[int, list[dict[str, Any]]]:
    out = io.StringIO()
    status = module.fidelity([line if isinstance(line, str) else json.dumps(line) for line in lines], out)
    return status, [json.loads(line) for line in out.getvalue().splitlines()]


def turn(name: str, number: int, client: str, reply: str, *moves: str, process: str = "evoke") -> dict[str, Any]:
    return {
        "conversation_id": name,
        "turn": number,
        "client": client,
        "replies": [reply],
        "moves": list(moves),
        "process": process,
        "tier": "none",
    }


def test_one_line_a_conversation_and_an_overall_one() -> None:
    status, rows = run(
        turn("a", 1, "i drink", "You drink.", "simple_reflection:reflection.simple"),
        turn("b", 1, "hello", "What brings you?", "open_question:engage.open", process="engage"),
    )
    assert status == 0
    assert [row["conversation_id"] for row in rows] == ["a", "b", "overall"]
    assert rows[2]["counts"]["client_turns"] == 2
    assert rows[2]["reflections_to_questions"] == 1.0
    assert rows[2]["evoke"]["counts"]["open_question"] == 0
    assert rows[0]["turns"][0]["codes"][0]["code"] == "simple_reflection"


def test_free_text_becomes_volleys() -> None:
    said = [
        ("therapist", "What brings you here?"),
        ("client", "My wife says I drink too much."),
        ("counsellor", "She worries about you."),
        ("counsellor", "You should stop drinking."),
        ("client", "Whatever."),
    ]
    status, rows = run(*({"conversation_id": 7, "speaker": s, "text": t} for s, t in said))
    assert status == 0
    first = rows[0]
    assert first["counts"]["client_turns"] == 2
    assert first["mi_non_adherent"] == 1
    assert [code["code"] for code in first["turns"][0]["codes"]] == ["open_question"]
    assert "evoke" not in first
    assert "stronger" in first["turns"][1]


@pytest.mark.parametrize(
    "line",
    ["{nonsense", "[]", {"speaker": "client", "text": "x"}, {"conversation_id": "a", "speaker": "dog", "text": "x"}],
)
def test_a_bad_line_is_answered_and_the_rest_is_done(line: Any) -> None:
    status, rows = run(line, {"conversation_id": "a", "speaker": "therapist", "text": "What happened?"})
    assert status == 1
    assert "error" in rows[0]
    assert rows[1]["counts"]["open_question"] == 1


def test_nothing_in_gives_an_empty_overall() -> None:
    status, rows = run()
    assert status == 0
    assert rows == [rows[0]]
    assert rows[0]["conversation_id"] == "overall"
    assert rows[0]["reflections_to_questions"] is None
