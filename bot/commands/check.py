"""`evoke check`: reads clinic.yml and all content, and shows what a client in crisis would see right now."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bot.checks import Report, examine
from bot.core import DATA
from bot.settings import Settings


def check(settings: Settings, console: Console, *, now: datetime | None = None, data: Path = DATA) -> int:
    """Prints problems, warnings and the crisis view; the exit status, 1 when there is a problem.

    Args:
        now: the time to look from; by default this moment.
        data: the folder with mi/ and safety/.
    """
    report = examine(settings, now or datetime.now(UTC), data)
    _show_crisis(report, console)
    for warning in report.warnings:
        console.print(f"[yellow]Warning: {warning}[/yellow]", highlight=False)
    for problem in report.problems:
        console.print(problem, style="red", highlight=False, markup=False)
    if not report.problems:
        console.print("The clinic's settings and all content can be used.", highlight=False)
    return 1 if report.problems else 0


def _show_crisis(report: Report, console: Console) -> None:
    if report.clinic is None or report.place is None:
        return
    console.print(f"[bold]{report.clinic.name}[/bold]: what a client in crisis would see right now", highlight=False)
    console.print(f"Emergency number: {report.place.emergency}", highlight=False)
    for line in report.place.lines:
        console.print(f"Line: {line.say()}", highlight=False)
    for view in report.views:
        console.print(f"\n[bold]{view.tier}[/bold]: next free time {view.next_time}; the first words:", highlight=False)
        for words in view.first_words:
            console.print(f"  {words}", highlight=False, markup=False, soft_wrap=True)
    console.print()
