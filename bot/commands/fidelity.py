"""`evoke fidelity`: MITI-style codes, counts and ratios of conversations, the bot's or a human's."""

from __future__ import annotations

import functools
from typing import IO, Any

from bot.commands.lines import BadLine, error_line, parse, write
from bot.mi.fidelity import Coded, FidelityCoder, figures
from bot.mi.fidelity_tables import FidelityTables
from bot.settings import ROOT
from bot.transcripts import Transcript, reflecting, take


def fidelity(lines: list[str], out: IO[str]) -> int:
    """Writes a line for each conversation and one called "overall"; the exit status, 1 when a line was bad."""
    conversations: dict[Any, Transcript] = {}
    status = 0
    for line in lines:
        if not line.strip():
            continue
        try:
            take(parse(line), conversations)
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
    words: str | None = reflecting(_core())(text, kinds)
    return words
