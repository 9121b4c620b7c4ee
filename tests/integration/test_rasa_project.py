"""The checkout is a proper Rasa project: Rasa's own checks pass, under Rasa's own Python."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from bot.rasa_process import environment
from bot.settings import ROOT, Settings
from bot.training import DATA


def rasa(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`rasa …` at the root, as the application runs it."""
    command = [str(Settings().rasa_python), "-m", "bot.nlu.server", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=280)


def test_the_data_is_valid_without_a_warning() -> None:
    done = rasa("data", "validate", "--fail-on-warnings", "--data", *DATA)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_model_predicts_and_understands_what_it_was_taught(model: Path, tmp_path: Path) -> None:
    """The test stories, and a few sentences of every intent: how well new ones go is measured elsewhere."""
    sample = tmp_path / "nlu.yml"
    sample.write_text(_some_of_each(3))
    done = rasa(
        *("test", "--model", str(model), "--out", str(tmp_path), "--no-plot", "--fail-on-prediction-errors"),
        *("--stories", str(ROOT / "tests/stories/rasa"), "--nlu", str(sample)),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "intent_report.json").read_text())
    assert report["accuracy"] > 0.9


def _some_of_each(count: int) -> str:
    """The first examples of every intent of data/nlu, in Rasa's training format."""
    intents: dict[str, list[str]] = {}
    for file in sorted((ROOT / "data/nlu").rglob("*.yml")):
        for part in yaml.safe_load(file.read_text()).get("nlu", []):
            if "intent" in part:
                lines = [line[2:] for line in str(part["examples"]).splitlines() if line.startswith("- ")]
                intents.setdefault(part["intent"], []).extend(lines)
    if not intents:
        pytest.fail("no examples in data/nlu")
    nlu = [{"intent": name, "examples": "".join(f"- {t}\n" for t in texts[:count])} for name, texts in intents.items()]
    return str(yaml.safe_dump({"version": "3.1", "nlu": nlu}, default_style=None, width=1000))
