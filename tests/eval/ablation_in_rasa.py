"""Runs under Rasa's Python: client language with one part left out at a time. JSON in, JSON out.

In: {"test": [[text, question]]}. Out: {name: [talk]}: the whole as `config.yml` trains it, then without a part, each
trained anew on the same data.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bot.nlu.client_language_head as heads
from bot.embedding import Embedder
from bot.mi.client_language import decide
from bot.mi.cues import Cues
from bot.mi.language_signals import Signals, read
from bot.nlu.client_language import ClientLanguageClassifier, augmented
from bot.nlu.client_language_head import TalkHead
from bot.nlu.conversations import read as read_conversations
from tests.eval.nlu_examples import intent_examples

ROOT = Path(__file__).resolve().parents[2]
PARTS: Mapping[str, dict[str, Any]] = {
    "everything": {},
    "without the question": {"question": False},
    "without the question's words": {"blocks": {"before", "answers"}},
    "without the sentence embedding": {"dense": False},
    "without words and shapes": {"blocks": {"words", "shapes"}},
    "without letters": {"blocks": {"letters"}},
    "without the cues (the head alone)": {"cues": False},
    "without the head (the cues alone)": {"head": False},
    "without the coded conversations": {"conversations": False},
}


@contextmanager
def without_blocks(names: set[str]) -> Iterator[None]:
    """The heads know nothing of these blocks of terms."""
    blocks, terms = heads.BLOCKS, heads.terms
    heads.BLOCKS = {name: least for name, least in blocks.items() if name not in names}
    heads.terms = lambda *given: {name: found for name, found in terms(*given).items() if name not in names}
    try:
        yield
    finally:
        heads.BLOCKS, heads.terms = blocks, terms


def main() -> None:
    test = json.load(sys.stdin)["test"]
    component = ClientLanguageClassifier(ClientLanguageClassifier.get_default_config(), None, None)
    cues: Cues = component._cues
    labelled = augmented(component._labelled(intent_examples()))
    conversations = read_conversations(ROOT / "data/nlu/conversations")
    coded = [(c.text, c.previous or None, c.kind, component._config["conversation_weight"]) for c in conversations]
    texts = sorted({text for text, *_ in (*labelled, *coded)} | {text for text, _ in test})
    vectors = dict(zip(texts, Embedder(threads=2).embed(texts), strict=True))
    found = {}
    for name, part in PARTS.items():
        rows = labelled + (coded if part.get("conversations", True) else [])
        blocks = set(part.get("blocks", ())) | ({"before", "answers"} if not part.get("question", True) else set())
        with without_blocks(blocks):
            found[name] = predict(rows, test, cues, vectors, part)
        print(name, file=sys.stderr, flush=True)
    json.dump(found, sys.stdout)


def predict(
    rows: list[Any], test: list[Any], cues: Cues, vectors: Mapping[str, Any], part: dict[str, Any]
) -> list[str]:
    ask, dense, head = part.get("question", True), part.get("dense", True), None
    if part.get("head", True):
        seen = [(text, read(text, previous if ask else None, cues)) for text, previous, _, _ in rows]
        given = [vectors[text] for text, *_ in rows] if dense else None
        head = TalkHead(cues).fit(seen, [name for _, _, name, _ in rows], [weight for *_, weight in rows], given)
    talks = []
    for text, question in test:
        signals = read(text, question if ask else None, cues)
        scores = head.probabilities(text, signals, vectors[text] if dense else None) if head else None
        talks.append(alone(scores) if scores and not part.get("cues", True) else talk(text, signals, scores))
    return talks


def talk(text: str, signals: Signals, scores: Mapping[str, float] | None) -> str:
    return decide(text, signals, scores).talk


def alone(scores: Mapping[str, float]) -> str:
    """The head's own answer; a message with both sides counts for the likelier one."""
    best = max(scores, key=lambda name: scores[name])
    return best if best != "ambivalent" else max(("change", "sustain"), key=lambda name: scores[name])


if __name__ == "__main__":
    main()
