"""The cache of the scaled-out form: Django's in PostgreSQL, with a counter that counts.

Django's `incr` there reads, adds and writes back: of two at once one is lost, and the window falls back to the default
five minutes. Limits stand on it, so here it is one locked row whose end stays what it was.
"""

import base64
import pickle
from typing import Any

from django.core.cache.backends.db import DatabaseCache
from django.db import connections, router, transaction
from django.utils import timezone


class CountingCache(DatabaseCache):
    """`incr` and `decr` are atomic and leave the timeout alone."""

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """As in Django's contract: the new value. Raises ValueError for what is not there."""
        name = self.make_and_validate_key(key, version=version)
        alias = router.db_for_write(self.cache_model_class)
        table = connections[alias].ops.quote_name(self._table)  # type: ignore[attr-defined]  # the stubs leave it out
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            # S608: the table's name is a setting of ours.
            cursor.execute(f"SELECT value, expires FROM {table} WHERE cache_key = %s FOR UPDATE", [name])  # noqa: S608  # our table
            row = cursor.fetchone()
            if row is None or row[1] <= timezone.now():
                message = f"there is no {key}"
                raise ValueError(message)
            # S301: written by this server alone.
            value: int = pickle.loads(base64.b64decode(row[0])) + delta  # noqa: S301  # see above
            packed = base64.b64encode(pickle.dumps(value, self.pickle_protocol)).decode()
            cursor.execute(f"UPDATE {table} SET value = %s WHERE cache_key = %s", [packed, name])  # noqa: S608  # constants and bound values
        return value
