"""The second factor: codes by time (TOTP, RFC 6238) from an authenticator app, and recovery codes for its loss.

A code is good for its own 30 seconds and for the step before and after, since clocks drift; none is taken twice.
The secrets are sealed in the database with a key made from the session key, so a copy of the database alone gives
nobody a code.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import secrets
from datetime import datetime

import pyotp
import segno
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from bot.store.models import Audit, RecoveryCode, Staff

STEP_SECONDS = 30
DRIFT_STEPS = 1
RECOVERY_CODES = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else


class Seal:
    """Encrypts the secrets.

    Args:
        session_key: `Settings.session_key`.
    """

    def __init__(self, session_key: str) -> None:
        key = HKDF(SHA256(), 32, salt=None, info=b"evoke second factor").derive(session_key.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def close(self, secret: str) -> str:
        """Encrypts."""
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str | None:
        """Decrypts; None when the session key is not the one it was sealed with."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            return None


def has_one(staff: Staff) -> bool:
    """Whether somebody has set up a second factor."""
    return staff.totp_since is not None


def begin_setup(staff: Staff, seal: Seal) -> str:
    """The secret for the authenticator app: a new one, or the one whose set-up is under way.

    Args:
        staff: somebody without a second factor; what is begun is kept in their row.
    """
    secret = seal.open(staff.totp_sealed) if staff.totp_sealed else None
    if secret is None:
        secret = pyotp.random_base32()
        staff.totp_sealed = seal.close(secret)
    return secret


def address(secret: str, email: str, clinic: str) -> str:
    """The otpauth address that an authenticator app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=f"Evoke, {clinic}".replace(":", " "))


def qr_code(text: str) -> str:
    """A QR code as an SVG element, black on white whatever the page's colours."""
    out = io.BytesIO()
    segno.make(text, error="m").save(
        out,
        kind="svg",
        scale=5,
        border=3,
        dark="#000",
        light="#fff",
        xmldecl=False,
        svgns=True,
        svgclass="qr",
        nl=False,
    )
    return out.getvalue().decode()


def finish_setup(session: Session, staff: Staff, seal: Seal, code: str, now: datetime) -> list[str] | None:
    """Turns the second factor on, if the app shows the right code.

    Returns:
        The recovery codes, to be shown once; None when the code is wrong.
    """
    if has_one(staff) or not _takes(staff, seal, code, now):
        return None
    staff.totp_since = now
    session.add(Audit(at=now, staff_id=staff.id, action="set_second_factor", subject=staff.id))
    return new_recovery_codes(session, staff, now)


def check(session: Session, staff: Staff, seal: Seal, code: str, now: datetime) -> bool:
    """Whether this is a code of the app's, or a recovery code; either is used up by it."""
    return has_one(staff) and (_takes(staff, seal, code, now) or _takes_recovery(session, staff, code, now))


def remove(session: Session, staff: Staff, now: datetime, by: str) -> None:
    """Takes the second factor away, recovery codes included."""
    staff.totp_sealed, staff.totp_since, staff.totp_step = None, None, 0
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff.id))
    session.add(Audit(at=now, staff_id=by, action="reset_second_factor", subject=staff.id))


def new_recovery_codes(session: Session, staff: Staff, now: datetime) -> list[str]:
    """Ten codes such as "k7pm-x2wd-9hqa-3tzc" (about 79 bits); the old ones no longer work."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff.id))
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(16)) for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(id=_digest(staff, code), staff_id=staff.id) for code in codes)
    session.add(Audit(at=now, staff_id=staff.id, action="make_recovery_codes", subject=staff.id))
    return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in codes]


def recovery_codes_left(session: Session, staff_id: str) -> int:
    """How many recovery codes somebody can still use."""
    query = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.staff_id == staff_id)
    return session.scalar(query) or 0


def _takes(staff: Staff, seal: Seal, code: str, now: datetime) -> bool:
    secret = seal.open(staff.totp_sealed) if staff.totp_sealed else None
    given = "".join(code.split())
    if secret is None or not given.isascii():
        return False
    totp, present = pyotp.TOTP(secret, interval=STEP_SECONDS), int(now.timestamp()) // STEP_SECONDS
    for step in range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1):
        if step > staff.totp_step and hmac.compare_digest(totp.generate_otp(step), given):
            staff.totp_step = step
            return True
    return False


def _takes_recovery(session: Session, staff: Staff, code: str, now: datetime) -> bool:
    plain = "".join(letter for letter in code.lower() if letter in ALPHABET)
    used = session.execute(delete(RecoveryCode).where(RecoveryCode.id == _digest(staff, plain)))
    if not used.rowcount:  # type: ignore[attr-defined]  # a delete's result has it
        return False
    session.add(Audit(at=now, staff_id=staff.id, action="use_recovery_code", subject=staff.id))
    return True


def _digest(staff: Staff, code: str) -> str:
    return hashlib.sha256(f"{staff.id} {code}".encode()).hexdigest()
