"""What an action may know and do while it works on one turn.

Rasa calls the actions over HTTP with a turn's id. The endpoint (bot/actions_endpoint.py) finds the turn in `Turns`
and makes it the current one; an action asks for it with `this_turn()`. An action changes nothing in the database by
itself: it leaves effects, and the conversation commits them together with the replies. The one exception is taking a
slot, which has to be certain before the client is told; it is keyed by the inbound message, so that the same turn
worked twice takes it once.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.mi.state import MIState
from bot.mi.turn import MICore
from bot.store.database import Database


@dataclass
class TurnContext:
    """One inbound message being answered."""

    turn_id: str
    conversation_id: str
    client_id: str
    inbound_id: int
    text: str
    payload: str
    now: datetime
    hours_away: float
    zone: str
    gentle: bool
    mi: MIState
    core: MICore
    clinic: ClinicConfig
    crisis: str
    lines: str
    db: Database
    rng: random.Random
    effects: list[Callable[[Session], None]] = field(default_factory=list)
    heard: dict[str, Any] = field(default_factory=dict)
    erases: bool = False
    once: set[str] = field(default_factory=set)

    def later(self, effect: Callable[[Session], None]) -> None:
        """Has `effect` run in the transaction that stores the replies."""
        self.effects.append(effect)

    def first(self, what: str) -> bool:
        """Whether this is the first time that `what` is asked about in this turn."""
        is_first = what not in self.once
        self.once.add(what)
        return is_first


class UnknownTurn(LookupError):
    """An action was called for a turn that is not being worked on (any more)."""


_current: ContextVar[TurnContext] = ContextVar("current_turn")


class Turns:
    """The turns being worked on, by id."""

    def __init__(self) -> None:
        self._turns: dict[str, TurnContext] = {}

    def begin(self, turn: TurnContext) -> None:
        self._turns[turn.turn_id] = turn

    def end(self, turn: TurnContext) -> None:
        self._turns.pop(turn.turn_id, None)

    def enter(self, turn_id: str) -> TurnContext:
        """Makes this the current turn of the running task.

        Raises:
            UnknownTurn: it is over, or never was.
        """
        try:
            turn = self._turns[turn_id]
        except KeyError:
            raise UnknownTurn(turn_id) from None
        _current.set(turn)
        return turn


def this_turn() -> TurnContext:
    """The turn that the running action works on."""
    return _current.get()
