"""Bad days: the database is locked, or full. A clear answer, nothing done in part, and all is well afterwards."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

import cast
from belvedere.control.sharing.selectors import list_given


@contextmanager
def database_that_does_not_answer() -> Iterator[None]:
    """Every statement fails, as it does when the file stays locked or the disk is full."""

    def refuse(*_call: Any) -> None:
        message = "database is locked"
        raise OperationalError(message)

    with connection.execute_wrapper(refuse):
        yield


def test_the_api_says_so_and_nothing_is_done(people: cast.Cast) -> None:
    client = people.olivia.api()
    offer = {"recipient": "rita@example.org", "items": [{"camera": people.courtyard, "permissions": ["live_view"]}]}
    with database_that_does_not_answer():
        answer = client.post("/api/v1/shares", offer, "application/json")
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "unavailable", "5")
    assert "locked" not in answer.content.decode()
    assert "rita@example.org" not in {row.recipient_address for row in list_given(people.olivia.actor)}
    assert client.post("/api/v1/shares", offer, "application/json").status_code == 201


def test_a_database_that_dies_halfway_leaves_nothing_behind(people: cast.Cast) -> None:
    """The tenth statement of an offer fails: the nine before it are gone with it."""
    client = people.olivia.api()
    offer = {"recipient": "rita@example.org", "items": [{"camera": people.courtyard, "permissions": ["live_view"]}]}
    written = 0

    def fail_late(execute: Any, sql: str, *call: Any) -> Any:
        nonlocal written
        written += sql.startswith(("INSERT", "UPDATE"))
        if written > 4:
            message = "database or disk is full"
            raise OperationalError(message)
        return execute(sql, *call)

    with connection.execute_wrapper(fail_late):
        assert client.post("/api/v1/shares", offer, "application/json").status_code == 503
    assert written > 4
    assert "rita@example.org" not in {row.recipient_address for row in list_given(people.olivia.actor)}


@pytest.mark.parametrize("path", ["/", "/sharing", "/inbox", "/devices"])
def test_the_page_says_so_without_asking_again(people: cast.Cast, path: str) -> None:
    browser = people.olivia.browser()
    browser.raise_request_exception = False
    with database_that_does_not_answer():
        answer = browser.get(path)
    assert answer.status_code in {500, 503}
    assert "Something broke on our side" in answer.content.decode()
    assert browser.get(path).status_code == 200


def test_a_full_disk_refuses_changes_whole_and_blinds_nobody(tmp_path: Path) -> None:
    """SQLite's own file on a disk that takes no more, in a process of its own: the limit is the kernel's."""
    environment = {name: value for name, value in os.environ.items() if name != "BELVEDERE_DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("full_disk.py")],
        env=environment | {"BELVEDERE_DATA": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
