"""Hearing the bus: each subject of `consumers.BUS` on a small pool of threads of its own.

Not the pool of pages: a renewal must not queue behind a slow page, or pictures would stop.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

import msgspec
from django.db import close_old_connections, connections

from belvedere.bus.connection import BusUser
from belvedere.bus.threads import BusThread
from belvedere.config import ConfigError, Settings
from belvedere.contracts import subjects
from belvedere.control.consumers import BUS, Ear
from belvedere.control.core import media


def connect(settings: Settings, role: str) -> BusThread:
    """Connect this process and make it the line to the nodes. Raises ConfigError without a bus file, BusError."""
    if not settings.bus_file:
        message = "BELVEDERE_BUS_FILE must name the file with this role's bus user; `belvedere serve` writes one"
        raise ConfigError(message)
    user = BusUser.read(Path(settings.bus_file))
    line = BusThread.connect(user.url, user.user, user.password, role)
    media.set_line(line)
    return line


def listen(line: BusThread, executor: Executor) -> None:
    """Answer every subject there is. Several control processes share the messages."""
    for subject, ear in BUS.items():
        line.subscribe(subjects.of_any_node(subject), ear.message, _answering(subject, ear), executor, queue="control")


def _answering(subject: str, ear: Ear) -> Callable[[msgspec.Struct, str], msgspec.Struct | None]:
    def answer(message: msgspec.Struct, at: str) -> msgspec.Struct | None:
        # A connection that broke is thrown away here, as Django does between requests.
        close_old_connections()
        try:
            return ear.answer(at.removeprefix(f"{subject}."), message)
        except Exception:
            connections["default"].close_if_unusable_or_obsolete()
            raise

    return answer
