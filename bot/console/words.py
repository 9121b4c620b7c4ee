"""How the console writes times, tiers and kinds for staff."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.clinic.config import ClinicConfig
from bot.clinic.slots import MONTHS, WEEKDAYS

TIERS = {
    "imminent": "Happening now",
    "high": "High",
    "moderate": "Moderate",
    "check_in": "Check in",
    "none": "No risk seen",
}
KINDS = {
    "suicide": "suicide",
    "self_harm": "self-harm",
    "harm_to_others": "harm to others",
    "abuse": "abuse",
    "medical": "medical",
    "unscreened": "a message could not be screened: read it",
}
REASONS = {
    "risk": "Safety risk",
    "wish": "Wants to talk to a person",
    "left_waiting": "Waits for an answer from the person who took over",
}
ROLES = {"admin": "Administrator", "clinician": "Clinician", "front_desk": "Front desk", "auditor": "Auditor"}
STATUSES = {"held": "held", "booked": "booked", "cancelled": "cancelled", "expired": "hold ran out"}
ROUTE_KINDS = {
    "console": "this console",
    "mail": "mail",
    "webhook": "webhook, signed",
    "telegram_group": "Telegram group of the staff",
}
SHARED = {
    "reasons": "what they want to change and why",
    "rulers": "rulers",
    "plan": "plan",
    "questionnaires": "questionnaires",
    "conversation": "the conversation",
}
AUDIT = {
    "sign_in": "signed in",
    "sign_in_failed": "wrong password",
    "second_factor_failed": "wrong code",
    "sign_out": "signed out",
    "sign_out_everywhere": "ended all sign-ins",
    "link_clinic_account": "signed in with a clinic account for the first time",
    "clinic_account_refused": "a clinic account was refused",
    "lock_staff": "account locked",
    "unlock_staff": "unlocked an account",
    "unblock_address": "let a network address try again",
    "add_staff": "added a person",
    "make_staff_link": "made a link to set a password",
    "set_password": "set a password",
    "set_second_factor": "set up a second factor",
    "reset_second_factor": "took a second factor away",
    "make_recovery_codes": "made recovery codes",
    "use_recovery_code": "used a recovery code",
    "disable_staff": "took access away",
    "enable_staff": "gave access back",
    "set_role_admin": "made somebody an administrator",
    "set_role_clinician": "made somebody a clinician",
    "set_role_front_desk": "made somebody front desk",
    "set_role_auditor": "made somebody an auditor",
    "erase_client": "erased a client",
    "acknowledge_case": "acknowledged a case",
    "assign_case": "assigned a case",
    "note_case": "noted something on a case",
    "close_case": "closed a case",
    "take_over": "took over from the bot",
    "hand_back": "handed back to the bot",
    "page_left_waiting": "a client waited too long for a person: the clinic was paged",
    "hand_back_left_waiting": "the bot came back by itself, since nobody had answered",
    "write_to_client": "wrote to a client",
    "cancel_appointment": "cancelled an appointment",
    "move_appointment": "moved an appointment",
    "take_off_waiting_list": "took a client off the waiting list",
    "supervise": "asked for a fidelity report",
    "view_use": "looked at fidelity and use",
    "export_audit": "took a copy of the audit",
}
"""What an action in the audit is in words; one without an entry is shown as it is, with spaces."""
OUTCOMES = (
    "Spoke with the client; safety plan made",
    "Spoke with the client; no current risk",
    "Emergency services are involved",
    "Handed over to another service",
    "Appointment arranged",
    "Could not reach the client after several tries",
    "Not a safety concern",
)


CODES = {
    "simple_reflection": "Simple reflection",
    "complex_reflection": "Complex reflection",
    "open_question": "Open question",
    "closed_question": "Closed question",
    "affirm": "Affirmation",
    "seek": "Seeking collaboration",
    "emphasise_autonomy": "Emphasising autonomy",
    "persuade": "Persuading",
    "persuade_with_permission": "Persuading with permission",
    "confront": "Confronting",
    "give_information": "Giving information",
    "structure": "About the meeting",
    "filler": "Keeps the client going",
    "safety": "Safety talk",
    "none": "Not counted",
}
"""The codes of `bot.mi.fidelity_tables`."""
AGAINST_MI = ("persuade", "confront")
IN_MI = ("simple_reflection", "complex_reflection", "open_question", "affirm", "seek", "emphasise_autonomy")


def waited(since: datetime, now: datetime) -> str:
    """How long somebody has waited: "4 min", "2 h 5 min", "3 days"."""
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // (24 * 60)} days"


def day(moment: datetime, zone: ZoneInfo) -> str:
    """ "Tue 24 Nov 2026" """
    local = moment.astimezone(zone)
    return f"{WEEKDAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]} {local.year}"


def weekday(day: date) -> str:
    """ "Tue 24 Nov" """
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}"


def hours(windows: Iterable[tuple[datetime, datetime]], zone: ZoneInfo) -> str:
    """ "09:00–12:30 and 13:00–17:00" """
    return " and ".join(f"{clock(begins, zone)}–{clock(ends, zone)}" for begins, ends in windows)


def clock(moment: datetime, zone: ZoneInfo) -> str:
    """ "10:00" """
    return f"{moment.astimezone(zone):%H:%M}"


def date_of(moment: datetime, zone: ZoneInfo) -> str:
    """ "2026-11-24", for addresses."""
    return moment.astimezone(zone).date().isoformat()


def clinician(id_: str, clinic: ClinicConfig) -> str:
    """A clinician's name; the id of one whom the clinic has removed."""
    found = clinic.clinician(id_)
    return found.name if found else id_


def audit_line(action: str) -> str:
    """An action of the audit in words: "signed in", "looked at the case"."""
    words = action.replace("_", " ")
    return AUDIT.get(action, f"looked at the {words.removeprefix('view ')}" if words.startswith("view ") else words)


def _of(table: dict[str, str]) -> Callable[[str], str]:
    return lambda key: table.get(key, key)


FILTERS: dict[str, Callable[..., Any]] = {
    "waited": waited,
    "day": day,
    "clock": clock,
    "hours": hours,
    "weekday": weekday,
    "date": date_of,
    "clinician": clinician,
    "tier": _of(TIERS),
    "kind": _of(KINDS),
    "reason": _of(REASONS),
    "role": _of(ROLES),
    "status": _of(STATUSES),
    "shared_item": _of(SHARED),
    "audit": audit_line,
    "fours": lambda text: " ".join(text[at : at + 4] for at in range(0, len(text), 4)),
    "code": _of(CODES),
    "route_kind": _of(ROUTE_KINDS),
}
"""Jinja2's filters; a word without an entry is shown as it is."""
