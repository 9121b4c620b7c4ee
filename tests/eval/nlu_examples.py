"""Runs under Rasa's Python: the intent examples of data/nlu, as Rasa reads them."""

from __future__ import annotations

from pathlib import Path

from rasa.shared.nlu.training_data.loading import load_data
from rasa.shared.nlu.training_data.message import Message

FOLDER = Path(__file__).resolve().parents[2] / "data" / "nlu"


def intent_examples() -> list[Message]:
    """Of every YAML file; the coded conversations beside them are in a format of their own."""
    return [example for path in sorted(FOLDER.rglob("*.yml")) for example in load_data(str(path)).intent_examples]
