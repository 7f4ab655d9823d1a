"""The session engine: Django's database sessions, but the key is hashed at rest (`SESSION_ENGINE`)."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from belvedere.control.accounts.models import Session, digest_of
from belvedere.control.core import clock

#: however busy it is, a sign-in ends
ABSOLUTE: Final = timedelta(days=90)
#: the same on a shared device, where it also ends with the browser
ABSOLUTE_WHERE_SHARED: Final = timedelta(hours=12)
#: how old "last seen" may grow before it is written anew, and the cookie's idle time with it
SEEN_EVERY: Final = timedelta(hours=1)


class SessionStore(DatabaseStore):
    """Keeps SHA-256(key) where Django keeps the key, and whose session it is beside it."""

    _created_at: datetime | None = None
    _last_seen_at: datetime | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """The table."""
        return Session

    def _get_session_from_db(self) -> Session | None:
        row = Session.objects.filter(session_key=digest_of(self.session_key or ""), expire_date__gt=clock.now()).first()
        if row is None:
            self._session_key = None
        else:
            self._created_at = row.created_at
            self._last_seen_at = row.last_seen_at
        return row

    def create(self) -> None:
        """A new session under a new key."""
        self._created_at = None
        super().create()

    @property
    def is_stale(self) -> bool:
        """Whether "last seen" should be written anew. Known once the session was read."""
        return self._last_seen_at is not None and clock.now() - self._last_seen_at > SEEN_EVERY

    def get_expiry_age(self, **kwargs: Any) -> int:
        """Seconds until it ends: idle too long, or absolutely."""
        return max(0, min(super().get_expiry_age(**kwargs), int((self._absolute_end - clock.now()).total_seconds())))

    def get_expiry_date(self, **kwargs: Any) -> datetime:
        """When it ends: idle too long, or absolutely."""
        return min(super().get_expiry_date(modification=clock.now(), **kwargs), self._absolute_end)

    @property
    def _absolute_end(self) -> datetime:
        # Django's own mark of "until the browser is closed" (`set_expiry(0)`): nobody wanted to stay signed in there.
        is_shared = self.get("_auth_user_id") is not None and self.get_expire_at_browser_close()
        return (self._created_at or clock.now()) + (ABSOLUTE_WHERE_SHARED if is_shared else ABSOLUTE)

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row for the current state."""
        self._last_seen_at = clock.now()
        self._created_at = self._created_at or self._last_seen_at
        return Session(
            session_key=digest_of(self._get_or_create_session_key()),  # type: ignore[attr-defined]  # not in the stubs
            created_at=self._created_at,
            last_seen_at=self._last_seen_at,
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            account_id=data.get("_auth_user_id"),
            agent=str(data.get("agent", ""))[:200],
        )

    def exists(self, session_key: str) -> bool:
        """Whether such a session is there."""
        return Session.objects.filter(session_key=digest_of(session_key)).exists()

    def delete(self, session_key: str | None = None) -> None:
        """End it."""
        key = session_key or self.session_key
        if key:
            Session.objects.filter(session_key=digest_of(key)).delete()

    @property
    def credential(self) -> str:
        """The credential name of this session, as viewing sessions know it; "" before it was ever saved."""
        return f"session:{digest_of(self.session_key)}" if self.session_key else ""
