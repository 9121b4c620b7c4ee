"""`evoke train`: trains the Rasa model under Rasa's own Python, with a progress display, and swaps it in whole."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from bot.fingerprint import fingerprint as fingerprint  # others take it from here
from bot.rasa_process import RasaError, environment
from bot.settings import ROOT, Settings

DATA = ("data/nlu", "data/rules", "data/stories")
SOURCES = (
    *(
        "config.yml",
        "domain.yml",
        "data/nlu/**/*.yml",
        "data/nlu/conversations/*.txt",
        "data/rules/*.yml",
        "data/stories/*.yml",
        "data/mi/cues.yml",
    ),
    *(
        "bot/nlu/client_language*.py",
        "bot/nlu/conversations.py",
        "bot/nlu/intents.py",
        "bot/nlu/sentence_embedding.py",
        "bot/embedding.py",
    ),
    *("bot/mi/client_language.py", "bot/mi/cues.py", "bot/mi/language_*.py"),
)
"""Everything a model depends on, as patterns from the root."""
KEEP = 2
STEPS = (
    # what Rasa's log says, and what the display says then
    ("SentenceEmbedding", "reading sentences"),
    ("IntentClassifier", "learning intents"),
    ("ClientLanguageClassifier", "learning client language"),
    ("RulePolicy", "checking rules and stories"),
    ("MemoizationPolicy", "learning stories"),
)


def model_path(settings: Settings) -> Path:
    """The model that the settings name, or else where the model of the present data is, once it is trained."""
    if settings.model is not None:
        return settings.model
    return settings.models / f"evoke-{fingerprint(SOURCES)}.tar.gz"


def train(settings: Settings, progress: Callable[[str], None], force: bool = False) -> Path:
    """Trains if the present data has no model yet; an interrupted training leaves no half model behind.

    Args:
        progress: is told what happens.

    Raises:
        RasaError: Rasa's environment is missing, or training failed; the message ends with Rasa's own words.
    """
    target = model_path(settings)
    if settings.model is not None and not target.exists():
        raise RasaError(f"There is no model {target}: correct EVOKE_MODEL, or leave it out to have one trained.")
    if target.exists() and not force:
        return target
    if not settings.rasa_python.exists():
        raise RasaError(f"Rasa's environment is missing ({settings.rasa_python}): run `make setup`.")
    settings.models.mkdir(parents=True, exist_ok=True)
    work = settings.models / "unfinished"
    work.mkdir(exist_ok=True)
    command = [
        *(str(settings.rasa_python), "-m", "bot.nlu.server", "train"),
        *("--data", *DATA, "--out", str(work), "--fixed-model-name", target.stem.removesuffix(".tar")),
    ]
    said: list[str] = []
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.rstrip())
            step = next((words for mark, words in STEPS if mark in line and "Starting to train" in line), None)
            if step:
                progress(step)
    made = work / target.name
    if process.returncode != 0 or not made.exists():
        errors = [line for line in said if "rror" in line or line.startswith("- ")][-3:] or said[-3:]
        raise RasaError("Training failed: " + " ".join(errors)[-600:])
    os.replace(made, target)
    for old in sorted(settings.models.glob("evoke-*.tar.gz"), key=lambda p: p.stat().st_mtime)[:-KEEP]:
        old.unlink()
    return target
