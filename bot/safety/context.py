"""How a risky phrase was said: about whom, negated, in the past, as a hypothesis, or quoted.

The words are lists in `data/safety/modifiers.yml`; what each way of saying does to a tier is the table there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.safety.content import Section
from bot.safety.normalise import Sentence
from bot.safety.tiers import Tier

WAYS = ("thing", "negated", "quoted", "hypothetical", "other", "past")
_NEGATION_REACH = 6  # words before the phrase
_SUBJECT_REACH = 6
_POINTERS = frozenset(("it", "this", "that"))  # most often an object, unless they stand right before the phrase


@dataclass(frozen=True)
class Phrases:
    """Word sequences to find in a sentence, by first word."""

    by_first: Mapping[str, tuple[tuple[str, ...], ...]]

    @classmethod
    def of(cls, phrases: Sequence[str]) -> Phrases:
        table: dict[str, tuple[tuple[str, ...], ...]] = {}
        for phrase in phrases:
            words = tuple(phrase.split())
            table[words[0]] = (*table.get(words[0], ()), words)
        return cls(table)

    def at(self, words: Sequence[str], index: int) -> bool:
        options = self.by_first.get(words[index], ())
        return any(tuple(words[index : index + len(option)]) == option for option in options)

    def within(self, words: Sequence[str]) -> bool:
        return any(self.at(words, index) for index in range(len(words)))


@dataclass(frozen=True)
class Ways:
    """Which ways of saying something a sentence shows, apart from where in it the phrase stands."""

    past: bool
    hypothetical: bool
    media: bool


class Context:
    """The lists of `modifiers.yml`, and the questions that a match asks of them."""

    def __init__(self, source: Section) -> None:
        source.only(
            "effects", "self", "other", "things", "negators", "negation_lifted_by", "negation_stops_at",
            "past", "present", "hypothetical", "media",
        )  # fmt: skip
        self.effects = read_effects(source.section("effects"))
        self._self = frozenset(source.words("self"))
        self._other = frozenset(source.words("other"))
        self._things = frozenset(source.words("things"))
        self._negators = frozenset(source.words("negators"))
        self._lifted = frozenset(source.words("negation_lifted_by"))
        self._stops = frozenset(source.words("negation_stops_at"))
        self._past = Phrases.of(source.texts("past"))
        self._present = Phrases.of(source.texts("present"))
        self._hypothetical = Phrases.of(source.texts("hypothetical"))
        self._media = Phrases.of(source.texts("media"))

    def vocabulary(self) -> set[str]:
        """Every word that these lists use."""
        found = set(self._self | self._other | self._things | self._negators | self._lifted | self._stops)
        for phrases in (self._past, self._present, self._hypothetical, self._media):
            found.update(word for options in phrases.by_first.values() for option in options for word in option)
        return found

    def ways(self, sentence: Sentence) -> Ways:
        """What is true of the whole sentence."""
        words = sentence.words
        return Ways(
            past=self._past.within(words) and not self._present.within(words),
            hypothetical=self._hypothetical.within(words),
            media=self._media.within(words),
        )

    def said(self, sentence: Sentence, ways: Ways, first: int, last: int) -> tuple[str, ...]:
        """The ways in which the words `first` to `last` of the sentence were said."""
        found = []
        who = self._who(sentence, first, last)
        if who in ("thing", "other"):
            found.append(who)
        if self._negated(sentence, first, last):
            found.append("negated")
        if ways.media or first in sentence.quoted:
            found.append("quoted")
        if ways.hypothetical:
            found.append("hypothetical")
        if ways.past:
            found.append("past")
        return tuple(found)

    def _who(self, sentence: Sentence, first: int, last: int) -> str:
        inside = sentence.words[first:last]
        if "i" in inside or "myself" in inside or "me" in inside:
            return "self"
        if any(word in ("himself", "herself", "themselves", "themself", "yourself") for word in inside):
            return "other"
        if inside[0] in self._other and inside[0] not in self._self:
            return "other"
        for index in range(first - 1, max(-1, first - 1 - _SUBJECT_REACH), -1):
            word = sentence.words[index]
            if word in self._self:
                return "self"
            if word in self._other:
                return "other"
            if word in self._things and (word not in _POINTERS or index == first - 1):
                return "thing"
            if word in ("and", "but", "or", "so") or index + 1 in sentence.breaks:
                break
        return "self"

    def _negated(self, sentence: Sentence, first: int, last: int) -> bool:
        if sentence.words[first] in self._negators:
            return False  # the phrase itself is a negative one
        for index in range(first - 1, max(-1, first - 1 - _NEGATION_REACH), -1):
            word = sentence.words[index]
            if word in self._negators:
                between = sentence.words[index + 1 : first]
                return not any(other in self._lifted for other in between)
            if word in self._stops or index + 1 in sentence.breaks:
                return False
        return False


def read_effects(source: Section) -> dict[str, Tier | None]:
    """What each way does to a tier: at most this one, or None for "same" (no change)."""
    source.only(*WAYS)
    effects: dict[str, Tier | None] = {}
    for way in source.data:
        label = source.text(way)
        try:
            effects[way] = None if label == "same" else Tier.of(label)
        except ValueError as error:
            raise source.error(way, f"{error} (nor 'same')") from None
    return effects
