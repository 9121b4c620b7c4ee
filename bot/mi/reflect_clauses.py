"""The client's own clauses, said back: which can be, in what words, and which way each leans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import parsing
from .parsing import Clause
from .person import is_first, subject_of
from .reflect_content import ReflectionContent

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span, Token

    from .client_language import ClientLanguage
else:
    Doc = Span = Token = Any

_RUN_ON = re.compile(r", (?=(?:makes|helps|keeps|gets|takes|gives|is|was) )")
_SPLICED = re.compile(
    r", (?:like|and stuff|for|are|is)\b.*,|, like\b|, (?:he|she|it|its|it's|they|there|that|this|you|your)\b"
    r"|^(?:like|as|than|well)\b|^\w+ you (?:would|will|'d)\b",
    re.IGNORECASE,
)
"""Two clauses run together that the parse did not part, or one torn out of a comparison."""
_OF_THINGS = frozenset(
    ("start", "begin", "come", "get", "go", "turn", "become", "happen", "end", "creep", "last", "run", "cost")
)
"""Verbs that, with no subject before them, mostly tell of the habit and not of the client ("started as a laugh")."""
_TORN_ENDS = frozenset(("DT", "CC", "PRP$", "TO", "MD", "WDT", "WP", "WRB"))
_LOOSE_ENDS = frozenset(
    ("like", "because", "really", "very", "just", "even", "quite", "pretty", "kind", "sort", "yeah")
)
_POINTING = frozenset(("that", "this", "those", "these", "there"))
_SUBORDINATE = frozenset(
    ("after", "before", "when", "whenever", "while", "until", "since", "if", "once", "as", "unless", "now")
)
_REPORTING = frozenset(("say", "tell", "claim", "believe", "swear", "promise", "reckon", "insist"))
_PURPOSE = frozenset(("can", "could", "will", "would", "wo"))
_PALE = frozenset(("go", "get", "come", "do", "think", "know", "say", "thing", "stuff", "way", "lot", "bit", "guess"))
_FULL = frozenset(
    ["give", "take", "keep", "put", "move", "show", "alone", "serious", "empty", "whole", "nothing", "nobody", "enough"]
)
"""Words on the parser's list of empty ones that do say something."""
_ALONE = frozenset(
    [
        *("want", "need", "wish", "hope", "love", "hate", "miss", "quit", "stop", "drink", "smoke", "gamble"),
        *("relapse", "cry", "panic", "cope", "sleep", "shout", "hide"),
    ]
)
"""Verbs that say enough by themselves."""
LEAST_WHOLE, LONGEST_WHOLE = 6, 18
"""Words of a sentence that is said back whole."""
LONGEST_CLAUSE = 20
"""Words; a longer one would be a speech, not a reflection."""


@dataclass(frozen=True)
class Side:
    """A clause in second person without end mark: where it came from (tokens at..end), which way it leans (change,
    sustain, none), how many of its words are the client's, whether a "but" or "though"
    joined it, and whether it tells what somebody did, which is no matter of opinion, whether it is told
    as past, and whether its subject is the client."""

    text: str
    sign: str
    source: str
    at: int
    end: int
    own_words: int
    contrast: bool = False
    event: bool = False
    past: bool = False
    own: bool = False
    whole: bool = False
    """A sentence of more than one clause."""


class ClauseReader:
    """Turns the clauses of a parse into sides, by the tables of frames.yml."""

    def __init__(self, content: ReflectionContent) -> None:
        self._content = content

    def sides(self, doc: Doc, language: ClientLanguage | None) -> Iterator[Side]:
        """The clauses that can be said back, in order."""
        for clause in parsing.clauses(doc):
            text = self._own_words(doc, clause)
            if text is not None:
                sign = self._lean(doc, clause, language)
                contrast = clause.link in self._content.contrasting
                source = f"clause {clause.start}"
                event = _is_event(doc, clause)
                past = doc[clause.verb].tag_ in ("VBD", "VBN")
                yield Side(
                    text,
                    sign,
                    source,
                    clause.start,
                    clause.end,
                    len(text.split()),
                    contrast,
                    event,
                    past,
                    clause.first_person,
                )

    def sentences(self, doc: Doc) -> Iterator[Side]:
        """Sentences of two or three short clauses that can be said back whole ("I hold down a job, I run a house")."""
        clauses = parsing.clauses(doc)
        for sent in doc.sents:
            parts = [c for c in clauses if sent.start <= c.start < sent.end]
            start, end = sent.start, sent.end
            while end > start and (doc[end - 1].is_punct or doc[end - 1].is_space):
                end -= 1
            start = self._past_opener(doc, start, end)
            raw = doc[start:end].text
            if not 2 <= len(parts) <= 3 or not LEAST_WHOLE <= len(raw.split()) <= LONGEST_WHOLE:
                continue
            if parts[0].link in _SUBORDINATE or not all(_has_subject(doc, part) for part in parts):
                continue
            if any(p.search(raw) for p in self._content.never_said) or self._is_question(doc, start, end):
                continue
            text = parsing.say(doc, start, end)
            if (
                text is None
                or not re.match(r"(?:you|your|when|if|since|every)\b", text)
                or any(c in text for c in '"()[]:')
            ):
                continue
            if self._attributed(text) != text or doc[end - 1].tag_ in _TORN_ENDS or doc[end - 1].lower_ in _LOOSE_ENDS:
                continue
            source = f"sentence {start}"
            yield Side(text, "none", source, start, end, len(text.split()), own=True, whole=True)

    def _past_opener(self, doc: Doc, start: int, end: int) -> int:
        """Where a stretch begins without its "well", "and" or "I mean"."""
        opened = self._content.cleaner.openers.match(doc[start:end].text)
        at = doc[start].idx + opened.end() if opened else 0
        return next((t.i for t in doc[start:end] if t.idx >= at), start)

    def votes(self, doc: Doc | Span) -> str:
        """change, sustain or none, by the tables of words alone."""
        normal = parsing.normalise(doc)[0]
        votes = {side: sum(1 for p in ps if p.search(normal)) for side, ps in self._content.leaning.items()}
        if votes["change"] == votes["sustain"]:
            return "none"
        return max(votes, key=lambda side: votes[side])

    def weight(self, text: str, place: float) -> float:
        """How much a clause matters, 0 to 0.17: words of feeling, wish and conflict, and coming late."""
        words = text.lower().replace("'", " ").split()
        heavy = sum(1 for w in words if w in self._content.weighty)
        length = 0.04 if 6 <= len(words) <= 14 else 0.02 if len(words) == 5 else -0.04 if len(words) < 5 else 0.0
        return min(0.12, 0.03 * heavy) + 0.02 * place + length

    def _own_words(self, doc: Doc, clause: Clause) -> str | None:
        """The clause said back, or None where it is a question, an order, a torso or not fit to be said."""
        start, end = clause.start, clause.end
        raw = doc[start:end].text
        start = self._past_opener(doc, start, end)
        if not 3 <= end - start <= LONGEST_CLAUSE or any(p.search(raw) for p in self._content.never_said):
            return None
        if self._is_question(doc, start, end) or self._is_torso(doc, start, end, clause):
            return None
        if any(
            a.lemma_ in _REPORTING and not start <= a.i < end and not _is_own(a) for a in doc[clause.verb].ancestors
        ):
            return None
        text = parsing.say(doc, start, end)
        if text is None or any(c in text for c in '"()[]'):
            return None
        if clause.subject is None:
            dropped_i = doc[clause.verb].tag_ == "VBD" and doc[clause.verb].lemma_ not in _OF_THINGS
            dropped_i = dropped_i and not _of_another(doc, clause.start)
            dropped_i = dropped_i or _elides(doc, start)
            if doc[start].lower_ not in self._content.elided and not dropped_i:
                return None
            text = "you " + text
        elif doc[clause.subject].lower_ in _POINTING or not _says_something(doc, start, end):
            return None
        elif doc[clause.subject].lower_ == "you":
            text = "as you see it, " + text
        text = _RUN_ON.split(text, maxsplit=1)[0].strip(" ,-")
        text = re.sub(r"^you also ", "you ", text)
        return None if _SPLICED.search(text) else self._attributed(text)

    def _is_question(self, doc: Doc, start: int, end: int) -> bool:
        after = doc[end].text if end < len(doc) else "."
        asked = after == "?" or doc[end - 1].sent[-1].text == "?"
        opens = doc[start].lower_ in self._content.asking and doc[start].lower_ != "when" and not _elides(doc, start)
        return asked or opens

    def _is_torso(self, doc: Doc, start: int, end: int, clause: Clause) -> bool:
        """Whether something is missing that would make it a statement of its own, or it is somebody else's words."""
        first, verb, last = doc[start], doc[clause.verb], doc[end - 1]
        broken_off = end < len(doc) and doc[end].text == "-" and (end >= len(doc) - 1 or not last.whitespace_)
        if broken_off or clause.link == "unless" or any(t.text == '"' for t in first.sent):
            return True
        if clause.link == "so" and any(t.lower_ in _PURPOSE for t in doc[start : verb.i]):
            return True  # "so she can sleep"
        if start > 1 and doc[start - 1].lower_ == "so" and doc[start - 2].lower_ == "just":
            return True
        if first.lower_ in _SUBORDINATE and verb.dep_ == "advcl":
            return True  # "after I found out": the half that would make it a statement is not there
        if last.pos_ == "AUX" and last.lower_ not in ("be", "been"):
            return True  # "I'm not sure it does"
        condition = first.lower_ == "if" and first.head.i != verb.i and first.head.dep_ == "advcl"
        if first.lower_ in self._content.dependent and clause.subject != first.i and not condition:
            return True
        if verb.tag_ == "VBG" and not any(t.dep_ in ("aux", "auxpass") for t in verb.lefts):
            return True
        if verb.lemma_ in self._content.unfinished and verb.i >= end - 1:
            return True
        whole = last.lower_ in _POINTING and last.dep_ in ("dobj", "pobj", "attr")  # "I've had enough of this"
        return (last.tag_ in _TORN_ENDS and not whole) or last.lower_ in _LOOSE_ENDS

    def _attributed(self, text: str) -> str:
        """A judgement said as the client's own: the bot must not seem to confirm "I don't have what it takes"."""
        for opinion in self._content.opinions:
            if opinion.words.search(text):
                return opinion.words.sub(opinion.lead, text, count=1)
        return text

    def _lean(self, doc: Doc, clause: Clause, language: ClientLanguage | None) -> str:
        """change, sustain or none: by the coding of the client's language where there is one, else by the tables."""
        if language is not None:
            return _coded(doc[clause.start : clause.end].text, language)
        return self.votes(doc[clause.start : clause.end])


def _has_subject(doc: Doc, clause: Clause) -> bool:
    """Whether a clause of a sentence has its subject, and is no order, question or other's words."""
    return clause.subject is not None and doc[clause.subject].lower_ not in ("who", "which", "what", "you")


def _is_own(verb: Token) -> bool:
    """Whether it is the client who says or thinks so."""
    subject = subject_of(verb)
    return subject is None or is_first(subject)


def _of_another(doc: Doc, start: int) -> bool:
    """Whether the last subject before a clause was somebody else, who may be meant ("my girl laughed. Puffed it")."""
    before = next((t for t in reversed(doc[:start]) if t.dep_ in ("nsubj", "nsubjpass")), None)
    return before is not None and not is_first(before) and before.lower_ not in ("it", "that", "this", "there")


def _elides(doc: Doc, start: int) -> bool:
    """Whether a clause opens with "could ask", "might try": an "I" is left out."""
    first, after = doc[start], doc[start + 1] if start + 1 < len(doc) else None
    return (
        first.lower_ in ("could", "can", "might", "may", "will", "would")
        and after is not None
        and (after.tag_ == "VB" or after.lower_ in ("always", "maybe", "just", "probably", "even"))
        and after.lemma_ != "be"
    )


def _is_event(doc: Doc, clause: Clause) -> bool:
    """Whether a clause tells what a person did ("he hit me again"): said plainly, it must not sound doubted."""
    subject = None if clause.subject is None else doc[clause.subject]
    if subject is None or (doc[clause.verb].lemma_ == "be" and doc[clause.verb].tag_ != "VBN"):
        return False
    tells = doc[clause.verb].tag_ == "VBD" or any(
        (t.lemma_ == "have" or t.lower_ == "did") and t.dep_ == "aux" for t in doc[clause.verb].lefts
    )
    return tells and subject.lower_ in ("he", "she", "they", "someone", "somebody")


def _coded(raw: str, language: ClientLanguage) -> str:
    """The sign of the coded span that shares most of its words with a clause (more than a third)."""
    words = set(re.findall(r"[a-z]{3,}", raw.lower()))
    best, share = "none", 0.34
    for code in language.codes:
        coded = set(re.findall(r"[a-z]{3,}", code.text.lower()))
        overlap = len(words & coded) / max(1, min(len(words), len(coded)))
        if overlap > share:
            best, share = ("change" if code.sign == "+" else "sustain"), overlap
    return best


def _says_something(doc: Doc, start: int, end: int) -> bool:
    """Whether a clause has words of meaning enough, so that "it did" and "you trip on it" are not said back."""
    words = [t for t in doc[start:end] if t.pos_ in ("NOUN", "PROPN", "VERB", "ADJ", "ADV", "NUM") and len(t) > 2]
    telling = [t for t in words if (not t.is_stop or t.lemma_ in _FULL) and t.lemma_ not in _PALE]
    telling += [t for t in doc[start:end] if t.dep_ == "neg"]
    if any(t.pos_ in ("ADJ", "NOUN", "PROPN") or t.lemma_ in _ALONE for t in telling):
        return len(telling) >= (1 if doc[start].lower_ in ("i", "we") else 2)
    return len(telling) >= 2
