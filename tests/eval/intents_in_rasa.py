"""Runs under Rasa's Python: five-fold cross-validation of the intent classifier on data/nlu. JSON out.

As in `config.yml`, the kinds of talk are learnt as one, under the name `share`. Out: {"gold": [...], "found": [...]}.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import yaml
from rasa.shared.nlu.constants import INTENT, TEXT
from sklearn.model_selection import StratifiedKFold

from bot.embedding import Embedder
from bot.nlu.intents import IntentModel, Settings
from tests.eval.nlu_examples import intent_examples

ROOT = Path(__file__).resolve().parents[2]
FOLDS = 5


def main() -> None:
    pipeline = yaml.safe_load((ROOT / "config.yml").read_text(encoding="utf-8"))["pipeline"]
    config = next(part for part in pipeline if part["name"].endswith("IntentClassifier"))
    together = config["together"]
    examples = intent_examples()
    texts = [example.get(TEXT) for example in examples]
    labels = np.array([together[0] if e.get(INTENT) in together else e.get(INTENT) for e in examples])
    vectors = Embedder(threads=2).embed(texts)
    found = np.empty(len(texts), dtype=object)
    settings = Settings(boost=tuple(sorted(config["boost"].items())))
    for learn, test in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(texts, labels):
        model = IntentModel.fit([texts[i] for i in learn], vectors[learn], labels[learn], settings)
        odds = model.probabilities([texts[i] for i in test], vectors[test])
        found[test] = np.array(model.intents)[odds.argmax(axis=1)]
    json.dump({"gold": labels.tolist(), "found": found.tolist()}, sys.stdout)


if __name__ == "__main__":
    main()
