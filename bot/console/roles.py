"""Who may do what in the console: two small tables, and nothing else decides.

`ROUTES` says what each address is for, `ALLOWED` which roles may do that. `bot.console.desk` looks both up before a
page's own code runs; a route that is not here cannot even be made.
"""

from __future__ import annotations

ROLES = ("admin", "clinician", "front_desk", "auditor")

OPEN = "open"
"""For addresses that need no sign-in."""
OWN_SECOND_FACTOR = "own_second_factor"
"""What somebody may do who still has to set up the second factor that their role needs."""

ALLOWED: dict[str, frozenset[str]] = {
    "see_queue": frozenset({"admin", "clinician"}),
    "see_case": frozenset({"admin", "clinician"}),
    "work_case": frozenset({"admin", "clinician"}),  # acknowledge, assign, note, close
    "see_client": frozenset({"admin", "clinician"}),
    "talk_with_client": frozenset({"admin", "clinician"}),  # take over, write, hand back
    "see_appointments": frozenset({"admin", "clinician", "front_desk"}),
    "cancel_appointment": frozenset({"admin", "clinician", "front_desk"}),
    "move_appointment": frozenset({"admin", "clinician", "front_desk"}),
    "keep_waiting_list": frozenset({"admin", "clinician", "front_desk"}),  # see it, and take somebody off it
    "see_notifications": frozenset({"admin", "clinician"}),
    "invite_client": frozenset({"admin", "clinician", "front_desk"}),
    "see_use": frozenset({"admin", "clinician"}),
    "supervise": frozenset({"admin", "clinician"}),
    "see_audit": frozenset({"admin", "auditor"}),
    "see_settings": frozenset({"admin", "auditor"}),
    "manage_staff": frozenset({"admin"}),
    "own_account": frozenset(ROLES),
    OWN_SECOND_FACTOR: frozenset(ROLES),
}
"""What can be done -> the roles that may."""

ROUTES: dict[str, str] = {
    # signing in and out
    "GET /console/sign-in": OPEN,
    "POST /console/sign-in": OPEN,
    "GET /console/sign-in/code": OPEN,
    "POST /console/sign-in/code": OPEN,
    "GET /console/oidc": OPEN,
    "GET /console/oidc/back": OPEN,
    "GET /console/welcome/{code}": OPEN,
    "POST /console/welcome/{code}": OPEN,
    "POST /console/sign-out": OPEN,
    "GET /console/visit": OPEN,
    "POST /console/visit": "own_account",
    # one's own account
    "GET /console": "own_account",
    "GET /console/account": "own_account",
    "POST /console/account/password": "own_account",
    "POST /console/account/sign-out-everywhere": "own_account",
    "GET /console/account/second-factor": OWN_SECOND_FACTOR,
    "POST /console/account/second-factor": OWN_SECOND_FACTOR,
    "POST /console/account/second-factor/off": "own_account",
    "POST /console/account/recovery-codes": "own_account",
    # cases
    "GET /console/queue": "see_queue",
    "GET /console/cases/{case_id}": "see_case",
    "POST /console/cases/{case_id}/acknowledge": "work_case",
    "POST /console/cases/{case_id}/close": "work_case",
    "POST /console/cases/{case_id}/assign": "work_case",
    "POST /console/cases/{case_id}/notes": "work_case",
    "GET /console/live": "see_queue",
    # clients
    "GET /console/clients": "see_client",
    "GET /console/clients/{client_id}": "see_client",
    "GET /console/clients/{client_id}/summary": "see_client",
    "GET /console/clients/{client_id}/summary.pdf": "see_client",
    "GET /console/clients/{client_id}/summary.fhir.json": "see_client",
    "POST /console/clients/{client_id}/take-over": "talk_with_client",
    "POST /console/clients/{client_id}/hand-back": "talk_with_client",
    "POST /console/clients/{client_id}/write": "talk_with_client",
    # appointments
    "GET /console/appointments": "see_appointments",
    "GET /console/appointments/{appointment_id}/move": "move_appointment",
    "POST /console/appointments/{appointment_id}/move": "move_appointment",
    "POST /console/appointments/{appointment_id}/cancel": "cancel_appointment",
    "GET /console/waiting-list": "keep_waiting_list",
    "POST /console/waiting-list/{client_id}/take-off": "keep_waiting_list",
    # notifications
    "GET /console/notifications": "see_notifications",
    # invitations
    "GET /console/invitations": "invite_client",
    "POST /console/invitations": "invite_client",
    "POST /console/invitations/{invitation_id}/withdraw": "invite_client",
    # use and supervision
    "GET /console/use": "see_use",
    "GET /console/supervision": "supervise",
    "POST /console/supervision": "supervise",
    "GET /console/supervision/clients/{client_id}": "supervise",
    # staff, audit, settings
    "GET /console/staff": "manage_staff",
    "POST /console/staff": "manage_staff",
    "GET /console/staff/{staff_id}": "manage_staff",
    "POST /console/staff/{staff_id}/role": "manage_staff",
    "POST /console/staff/{staff_id}/link": "manage_staff",
    "POST /console/staff/{staff_id}/second-factor": "manage_staff",
    "POST /console/staff/{staff_id}/unlock": "manage_staff",
    "POST /console/staff/{staff_id}/sign-out": "manage_staff",
    "POST /console/staff/{staff_id}/disable": "manage_staff",
    "POST /console/staff/{staff_id}/enable": "manage_staff",
    "POST /console/addresses/unblock": "manage_staff",
    "GET /console/audit": "see_audit",
    "GET /console/audit.csv": "see_audit",
    "GET /console/settings": "see_settings",
    # files of the pages
    "GET /console/console.css": OPEN,
    "GET /console/console.js": OPEN,
    "GET /console/htmx.min.js": OPEN,
    "GET /console/htmx-sse.min.js": OPEN,
    "GET /console/htmx-LICENSE.txt": OPEN,
    "GET /console/idle.js": OPEN,
    "GET /console/icon.svg": OPEN,
}
"""Method and path -> what it is for: a key of `ALLOWED`, or `OPEN`."""

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


def deed_of(method: str, path: str) -> str:
    """What a route is for.

    Raises:
        LookupError: it is not in the table.
    """
    try:
        return ROUTES[f"{method} {path}"]
    except KeyError:
        raise LookupError(f"{method} {path} is not in bot.console.roles.ROUTES: say there who may use it") from None
