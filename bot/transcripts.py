"""Conversations between a client and a counsellor, read from text, as volleys for the fidelity report."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.commands.lines import BadLine, parse, text_of, texts_of
from bot.mi.fidelity import Reflect, Volley

if TYPE_CHECKING:  # reading a transcript needs no language work
    from bot.mi.turn import MICore

CLIENT = ("client", "patient", "user")
COUNSELLOR = ("counsellor", "counselor", "therapist", "clinician", "bot")
_SPEAKER = re.compile(rf"\s*({'|'.join((*CLIENT, *COUNSELLOR, 'c', 't'))})\s*[:>]\s*(.*)", re.I)
_SHORT = {"c": "client", "t": "therapist"}


@dataclass
class Transcript:
    """A conversation in the making: volleys, and free text that waits for the other side."""

    volleys: list[Volley] = field(default_factory=list)
    client: list[str] = field(default_factory=list)
    counsellor: list[str] = field(default_factory=list)

    def hear(self, text: str) -> None:
        """The client's words."""
        if self.counsellor:
            self.close()
        self.client.append(text)

    def say(self, text: str) -> None:
        """The counsellor's words."""
        self.counsellor.append(text)

    def close(self) -> None:
        """Ends the volley under way; words of a client that nobody answered count as a turn, too."""
        if self.counsellor or self.client:
            said = tuple(self.counsellor)
            self.volleys.append(Volley(len(self.volleys) + 1, " ".join(self.client), said))
        self.client, self.counsellor = [], []


def take(value: dict[str, Any], conversations: dict[Any, Transcript]) -> None:
    """Adds a line to its conversation: a turn of `evoke replay`, or one side's words.

    Raises:
        BadLine: it is neither.
    """
    name = value.get("conversation_id")
    if not isinstance(name, str | int):
        raise BadLine("`conversation_id` must be a string or a number", value.get("id"))
    if "error" in value and "replies" not in value:
        raise BadLine(f"the replay could not play this: {value['error']}", name)
    if "replies" in value:
        turn = value.get("turn")
        volley = Volley(
            turn if isinstance(turn, int) else 0,
            text_of(value, "client"),
            tuple(texts_of(value, "replies")),
            tuple(texts_of(value, "moves")) if value.get("moves") else (),
            text_of(value, "process", optional=True),
        )
        conversations.setdefault(name, Transcript()).volleys.append(volley)
        return
    speaker, text = text_of(value, "speaker").lower(), text_of(value, "text")
    if speaker not in CLIENT + COUNSELLOR:
        raise BadLine(f"`speaker` is client, counsellor or therapist, and not {speaker}", name)
    conversation = conversations.setdefault(name, Transcript())
    if speaker in CLIENT:
        conversation.hear(text)
    else:
        conversation.say(text)


def read_transcript(text: str) -> tuple[Volley, ...]:
    """One conversation, as JSON Lines (see `take`; an id is not needed) or as plain text.

    In plain text each turn begins with who speaks: "Client: ..." and "Counsellor: ..." (or patient, therapist,
    clinician, C and T). A line that begins with nobody goes on with the turn before.

    Raises:
        BadLine: it cannot be read; the message names the line.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise BadLine("there is nothing in it")
    reader = _read_json if lines[0][1].lstrip().startswith("{") else _read_plain
    volleys = tuple(reader(lines))
    if not any(volley.said for volley in volleys):
        raise BadLine("no words of a counsellor are in it: turns begin with Client: or Counsellor:")
    return volleys


def reflecting(core: MICore) -> Reflect:
    """Words examples of a stronger turn: a reflection of what the client said."""

    def reflect(text: str, kinds: tuple[str, ...]) -> str | None:
        topics = core.content.topics_in(text)
        rng = random.Random(zlib.crc32(text.encode()))
        made = core.reflector.reflect(text[:600], topic=topics[0] if topics else None, allow=kinds, rng=rng)
        return made.text if made else None

    return reflect


def _read_json(lines: Iterable[tuple[int, str]]) -> Iterable[Volley]:
    conversations: dict[Any, Transcript] = {}
    for number, line in lines:
        try:
            take({"conversation_id": 0, **parse(line)}, conversations)
        except BadLine as error:
            raise BadLine(f"line {number}: {error}") from None
    if len(conversations) > 1:
        raise BadLine(f"{len(conversations)} conversations are in it: choose one")
    for conversation in conversations.values():
        conversation.close()
        yield from conversation.volleys


def _read_plain(lines: Iterable[tuple[int, str]]) -> Iterable[Volley]:
    turns: list[tuple[str, str]] = []
    for number, line in lines:
        match = _SPEAKER.match(line)
        if match:
            speaker = match[1].lower()
            turns.append((_SHORT.get(speaker, speaker), match[2].strip()))
        elif turns:
            turns[-1] = (turns[-1][0], f"{turns[-1][1]} {line.strip()}".strip())
        else:
            raise BadLine(f"line {number}: who speaks? A turn begins with Client: or Counsellor:")
    transcript = Transcript()
    for speaker, words in turns:
        if words:
            (transcript.hear if speaker in CLIENT else transcript.say)(words)
    transcript.close()
    return transcript.volleys
