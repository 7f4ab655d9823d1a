"""How long to wait before the next try."""

import random
from typing import Final

from belvedere.contracts.events import SourceError

_FIRST_S: Final = 0.5
_LONGEST_S: Final = 30.0
#: A camera locks a client out that tries wrong passwords: five tries in half an hour are common limits.
_PASSWORD_FIRST_S: Final = 30.0
_PASSWORD_LONGEST_S: Final = 600.0
#: A connection that stood this long was a good one: begin again with short waits.
GOOD_AFTER_S: Final = 10.0


class Backoff:
    """Doubling waits with jitter (half to whole), so that cameras behind one switch do not come back as one."""

    def __init__(self, chance: random.Random | None = None) -> None:
        """Give a seeded `chance` for waits that can be foretold."""
        self._chance = chance or random.Random()  # noqa: S311  jitter, not a secret
        self._tries = 0

    def next(self, code: SourceError, *, stood_s: float = 0.0) -> float:
        """Seconds to wait after a connection failed with `code`, having stood for `stood_s`."""
        if stood_s >= GOOD_AFTER_S:
            self._tries = 0
        first, longest = (
            (_PASSWORD_FIRST_S, _PASSWORD_LONGEST_S) if code is SourceError.WRONG_PASSWORD else (_FIRST_S, _LONGEST_S)
        )
        wait = min(longest, first * float(1 << min(self._tries, 16)))
        self._tries += 1
        return wait * self._chance.uniform(0.5, 1.0)
