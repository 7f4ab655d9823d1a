"""Ids: opaque, sortable by time of making, the same in database, API, messages and logs (ADR 0007).

26 characters of Crockford's base 32: 48 bits of milliseconds, 80 bits of chance. An id is never a secret.
"""

import secrets
import time
from typing import Final

LENGTH: Final = 26
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id() -> str:
    """A fresh id. Later ids sort after earlier ones, to the millisecond."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def is_id(text: str) -> bool:
    """Whether `text` has the form of an id; nothing else may reach a query or a file name."""
    return len(text) == LENGTH and all(character in _ALPHABET for character in text)
