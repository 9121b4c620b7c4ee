"""Staff: who can sign in, and what an administrator can change about them."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from bot.clinic.rules import check_email
from bot.console import lockout, visits
from bot.console.passwords import PasswordTooShort, hash_password, random_password
from bot.console.roles import ROLES
from bot.store.models import Audit, Staff, StaffLink

FIRST_EMAIL = "admin@localhost"
LINK_LASTS = timedelta(days=3)


class StaffError(ValueError):
    """What was asked cannot be done; the message is one sentence for the person who asked."""


def create_staff(
    session: Session, email: str, name: str, role: str, password: str | None, now: datetime, by: str | None = None
) -> Staff:
    """Adds someone.

    Args:
        password: None for someone who will set their own with a link (`new_link`), or who signs in elsewhere.
        by: the id of the staff member who adds them, for the audit.

    Raises:
        StaffError: the e-mail address is in use or none, the role is unknown or the password too short.
    """
    email = email.strip().lower()
    try:
        check_email(email)
    except ValueError as error:
        raise StaffError(f"{error}.") from None
    if not name.strip():
        raise StaffError("A name is needed.")
    _check_role(role)
    if session.scalars(select(Staff).where(Staff.email == email)).first() is not None:
        raise StaffError(f"{email} is already in use.")
    staff = Staff(
        id=uuid.uuid4().hex,
        email=email,
        name=name.strip()[:200],
        role=role,
        password_hash="" if password is None else _hash(password),  # no password matches an empty hash
        created_at=now,
    )
    session.add(staff)
    session.add(Audit(at=now, staff_id=by, action="add_staff", subject=staff.id))
    session.flush()
    return staff


def first_admin(session: Session, now: datetime) -> tuple[str, str] | None:
    """Makes the first administrator when there is no staff at all.

    Returns:
        E-mail address and password, to be shown once and kept nowhere; None when there is staff.
    """
    if session.scalar(select(func.count()).select_from(Staff)):
        return None
    password = random_password()
    create_staff(session, FIRST_EMAIL, "Administrator", "admin", password, now)
    return FIRST_EMAIL, password


def new_link(session: Session, staff_id: str, now: datetime, by: str) -> str:
    """A one-time code for a link with which somebody sets their password; earlier ones no longer work.

    Raises:
        StaffError: there is no such person, or they have no access.
    """
    staff = get(session, staff_id)
    if staff.disabled_at is not None:
        raise StaffError(f"{staff.name} has no access: give it back first.")
    session.execute(delete(StaffLink).where(StaffLink.staff_id == staff_id))
    code = secrets.token_urlsafe(32)
    session.add(StaffLink(id=_digest(code), staff_id=staff_id, expires_at=now + LINK_LASTS))
    session.add(Audit(at=now, staff_id=by, action="make_staff_link", subject=staff_id))
    return code


def who_has_link(session: Session, code: str, now: datetime) -> Staff | None:
    """Whose link this is; None when it was used, is too old, or never was."""
    link = session.get(StaffLink, _digest(code), with_for_update=True)
    staff = session.get(Staff, link.staff_id) if link is not None and link.expires_at > now else None
    return staff if staff is not None and staff.disabled_at is None else None


def use_link(session: Session, code: str, password: str, now: datetime) -> Staff:
    """Sets a password with a link, which is used up by it.

    Raises:
        StaffError: the link does not work (any more), or the password is too short.
    """
    staff = who_has_link(session, code, now)
    if staff is None:
        raise StaffError("This link does not work any more: ask an administrator for a new one.")
    set_password(session, staff.id, password, now, by=staff.id)
    session.execute(delete(StaffLink).where(StaffLink.staff_id == staff.id))
    return staff


def set_password(session: Session, staff_id: str, password: str, now: datetime, by: str) -> None:
    """Changes a password; all sign-ins end.

    Raises:
        StaffError: the password is too short, or there is no such person.
    """
    staff = get(session, staff_id)
    staff.password_hash = _hash(password)
    lockout.forget_account(staff)
    visits.end_all(session, staff_id)
    session.add(Audit(at=now, staff_id=by, action="set_password", subject=staff.id))


def set_disabled(session: Session, staff_id: str, disabled: bool, now: datetime, by: str) -> None:
    """Takes away or gives back someone's access. Nobody is deleted, since cases name them.

    Raises:
        StaffError: it is one's own access, or that of the last administrator, or there is no such person.
    """
    if staff_id == by:
        raise StaffError("You cannot take away your own access.")
    staff = get(session, staff_id)
    if disabled:
        _keep_an_admin(session, staff)
        visits.end_all(session, staff_id)
        session.execute(delete(StaffLink).where(StaffLink.staff_id == staff_id))
    staff.disabled_at = now if disabled else None
    session.add(Audit(at=now, staff_id=by, action="disable_staff" if disabled else "enable_staff", subject=staff.id))


def set_role(session: Session, staff_id: str, role: str, now: datetime, by: str | None) -> None:
    """Gives someone another role. They sign in anew.

    Raises:
        StaffError: the role is unknown, it is the last administrator's, or there is no such person.
    """
    staff = get(session, staff_id)
    _check_role(role)
    if staff.role == role:
        return
    _keep_an_admin(session, staff)
    staff.role = role
    visits.end_all(session, staff_id)
    session.add(Audit(at=now, staff_id=by, action=f"set_role_{role}", subject=staff.id))


def unlock(session: Session, staff_id: str, now: datetime, by: str) -> None:
    """Lets someone sign in again after too many wrong tries.

    Raises:
        StaffError: there is no such person.
    """
    lockout.forget_account(get(session, staff_id))
    session.add(Audit(at=now, staff_id=by, action="unlock_staff", subject=staff_id))


def sign_out_everywhere(session: Session, staff_id: str, now: datetime, by: str) -> None:
    """Ends all of somebody's sign-ins.

    Raises:
        StaffError: there is no such person.
    """
    get(session, staff_id)
    visits.end_all(session, staff_id)
    session.add(Audit(at=now, staff_id=by, action="sign_out_everywhere", subject=staff_id))


def get(session: Session, staff_id: str) -> Staff:
    """The person with this id, locked for a change.

    Raises:
        StaffError: there is none.
    """
    staff = session.get(Staff, staff_id, with_for_update=True)
    if staff is None:
        raise StaffError("There is no such person.")
    return staff


def _keep_an_admin(session: Session, staff: Staff) -> None:
    """Refuses to take the last administrator who can sign in."""
    if staff.role != "admin" or staff.disabled_at is not None:
        return
    admins = select(Staff.id).where(Staff.role == "admin", Staff.disabled_at.is_(None)).with_for_update()
    if list(session.scalars(admins)) == [staff.id]:
        raise StaffError(f"{staff.name} is the last administrator: make somebody else one first.")


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise StaffError(f"{role!r} is not a role; the roles are {', '.join(ROLES)}.")


def _hash(password: str) -> str:
    try:
        return hash_password(password)
    except PasswordTooShort as error:
        raise StaffError(str(error)) from None


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
