"""`evoke fidelity`: MITI-style codes, counts and ratios of conversations, the bot's or a human's."""

from __future__ import annotations

import functools
import random
import zlib
from dataclasses import dataclass, field
from typing import IO, Any

from bot.commands.lines import BadLine, error_line, parse, text_of, texts_of, write
from bot.mi.fidelity import Coded, FidelityCoder, Volley, figures
from bot.mi.fidelity_tables import FidelityTables
from bot.settings import ROOT

CLIENT = ("client", "patient", "user")
COUNSELLOR = ("counsellor", "counselor", "therapist", "clinician", "bot")


@dataclass
class _Conversation:
    """A conversation in the making: volleys, and free text that waits for the other side."""

    volleys: list[Volley] = field(default_factory=list)
    client: list[str] = field(default_factory=list)
    counsellor: list[str] = field(default_factory=list)

    def hear(self, text: str) -> None:
        if self.counsellor:
            self.close()
        self.client.append(text)

    def close(self) -> None:
        """Ends the volley under way; words of a client that nobody answered count as a turn, too."""
        if self.counsellor or self.client:
            said = tuple(self.counsellor)
            self.volleys.append(Volley(len(self.volleys) + 1, " ".join(self.client), said))
        self.client, self.counsellor = [], []


def fidelity(lines: list[str], out: IO[str]) -> int:
    """Writes a line for each conversation and one called "overall"; the exit status, 1 when a line was bad."""
    conversations: dict[Any, _Conversation] = {}
    status = 0
    for line in lines:
        if not line.strip():
            continue
        try:
            _take(parse(line), conversations)
        except BadLine as error:
            write(out, error_line(error))
            status = 1
    coder = FidelityCoder(FidelityTables.load(ROOT / "data" / "mi" / "fidelity.yml"))
    everything: list[Coded] = []
    for name, conversation in conversations.items():
        conversation.close()
        coded = coder.code(conversation.volleys, _reflect)
        everything.extend(coded)
        write(out, {"conversation_id": name, **_figures(coded), "turns": [_turn(c) for c in coded]})
    write(out, {"conversation_id": "overall", **_figures(everything), "conversations": len(conversations)})
    return status


def _take(value: dict[str, Any], conversations: dict[Any, _Conversation]) -> None:
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
        conversations.setdefault(name, _Conversation()).volleys.append(volley)
        return
    speaker, text = text_of(value, "speaker").lower(), text_of(value, "text")
    if speaker not in CLIENT + COUNSELLOR:
        raise BadLine(f"`speaker` is client, counsellor or therapist, and not {speaker}", name)
    conversation = conversations.setdefault(name, _Conversation())
    if speaker in CLIENT:
        conversation.hear(text)
    else:
        conversation.counsellor.append(text)


def _figures(coded: Any) -> dict[str, Any]:
    """All turns, and those in evoke beside them where processes are known."""
    shown = figures(coded)
    if any(c.volley.process for c in coded):
        shown["evoke"] = figures(coded, "evoke")
    return shown


def _turn(coded: Coded) -> dict[str, Any]:
    codes = [{"text": code.text, "code": code.code, "reason": code.reason} for code in coded.codes]
    shown: dict[str, Any] = {"turn": coded.volley.turn, "codes": codes}
    if coded.stronger:
        shown["stronger"] = coded.stronger
    return shown


@functools.cache
def _core() -> Any:
    # Loaded with the first turn that could have been stronger: parsing takes two seconds to start.
    from bot.core import load_core

    return load_core()


def _reflect(text: str, kinds: tuple[str, ...]) -> str | None:
    core = _core()
    topics = core.content.topics_in(text)
    rng = random.Random(zlib.crc32(text.encode()))
    made = core.reflector.reflect(text[:600], topic=topics[0] if topics else None, allow=kinds, rng=rng)
    return made.text if made else None
