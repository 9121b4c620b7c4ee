"""Whole conversations to learn client language from: `data/nlu/conversations/*.txt`, for people to read and review.

    # b62: gambling | postman, 37, Stoke
    Q: what the bot says
    A: gets me out of my head {R-} but the money scares me {R+}
    Q: ...
    A[share]: a neutral message, with its intent

A code in braces stands right after the words it covers, which begin where the code before ended: D desire, AB ability,
R reason, ND need, C commitment, AC activation, TS taking steps, O other, each towards (+) or away from (-) the change;
{0} covers words without a code. `A!+:` and `A!-:` say which side of a message with both signs weighs more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CODES = {
    "D": "desire",
    "AB": "ability",
    "R": "reason",
    "ND": "need",
    "C": "commitment",
    "AC": "activation",
    "TS": "taking_steps",
    "O": "other",
}
_LINE = re.compile(r"A(?:!([+-])|\[(\w+)\])?: (.+)")
_CODE = re.compile(r"\s*\{([^}]*)\}")


@dataclass(frozen=True)
class Coded:
    """One message of a client. `codes`: pairs of a code with its sign ("reason+") and its words; `intent` is "" for a
    message with codes; `lean` is "+" or "-" for one with both signs, else ""."""

    conversation: str
    previous: str
    text: str
    codes: tuple[tuple[str, str], ...]
    intent: str
    lean: str

    @property
    def kind(self) -> str:
        """change, sustain, neutral or ambivalent."""
        signs = {code[-1] for code, _ in self.codes}
        if len(signs) == 2:
            return "ambivalent"
        return {"+": "change", "-": "sustain"}[signs.pop()] if signs else "neutral"


def read(folder: Path) -> list[Coded]:
    """All messages of the files in a folder, in order.

    Raises:
        ValueError: a line is wrong; the message names file and line.
    """
    return [coded for file in sorted(folder.glob("*.txt")) for coded in _read_file(file)]


def _read_file(file: Path) -> Iterator[Coded]:
    conversation = previous = ""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        place = f"{file.name}, line {number}"
        if line.startswith("# "):
            conversation, previous = line[2:].partition(":")[0], ""
        elif line.startswith("Q: "):
            previous = line[3:].strip()
        elif line.strip():
            match = _LINE.fullmatch(line.strip())
            if match is None or not conversation:
                raise ValueError(f"{place}: {line[:40]!r} is no message: write 'A: …', 'A[intent]: …' or 'Q: …'.")
            yield _coded(match, conversation, previous, place)


def _coded(match: re.Match[str], conversation: str, previous: str, place: str) -> Coded:
    text, codes, begun = "", [], 0
    at = 0
    for mark in _CODE.finditer(match[3]):
        text += match[3][at : mark.start()]
        at = mark.end()
        code = mark[1]
        if code != "0":
            if code[:-1] not in CODES or code[-1] not in "+-":
                raise ValueError(f"{place}: {code!r} is no code: {', '.join(CODES)} with + or -, or 0.")
            codes.append((CODES[code[:-1]] + code[-1], text[begun:].strip(" ,.;-")))
        begun = len(text)
    text = (text + match[3][at:]).strip()
    coded = Coded(conversation, previous, text, tuple(codes), match[2] or "", match[1] or "")
    if bool(coded.intent) == bool(codes):
        raise ValueError(f"{place}: a message has either codes or, in A[…], an intent.")
    if (coded.kind == "ambivalent") != bool(coded.lean):
        raise ValueError(f"{place}: a message with both signs, and no other, says which weighs more: A!+ or A!-.")
    return coded
