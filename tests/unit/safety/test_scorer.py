"""The learned second opinion: what it reads, how it adds up, and what it may do to the rules' verdict."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.safety.content import SafetyContentError, read
from bot.safety.features import Mark, rule_features, word_features
from bot.safety.opinion import Opinion, load_opinion
from bot.safety.scorer import ANY, HEADS, STEPS, SUBJECTS, Score, Scorer, ScorerError, probability
from bot.safety.screen import Screener
from bot.safety.tiers import KINDS, Evidence, Tier
from bot.safety.windows import BLOCK_WORDS, PART_WORDS, Block, Piece, blocks

FILLER = "Yesterday we walked along the canal and talked about the garden and the neighbours. "


Array = np.ndarray[Any, np.dtype[np.float32]]


def heads(**weights: float) -> list[float]:
    """One weight for each head: that of its subject."""
    return [weights.get(subject, 0.0) for subject, _ in HEADS]


class Says:
    """An embedding of one number: 1 where a word occurs, else 0. It remembers what it was asked."""

    def __init__(self, word: str) -> None:
        self.word, self.asked = word, 0

    def __call__(self, text: str, places: Sequence[tuple[int, int]]) -> Array:
        self.asked += 1
        pieces = [text, *(text[start:end] for start, end in places)]
        # Like the real one, a long text dilutes what one of its words says.
        found = [[min(1.0, 20 / len(piece.split())) if self.word in piece else 0.0] for piece in pieces]
        return np.array(found, dtype=np.float32)


def scorer(embed: Says, strength: float = 12.0, bias: float = -6.0) -> Scorer:
    """Sure of abuse where the embedding says 1, sure of nothing elsewhere."""
    return Scorer([bias] * len(HEADS), [[w] for w in heads(any=strength, abuse=strength)], {}, embed)


@pytest.fixture(scope="module")
def opinion(data: Path) -> Opinion:
    return load_opinion(read(data / "scorer.yml"))


def read_blocks(screener: Screener, text: str) -> list[Block]:
    found = screener.find(text)
    return list(blocks(found.folded, found.sentences))


def test_a_short_message_is_read_as_one_piece(screener: Screener) -> None:
    (block,) = read_blocks(screener, "I want to drink less, honestly.")
    assert block.text == "i want to drink less, honestly."
    assert block.parts == ()


def test_every_word_of_a_long_message_is_in_a_part(screener: Screener) -> None:
    text = "I went out, because it was late. " * 40
    found = read_blocks(screener, text)
    assert all(len(block.whole.words) <= BLOCK_WORDS * 2 for block in found)
    spans = [part.span for block in found for part in block.parts]
    assert [text[a:b].strip(" ,.").count("I went") >= 1 for a, b in spans]
    assert all(len([word for word in part.words if word != "."]) <= PART_WORDS + 3 for b in found for part in b.parts)
    assert [one[0] for one in spans] == sorted(one[0] for one in spans)


def test_parts_lie_where_they_say(screener: Screener) -> None:
    text = "Well\u200b I was at w\u043erk all day and it was fine. " + FILLER * 3
    for block in read_blocks(screener, text):
        for part in block.parts:
            start, end = part.place
            assert block.text[start:end].split()[0] == text[part.span[0] :].split()[0].lower().replace("\u200b", "")


def test_a_message_without_words_has_no_score(screener: Screener) -> None:
    assert scorer(Says("x")).score(read_blocks(screener, "?!  ...")) == {}


def test_one_clause_in_a_long_message_is_seen(screener: Screener) -> None:
    text = FILLER * 6 + "He locks the kitchen when he leaves for work. " + FILLER * 6
    scores = scorer(Says("kitchen")).score(read_blocks(screener, text))
    assert scores["abuse"].probability > 0.9
    start, end = scores["abuse"].span
    assert "kitchen" in text[start:end]
    assert end - start < 200


def test_a_graver_tier_is_never_likelier_than_a_lesser_one() -> None:
    biases = [float(number) for number in range(len(HEADS))]
    found = Scorer(biases, [[0.0]] * len(HEADS), {}, Says("x"))
    piece = Piece(("a",), (0, 1), (0, 1))
    for score in found.score([Block("a", piece, ())]).values():
        chances = [score.at_least[step] for step in STEPS]
        assert chances == sorted(chances, reverse=True)


def test_words_and_rules_count() -> None:
    words = {"thin ice": [*heads(any=100), 1.0], "rule:ice": heads(any=3)}
    found = Scorer([0.0] * len(HEADS), [[0.0]] * len(HEADS), words, Says("x"))
    block = Block("thin ice", Piece(("thin", "ice"), (0, 8), (0, 8)), ())
    plain = found.score([block])[ANY].probability
    assert plain > 0.9
    assert found.score([block], [Mark("ice", "self", Tier.HIGH, 5, 8)])[ANY].probability > plain
    assert found.score([block], [Mark("ice", "self", Tier.HIGH, 50, 60)])[ANY].probability == plain


def test_features_name_each_thing_once() -> None:
    assert word_features(("a", "b", "a")) == ["a", "b", "a b", "b a", "a b a"]
    mark = Mark("plan", "past", Tier.CHECK_IN, 0, 4)
    assert rule_features([mark, mark], Piece(("x",), (0, 9), (0, 9))) == ["rule:plan", "rule:plan:past:1", "tier:1"]


@pytest.mark.parametrize("log_odds", [-1e9, 0.0, 1e9])
def test_no_number_is_too_large(log_odds: float) -> None:
    assert 0 <= probability(log_odds) <= 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no risk model"),
        ("{", "cannot be read"),
        ("[]", "another version"),
        ('{"heads": []}', "another"),
    ],
)
def test_a_model_that_cannot_be_used_says_what_to_do(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "risk.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ScorerError, match=rf"{message}.*evoke train"):
        Scorer.load(path, Says("x"))


def test_a_model_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "risk.json"
    names = [f"{kind} {tier.label}" for kind, tier in HEADS]
    row = {"heads": names, "biases": [1.0] * len(HEADS), "vectors": [[0.5]] * len(HEADS), "words": {}}
    path.write_text(json.dumps(row))
    piece = Piece(("a",), (0, 1), (0, 1))
    assert set(Scorer.load(path, Says("a")).score([Block("a", piece, ())])) == set(SUBJECTS)


# -- with the rules -------------------------------------------------------------------------------------------------


def scores(tier_chances: Sequence[float], kind: str = "abuse") -> dict[str, Score]:
    sure = Score(dict(zip(STEPS, tier_chances, strict=True)), (0, 4))
    unsure = Score(dict.fromkeys(STEPS, 0.0), (0, 4))
    return {subject: sure if subject in (ANY, kind) else unsure for subject in SUBJECTS}


@pytest.mark.parametrize("kind", KINDS)
def test_each_line_raises_to_its_tier(opinion: Opinion, kind: str) -> None:
    lines = opinion.raising[kind]
    for number, step in enumerate(STEPS, 1):
        chances = [lines[one] if place < number else 0.0 for place, one in enumerate(STEPS)]
        (found,) = opinion.raised(scores(chances, kind), "text of the message")
        assert (found.kind, found.tier, found.text) == (kind, step, "text")
        assert found.rule.startswith("scorer 0.")
    assert not list(opinion.raised(scores((lines[Tier.CHECK_IN] - 0.01, 0, 0), kind), "text"))
    assert not list(opinion.raised({}, ""))


def test_only_weak_rules_are_lowered(opinion: Opinion) -> None:
    weak, strong = Evidence("suicide", Tier.HIGH, "x", "plan"), Evidence("suicide", Tier.MODERATE, "x", "not_waking")
    opinion = replace(opinion, strong=frozenset(["not_waking"]), lowering={Tier.CHECK_IN: 0.3, Tier.NONE: 0.1})
    assert opinion.lowered([weak], scores((0.05, 0, 0))) == []
    assert [found.tier for found in opinion.lowered([weak], scores((0.2, 0, 0)))] == [Tier.CHECK_IN]
    assert opinion.lowered([weak], scores((0.4, 0, 0))) == [weak]
    assert opinion.lowered([weak, strong], scores((0.0, 0, 0))) == [weak, strong]
    assert opinion.lowered([weak], {}) == [weak]


def test_the_screen_says_what_the_scorer_found(data: Path) -> None:
    text = "My boyfriend keeps the kitchen locked."
    assert Screener.load(data).screen(text).tier == Tier.NONE
    verdict = Screener.load(data, scorer(Says("kitchen"))).screen(text)
    assert verdict.tier == Tier.HIGH
    assert verdict.kinds == ("abuse",)
    assert verdict.evidence[0].text == text.rstrip(".")


def test_a_sure_scorer_takes_back_what_a_weak_rule_said(data: Path, opinion: Opinion) -> None:
    text = "I self harm"
    (weak, *_) = Screener.load(data).screen(text).evidence
    assert weak.rule not in opinion.strong
    sure = Screener.load(data, scorer(Says("kitchen")))
    assert sure.screen(text).tier == Tier.NONE


def test_nothing_is_taken_back_soon_after_something_grave(data: Path) -> None:
    sure = Screener.load(data, scorer(Says("kitchen")))
    history = ["I have thought about killing myself"]
    assert sure.screen("I self harm", history) == Screener.load(data).screen("I self harm", history)


def test_a_strong_rule_stands_and_the_scorer_is_not_asked(data: Path) -> None:
    embed = Says("kitchen")
    text = "I just took a whole bottle of pills"
    verdict = Screener.load(data, scorer(embed)).screen(text)
    assert verdict == Screener.load(data).screen(text)
    assert verdict.tier == Tier.IMMINENT
    assert embed.asked == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("also_named:", "also_called:", "also_called: unknown key"),
        ("check_in: 0.60", "check_in: 3", r"lower\.check_in: must be a probability"),
        ("  suicide:", "  sadness:", r"raise\.sadness: unknown key"),
        ("also_named: 0.50", "also_named: yes", r"also_named: must be a probability"),
    ],
)
def test_a_mistake_in_the_table_names_the_key(tmp_path: Path, data: Path, old: str, new: str, message: str) -> None:
    text = (data / "scorer.yml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "scorer.yml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SafetyContentError, match=message):
        load_opinion(read(tmp_path / "scorer.yml"))
