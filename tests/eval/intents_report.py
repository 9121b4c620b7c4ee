"""Intents, cross-validated on data/nlu."""

from __future__ import annotations

from bot.settings import Settings
from tests.eval import in_rasa
from tests.eval.report import table
from tests.eval.statistics import class_figures, macro_f1


def section(settings: Settings) -> str:
    """The whole section as Markdown; some minutes under Rasa's Python."""
    answers = in_rasa.answer_of(settings, "intents_in_rasa.py")
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
