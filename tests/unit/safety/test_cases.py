"""The authored texts of cases.yml: what is risk, what only looks like it, and what disguises do to either."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml

from bot.safety.screen import Screener
from bot.safety.tiers import Tier
from tests.disguises import (
    DISGUISES,
    Disguise,
    by_ear,
    capitals,
    emoji,
    phone,
    slips,
    spaced_evenly,
    stretched,
    typo,
    zero_width,
)

CASES = yaml.safe_load((Path(__file__).parent / "cases.yml").read_text(encoding="utf-8"))
RISKS = [
    (kind, Tier.of(label), text)
    for kind, tiers in CASES["risk"].items()
    for label, texts in tiers.items()
    for text in texts
]
ENGLISH = [risk for risk in RISKS if not risk[2].startswith(("quiero", "je ", "ich "))]


@pytest.mark.parametrize("text", CASES["benign"])
def test_what_only_looks_like_risk_is_none(screener: Screener, text: str) -> None:
    verdict = screener.screen(text)
    assert verdict.tier == Tier.NONE, verdict.evidence


@pytest.mark.parametrize("case", CASES["table"], ids=lambda case: case["text"])
def test_the_way_of_speaking_weighs_as_the_table_says(screener: Screener, case: dict[str, str]) -> None:
    verdict = screener.screen(case["text"])
    assert verdict.tier.label == case["tier"], verdict.evidence


@pytest.mark.parametrize(("kind", "tier", "text"), RISKS)
def test_risk_reaches_its_tier_and_kind(screener: Screener, kind: str, tier: Tier, text: str) -> None:
    verdict = screener.screen(text)
    assert verdict.tier >= tier, verdict.evidence
    assert kind in verdict.kinds


LOST = {spaced_evenly: 0.08, slips: 0.06, by_ear: 0.05}


@pytest.mark.parametrize("disguise", DISGUISES, ids=lambda disguise: disguise.__name__)
def test_a_disguise_hides_little_risk(screener: Screener, disguise: Disguise) -> None:
    """At most 3 points of sensitivity are lost; more where even the words' boundaries are gone, or slips make another
    word of a word."""
    rng = random.Random(7)
    texts = [text for _, tier, text in ENGLISH if tier >= Tier.MODERATE]
    missed = [text for text in texts if screener.screen(disguise(text, rng)).tier == Tier.NONE]
    assert len(missed) <= LOST.get(disguise, 0.03) * len(texts), missed


@pytest.mark.parametrize(
    "disguise", [zero_width, stretched, capitals, emoji, typo, slips, by_ear, phone], ids=lambda one: one.__name__
)
def test_a_disguise_makes_no_risk_of_ordinary_talk(screener: Screener, disguise: Disguise) -> None:
    rng = random.Random(7)
    texts = CASES["benign"]
    raised = [text for text in texts if screener.screen(disguise(text, rng)).tier > Tier.NONE]
    assert len(raised) <= 0.05 * len(texts), raised
