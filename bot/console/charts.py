"""Charts as SVG, drawn here on the server: no script, nothing fetched, and readable without seeing them.

Every chart has a title and a description for screen readers, tells its series apart by shape as well as colour, and
comes with its numbers as a table. Colours and fonts are classes of console.css, since the pages allow no inline style.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from bot.clinic.slots import MONTHS

WIDTH, HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 30, 96, 14, 34
LABEL_GAP = 15
SHAPES = ("circle", "square", "triangle", "diamond")


@dataclass(frozen=True)
class Chart:
    """A drawn chart, and its numbers: `head` names the columns of `rows`."""

    title: str
    summary: str
    svg: Markup
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Point:
    at: datetime
    value: float


def lines(
    id_: str, title: str, series: Mapping[str, Sequence[Point]], zone: ZoneInfo, *, most: float, unit: str = ""
) -> Chart | None:
    """Values over time, one line for each series; None when there is no point at all.

    Args:
        id_: of the chart on its page.
        series: name -> points in order of time.
        most: top of the scale, which begins at 0.
        unit: behind every number, such as " %".
    """
    drawn = {name: points for name, points in series.items() if points}
    moments = sorted({point.at for points in drawn.values() for point in points})
    if not moments:
        return None
    x = _time_scale(moments[0], moments[-1])
    parts = [*_levels(most), *_days(moments[0], moments[-1], zone)]
    ends: list[tuple[float, float, str, int]] = []
    for number, (name, points) in enumerate(drawn.items()):
        places = [(x(point.at), _y(point.value, most)) for point in points]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
        parts.append(f'<polyline class="line{number}" points="{path}"/>')
        parts += [_mark(px, py, number) for px, py in places]
        ends.append((*places[-1], f"{name} {_number(points[-1].value)}{unit}", number))
    parts += _end_labels(ends)
    said = "; ".join(
        f"{name}: {_number(points[0].value)}{unit}"
        + (f" to {_number(points[-1].value)}{unit}" if len(points) > 1 else "")
        for name, points in drawn.items()
    )
    summary = f"From {_day(moments[0], zone)} to {_day(moments[-1], zone)}. {said}."
    rows = tuple(
        (_moment(moment, zone), *(_at(points, moment, unit) for points in drawn.values())) for moment in moments
    )
    return Chart(title, summary, _svg(id_, title, summary, parts), ("When", *drawn), rows)


def columns(id_: str, title: str, head: str, values: Sequence[tuple[str, float]], *, unit: str = "") -> Chart | None:
    """One column for each label; None when all are empty."""
    most = max((value for _, value in values), default=0)
    if not most:
        return None
    top = _round_up(most)
    step, width = _steps(len(values))
    parts = _levels(top, right=8)
    for number, (label, value) in enumerate(values):
        left = LEFT + 4 + number * step
        y = _y(value, top)
        parts.append(
            f'<rect class="fill0" x="{left:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_floor() - y:.1f}"/>'
        )
        if value and width >= 14:
            parts.append(_text(left + width / 2, y - 4, _number(value), "middle"))
        parts += _column_label(number, len(values), left + width / 2, label)
    summary = f"{_number(sum(v for _, v in values))}{unit} in all; most in one: {_number(most)}{unit}."
    rows = tuple((label, f"{_number(value)}{unit}") for label, value in values)
    return Chart(title, summary, _svg(id_, title, summary, parts), (head, title), rows)


def both_ways(
    id_: str, title: str, head: str, up: str, down: str, values: Sequence[tuple[str, int, int]]
) -> Chart | None:
    """Columns that rise for one thing and sink for its opposite; None when all are empty.

    Args:
        values: label, how much up, how much down.
    """
    most = max((max(rising, sinking) for _, rising, sinking in values), default=0)
    if not most:
        return None
    middle, half = (TOP + _floor()) / 2 + 4, (_floor() - TOP) / 2 - 14
    step, width = _steps(len(values))
    parts = [
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - 8}" y1="{middle:.1f}" y2="{middle:.1f}"/>',
        _text(LEFT, TOP - 2, f"↑ {up}", "start", "strong"),
        _text(LEFT, _floor() + 4, f"↓ {down}", "start", "strong"),
    ]
    for number, (label, rising, sinking) in enumerate(values):
        left, centre = LEFT + 4 + number * step, LEFT + 4 + number * step + width / 2
        for value, kind, sign in ((rising, 0, -1), (sinking, 1, 1)):
            if not value:
                continue
            height = half * value / most
            y = middle - height if sign < 0 else middle
            parts.append(
                f'<rect class="fill{kind}" x="{left:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
            )
            if width >= 14:
                parts.append(_text(centre, y - 3 if sign < 0 else y + height + 11, str(value), "middle"))
        parts += _column_label(number, len(values), centre, label)
    rises, sinks = sum(value for _, value, _ in values), sum(value for _, _, value in values)
    summary = f"{up}: {rises} in all; {down.lower()}: {sinks}."
    rows = tuple((label, str(rising), str(sinking)) for label, rising, sinking in values)
    return Chart(title, summary, _svg(id_, title, summary, parts), (head, up, down), rows)


def bars(
    id_: str, title: str, values: Sequence[tuple[str, float, str]], *, most: float, marks: Sequence[float] = ()
) -> Chart:
    """Lying bars, each with its name above it.

    Args:
        values: name, how long, and the number as it is written.
        marks: lines across, such as what counts as good.
    """
    row, left, right = 34, 4, WIDTH - 8
    height = row * len(values) + 8
    scale = (right - left) / most if most else 0
    parts = []
    for number, (name, value, written) in enumerate(values):
        y = number * row + 16
        length = min(value, most) * scale
        parts += [
            _text(left, y - 2, name, "start"),
            _text(right, y - 2, written, "end", "strong"),
            f'<rect class="track" x="{left}" y="{y + 3}" width="{right - left}" height="9" rx="4"/>',
            f'<rect class="fill0" x="{left}" y="{y + 3}" width="{length:.1f}" height="9" rx="4"/>' if length else "",
        ]
        parts += [
            f'<line class="goal" x1="{left + mark * scale:.1f}" x2="{left + mark * scale:.1f}" y1="{y}" y2="{y + 15}"/>'
            for mark in marks
        ]
    summary = "; ".join(f"{name}: {written}" for name, _, written in values) + "."
    rows = tuple((name, written) for name, _, written in values)
    return Chart(title, summary, _svg(id_, title, summary, parts, height), ("What", "How much"), rows)


# -- parts ---------------------------------------------------------------------------------------------------------


def _svg(id_: str, title: str, summary: str, parts: Sequence[str], height: int = HEIGHT) -> Markup:
    return Markup(
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-labelledby="{escape(id_)}-t {escape(id_)}-d">'
        f'<title id="{escape(id_)}-t">{escape(title)}</title><desc id="{escape(id_)}-d">{escape(summary)}</desc>'
        f"{''.join(parts)}</svg>"
    )


def _floor() -> float:
    return HEIGHT - BOTTOM


def _y(value: float, most: float) -> float:
    return _floor() - (_floor() - TOP) * min(value, most) / most


def _time_scale(first: datetime, last: datetime):  # type: ignore[no-untyped-def]  # a small function of a moment
    span = (last - first).total_seconds()
    width = WIDTH - LEFT - RIGHT - 12
    return lambda moment: LEFT + 6 + (width * (moment - first).total_seconds() / span if span else width / 2)


def _levels(most: float, right: int = RIGHT) -> list[str]:
    found = []
    for value in (0, most / 2, most):
        y = _y(value, most)
        found.append(f'<line class="level" x1="{LEFT}" x2="{WIDTH - right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        found.append(_text(LEFT - 5, y + 4, _number(value), "end"))
    return found


def _days(first: datetime, last: datetime, zone: ZoneInfo) -> list[str]:
    if last - first < timedelta(hours=20):
        return [_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, _day(first, zone), "middle")]
    return [
        _text(LEFT, HEIGHT - 14, _day(first, zone), "start"),
        _text(WIDTH - RIGHT, HEIGHT - 14, _day(last, zone), "end"),
    ]


def _steps(count: int) -> tuple[float, float]:
    step = (WIDTH - LEFT - 12) / max(count, 1)
    return step, min(step * 0.7, 44)


def _column_label(number: int, count: int, x: float, label: str) -> list[str]:
    every = max(1, -(-count // 6))  # about six labels fit
    return [_text(x, HEIGHT - 14, label, "middle")] if (count - 1 - number) % every == 0 else []


def _mark(x: float, y: float, number: int) -> str:
    shape = SHAPES[number % len(SHAPES)]
    if shape == "circle":
        return f'<circle class="fill{number}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
    points = {
        "square": ((-4, -4), (4, -4), (4, 4), (-4, 4)),
        "triangle": ((0, -5), (5, 4), (-5, 4)),
        "diamond": ((0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)),
    }[shape]
    path = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in points)
    return f'<polygon class="fill{number}" points="{path}"/>'


def _end_labels(ends: list[tuple[float, float, str, int]]) -> list[str]:
    """Names at the ends of lines, moved apart where they would touch."""
    placed: list[str] = []
    below = float("-inf")
    for _, y, words, number in sorted(ends, key=lambda end: end[1]):
        below = max(y, below + LABEL_GAP)
        placed.append(_mark(WIDTH - RIGHT + 8, below, number))
        placed.append(_text(WIDTH - RIGHT + 16, below + 4, words, "start"))
    return placed


def _text(x: float, y: float, words: str, anchor: str, kind: str = "") -> str:
    css = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{css}>{escape(words)}</text>'


def _at(points: Sequence[Point], moment: datetime, unit: str) -> str:
    return next((f"{_number(point.value)}{unit}" for point in points if point.at == moment), "")


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _round_up(value: float) -> float:
    for top in (4, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000):
        if value <= top:
            return top
    return value


def _day(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{local.day} {MONTHS[local.month - 1]}"


def _moment(moment: datetime, zone: ZoneInfo) -> str:
    return f"{_day(moment, zone)}, {moment.astimezone(zone):%H:%M}"
