"""Words: undo leetspeak, stretched and censored letters, missing and stray spaces, and typing mistakes.

A word is only changed into one that the rules use, and only when it is not itself a word that people use
(`known`), so that ordinary text passes untouched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product

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


def _deletions(word: str, count: int) -> set[str]:
    """`word` and every form of it with up to `count` letters left out."""
    forms = layer = {word}
    for _ in range(count):
        layer = {form[:i] + form[i + 1 :] for form in layer for i in range(len(form))}
        forms = forms | layer
    return forms


def _distance(a: str, b: str) -> int:
    """How many insertions, deletions, replacements and swaps of neighbours turn `a` into `b`."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, char in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (char != other))
            if i > 1 and j > 1 and char == b[j - 2] and a[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


def _same_start(token: str, key: str) -> bool:
    """The same first letter, or the first two in each other's place."""
    return token[0] == key[0] or token[:2] == key[1::-1]


class Repair:
    """`keys` are the words of the rules; `core` those that weigh most; `short` the short forms that are spelled out
    later ("dont"); `known` every other word to leave alone."""

    def __init__(self, keys: Iterable[str], known: Iterable[str], core: Iterable[str], short: Iterable[str]) -> None:
        self.core, self.short = frozenset(core), frozenset(short)
        self.keys = self.core | frozenset(key for key in keys if key.isalpha())
        self.known = self.keys | self.short | frozenset(known)
        self._core_sorted = sorted(self.core)
        # Short forms with their letters in another order ("dnot"): too short for the search by distance.
        self._shuffled = {(word[0], "".join(sorted(word))): word for word in sorted(self.short) if len(word) > 3}
        self._near: dict[str, list[str]] = {}
        for key in sorted(self.keys):
            if len(key) >= (_SHORTEST_CORE if key in self.core else _SHORTEST):
                for form in _deletions(key, self._mistakes(key)):
                    self._near.setdefault(form, []).append(key)

    def _mistakes(self, key: str) -> int:
        """How many typing mistakes in `key` are forgiven."""
        return 2 if key in self.core and len(key) >= _LONG else 1

    def word(self, token: str) -> str | None:
        """What `token` was meant to be, itself included; None when nobody can tell."""
        if token in self.known:
            return token
        if not token.isalpha():
            return self._leet(token)
        plain = self._stretched(token)
        if plain in self.known:
            return plain
        return self._shuffled.get((plain[0], "".join(sorted(plain)))) or self._typo(plain)

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
        length = len(token)
        if not _SHORTEST_CORE - 1 <= length <= _MAX_WORD:
            return None
        best: tuple[int, int, str] | None = None
        seen: set[str] = set()
        for form in _deletions(token, 1 if length < _LONG - 1 else 2):
            for key in self._near.get(form, ()):
                if key in seen or (min(length, len(key)) < 6 and not _same_start(token, key)):
                    continue
                seen.add(key)
                distance = _distance(token, key)
                rank = (distance, key not in self.core, key)
                if distance <= self._mistakes(key) and (best is None or rank < best):
                    best = rank
        return best[2] if best else None

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
                if piece in self.known if len(piece) > 2 else piece in _SMALL:
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
