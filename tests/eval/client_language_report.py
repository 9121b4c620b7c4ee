"""Client language (change, sustain, neutral) as Rasa's pipeline finds it, beside baselines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.commands.annotate import rasa_alone
from bot.dialogue import RasaDialogue
from bot.settings import ROOT, Settings
from tests.eval import in_rasa, plots
from tests.eval.report import table
from tests.eval.statistics import bootstrap, class_figures, kappa, macro_f1, share

TYPED = Path(__file__).parent / "client_language" / "typed.jsonl"
SECOND = TYPED.with_name("second_coder.jsonl")
BINS = 5
TALK = ("change", "sustain", "neutral")
CLASSES = {"change_talk": "change", "sustain_talk": "sustain", "share": "neutral"}
"""The baseline learns from these intents' examples; those of `ambivalence` are of two classes at once."""


@dataclass(frozen=True)
class Item:
    """A client's message with the question before it, and its coded talk."""

    id: str
    conversation: str
    question: str
    text: str
    talk: str
    codes: frozenset[str] | None = None
    ambivalent: bool = False


@dataclass(frozen=True)
class Annotated:
    talk: str
    codes: frozenset[str]
    ambivalent: bool
    confidence: float = 0.0


async def section(settings: Settings, research: Path | None) -> str:
    """The whole section as Markdown; starts Rasa and stops it again."""
    items = typed()
    sets: list[tuple[str, list[Item]]] = []
    if research is not None:
        sets = [("AnnoMI (Wu et al. 2022), spoken", annomi(research)), ("AutoMISC's coded sessions", hlqc(research))]
    async with rasa_alone(settings) as rasa:
        asked = await annotate(rasa, items)
        alone = await annotate(rasa, items, with_question=False)
        others = [(name, public, await annotate(rasa, public)) for name, public in sets]
    baselines = run_baselines(settings, items)
    gold = [item.talk for item in items]
    lines = [
        ("Evoke, with the question before", *summary(items, [a.talk for a in asked])),
        ("Evoke, without it", *summary(items, [a.talk for a in alone])),
        ("TF-IDF and logistic regression on data/nlu", *summary(items, baselines["tfidf"])),
        ("length and place in the conversation alone", *summary(items, baselines["shape"])),
    ]
    parts = [
        "## Client language",
        f"`tests/eval/client_language/typed.jsonl`: {len(items)} typed messages in "
        f"{len({i.conversation for i in items})} conversations; three classes: change, sustain, neutral.",
        agreement(items),
        table(("", "macro-F1 (interval)", "kappa"), lines),
        table(("class", "precision", "recall", "F1", "n"), per_class(gold, [a.talk for a in asked])),
        codes(items, asked),
        reliability(items, asked),
        ablation(settings, items),
    ]
    if others:
        public_lines = [
            (name, len(public), *summary(public, [a.talk for a in found])) for name, public, found in others
        ]
        parts += ["### Public research data", table(("set", "n", "macro-F1 (interval)", "kappa"), public_lines)]
    return "\n\n".join(parts)


def typed() -> list[Item]:
    return [
        Item(r["id"], r["conversation"], r["question"], r["text"], r["talk"], frozenset(r["codes"]), r["ambivalent"])
        for r in _read(TYPED)
    ]


def agreement(items: Sequence[Item]) -> str:
    """How far the second coder, who saw neither the first one's codes nor the training data, came to the same."""
    second = {row["id"]: row for row in _read(SECOND)}
    pairs = [(item, second[item.id]) for item in items]
    one, two = [item.talk for item, _ in pairs], [row["talk"] for _, row in pairs]
    same = sum(a == b for a, b in zip(one, two, strict=True)) / len(pairs)
    both = sum(len((item.codes or frozenset()) & set(row["codes"])) for item, row in pairs)
    all_codes = sum(len(item.codes or ()) + len(set(row["codes"])) for item, row in pairs)
    marks = [str(item.ambivalent) for item, _ in pairs], [str(row["ambivalent"]) for _, row in pairs]
    return (
        f"Coded twice, blind: the talk agrees in {same:.3f} (kappa {kappa(one, two):.3f}), ambivalence with kappa "
        f"{kappa(*marks):.3f}, the codes with F1 {2 * both / all_codes:.3f}. Both coders were language models with the "
        "same codebook: people would agree less."
    )


def annomi(research: Path) -> list[Item]:
    items, before = [], ""
    for row in _read(research / "annomi_dev.jsonl"):
        if row["interlocutor"] == "therapist":
            before = row["utterance_text"]
        else:
            items.append(
                Item(str(len(items)), row["transcript_id"], before, row["utterance_text"], row["client_talk_type"])
            )
    return items


def hlqc(research: Path) -> list[Item]:
    talk = {"C": "change", "S": "sustain", "N": "neutral"}
    return [
        Item(str(n), str(r["conversation"]), r["previous"], r["text"], talk[r["tier1"]])
        for n, r in enumerate(_read(research / "hlqc_gold.jsonl"))
        if r["speaker"] == "client"
    ]


async def annotate(rasa: RasaDialogue, items: Sequence[Item], with_question: bool = True) -> list[Annotated]:
    found = []
    for item in items:
        parsed = await rasa.parse(item.text, item.question if with_question else "")
        language = parsed.get("client_language") or {}
        signed = frozenset(c["code"] + c["sign"] for c in language.get("codes", ()) if c["code"] != "other")
        found.append(
            Annotated(
                language.get("talk", "neutral"),
                signed,
                bool(language.get("ambivalent")),
                language.get("confidence", 0.0),
            )
        )
    return found


def summary(items: Sequence[Item], found: Sequence[str]) -> tuple[str, float]:
    """Macro-F1 with its interval, and kappa."""
    gold = [item.talk for item in items]

    def measure(numbers: Sequence[int]) -> float:
        return macro_f1([gold[n] for n in numbers], [found[n] for n in numbers], TALK)

    low, high = bootstrap([item.conversation for item in items], measure)
    return f"{macro_f1(gold, found, TALK):.3f} ({low:.3f} to {high:.3f})", kappa(gold, found)


def per_class(gold: Sequence[str], found: Sequence[str]) -> list[tuple[object, ...]]:
    figures = [(label, class_figures(gold, found, label)) for label in TALK]
    return [(label, f.precision, f.recall, f.f1, f.n) for label, f in figures]


def codes(items: Sequence[Item], found: Sequence[Annotated]) -> str:
    """DARN-CAT codes with their sign, counted over all messages (micro-F1); and ambivalence."""
    both = sum(len((i.codes or frozenset()) & a.codes) for i, a in zip(items, found, strict=True))
    claimed, real = sum(len(a.codes) for a in found), sum(len(i.codes or ()) for i in items)
    marks = [str(i.ambivalent) for i in items], [str(a.ambivalent) for a in found]
    ambivalence = class_figures(*marks, "True")
    return (
        f"DARN-CAT codes with their sign: precision {both / max(claimed, 1):.3f}, recall {both / max(real, 1):.3f} "
        f"over {real} codes. Ambivalent messages: precision {ambivalence.precision:.3f}, recall "
        f"{ambivalence.recall:.3f} of {ambivalence.n}."
    )


def reliability(items: Sequence[Item], found: Sequence[Annotated]) -> str:
    """Whether the confidence can be believed: five bins of about the same size, as a table and a plot."""
    pairs = sorted(zip(found, items, strict=True), key=lambda pair: pair[0].confidence)
    bins, lines = [], []
    for n in range(BINS):
        part = pairs[n * len(pairs) // BINS : (n + 1) * len(pairs) // BINS]
        right = share([a.talk == i.talk for a, i in part])
        mean = sum(a.confidence for a, _ in part) / len(part)
        bins.append((mean, right.value, *right.interval, right.n))
        lines.append((f"{part[0][0].confidence:.2f} to {part[-1][0].confidence:.2f}", f"{mean:.3f}", str(right)))
    error = sum(n * abs(mean - value) for mean, value, _, _, n in bins) / len(pairs)
    return "\n\n".join(
        [
            "### Confidence",
            f"Expected calibration error over {BINS} bins: {error:.3f}.",
            table(("confidence", "mean", "share right (interval)"), lines),
            plots.reliability(bins, "client-language-reliability"),
        ]
    )


def ablation(settings: Settings, items: Sequence[Item]) -> str:
    """Macro-F1 with one part left out at a time, everything else trained anew as it is."""
    found = in_rasa.answer_of(settings, "ablation_in_rasa.py", {"test": [[item.text, item.question] for item in items]})
    return "### Each part left out\n\n" + table(
        ("", "macro-F1 (interval)", "kappa"), [(name, *summary(items, talks)) for name, talks in found.items()]
    )


def run_baselines(settings: Settings, items: Sequence[Item]) -> dict[str, list[str]]:
    """Predictions of the baselines, made under Rasa's Python (scikit-learn is there)."""
    places: dict[str, int] = {}
    shape = []
    for item in items:
        places[item.conversation] = places.get(item.conversation, 0) + 1
        shape.append([len(item.text.split()), places[item.conversation]])
    given = {
        "train": training_examples(),
        "test": [item.text for item in items],
        "shape": shape,
        "gold": [item.talk for item in items],
        "groups": [item.conversation for item in items],
    }
    predicted: dict[str, list[str]] = in_rasa.answer_of(settings, "baseline_in_rasa.py", given)
    return predicted


def training_examples() -> list[tuple[str, str]]:
    """Text and class of the examples in data/nlu that carry a class."""
    examples = []
    for path in sorted((ROOT / "data" / "nlu").rglob("*.yml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8")).get("nlu", ()):
            if entry.get("intent") in CLASSES:
                examples += [(text, CLASSES[entry["intent"]]) for text in _texts(entry["examples"])]
    return examples


def _texts(examples: Any) -> list[str]:
    """Rasa writes examples as one text with dashes, or as a list of entries with metadata."""
    if isinstance(examples, str):
        return [line.strip()[2:].strip() for line in examples.splitlines() if line.strip().startswith("- ")]
    return [str(entry["text"]).strip() for entry in examples]


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
