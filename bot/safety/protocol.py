"""What a client in risk is told and asked next: a walk through the table in `data/safety/protocol.yml`.

Rule 1: nothing a client says lowers a tier, closes a case or stops the protocol. Three things can happen to a
message, in this order:

    new or graver risk    -> the words for it, emergency number first from high up, and its path's question
    an awaited question   -> the answer's line in the table: raise, go on, put again, or close; a wish about the talk
                             ("delete everything", "stop") is no answer, and the ordinary conversation's
    risk once more        -> a fresh short safety reply; anything else is the ordinary conversation's, and so is, after
                             one check-in without a case, what only the scorer finds odd

`closing` tells the truth about what happens now and offers the appointment; after it the bot stays.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bot.safety.answers import AnswerReader
from bot.safety.state import Place, Reply, SafetyState, Step
from bot.safety.table import CLOSE, QUIET, Outcome, Table
from bot.safety.tiers import Evidence, Tier, Verdict
from bot.safety.words import Words

_AFTER_ANSWER = {"refusal": "refused", "joke": "joked"}
_STATIC = "static"
_STORY = 5
"""Words from which on an answer that is neither yes nor no is the client's story going on."""


class Protocol:
    """Loaded once, shared by all clients; everything about a client is in their SafetyState."""

    def __init__(self, table: Table, words: Words, reader: AnswerReader) -> None:
        self.table, self.words, self._reader = table, words, reader

    @classmethod
    def load(cls, directory: Path) -> Protocol:
        """Read `directory` (`data/safety`); SafetyContentError names file and key of a mistake."""
        table = Table.load(directory)
        return cls(table, Words.load(directory, required_words(table)), AnswerReader.load(directory))

    def step(self, state: SafetyState, verdict: Verdict, text: str, *, place: Place, rng: random.Random) -> Step:
        """What follows from one message; `verdict` is the screener's, on the same `text`."""
        talk = _Talk(self, state, place, rng)
        evidence = verdict.evidence[0] if verdict.evidence else None
        if evidence is not None:
            talk.state = replace(talk.state, risk_turns=state.risk_turns + 1)
        if evidence is not None and self._is_new(state, verdict, evidence):
            self._enter(talk, verdict, evidence, text)
        elif state.awaiting is not None:
            reading = self._reading(state, verdict, text)
            if reading == "wish" or self._goes_on(state, evidence, reading, text):
                talk.answer(reading)
                talk.state = replace(talk.state, awaiting=None)
            else:
                self._answered(talk, verdict, reading)
        elif evidence is not None and (state.open or not self._is_guess(verdict)):
            talk.add_kinds(verdict.kinds if verdict.tier >= self.table.opens_case_from else ())
            talk.say(f"again.{verdict.tier.label}", line=self._route_line(evidence))
        return talk.step(self.table.opens_case_from)

    def _goes_on(self, state: SafetyState, evidence: Evidence | None, reading: str, text: str) -> bool:
        """Whether a client without a case, asked how they are, goes on with their story: the ordinary conversation
        answers that. The tier stays."""
        quiet = state.tier < self.table.opens_case_from and evidence is None
        return quiet and reading == "other" and len(text.split()) >= _STORY

    @staticmethod
    def _is_guess(verdict: Verdict) -> bool:
        """Whether nothing but the scorer's opinion that something might be wrong stands behind a verdict."""
        return verdict.tier == Tier.CHECK_IN and all(found.rule.startswith("scorer") for found in verdict.evidence)

    def static_reply(self, place: Place) -> Reply:
        """What a client gets when screening, storing or anything else has failed. The same every time, on purpose."""
        return Reply(_filled(self.words.variants[_STATIC][0], place, "suicide"))

    def _route_line(self, evidence: Evidence) -> str:
        return self.table.paths[self.table.path_for(evidence)].line

    def _is_new(self, state: SafetyState, verdict: Verdict, evidence: Evidence) -> bool:
        """Graver than before, or of a kind that has not been met and that is serious."""
        if verdict.tier > state.tier:
            return True
        return verdict.tier >= Tier.MODERATE and evidence.kind not in state.kinds

    def _enter(self, talk: _Talk, verdict: Verdict, evidence: Evidence, text: str) -> None:
        path = self.table.path_for(evidence)
        if talk.state.awaiting is not None:
            reading = self._reading(talk.state, verdict, text)
            talk.answer(reading)
            if verdict.tier < Tier.IMMINENT and path != talk.state.path and reading in ("other", "garble"):
                talk.state = replace(talk.state, paused=(*talk.state.paused, str(talk.state.awaiting)))
        paused = () if verdict.tier == Tier.IMMINENT else talk.state.paused
        talk.state = replace(talk.state, path=path, awaiting=None, tries=0, paused=paused, closing_said=False)
        talk.raise_to(verdict.tier)
        talk.add_kinds(verdict.kinds)
        talk.say(f"enter.{path}.{verdict.tier.label}")
        if verdict.tier == Tier.HIGH:
            talk.say(f"safer.{path}")
        if verdict.tier in (Tier.MODERATE, Tier.HIGH):
            talk.tell_truth()
        self._go(talk, self.table.paths[path].start[verdict.tier], verdict)

    def _reading(self, state: SafetyState, verdict: Verdict, text: str) -> str:
        """The answer in `text`; risk in it is never a "no" and never nothing."""
        question = self.table.questions[str(state.awaiting)]
        answer = self._reader.read(text)
        rules = {found.rule for found in verdict.evidence if found.about == "self"}
        if rules & question.said_by:
            return "yes"
        if answer == "wish" and verdict.evidence:
            return "unsure"
        same_matter = any(self.table.path_for(found) == state.path for found in verdict.evidence)
        if same_matter and verdict.tier >= Tier.MODERATE and answer in ("no", "joke", "garble", "other"):
            return "unsure"
        return answer

    def _answered(self, talk: _Talk, verdict: Verdict, answer: str) -> None:
        question = self.table.questions[str(talk.state.awaiting)]
        outcome = question.outcomes.get(answer)
        if outcome is None and answer in ("garble", "other") and talk.state.tries < self.table.reask:
            talk.state = replace(talk.state, tries=talk.state.tries + 1)
            talk.ask(question.name, self.table, lead="reask")
            return
        talk.answer(answer)
        talk.add_kinds(verdict.kinds if verdict.tier >= self.table.opens_case_from else ())
        if outcome is None:
            outcome = Outcome(CLOSE if talk.state.tier >= self.table.opens_case_from else QUIET)
            if answer in _AFTER_ANSWER:
                talk.say(_AFTER_ANSWER[answer])
        if outcome.kind is not None:
            talk.add_kinds((outcome.kind,))
        if outcome.tier > talk.state.tier:
            talk.raise_to(outcome.tier)
            talk.say(f"raise.{outcome.tier.label}", line=self._line_of(outcome, talk))
            if not talk.before.open and outcome.tier in (Tier.MODERATE, Tier.HIGH):
                talk.tell_truth()
            talk.wants_slot = outcome.tier < Tier.IMMINENT
        self._go(talk, outcome.next, verdict)

    def _line_of(self, outcome: Outcome, talk: _Talk) -> str:
        return outcome.kind or self.table.paths[str(talk.state.path)].line

    def _go(self, talk: _Talk, target: str, verdict: Verdict) -> None:
        """Put question `target`, or the first after it that is still open; or close."""
        for name in self._open_questions(talk.state, target, verdict):
            talk.ask(name, self.table)
            return
        if target == QUIET and talk.state.tier < self.table.opens_case_from:
            talk.state = replace(talk.state, awaiting=None)
            if not talk.replies:
                talk.say("softly")
            return
        if talk.state.paused:
            *rest, resumed = talk.state.paused
            talk.state = replace(talk.state, paused=tuple(rest), awaiting=None)
            self._go(talk, resumed, verdict)
            return
        talk.close()

    def _open_questions(self, state: SafetyState, target: str, verdict: Verdict) -> Iterator[str]:
        said = {found.rule for found in verdict.evidence if found.about == "self"}
        answered = {question for question, answer in state.answers if answer in ("yes", "no", "unsure")}
        passed: set[str] = set()
        while target not in (CLOSE, QUIET) and target not in passed:
            passed.add(target)
            question = self.table.questions[target]
            if target not in answered and not said & question.said_by:
                yield target
                return
            answer = dict(state.answers).get(target, "yes")
            target = question.outcomes[answer if answer in question.outcomes else "yes"].next


class _Talk:
    """The replies to one message, and the state as it changes while they are put together."""

    def __init__(self, protocol: Protocol, state: SafetyState, place: Place, rng: random.Random) -> None:
        self.before, self.state, self.place, self.rng = state, state, place, rng
        self.words, self.table = protocol.words, protocol.table
        self.replies: list[Reply] = []
        self.wants_slot = False

    def _line(self) -> str:
        return self.table.paths[self.state.path].line if self.state.path else "suicide"

    def _pick(self, key: str, line: str | None = None) -> str:
        text, mark = self.words.pick(key, self.state.said, self.rng)
        said = tuple(old for old in self.state.said if old != mark)
        self.state = replace(self.state, said=(*said, mark))
        return _filled(text, self.place, line or self._line())

    def say(self, key: str, line: str | None = None) -> None:
        self.replies.append(Reply(self._pick(key, line)))

    def ask(self, question: str, table: Table, lead: str | None = None) -> None:
        text = self._pick(f"ask.{question}")
        if lead is not None:
            text = f"{self._pick(lead)} {text}"
        asked = self.state.asked if question in self.state.asked else (*self.state.asked, question)
        tries = self.state.tries if lead else 0
        self.state = replace(self.state, awaiting=question, asked=asked, tries=tries)
        self.replies.append(Reply(text, buttons=table.buttons))

    def answer(self, answer: str) -> None:
        """Keep an answer for the clinician; a later one stands beside the earlier."""
        pair = (str(self.state.awaiting), answer)
        self.state = replace(self.state, answers=(*self.state.answers, pair))

    def raise_to(self, tier: Tier) -> None:
        self.state = replace(self.state, tier=max(tier, self.state.tier))

    def add_kinds(self, kinds: tuple[str, ...]) -> None:
        fresh = tuple(kind for kind in kinds if kind not in self.state.kinds)
        self.state = replace(self.state, kinds=(*self.state.kinds, *fresh))

    def tell_truth(self) -> None:
        """Who reads this and who has been told; with the next appointment where there is one."""
        self.wants_slot = True
        now = "live" if self.place.human_live else "told" if self.place.clinic_told else "not_told"
        slot = "slot" if self.place.next_slot else "no_slot"
        said_before = [mark for mark in self.state.said if mark.startswith("truth.")]
        if said_before and said_before[-1].startswith(f"truth.{now}"):
            self.say(f"still.{slot}")
        else:
            self.say(f"truth.{now}.{slot}" if now == "told" else f"truth.{now}")
            if now == "not_told" and self.place.next_slot:
                self.say("truth.slot")

    def close(self) -> None:
        """The questions are over: what happens now, and the bot stays."""
        if self.state.tier >= self.table.opens_case_from and not self.wants_slot:
            self.tell_truth()
        if not self.state.closing_said:
            self.say("stay")
        self.state = replace(self.state, awaiting=None, tries=0, closing_said=True)

    def step(self, opens_case_from: Tier) -> Step:
        opens = self.state.tier >= opens_case_from and not self.before.open
        raises = self.before.open and self.state.tier > self.before.tier
        state = replace(self.state, open=self.before.open or opens)
        return Step(state, tuple(self.replies), opens, raises, self.wants_slot)


def _filled(text: str, place: Place, purpose: str) -> str:
    lines = [line.say() for line in place.lines_for(purpose)] or [f"call {place.emergency}"]
    return text.format(
        emergency=place.emergency,
        line=lines[0],
        lines=", or ".join(lines[:2]),
        slot=place.next_slot or "",
    )


def required_words(table: Table) -> Iterator[str]:
    """Every key of words.yml that a walk through `table` can ask for."""
    tiers = [tier.label for tier in list(Tier)[1:]]
    yield from (f"enter.{path}.{tier}" for path in table.paths for tier in tiers)
    yield from (f"safer.{path}" for path in table.paths)
    yield from (f"ask.{question}" for question in table.questions)
    yield from (f"again.{tier}" for tier in tiers)
    yield from (f"raise.{tier}" for tier in tiers[1:])
    yield from ("truth.live", "truth.not_told", "truth.slot", "truth.told.slot", "truth.told.no_slot")
    yield from ("still.slot", "still.no_slot")
    yield from ("reask", "refused", "joked", "softly", "stay", _STATIC)
