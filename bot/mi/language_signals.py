"""Cues found in one message: signed spans and what the question adds. The rules, in the order they apply:

1. A phrase ("sick of it") has its own code and sign; a negator within two words before it turns the sign over.
2. An attitude ("i want to") takes the sign of its target ("quit" +, "drink" -), turned over by every negator.
3. "if i quit i'd lose my friends": the sign of the condition times the sign of what comes of it, as a reason.
4. "it helps me sleep": the sign of the thing times the sign of its effect, as a reason.
5. What another person thinks counts for a quarter, what the client only asks for less than
   a third. Sarcasm turns what is for change against it.
6. An answer without a sign of its own takes the side of the question; "yes" and "no" answer what was asked.

Source of the codes: MISC 2.5 (DARN-CAT). The weights are set by hand: about 1 is a plain statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.mi.cues import Cue, Cues, Question
from bot.mi.language_text import Clause, clauses

OTHERS_SHARE = 0.25
ASKING_SHARE = 0.3
FINAL_WEIGHT = 1.5  # a phrase this heavy stands even inside an attitude
SARCASM_WEIGHT = 1.4
EFFECT_WEIGHT = 0.8
CONDITION_WEIGHT = 1.3
REPORT_WEIGHT = 0.35  # "i can drink ten pints" tells of use, and says little for or against a change
OWN_SIGN = 0.8  # from here up a message has a sign of its own and takes none from the question
LONGEST_TARGET = 60  # letters
TARGET_REACH = 7  # words after an attitude in which its target is looked for


@dataclass(frozen=True)
class Signal:
    """One signed find. `start` and `end` are offsets in what was typed; `why` is shown as evidence.

    `firm` marks what rests on grammar (negation, condition, another's view, sarcasm, a number): a learned head, which
    sees words and hardly their order, yields to it.
    """

    code: str
    sign: int
    weight: float
    start: int
    end: int
    why: str
    firm: bool = False


@dataclass(frozen=True)
class Signals:
    """What the cues say of a message: sums of weights for (`plus`) and against (`minus`) a change.

    `before` is the last sentence of the other side in even words: the last that asks (`asks`), else the last.
    """

    found: tuple[Signal, ...]
    asked: Question | None
    words: int
    contrast: bool
    outright: bool
    sarcastic: bool
    asking: bool
    good: int
    bad: int
    answer: str
    before: str = ""
    asks: bool = False

    @property
    def plus(self) -> float:
        return sum(s.weight for s in self.found if s.sign > 0)

    @property
    def minus(self) -> float:
        return sum(s.weight for s in self.found if s.sign < 0)


def read(text: str, previous: str | None, cues: Cues) -> Signals:
    """The signals of a message, given the question before it (or None)."""
    parts = clauses(text, cues)
    even = "".join(part.text for part in parts)
    words = sum(len(part.words) for part in parts)
    question, closed = _asked(previous, cues)
    about = _topic_sign(question, cues)
    found = list(_own(parts, about, cues))
    sarcasm = cues.sarcasm.search(even)
    if sarcasm:
        found = [replace(s, sign=-1, weight=s.weight / 2) for s in found]
        first, last = parts[0].words[0], parts[-1].words[-1]
        found.append(
            Signal(
                "ability", -1, SARCASM_WEIGHT, first.start, last.end, f"sarcasm: {sarcasm.group().strip()}", firm=True
            )
        )
    kind = _kind(question, cues)
    answer = _answer(even, words, cues)
    net = abs(sum(s.sign * s.weight for s in found))
    if parts and not sarcasm and net < OWN_SIGN:
        inherited = _inherit(parts, question, closed, kind, about, answer, words, cues)
        found.extend(inherited)
    return Signals(
        found=tuple(sorted(found, key=lambda s: (s.start, s.end))),
        asked=kind,
        words=words,
        contrast=any(part.contrast for part in parts),
        outright=cues.ambivalent.search(even) is not None,
        sarcastic=sarcasm is not None,
        asking=any(cues.asking.match(part.text) for part in parts),
        good=len(cues.good.findall(even)),
        bad=len(cues.bad.findall(even)),
        answer=answer,
        before=question or _said(previous, cues),
        asks=bool(question),
    )


# -- the message's own signs --------------------------------------------------------------------------------------


def _own(parts: list[Clause], about: int, cues: Cues) -> Iterator[Signal]:
    skip: set[int] = set()
    for n in range(len(parts)):
        conditional = _condition(parts, n, cues)
        if conditional:
            signal, used = conditional
            skip |= used
            yield signal
    for n, part in enumerate(parts):
        if n in skip:
            continue
        share = OTHERS_SHARE if cues.others.search(part.text) else 1.0
        if cues.asking.match(part.text):
            share *= ASKING_SHARE
        attitudes = list(_attitudes(part, cues))
        # An attitude with its target says more than a phrase inside it ("do not want to" in "... to drink") and
        # than a lighter one beside it.
        phrases = [
            (start, end, signal)
            for start, end, signal in _phrases(part, cues)
            if not any(
                signal.weight < FINAL_WEIGHT
                and ((s <= start and end <= e) or (s < end and start < e and signal.weight < a.weight))
                for s, e, a in attitudes
            )
        ]
        signals = [signal for _, _, signal in phrases]
        signals += [signal for start, end, signal in attitudes if not any(s < end and start < e for s, e, _ in phrases)]
        if not signals:
            signals.extend(_effect(part, about, cues))
        for signal in signals:
            yield replace(signal, weight=signal.weight * share, firm=signal.firm or share == OTHERS_SHARE)


def _phrases(part: Clause, cues: Cues) -> Iterator[tuple[int, int, Signal]]:
    hits: list[tuple[int, int, Cue]] = []
    for cue in cues.phrases:
        hits.extend((m.start(), m.end(), cue) for m in cue.pattern.finditer(part.text))
    # The longest of overlapping phrases is the most particular one.
    hits.sort(key=lambda hit: (hit[0] - hit[1], hit[0]))
    kept: list[tuple[int, int]] = []
    for start, end, cue in hits:
        if any(s < end and start < e for s, e in kept):
            continue
        kept.append((start, end))
        negated = cue.flips and _negators(part.text[max(0, start - 40) : start].split()[-2:], cues) % 2 == 1
        yield start, end, _signal(part, cue.code, -cue.sign if negated else cue.sign, cue.weight, start, end)


def _attitudes(part: Clause, cues: Cues) -> Iterator[tuple[int, int, Signal]]:
    hits: list[tuple[int, int, Cue]] = []
    for cue in cues.attitudes:
        hits.extend((m.start(), m.end(), cue) for m in cue.pattern.finditer(part.text))
    hits.sort(key=lambda hit: (hit[0], hit[0] - hit[1]))
    free_from = 0
    for start, end, cue in hits:
        if start < free_from:
            continue
        target = _target(part.text, end, cues)
        if target is None:
            continue
        towards, at, stop = target
        inside = part.text[start:end].split() if cue.sign > 0 else []
        negs = _negators(
            [*part.text[max(0, start - 40) : start].split()[-3:], *inside, *part.text[end:at].split()], cues
        )
        sign = cue.sign * towards * (-1 if negs % 2 else 1)
        weight = cue.weight
        if towards < 0 and negs == 0 and cue.code in ("taking_steps", "ability", "activation"):
            weight *= REPORT_WEIGHT if cue.code != "taking_steps" else 0
        if cues.other_subject.search(part.text[:at]):
            weight *= OTHERS_SHARE
        free_from = stop
        if weight:
            found = _signal(part, cue.code, sign, weight, start, stop)
            yield start, stop, replace(found, firm=negs > 0)


def _target(text: str, start: int, cues: Cues) -> tuple[int, int, int] | None:
    """The first target from `start` on: (+1 or -1, start, end). A tie goes to the longer one."""
    reach = start
    for _ in range(TARGET_REACH):
        space = text.find(" ", reach)
        if space < 0:
            break
        reach = space + 1
    best: tuple[int, int, int] | None = None
    for towards, pattern in ((1, cues.change), (-1, cues.stay)):
        # The end is given too, so that a long message without a target is not read through again and again.
        match = pattern.search(text, start, reach + LONGEST_TARGET)
        if match and match.start() < reach:
            new = (towards, match.start(), match.end())
            if best is None or (new[1], -new[2]) < (best[1], -best[2]):
                best = new
    return best


def _negators(words: list[str], cues: Cues) -> int:
    """How many negators; "no" that only answers ("no i want to") is none."""
    count = 0
    for n, word in enumerate(words):
        follows = words[n + 1] if n + 1 < len(words) else ""
        if word in cues.negators and not (word == "no" and follows in ("", "i", "it", "that", "we", "my", "not")):
            count += 1
    return count


def _condition(parts: list[Clause], n: int, cues: Cues) -> tuple[Signal, set[int]] | None:
    """Rule 3. The consequence stands in the rest of the clause or in the next one."""
    part = parts[n]
    opening = cues.hypothetical.search(part.text)
    if not opening:
        return None
    target = _target(part.text, opening.end(), cues)
    if target is None:
        return None
    towards, at, stop = target
    if _negators(part.text[opening.end() : at].split(), cues) % 2:
        towards = -towards
    used = {n}
    value = _value(part.text[: opening.start()] + part.text[stop:], cues)
    end = len(part.text)
    last = part
    if not value and n + 1 < len(parts) and not parts[n + 1].contrast:
        value, last, end = _value(parts[n + 1].text, cues), parts[n + 1], len(parts[n + 1].text)
        used.add(n + 1)
    if not value:
        return None
    begin, _ = part.typed(0, len(part.text))
    _, finish = last.typed(0, end)
    why = f"if: {part.text.strip()}"
    return Signal("reason", towards * value, CONDITION_WEIGHT, begin, finish, why, firm=True), used


def _effect(part: Clause, about: int, cues: Cues) -> Iterator[Signal]:
    """Rule 4: a thing, then what it does ("smoking costs a fortune", "it chills me out")."""
    value = _value(part.text, cues)
    if not value:
        return
    target = _target(part.text, 0, cues)
    if target is not None:
        negs = _negators(part.text[: target[1]].split(), cues)
        sign, weight = target[0] * (-1 if negs % 2 else 1) * value, EFFECT_WEIGHT
    elif cues.it.match(part.text):
        sign, weight = about * value, EFFECT_WEIGHT / 2
    else:
        return
    yield _signal(part, "reason", sign, weight, 0, len(part.text))


def _value(text: str, cues: Cues) -> int:
    """+1 when what is said is good, -1 when bad, 0 when neither or both."""
    total = 0
    for sign, pattern in ((1, cues.good), (-1, cues.bad)):
        for match in pattern.finditer(text):
            negated = _negators(text[max(0, match.start() - 40) : match.start()].split()[-3:], cues) % 2
            total += -sign if negated else sign
    return (total > 0) - (total < 0)


def _signal(part: Clause, code: str, sign: int, weight: float, start: int, end: int) -> Signal:
    first, last = part.typed(start, end)
    return Signal(code, sign, weight, first, last, f"{code}{'+' if sign > 0 else '-'}: {part.text[start:end].strip()}")


# -- what the question adds ---------------------------------------------------------------------------------------


def _asked(previous: str | None, cues: Cues) -> tuple[str, bool]:
    """The last sentence that asks, spelled out, and whether yes or no can answer it."""
    if not previous or not previous.strip():
        return "", False
    pieces = [p for p in re.split(r"(?<=[.!?\n])\s+", previous.strip()) if p.strip()]
    asking = [p for p in pieces if p.rstrip().endswith("?")]
    text = "".join(part.text for part in clauses(asking[-1] if asking else pieces[-1], cues))
    if not asking:
        # "Tell me what you like about it." asks too, and so does a question typed without its mark.
        opening = cues.answers["asks"].search(text)
        text = text[opening.start() :] if opening else ""
    return text, bool(asking) and cues.answers["closed"].match(text) is not None


def _said(previous: str | None, cues: Cues) -> str:
    """The last sentence before, spelled out, where nothing was asked: what a reflection says has a side too."""
    pieces = [p for p in re.split(r"(?<=[.!?\n])\s+", (previous or "").strip()) if p.strip()]
    return "".join(part.text for part in clauses(pieces[-1], cues)).strip() if pieces else ""


def _kind(question: str, cues: Cues) -> Question | None:
    return next((kind for kind in cues.questions if question and kind.pattern.search(question)), None)


def _topic_sign(question: str, cues: Cues) -> int:
    """What "it" is: the thing the question names. Without one, the habit (-1)."""
    target = _target(question, 0, cues) if question else None
    return target[0] if target else -1


def _answer(even: str, words: int, cues: Cues) -> str:
    """ "agree", "deny", "unsure" or "": what the message opens with as an answer."""
    for name in ("unsure", "deny", "agree"):
        match = cues.answers[name].match(even)
        if match and (words <= 6 or name != "unsure"):
            return name
    return ""


def _inherit(
    parts: list[Clause],
    question: str,
    closed: bool,
    kind: Question | None,
    about: int,
    answer: str,
    words: int,
    cues: Cues,
) -> list[Signal]:
    start, end = parts[0].words[0].start, parts[-1].words[-1].end
    if answer == "unsure" or cues.answers["permission"].search(question):
        return []
    if closed and answer in ("agree", "deny"):
        return _yes_or_no(question, answer, words, start, end, cues)
    if kind is None:
        return []
    if kind.id == "ruler_ask":
        return _ruler(parts, start, end)
    side = kind.side
    if kind.id in ("likes", "not_likes"):
        # "What do you like about walking?" asks for reasons to change; about drinking, for reasons to stay.
        side = about if kind.id == "likes" else -about
    if answer == "deny" and words <= 4:
        side = -side
    fade = 1.0 if words <= 5 else 0.8 if words <= 10 else 0.5 if words <= 20 else 0.25
    return [Signal(kind.code, side, kind.strength * fade, start, end, f"question: {kind.id}")]


def _yes_or_no(question: str, answer: str, words: int, start: int, end: int, cues: Cues) -> list[Signal]:
    turned = Clause(
        tuple(
            replace(word, text={"you": "i", "your": "my", "are": "am"}.get(word.text, word.text))
            for part in clauses(question, cues)
            for word in part.words
        )
    )
    signals = [s for _, _, s in _phrases(turned, cues)] or [s for _, _, s in _attitudes(turned, cues)]
    if not signals:
        return []
    best = max(signals, key=lambda s: s.weight)
    sign = best.sign if answer == "agree" else -best.sign
    fade = 1.0 if words <= 4 else 0.6
    return [Signal(best.code, sign, best.weight * fade, start, end, f"answer {answer}: {best.why}")]


def _ruler(parts: list[Clause], start: int, end: int) -> list[Signal]:
    """A number at the upper end speaks for change, at the lower end against (MISC 2.5, ruler answers)."""
    numbers = [int(w.text) for part in parts for w in part.words if w.text.isdigit() and int(w.text) <= 10]
    if not numbers or 4 <= numbers[0] <= 6:
        return []
    sign = 1 if numbers[0] > 6 else -1
    return [Signal("other", sign, 1.0, start, end, f"ruler: {numbers[0]}", firm=True)]
