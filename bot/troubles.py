"""Known troubles, each as one sentence that says what to do."""

from __future__ import annotations

import errno

from sqlalchemy.exc import OperationalError

from bot.clinic.config import ClinicConfigError
from bot.mi.content import ContentError
from bot.rasa_process import RasaError
from bot.safety.content import SafetyContentError
from bot.safety.scorer import ScorerError
from bot.serve import StartError
from bot.store.database import StoreError

KNOWN = (StartError, StoreError, RasaError, ClinicConfigError, ContentError, SafetyContentError, ScorerError)
DISK = (errno.ENOSPC, errno.EDQUOT)


def sentence_for(error: BaseException) -> str | None:
    """What to tell the person at the keyboard; None for an error that is a defect and deserves its trace."""
    if isinstance(error, KNOWN):
        return str(error)
    original = getattr(error, "orig", error)
    if (isinstance(original, OSError) and original.errno in DISK) or "database or disk is full" in str(original):
        return "The disk is full: free some space and start again; nothing that was acknowledged is lost."
    if isinstance(original, PermissionError):
        return f"{original.filename or 'A file'} may not be written: check who owns it, or set EVOKE_HOME."
    if isinstance(error, OperationalError):
        return f"The database cannot be used ({original}): check EVOKE_DATABASE_URL and that the server runs."
    return None
