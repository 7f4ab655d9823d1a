"""What an operator does from the command line, on a database of one's own."""

import json
import sqlite3
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.control.recordings.manifests import signed_bytes
from supervisor.commands import PASSWORD, add_camera, create_owner, run


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

    reset = run(data, "accounts", "reset-factors", "olivia@example.org")
    assert (reset.returncode, "the password alone" in reset.stderr) == (0, True), reset.stderr
    nobody = run(data, "accounts", "reset-factors", "nobody@example.org")
    assert (nobody.returncode, "has no account here" in nobody.stderr) == (1, True)

    proven = run(data, "audit", "verify", "--json")
    assert (proven.returncode, json.loads(proven.stdout)["faults"]) == (0, [])

    heads = run(data, "audit", "head")  # threats D4
    assert heads.returncode == 0, heads.stderr
    signed = {head["chain"]: head for head in map(json.loads, heads.stdout.splitlines())}
    assert "installation" in signed
    assert (data / "audit-heads.jsonl").read_text() == heads.stdout
    again = run(data, "audit", "head")
    assert (again.returncode, again.stdout) == (0, "")
    kept = run(data, "audit", "verify", "--heads", "-", typed=heads.stdout)
    assert (kept.returncode, "the audit holds" in kept.stderr) == (0, True)
    no_heads = run(data, "audit", "verify", "--heads", "-", typed="no head\n")
    assert (no_heads.returncode, "no signed head" in no_heads.stderr) == (1, True)

    with sqlite3.connect(data / "belvedere.sqlite3") as database:  # N36
        database.execute("UPDATE audit_entry SET action = 'nothing.happened' WHERE action = 'account.created'")
    database.close()
    doubted = run(data, "audit", "verify", "--json")
    assert doubted.returncode == 1
    assert [fault["what"] for fault in json.loads(doubted.stdout)["faults"]] == ["it was changed"]


OLIVIA = ("--owner", "olivia@example.org")
CAMERA_PASSWORD = "canary-of-the-gate"


@pytest.mark.slow
def test_a_camera_is_bound_to_its_owner_by_the_rules_of_the_page(data: Path, tmp_path: Path) -> None:
    assert create_owner(data, "olivia@example.org").returncode == 0
    assert create_owner(data, "xena@example.org").returncode == 0
    gate = "rtsp://192.168.1.10/gate"

    shown = add_camera(data, f"rtsp://admin:{CAMERA_PASSWORD}@192.168.1.10/gate", *OLIVIA)
    assert (shown.returncode, "holds no user and no password" in shown.stderr) == (2, True)
    nobody = add_camera(data, gate, "--owner", "nobody@example.org", "--no-test")
    assert (nobody.returncode, "no account here" in nobody.stderr) == (1, True)
    nowhere = add_camera(data, gate, *OLIVIA, "--site", "Moon", "--no-test")
    assert (nowhere.returncode, "Moon" in nowhere.stderr) == (1, True)
    far = add_camera(data, "rtsp://10.0.0.1/gate", *OLIVIA, "--no-test")  # N27
    assert (far.returncode, "may not open connections" in far.stderr) == (1, True)
    untested = add_camera(data, gate, *OLIVIA)
    assert (untested.returncode, "--no-test" in untested.stderr) == (1, True)

    file = tmp_path / "password"
    file.write_text(f"{CAMERA_PASSWORD}\n")
    arguments = ("--username", "admin", "--no-test", "--json")
    added = add_camera(data, gate, *OLIVIA, *arguments, BELVEDERE_CAMERA_PASSWORD_FILE=str(file))
    assert added.returncode == 0, added.stderr
    made = json.loads(added.stdout)
    assert made.keys() == {"device", "camera", "name", "site"}
    assert made["name"] == "Gate"
    again = add_camera(data, gate, "--owner", "xena@example.org", *arguments, typed=f"{CAMERA_PASSWORD}\n")
    assert (again.returncode, "already has an owner" in again.stderr) == (1, True)
    assert "olivia" not in again.stderr

    said = "".join(part for run in (shown, untested, added, again) for part in (run.stdout, run.stderr))
    assert CAMERA_PASSWORD not in said  # N37
    with sqlite3.connect(data / "belvedere.sqlite3") as database:
        assert database.execute("SELECT name FROM devices_camera").fetchall() == [("Gate",)]
        assert [row for row in database.iterdump() if CAMERA_PASSWORD in row] == []  # N25
    database.close()


@pytest.mark.slow
def test_an_export_is_verified_here_and_anywhere(data: Path, tmp_path: Path) -> None:
    """By this installation's key, or by that key alone, where nothing of the installation is."""
    key = run(data, "export", "key").stdout.strip()
    private = Ed25519PrivateKey.from_private_bytes((data / "keys" / "export.key").read_bytes())
    film, paper = tmp_path / "film.mp4", tmp_path / "film.json"
    film.write_bytes(b"a film")
    said = {
        "version": 1,
        "camera": {"id": "x", "name": "Hof „Süd“"},
        "from": "2026-11-22T08:00:00.000000Z",
        "to": "2026-11-22T09:00:00.000000Z",
        "sha256": sha256(b"a film").hexdigest(),
        "size": 6,
        "exporter": {"name": "Olivia", "email": "olivia@example.org"},
        "installation": "http://localhost:8000",
    }
    paper.write_text(json.dumps({"manifest": said, "signature": b64encode(private.sign(signed_bytes(said))).decode()}))

    here = run(data, "export", "verify", str(film), str(paper), "--json")
    assert (here.returncode, json.loads(here.stdout)) == (0, said), here.stderr
    nowhere = tmp_path / "nowhere"
    anywhere = run(nowhere, "export", "verify", str(film), str(paper), "--key", key)
    assert (anywhere.returncode, nowhere.exists()) == (0, False), anywhere.stderr
    assert "genuine: Hof „Süd“" in anywhere.stderr

    film.write_bytes(b"a fake")
    forged = run(data, "export", "verify", str(film), str(paper))
    assert (forged.returncode, "not the one" in forged.stderr) == (1, True)
    other = run(data, "export", "verify", str(film), str(paper), "--key", b64encode(b"x" * 32).decode())
    assert (other.returncode, "not signed by" in other.stderr) == (1, True)
    no_key = run(data, "export", "verify", str(film), str(paper), "--key", "x")
    assert (no_key.returncode, "must be a public key" in no_key.stderr) == (1, True)
    assert run(data, "export", "verify", str(film), str(tmp_path / "none.json")).returncode == 2
