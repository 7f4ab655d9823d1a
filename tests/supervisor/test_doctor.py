"""What an operator is told of an installation, and what to do about it."""

import json
import os
import shutil
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from belvedere.config import ConfigError, Settings, free_port
from belvedere.media.footage import Volume, find_fault
from belvedere.supervisor import doctor
from belvedere.supervisor.doctor import (
    Finding,
    Health,
    examine_premises,
    judge_codecs,
    judge_database,
    judge_footage,
    judge_journal,
)
from supervisor.commands import run


def premises(data: Path, **more: Any) -> dict[str, Health]:
    """What was looked at, and how it is."""
    ports = {"port": free_port(), "media_port": free_port()} | more
    return {row.what: row.health for row in examine_premises(Settings(data=data, **ports))}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "keys").mkdir(parents=True, mode=0o700)
    folder.chmod(0o700)
    key = folder / "keys" / "master.key"
    key.write_bytes(b"x" * 32)
    key.chmod(0o600)
    return folder


def test_what_is_in_order_needs_nothing(data: Path) -> None:
    assert set(premises(data)) == {"data", "disk", "at rest", "keys", "ports", "origin", "time"}
    assert Health.BROKEN not in premises(data).values()


def test_what_others_may_read_is_broken(data: Path) -> None:
    """N37: keys above all."""
    (data / "keys" / "master.key").chmod(0o640)
    assert premises(data)["keys"] is Health.BROKEN
    data.chmod(0o755)
    assert premises(data)["data"] is Health.BROKEN


def test_keys_after_a_rotation_are_looked_at(data: Path, tmp_path: Path) -> None:
    """Beside a master key that lies elsewhere, too; the first of them may be gone."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    first, second = elsewhere / "sealing", elsewhere / "sealing-2"
    assert premises(data, key_file=first)["keys"] is Health.WARNING
    second.write_bytes(b"x" * 32)
    second.chmod(0o600)
    assert premises(data, key_file=first)["keys"] is Health.OK
    second.chmod(0o644)
    assert premises(data, key_file=first)["keys"] is Health.BROKEN
    second.chmod(0o600)
    (elsewhere / "export.key").write_bytes(b"x" * 32)
    (elsewhere / "export.key").chmod(0o604)
    assert premises(data, key_file=first)["keys"] is Health.BROKEN


def test_a_port_that_is_taken_is_named(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert premises(data, port=taken.getsockname()[1])["ports"] is Health.BROKEN


@pytest.mark.parametrize(
    ("url", "health"),
    [
        ("http://localhost:8000", Health.OK),
        ("http://127.0.0.1:8000", Health.OK),
        ("https://cameras.example.org", Health.OK),
        ("http://cameras.example.org", Health.BROKEN),
    ],
)
def test_pictures_on_the_way_are_encrypted(data: Path, url: str, health: Health) -> None:
    assert premises(data, url=url)["origin"] is health


def judged(data: Path, **seen: Any) -> dict[str, Health]:
    fine: dict[str, Any] = {"waiting": 0, "ahead": timedelta(0), "nodes": 0, "cameras": {"online": 2}, "unreached": 0}
    fine |= {"unopened": 0, "old_keys": {}, "spare_keys": [], "old_nodes": []}
    return {row.what: row.health for row in judge_database(Settings(data=data), **(fine | seen))}


def test_what_the_database_says_is_judged(data: Path) -> None:
    assert set(judged(data).values()) == {Health.OK}
    assert judged(data, waiting=None) == judged(data, waiting=3) == {"database": Health.BROKEN}
    assert judged(data, ahead=timedelta(hours=1))["clock"] is Health.BROKEN
    assert judged(data, unreached=1)["reach"] is Health.BROKEN
    assert judged(data, cameras={"offline": 1})["cameras"] is Health.WARNING
    assert judge_codecs(["hevc"]).health is Health.BROKEN


def test_keys_that_do_not_fit_and_old_ones_are_named(data: Path) -> None:
    """Threats §7, §8: another key file opens nothing; old ones are to go."""
    assert judged(data, unopened=1)["secrets"] is Health.BROKEN
    assert judged(data, old_keys={"k1": 3})["secrets"] is Health.WARNING
    assert judged(data, old_keys={"k1": 0})["secrets"] is Health.OK
    assert judged(data, old_keys={"k1": 0}, spare_keys=["master.key"])["secrets"] is Health.WARNING
    assert judged(data, old_nodes=["local"])["secrets"] is Health.WARNING


@pytest.mark.parametrize(
    ("tree", "answer"),
    [
        ({}, None),
        ({"": "x"}, False),
        ({"dm/uuid": "CRYPT-LUKS2-abc"}, True),
        ({"dm/uuid": "LVM-abc", "slaves/one/dm/uuid": "CRYPT-LUKS2-abc"}, True),
        ({"dm/uuid": "LVM-abc", "slaves/one/dm/uuid": "CRYPT-LUKS2-a", "slaves/two/size": "1"}, False),
        ({"dm/uuid": "LVM-abc"}, False),
    ],
    ids=str,
)
def test_a_disk_that_can_be_carried_away_is_named(tmp_path: Path, tree: dict[str, str], answer: bool | None) -> None:
    """As the kernel shows it: a volume of LVM is as good as all the disks it lies on."""
    device = tmp_path.stat().st_dev
    block = tmp_path / "blocks" / f"{os.major(device)}:{os.minor(device)}"
    for name, text in tree.items():
        file = block / (name or "size")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert doctor.is_encrypted(tmp_path, tmp_path / "blocks") is answer


def test_the_disk_of_footage_is_looked_at(data: Path) -> None:
    """N25: one that is not there, or another one, is named before anybody wonders where the footage is."""
    settings = Settings(data=data)
    expected = data / f"volume-{settings.node}.json"

    def found() -> Finding:
        return judge_footage(settings, find_fault(settings.footage_folder, expected))

    assert (found().health, "not there yet" in found().says) == (Health.OK, True)
    Volume.open(settings.footage_folder, expected).close()
    assert found().health is Health.OK
    assert "GB are left" in found().says
    identity = settings.footage_folder / "belvedere-volume.json"
    for wrong in (b"{", b'{"id": "another", "created": 0.0}'):
        identity.write_bytes(wrong)
        assert found().health is Health.BROKEN
    identity.unlink()  # nothing is mounted
    assert found().health is Health.BROKEN
    assert str(settings.footage_folder) in found().remedy
    assert list(settings.footage_folder.iterdir()) == []  # it only looked


@pytest.mark.slow
def test_the_command_says_what_to_do(tmp_path: Path, migrated: Path) -> None:
    """The exit code is for scripts; and it changes nothing."""
    folder = tmp_path / "data"
    nothing = run(folder, "doctor", "--json")
    assert nothing.returncode == 1
    assert not folder.exists()
    [data, footage, codecs] = json.loads(nothing.stdout)["findings"]
    assert (data["health"], footage["health"], codecs["health"]) == ("broken", "ok", "ok")
    assert "belvedere serve" in data["remedy"]
    shutil.copytree(migrated, folder)
    folder.chmod(0o700)
    ports = {"BELVEDERE_PORT": str(free_port()), "BELVEDERE_MEDIA_PORT": str(free_port())}
    fine = run(folder, "doctor", "--json", **ports)
    assert fine.returncode == 0, fine.stdout + fine.stderr
    assert {row["what"] for row in json.loads(fine.stdout)["findings"]} >= {
        "database",
        "clock",
        "bus",
        "footage",
        "journal",
        "codecs",
    }
    http = run(folder, "doctor", BELVEDERE_URL="http://cameras.example.org", **ports)
    assert (http.returncode, "serve --https" in http.stdout) == (1, True)


# ── The time ─────────────────────────────────────────────────────────────────────────────────────────────────────────


FLIPPED = -1


@contextmanager
def time_server(*, ahead_s: float = 0.0, **wrong: Any) -> Iterator[str]:
    """A real one, on UDP: its clock is so far ahead of ours. `wrong`: bytes of its answer by place, FLIPPED or as
    given, or `silent`.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))

        def answer() -> None:
            with suppress(OSError):
                question, who = listening.recvfrom(512)
                assert (len(question), question[0]) == (48, 0x23)
                now = time.time() + ahead_s + 2_208_988_800
                stamp = struct.pack("!II", int(now) % (1 << 32), int(now % 1 * (1 << 32)))
                said = bytearray(b"\x24\x02" + bytes(22) + question[40:48] + stamp + stamp)
                for place, value in wrong.items():
                    said[int(place[2:])] = said[int(place[2:])] ^ 0xFF if value == FLIPPED else value
                listening.sendto(said, who)

        answering = threading.Thread(target=answer, daemon=True)
        if "silent" not in wrong:
            answering.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        if answering.is_alive():
            answering.join(5)


def time_of(data: Path, server: str) -> Finding:
    [found] = [row for row in examine_premises(Settings(data=data, ntp=server)) if row.what == "time"]
    return found


@pytest.mark.parametrize(
    ("ahead_s", "health"),
    [(0.0, Health.OK), (5.0, Health.WARNING), (-5.0, Health.WARNING), (60.0, Health.BROKEN), (-3600.0, Health.BROKEN)],
)
def test_a_clock_is_compared_with_a_time_server(data: Path, ahead_s: float, health: Health) -> None:
    with time_server(ahead_s=ahead_s) as server:
        found = time_of(data, server)
    assert found.health is health
    if health is not Health.OK:
        assert ("slow" if ahead_s > 0 else "fast") in found.says


@pytest.mark.parametrize("wrong", [{"at0": 0x23}, {"at0": 0xE4}, {"at1": 0}, {"at1": 16}, {"at24": FLIPPED}], ids=str)
def test_what_is_no_answer_says_nothing_of_the_clock(data: Path, wrong: dict[str, int]) -> None:
    """Another mode, an unset clock, a kiss of death, no such stratum, another question's answer."""
    with time_server(ahead_s=3600, **wrong) as server:
        found = time_of(data, server)
    assert (found.health, found.says.startswith("not compared")) == (Health.WARNING, True)


def test_without_a_server_nothing_is_asked(data: Path) -> None:
    assert (time_of(data, "").health, time_of(data, "").says.startswith("not compared")) == (Health.OK, True)


def test_a_server_that_is_silent_or_nowhere_is_a_warning(data: Path) -> None:
    with time_server(silent=True) as server:
        assert time_of(data, server).health is Health.WARNING
    assert time_of(data, server).health is Health.WARNING


def test_after_2036_the_count_begins_anew() -> None:
    assert doctor._instant(struct.pack("!II", 0, 1 << 31)) == (1 << 32) - 2_208_988_800 + 0.5


@pytest.mark.parametrize("text", ["pool.ntp.org", "192.168.1.1:1123", "[fd00::1]:123", ""])
def test_time_servers_have_a_form(text: str) -> None:
    assert Settings.from_env({"BELVEDERE_NTP": text}).ntp == text
    for wrong in ("a:b", "a/b", "me@there", ":123", "host:0"):
        with pytest.raises(ConfigError, match="BELVEDERE_NTP"):
            Settings.from_env({"BELVEDERE_NTP": wrong})


def test_a_journal_is_whole_or_said_not_to_be(data: Path) -> None:
    """D3: without it a restored backup would give back what was taken."""
    settings = Settings(data=data)
    good: dict[str, Any] = {"began_at": "2026-11-22T10:00:00+00:00", "fault": "", "missing": 0, "waiting": 0}

    def judge(**seen: Any) -> Health:
        return judge_journal(settings, **good | seen).health

    assert judge(began_at="") is Health.OK
    settings.journal_folder.mkdir(mode=0o700)
    assert judge() is Health.OK
    assert judge(fault="line 3 of the journal does not follow from the one before it") is Health.BROKEN
    assert judge(missing=1) is Health.BROKEN
    assert judge(waiting=1) is Health.BROKEN
    settings.journal_folder.chmod(0o755)
    assert judge() is Health.BROKEN
