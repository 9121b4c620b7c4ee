"""Intents, cross-validated on data/nlu."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from bot.rasa_process import environment
from bot.settings import ROOT, Settings
from tests.eval.report import table
from tests.eval.statistics import class_figures, macro_f1


def section(settings: Settings) -> str:
    """The whole section as Markdown; some minutes under Rasa's Python."""
    done = subprocess.run(
        [str(settings.rasa_python), str(Path(__file__).parent / "intents_in_rasa.py")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**environment(), "PYTHONPATH": str(ROOT)},
    )
    answers = json.loads(done.stdout.splitlines()[-1])
    gold, found = answers["gold"], answers["found"]
    labels = sorted(set(gold))
    figures = sorted(((label, class_figures(gold, found, label)) for label in labels), key=lambda line: line[1].f1)
    lines = [(f"`{label}`", f.precision, f.recall, f.f1, f.n) for label, f in figures]
    return "\n\n".join(
        [
            "## Intents",
            f"Five-fold cross-validation on the {len(gold)} examples of data/nlu, {len(labels)} intents (the kinds of "
            f"talk about the change as one, `share`: client language tells them apart). Macro-F1 "
            f"{macro_f1(gold, found, labels):.3f}; out-of-scope recall "
            f"{class_figures(gold, found, 'out_of_scope').recall:.3f}. The weakest first:",
            table(("intent", "precision", "recall", "F1", "n"), lines),
        ]
    )
