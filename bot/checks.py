"""What is wrong with a clinic's settings and with the content, and what a client in crisis would see right now.

`evoke check` prints it, and the console's page of settings shows it.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

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


@dataclass(frozen=True)
class CrisisView:
    """What somebody at this tier would be told: the next free time in words, or "none", and the first words."""

    tier: str
    next_time: str
    first_words: tuple[str, ...]


@dataclass
class Report:
    """`problems` keep Evoke from working as set up; `warnings` do not. `clinic` is None where it cannot be read.

    `place` and `views` are empty where the content of data/safety cannot be used.
    """

    problems: list[str]
    warnings: list[str] = field(default_factory=list)
    clinic: ClinicConfig | None = None
    place: Place | None = None
    views: list[CrisisView] = field(default_factory=list)


def examine(settings: Settings, now: datetime, data: Path = DATA) -> Report:
    """Looks at everything. Some seconds of work: keep it off the event loop.

    Args:
        now: the time to look from.
        data: the folder with mi/ and safety/.
    """
    report = Report(_content_problems(data))
    report.clinic = clinic = _clinic(settings, report)
    if clinic is None:
        return report
    _check_routes(clinic, report)
    _check_sign_in(clinic, report)
    with _bookings(settings, report) as session:
        slots = {tier: next(iter(free_slots(session, clinic, now=now, tier=tier, limit=1)), None) for tier in TIERS}
    _check_slots(clinic, slots, now, report)
    if not any("data/safety" in problem for problem in report.problems):
        report.place, protocol = place_for(clinic, data / "safety"), Protocol.load(data / "safety")
        report.views = [_view(clinic, report.place, protocol, tier, slots[tier]) for tier in TIERS[1:]]
    return report


def _content_problems(data: Path) -> list[str]:
    problems = []
    for name, load in CONTENT:
        try:
            load(data)
        except (ContentError, CueError, SafetyContentError) as error:
            problems.append(f"{name}: {error}")
    return list(dict.fromkeys(problems))


def _clinic(settings: Settings, report: Report) -> ClinicConfig | None:
    if not settings.clinic_file.exists():
        report.warnings.append(f"there is no {settings.clinic_file}: the made-up demo clinic is used.")
    try:
        return ClinicConfig.of(settings.clinic_file)
    except ClinicConfigError as error:
        report.problems.extend(error.problems)
        return None


def _check_routes(clinic: ClinicConfig, report: Report) -> None:
    for tier in ("high", "imminent"):
        if all(route.kind == "console" for route in clinic.routes_for(tier)):
            report.warnings.append(
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
            report.problems.append(
                f"The {route.kind} route {route.name} needs the environment variable {name}: set it."
            )


def _check_sign_in(clinic: ClinicConfig, report: Report) -> None:
    oidc = clinic.sign_in.oidc
    if oidc is not None and not os.environ.get(oidc.secret_env):
        report.problems.append(f"Signing in with {oidc.name} needs the environment variable {oidc.secret_env}: set it.")
    if clinic.sign_in.password and "admin" not in clinic.sign_in.second_factor_for:
        report.warnings.append(
            "a password alone signs an administrator in: name roles in `second_factor_for` under `sign_in` in "
            "clinic.yml (docs/console.md)."
        )


def _bookings(settings: Settings, report: Report) -> Session:
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
        report.problems.append(
            f"The database {engine.url.render_as_string()} cannot be read ({why}): check EVOKE_DATABASE_URL and "
            "EVOKE_HOME; the times shown here leave its bookings out."
        )
        return Session(_empty())
    return session


def _empty() -> Any:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    return engine


def _check_slots(clinic: ClinicConfig, slots: dict[str, Slot | None], now: datetime, report: Report) -> None:
    for tier in ("none", "high"):
        slot = slots[tier]
        if slot is None or slot.starts_at > now + SOON:
            whose = "a client with a case" if tier == "high" else "a client without a case"
            when = f"the first is {label(slot, clinic.time_zone)}" if slot else "there is none at all"
            report.warnings.append(
                f"no clinician has a free time in the next {SOON.days} days for {whose} ({when}): "
                "look at `clinicians` and `appointment_kinds` in clinic.yml."
            )


def _view(clinic: ClinicConfig, place: Place, protocol: Protocol, tier: str, slot: Slot | None) -> CrisisView:
    when = f"{label(slot, clinic.time_zone)} ({clinic.time_zone}) with {slot.clinician_name}" if slot else "none"
    return CrisisView(
        tier, when, tuple(_first_words(protocol, place, tier, label(slot, clinic.time_zone) if slot else None))
    )


def _first_words(protocol: Protocol, place: Place, tier: str, next_slot: str | None) -> list[str]:
    """What the protocol says first to someone whose message speaks of suicide at this tier."""
    of = Tier.of(tier)
    verdict = Verdict(of, ("suicide",), (Evidence("suicide", of, "", "check"),))
    here = replace(place, next_slot=next_slot)
    step = protocol.step(SafetyState(), verdict, "", place=here, rng=random.Random(0))
    return [reply.text for reply in step.replies]
