"""Read the answer to a direct question: yes, no, unsure, refusal, joke, wish, garble, or something else.

The phrases are in `data/safety/answers.yml`. When in doubt it is not a "no". Some phrases open a story as often as an
answer ("i have a job", "i dont know that it's a problem"): those count only where little follows them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.safety.content import read

ANSWERS = ("yes", "no", "unsure", "refusal", "joke", "wish", "garble", "other")
"""A wish ("stop", "yes, delete it") is about the conversation itself: no answer."""
_WORD = re.compile(r"[a-z0-9]+")
_VOWELS = frozenset("aeiouy")
_SHORT_WORDS = 4
_MOST_AFTER = 3
"""Words that may follow a phrase of `only_short` for it to be the answer."""


@dataclass(frozen=True)
class AnswerReader:
    """`starts[answer]`: phrases that open such an answer; `anywhere[answer]`: phrases that make it so wherever.
    `whole`: what is a wish when nothing else is said but `fillers`."""

    starts: Mapping[str, tuple[tuple[str, ...], ...]]
    anywhere: Mapping[str, tuple[tuple[str, ...], ...]]
    softeners: frozenset[str]
    only_short: frozenset[tuple[str, ...]] = frozenset()
    whole: frozenset[tuple[str, ...]] = frozenset()
    fillers: frozenset[str] = frozenset()

    @classmethod
    def load(cls, directory: Path) -> AnswerReader:
        """Read `directory`/answers.yml; SafetyContentError names the key of a mistake."""
        source = read(directory / "answers.yml")
        source.only("starts", "anywhere", "softeners", "only_short", "whole", "fillers")
        starts, anywhere = source.section("starts"), source.section("anywhere")
        starts.only("yes", "no", "unsure")
        anywhere.only("refusal", "joke", "unsure", "wish")
        return cls(
            {key: tuple(_words(text) for text in starts.texts(key)) for key in starts.data},
            {key: tuple(_words(text) for text in anywhere.texts(key)) for key in anywhere.data},
            frozenset(source.words("softeners")),
            frozenset(_words(text) for text in source.texts("only_short", ())),
            frozenset(_words(text) for text in source.texts("whole", ())),
            frozenset(source.words("fillers")),
        )

    def read(self, text: str) -> str:
        """One of ANSWERS. Never raises."""
        words = _words(text)
        if not words:
            return "garble"
        if tuple(word for word in words if word not in self.fillers) in self.whole:
            return "wish"
        for answer in ("wish", "refusal", "joke", "unsure"):
            if any(_inside(phrase, words) for phrase in self.anywhere[answer]):
                return answer
        found = self._opening(words)
        if found == "no" and any(word in self.softeners for word in words):
            return "unsure"  # "no, but sometimes"
        if found is not None:
            return found
        if len(words) <= _SHORT_WORDS and not any(_readable(word) for word in words):
            return "garble"
        return "other"

    def _opening(self, words: tuple[str, ...]) -> str | None:
        best: tuple[int, str] | None = None
        at_most = {phrase for phrase in self.only_short if len(words) > len(phrase) + _MOST_AFTER}
        for answer in ("unsure", "no", "yes"):
            for phrase in self.starts[answer]:
                if phrase in at_most:
                    continue
                if words[: len(phrase)] == phrase and (best is None or len(phrase) > best[0]):
                    best = (len(phrase), answer)
        return best[1] if best else None


def _words(text: str) -> tuple[str, ...]:
    plain = text.lower().replace("\u2019", "'").replace("'", "")
    return tuple(_squeeze(word) for word in _WORD.findall(plain))


def _squeeze(word: str) -> str:
    """ "yesss" and "nooo" without the stretch."""
    return re.sub(r"(.)\1{2,}", r"\1", word)


def _inside(phrase: tuple[str, ...], words: tuple[str, ...]) -> bool:
    return any(words[i : i + len(phrase)] == phrase for i in range(len(words) - len(phrase) + 1))


def _readable(word: str) -> bool:
    """Whether a word could be one: it has a vowel, and no four consonants in a row."""
    return any(char in _VOWELS for char in word) and not re.search(r"[bcdfghjklmnpqrstvwxz]{4}|asdf|qwer|zxcv", word)
