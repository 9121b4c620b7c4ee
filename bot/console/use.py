"""The bot's use and fidelity, week by week: counts and codes, never what anybody wrote."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic.config import ClinicConfig
from bot.clinic.slots import MONTHS
from bot.console.charts import Chart, Point, bars, columns, lines
from bot.console.supervision import coder, volleys_of
from bot.console.words import CODES
from bot.mi.fidelity import Coded, figures
from bot.mi.fidelity_tables import CODES as COUNTED
from bot.store.models import Appointment, Case, Conversation, Message

WEEKS = 12
MOST_MESSAGES = 20_000
"""Of the newest ones the fidelity is worked out; a note on the page says so when there are more."""


@dataclass(frozen=True)
class Use:
    """What the page shows. `figures` are of all the weeks together."""

    charts: list[Chart]
    fidelity: list[Chart]
    figures: dict[str, Any]
    minutes_to_answer: float | None
    is_cut: bool


@dataclass(frozen=True)
class Raw:
    """What was read in one go: times by kind, and the messages that the fidelity is worked out from."""

    first: date
    times: dict[str, list[datetime]]
    writers: list[tuple[datetime, str]]
    waits: list[float]
    messages: list[Message]


def read(session: Session, config: ClinicConfig, now: datetime) -> Raw:
    """The last WEEKS weeks, this one included."""
    today = now.astimezone(config.zone).date()
    first = today - timedelta(days=today.weekday(), weeks=WEEKS - 1)
    since = datetime.combine(first, time(), config.zone)
    inbound = select(Message.created_at, Conversation.client_id).join(Conversation)
    inbound = inbound.where(Message.direction == "in", Message.created_at >= since)
    writers = [(at, client) for at, client in session.execute(inbound)]
    cases = list(session.scalars(select(Case).where(Case.opened_at >= since)))
    newest = select(Message).where(Message.created_at >= since).order_by(Message.id.desc()).limit(MOST_MESSAGES)
    return Raw(
        first,
        {
            "begun": list(session.scalars(select(Conversation.created_at).where(Conversation.created_at >= since))),
            "messages": [at for at, _ in writers],
            "cases": [case.opened_at for case in cases],
            "appointments": list(
                session.scalars(
                    select(Appointment.created_at).where(
                        Appointment.created_at >= since, Appointment.status.in_(("booked", "cancelled"))
                    )
                )
            ),
        },
        writers,
        [(case.acknowledged_at - case.opened_at).total_seconds() / 60 for case in cases if case.acknowledged_at],
        list(reversed(list(session.scalars(newest)))),
    )


def use(raw: Raw, config: ClinicConfig) -> Use:
    """Draws it. Coding takes a while with many messages: keep it off the event loop."""
    weeks = [raw.first + timedelta(weeks=number) for number in range(WEEKS)]

    def week(moment: datetime) -> date:
        day = moment.astimezone(config.zone).date()
        return day - timedelta(days=day.weekday())

    def counted(title: str, id_: str, at: Iterable[datetime]) -> Chart | None:
        found: defaultdict[date, int] = defaultdict(int)
        for moment in at:
            found[week(moment)] += 1
        return columns(id_, title, "Week from", [(_label(one), found[one]) for one in weeks])

    people: defaultdict[date, set[str]] = defaultdict(set)
    for at, client in raw.writers:
        people[week(at)].add(client)
    drawn = [
        columns("people", "Clients who wrote", "Week from", [(_label(one), len(people[one])) for one in weeks]),
        counted("Messages from clients", "messages", raw.times["messages"]),
        counted("Conversations begun", "begun", raw.times["begun"]),
        counted("Cases opened", "cases", raw.times["cases"]),
        counted("Appointments made", "appointments", raw.times["appointments"]),
    ]
    by_week = _coded(raw.messages, week)
    every = [coded for found in by_week.values() for coded in found]
    return Use(
        [chart for chart in drawn if chart is not None],
        _fidelity(by_week, every, config),
        figures(every),
        statistics.median(raw.waits) if raw.waits else None,
        len(raw.messages) == MOST_MESSAGES,
    )


def _coded(messages: Sequence[Message], week: Callable[[datetime], date]) -> dict[date, list[Coded]]:
    """The bot's volleys of each week, coded conversation by conversation."""
    talks: defaultdict[tuple[date, str], list[Message]] = defaultdict(list)
    for message in messages:
        talks[week(message.created_at), message.conversation_id].append(message)
    found: defaultdict[date, list[Coded]] = defaultdict(list)
    for (one, _), rows in talks.items():
        found[one] += coder().code(volleys_of(rows, "bot"))
    return dict(sorted(found.items()))


def _fidelity(by_week: dict[date, list[Coded]], every: Sequence[Coded], config: ClinicConfig) -> list[Chart]:
    found = {one: figures(coded) for one, coded in by_week.items()}

    def points(name: str) -> list[Point]:
        at = {one: datetime.combine(one, time(12), config.zone) for one in found}
        return [Point(at[one], week[name]) for one, week in found.items() if week[name] is not None]

    ratio = points("reflections_to_questions")
    most = max([2.0, *(point.value for point in ratio)])
    counts = figures(every)["counts"]
    rows = [(CODES[code], counts[code], str(counts[code])) for code in COUNTED if counts[code]]
    drawn = [
        lines("ratio", "Reflections for each question", {"Ratio": ratio}, config.zone, most=-(-most // 1)),
        lines(
            "shares",
            "Complex reflections, open questions",
            {"Complex": points("percent_complex"), "Open": points("percent_open")},
            config.zone,
            most=100,
            unit=" %",
        ),
        bars("counts", "What Evoke said, in turns", rows, most=max(value for _, value, _ in rows)) if rows else None,
    ]
    return [chart for chart in drawn if chart is not None]


def _label(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]}"
