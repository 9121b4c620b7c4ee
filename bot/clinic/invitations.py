"""Links that a clinic gives to one client each: for one use, for some days. Only the token's SHA-256 is kept."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.store.models import Audit, Invitation

DAYS = 14
LONGEST_NOTE = 120
SHAPE = re.compile(r"i_[A-Za-z0-9_-]{22}")
SHOWN = 100


class NoSuchInvitation(LookupError):
    """There is none with this id."""


def invite(
    session: Session, now: datetime, *, note: str = "", days: int = DAYS, by: str | None = None
) -> tuple[Invitation, str]:
    """A new invitation and its token, which nobody can see again.

    Args:
        note: of staff, to know it again. It is deleted with the client.

    Raises:
        ValueError: the note is too long, or the days are none or more than a year's.
    """
    note = " ".join(note.split())
    if len(note) > LONGEST_NOTE:
        raise ValueError(f"A note has {LONGEST_NOTE} characters at most.")
    if not 1 <= days <= 366:
        raise ValueError("An invitation is good for 1 to 366 days.")
    token = f"i_{secrets.token_urlsafe(16)}"
    made = Invitation(
        id=uuid.uuid4().hex,
        digest=_digest(token),
        note=note,
        created_by=by,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    session.add(made)
    session.add(Audit(at=now, staff_id=by, action="invite", subject=made.id))
    session.flush()
    return made, token


def is_open(session: Session, token: str, now: datetime) -> bool:
    """Whether somebody could still use the invitation."""
    kept = session.scalar(select(Invitation).where(Invitation.digest == _digest(token)))
    return kept is not None and state(kept, now) == "open"


def accept(session: Session, token: str, client_id: str, now: datetime) -> bool:
    """Whether the invitation is good; it is used up for everybody but this client."""
    kept = session.scalar(select(Invitation).where(Invitation.digest == _digest(token)).with_for_update())
    if kept is None or kept.withdrawn_at is not None:
        return False
    if kept.used_at is not None:
        return kept.client_id == client_id
    if kept.expires_at <= now:
        return False
    kept.used_at, kept.client_id = now, client_id
    session.flush()
    return True


def withdraw(session: Session, invitation_id: str, now: datetime, *, by: str | None = None) -> None:
    """Makes an unused invitation worth nothing; one that was used stays as it is.

    Raises:
        NoSuchInvitation: there is none with this id.
    """
    kept = session.get(Invitation, invitation_id, with_for_update=True)
    if kept is None:
        raise NoSuchInvitation(invitation_id)
    if kept.used_at is None and kept.withdrawn_at is None:
        kept.withdrawn_at = now
        session.add(Audit(at=now, staff_id=by, action="withdraw_invitation", subject=kept.id))
        session.flush()


def newest(session: Session) -> list[Invitation]:
    """The invitations, the newest first."""
    return list(session.scalars(select(Invitation).order_by(Invitation.created_at.desc()).limit(SHOWN)))


def state(invitation: Invitation, now: datetime) -> str:
    """used, withdrawn, expired or open."""
    if invitation.used_at is not None:
        return "used"
    if invitation.withdrawn_at is not None:
        return "withdrawn"
    return "open" if invitation.expires_at > now else "expired"


def web_link(public_url: str, token: str) -> str:
    """The link for the browser. The token stands behind the #, which browsers send to nobody."""
    return f"{public_url.rstrip('/')}/join#{token}"


def telegram_link(bot_name: str, token: str) -> str:
    """The link for Telegram: https://core.telegram.org/bots/features#deep-linking."""
    return f"https://t.me/{bot_name}?start={token}"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
