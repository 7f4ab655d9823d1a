"""What an operator does from the command line, on a database of one's own."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

PASSWORD = "a-rather-long-canary-7"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    assert run(folder, "migrate").returncode == 0
    return folder


def run(data: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "belvedere.cli", *arguments],
        env={"PATH": os.environ["PATH"], "BELVEDERE_DATA": str(data)},
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def create_owner(data: Path, email: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    arguments = ("--email", email, "--name", "Olivia", "--reach", "192.168.1.0/24:554", "--password-file", "-")
    return run(data, "createowner", *arguments, typed=f"{password}\n")


@pytest.mark.slow
def test_the_first_owner_and_the_audit(data: Path) -> None:
    made = create_owner(data, "olivia@example.org")
    assert made.returncode == 0, made.stderr
    assert PASSWORD not in made.stdout + made.stderr  # N37

    again = create_owner(data, "olivia@example.org")
    assert (again.returncode, "has an account already" in again.stderr) == (1, True)
    short = create_owner(data, "sam@example.org", "short")
    assert (short.returncode, "too short" in short.stderr) == (1, True)
    nonsense = run(
        data,
        "createowner",
        "--email",
        "s@example.org",
        "--name",
        "S",
        "--reach",
        "home",
        "--password-file",
        "-",
        typed=f"{PASSWORD}\n",
    )
    assert (nonsense.returncode, "no network" in nonsense.stderr) == (1, True)
    with sqlite3.connect(data / "belvedere.sqlite3") as database:  # all of it or nothing
        assert database.execute("SELECT email FROM accounts_account").fetchall() == [("olivia@example.org",)]
    database.close()

    proven = run(data, "audit", "verify", "--json")
    assert (proven.returncode, json.loads(proven.stdout)) == (0, {"faults": []})

    with sqlite3.connect(data / "belvedere.sqlite3") as database:  # N36
        database.execute("UPDATE audit_entry SET action = 'nothing.happened' WHERE action = 'account.created'")
    database.close()
    doubted = run(data, "audit", "verify", "--json")
    assert doubted.returncode == 1
    assert [fault["what"] for fault in json.loads(doubted.stdout)["faults"]] == ["it was changed"]
