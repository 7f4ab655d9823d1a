"""How often something may be done: counted in fixed windows in the shared cache, refused with 429.

Known and unknown targets count alike, so that a limit is no oracle (N1).
"""

import time
from typing import Final

from django.core.cache import cache

from belvedere.control.core.errors import RateLimited

#: A count is kept for longer than its window, which has a name of its own: the cache's clock need not be ours.
SPARE_S: Final = 60


def hit(scope: str, key: str, *, limit: int, per_s: int) -> None:
    """Count one act of `key` in `scope`. Raises RateLimited once more than `limit` fall into the window."""
    window, passed = divmod(int(time.time()), per_s)
    name = f"limit:{scope}:{key}:{window}"
    cache.add(name, 0, timeout=per_s + SPARE_S)
    try:
        count = cache.incr(name)
    except ValueError:  # the window closed between add and incr
        count = 1
    if count > limit:
        raise RateLimited(retry_after=per_s - passed)


def forgive(scope: str, key: str, *, per_s: int) -> None:
    """Take one act back that turned out harmless."""
    name = f"limit:{scope}:{key}:{int(time.time()) // per_s}"
    try:
        cache.decr(name)
    except ValueError:
        return
