"""What an operator does when something is wrong, from the command line (threats §7)."""

import json
import sqlite3
from pathlib import Path

import pytest

from supervisor.commands import create_owner, run

OLIVIA, SAM = "olivia@example.org", "sam@example.org"


@pytest.mark.slow
def test_when_something_is_wrong(data: Path) -> None:
    """Each act is one command, said in one sentence, and stands in the audit with the user who typed it."""
    for email in (OLIVIA, SAM):
        assert create_owner(data, email).returncode == 0
    with sqlite3.connect(data / "belvedere.sqlite3") as database:
        [(home, name)] = database.execute(
            "SELECT o.id, o.name FROM organizations_organization o JOIN accounts_account a ON a.id = o.owner_id "
            "WHERE a.email = ?",
            (OLIVIA,),
        ).fetchall()
    database.close()

    frozen = run(data, "organizations", "freeze", home)
    assert (frozen.returncode, f"{name} is frozen" in frozen.stderr) == (0, True), frozen.stderr
    nowhere = run(data, "organizations", "freeze", "Nowhere")
    assert (nowhere.returncode, "no organization" in nowhere.stderr) == (1, True)
    refused = run(data, "recover-owner", SAM, "--organization", home, "--yes")
    assert (refused.returncode, "frozen" in refused.stderr) == (1, True), refused.stderr
    assert run(data, "organizations", "thaw", home).returncode == 0

    link = run(data, "recover-owner", OLIVIA)
    assert (link.returncode, "/reset/" in link.stdout) == (0, True), link.stderr
    unknown = run(data, "recover-owner", "nobody@example.org")
    assert (unknown.returncode, "has no account here" in unknown.stderr) == (1, True)
    owner = run(data, "recover-owner", SAM, "--organization", home, "--yes")
    assert (owner.returncode, f"{SAM} owns {name}" in owner.stderr) == (0, True), owner.stderr

    panic = run(data, "panic", "--yes", "--json")
    assert json.loads(panic.stdout) == {"accounts": 0, "guest_links": 0, "invitations": 0}, panic.stderr
    assert run(data, "accounts", "disable", OLIVIA, "--yes").returncode == 0

    with sqlite3.connect(data / "belvedere.sqlite3") as database:
        rows = database.execute("SELECT action, fields FROM audit_entry WHERE fields LIKE '%command line%'").fetchall()
        told = database.execute("SELECT COUNT(*) FROM outbox_message WHERE kind LIKE 'mail.%'").fetchone()
    database.close()
    assert {action for action, _fields in rows} >= {
        "organization.frozen",
        "organization.thawed",
        "account.reset_link_made",
        "organization.owner_recovery",
        "organization.owner_set",
        "installation.panic",
        "credentials.all_ended",
    }
    assert told[0] > 5
    assert run(data, "audit", "verify").returncode == 0
