"""What a clinic has set, in words: a table of settings, so that the page cannot forget one (a test compares)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.clinic.config import ClinicConfig, Clinician, Route
from bot.clinic.rules import Absence, Rule
from bot.clinic.sign_in import OpenIdConnect, SignIn
from bot.clinic.slots import MONTHS
from bot.console.words import ROLES, TIERS

Lines = str | list[str]
QUESTIONNAIRES = {"phq9": "PHQ-9", "gad7": "GAD-7", "audit_c": "AUDIT-C", "dast10": "DAST-10"}


def minutes(count: int) -> str:
    """ "30 min", "12 h", "2 days": as people say it."""
    if count % 1440 == 0 and count:
        return "a day" if count == 1440 else f"{count // 1440} days"
    if count % 60 == 0 and count:
        return f"{count // 60} h"
    return f"{count} min"


def day(value: Any) -> str:
    """ "24 Nov 2026" """
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def clock_times(begins: int, ends: int) -> str:
    """ "09:00 to 17:00", from minutes after midnight."""
    return " to ".join(f"{at // 60:02}:{at % 60:02}" for at in (begins, ends))


def window(rule: Rule) -> str:
    """ "Mon, Wed: 09:00 to 12:30, from 1 Jan 2026" """
    days = ", ".join(name.capitalize() for name in rule.days) or f"by the rule {rule.rule}"
    hours = clock_times(rule.begins, rule.ends)
    since = f", from {day(rule.starting)}" if rule.starting else ""
    until = f", until {day(rule.until)}" if rule.until else ""
    return f"{days}: {hours}{since}{until}"


def absence(value: Absence) -> str:
    """ "away 21 Dec 2026 to 3 Jan 2027" """
    return f"away {day(value.first)}" + (f" to {day(value.last)}" if value.last != value.first else "")


def clinician(value: Clinician) -> str:
    """One clinician: when they can be met, and when they are away."""
    hours = "; ".join(window(rule) for rule in value.availability) or "no times set"
    away = "".join(f"; {absence(one)}" for one in value.absences)
    return f"{value.name}{f' ({value.email})' if value.email else ''}. {hours}{away}"


def route(value: Route) -> str:
    """One way of being told. Never a secret: clinic.yml holds none."""
    where = {
        "console": "this console",
        "mail": f"mail to {', '.join(value.to)} by {value.host}:{value.port} ({value.security})",
        "webhook": f"a signed call to {value.url}",
        "telegram_group": f"the Telegram group {value.chat_id}",
    }[value.kind]
    least = f", from “{TIERS[value.from_tier].lower()}” up" if value.from_tier != "none" else ""
    return f"{value.name}: {where}{least}{', when another fails and with reminders' if value.backup else ''}"


def repage(config: ClinicConfig) -> list[str]:
    """How long until the clinic is told again, tier by tier."""
    steps = config.notifications.repage_minutes
    return [
        f"Told again ({words.lower()}): after {', then '.join(minutes(step) for step in getattr(steps, tier))} …"
        for tier, words in TIERS.items()
    ]


def sign_in(value: SignIn) -> list[str]:
    """How staff sign in."""
    must = ", ".join(ROLES[role] for role in ROLES if role in value.second_factor_for) or "nobody"
    return [
        "With a password of Evoke's own." if value.password else "Not with passwords of Evoke's own.",
        f"A second factor with it has to be set up by: {must}.",
        oidc(value.oidc) if value.oidc else "Not with accounts of the clinic's own.",
        f"Signed out after {minutes(value.idle_minutes)} without a click.",
    ]


def oidc(value: OpenIdConnect) -> str:
    """The identity provider, and who gets which role."""
    roles = ", ".join(f"{claim}: {ROLES[role].lower()}" for claim, role in value.roles.items())
    return f"With {value.name} ({value.issuer}); the claim {value.role_claim} says the role: {roles}."


SECTIONS: dict[str, dict[str, tuple[str, Callable[[ClinicConfig], Lines]]]] = {
    "The clinic": {
        "name": ("Name", lambda c: c.name),
        "country": ("Country", lambda c: f"{c.country}, which picks the crisis lines"),
        "language": ("Language", lambda c: c.language),
        "time_zone": ("Time zone", lambda c: c.time_zone.replace("_", " ")),
        "opening_hours": ("Open", lambda c: [window(rule) for rule in c.opening_hours]),
        "holidays": ("Closed on", lambda c: [day(one) for one in sorted(c.holidays)] or "no holidays set"),
        "address": ("Place of appointments", lambda c: c.address or "not set"),
        "email": ("Organiser of invitations", lambda c: c.email or "the clinician"),
        "calendar_title": ("What a calendar shows", lambda c: c.calendar_title),
    },
    "Clinicians and appointments": {
        "clinicians": (
            "Clinicians",
            lambda c: [clinician(one) for one in c.clinicians] or "none: no times are offered",
        ),
        "appointment_kinds": (
            "Kinds",
            lambda c: [
                f"{kind.title}: {kind.minutes} min, earliest {minutes(kind.lead_minutes)} ahead, for: "
                + ", ".join("clients without a case" if t == "none" else TIERS[t].lower() for t in kind.tiers)
                for kind in c.appointment_kinds
            ],
        ),
        "booking_horizon_days": ("Offered ahead", lambda c: minutes(c.booking_horizon_days * 1440)),
        "hold_minutes": ("Kept while a client decides", lambda c: minutes(c.hold_minutes)),
        "waiting_list_hold_minutes": (
            "Kept for the next on the waiting list",
            lambda c: minutes(c.waiting_list_hold_minutes),
        ),
        "case_hold_minutes": ("Kept for a client with a case", lambda c: minutes(c.case_hold_minutes)),
    },
    "When a client is at risk": {
        "crisis": (
            "Crisis lines of your own",
            lambda c: (
                [
                    f"{one.name}: {' or '.join(part for part in (one.call, one.text and f'text {one.text}') if part)}"
                    for one in c.crisis.lines
                ]
                or "none: the country's own are shown"
            ),
        ),
        "notifications": (
            "Who is told",
            lambda c: [*(route(one) for one in c.notifications.routes), *repage(c)],
        ),
        "take_over": (
            "When a person took over and does not write",
            lambda c: (
                f"the clinic is told after {minutes(c.take_over.page_minutes)}, "
                f"and the bot comes back after {minutes(c.take_over.hand_back_minutes)}"
            ),
        ),
    },
    "Clients": {
        "consent": (
            "Consent",
            lambda c: (
                f"version {c.consent.version}, " + ("in your words" if c.consent.text_file else "in Evoke's words")
            ),
        ),
        "intake": (
            "Questionnaires",
            lambda c: (
                ", ".join(QUESTIONNAIRES[one] for one in c.intake.screeners)
                + (", offered before an appointment" if c.intake.when == "before_appointment" else ", on request")
                if c.intake.screeners
                else "none"
            ),
        ),
        "quiet_hours": (
            "No phone rings",
            lambda c: (
                clock_times(c.quiet_hours.begins, c.quiet_hours.ends)
                if c.quiet_hours
                else "no such hours: messages go out at any time"
            ),
        ),
        "reminder_hours": (
            "Reminders of appointments",
            lambda c: ", ".join(f"{hours} h before" for hours in c.reminder_hours) or "none",
        ),
        "retention_days": ("Erased after", lambda c: f"{c.retention_days} days of silence"),
    },
    "Signing in to this console": {"sign_in": ("Staff sign in", lambda c: sign_in(c.sign_in))},
}
"""Section -> setting of clinic.yml -> its name on the page, and its words."""


def in_words(config: ClinicConfig) -> list[tuple[str, list[tuple[str, str, list[str]]]]]:
    """Sections with (name, key in clinic.yml, lines)."""
    said = []
    for section, settings in SECTIONS.items():
        rows = []
        for key, (name, words) in settings.items():
            lines = words(config)
            rows.append((name, key, [lines] if isinstance(lines, str) else lines))
        said.append((section, rows))
    return said
