"""Words: undo leetspeak, stretched and censored letters, missing and stray spaces, slips and spelling by ear.

A word is only changed when it is not itself one that people use (`known`), into the likeliest that is: those of the
rules first, then the common ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from math import log2

from bot.safety.vocabulary import Vocabulary, sound

_LEET = {
    "0": "o", "1": "il", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "!": "il", "|": "li", "+": "t", "€": "e",
}  # fmt: skip
_MAX_LEET = 32  # readings of one word
_RUN = re.compile(r"(.)\1+")
_MAX_RUNS = 5  # stretched letters in one word
# The only one- and two-letter words that a run without spaces is cut into.
_SMALL = frozenset(("i", "a", "u", "to", "in", "on", "at", "it", "is", "am", "an", "as", "be", "by", "do", "go", "he"))
_SMALL |= frozenset(("if", "me", "my", "no", "of", "or", "so", "up", "us", "we", "im", "ex", "oh", "ok"))
_MAX_WORD = 16
_MAX_RUN = 400
_SHORTEST_CORE, _SHORTEST = 4, 5  # shorter words are too close to others to be guessed at
_LONG = 8  # from this length on, two mistakes in a core word are forgiven
_UNRANKED = 14000  # the place of a word that is not in the list of common ones
_VOWELS = frozenset("aeiouy")
_SOFT_LETTERS = _VOWELS | {"h"}
_VOWEL, _DOUBLED, _SWAP = 0.5, 0.4, 0.8  # a wrong letter costs 1
_HEARD = 0.6  # a slip that sounds right costs less
_RARE = 0.06  # for each doubling of a word's place in the list of common ones
_CORE, _KEY = 0.35, 0.15
_REMEMBERED = 8192  # words and what they were meant to be
_ENDINGS = (
    *(("s", ""), ("es", ""), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"), ("er", ""), ("er", "e"), ("ers", "")),
    *(("ers", "e"), ("ly", ""), ("ness", ""), ("less", ""), ("ful", ""), ("ish", ""), ("able", "")),
)


def _deletions(word: str, count: int) -> set[str]:
    """`word` and every form of it with up to `count` letters left out."""
    forms = layer = {word}
    for _ in range(count):
        layer = {form[:i] + form[i + 1 :] for form in layer for i in range(len(form))}
        forms = forms | layer
    return forms


def _price_of(char: str) -> float:
    """What leaving out a letter, or one too many, costs: vowels and h are lost most easily."""
    return _VOWEL if char in _SOFT_LETTERS else 1.0


def _distance(a: str, b: str) -> float:
    """What it costs to turn `a` into `b` by leaving out, adding, replacing and swapping letters."""
    before: list[float] = []
    last = [0.0]
    for other in b:
        last.append(last[-1] + _price_of(other))
    for i, char in enumerate(a, 1):
        row = [last[0] + _price_of(char)]
        for j, other in enumerate(b, 1):
            if char == other:
                cost = last[j - 1]
            else:
                alike = char in _VOWELS and other in _VOWELS
                cost = min(
                    last[j] + (_DOUBLED if char == a[i - 2 : i - 1] else _price_of(char)),
                    row[j - 1] + (_DOUBLED if other == b[j - 2 : j - 1] else _price_of(other)),
                    last[j - 1] + (_VOWEL if alike else 1.0),
                )
                if i > 1 and j > 1 and char == b[j - 2] and a[i - 2] == other:
                    cost = min(cost, before[j - 2] + _SWAP)
            row.append(cost)
        before, last = last, row
    return last[-1]


def _same_start(token: str, key: str) -> bool:
    """The same first letter, or the first two in each other's place."""
    return token[0] == key[0] or token[:2] == key[1::-1]


class Repair:
    """`keys` are the words of the rules; `core` those that weigh most; `short` the short forms that are spelled out
    later ("dont"); `known` other words to leave alone; `vocabulary` the words of English."""

    def __init__(
        self,
        keys: Iterable[str],
        known: Iterable[str],
        core: Iterable[str],
        short: Iterable[str],
        vocabulary: Vocabulary,
    ) -> None:
        self.core, self.short = frozenset(core), frozenset(short)
        self.keys = self.core | frozenset(key for key in keys if key.isalpha())
        own = self.keys | frozenset(known)
        self._pieces = own | frozenset(word for word in self.short if len(word) >= _SHORTEST_CORE)
        self.known = own | self.short | vocabulary.words
        self._core_sorted = sorted(self.core)
        # Short forms with their letters in another order ("dnot"): too short for the search by distance.
        self._shuffled = {(word[0], "".join(sorted(word))): word for word in sorted(self.short) if len(word) > 3}
        self._ranks = {word: rank for rank, word in enumerate(vocabulary.frequent)}
        self._near: dict[str, list[str]] = {}
        self._sounds: dict[str, list[str]] = {}
        for word in sorted(self.keys | self._ranks.keys()):
            if len(word) >= (_SHORTEST_CORE if word in self.core else _SHORTEST):
                for form in _deletions(word, self._mistakes(word)):
                    self._near.setdefault(form, []).append(word)
            if len(word) >= _SHORTEST_CORE:
                self._sounds.setdefault(sound(word), []).append(word)
        self.word = lru_cache(_REMEMBERED)(self._word)

    def _mistakes(self, key: str) -> int:
        """How many typing mistakes in `key` are forgiven."""
        return 2 if key in self.core and len(key) >= _LONG else 1

    def _word(self, token: str) -> str | None:
        """What `token` was meant to be, itself included; None when nobody can tell."""
        if token in self.known:
            return token
        if not token.isalpha():
            return self._leet(token)
        if token.endswith("in") and f"{token}g" in self.known:
            return f"{token}g"
        plain = self._stretched(token)
        if plain in self.known or self._inflected(plain):
            return plain
        meant = self._shuffled.get((plain[0], "".join(sorted(plain))))
        if meant is None and plain.endswith("in"):
            meant = self._typo(f"{plain}g")
        return meant or self._typo(plain)

    def _inflected(self, token: str) -> bool:
        """Whether a word with one of the usual endings is a known one: "gambler" and "vaping" stay."""
        for ending, restored in _ENDINGS:
            stem = token.removesuffix(ending)
            if len(stem) >= _SHORTEST and stem != token and stem + restored in self.known:
                return True
        return False

    def _leet(self, token: str) -> str | None:
        if token.isdigit() or not any(char.isalpha() for char in token):
            return None
        if "*" in token:
            return self.censored(token)
        options = [_LEET.get(char, char) for char in token]
        if len(token) > _MAX_WORD:
            return None
        for number, letters in enumerate(product(*options)):
            if number >= _MAX_LEET:
                break
            plain = self._stretched("".join(letters))
            if plain in self.keys or plain in self.short:
                return plain
        return None

    def censored(self, token: str) -> str | None:
        """The core word behind "k*ll" or "su*icide"; a star is one letter, or nothing."""
        if not token.strip("*") or len(token.strip("*")) < 2:
            return None
        shape = re.compile(re.escape(token).replace(r"\*", "[a-z]?"))
        return next((word for word in self._core_sorted if len(word) > 2 and shape.fullmatch(word)), None)

    def _stretched(self, token: str) -> str:
        """`token` with every run of a letter cut to two or one, as gives a known word; else to two."""
        if token in self.known:
            return token
        runs = list(_RUN.finditer(token))
        if not runs or len(runs) > _MAX_RUNS:
            return token
        two = _RUN.sub(r"\1\1", token)
        for counts in product((2, 1), repeat=len(runs)):
            lengths = iter(counts)
            plain = _RUN.sub(lambda match: match[1] * next(lengths), token)  # noqa: B023 (used at once)
            if plain in self.known:
                return plain
        return two

    def _typo(self, token: str) -> str | None:
        """The likeliest word that `token` is a slip of, by hand or by ear."""
        length = len(token)
        if not _SHORTEST_CORE <= length <= _MAX_WORD:
            return None
        heard = frozenset(self._sounds.get(sound(token), ()))
        slips = {
            word for form in _deletions(token, 1 if length < _LONG - 1 else 2) for word in self._near.get(form, ())
        }
        best: tuple[float, str] | None = None
        for word in sorted(heard | slips):
            if abs(len(word) - length) > 3 or not (_same_start(token, word) or (word in heard and word in self.keys)):
                continue
            distance = _distance(token, word)
            if distance > self._allowed(token, word, word in heard):
                continue
            price = distance * (_HEARD if word in heard else 1.0) + _RARE * log2(2 + self._ranks.get(word, _UNRANKED))
            price -= _CORE if word in self.core else _KEY if word in self.keys else 0.0
            if best is None or (price, word) < best:
                best = price, word
        return best[1] if best else None

    def _allowed(self, token: str, word: str, heard: bool) -> float:
        """How far `token` may be from `word`: a short word is soon another one, and ordinary words matter less."""
        short = min(len(token), len(word))
        if word in self.core:
            return 1.2 if short < 6 else 2.2 if heard or short >= _LONG else 1.0
        if word in self.keys:
            return 1.0
        return 1.0 if short >= 6 or (heard and short >= _SHORTEST) else 0.5

    def join(self, first: str, second: str) -> str | None:
        """One word that a stray space had cut in two, or None."""
        whole = first + second
        if whole not in self.keys or len(whole) < 3 or (first in self.known and second in self.known):
            return None
        return whole

    def _price(self, piece: str) -> float:
        """How unlikely a piece of a run is: short ones cost more, those that weigh most a little less."""
        if piece in self.core:
            return 0.9
        return 1.0 if len(piece) > 2 else 1.3 if len(piece) == 2 else 1.6

    def split(self, token: str, *, loose: bool = False) -> tuple[str, ...] | None:
        """The words of a run without spaces ("iwanttodie"), or None; the cheapest reading by dynamic programming.

        It has to contain a core word; a `loose` reading may leave out a quarter of the letters, and needs no core
        word when it is long.
        """
        if not 6 <= len(token) <= _MAX_RUN or not token.isalpha():
            return None
        best: list[tuple[float, int, bool]] = [(0.0, 0, False)]
        for end in range(1, len(token) + 1):
            cost, start, real = best[end - 1][0] + 4.0, end - 1, False
            for begin in range(max(0, end - _MAX_WORD), end):
                piece = token[begin:end]
                if piece in self._pieces if len(piece) > 2 else piece in _SMALL:
                    price = best[begin][0] + self._price(piece)
                    if price < cost:
                        cost, start, real = price, begin, True
            best.append((cost, start, real))
        pieces: list[str] = []
        end, unknown = len(token), 0
        while end:
            _, start, real = best[end]
            unknown += not real
            pieces.append(token[start:end])
            end = start
        core = any(piece in self.core for piece in pieces)
        if loose:
            return tuple(reversed(pieces)) if unknown * 4 <= len(token) and (core or len(token) > 9) else None
        single = sum(len(piece) == 1 for piece in pieces)
        return tuple(reversed(pieces)) if core and not unknown and single < 2 else None
