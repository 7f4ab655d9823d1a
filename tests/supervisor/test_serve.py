"""`serve` as a person starts it: the real processes, killed and stopped in every way."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from belvedere.demo.clips import test_clip
from belvedere.demo.rtsp import CameraServerThread
from supervisor.commands import add_camera, create_owner, run
from supervisor.processes import Served, answers, command_of, descendants, is_alive, until

pytestmark = pytest.mark.slow

CANARY = "canary-3141592653"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    started = Served(tmp_path / "data", "serve", BELVEDERE_METRICS_TOKEN=CANARY)
    try:
        started.wait_ready()
        yield started
    finally:
        started.clear_away()


def test_it_serves_survives_and_ends(served: Served) -> None:
    """One story, because a start costs seconds: what stands below happens in this order."""
    keeps_its_secrets(served)
    refuses_a_second_one_on_the_same_folder(served)
    refuses_a_taken_port(served)
    takes_a_camera_from_the_command_line(served)
    brings_media_back(served)
    brings_the_bus_back(served)
    ends_when_told_and_leaves_nothing(served)


def keeps_its_secrets(served: Served) -> None:  # N37
    passwords = [json.loads(file.read_bytes())["password"] for file in (served.folder / "run").glob("*.bus")]
    assert len(passwords) == 3
    family = descendants(served.process.pid)
    assert len(family) >= 4  # bus, control, worker, media
    for pid in family:
        for source in ("cmdline", "environ"):
            seen = (Path("/proc") / str(pid) / source).read_text(errors="replace")
            assert not [secret for secret in (*passwords, CANARY) if secret in seen], command_of(pid)
    media = (Path("/proc") / str(served.role("serve media")) / "environ").read_text()
    assert "METRICS_TOKEN" not in media
    static = served.folder / "static"  # the same files stand in the wheel
    files = [path for path in served.folder.rglob("*") if path.is_file() and static not in path.parents]
    assert [path for path in files if path.stat().st_mode & 0o077] == []
    assert served.folder.stat().st_mode & 0o077 == 0
    assert CANARY not in served.said


def refuses_a_second_one_on_the_same_folder(served: Served) -> None:
    second = Served(served.folder, "serve")
    try:
        assert second.process.wait(30) == 4
    finally:
        second.clear_away()


def refuses_a_taken_port(served: Served) -> None:
    other = Served(served.folder.parent / "other", "serve", BELVEDERE_PORT=str(served.port))
    try:
        assert other.process.wait(30) == 3
        assert f"port {served.port} is taken" in other.said
        assert "Traceback" not in other.said
    finally:
        other.clear_away()


def takes_a_camera_from_the_command_line(served: Served) -> None:
    made = create_owner(served.folder, "olivia@example.org", reach="127.0.0.0/8")
    assert made.returncode == 0, made.stderr

    arguments = ("--owner", "olivia@example.org", "--username", "admin", "--json")
    with CameraServerThread() as server:
        server.add("/gate", test_clip(), username="admin", password=CANARY)
        refused = add_camera(served.folder, server.url("/gate"), *arguments, typed="wrong\n")
        assert (refused.returncode, "refuses this user and password" in refused.stderr) == (1, True), refused.stderr
        added = add_camera(served.folder, server.url("/gate"), *arguments, typed=f"{CANARY}\n")  # tried live
        assert added.returncode == 0, added.stderr
        assert CANARY not in added.stdout + added.stderr
        erases_what_is_recorded(served, json.loads(added.stdout)["camera"])


def erases_what_is_recorded(served: Served, camera: str) -> None:
    """threats.md §6: whoever was filmed can be told that it is gone, while the camera records on."""
    folder = served.folder / "footage" / camera / "main"
    first = until(lambda: list(folder.glob("*/*.part")), "footage")[0]
    long_ago = ("2020-01-01T00:00:00Z", "2020-06-01T00:00:00Z")
    asked = run(served.folder, "footage", "erase", camera, *long_ago, "--reason", "asked", typed="n\n")
    assert (asked.returncode, "for good?" in asked.stderr) == (1, True), asked.stderr

    now = time.time()
    of_now = tuple(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in (now - 3600, now + 3600))

    def erased() -> int:
        """Segments; none before the node has said what it holds."""
        done = run(served.folder, "footage", "erase", camera, *of_now, "--reason", "He asked.", "--yes", "--json")
        assert done.returncode == 0, done.stderr
        return int(json.loads(done.stdout)["segments"])

    assert until(erased, "the end of it") >= 1
    assert not first.exists()
    assert not [file for file in folder.glob("*/*") if file.name.startswith(first.stem)]
    until(lambda: list(folder.glob("*/*.part")), "what is recorded from then on")


def brings_media_back(served: Served) -> None:
    first = served.role("serve media")
    os.kill(first, signal.SIGKILL)
    until(lambda: not is_alive(first), "its end")
    until(lambda: answers(served.media_port, "/healthz"), "media's return", 10)
    assert served.role("serve media") != first
    assert answers(served.port, "/readyz")


def brings_the_bus_back(served: Served) -> None:
    others = {role: served.role(role) for role in ("serve media", "serve control", "serve worker")}
    first = served.role("nats-server")
    os.kill(first, signal.SIGKILL)
    until(lambda: not is_alive(first), "its end")
    assert until(lambda: served.role("nats-server"), "another bus", 10) != first
    until(lambda: answers(served.port, "/readyz"), "control on the bus again", 10)
    assert others == {role: served.role(role) for role in others}  # nobody else had to start again


def ends_when_told_and_leaves_nothing(served: Served) -> None:
    family = descendants(served.process.pid)
    assert served.end() == 0
    assert [command_of(pid) for pid in family if is_alive(pid)] == []
    for port in (served.port, served.media_port):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    assert list((served.folder / "run").glob("*.bus")) == []
    assert "Traceback" not in served.said
    assert "Service Unavailable" not in served.said  # probes that are told no are no event


def test_a_killed_supervisor_leaves_no_children(data: Path) -> None:
    killed = Served(data, "serve")
    try:
        killed.wait_ready()
        family = descendants(killed.process.pid)
        killed.process.kill()
        killed.process.wait()
        until(lambda: not any(is_alive(pid) for pid in family), "the end of its children", 10)
    finally:
        killed.clear_away()


def test_told_to_end_while_it_starts_it_ends(tmp_path: Path) -> None:
    started = Served(tmp_path / "data", "serve")
    try:
        until(lambda: "preparing the database" in started.said, "the first step")
        family = descendants(started.process.pid)
        assert started.end() == 0
        assert [command_of(pid) for pid in family if is_alive(pid)] == []
    finally:
        started.clear_away()
