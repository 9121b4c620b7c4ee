"""What stops guessing: a pause for an account, and one for a network address, each longer than the last.

An attempt is counted before its password is looked at, so that many at once cannot get round the pause.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.store.models import Audit, SignInAddress, Staff

ACCOUNT_TRIES = 5
ACCOUNT_PAUSE = timedelta(minutes=15)
LONGEST_ACCOUNT_PAUSE = timedelta(hours=4)
ADDRESS_TRIES = 30
ADDRESS_PAUSE = timedelta(minutes=1)
LONGEST_ADDRESS_PAUSE = timedelta(hours=1)
FORGET_ADDRESS_AFTER = timedelta(hours=2)
FORGET_ACCOUNT_AFTER = timedelta(days=1)


def pause(failures: int, tries: int, first: timedelta, longest: timedelta) -> timedelta:
    """How long to wait after so many wrong tries: nothing, then `first`, then twice as long with each."""
    if failures < tries:
        return timedelta(0)
    return min(first * (1 << min(failures - tries, 20)), longest)


def is_locked(staff: Staff, now: datetime) -> bool:
    """Whether an account is at rest."""
    return staff.locked_until is not None and staff.locked_until > now


def count_account(session: Session, staff: Staff, now: datetime) -> None:
    """Counts an attempt, and locks the account where it is one too many."""
    if staff.locked_until is not None and staff.locked_until < now - FORGET_ACCOUNT_AFTER:
        forget_account(staff)
    staff.failed_attempts = (staff.failed_attempts or 0) + 1
    wait = pause(staff.failed_attempts, ACCOUNT_TRIES, ACCOUNT_PAUSE, LONGEST_ACCOUNT_PAUSE)
    if wait:
        staff.locked_until = now + wait
        session.add(Audit(at=now, staff_id=None, action="lock_staff", subject=staff.id))


def uncount_account(staff: Staff) -> None:
    """Takes an attempt back that was right so far, where a second factor is still to come."""
    staff.failed_attempts = max(0, staff.failed_attempts - 1)
    staff.locked_until = None


def forget_account(staff: Staff) -> None:
    """After a whole sign-in, or when an administrator lifts the pause."""
    staff.failed_attempts, staff.locked_until = 0, None


def wait_for_address(session: Session, address: str, now: datetime) -> timedelta:
    """How long an address still has to wait; nothing where it has not been noticed."""
    row = session.get(SignInAddress, address)
    if row is None or row.blocked_until is None:
        return timedelta(0)
    return max(timedelta(0), row.blocked_until - now)


def count_address(session: Session, address: str, now: datetime) -> None:
    """Counts an attempt from an address. Addresses that have been quiet are forgotten."""
    session.execute(
        delete(SignInAddress).where(
            SignInAddress.last_at < now - FORGET_ADDRESS_AFTER,
            SignInAddress.blocked_until.is_(None) | (SignInAddress.blocked_until < now),
        )
    )
    if session.get(SignInAddress, address) is None:
        try:
            with session.begin_nested():
                session.add(SignInAddress(address=address, failures=0, last_at=now))
        except IntegrityError:  # another attempt was as fast
            pass
    row = session.scalars(select(SignInAddress).where(SignInAddress.address == address).with_for_update()).one()
    row.failures, row.last_at = row.failures + 1, now
    wait = pause(row.failures, ADDRESS_TRIES, ADDRESS_PAUSE, LONGEST_ADDRESS_PAUSE)
    if wait:
        row.blocked_until = now + wait


def uncount_address(session: Session, address: str) -> None:
    """Takes an attempt back that was right."""
    row = session.get(SignInAddress, address)
    if row is not None:
        row.failures, row.blocked_until = max(0, row.failures - 1), None


def blocked_addresses(session: Session, now: datetime) -> list[SignInAddress]:
    """The addresses that have to wait."""
    query = select(SignInAddress).where(SignInAddress.blocked_until > now)
    return list(session.scalars(query.order_by(SignInAddress.blocked_until.desc())))


def unblock(session: Session, address: str, now: datetime, by: str) -> None:
    """Lets an address try again."""
    session.execute(delete(SignInAddress).where(SignInAddress.address == address))
    session.add(Audit(at=now, staff_id=by, action="unblock_address"))
