"""A message's sentences become the pieces that the scorer reads: blocks of a message, and the clauses inside them.

One risky clause in a long message is seen because each clause is scored for itself, beside the whole. The scorer reads
what was meant: words that the normaliser mended or spelled out stand mended in a block's text.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from bot.safety.fold import Folded
from bot.safety.normalise import NUMBERS, Sentence

BLOCK_WORDS = 80
"""A longer message is read in blocks of at most so many words: the embedding reads about 128 word pieces."""
PART_WORDS = 20
LEAST_WORDS = 4  # a shorter clause says too little by itself, and joins its neighbour


@dataclass(frozen=True)
class _Word:
    text: str
    span: tuple[int, int]
    mark: str  # what stands before it: "" within a clause, "," where a clause begins, "." a sentence


@dataclass(frozen=True)
class Piece:
    """Some words of the message: plain, with "." between sentences; `span` in the raw text; `place` in its block's
    text (start and end, in characters)."""

    words: tuple[str, ...]
    span: tuple[int, int]
    place: tuple[int, int]


@dataclass(frozen=True)
class Block:
    """`text` is what the embedding reads: the client's wording, folded and mended; `whole` is all of it, `parts` its
    clauses."""

    text: str
    whole: Piece
    parts: tuple[Piece, ...]


def blocks(folded: Folded, sentences: Sequence[Sentence]) -> Iterator[Block]:
    """The blocks of a message, in order; none when it holds no words. Short messages have no parts.

    Args:
        folded: the message, folded.
        sentences: the same message, read by the normaliser.
    """
    words = list(_words(sentences))
    text, places = _mended(folded, words)
    first = 0
    while first < len(words):
        last = _end(words, first, BLOCK_WORDS, BLOCK_WORDS // 2)
        start = 0 if first == 0 else places[first][0]
        end = len(text) if last == len(words) else places[last][0]
        yield _block(text[start:end], words[first:last], [(a - start, z - start) for a, z in places[first:last]])
        first = last


def _mended(folded: Folded, words: Sequence[_Word]) -> tuple[str, list[tuple[int, int]]]:
    """The folded text with its words as they were meant, and where in it each of `words` stands."""
    out: list[str] = []
    places: list[tuple[int, int]] = []
    length = read = 0
    for span, group in groupby(words, key=lambda word: word.span):
        meant = [word.text for word in group]
        start, end = _place(folded, span[0]), _place(folded, span[1])
        typed = folded.text[start:end]
        plain = typed if not NUMBERS.isdisjoint(meant) else " ".join(meant)
        out += [folded.text[read:start], plain]
        length += start - read
        places += [(length, length + len(plain))] * len(meant)
        length += len(plain)
        read = end
    return "".join([*out, folded.text[read:]]), places


def _place(folded: Folded, raw: int) -> int:
    """The place in the folded text of a place in the raw one."""
    return raw if folded.origin is None else bisect_left(folded.origin, raw)


def _words(sentences: Sequence[Sentence]) -> Iterator[_Word]:
    read = -1  # very long sentences come in pieces that overlap
    for sentence in sentences:
        mark = "."
        for index, (word, span) in enumerate(zip(sentence.words, sentence.spans, strict=True)):
            if span[0] < read:
                continue
            yield _Word(word, span, mark or ("," if index in sentence.breaks else ""))
            mark = ""
        if sentence.spans:
            read = max(read, sentence.spans[-1][1])


def _end(words: Sequence[_Word], first: int, most: int, least: int) -> int:
    """Where a piece that begins at `first` ends: before the last mark that leaves it `least` to `most` words."""
    if len(words) - first <= most:
        return len(words)
    for sign in (".", ","):
        for end in range(first + most, first + least - 1, -1):
            if words[end].mark == sign:
                return end
    return first + most


def _block(text: str, words: Sequence[_Word], places: Sequence[tuple[int, int]]) -> Block:
    def piece(first: int, last: int) -> Piece:
        plain: list[str] = []
        for index in range(first, last):
            if words[index].mark == "." and index > first:
                plain.append(".")
            plain.append(words[index].text)
        span = (words[first].span[0], words[last - 1].span[1])
        return Piece(tuple(plain), span, (places[first][0], places[last - 1][1]))

    return Block(text, piece(0, len(words)), tuple(piece(*ends) for ends in _parts(words)))


def _parts(words: Sequence[_Word]) -> list[tuple[int, int]]:
    ends, first = [], 0
    while first < len(words):
        last = _end(words, first, PART_WORDS, LEAST_WORDS)
        if len(words) - last < LEAST_WORDS:
            last = len(words)
        ends.append((first, last))
        first = last
    return ends if len(ends) > 1 else []
