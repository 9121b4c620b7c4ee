"""Signing in, step by step: an attempt is counted, its password looked at, its end noted; then the second factor.

Each step is a function of a session, so that the slow look at the password can happen between two transactions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.console import lockout, second_factor, visits
from bot.console.passwords import decoy
from bot.console.second_factor import Seal
from bot.console.visits import Visit
from bot.store.models import Audit, Staff, StaffVisit


class TryLater(Exception):
    """Too many wrong tries came from this address."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(wait)
        self.wait = wait


@dataclass(frozen=True)
class Attempt:
    """A sign-in that was counted, before its password is checked; `staff_id` is None if it cannot succeed."""

    staff_id: str | None
    password_hash: str


@dataclass(frozen=True)
class SignedIn:
    """`needs_code`: the second factor is still to come, and the visit opens nothing until then."""

    visit: Visit
    role: str
    needs_code: bool


def begin(session: Session, email: str, from_address: str, now: datetime) -> Attempt:
    """Counts an attempt, before the password is looked at.

    For somebody unknown, locked or disabled it hands out a hash that nothing matches, so that answers take as
    long.

    Raises:
        TryLater: the address has to wait.
    """
    _count_address(session, from_address, now)
    query = select(Staff).where(Staff.email == email.strip().lower()).with_for_update()
    staff = session.scalars(query).first()
    if staff is None or staff.disabled_at is not None or lockout.is_locked(staff, now):
        return Attempt(None, decoy())
    lockout.count_account(session, staff, now)
    return Attempt(staff.id, staff.password_hash or decoy())


def finish(session: Session, attempt: Attempt, right: bool, from_address: str, now: datetime) -> SignedIn | None:
    """Notes how an attempt ended.

    Args:
        right: what `bot.console.passwords.is_right` said.

    Returns:
        The new visit, or None.
    """
    staff = session.get(Staff, attempt.staff_id, with_for_update=True) if attempt.staff_id else None
    if staff is None or not right:
        if staff is not None:
            session.add(Audit(at=now, staff_id=staff.id, action="sign_in_failed", subject=staff.id))
        return None
    needs_code = second_factor.has_one(staff)
    lockout.uncount_address(session, from_address)
    if needs_code:
        lockout.uncount_account(staff)  # wrong codes go on counting: a known password is no way to guess them
    else:
        lockout.forget_account(staff)
        session.add(Audit(at=now, staff_id=staff.id, action="sign_in", subject=staff.id))
    return SignedIn(visits.begin(session, staff.id, "password", now), staff.role, needs_code)


def second_step(
    session: Session, visit: Visit, seal: Seal, code: str, from_address: str, now: datetime
) -> Visit | None:
    """The second step: a code of the app's, or a recovery code.

    Returns:
        A new visit that is whole; None when the code is wrong, or the account rests.

    Raises:
        TryLater: the address has to wait.
        LookupError: the first step is missing, or too long ago.
    """
    row, staff = half_way(session, visit, now)
    _count_address(session, from_address, now)
    if lockout.is_locked(staff, now):
        return None
    lockout.count_account(session, staff, now)
    if not second_factor.check(session, staff, seal, code, now):
        session.add(Audit(at=now, staff_id=staff.id, action="second_factor_failed", subject=staff.id))
        return None
    lockout.uncount_address(session, from_address)
    lockout.forget_account(staff)
    session.delete(row)
    session.add(Audit(at=now, staff_id=staff.id, action="sign_in", subject=staff.id))
    return visits.begin(session, staff.id, "password", now, second_factor=True)


def wrong_password(session: Session, staff_id: str, now: datetime) -> bool:
    """Counts a wrong password that was asked for during a visit.

    Returns:
        Whether it was one too many: then all sign-ins of the account have ended.
    """
    staff = session.get_one(Staff, staff_id, with_for_update=True)
    lockout.count_account(session, staff, now)
    if not lockout.is_locked(staff, now):
        return False
    visits.end_all(session, staff_id)
    return True


def half_way(session: Session, visit: Visit, now: datetime) -> tuple[StaffVisit, Staff]:
    """A visit whose password was right and whose code is still to come.

    Raises:
        LookupError: it is not such a visit, or began too long ago.
    """
    row = session.get(StaffVisit, visit.id, with_for_update=True) if visit.secret else None
    staff = session.get(Staff, row.staff_id, with_for_update=True) if row else None
    if row is None or staff is None or staff.disabled_at is not None or not second_factor.has_one(staff):
        raise LookupError("no first step")
    if row.second_factor_at is not None or row.way != "password" or row.began_at < now - visits.HALF_WAY:
        raise LookupError("no first step")
    return row, staff


def _count_address(session: Session, address: str, now: datetime) -> None:
    wait = lockout.wait_for_address(session, address, now)
    if wait:
        raise TryLater(wait)
    lockout.count_address(session, address, now)
