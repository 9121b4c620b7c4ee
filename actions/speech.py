"""How what the MI core says goes out through Rasa's dispatcher."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rasa_sdk.executor import CollectingDispatcher

from bot.mi.content import Line
from bot.mi.strategy import PLAN_LABELS
from bot.mi.turn import Say, Turn
from bot.turns import TurnContext, this_turn


def utter(dispatcher: CollectingDispatcher, says: Iterable[Say]) -> None:
    """Sends messages with their moves; a ruler, buttons and a card travel with the words."""
    for say in says:
        extra: dict[str, Any] = {"moves": list(say.moves)}
        if say.ruler:
            extra["ruler"] = {"name": say.ruler}
        if say.card:
            extra["card"] = plan_card(say.card)
        buttons = [{"title": title, "payload": title} for title in say.buttons]
        dispatcher.utter_message(text=say.text, buttons=buttons, json_message=extra)


def tell(dispatcher: CollectingDispatcher, *moves: str, buttons: Iterable[str] = (), **slots: str) -> None:
    """Says one wording of each move as one message; a move whose wordings are all used up is left out."""
    turn = this_turn()
    lines = [line for move in moves if (line := wording(turn, move, **slots))]
    if lines:
        text = " ".join(line.text for line in lines)
        utter(dispatcher, [Say(text, tuple(f"{line.act}:{line.move}" for line in lines), buttons=tuple(buttons))])


def wording(turn: TurnContext, move: str, **slots: str) -> Line | None:
    """A wording of `move`, preferring one not yet said in this conversation."""
    content, filled = turn.core.content, {"clinic": turn.clinic.name, "crisis": turn.crisis, **slots}
    for said in (turn.mi.said, ()):
        line = content.say(move, said=said, rng=turn.rng, topic=turn.mi.topic, slots=filled)
        if line:
            return line
    return None


def take(dispatcher: CollectingDispatcher, result: Turn) -> None:
    """Sends what the MI core said and keeps its new state for the end of the turn."""
    this_turn().mi = result.state
    utter(dispatcher, result.says)


def plan_card(plan: Any) -> dict[str, Any]:
    """The plan as a card: labelled lines in the client's own words."""
    lines = [{"label": label, "text": plan[name]} for name, label in PLAN_LABELS.items() if plan.get(name)]
    lines += [{"label": "To make it easier", "text": plan["easier"]}] if plan.get("easier") else []
    lines += [{"label": "Also", "text": plan["also"]}] if plan.get("also") else []
    return {"type": "plan", "title": "My plan", "lines": lines, "file": "plan.txt"}
