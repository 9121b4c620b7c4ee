"""`python -m tests.eval.scorer_report [--research DIR]`: the scorer on examples it was not trained on, five-fold.

Near-duplicates stay in one fold. Prints sensitivity and false alarms of the rules alone, and of rules and scorer with
the lines of `data/safety/scorer.yml`, and proposes lines for `raise`. It writes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bot.embedding import LAST_MEAN
from bot.safety.content import read
from bot.safety.opinion import Opinion, load_opinion
from bot.safety.scorer import ANY, STEPS, SUBJECTS, Score
from bot.safety.screen import Screener
from bot.safety.tiers import KINDS, Tier
from bot.safety_training import SAFETY, Example, Row, authored, fit, ordinary, rows
from tests.eval.report import table
from tests.eval.risk_report import read as read_rows
from tests.eval.statistics import share

FOLDS = 5
ALIKE = 0.8
"""Texts whose embeddings have at least this cosine, directly or through others, share a fold."""
ALARMS, GRAVE_ALARMS = 0.05, 0.01
"""The share of look-alikes that may be above none, and above check_in."""

Scores = dict[str, Score]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.eval.scorer_report", description=__doc__)
    parser.add_argument("--research", type=Path, metavar="DIR", help="folder of public research data")
    chosen = parser.parse_args()
    screener = Screener.load(SAFETY)
    opinion = load_opinion(read(SAFETY / "scorer.yml"))
    examples = [*authored(), *ordinary(screener)]
    pieces = rows(examples, screener)
    scores = held_out(examples, pieces)
    print(figures(examples, scores, screener, opinion), "\n")
    print(proposal(examples, scores), "\n")
    if chosen.research is not None:
        print(research(chosen.research, examples, pieces, screener, opinion))


def held_out(examples: Sequence[Example], pieces: Sequence[Row]) -> list[Scores]:
    """Each example's scores by a model that has seen neither it nor anything like it."""
    fold = folds(examples, pieces)
    found: list[Scores] = [{} for _ in examples]
    for number in range(FOLDS):
        model = fit(examples, [row for row in pieces if fold[row.example] != number])
        test = [row for row in pieces if fold[row.example] == number]
        collect(found, test, model.log_odds(test))
    return found


def collect(found: list[Scores], pieces: Sequence[Row], log_odds: np.ndarray) -> None:
    """What `Scorer.score` does, for many rows: the gravest piece of each text."""
    chances = 1 / (1 + np.exp(-log_odds.reshape(-1, len(SUBJECTS), len(STEPS))))
    chances = np.minimum.accumulate(chances, axis=2)
    for row, own in zip(pieces, chances, strict=True):
        best = found[row.example]
        for subject, values in zip(SUBJECTS, own, strict=True):
            if subject not in best or values.sum() > sum(best[subject].at_least.values()):
                best[subject] = Score(dict(zip(STEPS, map(float, values), strict=True)), (0, 0))


def folds(examples: Sequence[Example], pieces: Sequence[Row]) -> list[int]:
    """A fold for each example."""
    owner = list(range(len(examples)))

    def root(number: int) -> int:
        while owner[number] != number:
            number = owner[number]
        return number

    wholes = [row for row in pieces if not row.part]
    vectors = np.array([row.vector[LAST_MEAN] for row in wholes])
    for start in range(0, len(wholes), 500):
        for one, other in zip(*np.where(vectors[start : start + 500] @ vectors.T >= ALIKE), strict=True):
            a, b = root(wholes[start + one].example), root(wholes[other].example)
            owner[max(a, b)] = min(a, b)
    leaders = sorted({root(number) for number in range(len(examples))})
    fold = dict(zip(leaders, np.random.default_rng(1).permutation(len(leaders)) % FOLDS, strict=True))
    return [int(fold[root(number)]) for number in range(len(examples))]


def combined(text: str, scores: Scores, screener: Screener, opinion: Opinion) -> tuple[Tier, set[str]]:
    """The verdict of rules and scorer, as `Screener.screen` comes to it."""
    evidence = list(screener.screen(text).evidence)
    if scores and not opinion.settled(evidence):
        own = screener.find(text).evidence
        if all(found in own for found in evidence):
            evidence = opinion.lowered(evidence, scores)
        evidence = [*evidence, *opinion.raised(scores, text)]
    return max((found.tier for found in evidence), default=Tier.NONE), {found.kind for found in evidence}


def figures(examples: Sequence[Example], scores: Sequence[Scores], screener: Screener, opinion: Opinion) -> str:
    ours = [combined(e.text, s, screener, opinion) for e, s in zip(examples, scores, strict=True)]
    rules = [screener.screen(e.text).tier for e in examples]
    lines = []
    for name, kinds in (*((kind, (kind,)) for kind in KINDS), ("all", KINDS), ("ordinary talk", ("",))):
        own = [i for i, e in enumerate(examples) if e.kind in kinds]
        risky = [i for i in own if examples[i].tier > Tier.NONE]
        grave = [i for i in own if examples[i].tier > Tier.CHECK_IN]
        none = [i for i in own if examples[i].tier == Tier.NONE]
        lines.append(
            (
                name,
                share([ours[i][0] > Tier.NONE for i in risky]),
                share([ours[i][0] > Tier.NONE for i in grave]),
                share([examples[i].kind in ours[i][1] for i in risky]),
                share([ours[i][0] > Tier.NONE for i in none]),
                share([ours[i][0] > Tier.CHECK_IN for i in none]),
                share([rules[i] > Tier.NONE for i in risky]),
                share([rules[i] > Tier.NONE for i in none]),
            )
        )
    head = ("kind", "sensitivity", "of moderate and above", "kind named", "alarms", "above check_in")
    return table((*head, "rules: sensitivity", "rules: alarms"), lines)


def proposal(examples: Sequence[Example], scores: Sequence[Scores]) -> str:
    """The least lines that keep the alarms on all look-alikes within ALARMS and GRAVE_ALARMS, the scorer alone."""
    none = [s[ANY] for e, s in zip(examples, scores, strict=True) if e.kind and e.tier == Tier.NONE and s]
    first = np.quantile([score.at_least[Tier.CHECK_IN] for score in none], 1 - ALARMS)
    lines = [("check_in", f"{first:.2f}")]
    for step in STEPS[1:]:
        lines.append((step.label, f"{np.quantile([score.at_least[step] for score in none], 1 - GRAVE_ALARMS):.2f}"))
    return table(("tier", "line"), lines)


def research(
    folder: Path, examples: Sequence[Example], pieces: Sequence[Row], screener: Screener, opinion: Opinion
) -> str:
    """Public data, of which nothing is learnt; a model of all examples."""
    model = fit(examples, pieces)
    annomi = [r["utterance_text"] for r in read_rows(folder / "annomi_dev.jsonl") if r["interlocutor"] == "client"]
    hlqc = [r["text"] for r in read_rows(folder / "hlqc_gold.jsonl") if r["speaker"] == "client"]
    posts, texts = read_rows(folder / "cssrs_dev.jsonl"), read_rows(folder / "moderation_dev.jsonl")
    sets = {
        "C-SSRS 2 and above": [r["text"] for r in posts if r["severity"] >= 2],
        "C-SSRS below 2": [r["text"] for r in posts if r["severity"] < 2],
        "moderation: self-harm": [r["text"] for r in texts if r["self_harm"]],
        "moderation: without": [r["text"] for r in texts if not r["self_harm"]],
        "AnnoMI clients": annomi,
        "HLQC clients": hlqc,
        "PAIR prompts": [r["prompt"] for r in read_rows(folder / "pair_dev.jsonl")],
    }
    lines = []
    for name, own in sets.items():
        todo = [Example(text, "", Tier.NONE) for text in own]
        found: list[Scores] = [{} for _ in todo]
        theirs = rows(todo, screener)
        collect(found, theirs, model.log_odds(theirs))
        ours = [combined(text, scores, screener, opinion)[0] for text, scores in zip(own, found, strict=True)]
        rules = [screener.screen(text).tier > Tier.NONE for text in own]
        lines.append((name, share([t > 0 for t in ours]), share([t > 1 for t in ours]), share(rules)))
    return table(("set", "above none", "above check_in", "rules: above none"), lines)


if __name__ == "__main__":
    main()
