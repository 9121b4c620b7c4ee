"""From a typed message to clauses and phrases that can be said back.

`clean` spells out what people type ("dont", "im", "b/c"), takes out fillers and noises, and softens swearing, by tables
in `frames.yml`. `clauses` cuts a parse into stretches with one subject and one verb. `phrase` reads a phrase of a
wanted shape (a noun phrase, what somebody does, a whole clause) from where a pattern matched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .person import addresses_bot, is_first, subject_of, turn_tokens

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span, Token
else:
    Doc = Span = Token = Any

_STAMMER = re.compile(r"\b([\w']{1,6})(?:-+ ?\1)+\b", re.IGNORECASE)
_BRACKETS = re.compile(r"\[[^\]]*\]|\([^)]*\)")
_STRETCHED = re.compile(r"([a-z])\1{2,}", re.IGNORECASE)
_SPACES = re.compile(r"\s+")

BREAKS = frozenset(
    [
        "but",
        "because",
        "cause",
        "cuz",
        "so",
        "though",
        "although",
        "however",
        "except",
        "plus",
        "besides",
        "yet",
        "while",
        "whereas",
        "unless",
    ]
)
JOINS = frozenset(("and", "or", "then"))
_BAD_END = frozenset(["DT", "IN", "TO", "CC", "PRP$", "MD", "WDT", "WP", "WRB"])
_KEPT_END = frozenset(
    [
        "in",
        "on",
        "off",
        "up",
        "out",
        "down",
        "over",
        "about",
        "with",
        "for",
        "through",
        "around",
        "back",
        "away",
        "without",
        "of",
        "to",
    ]
)


_AFTER = frozenset(
    [
        "if",
        "when",
        "whenever",
        "since",
        "until",
        "till",
        "after",
        "before",
        "as",
        "once",
        "where",
        "that",
        "which",
        "who",
    ]
)
"""Words that may follow a phrase without belonging to it, whatever the parse makes of them."""
WHOLE_REASON = 17
"""Tokens; in a sentence up to this long the reason stays with what it explains ("I smoke because ...")."""


@dataclass(frozen=True)
class Cleaner:
    """The tables by which a message is tidied; see `clean` in frames.yml."""

    spellings: Mapping[str, str]
    fillers: re.Pattern[str]
    softened: tuple[tuple[re.Pattern[str], str], ...]
    openers: re.Pattern[str]
    acronyms: frozenset[str]

    def clean(self, text: str) -> str:
        """The message as plain English with straight apostrophes; still in the client's person, ready to parse."""
        text = text.translate({0x2019: "'", 0x2018: "'", 0x201C: '"', 0x201D: '"', 0x2014: ", ", 0x2013: ", "})
        text = _BRACKETS.sub(" ", text)
        text = text.replace("...", ". ").replace("\u2026", ". ").replace("--", ", ").replace("*", "")
        text = _STRETCHED.sub(r"\1", text)
        text = _STAMMER.sub(r"\1", text)
        text = " ".join(self._word(word) for word in text.split())
        text = self.fillers.sub(" ", text)
        for pattern, replacement in self.softened:
            text = pattern.sub(replacement, text)
        text = re.sub(r"\s+([,.;!?])", r"\1", _SPACES.sub(" ", text))
        text = re.sub(r"([,;])[,;]+", r"\1", re.sub(r"([.!?])[.,;]+", r"\1", text))
        text = re.sub(r"([a-z])([.!?])([A-Z])", r"\1\2 \3", text)
        return re.sub(r"^[\s,.;!\-]+", "", text).strip()

    def _word(self, word: str) -> str:
        core = word.strip(".,;:!?\"'")
        low = core.lower()
        if core.isupper() and len(core) > 2 and core not in self.acronyms:
            word = word.replace(core, low)
            core = low
        if low in self.spellings:
            spelt = self.spellings[low]
            if core[:1].isupper() and low != "i":
                spelt = spelt[:1].upper() + spelt[1:]
            return word.replace(core, spelt)
        return word


@dataclass(frozen=True)
class Clause:
    """Tokens start..end (end not included) of a parse with one main verb; `link` is the word that joined it."""

    start: int
    end: int
    link: str
    verb: int
    subject: int | None
    first_person: bool


def normalise(doc: Doc | Span) -> tuple[str, list[int]]:
    """A parse, or a stretch of one, in lower case with contractions spelled out, and the offset of each token.

    "I don't" gives " i do not "; "'s" stays unless it is a verb. Patterns of the meanings are matched on this.
    """
    pieces: list[str] = []
    offsets: list[int] = []
    length = 1
    for token in doc:
        word = _SPELT.get(token.lower_, token.norm_.lower())
        if token.lower_ == "'s" and token.pos_ in ("AUX", "VERB"):
            word = "is"
        word = word.replace(" ", "") or token.lower_
        offsets.append(length)
        pieces.append(word)
        length += len(word) + 1
    return " " + " ".join(pieces) + " ", offsets


_SPELT = {"ca": "can", "wo": "will", "n't": "not", "nt": "not", "'d": "would", "na": "to", "gon": "going", "'s": "'s"}


def _has_own_subject(doc: Doc, start: int, end: int) -> bool:
    """Whether a finite verb with its subject stands in doc[start:end]."""
    return any(t.dep_ in ("nsubj", "nsubjpass", "expl") and start <= t.head.i < end for t in doc[start:end])


def _starts_clause(doc: Doc, i: int, start: int, sent_end: int) -> bool:
    token = doc[i]
    if token.lower_ in ("because", "cause") and sent_end - start <= WHOLE_REASON:
        return False
    if token.lower_ in BREAKS and not (token.lower_ == "so" and token.dep_ == "advmod"):
        return _has_own_subject(doc, i, sent_end)
    if token.is_punct and token.text in (";", "-", ":", "!"):
        return _has_own_subject(doc, i, sent_end) and _has_own_subject(doc, start, i)
    before = doc[i - 1]
    if token.lower_ in JOINS or before.text == ",":
        first = doc[i + 1] if token.lower_ in JOINS and i + 1 < sent_end else token
        if doc[start].lower_ in ("if", "when", "whenever", "since", "after", "every", "once", "as") and i - start < 12:
            return False
        subject = first if first.dep_ in ("nsubj", "nsubjpass", "expl") else first.head
        if subject.dep_ not in ("nsubj", "nsubjpass", "expl") or subject.left_edge.i != first.i:
            return False
        if any(c.dep_ == "advcl" and start <= c.i < i for c in subject.head.lefts):
            return False  # "once I decide, I never turn back": the first half belongs to this verb
        return subject.head.dep_ in ("ROOT", "conj", "ccomp", "parataxis") and _has_own_subject(doc, start, i)
    return False


def clauses(doc: Doc) -> list[Clause]:
    """The clauses of a message in order; stretches without a subject and a verb are left out."""
    found: list[Clause] = []
    for sent in doc.sents:
        cuts = [sent.start]
        for i in range(sent.start + 1, sent.end):
            if _starts_clause(doc, i, cuts[-1], sent.end):
                cuts.append(i)
        cuts.append(sent.end)
        for start, end in pairwise(cuts):
            clause = _clause(doc, start, end)
            if clause is not None:
                found.append(clause)
    return found


def _dangles(token: Token) -> bool:
    """Whether a word at the end of a clause belongs to what follows ("and since", "even though")."""
    if token.lower_ == "so" and token.i and token.nbor(-1).lemma_ in ("say", "think", "hope", "do", "believe"):
        return False
    loose = token.lower_ in ("since", "then", "so", "even", "though", "because", "if")
    return loose or token.tag_ == "CC" or (token.lower_ == "that" and token.tag_ in ("IN", "WDT"))


def _clause(doc: Doc, start: int, end: int) -> Clause | None:
    link = ""
    while start < end and (doc[start].is_punct or doc[start].lower_ in BREAKS or doc[start].lower_ in JOINS):
        if not doc[start].is_punct:
            link = doc[start].lower_
        start += 1
    while end > start and (doc[end - 1].is_punct or doc[end - 1].is_space or _dangles(doc[end - 1])):
        end -= 1
    if end < len(doc) and doc[end].text == ",":  # "it helps, without it | I'm nobody": the tail is the next one's
        tail = next((i for i in range(end - 1, max(start, end - 4), -1) if doc[i].text == ","), end)
        end = tail
    verbs = [t for t in doc[start:end] if t.pos_ in ("VERB", "AUX") and t.dep_ not in ("aux", "auxpass")]
    if not verbs:
        return None

    def depth(token: Token) -> int:
        return sum(1 for _ in token.ancestors)

    verb = min(verbs, key=lambda t: (depth(t), t.i))
    subject = subject_of(verb)
    if subject is not None and not start <= subject.i < end:
        subject = None
    return Clause(start, end, link, verb.i, None if subject is None else subject.i, is_first(subject))


def _limit(doc: Doc, start: int, head: Token, longest: int) -> int:
    """Where a phrase that begins at `start` and hangs on `head` stops."""
    allowed = {t.i for t in head.subtree}
    asides = {t.left_edge.i for t in head.rights if t.dep_ in ("parataxis", "relcl")}
    end = start
    while end < len(doc) and end - start < longest + 1:
        token = doc[end]
        if token.i not in allowed or token.text in (".", ",", ";", ":", "!", "?", "-", '"', "("):
            break
        if end > start and token.lower_ in BREAKS and not (token.lower_ == "so" and token.dep_ == "advmod"):
            break
        if end > start and token.lower_ in ("and", "or") and not _same_kind(token, head):
            break
        if token.i in asides:
            break
        end += 1
    return end


def _same_kind(joint: Token, head: Token) -> bool:
    """Whether "and" joins words inside the phrase, rather than starting a clause with its own subject."""
    following = [t for t in joint.head.rights if t.dep_ == "conj" and t.i > joint.i]
    return bool(following) and not any(c.dep_ in ("nsubj", "nsubjpass") for c in following[0].children)


def phrase(doc: Doc, start: int, shape: str) -> tuple[int, int] | None:
    """The phrase of `shape` (np, vp, ing, clause, adj) that begins at token `start`, as (start, end); None if none.

    Longest: 8 tokens for np and adj, 11 for vp and ing, 15 for a clause. A phrase cut at that length is refused.
    """
    if start >= len(doc):
        return None
    token = doc[start]
    longest = {"np": 8, "adj": 8, "vp": 11, "ing": 11, "clause": 15}[shape]
    if shape == "np":
        head = token
        while (
            head.head is not head
            and head.head.left_edge.i == start
            and head.head.pos_ in ("NOUN", "PROPN", "PRON", "NUM")
        ):
            head = head.head
        if head.pos_ not in ("NOUN", "PROPN", "NUM") and head.tag_ not in ("VBG", "NN"):
            head = next((t for t in token.ancestors if t.left_edge.i == start and t.pos_ in ("NOUN", "PROPN")), head)
        if head.pos_ not in ("NOUN", "PROPN") and head.tag_ != "VBG":
            return None
        if head.left_edge.i != start and head.i != start:
            return None
    elif shape == "clause":
        heads = [t for t in token.ancestors if t.left_edge.i == start and t.pos_ in ("VERB", "AUX")]
        subject = token if token.dep_ in ("nsubj", "nsubjpass", "expl") else token.head
        head = heads[0] if heads else subject.head
        if head.pos_ not in ("VERB", "AUX") or subject.dep_ not in ("nsubj", "nsubjpass", "expl"):
            return None
    elif shape == "adj":
        head = token if token.pos_ == "ADJ" or token.tag_ in ("VBN", "VBG") else token.head
        if head.pos_ != "ADJ" and head.tag_ not in ("VBN", "VBG"):
            return None
    else:
        head = token
        while head.pos_ == "ADV" and head.head is not head:
            head = head.head
        if head.pos_ not in ("VERB", "AUX") or (shape == "ing") != (head.tag_ == "VBG"):
            return None
        if shape == "vp" and head.tag_ not in ("VB", "VBP"):
            return None
        if head.dep_ in ("aux", "auxpass", "cop") and head.head.i > head.i:
            head = head.head
    end = _limit(doc, start, head, longest)
    if end - start > longest or (shape not in ("np", "adj") and _goes_on(doc, end)):
        return None
    return _trimmed(doc, start, end, head)


_BEFORE_NOUN = ("amod", "det", "poss", "compound", "nummod")


def _goes_on(doc: Doc, end: int) -> bool:
    """Whether what follows a phrase of a verb still belongs to it, and the parse has only missed that."""
    if end >= len(doc):
        return False
    following = doc[end]
    joins = following.lower_ in BREAKS or following.lower_ in JOINS or following.lower_ in _AFTER
    return following.pos_ in ("DET", "NOUN", "PRON", "PROPN", "ADJ", "VERB", "AUX", "PART", "NUM", "ADP") and not joins


def _trimmed(doc: Doc, start: int, end: int, head: Token) -> tuple[int, int] | None:
    while end > start:
        last = doc[end - 1]
        if last.lower_ in (
            "though",
            "anyway",
            "either",
            "too",
            "again",
            "already",
            "now",
            "then",
            "just",
            "right",
            "like",
        ):
            if last.lower_ == "like" and last.pos_ == "VERB":
                break
            end -= 1
        elif last.dep_ in ("dobj", "attr", "pobj", "intj") and last.lower_ in ("that", "this", "no", "yes", "all"):
            break
        elif last.tag_ in _BAD_END and last.lower_ not in _KEPT_END:
            end -= 1
        else:
            break
    if any(t.dep_ in _BEFORE_NOUN and t.head.i >= end for t in doc[start:end]):
        return None  # "having to throw out that rotten": what it tells of is cut off
    if end > start and doc[end - 1].lower_ in ("really", "very", "quite", "pretty", "so", "kind", "sort"):
        return None
    return (start, end) if start <= head.i < end else None


def say(doc: Doc, start: int, end: int) -> str | None:
    """The stretch turned to second person, or None where it cannot be said back (questions, the bot addressed)."""
    stretch = doc[start:end]
    if any(addresses_bot(t) for t in stretch):
        return None
    if any(t.text in ('"', "?", "[", "]", "/", "http") or t.like_url for t in stretch):
        return None
    return turn_tokens(doc, start, end)
