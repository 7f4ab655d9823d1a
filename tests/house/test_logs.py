"""A log line: one line, known keys, no secrets by accident."""

import json
import logging
import subprocess
import sys

import pytest

SCRIPT = """
import logging, structlog
from belvedere import logs
logs.configure("media", as_json={as_json})
log = structlog.get_logger()
log.info("camera_offline", camera="c1", password="hunter2-canary", error="a\\nb\\x1b[31m\\u202e")
log.debug("too_quiet")
try:
    raise ValueError("planted")
except ValueError:
    log.exception("handler_failed", subject="s")
logging.getLogger("some.library").warning("it said %s", "this")
logging.getLogger("some.library").info("chatter")
"""


def lines(*, as_json: bool) -> list[str]:
    finished = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(as_json=as_json)], capture_output=True, text=True, timeout=30, check=True
    )
    assert finished.stdout == ""
    assert "canary" not in finished.stderr  # N37
    assert "too_quiet" not in finished.stderr
    assert "chatter" not in finished.stderr
    return finished.stderr.splitlines()


def test_for_machines_each_line_is_an_object() -> None:
    offline, failed, library = map(json.loads, lines(as_json=True))
    assert offline["event"] == "camera_offline"
    assert offline["role"] == "media"
    assert offline["level"] == "info"
    assert offline["withheld"] == "password"
    assert offline["timestamp"].endswith("Z")
    assert "ValueError: planted" in failed["exception"]
    assert (library["logger"], library["line"], library["level"]) == ("some.library", "it said this", "warning")


def test_for_people_nothing_breaks_out_of_its_line() -> None:
    said = lines(as_json=False)
    assert said[0].split(" ", 1)[1] == (
        r"info    media    camera_offline camera=c1 error=a\nb\x1b[31m\u202e withheld=password"
    )
    assert [line for line in said[1:-1] if not line.startswith("    ") and "handler_failed" not in line] == []
    assert said[-1].endswith("library logger=some.library line=it said this")


def test_what_ends_a_process_is_one_event() -> None:
    script = "from belvedere import logs; logs.configure('x', as_json=True); raise LookupError('planted')"
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert finished.returncode == 1
    event = json.loads(finished.stderr)
    assert (event["event"], event["error"]) == ("process_failed", "LookupError")
    assert "planted" in event["exception"]


@pytest.mark.parametrize("level", [logging.INFO, logging.ERROR])
def test_levels_are_heard_as_asked(level: int) -> None:
    script = f"from belvedere import logs; import structlog; logs.configure('x', as_json=True, level={level})\n"
    script += "structlog.get_logger().info('quiet'); structlog.get_logger().error('loud')"
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert ("quiet" in finished.stderr) == (level == logging.INFO)
    assert "loud" in finished.stderr


def test_control_logs_what_broke_and_not_what_was_answered() -> None:
    script = """
import logging
from belvedere import logs
from belvedere.control.server import hear_faults_only
logs.configure("control", as_json=True)
hear_faults_only()
request = logging.getLogger("django.request")
request.warning("Not Found: /nowhere")
request.error("Service Unavailable: /readyz")
for name in ("django.request", "django.security.DisallowedHost"):
    try:
        raise LookupError("planted")
    except LookupError as error:
        logging.getLogger(name).error(name, exc_info=error)
"""
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    broken, strange = map(json.loads, finished.stderr.splitlines())
    assert ("planted" in broken["exception"], broken["line"]) == (True, "django.request")
    assert ("exception" in strange, strange["line"]) == (False, "django.security.DisallowedHost")
