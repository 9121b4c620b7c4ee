"""Characters: look-alikes, accents, invisible marks and emoji become plain lower-case ASCII.

Every folded character remembers where in the client's text it came from, so that evidence can quote the
client's own words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

_INVISIBLE = frozenset(("Cf", "Mn", "Me", "Mc", "Cc", "Co", "Cs"))


@dataclass(frozen=True)
class Folded:
    """`text` is the plain form; `origin[i]` is the index in the raw text of its character i (None: the same)."""

    text: str
    origin: tuple[int, ...] | None = None

    def raw_index(self, index: int) -> int:
        return index if self.origin is None else self.origin[index]


class Folder:
    """Folds text, character by character, by a table of look-alikes and one of emoji that stand for words."""

    def __init__(self, lookalikes: Mapping[str, str], emoji: Mapping[str, str]) -> None:
        self._table = {**lookalikes, **{sign: f" {word} " for sign, word in emoji.items()}}

    def _one(self, char: str) -> str:
        known = self._table.get(char)
        if known is not None:
            return known
        out = []
        for part in unicodedata.normalize("NFKD", char):
            category = unicodedata.category(part)
            if part in "\n\r\t":
                out.append(part)
            elif part in self._table:
                out.append(self._table[part])
            elif category in _INVISIBLE:
                continue
            elif category[0] == "Z" or category in ("So", "Sk"):
                out.append(" ")
            else:
                out.append(self._table.get(part.lower(), part.lower()))
        return "".join(out)

    def fold(self, text: str) -> Folded:
        """Fold `text` of any length and content; never raises."""
        if text.isascii() and text.isprintable():
            return Folded(text.lower())
        seen: dict[str, str] = {}
        chars: list[str] = []
        origin: list[int] = []
        for index, char in enumerate(text):
            plain = seen.get(char)
            if plain is None:
                plain = seen[char] = char.lower() if char.isascii() and char.isprintable() else self._one(char)
            chars.append(plain)
            origin.extend([index] * len(plain))
        return Folded("".join(chars), tuple(origin))
