"""Codes of an app (RFC 6238): thirty seconds each, one step early or late is forgiven. Pure but for the clock."""

import re
from typing import Final

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.utils.crypto import constant_time_compare

from belvedere.control.core import clock

STEP_S: Final = 30
TOLERANCE: Final = 1


def find_step(seed: str, code: str) -> int | None:
    """The time step whose code this is; None for any other code. `seed` is base 32."""
    digits = re.sub(r"[\s\-]", "", code)
    now = int(clock.now().timestamp()) // STEP_S
    for step in range(now - TOLERANCE, now + TOLERANCE + 1):
        if constant_time_compare(digits, code_of(seed, step)):
            return step
    return None


def code_of(seed: str, step: int) -> str:
    """The six digits of one time step."""
    return str(format_hotp_value(hotp_value(seed, step)))
