"""Who may do what in the console: one table, and nothing else decides."""

from __future__ import annotations

ROLES = ("admin", "clinician", "front_desk", "auditor")

ALLOWED: dict[str, frozenset[str]] = {
    "see_queue": frozenset({"admin", "clinician"}),
    "see_case": frozenset({"admin", "clinician"}),
    "work_case": frozenset({"admin", "clinician"}),  # acknowledge, assign, note, close
    "see_client": frozenset({"admin", "clinician"}),
    "talk_with_client": frozenset({"admin", "clinician"}),  # take over, write, hand back
    "see_appointments": frozenset({"admin", "clinician", "front_desk"}),
    "cancel_appointment": frozenset({"admin", "clinician", "front_desk"}),
    "see_audit": frozenset({"admin", "auditor"}),
    "manage_staff": frozenset({"admin"}),
    "own_password": frozenset(ROLES),
}
"""What can be done -> the roles that may."""

HOME = {
    "admin": "/console/queue",
    "clinician": "/console/queue",
    "front_desk": "/console/appointments",
    "auditor": "/console/audit",
}
"""The first page of each role."""


def may(role: str, deed: str) -> bool:
    """Whether a role may do something; an unknown role may do nothing.

    Raises:
        KeyError: the deed is not in the table.
    """
    return role in ALLOWED[deed]
