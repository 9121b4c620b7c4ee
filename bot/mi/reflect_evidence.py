"""How surely a message expresses a meaning: what its cues and its likeness to the examples say together.

A cue that hits may still mislead ("I quit my job" is no word on smoking), and embeddings are blind to much; where both
point to a meaning it is almost surely meant. The weights below were set by reading some hundreds of proposals on
statements written for the purpose, until about as many were true as the belief says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import parsing
from .likeness import Likeness, Reading
from .meanings import Hit, MeaningBank, Slot

if TYPE_CHECKING:
    from spacy.tokens import Doc
else:
    Doc = Any

BASE, LIKE, CUE, CUE_WORD = -7.2, 9.0, 1.5, 0.3
"""Log odds: of any meaning, for each unit of likeness, for a cue, and for each word that the cue matched."""
MOST_CUE_WORDS = 6
CUE_LIKE = 0.55
"""Where a cue hits, likeness counts for no less: embeddings do not see all that a pattern does."""
FAR, FAR_OFF = 0.69, 1.8
"""A message less like a meaning's examples than this has mostly something else in mind than its cue: log odds off."""
UNREAD = 0.7
"""Likeness taken for a meaning that is only told by cues, or where no examples have been read."""
LEAST_LIKE = 0.85
"""Less than this is no evidence by itself."""
OTHER_SIGN = 1.5
"""Log odds taken off where the client's words lean the other way than the meaning."""
WHOLE = 30
"""Words; a longer message is compared in parts only, for as a whole it is like everything."""
SHORT = 12
"""Words; a sentence up to this long is not cut into its clauses for comparing."""
LEAST_WORDS = 3
SHARPNESS = 0.12
"""How fast likeness counts for the share of a tone."""
TONE_NEAREST = 6
"""So many meanings share in it."""
TONE_LIKE = 0.72
"""Likeness of a tone's nearest meaning at which it is as likely as not to be worth anything."""


_NOT_THAT = re.compile(r"^(?:it's|it is|its|that's) not that\b")


@dataclass(frozen=True)
class Tone:
    """How something is meant to be taken, coarser than a meaning, and how it ends "{clause}, and ..."."""

    id: str
    meanings: frozenset[str]
    tails: tuple[str, ...]
    present: bool = False
    """Whether the tails only fit what is told as present."""


@dataclass(frozen=True)
class Part:
    """A stretch of the message, tokens start..end (end not included)."""

    start: int
    end: int
    text: str


def parts_of(doc: Doc) -> list[Part]:
    """The whole, its sentences, and the clauses of long sentences: what is compared with the examples."""
    found = [Part(0, len(doc), doc.text)]
    sentences = [s for s in doc.sents if len(s.text.split()) >= LEAST_WORDS]
    if len(sentences) > 1:
        found += [Part(s.start, s.end, s.text) for s in sentences]
    if any(len(s.text.split()) > SHORT for s in sentences):
        cuts = [c for c in parsing.clauses(doc) if c.end - c.start >= LEAST_WORDS]
        found += [Part(c.start, c.end, doc[c.start : c.end].text) for c in cuts]
    seen: set[str] = set()
    kept = []
    for part in found:
        bare = part.text.strip(" .,!?;").lower()
        if bare not in seen and not (_NOT_THAT.search(bare) and part.start):
            seen.add(bare)
            kept.append(part)
    return kept


@dataclass(frozen=True)
class Evidence:
    """What a message was found to mean: the meanings, and how well a reflection's wording fits the whole (-1..1)."""

    hits: tuple[Hit, ...]
    fit: Mapping[str, float]
    tones: tuple[Felt, ...] = ()


@dataclass(frozen=True)
class Felt:
    """A tone in which part of a message (tokens start..end) is said, and the belief in it (0..1)."""

    tone: Tone
    start: int
    end: int
    belief: float
    nearest: str


def weigh(
    doc: Doc,
    bank: MeaningBank,
    likeness: Likeness | None,
    common: Mapping[str, Slot],
    topics: frozenset[str],
    signs: Sequence[tuple[int, int, str]],
    tones: Sequence[Tone] = (),
) -> Evidence:
    """The meanings of a message with the belief in each (0..1). `signs`: stretches of tokens that lean towards
    change or sustain."""
    parts = parts_of(doc)
    if not any(token.pos_ in ("VERB", "AUX") for token in doc):
        likeness = None  # a fragment is like many things and says none of them
    reading = Reading({}, {})
    if likeness is not None:
        reading = likeness.read([part.text for part in parts], len(parts[0].text.split()) <= WHOLE)
    by_cue = {hit.meaning.id: hit for hit in bank.recognise(doc, common, topics)}
    hits = []
    quoted = _quoted(doc)
    for hit in (*by_cue.values(), *_by_likeness(doc, bank, reading, common, topics, parts, by_cue)):
        if any(start <= place < end for place in hit.places for start, end in quoted):
            continue  # somebody else's words
        like = reading.likes.get(hit.meaning.id)
        value = UNREAD if like is None else like.value
        odds = BASE + LIKE * (max(value, CUE_LIKE) if hit.matched else value)
        if hit.matched:
            odds += CUE + CUE_WORD * min(hit.matched, MOST_CUE_WORDS)
            if like is not None and value < FAR:
                odds -= FAR_OFF
        if _opposed(hit, signs):
            odds -= OTHER_SIGN
        belief = 1 / (1 + math.exp(-odds)) if hit.meaning.sure is None else hit.meaning.sure
        hits.append(replace(hit, belief=belief, like=value))
    return Evidence(tuple(hits), reading.fit, tuple(_tones(tones, reading, parts)))


def _tones(tones: Sequence[Tone], reading: Reading, parts: Sequence[Part]) -> Iterator[Felt]:
    """Each tone by the share that its meanings have in all likeness: a message may be near to five meanings, and sure
    of none, that are all of one tone."""
    if not reading.likes:
        return
    nearest_all = sorted(reading.likes.values(), key=lambda like: -like.value)[:TONE_NEAREST]
    least = nearest_all[-1].value
    total = sum(math.exp(like.value / SHARPNESS) for like in nearest_all)
    for tone in tones:
        likes = {name: reading.likes[name] for name in tone.meanings if name in reading.likes}
        likes = {name: like for name, like in likes.items() if like.value >= least}
        if not likes:
            continue
        share = sum(math.exp(like.value / SHARPNESS) for like in likes.values()) / total
        nearest = max(likes, key=lambda name: likes[name].value)
        near = 1 / (1 + math.exp(-(likes[nearest].value - TONE_LIKE) / 0.08))
        part = parts[likes[nearest].part]
        yield Felt(tone, part.start, part.end, min(1.0, 1.3 * share) * near, nearest)


def _quoted(doc: Doc) -> list[tuple[int, int]]:
    marks = [token.i for token in doc if token.text == '"']
    return list(zip(marks[::2], marks[1::2], strict=False))


def _by_likeness(
    doc: Doc,
    bank: MeaningBank,
    reading: Reading,
    common: Mapping[str, Slot],
    topics: frozenset[str],
    parts: Sequence[Part],
    known: Mapping[str, Hit],
) -> Iterator[Hit]:
    for meaning in bank.possible(doc, topics):
        like = reading.likes.get(meaning.id)
        if like is None or like.value < LEAST_LIKE or meaning.id in known:
            continue
        part = parts[like.part]
        places = (part.start, part.end - 1)
        yield Hit(meaning, dict(common), places, 0, 0.0, part.text, like=like.value)


def _opposed(hit: Hit, signs: Sequence[tuple[int, int, str]]) -> bool:
    """Whether the words in which a meaning was found are coded for the other side, and none for its own."""
    if hit.meaning.sign not in ("change", "sustain"):
        return False
    low, high = min(hit.places), max(hit.places)
    leaning = {sign for start, end, sign in signs if start <= high and low < end and sign != "none"}
    return bool(leaning) and hit.meaning.sign not in leaning
