"""What an operator is told of an installation, and what to do about it."""

import json
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from belvedere.config import Settings, free_port
from belvedere.supervisor.doctor import Health, examine_premises, judge_codecs, judge_database
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
    assert set(premises(data)) == {"data", "disk", "keys", "ports", "origin"}
    assert Health.BROKEN not in premises(data).values()


def test_what_others_may_read_is_broken(data: Path) -> None:
    """N37: keys above all."""
    (data / "keys" / "master.key").chmod(0o640)
    assert premises(data)["keys"] is Health.BROKEN
    data.chmod(0o755)
    assert premises(data)["data"] is Health.BROKEN


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
    return {row.what: row.health for row in judge_database(Settings(data=data), **(fine | seen))}


def test_what_the_database_says_is_judged(data: Path) -> None:
    assert set(judged(data).values()) == {Health.OK}
    assert judged(data, waiting=None) == judged(data, waiting=3) == {"database": Health.BROKEN}
    assert judged(data, ahead=timedelta(hours=1))["clock"] is Health.BROKEN
    assert judged(data, unreached=1)["reach"] is Health.BROKEN
    assert judged(data, cameras={"offline": 1})["cameras"] is Health.WARNING
    assert judge_codecs(["hevc"]).health is Health.BROKEN


@pytest.mark.slow
def test_the_command_says_what_to_do(tmp_path: Path) -> None:
    """The exit code is for scripts; and it changes nothing."""
    folder = tmp_path / "data"
    nothing = run(folder, "doctor", "--json")
    assert nothing.returncode == 1
    assert not folder.exists()
    [data, codecs] = json.loads(nothing.stdout)["findings"]
    assert (data["health"], codecs["health"]) == ("broken", "ok")
    assert "belvedere serve" in data["remedy"]
    assert run(folder, "migrate").returncode == 0
    folder.chmod(0o700)
    ports = {"BELVEDERE_PORT": str(free_port()), "BELVEDERE_MEDIA_PORT": str(free_port())}
    fine = run(folder, "doctor", "--json", **ports)
    assert fine.returncode == 0, fine.stdout + fine.stderr
    assert {row["what"] for row in json.loads(fine.stdout)["findings"]} >= {"database", "clock", "bus", "codecs"}
    http = run(folder, "doctor", BELVEDERE_URL="http://cameras.example.org", **ports)
    assert (http.returncode, "caddy reverse-proxy" in http.stdout) == (1, True)
