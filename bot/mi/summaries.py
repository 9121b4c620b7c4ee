"""Summaries that quote the client: what speaks against the change briefly, what speaks for it at length."""

from __future__ import annotations

from collections.abc import Sequence

from bot.mi.state import MIState, Quote

ORDER = ("reason", "desire", "need", "ability", "taking_steps", "activation", "commitment", "other")
"""The order of quotes in a summary: reasons and wishes first, what the client will do last."""
MAX_WORDS_OF_QUOTES = 40


def quotes_for_summary(state: MIState, since: int = 0) -> tuple[list[str], list[str]]:
    """(against, for): at most one quote against the change and four for it, of `state.quotes` from number `since`.

    Quotes that repeat one another (most words shared) are said once.
    """
    against = _distinct(state.sustain_quotes()[-3:])[-1:]
    fresh = list(state.change_quotes())[since:]
    chosen: list[Quote] = []
    words = 0
    for quote in _distinct(fresh)[::-1]:
        words += len(quote.text.split())
        if len(chosen) == 4 or (chosen and words > MAX_WORDS_OF_QUOTES):
            break
        chosen.append(quote)
    chosen.sort(key=lambda q: (ORDER.index(q.code) if q.code in ORDER else len(ORDER), q.turn))
    return [q.text for q in against], [q.text for q in chosen]


def joined(parts: Sequence[str]) -> str:
    """ "a", "a, and b", "a, b, and c"."""
    if len(parts) < 2:
        return "".join(parts)
    return ", ".join(parts[:-1]) + ", and " + parts[-1]


def _distinct(quotes: Sequence[Quote]) -> list[Quote]:
    kept: list[Quote] = []
    for quote in quotes:
        words = set(quote.text.lower().split())
        if not any(_alike(words, set(k.text.lower().split())) for k in kept):
            kept.append(quote)
    return kept


def _alike(a: set[str], b: set[str]) -> bool:
    return len(a & b) > 0.6 * min(len(a), len(b))
