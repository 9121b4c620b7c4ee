"""One-time codes with which a client goes on elsewhere. Short, for ten minutes, for one use; only a digest is kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from bot.store.models import OneTimeCode

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without what is taken for something else: 0 and O, 1, I and L, U and V."""
LENGTH = 8
"""30^8, some 650,000,000,000 codes: with a few tries a minute, nobody guesses one in ten minutes."""
LIFETIME = timedelta(minutes=10)
SHAPE = re.compile(rf"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}")


def make_code(session: Session, conversation_id: str, now: datetime) -> str:
    """A code such as K7QM-2XWD; an earlier one of this conversation is worth nothing any more."""
    session.execute(delete(OneTimeCode).where(OneTimeCode.conversation_id == conversation_id))
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    session.add(
        OneTimeCode(digest=_digest(code), conversation_id=conversation_id, created_at=now, expires_at=now + LIFETIME)
    )
    session.flush()
    return f"{code[:4]}-{code[4:]}"


def take_code(session: Session, code: str, now: datetime) -> str | None:
    """The conversation that a code leads to, once; None for one that is unknown, used or too old."""
    kept = session.get(OneTimeCode, _digest(plain(code)), with_for_update=True)
    if kept is None:
        return None
    session.delete(kept)
    session.flush()
    return kept.conversation_id if kept.expires_at > now else None


def plain(code: str) -> str:
    """A code as it is digested: capitals, without hyphen and spaces."""
    return re.sub(r"[\s-]", "", code).upper()


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
