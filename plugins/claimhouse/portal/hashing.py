"""Passwords as they are kept: argon2id (RFC 9106). Each takes memory, and a fraction of a second."""

from __future__ import annotations

import unicodedata
from functools import cache
from secrets import token_hex

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# Less than RFC 9106, 4 recommends where memory is plenty, more than OWASP's least (19 MiB, 2 passes).
MEMORY_KIB = 64 * 1024
_hasher = PasswordHasher(time_cost=3, memory_cost=MEMORY_KIB, parallelism=1)


def hash_of(password: str) -> str:
    """The hash of *password*, with its salt and parameters."""
    return _hasher.hash(_bytes(password))


def is_of(hashed: str | None, password: str) -> bool:
    """Whether *password* has the hash *hashed*. Where there is none it takes as long, and is False."""
    try:
        return _hasher.verify(hashed or _of_nobody(), _bytes(password)) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _of_nobody() -> str:
    return hash_of(token_hex(32))


def _bytes(password: str) -> bytes:
    """One spelling of what looks the same (NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace")
