"""How the scorer and the rules come to one verdict: the table `data/safety/scorer.yml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.safety.content import Section
from bot.safety.scorer import ANY, STEPS, Score
from bot.safety.tiers import KINDS, Evidence, Tier

RULE = "scorer"
"""The name under which the scorer's evidence stands; its probability follows: "scorer 0.93"."""


@dataclass(frozen=True)
class Opinion:
    """`raising`: for each kind the probability from which a message is of a tier; `lowering`: the one below which weak
    rules amount to at most a tier; `strong`: rules that are never lowered; `over_turns`: as `raising`, for several
    messages read as one text."""

    raising: Mapping[str, Mapping[Tier, float]]
    over_turns: Mapping[str, Mapping[Tier, float]]
    lowering: Mapping[Tier, float]
    also_named: float
    strong: frozenset[str]

    def settled(self, evidence: Sequence[Evidence]) -> bool:
        """A strong rule already says high or more: the scorer could change nothing."""
        return any(found.tier >= Tier.HIGH and found.rule in self.strong for found in evidence)

    def raised(self, scores: Mapping[str, Score], text: str) -> Iterator[Evidence]:
        """What the scorer alone makes of the message: one piece of evidence for each kind it names."""
        return self._raised(scores, text, self.raising)

    def raised_over_turns(self, scores: Mapping[str, Score], text: str) -> Iterator[Evidence]:
        """The same of a few messages that are read as one `text`."""
        return self._raised(scores, text, self.over_turns)

    def _raised(
        self, scores: Mapping[str, Score], text: str, table: Mapping[str, Mapping[Tier, float]]
    ) -> Iterator[Evidence]:
        if ANY not in scores:
            return
        likely = sorted(KINDS, key=lambda kind: -scores[kind].probability)
        lines, gravest = table[likely[0]], scores[ANY]
        tier = max((step for step in STEPS if gravest.at_least[step] >= lines[step]), default=Tier.NONE)
        if tier == Tier.NONE:
            return
        yield _evidence(likely[0], tier, gravest, text)
        for kind in likely[1:]:
            score = scores[kind]
            if score.probability >= self.also_named:
                own = max((step for step in STEPS if score.at_least[step] >= table[kind][step]), default=tier)
                yield _evidence(kind, min(own, tier), score, text)

    def lowered(self, evidence: Sequence[Evidence], scores: Mapping[str, Score]) -> list[Evidence]:
        """The rules' evidence, or what is left of it where the scorer is sure and only weak rules fired."""
        if ANY not in scores or any(found.rule in self.strong for found in evidence):
            return list(evidence)
        risk = scores[ANY].probability
        most = min((tier for tier, line in self.lowering.items() if risk < line), default=None)
        if most is None:
            return list(evidence)
        if most == Tier.NONE:
            return []
        return [Evidence(e.kind, min(e.tier, most), e.text, e.rule, e.about) for e in evidence]


def _evidence(kind: str, tier: Tier, score: Score, text: str) -> Evidence:
    return Evidence(kind, tier, text[score.span[0] : score.span[1]], f"{RULE} {score.probability:.2f}")


def load_opinion(source: Section) -> Opinion:
    """The table; SafetyContentError names the key of a mistake."""
    source.only("raise", "over_turns", "also_named", "lower", "strong")
    raising, over_turns = _lines(source.section("raise")), _lines(source.section("over_turns"))
    low = source.section("lower")
    low.only("check_in", "none")
    lowering = {tier: _probability(low, tier.label) for tier in (Tier.CHECK_IN, Tier.NONE)}
    return Opinion(raising, over_turns, lowering, _probability(source, "also_named"), frozenset(source.words("strong")))


def _lines(source: Section) -> dict[str, dict[Tier, float]]:
    source.only(*KINDS)
    lines = {}
    for kind in KINDS:
        own = source.section(kind)
        own.only(*(step.label for step in STEPS))
        lines[kind] = {step: _probability(own, step.label) for step in STEPS}
    return lines


def _probability(source: Section, key: str) -> float:
    value = source.data.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise source.error(key, f"must be a probability from 0 to 1, not {value!r}")
    return float(value)
