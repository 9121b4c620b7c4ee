"""Turning the client's words round: "I'm scared I'll lose my kids" becomes "you're scared you'll lose your kids".

Theory of operation. The parse says which verb belongs to which subject; the tables below say what each first-person
word becomes. Only "be" changes its form with the person (am, was -> are, were), every other English verb has the same
form for "I" and "you". "You" needs a guess: people say it of anybody ("you get used to it", which stays) and of the
one they talk to ("you told me to stop", where it becomes "I"). Words of duty are softened at the end, because
"I should stop", said back as "you should stop", is no longer the client's thought but an order.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token
else:  # the core only reads the attributes of a parse; it never imports the parser
    Doc = Token = Any


class Parser(Protocol):
    """A loaded spaCy pipeline (tagger, parser, lemmatizer), or anything that answers like one."""

    def __call__(self, text: str) -> Doc: ...


PRONOUNS = {
    "i": "you",
    "me": "you",
    "my": "your",
    "mine": "yours",
    "myself": "yourself",
    "we": "you",
    "us": "you",
    "our": "your",
    "ours": "yours",
    "ourselves": "yourselves",
}
BE_FIRST = {"am": "are", "'m": "'re", "m": "'re", "was": "were"}
FIRST_SUBJECTS = frozenset({"i", "we", "me"})

TO_SPEAKER = {"you": "I", "your": "my", "yours": "mine", "yourself": "myself"}
BE_SPEAKER = {"are": "am", "'re": "'m", "were": "was"}
# Verbs whose subject or object "you" is the one addressed, when the client stands on the other end of them.
ADDRESSING = frozenset(
    [
        "tell",
        "say",
        "ask",
        "understand",
        "get",
        "help",
        "listen",
        "hear",
        "judge",
        "relate",
        "promise",
        "recommend",
        "suggest",
        "push",
        "thank",
        "trust",
        "believe",
        "talk",
        "speak",
        "answer",
        "mention",
        "mean",
    ]
)

_CLIENT = "you\u2063"
"""A "you" that was "I" or "we": words of duty are only softened after it, not after the "you" of people in general."""
_CONTRACTION_GAP = re.compile(r"\s+(n't|'(?:s|re|ve|ll|d|m))\b")


def subject_of(token: Token) -> Token | None:
    """The subject of a verb, looked up through auxiliaries and coordinated verbs; None if there is none."""
    seen = 0
    verb = token
    while seen < 6:
        for child in verb.lefts:
            if child.dep_ in ("nsubj", "nsubjpass", "expl"):
                return child
        if verb.dep_ in ("aux", "auxpass", "conj") and verb.head is not verb:
            verb = verb.head
            seen += 1
            continue
        return None
    return None


def is_first(token: Token | None) -> bool:
    """Whether a subject is the client, alone or with others ("I", "me and my wife", "my wife and I")."""
    if token is None:
        return False
    if token.lower_ in FIRST_SUBJECTS:
        return True
    return any(t.dep_ == "conj" and t.lower_ in FIRST_SUBJECTS for t in token.rights)


def _first_be(token: Token) -> bool:
    """Whether this form of "be" agrees with a first-person subject, by the parse or by standing right after it."""
    if is_first(subject_of(token)):
        return True
    before = token.i - 1
    while before >= max(0, token.i - 3) and token.doc[before].tag_ == "RB":
        before -= 1
    return before >= 0 and bool(token.doc[before].lower_ == "i")


def addresses_bot(token: Token) -> bool:
    """Whether a "you" means the one the client is talking to, not people in general.

    A guess from the verb: "you told me", "you don't understand", "can you", "thank you" are addresses;
    "you get used to it" and "when you work nights" are not.
    """
    if token.lower_ not in TO_SPEAKER and token.lower_ not in ("u", "ur"):
        return False
    doc, i = token.doc, token.i
    if i + 1 < len(doc) and doc[i + 1].lower_ in ("people", "guys", "lot", "doctors", "all"):
        return True
    if i > 1 and doc[i - 1].lemma_ in ADDRESSING and doc[i - 2].lower_ in FIRST_SUBJECTS:
        return True
    if i > 0 and doc[i - 1].lower_ in ("can", "could", "would", "will", "do", "did", "are", "have", "were", "thank"):
        return True
    verb = token.head
    if token.dep_ == "poss" or verb.pos_ == "ADP":
        verb = verb.head
    if verb.lemma_ not in ADDRESSING:
        return False
    if token.dep_ in ("nsubj", "nsubjpass"):
        to_client = any(t.lower_ in ("me", "us", "i", "my") for t in verb.subtree)
        denied = any(t.dep_ == "neg" for t in verb.children) and verb.lemma_ in ("understand", "get", "listen", "hear")
        return to_client or denied or verb.tag_ in ("VBD", "VBG")
    return is_first(subject_of(verb))


def _stays_plural(token: Token) -> bool:
    """ "We all have to die of something" is about everybody and stays as it is."""
    following = token.doc[token.i + 1] if token.i + 1 < len(token.doc) else None
    return token.lower_ == "we" and following is not None and following.lower_ in ("all", "both")


def _turn_word(token: Token) -> str:
    low, text = str(token.lower_), str(token.text)
    if low in PRONOUNS and not (low == "mine" and token.pos_ == "NOUN"):
        if _stays_plural(token):
            return low
        return _CLIENT if low in ("i", "we") else PRONOUNS[low]
    if low == "us" or (low == "m" and token.i == 0):
        return text
    if low in BE_FIRST and low != "m" and _first_be(token):
        return BE_FIRST[low]
    if low == "m" and token.i > 0 and token.doc[token.i - 1].lower_ == "i":
        return BE_FIRST[low]
    if low == "ai" and token.i + 1 < len(token.doc) and token.doc[token.i + 1].norm_ == "not":
        subject = subject_of(token)
        plural = subject is not None and (subject.lower_ in ("they", "we", "you") or subject.tag_ == "NNS")
        return "are" if plural or _first_be(token) else "is"
    if low == "cause" and token.pos_ in ("SCONJ", "ADP"):
        return "because"
    if low in TO_SPEAKER and addresses_bot(token):
        asked = token.i > 0 and token.doc[token.i - 1].lemma_ in ADDRESSING  # "I told you I'd stop"
        object_ = asked or token.dep_ not in ("nsubj", "nsubjpass")
        return "me" if low == "you" and object_ else TO_SPEAKER[low]
    if low in BE_SPEAKER:
        subject = subject_of(token)
        if subject is not None and subject.lower_ == "you" and addresses_bot(subject):
            return BE_SPEAKER[low]
    return text


def turn_tokens(doc: Doc, start: int, end: int) -> str:
    """The tokens start..end (end not included) with the person turned; the first letter is lower case.

    Names and words in capitals keep theirs. Spacing follows the source, so contractions stay whole.
    """
    parts: list[str] = []
    for token in doc[start:end]:
        word = _turn_word(token)
        if word == "I":
            pass
        elif (token.is_sent_start and not keeps_capital(token)) or (
            word == token.text and token.is_title and not keeps_capital(token) and token.i == start
        ):
            word = word[:1].lower() + word[1:]
        parts.append(word + token.whitespace_)
    return polish(ease_duty("".join(parts).strip()))


def keeps_capital(token: Token) -> bool:
    """Names, "I" and words written in capitals (CBT, ER) keep their capital inside a sentence."""
    return bool(token.pos_ == "PROPN" or token.lower_ == "i" or (token.is_upper and len(token) > 1))


_EMBEDDED = (
    r"(?:know|knew|think|thought|realise|realize|feel|see|believe|guess|sure|because|since|if|that|when|whenever|"
    r"what|how|why|all|before|after|until|where|who|says?|said|tells?|told|reckons?)"
)
_ADVERB = r"((?:really |probably |just |definitely |still |actually |seriously |badly |maybe )?)"
# Each rule of duty: what a turned sentence says -> how it is said as the client's own thought.
_DUTY: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"\byou\u2063(?:'ve| have)? (?:gotta|got to)\b", "you\u2063 have to"),
        (r"\byou\u2063 must be (?=\w+ing\b)", "you think you're "),
        (rf"\b({_EMBEDDED}) you\u2063 {_ADVERB}(?:need|have) to\b", r"\1 you've \2got to"),
        (rf"\b({_EMBEDDED}) you\u2063 {_ADVERB}should(?:n't| not)\b", r"\1 you \2ought not to"),
        (rf"\b({_EMBEDDED}) you\u2063 {_ADVERB}should\b", r"\1 you \2ought to"),
        (rf"\b({_EMBEDDED}) you\u2063 {_ADVERB}must\b", r"\1 you've \2got to"),
        (r"\byou\u2063 (?:don't|do not) (?:really )?need to\b", "you see no need to"),
        (r"\byou\u2063 (?:don't|do not) (?:really )?have to\b", "you don't feel you've got to"),
        (rf"\byou\u2063 {_ADVERB}need to\b", r"you feel you've \1got to"),
        (rf"\byou\u2063 {_ADVERB}have to\b", r"you're \1having to"),
        (rf"\byou\u2063 {_ADVERB}should(?:n't| not)\b", r"you \1feel you ought not to"),
        (rf"\byou\u2063 {_ADVERB}should\b", r"you \1feel you ought to"),
        (rf"\byou\u2063 {_ADVERB}must\b", r"you feel you've \1got to"),
    )
)
# "I have to stop" is a wish to change, "I have to work nights" a fact of life; only these verbs make it the first.
_RESOLVE = re.compile(
    r"\byou're ((?:\w+ )?)having to (?=(?:stop|quit|cut|change|lose|give|get|do something|start|sort|be|keep|find)\b)"
)


_PEOPLES_DUTY = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"\byou (?:have|need) to\b", "you've got to"),
        (r"\byou must\b", "you've got to"),
        (r"\byou should(?:n't| not)\b", "you ought not to"),
        (r"\byou should\b", "you ought to"),
    )
)
"""What is left is the "you" of people in general: "I heard that you have to give up bread"."""


def ease_duty(text: str) -> str:
    """Say a turned "I should", "I need to", "I have to" as the client's own sense of duty, never as an order."""
    for pattern, replacement in _DUTY:
        text = pattern.sub(replacement, text)
    text = _RESOLVE.sub(r"you feel you've \1got to ", text.replace("\u2063", ""))
    for pattern, replacement in _PEOPLES_DUTY:
        text = pattern.sub(replacement, text)
    return text


def polish(text: str) -> str:
    """Mend what turning leaves behind: order in pairs ("you and your wife"), doubled words, gaps, n't after are."""
    text = _CONTRACTION_GAP.sub(r"\1", text)
    text = re.sub(
        r"\b(your (?:\w+ )?\w+) and you\b(?! (?:are|were|have|can|will|feel|know|think))", r"you and \1", text
    )
    text = re.sub(r"\byou(?:rself)? and (you)\b(?=[ ,.])", r"\1", text)
    text = re.sub(r"\b(are|were|is|was) n't\b", r"\1n't", text)
    text = re.sub(r"\bamn't\b", "aren't", text)
    text = re.sub(r"\b(?<!as )(?<!way )(?<!who )(?<!what )(?<!where )(you|they) are\b(?= \w)", r"\1're", text)
    return re.sub(r"\s{2,}", " ", text).strip()


def turn_round(text: str, parse: Parser) -> str:
    """The client's words as said back to them, without a frame: statement words only, first letter in lower case.

    >>> turn_round("I'm scared I'll lose my kids", parse)
    "you're scared you'll lose your kids"
    """
    doc = parse(text.replace("\u2019", "'").strip())
    end = len(doc)
    while end and doc[end - 1].is_punct:
        end -= 1
    return turn_tokens(doc, 0, end)


def sentence_case(text: str) -> str:
    """The same text with a capital first letter."""
    return text[:1].upper() + text[1:]


def gerund(verb: str) -> str:
    """The -ing form of a base verb: stop -> stopping, lose -> losing, be -> being (regular English spelling)."""
    if verb in ("be", "see", "flee", "agree") or verb.endswith(("ee", "ye", "oe")):
        return verb + "ing"
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e"):
        return verb[:-1] + "ing"
    short = re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", verb)
    if short or verb in ("begin", "forget", "admit", "commit", "regret", "quit", "prefer", "control", "upset"):
        return verb + verb[-1] + "ing"
    return verb + "ing"


def third_person(verb: str) -> str:
    """The form after "she": keep -> keeps, worry -> worries, be -> is, have -> has."""
    irregular = {"be": "is", "have": "has", "do": "does", "go": "goes"}
    if verb in irregular:
        return irregular[verb]
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return verb[:-1] + "ies"
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return verb + "es"
    return verb + "s"
