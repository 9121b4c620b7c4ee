"""A client's text becomes sentences of plain words, in which the rules look for risk.

Between the words of a sentence stands one space, or a tab where a clause ends. Sentences are cut at full stops,
question and exclamation marks and empty lines; very long ones into overlapping pieces.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.safety.fold import Folded, Folder
from bot.safety.repair import Repair

_LETTERS = re.compile(r"(?<![a-z0-9'])(?:[a-z0-9$@!|](?:[ ]{1,4}|[ ]?[._\-*~/\\|,][ ]?)){2,}[a-z0-9$@](?![a-z0-9'])")
_MARKED = re.compile(r"(?<![a-z0-9.])[a-z]{1,5}[.#_*-][a-z]{1,6}(?![a-z0-9])")
_PIECE = re.compile(r"[a-z0-9@$*|!'+]*[a-z0-9][a-z0-9@$*|!'+]*|\n\s*\n|\n|[.!?]+|[^\w\s]|[^\W\d_]+")
_SOFT = frozenset(",;:()/\n-") | {"\u2014", "\u2013", "\u2026"}
_IS = frozenset(
    (
        "he",
        "she",
        "it",
        "that",
        "there",
        "what",
        "who",
        "here",
        "where",
        "everything",
        "everyone",
        "nothing",
        "nobody",
        "life",
    )
)
_TAILS = (("n't", "not"), ("'re", "are"), ("'ve", "have"), ("'ll", "will"), ("'d", "would"), ("'m", "am"))
_DOSE = re.compile(r"(\d+)(mg|mgs|g|gm|grams|ml|mcg|x|mil)")
# Numbers of three digits, and of more; telephone numbers stay.
_NUMBER, _BIG_NUMBER = "num", "bignum"
NUMBERS = frozenset((_NUMBER, _BIG_NUMBER))
"""What stands among the words for a number of three digits, and of more."""
_KEPT_NUMBERS = frozenset(("911", "999", "988", "112", "000"))
_MANY_LETTERS = 8  # so many letters apart are words, whichever they are
_PIECE_WORDS = 80  # a sentence without any full stop is read in pieces of so many words
_OVERLAP = 20


@dataclass(frozen=True)
class Sentence:
    """`words[i]` stands in the raw text at `spans[i]`; `breaks`: words before which a clause begins;
    `quoted`: words inside quotation marks; `asks`: it ended in a question mark."""

    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    breaks: frozenset[int]
    quoted: frozenset[int]
    asks: bool
    text: str
    starts: tuple[int, ...]

    def word_at(self, offset: int) -> int:
        """The index of the word at an offset of `text`."""
        return bisect_right(self.starts, offset) - 1


class _Builder:
    """Collects the words of the sentence being read."""

    def __init__(self) -> None:
        self.done: list[Sentence] = []
        self.clear()

    def clear(self) -> None:
        self.words: list[str] = []
        self.spans: list[tuple[int, int]] = []
        self.breaks: set[int] = set()
        self.quoted: set[int] = set()

    def add(self, words: tuple[str, ...], span: tuple[int, int], quoted: bool) -> None:
        for word in words:
            if quoted:
                self.quoted.add(len(self.words))
            self.words.append(word)
            self.spans.append(span)

    def clause(self) -> None:
        self.breaks.add(len(self.words))

    def end(self, asks: bool = False) -> None:
        count = len(self.words)
        for first in range(0, count, _PIECE_WORDS - _OVERLAP):
            last = min(count, first + _PIECE_WORDS)
            self.done.append(self._piece(first, last, asks))
            if last == count:
                break
        self.clear()

    def _piece(self, first: int, last: int, asks: bool) -> Sentence:
        words = tuple(self.words[first:last])
        breaks = frozenset(i - first for i in self.breaks if first < i < last)
        quoted = frozenset(i - first for i in self.quoted if first <= i < last)
        out, starts, at = [" "], [], 1
        for index, word in enumerate(words):
            starts.append(at)
            out.append(word + ("\t" if index + 1 in breaks else " "))
            at += len(word) + 1
        return Sentence(words, tuple(self.spans[first:last]), breaks, quoted, asks, "".join(out), tuple(starts))


@dataclass(frozen=True)
class Digit:
    """A digit that is a word after some words, or before some."""

    says: str
    after: frozenset[str]
    before: frozenset[str]


class Normaliser:
    """`expand` spells out short forms ("dont", "wanna", "kms"), `digits` those that are words before some others
    ("2 late"): see `data/safety/normalise.yml`."""

    def __init__(
        self,
        folder: Folder,
        repair: Repair,
        expand: Mapping[str, str],
        digits: Mapping[str, Digit],
    ) -> None:
        self._digits = digits
        self._folder, self._repair = folder, repair
        self._expand = {short: tuple(full.split()) for short, full in expand.items()}
        self._clause_words = frozenset(("but", "because", "although", "though", "however", "yet", "except"))

    def folded(self, text: str) -> Folded:
        """`text` in plain lower-case characters, of which `sentences` is made."""
        return self._folder.fold(text)

    def sentences(self, folded: Folded) -> tuple[Sentence, ...]:
        """The sentences of a text that was folded here, in order. Never raises, whatever the text."""
        builder = _Builder()
        quoting = False
        at = 0
        runs = sorted([*_LETTERS.finditer(folded.text), *_MARKED.finditer(folded.text)], key=re.Match.start)
        for run in runs:
            if run.start() < at:
                continue
            words = self._marked(run[0]) if run.re is _MARKED else self._spelled(run[0])
            if words is None:
                continue
            quoting = self._read(folded, at, run.start(), builder, quoting)
            builder.add(words, self._span(folded, run.start(), run.end()), quoting)
            at = run.end()
        self._read(folded, at, len(folded.text), builder, quoting)
        builder.end()
        return tuple(builder.done)

    def _span(self, folded: Folded, start: int, end: int) -> tuple[int, int]:
        return folded.raw_index(start), folded.raw_index(end - 1) + 1

    def _marked(self, token: str) -> tuple[str, ...] | None:
        """The word in "k.ll" or "su-icide", or None when the mark is a mark."""
        word = self._repair.censored(re.sub(r"[^a-z]", "*", token))
        return None if word is None else (word,)

    def _spelled(self, run: str) -> tuple[str, ...] | None:
        """The words of "k i l l  m y s e l f", or None when the letters are only letters."""
        groups = re.split(r"\s{2,}", run.strip())
        words: list[str] = []
        known = 0
        for group in groups:
            letters = re.sub(r"[^a-z0-9$@!|]", "", group)
            whole = self._repair.word(letters)
            pieces = (whole,) if whole is not None else self._repair.split(letters, loose=True)
            if pieces is None and len(groups) == 1:
                return None
            known += len(letters) if pieces else 0
            words.extend(pieces or (letters,))
        expanded = tuple(part for word in words for part in self._expand.get(word, (word,)))
        if any(word in self._repair.core for word in expanded) or known > _MANY_LETTERS:
            return expanded
        return None

    def _read(self, folded: Folded, start: int, end: int, builder: _Builder, quoting: bool) -> bool:
        tokens = list(_PIECE.finditer(folded.text, start, end))
        index = 0
        while index < len(tokens):
            token, match = tokens[index][0], tokens[index]
            index += 1
            if token[0] in ".!?" and not token.strip(".!?"):
                if token.startswith("..") and self._goes_on(folded.text, match.end()):
                    builder.clause()
                else:
                    builder.end(asks="?" in token)
            elif token[0] == "\n" and token.count("\n") > 1:
                builder.end()
            elif token in _SOFT:
                if token != "-" or not self._inside_word(folded.text, match.start()):
                    builder.clause()
            elif token in '"“”„«»':
                quoting = not quoting
            elif token[0].isalnum() or len(token) > 1:
                plain, bang = self._strip(token)
                if not plain:
                    continue
                stop = match.end()
                if index < len(tokens) and tokens[index].start() - stop <= 1:
                    joined = self._joined(plain, tokens[index][0])
                    if joined is not None:
                        plain, stop = joined, tokens[index].end()
                        index += 1
                words = self._digit(plain, builder.words, tokens, index) or self._words(plain)
                if words[0] in self._clause_words:
                    builder.clause()
                builder.add(words, self._span(folded, match.start(), stop), quoting)
                if bang:
                    builder.end()
        return quoting

    @staticmethod
    def _goes_on(text: str, at: int) -> bool:
        """After "..." the sentence goes on, except at the end of the text."""
        return at < len(text) and text[at : at + 1] in " \t" and text[at:].lstrip()[:1].isalpha()

    @staticmethod
    def _inside_word(text: str, at: int) -> bool:
        return 0 < at < len(text) - 1 and text[at - 1].isalnum() and text[at + 1].isalnum()

    @staticmethod
    def _strip(token: str) -> tuple[str, bool]:
        """The token without the marks around it, and whether it ended in an exclamation mark."""
        plain = token.strip("'").lstrip("*!|+").rstrip("*|+'")
        bare = plain.rstrip("!*'")
        return bare, bare != plain and "!" in plain[len(bare) :]

    def _joined(self, plain: str, following: str) -> str | None:
        if not plain.isalpha() or not following.isalpha():
            return None
        return self._repair.join(plain, following)

    def _digit(
        self, token: str, before: Sequence[str], tokens: Sequence[re.Match[str]], following: int
    ) -> tuple[str, ...] | None:
        """The word that a digit stands for between its neighbours."""
        digit = self._digits.get(token)
        if digit is None or following >= len(tokens):
            return None
        after = (before[-1] if before else "") in digit.after and tokens[following][0].isalpha()
        return (digit.says,) if after or self._words(tokens[following][0])[0] in digit.before else None

    def _words(self, token: str) -> tuple[str, ...]:
        short = self._expand.get(token)
        if short is not None:
            return short
        if "'" in token:
            return self._apostrophe(token)
        if token[0].isdigit():
            dose = _DOSE.fullmatch(token)
            if dose:
                return (*self._words(dose[1]), dose[2])
            if token.isdigit() and len(token) > 2 and token not in _KEPT_NUMBERS:
                return (_NUMBER if len(token) == 3 else _BIG_NUMBER,)
        word = self._repair.word(token)
        if word is None:
            return self._repair.split(token) or (token,)
        return self._expand.get(word, (word,))

    def _apostrophe(self, token: str) -> tuple[str, ...]:
        whole = self._repair.word(token.replace("'", ""))
        if whole in self._expand:  # "w0n't", "do'nt"
            return self._expand[str(whole)]
        for tail, word in _TAILS:
            if token.endswith(tail) and len(token) > len(tail):
                return (*self._words(token[: -len(tail)]), word)
        head, _, tail = token.rpartition("'")
        if tail == "s":
            return (head, "is") if head in _IS else self._words(head)
        return self._words(token.replace("'", ""))
