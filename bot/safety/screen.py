"""Screen one message for risk, on its raw text, without a network or a clock.

text -> plain sentences -> idioms masked -> rules -> how it was said -> combinations -> hints, with history
-> the scorer's opinion, which raises what the rules do not know and lowers what only weak ones say; it reads the
message, and with the last ones before it as one text
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.safety.content import Section, read
from bot.safety.context import Context
from bot.safety.features import Mark
from bot.safety.fold import Folded, Folder
from bot.safety.history import Hint, Thresholds, distinct_points, load_thresholds, recent, tier_of
from bot.safety.normalise import Digit, Normaliser, Sentence
from bot.safety.opinion import Opinion, load_opinion
from bot.safety.repair import Repair
from bot.safety.rules import Combination, Hit, Rule, RuleBook, load_rules
from bot.safety.scorer import Score, Scorer
from bot.safety.tiers import KINDS, NOTHING, Evidence, Tier, Verdict
from bot.safety.vocabulary import Vocabulary
from bot.safety.windows import blocks

_MASK = "x"
_HINT_RULE = "hints"
IDIOM = "idiom"
_TALK_TURNS, _TALK_WORDS = 3, 80  # messages that the scorer reads as one text, and words of it
_SPLIT_LENGTH = 60  # characters; a sentence is only cut in two by somebody who types short messages


@dataclass(frozen=True)
class Findings:
    """What the rules find in one text: `marks` are all their matches, also those that amount to nothing."""

    evidence: tuple[Evidence, ...]
    hints: tuple[Hint, ...]
    tags: frozenset[str]
    folded: Folded
    sentences: tuple[Sentence, ...]
    marks: tuple[Mark, ...]


def _strings(source: Section) -> dict[str, str]:
    return {key: source.text(key) for key in source.data}


def _digits(source: Section) -> dict[str, Digit]:
    return {
        sign: Digit(own.text("says"), frozenset(own.words("after")), frozenset(own.words("before")))
        for sign in source.data
        for own in (source.section(sign),)
    }


class Screener:
    """Compiled once with `load`, then shared; it keeps nothing about what it has read."""

    def __init__(
        self,
        normaliser: Normaliser,
        context: Context,
        book: RuleBook,
        thresholds: Thresholds,
        opinion: Opinion,
        scorer: Scorer | None = None,
    ) -> None:
        self._normaliser, self._context, self._book, self._thresholds = normaliser, context, book, thresholds
        self._opinion, self._scorer = opinion, scorer

    @classmethod
    def load(cls, directory: Path, scorer: Scorer | None = None) -> Screener:
        """Read and compile `directory` (`data/safety`); SafetyContentError names file and key of a mistake.

        Without a scorer the rules alone decide: for training it, and for tests of the rules.
        """
        book = load_rules(directory)
        context = Context(read(directory / "modifiers.yml"))
        source = read(directory / "normalise.yml")
        source.only("lookalikes", "emoji", "expand", "digits", "core", "known")
        expand = _strings(source.section("expand"))
        repair = Repair(
            keys=book.words | {word for full in expand.values() for word in full.split()},
            known={*source.words("known"), *context.vocabulary()},
            core=source.words("core"),
            short=expand,
            vocabulary=Vocabulary.load(),
        )
        folder = Folder(_strings(source.section("lookalikes")), _strings(source.section("emoji")))
        thresholds = load_thresholds(read(directory / "hints.yml"))
        opinion = load_opinion(read(directory / "scorer.yml"))
        normaliser = Normaliser(folder, repair, expand, _digits(source.section("digits")))
        return cls(normaliser, context, book, thresholds, opinion, scorer)

    def screen(self, text: str, history: Sequence[str] = ()) -> Verdict:
        """The risk in `text`. `history`: the client's earlier messages, oldest first; from it counts only what this
        message adds to.

        Never raises, whatever the characters; the rules take about 1 ms for 500 characters, the scorer about 0.3 ms
        a word.
        """
        now = self.find(text)
        evidence = list(now.evidence)
        for combination in self._book.combinations:
            if now.tags.issuperset(combination.tags):
                evidence.append(_combined(combination, evidence))
        if now.hints:
            evidence.extend(self._added_up(now.hints, history))
        if history and max(len(text), len(history[-1])) <= _SPLIT_LENGTH:
            evidence.extend(self._across(history[-1], text, evidence))
        if self._scorer is not None and not self._opinion.settled(evidence):
            evidence = self._with_opinion(self._scorer, text, now, evidence, history)
        if not evidence:
            return NOTHING
        evidence.sort(key=lambda found: (-found.tier, KINDS.index(found.kind)))
        return Verdict(evidence[0].tier, tuple(dict.fromkeys(found.kind for found in evidence)), tuple(evidence))

    def _with_opinion(
        self, scorer: Scorer, text: str, now: Findings, evidence: Sequence[Evidence], history: Sequence[str]
    ) -> list[Evidence]:
        scores = scorer.score(blocks(now.folded, now.sentences), now.marks)
        # Lowered is only what this message alone gave rise to, and never soon after something grave was said.
        own = [found for found in evidence if found in now.evidence]
        rest = [found for found in evidence if found not in now.evidence]
        if own and not rest and not self._grave_before(history):
            own = self._opinion.lowered(own, scores)
        raised = list(self._opinion.raised(scores, text))
        if not (own or rest or raised):
            raised = self._over_turns(scorer, text, history)
        return [*own, *rest, *raised]

    def _over_turns(self, scorer: Scorer, text: str, history: Sequence[str]) -> list[Evidence]:
        """What the scorer hears in the last few messages as one text, and did not hear before this one came."""
        earlier = [turn.rstrip(" .,") for turn in history[-(_TALK_TURNS - 1) :]]
        talk = ". ".join([*earlier, text])
        if not earlier or len(talk.split()) > _TALK_WORDS:
            return []
        raised = list(self._opinion.raised_over_turns(self._whole(scorer, talk), talk))
        if raised and any(self._opinion.raised_over_turns(self._whole(scorer, ". ".join(earlier)), talk)):
            return []
        return raised

    def _whole(self, scorer: Scorer, text: str) -> dict[str, Score]:
        """The scores of a text as a whole; what its parts say has been heard when they came."""
        found = self.find(text)
        wholes = (replace(block, parts=()) for block in blocks(found.folded, found.sentences))
        return scorer.score(wholes, found.marks)

    def _grave_before(self, history: Sequence[str]) -> bool:
        turns = recent(history, self._thresholds)
        return any(found.tier >= Tier.MODERATE for turn in turns for found in self.find(turn).evidence)

    def _added_up(self, hints: Sequence[Hint], history: Sequence[str]) -> Iterable[Evidence]:
        earlier: list[Hint] = []
        for turn in recent(history, self._thresholds):
            earlier.extend(self.find(turn).hints)
        tier = max(
            tier_of(distinct_points(hints), self._thresholds.message),
            tier_of(distinct_points([*earlier, *hints]), self._thresholds.turns) if earlier else Tier.NONE,
        )
        if tier > Tier.NONE:
            for hint in hints:
                yield Evidence(hint.kind, tier, hint.text, f"{_HINT_RULE}.{hint.rule}")

    def _across(self, before: str, text: str, evidence: Sequence[Evidence]) -> Iterable[Evidence]:
        """What only shows when the last message and this one are read as one: "i want to" - "die"."""
        known = {found.rule for found in (*evidence, *self.find(before).evidence)}
        for found in self.find(f"{before.rstrip(' .,')} {text}").evidence:
            if found.rule not in known:
                yield found

    def find(self, text: str) -> Findings:
        """What the rules alone make of `text`: the scorer is trained on it and reads it."""
        evidence: dict[tuple[str, str], Evidence] = {}
        hints: dict[str, Hint] = {}
        tags: set[str] = set()
        marks: list[Mark] = []
        folded = self._normaliser.folded(text)
        sentences = self._normaliser.sentences(folded)
        for sentence in sentences:
            idioms = list(self._book.idioms.hits(sentence, sentence.text))
            masked = _masked(sentence, idioms)
            marks.extend(_mark(sentence, hit, IDIOM) for hit in idioms)
            ways = self._context.ways(sentence)
            for hit in self._book.rules.hits(sentence, masked):
                if any(exception.regex.search(masked) for exception in hit.rule.unless):
                    continue
                said = self._context.said(sentence, ways, hit.first, hit.last)
                tier, about = self._weigh(hit.rule, said)
                mark = _mark(sentence, hit, about, tier)
                marks.append(mark)
                words = text[mark.start : mark.end]
                if about == "self":
                    tags.update(hit.rule.tags)
                if about in ("self", "hypothetical") and hit.rule.points:
                    hints.setdefault(hit.rule.name, Hint(hit.rule.name, hit.rule.kind, hit.rule.points, words))
                if tier > Tier.NONE:
                    found = Evidence(hit.rule.kind, tier, words, hit.rule.name, about)
                    known = evidence.get((hit.rule.name, about))
                    if known is None or known.tier < tier:
                        evidence[hit.rule.name, about] = found
        return Findings(
            tuple(evidence.values()), tuple(hints.values()), frozenset(tags), folded, sentences, tuple(marks)
        )

    def _weigh(self, rule: Rule, said: Sequence[str]) -> tuple[Tier, str]:
        """The tier that is left after the ways in which it was said, and the way that took most."""
        tier, about = rule.tier, "self"
        for way in said:
            cap = rule.effects[way] if way in rule.effects else self._context.effects.get(way)
            if cap is None:  # this way changes nothing, and the answer still depends on whose risk it is
                about = way if way == "other" and about == "self" else about
            elif about == "self" or cap < tier:
                tier, about = min(tier, cap), way
        return tier, about


def _combined(combination: Combination, evidence: Sequence[Evidence]) -> Evidence:
    text = next((found.text for found in evidence if found.kind == combination.kind), "")
    return Evidence(combination.kind, combination.tier, text, combination.name)


def _mark(sentence: Sentence, hit: Hit, about: str, tier: Tier = Tier.NONE) -> Mark:
    return Mark(hit.rule.name, about, tier, sentence.spans[hit.first][0], sentence.spans[hit.last - 1][1])


def _masked(sentence: Sentence, idioms: Sequence[Hit]) -> str:
    """The sentence's text with every idiom's words struck out, so that no rule sees them."""
    text = sentence.text
    for hit in idioms:
        start = sentence.starts[hit.first]
        end = sentence.starts[hit.last - 1] + len(sentence.words[hit.last - 1])
        struck = "".join(char if char.isspace() else _MASK for char in text[start:end])
        text = text[:start] + struck + text[end:]
    return text
