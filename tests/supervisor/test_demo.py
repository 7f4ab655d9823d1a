"""`demo`: what it says, what it keeps, what it refuses."""

import json
import socket
from pathlib import Path

import pytest

from belvedere.supervisor.demo import SampleCameras, demo_env
from belvedere.supervisor.premises import ExitCode, StartError
from supervisor.processes import CEILING_S, Served, answers, descendants, is_alive


@pytest.mark.slow
def test_it_says_who_may_come_in_and_says_the_same_the_next_time(tmp_path: Path) -> None:
    told = []
    for _ in range(2):
        shown = Served(tmp_path / "demo", "demo", "--json", "--no-browser")
        try:
            assert shown.process.stdout is not None
            line = shown.process.stdout.readline()
            assert line, shown.said
            serving = json.loads(line)
            assert answers(shown.port, "/readyz")
            assert answers(shown.media_port, "/healthz")
            assert serving["url"] == f"http://localhost:{shown.port}"
            assert 0 < serving["ready_s"] < CEILING_S
            names = {account["name"].split()[0] for account in serving["accounts"]}
            assert names >= {"Olivia", "Rita", "Xena"}
            assert all(account.keys() >= {"name", "email", "password", "api_token"} for account in serving["accounts"])
            assert serving["cameras"]
            assert [(panel["name"], panel["code"]) for panel in serving["panels"]] == [("Alarm", "1234")]
            assert all(camera.keys() >= {"id", "name"} for camera in serving["cameras"])
            told.append((serving["accounts"], serving["cameras"]))
            family = descendants(shown.process.pid)
            assert shown.end() == 0
            assert shown.process.stdout.read() == b""  # one line, and no more
            assert not any(is_alive(pid) for pid in family)
        finally:
            shown.clear_away()
    assert told[0] == told[1]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "cameras.example.org"])
def test_it_stays_on_this_machine(host: str) -> None:  # N39
    with pytest.raises(StartError, match="stays on this machine") as refusal:
        demo_env({"BELVEDERE_HOST": host}, port=8000, data=Path("var/demo"))
    assert refusal.value.code == ExitCode.USAGE


def test_it_hears_nothing_of_an_installations_settings() -> None:
    env = demo_env(
        {
            "PATH": "/bin",
            "BELVEDERE_DATA": "/srv/belvedere",
            "BELVEDERE_DATABASE_URL": "postgresql://u:p@db/belvedere",
            "BELVEDERE_EMAIL_URL": "smtp://u:p@mail",
            "BELVEDERE_NATS_SERVER": "/opt/nats-server",
        },
        port=8123,
        data=Path("var/demo"),
    )
    assert env == {
        "PATH": "/bin",
        "BELVEDERE_NATS_SERVER": "/opt/nats-server",
        "BELVEDERE_HOST": "127.0.0.1",
        "BELVEDERE_PORT": "8123",
        "BELVEDERE_DATA": str(Path("var/demo").absolute()),
        "BELVEDERE_SIGNUP": "open",
        "BELVEDERE_REACH": "127.0.0.0/8,::1/128",
        "BELVEDERE_EGRESS": "127.0.0.0/8,::1/128",
        "BELVEDERE_DEMO": "true",
    }


def test_sample_cameras_stay_where_they_were_unless_somebody_is_there(tmp_path: Path) -> None:
    first = SampleCameras.settle_in(tmp_path)
    assert SampleCameras.settle_in(tmp_path) == first == SampleCameras.of(tmp_path)
    with socket.socket() as tenant:
        tenant.bind(("127.0.0.1", first.port))
        tenant.listen(1)
        moved = SampleCameras.settle_in(tmp_path)
    assert moved.port != first.port
    assert moved.broker_port == first.broker_port
    assert moved.password == first.password
    assert (tmp_path / "cameras.json").stat().st_mode & 0o077 == 0
    with pytest.raises(StartError):
        SampleCameras.of(tmp_path / "nowhere")
