"""Client language: is a message for the change, against it, both, or neither?

`annotate` reads the cues (`language_signals`), turns them into probabilities for four classes and, where a learned
head gives its own, pools the two: log p = (1 - share) * log p_cues + share * log p_head, renormalised (a logarithmic
opinion pool); `share` is HEAD_SHARE, or HEAD_SHARE_FIRM where the cues rest on grammar. The talk
is the likelier side; a message is ambivalent when that class wins.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from bot.mi.cues import Cues
from bot.mi.language_signals import Signals, read

CLASSES = ("change", "sustain", "neutral", "ambivalent")
HEAD_SHARE = 0.8
HEAD_SHARE_FIRM = 0.5  # beside a signal that rests on grammar, where the head is the weaker judge
# The cue scores: how fast a side's weight becomes certainty, what speaks for neither, and for both.
SLOPE = 1.9
OTHER_SIDE = 0.7
NEUTRAL = 1.0
BOTH = 3.2
OUTRIGHT = 2.5
CONTRAST = 0.5
SPAN_WEIGHT = 0.3  # lighter signals count but are not shown as spans
FIRM_CODE = 0.15  # a code that a cue of grammar names is given too from this probability on
_FLOOR = 1e-4


@dataclass(frozen=True)
class Span:
    """A coded stretch of the message: `text == message[start:end]`, sign "+" (towards change) or "-"."""

    code: str
    sign: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class ClientLanguage:
    """`talk` is change, sustain or neutral; `confidence` (0 to 1) is the probability that `talk` is right."""

    talk: str
    ambivalent: bool
    codes: tuple[Span, ...]
    confidence: float
    evidence: tuple[str, ...]


def annotate(
    text: str,
    previous: str | None = None,
    *,
    cues: Cues,
    scores: Mapping[str, float] | None = None,
) -> ClientLanguage:
    """Code one message.

    `previous` is what the other side said just before; `scores` are a learned head's probabilities by class
    (`CLASSES`). Never raises on any text; empty text is neutral.
    """
    signals = read(text, previous, cues)
    return decide(text, signals, scores)


def decide(
    text: str,
    signals: Signals,
    scores: Mapping[str, float] | None = None,
    code_scores: Mapping[str, float] | None = None,
) -> ClientLanguage:
    """Talk, codes and confidence from the signals and, when given, learned heads' probabilities.

    `scores`: by class (`CLASSES`); `code_scores`: by code with its sign ("reason+").
    """
    by_cue = cue_probabilities(signals)
    share = HEAD_SHARE_FIRM if any(signal.firm for signal in signals.found) else HEAD_SHARE
    odds = by_cue if scores is None else pool(by_cue, scores, share)
    change, sustain = odds["change"], odds["sustain"]
    best = max(CLASSES, key=lambda name: odds[name])
    ambivalent = best == "ambivalent"
    if ambivalent:
        talk = "change" if _leaning(signals, change - sustain) >= 0 else "sustain"
        confidence = odds["ambivalent"] + odds[talk]
    else:
        talk, confidence = best, odds[best]
    return ClientLanguage(
        talk=talk,
        ambivalent=ambivalent,
        codes=_learned_codes(text, signals, talk, ambivalent, code_scores)
        if code_scores
        else _codes(text, signals, talk, ambivalent),
        confidence=round(min(confidence, 0.999), 3),
        evidence=_evidence(signals, scores),
    )


def _leaning(signals: Signals, learned: float) -> float:
    """Which side of a message with both weighs more, above 0 for change: what is said last, as people mostly put what
    they come down on at the end; by the learned head where no sign was found."""
    last = max(signals.found, key=lambda s: (s.end, s.weight), default=None)
    return learned if last is None or last.weight < SPAN_WEIGHT else float(last.sign)


def cue_probabilities(signals: Signals) -> dict[str, float]:
    """Soft-max of the four cue scores; sums to 1."""
    plus, minus = min(signals.plus, 3.0), min(signals.minus, 3.0)
    both = (
        BOTH * min(plus, minus) + OUTRIGHT * signals.outright + (CONTRAST if min(plus, minus) else 0) * signals.contrast
    )
    raw = {
        "change": SLOPE * (plus - OTHER_SIDE * minus),
        "sustain": SLOPE * (minus - OTHER_SIDE * plus),
        "neutral": NEUTRAL,
        "ambivalent": both - 0.5,
    }
    top = max(raw.values())
    powers = {name: math.exp(value - top) for name, value in raw.items()}
    total = sum(powers.values())
    return {name: value / total for name, value in powers.items()}


def pool(by_cue: Mapping[str, float], scores: Mapping[str, float], share: float) -> dict[str, float]:
    """The logarithmic opinion pool of cues and head; sums to 1."""
    logs = {
        name: (1 - share) * math.log(max(by_cue[name], _FLOOR)) + share * math.log(max(scores.get(name, 0.0), _FLOOR))
        for name in CLASSES
    }
    top = max(logs.values())
    powers = {name: math.exp(value - top) for name, value in logs.items()}
    total = sum(powers.values())
    return {name: value / total for name, value in powers.items()}


def _codes(text: str, signals: Signals, talk: str, ambivalent: bool) -> tuple[Span, ...]:
    """Spans with enough weight; none in neutral talk.

    A side that only the head found gets the whole message, coded as what was asked for, else as a reason (by far
    the commonest kind of talk that carries no word of its own).
    """
    if talk == "neutral":
        return ()
    spans: dict[tuple[int, int, int], Span] = {}
    for signal in signals.found:
        if signal.weight >= SPAN_WEIGHT:
            key = (signal.start, signal.end, signal.sign)
            spans.setdefault(
                key,
                Span(
                    signal.code,
                    "+" if signal.sign > 0 else "-",
                    text[signal.start : signal.end],
                    signal.start,
                    signal.end,
                ),
            )
    sign = "+" if talk == "change" else "-"
    if not ambivalent and not any(span.sign == sign for span in spans.values()) and text.strip():
        begin = len(text) - len(text.lstrip())
        end = len(text.rstrip())
        asked = signals.asked.code if signals.asked is not None else "other"
        code = "reason" if asked == "other" else asked
        return (*spans.values(), Span(code, sign, text[begin:end], begin, end))
    return tuple(spans.values())


def _learned_codes(
    text: str, signals: Signals, talk: str, ambivalent: bool, scores: Mapping[str, float]
) -> tuple[Span, ...]:
    """For each side that the message takes, its likeliest code: where a cue of that code (else of that sign) was found,
    else the whole message. A cue that rests on grammar stands beside it."""
    if talk == "neutral" or not text.strip():
        return ()
    begin, end = len(text) - len(text.lstrip()), len(text.rstrip())
    spans: dict[tuple[str, str], Span] = {}
    for sign in "+-" if ambivalent else ("+" if talk == "change" else "-"):
        own = {name[:-1]: value for name, value in scores.items() if name.endswith(sign)}
        code = max(own, key=lambda name: own[name])
        cues = [s for s in signals.found if (s.sign > 0) == (sign == "+") and s.weight >= SPAN_WEIGHT]
        cue = max(cues, key=lambda s: (s.code == code, s.weight), default=None)
        start, stop = (cue.start, cue.end) if cue is not None else (begin, end)
        spans[code, sign] = Span(code, sign, text[start:stop], start, stop)
        for firm in (s for s in cues if s.firm and s.code != "other"):
            if own.get(firm.code, 0.0) >= FIRM_CODE:
                spans.setdefault(
                    (firm.code, sign), Span(firm.code, sign, text[firm.start : firm.end], firm.start, firm.end)
                )
    return tuple(sorted(spans.values(), key=lambda span: span.start))


def _evidence(signals: Signals, scores: Mapping[str, float] | None) -> tuple[str, ...]:
    lines = [signal.why for signal in signals.found]
    if signals.outright:
        lines.append("ambivalence said outright")
    if signals.asked is not None:
        lines.append(f"asked: {signals.asked.id}")
    if scores:
        best = max(scores, key=lambda name: scores[name])
        lines.append(f"head: {best} {scores[best]:.2f}")
    return tuple(dict.fromkeys(lines))
