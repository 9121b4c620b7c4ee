"""What a client's page shows: only what the client agreed to share, and what staff need for care and safety."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.clinic.sharing import agreed
from bot.clinic.slots import MONTHS
from bot.clinic.summary import own_words
from bot.console.charts import Chart, Point, both_ways, lines
from bot.console.talks import called, talk
from bot.mi.rulers import RULERS
from bot.mi.state import MIState
from bot.mi.strategy import PLAN_LABELS
from bot.store.models import Appointment, Case, Client, Conversation, Message

MOST_CLIENTS = 100
MOST_QUOTES = 8
MOST_COLUMNS = 12


@dataclass(frozen=True)
class Quote:
    """Something the client said, in their words, and the message it is from (None where that is not known)."""

    text: str
    message_id: int | None


def found(session: Session, wanted: str) -> list[dict[str, Any]]:
    """The clients whose name, contact or id has `wanted` in it, who wrote last first; all where it is empty."""
    query = select(Client, Conversation.updated_at).join(Conversation)
    if wanted:
        like = f"%{wanted.replace('%', '').replace('_', '')}%"
        query = query.where(or_(Client.name.ilike(like), Client.contact.ilike(like), Client.id.ilike(like)))
    rows: dict[str, dict[str, Any]] = {}
    for client, at in session.execute(query.order_by(Conversation.updated_at.desc()).limit(MOST_CLIENTS * 2)):
        rows.setdefault(client.id, {"client": client, "who": called(client), "at": at})
    shown = list(rows.values())[:MOST_CLIENTS]
    waiting = select(Case).where(Case.closed_at.is_(None), Case.client_id.in_([row["client"].id for row in shown]))
    tiers = {case.client_id: case.tier for case in session.scalars(waiting)}
    return [{**row, "tier": tiers.get(row["client"].id)} for row in shown]


def client_view(session: Session, clinic: ClinicConfig, client: Client, now: datetime) -> dict[str, Any]:
    """Everything on a client's page."""
    conversations = list(session.scalars(select(Conversation).where(Conversation.client_id == client.id)))
    states = [MIState.from_dict(row.mi_state) for row in conversations]
    heard = [_heard(session, row.id) for row in conversations]
    shared = agreed(client)
    own = select(Appointment).where(Appointment.client_id == client.id, Appointment.status.in_(("booked", "held")))
    every_case = select(Case).where(Case.client_id == client.id)
    return {
        "client": client,
        "who": called(client),
        "talk": talk(session, client),
        "shared": shared,
        "topics": sorted({state.topic for state in states if state.topic}) if "reasons" in shared else [],
        "for_change": _quotes(states, heard, "+") if "reasons" in shared else [],
        "against": _quotes(states, heard, "-") if "reasons" in shared else [],
        "plan": _plan(states) if "plan" in shared else [],
        "charts": _charts(states, heard, shared, clinic),
        "appointments": list(session.scalars(own.order_by(Appointment.starts_at.desc()).limit(20))),
        "cases": list(session.scalars(every_case.order_by(Case.opened_at.desc()))),
    }


def _charts(
    states: Sequence[MIState], heard: Sequence[Sequence[Message]], shared: Iterable[str], clinic: ClinicConfig
) -> list[Chart]:
    drawn = []
    if "rulers" in shared:
        drawn.append(
            lines("rulers", "How important, how sure, how ready", _rulers(states, heard), clinic.zone, most=10)
        )
    if "reasons" in shared:
        days = _talk_by_day([message for row in heard for message in row], clinic)
        drawn.append(both_ways("talk", "Talk for and against change", "Day", "For change", "Against change", days))
    return [chart for chart in drawn if chart is not None]


def _heard(session: Session, conversation_id: str) -> list[Message]:
    """The messages that the bot heard, with what it made of them."""
    query = select(Message).where(Message.conversation_id == conversation_id, Message.direction == "in")
    return [message for message in session.scalars(query.order_by(Message.seq)) if message.heard]


def _rulers(states: Sequence[MIState], heard: Sequence[Sequence[Message]]) -> dict[str, list[Point]]:
    values: dict[str, list[Point]] = {name.capitalize(): [] for name in RULERS}
    for state, messages in zip(states, heard, strict=True):
        times = {message.heard.get("turn"): message.created_at for message in messages}
        for answer in state.rulers:
            if answer.turn in times:
                values[answer.name.capitalize()].append(Point(times[answer.turn], answer.value))
    return {name: sorted(points, key=lambda point: point.at) for name, points in values.items()}


def _talk_by_day(messages: Iterable[Message], clinic: ClinicConfig) -> list[tuple[str, int, int]]:
    """Messages with talk for and against change: a day each, or as many days together as fit the chart."""
    up: Counter[date] = Counter()
    down: Counter[date] = Counter()
    for message in messages:
        day = message.created_at.astimezone(clinic.zone).date()
        signs = {code[:1] for code in message.heard.get("codes", ())} | {_SIGNS.get(message.heard.get("talk", ""), "")}
        up[day] += "+" in signs
        down[day] += "-" in signs
    days = sorted(set(up) | set(down))
    size = max(1, -(-len(days) // MOST_COLUMNS))
    groups = [days[start : start + size] for start in range(0, len(days), size)]
    return [(_label(group), sum(up[day] for day in group), sum(down[day] for day in group)) for group in groups]


_SIGNS = {"change": "+", "sustain": "-"}


def _label(days: Sequence[date]) -> str:
    first, last = days[0], days[-1]
    begin = f"{first.day} {MONTHS[first.month - 1]}"
    return begin if first == last else f"{begin} – {last.day} {MONTHS[last.month - 1]}"


def _quotes(states: Sequence[MIState], heard: Sequence[Sequence[Message]], sign: str) -> list[Quote]:
    quotes: list[Quote] = []
    for state, messages in zip(states, heard, strict=True):
        by_turn = {message.heard.get("turn"): message for message in messages}
        for quote in state.quotes:
            if quote.sign == sign:
                source = by_turn.get(quote.turn)
                quotes.append(Quote(own_words(quote, source.text if source else ""), source.id if source else None))
    newest = {quote.text.lower(): quote for quote in quotes}  # what was said twice is shown once, with its last place
    return list(newest.values())[-MOST_QUOTES:]


def _plan(states: Sequence[MIState]) -> list[tuple[str, str]]:
    kept = next((state.plan for state in reversed(states) if state.plan), {})
    return [(label, str(kept[name])) for name, label in PLAN_LABELS.items() if kept.get(name)]
