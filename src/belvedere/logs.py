"""Logs: one line per event, in UTC, and only what is on the list.

An allow-list of keys, because a log is read by more people than a database: a key nobody thought about is named but its
value is withheld. Processes under `serve` write JSON, one object a line, and the supervisor renders it; everything else
is for the eye.
"""

import json
import logging
import sys
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, Final, override

import structlog
from structlog.typing import EventDict, WrappedLogger

#: Every key an event may carry. `tests/house` holds the code to it. No names of people, addresses with userinfo,
#: tokens, tickets, codes, or bodies of messages: they have no key here, and get none.
KEYS: Final = frozenset(
    {
        *("event", "level", "timestamp", "role", "exception", "logger", "line"),
        *("account", "act", "actor", "again_in_s", "attempts", "bytes", "camera", "change_id", "code"),
        *("codec", "count", "credential", "device", "error", "expected", "exit_code", "free_mb", "host"),
        *("id", "kind", "method", "name", "node", "organization", "path", "permission", "pid", "port"),
        *("quality", "reason", "route", "rule", "run", "seconds", "session", "share", "signal", "site"),
        *("stage", "state", "status", "stream", "subject", "took_ms", "url_host", "version", "viewers"),
        *("why", "withheld"),
    }
)


def configure(role: str, *, as_json: bool, level: int = logging.INFO) -> None:
    """Set up structlog, and the standard library's logging behind it, for this process. Writes to stderr."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _name_role(role),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            withhold_unknown,
            _render_json if as_json else _render_text,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    sys.excepthook = _log_uncaught
    root = logging.getLogger()
    root.handlers[:] = [_Bridge()]
    root.setLevel(max(level, logging.WARNING))  # libraries are heard when something is wrong


def withhold_unknown(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace what is not on the list by its name alone."""
    unknown = sorted(event.keys() - KEYS)
    for key in unknown:
        del event[key]
    if unknown:
        event["withheld"] = ",".join(unknown)
    return event


def one_line(text: str) -> str:
    r"""Escape what would start a new line or steer a terminal: `a\nb` stays one line."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _name_role(role: str) -> structlog.typing.Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("role", role)
        return event

    return add


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return json.dumps(event, default=str, ensure_ascii=False)


def _render_text(_logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]) -> str:
    """`12:00:01Z warning media   camera_offline camera=… error=stalled`, a traceback indented below."""
    clock = str(event.pop("timestamp"))[11:19]
    exception = event.pop("exception", "")
    head = f"{clock}Z {event.pop('level'):<7} {event.pop('role'):<8} {one_line(str(event.pop('event')))}"
    rest = "".join(f" {key}={one_line(str(value))}" for key, value in event.items())
    below = "".join(f"\n    {one_line(line)}" for line in str(exception).splitlines())
    return head + rest + below


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """What ends the process is one event like any other, not forty lines without a name."""
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger().error("process_failed", error=kind.__name__, exc_info=(kind, error, traceback))


class _Bridge(logging.Handler):
    """What libraries say through `logging`, carried into the same stream."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Never raises: a log line is not worth a process."""
        try:
            structlog.get_logger().log(
                record.levelno, "library", logger=record.name, line=record.getMessage(), exc_info=record.exc_info
            )
        except Exception:
            self.handleError(record)
