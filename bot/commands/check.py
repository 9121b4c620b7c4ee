"""`evoke check`: reads clinic.yml and all content, and shows what a client in crisis would see right now."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.app import load_clinic
from bot.clinic.config import ClinicConfig, ClinicConfigError
from bot.clinic.schedule import Slot, free_slots, label
from bot.clinic.tiers import TIERS
from bot.core import DATA
from bot.crisis import place_for
from bot.mi.content import Content, ContentError
from bot.mi.cues import CueError, Cues
from bot.mi.fidelity_tables import FidelityTables
from bot.mi.reflect_content import ReflectionContent
from bot.safety.content import SafetyContentError
from bot.safety.protocol import Protocol
from bot.safety.screen import Screener
from bot.safety.state import Place, SafetyState
from bot.safety.tiers import Evidence, Tier, Verdict
from bot.settings import Settings
from bot.store.models import Base

SOON = timedelta(days=7)
"""A clinic without a free time within this is told so."""

CONTENT: tuple[tuple[str, Callable[[Path], Any]], ...] = (
    # what is loaded, as the running bot loads it; the folder is data/
    ("data/mi", lambda data: Content.load(data / "mi")),
    ("data/mi", lambda data: ReflectionContent.load(data / "mi")),
    ("data/mi", lambda data: Cues.load(data / "mi" / "cues.yml")),
    ("data/mi", lambda data: FidelityTables.load(data / "mi" / "fidelity.yml")),
    ("data/safety", lambda data: Screener.load(data / "safety")),
    ("data/safety", lambda data: Protocol.load(data / "safety")),
)


@dataclass
class _Findings:
    """`problems` keep Evoke from working as set up; `warnings` do not."""

    problems: list[str]
    warnings: list[str]


def check(settings: Settings, console: Console, *, now: datetime | None = None, data: Path = DATA) -> int:
    """Prints problems, warnings and the crisis view; the exit status, 1 when there is a problem.

    Args:
        now: the time to look from; by default this moment.
        data: the folder with mi/ and safety/.
    """
    now = now or datetime.now(UTC)
    findings = _Findings(_content_problems(data), [])
    clinic = _clinic(settings, findings)
    if clinic is not None:
        _check_routes(clinic, findings)
        with _bookings(settings, findings) as session:
            slots = {tier: next(iter(free_slots(session, clinic, now=now, tier=tier, limit=1)), None) for tier in TIERS}
        _check_slots(clinic, slots, now, findings)
        if not any("data/safety" in problem for problem in findings.problems):
            _show_crisis(clinic, place_for(clinic, data / "safety"), Protocol.load(data / "safety"), slots, console)
    for warning in findings.warnings:
        console.print(f"[yellow]Warning: {warning}[/yellow]", highlight=False)
    for problem in findings.problems:
        console.print(problem, style="red", highlight=False, markup=False)
    if not findings.problems:
        console.print("The clinic's settings and all content can be used.", highlight=False)
    return 1 if findings.problems else 0


def _content_problems(data: Path) -> list[str]:
    problems = []
    for name, load in CONTENT:
        try:
            load(data)
        except (ContentError, CueError, SafetyContentError) as error:
            problems.append(f"{name}: {error}")
    return list(dict.fromkeys(problems))


def _clinic(settings: Settings, findings: _Findings) -> ClinicConfig | None:
    if not settings.clinic_file.exists():
        findings.warnings.append(f"there is no {settings.clinic_file}: the made-up demo clinic is used.")
    try:
        return load_clinic(settings)
    except ClinicConfigError as error:
        findings.problems.extend(error.problems)
        return None


def _check_routes(clinic: ClinicConfig, findings: _Findings) -> None:
    for tier in ("high", "imminent"):
        if all(route.kind == "console" for route in clinic.routes_for(tier)):
            findings.warnings.append(
                "nobody is told about a case outside the console: add a route to `notifications` in clinic.yml "
                "(docs/clinic-settings.md), or keep the console open at all hours."
            )
            break
    for route in clinic.notifications.routes:
        needed = {"webhook": route.secret_env, "telegram_group": route.token_env}
        if route.kind == "mail" and route.username:
            needed["mail"] = route.password_env
        name = needed.get(route.kind)
        if name and not os.environ.get(name):
            findings.problems.append(
                f"The {route.kind} route {route.name} needs the environment variable {name}: set it."
            )


def _bookings(settings: Settings, findings: _Findings) -> Session:
    """A session on the clinic's bookings; on none where no database was made yet. Nothing is written."""
    engine = create_engine(settings.database)
    if engine.url.get_backend_name() == "sqlite" and not Path(engine.url.database or "").is_file():
        engine = _empty()
    session = Session(engine)
    try:
        free_slots(session, ClinicConfig.demo(), now=datetime.now(UTC), limit=1)
    except SQLAlchemyError as error:
        session.close()
        why = str(getattr(error, "orig", None) or error).splitlines()[0]
        findings.problems.append(
            f"The database {engine.url.render_as_string()} cannot be read ({why}): check EVOKE_DATABASE_URL and "
            "EVOKE_HOME; the times shown here leave its bookings out."
        )
        return Session(_empty())
    return session


def _empty() -> Any:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    return engine


def _check_slots(clinic: ClinicConfig, slots: dict[str, Slot | None], now: datetime, findings: _Findings) -> None:
    for tier in ("none", "high"):
        slot = slots[tier]
        if slot is None or slot.starts_at > now + SOON:
            whose = "a client with a case" if tier == "high" else "a client without a case"
            when = f"the first is {label(slot, clinic.time_zone)}" if slot else "there is none at all"
            findings.warnings.append(
                f"no clinician has a free time in the next {SOON.days} days for {whose} ({when}): "
                "look at `clinicians` and `appointment_kinds` in clinic.yml."
            )


def _show_crisis(
    clinic: ClinicConfig, place: Place, protocol: Protocol, slots: dict[str, Slot | None], console: Console
) -> None:
    console.print(f"[bold]{clinic.name}[/bold]: what a client in crisis would see right now", highlight=False)
    console.print(f"Emergency number: {place.emergency}", highlight=False)
    for line in place.lines:
        console.print(f"Line: {line.say()}", highlight=False)
    for tier in TIERS[1:]:
        slot = slots[tier]
        when = f"{label(slot, clinic.time_zone)} ({clinic.time_zone}) with {slot.clinician_name}" if slot else "none"
        console.print(f"\n[bold]{tier}[/bold]: next free time {when}; the first words:", highlight=False)
        for words in _first_words(protocol, place, tier, label(slot, clinic.time_zone) if slot else None):
            console.print(f"  {words}", highlight=False, markup=False, soft_wrap=True)
    console.print()


def _first_words(protocol: Protocol, place: Place, tier: str, next_slot: str | None) -> list[str]:
    """What the protocol says first to someone whose message speaks of suicide at this tier."""
    of = Tier.of(tier)
    verdict = Verdict(of, ("suicide",), (Evidence("suicide", of, "", "check"),))
    here = replace(place, next_slot=next_slot)
    step = protocol.step(SafetyState(), verdict, "", place=here, rng=random.Random(0))
    return [reply.text for reply in step.replies]
