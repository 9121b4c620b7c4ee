"""Coding one sentence of a counsellor by its words.

Theory of operation. The sentence is made even (lower case, no hesitations) and goes through RULES from top to bottom;
the first rule that fits gives its code. What harms comes first (confront, persuade), then what asks, then what is
particular (autonomy, affirming), then reflections, then information. A reflection is a statement about the client
("you …"), or one made of the client's own words; it is complex when it names what the client did not say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.mi.fidelity_tables import FidelityTables

_SENTENCE = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\n+")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_STUTTER = re.compile(r"\b([\w']+)-+(?=\1\b)", re.I)


@dataclass(frozen=True)
class Code:
    """`text` got `code` for `reason`."""

    text: str
    code: str
    reason: str


@dataclass(frozen=True)
class Sentence:
    """A counsellor's sentence beside what the client said just before. `permitted`: the client asked, or said yes."""

    text: str
    even: str
    client: frozenset[str]
    permitted: bool = False

    @property
    def asks(self) -> bool:
        return self.text.rstrip(" \"')").endswith("?")


def sentences(text: str) -> list[str]:
    """The sentences of a text, as they were written."""
    return [part.strip() for part in _SENTENCE.split(text) if re.search(r"\w", part)]


def even(text: str, tables: FidelityTables) -> str:
    """Lower-case words without hesitations and stutters, each followed by one space."""
    lowered = _STUTTER.sub("", text.lower().replace("’", "'"))
    return "".join(f"{word} " for word in _WORD.findall(lowered) if word not in tables.words["hesitations"])


def content_words(even_text: str, tables: FidelityTables) -> list[str]:
    """Words that carry meaning, cut to a stem of six letters so that "drinking" meets "drink"."""
    return [word[:6].rstrip("s") for word in even_text.split() if word not in tables.words["stopwords"]]


class SentenceCoder:
    """Codes sentences by the tables."""

    def __init__(self, tables: FidelityTables) -> None:
        self.tables = tables

    def read(self, text: str, client: str, permitted: bool = False) -> Sentence:
        """A sentence with the client's words beside it."""
        words = frozenset(content_words(even(client, self.tables), self.tables))
        return Sentence(text, even(text, self.tables), words, permitted)

    def code(self, sentence: Sentence) -> Code:
        """The first rule that fits."""
        for rule in RULES:
            found = rule(self, sentence)
            if found:
                name, what = found
                reason = self.tables.reasons[name].format(found=what.strip())
                return Code(sentence.text, name, reason)
        return Code(sentence.text, "none", self.tables.reasons["none"])

    def harm(self, sentence: Sentence) -> Code | None:
        """Plainly confronting or persuading words in a sentence, whatever else it does."""
        found = _harmful(self, sentence, "confront") or _harmful(self, sentence, "persuade")
        if found is None:
            return None
        return Code(sentence.text, found[0], self.tables.reasons[found[0]].format(found=found[1].strip()))

    def has(self, table: str, even_text: str) -> str:
        """What a table's patterns find, or ""."""
        match = self.tables.patterns[table].search(even_text)
        return match.group().strip() if match else ""

    def starts(self, table: str, even_text: str) -> str:
        """The same at the start of the sentence, behind its openers."""
        rest = self.without_openers(even_text)
        match = self.tables.patterns[table].match(rest)
        return match.group().strip() if match else ""

    def without_openers(self, even_text: str) -> str:
        match = self.tables.opener.match(even_text)
        return even_text[match.end() :] if match else even_text

    def shared(self, sentence: Sentence) -> float:
        """The share of the sentence's content words that the client had used."""
        words = content_words(sentence.even, self.tables)
        return sum(word in sentence.client for word in words) / len(words) if words else 0.0


_Found = tuple[str, str] | None


def _filler(coder: SentenceCoder, sentence: Sentence) -> _Found:
    rest = sentence.even.strip()
    fillers = coder.tables.words["fillers"]
    while rest:
        known = next((w for w in fillers if rest == w or rest.startswith(f"{w} ")), None)
        if known is None:
            return None
        rest = rest[len(known) :].strip()
    return "filler", ""


def _confront(coder: SentenceCoder, sentence: Sentence) -> _Found:
    return _harmful(coder, sentence, "confront", "confront_weak")


def _persuade(coder: SentenceCoder, sentence: Sentence) -> _Found:
    return _harmful(coder, sentence, "persuade", "persuade_weak")


def _harmful(coder: SentenceCoder, sentence: Sentence, *tables: str) -> _Found:
    found = next((hit for table in tables if (hit := coder.has(table, sentence.even))), "")
    if not found or _said_back(coder, sentence, found):
        return None
    name = tables[0]
    return ("persuade_with_permission" if name == "persuade" and sentence.permitted else name), found


def _said_back(coder: SentenceCoder, sentence: Sentence, found: str) -> bool:
    """Words of duty are no advice when they are the client's own: "you feel you have to", or said back."""
    before = sentence.even[: max(sentence.even.find(found), 0)]
    return bool(coder.has("mind_verbs", before) or coder.has("reflection_stems", before)) or (
        coder.shared(sentence) >= coder.tables.thresholds["echo_share"]
    )


def _advice_asked(coder: SentenceCoder, sentence: Sentence) -> _Found:
    """Advice in the clothes of a question: "why don't you …?"."""
    found = coder.starts("advice_questions", sentence.even)
    return (("persuade_with_permission" if sentence.permitted else "persuade"), found) if found else None


def _seek(coder: SentenceCoder, sentence: Sentence) -> _Found:
    found = coder.has("seek", sentence.even)
    return ("seek", found) if found else None


def _question(coder: SentenceCoder, sentence: Sentence) -> _Found:
    if not sentence.asks and (not coder.starts("asking", sentence.even) or _stem_first(coder, sentence)):
        return None
    if coder.has("closed_questions", sentence.even):
        return "closed_question", ""
    if _reflection(coder, sentence) and (_stem_first(coder, sentence) or coder.starts("about_client", sentence.even)):
        return None  # a statement about the client with a voice that rises at the end
    found = coder.has("open_questions", sentence.even)
    return ("open_question", found) if found else ("closed_question", "")


def _stem_first(coder: SentenceCoder, sentence: Sentence) -> bool:
    """ "What I'm hearing is …" begins like a question and is none."""
    return bool(coder.starts("reflection_stems", sentence.even))


def _autonomy(coder: SentenceCoder, sentence: Sentence) -> _Found:
    found = coder.has("autonomy", sentence.even)
    return ("emphasise_autonomy", found) if found else None


def _affirm(coder: SentenceCoder, sentence: Sentence) -> _Found:
    found = coder.has("affirm", sentence.even)
    return ("affirm", found) if found else None


def _reflection(coder: SentenceCoder, sentence: Sentence) -> _Found:
    stem = coder.has("reflection_stems", sentence.even)
    about = coder.has("about_client", sentence.even) and not coder.starts("about_counsellor", sentence.even)
    own = coder.shared(sentence) >= coder.tables.thresholds["echo_share"]
    if not (stem or about or own) or coder.has("information", sentence.even):
        return None
    added = _added(coder, sentence)
    return ("complex_reflection", added) if added else ("simple_reflection", "")


def _added(coder: SentenceCoder, sentence: Sentence) -> str:
    """What the sentence says beyond the client's words: a feeling, a value, both sides; or mostly new words."""
    limits = coder.tables.thresholds
    new = [word for word in content_words(sentence.even, coder.tables) if word not in sentence.client]
    for match in coder.tables.patterns["deeper"].finditer(sentence.even):
        words = content_words(match.group(), coder.tables)
        if not words or any(word in new for word in words):
            return f'"{match.group().strip()}"'
    words_ = content_words(sentence.even, coder.tables)
    if len(new) >= limits["new_words"] and len(new) >= limits["new_share"] * len(words_):
        return "mostly words of its own"
    return ""


def _structure(coder: SentenceCoder, sentence: Sentence) -> _Found:
    return ("structure", "") if coder.has("structure", sentence.even) else None


def _information(coder: SentenceCoder, sentence: Sentence) -> _Found:
    words, limits = len(sentence.even.split()), coder.tables.thresholds
    told = words >= limits["statement_words"] and coder.has("information", sentence.even)
    return ("give_information", "") if told or words >= limits["long_statement_words"] else None


Rule = Callable[[SentenceCoder, Sentence], _Found]
RULES: Sequence[Rule] = (
    *(_filler, _confront, _advice_asked, _seek, _question, _persuade, _autonomy, _affirm),
    *(_structure, _reflection, _information),
)
