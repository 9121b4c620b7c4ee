"""`evoke screen`: the safety screen on texts or whole conversations, without Rasa."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.commands.lines import text_of, texts_of
from bot.safety.screen import Screener
from bot.safety.tiers import Tier, Verdict
from bot.safety_training import load_scorer
from bot.settings import ROOT, Settings


def screener(settings: Settings | None = None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A function from one input line to one output line, with the screen that the running bot has.

    Raises:
        ScorerError: the risk model is not trained.
    """
    loaded = Screener.load(ROOT / "data" / "safety", load_scorer(settings or Settings()))

    def work(line: dict[str, Any]) -> dict[str, Any]:
        if "turns" not in line:
            return shown(line.get("id"), loaded.screen(text_of(line, "text")))
        return screen_turns(loaded, line.get("id"), texts_of(line, "turns"))

    return work


def screen_turns(loaded: Screener, id_: Any, turns: list[str]) -> dict[str, Any]:
    """The gravest verdict over the turns, and the first turn (from 1) at which it rose above none."""
    worst, first = Verdict(Tier.NONE), None
    for number, text in enumerate(turns, 1):
        verdict = loaded.screen(text, turns[: number - 1])
        if verdict.tier > Tier.NONE and first is None:
            first = number
        if verdict.tier > worst.tier:
            worst = verdict
    return {**shown(id_, worst), "turn": first}


def shown(id_: Any, verdict: Verdict) -> dict[str, Any]:
    evidence = [
        {"kind": e.kind, "tier": e.tier.label, "text": e.text, "rule": e.rule, "about": e.about}
        for e in verdict.evidence
    ]
    return {"id": id_, "tier": verdict.tier.label, "kinds": list(verdict.kinds), "evidence": evidence}
