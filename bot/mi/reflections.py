"""Reflections that are about this client's words, without a generative model.

Theory of operation. A message is tidied and parsed once. Seven sources propose sentences: the bank of meanings (what
clients mean by such words, told by cues and by likeness to examples), shapes (what the build of a sentence tells, with
the client's phrases in the slots), tones (their own clause with what it seems to mean to them), pairs (two sides of one
message, the side against change first), codes (their clause with what talk of its kind adds up to), answers (a thing
named after a question), and the client's own clauses turned round. A meaning is said alone or after the clause in which
it was found. Everything proposed passes the refusals and is scored; the best wins, chance decides between near equals.
When nothing is left the answer is None, and the bot says plainly that it did not understand: nonsense, greetings and
questions to the bot are never reflected.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import reflect_evidence, reflect_score
from .echo import said_back
from .likeness import Likeness
from .meanings import Hit, Slot, fill
from .person import Parser
from .reflect_answer import answered
from .reflect_clauses import ClauseReader, Side
from .reflect_content import ReflectionContent
from .reflect_evidence import Felt
from .reflect_joining import FRAGMENT, contrasted, echoes, joined, meant, tidy_end, use_of
from .reflect_score import Parts

if TYPE_CHECKING:
    from spacy.tokens import Doc

    from .client_language import ClientLanguage
else:
    Doc = Any

ALL_KINDS = ("simple", "complex", "double_sided", "amplified")
GROUNDED = "+own"
"""Ends the frame of a reflection that starts with the client's own clause; not twice running."""
GROUND_WORTH = 4
"""Words of a grounding clause that count: it shows listening, but it is still only the first half."""
LONGEST_TONED = 16
TONED = -0.08
"""Weight: a tone says less than a meaning."""
MIXED = "mixed"
"""In codes.yml: both sides in one message."""
SURE_OF_BOTH = 0.93
LONGEST_MIXED = 28
"""Tokens of a message with both sides, from which more is wrong about where they are."""
SURE_OF_CODE = 0.85
"""Confidence in the client's language from which a clause is said back with what such talk adds up to."""
CODED = -0.17
"""Weight: what the kind of talk alone tells is less than any meaning."""
FOLLOWS = 0.8
"""Belief in the complex reflection of a condition."""
LONGEST_SIDE = 14
PAIRED = 0.04
"""Taken off the weight of two clauses set against each other: such a reflection adds less than a meaning."""
WHOLE_SENTENCE = 0.12
"""Added to the weight of a sentence said back whole: half of it can miss the point."""
PREFERRED = 0.15
"""So much worse than the best a preferred kind may be."""
CLOSE = 0.04
"""Scores this near to the best are equals, between which chance decides."""


@dataclass(frozen=True)
class Reflection:
    """What the bot may say: `kind` simple, complex, double_sided or amplified; `frame` names the sentence form, so
    that a conversation can avoid it; `why` is the evidence; `span` the client's words it answers."""

    text: str
    kind: str
    frame: str
    why: tuple[str, ...]
    span: str


@dataclass(frozen=True)
class Scored:
    """A reflection with its worth, as `evoke reflect --explain` shows it."""

    reflection: Reflection
    score: float


class Reflector:
    """Makes reflections from one parser and one set of content. Holds no conversation."""

    def __init__(self, parse: Parser, content: ReflectionContent, likeness: Likeness | None = None) -> None:
        """`likeness` compares messages with the meanings' examples; without it meanings are told by cues alone."""
        self._parse = parse
        self._content = content
        self._likeness = likeness
        self._clauses = ClauseReader(content)

    def reflect(
        self,
        text: str,
        *,
        language: ClientLanguage | None = None,
        topic: str | None = None,
        previous: str | None = None,
        said: Collection[str] = (),
        frames_used: Sequence[str] = (),
        allow: Collection[str] = ALL_KINDS,
        prefer: Collection[str] = (),
        rng: random.Random,
    ) -> Reflection | None:
        """The best reflection of `text`, or None when nothing safe can be said.

        `said`: the bot's earlier replies; none of their sentences or openings comes again. `frames_used`: the
        `frame` of earlier reflections. `allow`: the kinds wanted now; `prefer`: those taken where one is nearly as good
        as the best. `previous`: the question that stood, if any; a thing named in answer is reflected with what it
        answers.
        """
        scored = self.candidates(
            text, language=language, topic=topic, previous=previous, said=said, frames_used=frames_used, allow=allow
        )
        if not scored:
            return None
        enough = scored[0].score - PREFERRED
        scored = [s for s in scored if s.reflection.kind in prefer and s.score >= enough] or scored
        near = [s for s in scored if s.score >= scored[0].score - CLOSE]
        return rng.choice(near).reflection

    def candidates(
        self,
        text: str,
        *,
        language: ClientLanguage | None = None,
        topic: str | None = None,
        previous: str | None = None,
        said: Collection[str] = (),
        frames_used: Sequence[str] = (),
        allow: Collection[str] = ALL_KINDS,
    ) -> list[Scored]:
        """Everything that could be said to `text`, best first."""
        tidy = self._content.cleaner.clean(text)
        proposals: Iterable[tuple[Reflection, Parts]] = self._answer(tidy, previous) if previous else ()
        if self._reflectable(tidy):
            proposals = [*proposals, *self._proposals(self._parse(tidy), tidy, topic, language)]
        words = len(tidy.split())
        found: dict[str, Scored] = {}
        for reflection, parts in proposals:
            if reflection.kind not in allow or not self._sayable(reflection.text):
                continue
            if self._used(reflection.frame, frames_used):
                continue
            if reflect_score.is_stale(reflection.text, said):
                continue
            worth = reflect_score.score(parts, reflection.text, words)
            known = found.get(reflection.text)
            if worth >= reflect_score.BAR and (known is None or known.score < worth):
                found[reflection.text] = Scored(reflection, worth)
        return sorted(found.values(), key=lambda s: (-s.score, s.reflection.text))

    def quote(self, text: str, language: ClientLanguage | None = None) -> str | None:
        """The client's main phrase in second person, without a capital or an end mark, to stand inside a summary or
        a plan ("you want to be there for your kids"); None when there is none."""
        tidy = self._content.cleaner.clean(text)
        if not self._reflectable(tidy):
            return None
        doc = self._parse(tidy)
        sides = list(self._clauses.sides(doc, language))
        wanted = [s for s in sides if language is None or s.sign in ("none", language.talk)] or sides
        wanted = [s for s in wanted if s.text.startswith(("you", "your")) and self._sayable(s.text + ".")]
        if not wanted:
            return None
        return max(wanted, key=lambda s: self._clauses.weight(s.text, s.at / max(1, len(doc)))).text

    def tidy(self, text: str) -> str:
        """A message in plain spelling, still in the client's person."""
        return self._content.cleaner.clean(text)

    def is_grave(self, text: str) -> bool:
        """Whether a message speaks of death or harm, which is never said back."""
        return self._never_reflected(self.tidy(text))

    def leaning(self, text: str) -> str:
        """Which way a clause leans by its words alone: change, sustain or none."""
        return self._clauses.votes(self._parse(self.tidy(text)))

    def weighs(self, text: str) -> bool:
        """Whether there is a word of feeling, wish or conflict in it."""
        return any(token.lower_ in self._content.weighty for token in self._parse(self.tidy(text)))

    def alike(self, one: str, other: str) -> float:
        """How near two statements are in what they are about, 0 to 1; by shared words where no vectors are loaded."""
        if self._likeness is not None:
            return max(0.0, self._likeness.between(one, other))
        a, b = ({t.lemma_ for t in self._parse(text) if not t.is_stop and t.is_alpha} for text in (one, other))
        return len(a & b) / max(1, min(len(a), len(b)))

    def said_back(self, text: str) -> Reflection | None:
        """Something the client stated, turned round and no more: for a message that no reflection fits. None where
        nothing of it can be said back."""
        tidy = self._content.cleaner.clean(text)
        if self._content.empty.match(tidy):
            return None
        plain = said_back(tidy, self._parse)
        if plain is None or not self._sayable(plain):
            return None
        return Reflection(plain, "simple", "plain", ("own words, plainly",), tidy)

    @staticmethod
    def _used(frame: str, frames_used: Sequence[str]) -> bool:
        """Whether a form has been heard in this conversation; "plain" has no form that could wear out."""
        bare = frame.removesuffix(GROUNDED)
        if frame != bare and frames_used and frames_used[-1].endswith(GROUNDED):
            return True
        return bare != "plain" and any(f.removesuffix(GROUNDED) == bare for f in frames_used)

    # What is worth reflecting

    def _reflectable(self, tidy: str) -> bool:
        if self._content.empty.match(tidy) or len(re.findall(r"[a-z]{2,}", tidy.lower())) < 2:
            return False
        return not self._never_reflected(tidy)

    def _never_reflected(self, tidy: str) -> bool:
        return any(p.search(tidy) for p in self._content.never_reflected)

    def _sayable(self, text: str) -> bool:
        if reflect_score.is_refused(text, self._content.refused):
            return False
        return not any(p.search(text) for p in self._content.never_said)

    # Sources

    def _answer(self, tidy: str, previous: str) -> Iterator[tuple[Reflection, Parts]]:
        if any(p.search(tidy) for p in self._content.never_said):
            return
        for sentence, frame in answered(tidy, previous, self._content.answers, self._parse):
            parts = Parts("simple", 1.0, len(tidy.split()) + 2)
            yield Reflection(tidy_end(sentence), "simple", frame, (f"answers: {previous}",), tidy), parts

    def _proposals(
        self, doc: Doc, tidy: str, topic: str | None, language: ClientLanguage | None
    ) -> Iterator[tuple[Reflection, Parts]]:
        topics, common = self._common(tidy, topic)
        sides = list(self._clauses.sides(doc, language))
        signs = [(side.at, side.end, side.sign) for side in sides]
        bank, tones = self._content.bank, self._content.tones
        evidence = reflect_evidence.weigh(doc, bank, self._likeness, common, topics, signs, tones)
        least, uncued = reflect_score.LEAST_BELIEF, reflect_score.LEAST_UNCUED
        hits = [hit for hit in evidence.hits if hit.belief >= (least if hit.matched else uncued)]
        for hit in hits:
            yield from self._from_meaning(hit, common, sides, doc, evidence.fit)
        for felt in evidence.tones:
            if felt.belief >= reflect_score.LEAST_BELIEF:
                yield from self._in_tone(felt, sides, doc)
        yield from self._pairs(hits, sides, doc)
        kind = kind_of(language, len(doc)) if language is not None else None
        for side in (*sides, *self._clauses.sentences(doc)):
            yield from self._plain(side, doc)
            if language is not None and kind is not None:
                yield from self._by_code(side, kind, doc, language)

    def _common(self, tidy: str, topic: str | None) -> tuple[frozenset[str], dict[str, Slot]]:
        """The topics in play and the slots that hold for the whole message: topic, stuff, stopping, person."""
        content = self._content
        present = [t for t in content.topics if t.words.search(tidy)]
        agreed = [t for t in content.topics if topic and (t.id == topic.lower() or t.words.search(topic))]
        slots: dict[str, Slot] = {}
        habits = [t for t in present if t.habit] or [t for t in agreed if t.habit]
        if habits:
            first = min(habits, key=lambda t: m.start() if (m := t.words.search(tidy)) else 0)
            slots = {"topic": Slot(first.doing), "stuff": Slot(first.stuff), "stopping": Slot(first.stopping)}
        people = {m.group(1).lower() for m in re.finditer(r"\b[Mm]y (?:\w+ )?(\w+)", tidy)} & content.people.keys()
        people |= {m.group(1).lower() for m in re.finditer(r"\b[Mm]y (\w+)", tidy)} & content.people.keys()
        for slot, allowed in content.roles.items():
            fitting = people & allowed
            if len(fitting) == 1:
                (person,) = fitting
                slots[slot] = Slot(f"your {person}", plural=content.people[person])
        return frozenset(t.id for t in (*present, *agreed)), slots

    def _from_meaning(
        self, hit: Hit, common: Mapping[str, Slot], sides: Sequence[Side], doc: Doc, fits: Mapping[str, float]
    ) -> Iterator[tuple[Reflection, Parts]]:
        """The sentences of a meaning: by themselves, and after the client's own clause that they answer."""
        place = max(hit.places) / max(1, len(doc))
        how = f"cue: {hit.evidence}" if hit.matched else f"like: {hit.evidence}"
        why = (f"meaning {hit.meaning.id}", how, f"belief {hit.belief:.2f}", f"likeness {hit.like:.2f}")
        ground = self._ground(hit, sides)
        for number, form in enumerate(hit.meaning.reflections):
            text = fill(form, hit.slots)
            if text is None:
                continue
            own = sum(2 if p in common else len(hit.slots[p].text.split()) for p in form.places)
            parts = Parts(form.kind, hit.belief, own, fits.get(form.text, 0.2), place, hit.meaning.weight)
            frame = f"{hit.meaning.id}/{number}"
            yield Reflection(tidy_end(text), form.kind, frame, why, hit.evidence), parts
            if ground is None or form.places - common.keys() or form.kind not in ("complex", "double_sided"):
                continue
            if not echoes(ground.text, text):
                parts = replace(parts, own_words=max(own, min(GROUND_WORTH, ground.own_words)))
                together = tidy_end(joined(ground.text, text))
                yield Reflection(together, form.kind, frame + GROUNDED, (*why, ground.source), hit.evidence), parts

    def _in_tone(self, felt: Felt, sides: Sequence[Side], doc: Doc) -> Iterator[tuple[Reflection, Parts]]:
        """The client's own clause, and in the same breath what it seems to mean to them."""
        near = [s for s in sides if s.at < felt.end and felt.start < s.end and len(s.text.split()) <= LONGEST_TONED]
        near = [s for s in near if not s.text.startswith("as you see it") and not FRAGMENT.match(s.text)]
        for side in near:
            if side.past and felt.tone.present:
                continue
            place = side.at / max(1, len(doc))
            weight = self._clauses.weight(side.text, place) + TONED
            for number, tail in enumerate(felt.tone.tails):
                parts = Parts("complex", felt.belief, min(GROUND_WORTH, side.own_words), 0.2, place, weight)
                text = tidy_end(f"{side.text}, and {tail}")
                why = (f"tone {felt.tone.id}", f"nearest: {felt.nearest}", f"belief {felt.belief:.2f}", side.source)
                span = doc[side.at : side.end].text
                yield Reflection(text, "complex", f"tone {felt.tone.id}/{number}", why, span), parts

    def _by_code(self, side: Side, kind: str, doc: Doc, language: ClientLanguage) -> Iterator[tuple[Reflection, Parts]]:
        """The client's own clause, and what talk of its kind adds up to."""
        if use_of(side) not in ("first", "yours") or not self._is_of(kind, side, doc, language):
            return
        if len(side.text.split()) > LONGEST_TONED or FRAGMENT.match(side.text):
            return
        place = side.at / max(1, len(doc))
        weight = self._clauses.weight(side.text, place) + CODED
        span = doc[side.at : side.end].text
        for number, tail in enumerate(self._content.codes.get(kind, ())):
            parts = Parts("complex", language.confidence, min(GROUND_WORTH, side.own_words), 0.0, place, weight)
            why = (f"talk {kind}", f"belief {language.confidence:.2f}", side.source)
            text = tidy_end(f"{side.text}, and {tail}")
            yield Reflection(text, "complex", f"code {kind}/{number}", why, span), parts

    def _is_of(self, kind: str, side: Side, doc: Doc, language: ClientLanguage) -> bool:
        """Whether a clause is where the talk of this kind is, and does not lean the other way by its words."""
        if kind == MIXED:
            return True
        if not (side.own or kind.startswith("reason")):
            return False  # what somebody else did tells nothing of what the client can or will do
        own = doc[side.at : side.end]
        coded = any(s.start < own.end_char and own.start_char < s.end for s in language.codes)
        return coded and self._clauses.votes(own) in ("none", language.talk)

    def _ground(self, hit: Hit, sides: Sequence[Side]) -> Side | None:
        """The client's clause in which a meaning was found, where it is short and about the client."""
        low, high = (hit.places[-1], hit.places[-1]) if hit.matched else (min(hit.places), max(hit.places))
        near = [
            s
            for s in sides
            if s.at <= high and low < s.end and re.match(r"(?:as )?your?\b", s.text) and 4 <= len(s.text.split()) <= 13
        ]
        return max(near, key=lambda s: self._clauses.weight(s.text, 0.0), default=None)

    def _pairs(self, hits: Sequence[Hit], sides: Sequence[Side], doc: Doc) -> Iterator[tuple[Reflection, Parts]]:
        """Two sides of one message, the side against change first: a meaning's half and a clause that is coded for
        the other side, or two clauses which the client set against each other."""
        frames = [f for f in self._content.frames if f.use == "pair"]
        for left, right, belief in (*meant(hits, sides), *contrasted(sides)):
            if (
                belief < reflect_score.LEAST_UNCUED
                or len(left.text.split()) > LONGEST_SIDE
                or len(right.text.split()) > LONGEST_SIDE
            ):
                continue
            for frame in frames:
                if "still" in frame.text and re.search(r"\bstill\b", left.text + right.text):
                    continue
                text = frame.text.format(sustain=left.text, change=right.text)
                own = (left.own_words + right.own_words) // 2
                weight = (self._clauses.weight(left.text, 0) + self._clauses.weight(right.text, 0)) / 2 - PAIRED
                parts = Parts(frame.kind, belief, own, 0.2, max(left.at, right.at) / max(1, len(doc)), weight)
                why = (f"against: {left.source}", f"towards: {right.source}", f"belief {belief:.2f}")
                span = doc[min(left.at, right.at) : max(left.end, right.end)].text
                yield Reflection(tidy_end(text), frame.kind, frame.id, why, span), parts

    def _plain(self, side: Side, doc: Doc) -> Iterator[tuple[Reflection, Parts]]:
        use = use_of(side)
        if use is None:
            return
        for frame in self._content.frames:
            if frame.use != use:
                continue
            place = side.at / max(1, len(doc))
            weight = self._clauses.weight(side.text, place) - (0.06 if use == "opinion" else 0.0)
            weight += WHOLE_SENTENCE if side.whole else 0.0
            if not re.search(r"\byou", side.text):
                weight -= 0.08
            sure = 1.0 if frame.kind == "simple" else FOLLOWS
            parts = Parts(frame.kind, sure, 0, 0.2, place, weight)
            span = doc[side.at : side.end].text
            yield (
                Reflection(tidy_end(frame.text.format(clause=side.text)), frame.kind, frame.id, ("own words",), span),
                parts,
            )


def kind_of(language: ClientLanguage, tokens: int) -> str | None:
    """Which entry of codes.yml a message of so many tokens is of; None where the coding is not sure or not of one kind.

    Of both sides it has to be surer, and the message short: in a long one nobody can tell on which clause they hang.
    """
    kinds = {span.code + span.sign for span in language.codes}
    signs = {kind[-1] for kind in kinds}
    if language.ambivalent:
        sure = language.confidence >= SURE_OF_BOTH and tokens <= LONGEST_MIXED
        return MIXED if sure and signs == {"+", "-"} else None
    own = {"change": {"+"}, "sustain": {"-"}}.get(language.talk)
    return kinds.pop() if language.confidence >= SURE_OF_CODE and len(kinds) == 1 and signs == own else None
