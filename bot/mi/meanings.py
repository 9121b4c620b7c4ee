"""The bank of meanings: what clients tend to mean by what they say, and how a counsellor would put it.

A meaning is recognised only by its cues, patterns over the words the client used; word overlap with its examples then
ranks the meanings whose cues hit. A cue can catch phrases of the client's in slots, and a reflection that uses a slot
can only be said when that slot was caught.

Pattern language (one cue a line; text is lower case, contractions are spelled out, "cannot" is "can not"):
  word        that word                    word*     any ending           a/b/c   one of these (a_b is two words)
  word?       may be missing               ..        up to three words    ...     up to nine words, same sentence
  <list>      one of a list in frames.yml (also <a>/b)   ~list   up to three of that list, or none
  !word       the next word is not this one (a/b/c too)
  ^           start of a sentence          <x:np>    the client's phrase, as slot x; shapes: np vp ing clause adj
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import parsing
from .person import gerund, third_person

if TYPE_CHECKING:
    from spacy.tokens import Doc
else:
    Doc = Any

SHAPES = frozenset(("np", "vp", "ing", "clause", "adj"))
SIGNS = frozenset(("change", "sustain", "both", "none"))
KINDS = frozenset(("simple", "complex", "double_sided", "amplified"))
_DENIALS = frozenset(("not", "never", "hardly", "without"))
_DENIAL = re.compile(r"\b(?:not|never|no|nobody|no one|hardly|without|nothing)\b")
_NOT_THAT = re.compile(r"\b(?:is|was) not that (?:\w+ )?$")
"""What follows is denied, whatever it is: "it's not that I can't stop"."""
_ING = re.compile(r"\w*[aeiouy]\w*ing")
"""A verb that has its -ing already; "bring" and "sing" have not."""
_PLACE = re.compile(r"\{(\w+)(?::(\w+))?\}")


class ContentError(ValueError):
    """A content file is wrong; the message names the file and the key."""


@dataclass(frozen=True)
class Template:
    """One way to say a meaning. `places` are the slots it needs."""

    text: str
    kind: str
    places: frozenset[str]


@dataclass(frozen=True)
class Meaning:
    """Something clients express, by what signs it is known and what can be said to it."""

    id: str
    implies: str
    sign: str
    weight: float
    topics: frozenset[str]
    cues: tuple[tuple[Cue, ...], ...]
    barred: tuple[Cue, ...]
    examples: tuple[frozenset[str], ...]
    reflections: tuple[Template, ...]
    halves: tuple[Template, ...]
    sure: float | None = None
    """Of a shape (shapes.yml): how often it is true where its cue hits. None for what needs more evidence."""


@dataclass(frozen=True)
class Slot:
    """A phrase of the client's, already turned to second person. `plural` is for verbs after it; `verbs` tells that
    more than its first word would change its form ("stop and think")."""

    text: str
    plural: bool = False
    verbs: bool = False


@dataclass(frozen=True)
class Hit:
    """A meaning found in a message: its slots, the token indices where it was found, the number of words that cues
    matched (0: found by likeness), overlap with its examples (0..1), and the words in which it was found; how surely
    it is meant (0..1) and how like its examples they are (see `reflect_evidence`)."""

    meaning: Meaning
    slots: Mapping[str, Slot]
    places: tuple[int, ...]
    matched: int
    overlap: float
    evidence: str
    belief: float = 0.0
    like: float = 0.0

    @property
    def at(self) -> int:
        """The first token of the evidence."""
        return min(self.places)


def stem(word: str) -> str:
    """A rough stem, only for comparing words: drinking, drinks -> drink; tried -> try."""
    for ending, replacement in (("ies", "y"), ("ied", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""), ("e", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: len(word) - len(ending)] + replacement
    return word


def stems(text: str, stop: frozenset[str]) -> frozenset[str]:
    """The stems of a text's words without stop words."""
    words = re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower())
    return frozenset(stem(w) for w in words if w not in stop and len(w) > 2)


class Cue:
    """A compiled pattern. The regular expression is only made when a message has a word that the pattern cannot do
    without: a bank has more than a thousand, and most are never needed."""

    def __init__(self, source: str, needs: frozenset[str]) -> None:
        """`needs`: one of these words has to be there (empty: unknown)."""
        self._source, self._needs = source, needs
        self._made: re.Pattern[str] | None = None

    def search(self, text: str) -> re.Match[str] | None:
        """The first match in `parsing.normalise` text."""
        return next(self.finditer(text), None)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """All matches in `parsing.normalise` text. Raises re.error when the pattern is no regular expression."""
        if self._needs and not any(f" {word} " in text for word in self._needs):
            return iter(())
        return self.compile().finditer(text)

    def compile(self) -> re.Pattern[str]:
        """The regular expression, made now if it was not needed before."""
        if self._made is None:
            self._made = re.compile(self._source)
        return self._made

    @property
    def compiled(self) -> bool:
        """Whether it has been needed."""
        return self._made is not None


def compile_pattern(pattern: str, lists: Mapping[str, str]) -> Cue:
    """A cue, ready to match `parsing.normalise` text. Raises ContentError for an unknown list or shape."""
    out: list[str] = []
    needs: frozenset[str] = frozenset()
    for part in pattern.split():
        if part in ("..", "..."):
            out.append(rf"(?:[^ .!?;]+ ){{0,{3 if part == '..' else 9}}}?")
        elif part == "^":
            out.append(r"(?:(?<=^ )|(?<=[.!?;,] ))")
        elif part.startswith("!"):
            out.append(f"(?!(?:{_words(part[1:])}) )")
        elif part.startswith("~"):
            out.append(f"(?:(?:{_listed(part[1:], lists)}) ){{0,3}}")
        elif part.startswith("<") and ":" in part:
            name, shape = part.strip("<>").split(":")
            if shape not in SHAPES:
                raise ContentError(f"unknown shape {shape!r} in {pattern!r}")
            out.append(rf"(?P<{name}__{shape}>[^ .,!?;]+) ")
        else:
            optional = part.endswith("?")
            plain = part[:-1] if optional else part
            body = "|".join(_listed(w[1:-1], lists) if w.startswith("<") else _words(w) for w in plain.split("/"))
            out.append(f"(?:(?:{body}) )?" if optional else f"(?:{body}) ")
            if not optional and "*" not in plain and "<" not in plain:
                words = frozenset(word.replace("_", " ") for word in plain.split("/"))
                needs = min((needs, words), key=_commonness) if needs else words
    return Cue("(?<= )" + "".join(out), needs)


def _commonness(words: frozenset[str]) -> int:
    """A guess at how often one of some words comes up: many and short ones do."""
    return sum(1 if len(word) > 4 else 6 - len(word) for word in words)


def _words(body: str) -> str:
    return "|".join(re.escape(w).replace("_", " ").replace(r"\*", "[a-z]*") for w in body.split("/"))


def _listed(name: str, lists: Mapping[str, str]) -> str:
    if name not in lists:
        raise ContentError(f"unknown list {name!r}")
    return _words("/".join(lists[name].split()))


def template(entry: str | Mapping[str, str], default_kind: str = "complex") -> Template:
    """A reflection as written in YAML: a sentence, or {text, kind}."""
    text = entry if isinstance(entry, str) else entry["text"]
    kind = default_kind if isinstance(entry, str) else entry.get("kind", default_kind)
    if kind not in KINDS:
        raise ContentError(f"unknown kind {kind!r} of {text!r}")
    return Template(text.strip(), kind, frozenset(m.group(1) for m in _PLACE.finditer(text)))


def read_meaning(name: str, entry: Mapping[str, Any], lists: Mapping[str, str], stop: frozenset[str]) -> Meaning:
    """One entry of a meanings file. Raises ContentError naming the meaning when it is incomplete."""
    try:
        sign = entry.get("sign", "none")
        if sign not in SIGNS:
            raise ContentError(f"unknown sign {sign!r}")
        cues = tuple(
            tuple(compile_pattern(p, lists) for p in ([cue] if isinstance(cue, str) else cue))
            for cue in entry.get("cues", ())
        )
        return Meaning(
            id=name,
            implies=entry["implies"],
            sign=sign,
            weight=float(entry.get("weight", 0.0)),
            topics=frozenset(entry.get("topics", ())),
            cues=cues,
            barred=tuple(compile_pattern(p, lists) for p in entry.get("not", ())),
            examples=tuple(stems(e, stop) for e in entry["examples"]),
            reflections=tuple(template(r) for r in entry["reflections"]),
            halves=tuple(template(r) for r in entry.get("halves", ())),
            sure=float(entry["sure"]) if "sure" in entry else None,
        )
    except KeyError as missing:
        raise ContentError(f"meaning {name!r}: {missing} is missing") from missing
    except (ContentError, re.error) as error:
        raise ContentError(f"meaning {name!r}: {error}") from error


class MeaningBank:
    """All meanings, with the weight of each word by how few examples use it."""

    def __init__(self, meanings: Iterable[Meaning], stop: frozenset[str]) -> None:
        self.meanings = tuple(meanings)
        self._stop = stop
        counts: dict[str, int] = {}
        total = 0
        for meaning in self.meanings:
            for example in meaning.examples:
                total += 1
                for word in example:
                    counts[word] = counts.get(word, 0) + 1
        self._idf = {word: math.log((1 + total) / (1 + n)) for word, n in counts.items()}
        self._rare = math.log(1 + total)

    def recognise(self, doc: Doc, common: Mapping[str, Slot], topics: frozenset[str]) -> list[Hit]:
        """The meanings whose cues hit, in the order of the bank.

        `common` are slots known for the whole message (topic, person); `topics` the topics in play, which a meaning
        that is only about some topics needs one of.
        """
        text, offsets = parsing.normalise(doc)
        words = stems(doc.text, self._stop)
        hits = []
        for meaning in self.possible(doc, topics):
            best: Hit | None = None
            for cue in meaning.cues:
                hit = self._match(meaning, cue, doc, text, offsets, common, words)
                if hit is not None and (best is None or _strength(hit) > _strength(best)):
                    best = hit
            if best is not None:
                hits.append(best)
        return hits

    def possible(self, doc: Doc, topics: frozenset[str]) -> list[Meaning]:
        """The meanings that the topics in play and their `not` patterns leave open."""
        text, _ = parsing.normalise(doc)
        return [
            meaning
            for meaning in self.meanings
            if (not meaning.topics or meaning.topics & topics) and not any(p.search(text) for p in meaning.barred)
        ]

    def _match(
        self,
        meaning: Meaning,
        cue: tuple[Cue, ...],
        doc: Doc,
        text: str,
        offsets: Sequence[int],
        common: Mapping[str, Slot],
        words: frozenset[str],
    ) -> Hit | None:
        slots = dict(common)
        evidence: list[str] = []
        places: list[int] = []
        matched = 0
        for pattern in cue:
            chosen: tuple[re.Match[str], dict[str, Slot]] | None = None
            for match in pattern.finditer(text):
                if _denied(match, text):
                    continue
                caught = _catch(match, doc, offsets)
                if chosen is None or len(caught) > len(chosen[1]):
                    chosen = (match, caught)
            if chosen is None:
                return None
            match, caught = chosen
            slots.update(caught)
            evidence.append(match.group(0).strip())
            places.append(_token_at(offsets, match.start()))
            matched += len(match.group(0).split())
        return Hit(meaning, slots, tuple(places), matched, self._overlap(words, meaning.examples), "; ".join(evidence))

    def _overlap(self, words: frozenset[str], examples: Sequence[frozenset[str]]) -> float:
        """IDF-weighted share of an example's words that the message has, for the best example (0..1)."""
        best = 0.0
        for example in examples:
            total = sum(self._idf.get(w, self._rare) for w in example)
            if total:
                best = max(best, sum(self._idf.get(w, 0.0) for w in example & words) / total)
        return best


def _denied(match: re.Match[str], text: str) -> bool:
    """Whether a denial stands right before evidence that has none itself ("I never get into fights")."""
    if _NOT_THAT.search(text[: match.start()]):
        return True
    if _DENIAL.search(match.group(0)):
        return False
    return any(w in _DENIALS for w in text[: match.start()].split()[-2:])


def _strength(hit: Hit) -> tuple[int, int]:
    return (len(hit.slots), hit.matched)


def _token_at(offsets: Sequence[int], position: int) -> int:
    for i, offset in enumerate(offsets):
        if offset >= position:
            return i
    return max(0, len(offsets) - 1)


def _catch(match: re.Match[str], doc: Doc, offsets: Sequence[int]) -> dict[str, Slot]:
    caught: dict[str, Slot] = {}
    for group in match.re.groupindex:
        name, shape = group.rsplit("__", 1)
        if match.group(group) is None:
            continue
        span = parsing.phrase(doc, _token_at(offsets, match.start(group)), shape)
        if span is None:
            continue
        text = parsing.say(doc, *span)
        if text and sayable_phrase(text):
            stretch = doc[span[0] : span[1]]
            verbs = any(t.dep_ == "conj" and t.tag_ in ("VB", "VBP") for t in stretch)
            plural = stretch.root.tag_ in ("NNS", "NNPS") or stretch[-1].lower_ == "kids"
            caught[name] = Slot(text, plural, verbs)
    return caught


def sayable_phrase(text: str) -> bool:
    """Whether a caught phrase says something by itself: not just "it" or "things", no doubled or stray words."""
    words = text.lower().split()
    empty = {
        "it",
        "this",
        "that",
        "them",
        "things",
        "stuff",
        "something",
        "anything",
        "what",
        "all",
        "everything",
        "so",
    }
    empty |= {"a", "the", "lot", "do", "be", "one", "of", "to", "is", "there", "do it", "everyone", "me", "i", "you"}
    if words[:1] and words[0] in ("how", "what", "why", "which", "who", "when", "where", "if", "that", "no", "any"):
        return False
    return any(w not in empty for w in words) and not any(w in ("i", "my", "me", "i'm", "myself") for w in words)


def fill(form: Template, slots: Mapping[str, Slot]) -> str | None:
    """The sentence with its slots filled, or None when one is missing. `{x:ing}` asks for the -ing form of a verb
    phrase, `{x:keep}` for x followed by "keep" or "keeps"."""
    if not form.places <= slots.keys():
        return None
    if any(m.group(2) == "ing" and slots[m.group(1)].verbs for m in _PLACE.finditer(form.text)):
        return None
    return _PLACE.sub(_filler(slots), form.text)


def _filler(slots: Mapping[str, Slot]) -> Callable[[re.Match[str]], str]:
    def one(match: re.Match[str]) -> str:
        slot, shape = slots[match.group(1)], match.group(2)
        if shape is None:
            return slot.text
        if shape == "ing":
            verb, _, rest = slot.text.partition(" ")
            return slot.text if _ING.fullmatch(verb) else f"{gerund(verb)} {rest}".strip()
        verb = shape if slot.plural else third_person(shape)
        if slot.plural and shape == "be":
            verb = "are"
        return f"{slot.text} {verb}"

    return one
