"""Passwords: argon2id (RFC 9106), with the library's own parameters."""

from __future__ import annotations

import functools
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

SHORTEST_PASSWORD = 12


class PasswordTooShort(ValueError):
    """The message is one sentence for the person who chose it."""


def hash_password(password: str) -> str:
    """A password's argon2id hash.

    Raises:
        PasswordTooShort: NIST SP 800-63B asks for length, and for no rules about characters.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise PasswordTooShort(f"A password has at least {SHORTEST_PASSWORD} characters.")
    return PasswordHasher().hash(password)


def is_right(password_hash: str, password: str) -> bool:
    """Whether a password has this hash. Takes some 50 ms and 64 MB on purpose: keep it off the event loop."""
    try:
        return PasswordHasher().verify(password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False


def random_password() -> str:
    """A password that nobody guesses (about 95 bits)."""
    return secrets.token_urlsafe(12)


@functools.cache
def decoy() -> str:
    """A hash of something random, as slow to check as a real one."""
    return PasswordHasher().hash(secrets.token_bytes(16))
