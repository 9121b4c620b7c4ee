"""bot/nlu under Rasa's own Python: every check of in_rasa.py, in one process of that environment."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CHECKS = re.findall(r"^    (\w+),$", (Path(__file__).parent / "in_rasa.py").read_text().split("CHECKS = [")[1], re.M)


@pytest.fixture(scope="module")
def outcome() -> dict[str, str]:
    """Check -> "ok", or what went wrong."""
    python = Path(os.environ.get("EVOKE_RASA_PYTHON") or ROOT / ".venv-rasa/bin/python")
    if not python.exists():
        pytest.fail(f"{python} is missing: run `make setup`.")
    quiet = {"PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3", "SQLALCHEMY_SILENCE_UBER_WARNING": "1"}
    told = subprocess.run(
        [python, Path(__file__).parent / "in_rasa.py"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **quiet},
        timeout=280,
    )
    lines = [line.split(" ", 2) for line in told.stdout.splitlines() if line.startswith(("ok ", "failed "))]
    return {name: " ".join(["ok"] if word == "ok" else rest) for word, name, *rest in lines} or {"": told.stderr}


@pytest.mark.parametrize("check", CHECKS)
def test_in_rasas_environment(check: str, outcome: dict[str, str]) -> None:
    assert outcome.get(check, outcome) == "ok"
