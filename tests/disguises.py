"""Ways in which people type, and in which words are hidden: one text in, the same text disguised out."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

Disguise = Callable[[str, random.Random], str]


def zero_width(text: str, rng: random.Random) -> str:
    return "".join(char + rng.choice(("", "\u200b", "\u200d", "\u00ad")) for char in text)


def homoglyphs(text: str, rng: random.Random) -> str:
    table = str.maketrans({"a": "а", "e": "е", "o": "о", "i": "і", "c": "с", "p": "р", "x": "х", "y": "у"})
    return "".join(char.translate(table) if rng.random() < 0.6 else char for char in text)


def leetspeak(text: str, rng: random.Random) -> str:
    table = {"i": "1", "e": "3", "o": "0", "a": "4", "s": "5"}
    return " ".join(
        "".join(table.get(char, char) if rng.random() < 0.5 else char for char in word) if len(word) > 2 else word
        for word in text.split()
    )


def spaced_out(text: str, _: random.Random) -> str:
    return "  ".join(" ".join(word) for word in text.replace("'", "").split())


def spaced_evenly(text: str, _: random.Random) -> str:
    return " ".join(text.replace("'", "").replace(" ", ""))


def stretched(text: str, rng: random.Random) -> str:
    return " ".join(word + word[-1] * rng.randint(2, 4) if len(word) > 3 else word for word in text.split())


def typo(text: str, rng: random.Random) -> str:
    words = text.split()
    longest = max(range(len(words)), key=lambda index: len(words[index]))
    word = words[longest]
    if len(word) > 4:
        at = rng.randrange(1, len(word) - 2)
        words[longest] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def capitals(text: str, _: random.Random) -> str:
    return text.upper()


def emoji(text: str, rng: random.Random) -> str:
    return " ".join(word + rng.choice(("", " 😭", " 💀", "😢")) for word in text.split()) + " 😭😭"


def styled_letters(text: str, _: random.Random) -> str:
    return "".join(chr(0x1D41A + ord(char) - 97) if "a" <= char <= "z" else char for char in text.lower())


def buried(text: str, _: random.Random) -> str:
    filler = "Yesterday we walked along the canal and talked about the garden. "
    return (filler * 80)[: 4095 - len(text)] + " " + text


def slips(text: str, rng: random.Random) -> str:
    """A letter lost, doubled or swapped with its neighbour in every third word of five letters or more."""
    words = text.split()
    long = [index for index, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    for index in long[:: 1 if len(long) < 3 else 3]:
        word, at = words[index], rng.randrange(1, len(words[index]) - 1)
        lost, doubled = word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]
        swapped = word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :] if at > 1 else doubled
        words[index] = rng.choice((lost, doubled, swapped))
    return " ".join(words)


BY_EAR = (
    (r"ight\b", "ite"),
    (r"ing\b", "in"),
    ("ck", "k"),
    (r"\bwh", "w"),
    ("ould", "ud"),
    ("(?<=[aeiou])(ss|ll|tt|pp)", ""),
)
BY_EAR += (("ee", "ea"), (r"(?<=[^aeiou])e\b", ""), (r"ed\b", "d"), ("th(?=ing)", "f"), ("au", "or"), ("ie", "y"))


def by_ear(text: str, rng: random.Random) -> str:
    """Two of the usual spellings of somebody who writes as they speak, and no apostrophes."""
    plain = text.replace("'", "")
    fitting = [pair for pair in BY_EAR if re.search(pair[0], plain)]
    for sound, heard in rng.sample(fitting, min(2, len(fitting))):
        plain = re.sub(sound, heard or (lambda match: match[0][:1]), plain)
    return plain


PHONE = {
    "you": "u",
    "are": "r",
    "to": "2",
    "for": "4",
    "and": "n",
    "be": "b",
    "because": "cuz",
    "with": "w",
    "my": "ma",
}
PHONE |= {
    "want": "wnt",
    "don't": "dnt",
    "can't": "cnt",
    "tonight": "2nite",
    "anymore": "nemore",
    "what": "wot",
    "of": "ov",
}


def phone(text: str, _: random.Random) -> str:
    return " ".join(PHONE.get(word.lower(), word) for word in text.split())


DISGUISES = [slips, by_ear, phone, zero_width, homoglyphs, leetspeak, spaced_out, spaced_evenly, stretched, typo]
DISGUISES += [capitals, emoji, styled_letters, buried]
