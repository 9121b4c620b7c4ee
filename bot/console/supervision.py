"""The fidelity report of one conversation: figures, charts, and each turn with its codes, reasons and what is stronger.

The thresholds are those of the MITI 4.2.1 manual (Moyers, Manuel and Ernst 2014, "clinician basic competence and
proficiency thresholds", set by expert opinion): reflections to questions 1 to 1 fair, 2 to 1 good; complex reflections
40 % fair, 50 % good.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.console.charts import Chart, bars
from bot.console.words import AGAINST_MI, CODES, IN_MI
from bot.core import DATA
from bot.mi.fidelity import Coded, FidelityCoder, Reflect, Volley, figures
from bot.mi.fidelity_tables import CODES as COUNTED
from bot.mi.fidelity_tables import FidelityTables
from bot.store.models import Message

MOST_CHARACTERS = 200_000
MOST_TURNS = 400
RATIO_MARKS, COMPLEX_MARKS = (1.0, 2.0), (40.0, 50.0)
BOT_KINDS = ("text", "safety")


@dataclass(frozen=True)
class Report:
    """What the page shows. `strengths` and `next_step` are sentences; `shown` are the turns."""

    figures: dict[str, Any]
    charts: list[Chart]
    shown: Sequence[Coded]
    strengths: list[str]
    next_step: str


@functools.cache
def coder() -> FidelityCoder:
    """Reads data/mi/fidelity.yml once."""
    return FidelityCoder(FidelityTables.load(DATA / "mi" / "fidelity.yml"))


def report(volleys: Sequence[Volley], reflect: Reflect | None) -> Report:
    """Codes a conversation. With `reflect` it takes some tens of milliseconds a turn: keep it off the event loop."""
    coded = coder().code(volleys[:MOST_TURNS], reflect)
    found = figures(coded)
    return Report(found, _charts(found), coded, _strengths(found), _next_step(found))


def volleys_of(messages: Iterable[Message], by: str) -> list[Volley]:
    """A stored conversation as volleys.

    Args:
        by: "bot" or "clinician": whose words are looked at.
    """
    volleys: list[Volley] = []
    client: list[str] = []
    said: list[str] = []
    moves: list[str] = []
    process = ""

    def close() -> None:
        if said:
            volleys.append(Volley(len(volleys) + 1, " ".join(client), tuple(said), tuple(moves), process))
            client.clear()
            said.clear()
            moves.clear()

    for message in messages:
        if message.direction == "in":
            close()
            client.append(message.text)
            process = str(message.heard.get("process", ""))
        elif by == "clinician" and message.kind == "clinician":
            said.append(message.text.partition("\n")[2] or message.text)
        elif by == "bot" and message.kind in BOT_KINDS and message.moves:
            said.append(message.text)
            moves += message.moves
    close()
    return volleys


def _charts(found: dict[str, Any]) -> list[Chart]:
    counts, ratio = found["counts"], found["reflections_to_questions"]
    reflections = counts["simple_reflection"] + counts["complex_reflection"]
    drawn = []
    if ratio is not None or reflections:
        written = f"{ratio} to 1" if ratio is not None else f"{reflections} to none"
        value = ratio if ratio is not None else RATIO_MARKS[1]
        drawn.append(
            bars(
                "ratio",
                "Reflections for each question",
                [("Fair 1, good 2", value, written)],
                most=3,
                marks=RATIO_MARKS,
            )
        )
    if found["percent_complex"] is not None:
        share = found["percent_complex"]
        rows = [("Fair 40 %, good 50 %", share, f"{share:g} %")]
        drawn.append(bars("complex", "Complex among reflections", rows, most=100, marks=COMPLEX_MARKS))
    rows = [(CODES[code], counts[code], str(counts[code])) for code in COUNTED if counts[code]]
    if rows:
        drawn.append(bars("counts", "What was said, in turns", rows, most=max(value for _, value, _ in rows)))
    return drawn


def _strengths(found: dict[str, Any]) -> list[str]:
    counts, ratio, complex_ = found["counts"], found["reflections_to_questions"], found["percent_complex"]
    said = [f"{CODES[code]}: {counts[code]}" for code in IN_MI if counts[code]]
    strengths = []
    if ratio is not None and ratio >= RATIO_MARKS[0]:
        strengths.append("There is at least one reflection for each question.")
    if complex_ is not None and complex_ >= COMPLEX_MARKS[0]:
        strengths.append("Many reflections go beyond what the client said.")
    if said and not any(counts[code] for code in AGAINST_MI):
        strengths.append("Nothing was pressed on the client.")
    return strengths


def _next_step(found: dict[str, Any]) -> str:
    """The one thing to practise first; what harms comes before what could be stronger."""
    counts, ratio, complex_ = found["counts"], found["reflections_to_questions"], found["percent_complex"]
    if counts["confront"]:
        return "Look first at the turns marked as confronting, and try the stronger alternative aloud."
    if counts["persuade"]:
        return "Ask leave before you advise, and ask first what the client has thought of."
    if ratio is not None and ratio < RATIO_MARKS[0]:
        return "Answer with a reflection before each question."
    if complex_ is not None and complex_ < COMPLEX_MARKS[0]:
        return "Let some reflections say what the client has not yet said: a feeling, a value, both sides."
    return "Keep going, and try a question fewer than feels natural."
