"""Staff and their passwords (argon2id, RFC 9106), with a lock after too many wrong ones."""

from __future__ import annotations

import functools
import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.clinic.rules import check_email
from bot.console.roles import ROLES
from bot.store.models import Audit, Staff

SHORTEST_PASSWORD = 12
LOCK_AFTER = 5
LOCKED_FOR = timedelta(minutes=15)
FIRST_EMAIL = "admin@localhost"


class StaffError(ValueError):
    """What was asked cannot be done; the message is one sentence for the person who asked."""


@dataclass(frozen=True)
class Attempt:
    """A sign-in that was counted, before its password is checked; `staff_id` is None if it cannot succeed."""

    staff_id: str | None
    password_hash: str


def create_staff(
    session: Session, email: str, name: str, role: str, password: str, now: datetime, by: str | None = None
) -> Staff:
    """Adds someone who can sign in.

    Args:
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
    if role not in ROLES:
        raise StaffError(f"{role!r} is not a role; the roles are {', '.join(ROLES)}.")
    if session.scalars(select(Staff).where(Staff.email == email)).first() is not None:
        raise StaffError(f"{email} is already in use.")
    staff = Staff(
        id=uuid.uuid4().hex,
        email=email,
        name=name.strip(),
        role=role,
        password_hash=hash_password(password),
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


def set_password(session: Session, staff_id: str, password: str, now: datetime, by: str) -> None:
    """Changes a password; sign-ins made with the old one end.

    Raises:
        StaffError: the password is too short, or there is no such person.
    """
    staff = _get(session, staff_id)
    staff.password_hash = hash_password(password)
    staff.failed_attempts, staff.locked_until = 0, None
    session.add(Audit(at=now, staff_id=by, action="set_password", subject=staff.id))


def set_disabled(session: Session, staff_id: str, disabled: bool, now: datetime, by: str) -> None:
    """Takes away or gives back someone's access. Nobody is deleted, since cases name them.

    Raises:
        StaffError: it is one's own access, or there is no such person.
    """
    if staff_id == by:
        raise StaffError("You cannot take away your own access.")
    staff = _get(session, staff_id)
    staff.disabled_at = now if disabled else None
    session.add(Audit(at=now, staff_id=by, action="disable_staff" if disabled else "enable_staff", subject=staff.id))


def begin_sign_in(session: Session, email: str, now: datetime) -> Attempt:
    """Counts an attempt before the password is looked at, so that many at once cannot get round the lock.

    For somebody unknown, locked or disabled it hands out a hash that nothing matches, so that answers take as
    long.
    """
    query = select(Staff).where(Staff.email == email.strip().lower()).with_for_update()
    staff = session.scalars(query).first()
    if staff is None or staff.disabled_at is not None or (staff.locked_until and staff.locked_until > now):
        return Attempt(None, _decoy())
    if staff.locked_until is not None:
        staff.failed_attempts, staff.locked_until = 0, None
    staff.failed_attempts = (staff.failed_attempts or 0) + 1
    if staff.failed_attempts >= LOCK_AFTER:
        staff.locked_until = now + LOCKED_FOR
        session.add(Audit(at=now, staff_id=None, action="lock_staff", subject=staff.id))
    return Attempt(staff.id, staff.password_hash)


def finish_sign_in(session: Session, attempt: Attempt, right: bool, now: datetime) -> Staff | None:
    """Notes how an attempt ended.

    Args:
        right: what `is_right` said.

    Returns:
        Who signed in, or None.
    """
    staff = session.get(Staff, attempt.staff_id) if attempt.staff_id else None
    if staff is None:
        return None
    session.add(Audit(at=now, staff_id=staff.id, action="sign_in" if right else "sign_in_failed", subject=staff.id))
    if not right:
        return None
    staff.failed_attempts, staff.locked_until = 0, None
    return staff


def is_right(password_hash: str, password: str) -> bool:
    """Whether a password has this hash. Takes some 50 ms and 64 MB on purpose: keep it off the event loop."""
    try:
        return PasswordHasher().verify(password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False


def hash_password(password: str) -> str:
    """A password's argon2id hash.

    Raises:
        StaffError: it is too short (NIST SP 800-63B asks for length, and for no rules about characters).
    """
    if len(password) < SHORTEST_PASSWORD:
        raise StaffError(f"A password has at least {SHORTEST_PASSWORD} characters.")
    return PasswordHasher().hash(password)


def random_password() -> str:
    """A password that nobody guesses (about 95 bits)."""
    return secrets.token_urlsafe(12)


def fingerprint(staff: Staff) -> str:
    """Changes with the password: what a signed-in browser holds, so that a new password ends old sign-ins."""
    return hashlib.sha256(staff.password_hash.encode()).hexdigest()[:16]


@functools.cache
def _decoy() -> str:
    """A hash of something random, as slow to check as a real one."""
    return PasswordHasher().hash(secrets.token_bytes(16))


def _get(session: Session, staff_id: str) -> Staff:
    staff = session.get(Staff, staff_id)
    if staff is None:
        raise StaffError("There is no such person.")
    return staff
