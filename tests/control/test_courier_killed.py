"""kill -9 of the courier while it sends: nothing is lost, and whoever got something twice can tell by its id."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

import belvedere
from belvedere.control.outbox.services import CLAIM_S
from control.carrying import BEGIN
from control.told import Listener, Phone, listening

CAMERAS = 8


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


class Server:
    """An installation's data, and processes that work on it."""

    def __init__(self, folder: Path) -> None:
        told = {name: value for name, value in os.environ.items() if not name.startswith(("BELVEDERE_", "DJANGO_"))}
        path = os.pathsep.join([str(Path(belvedere.__file__).parents[1]), str(Path(__file__).parents[1])])
        self._environment = told | {
            "BELVEDERE_DATA": str(folder),
            "DJANGO_SETTINGS_MODULE": "belvedere.control.settings.base",
            "BELVEDERE_EGRESS": "127.0.0.0/8",
            "PYTHONPATH": path,
        }

    def begin(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", BEGIN, *words]
        return subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE, text=True)

    def do(self, *words: str) -> str:
        with self.begin(*words) as process:
            said, _nothing = process.communicate(timeout=120)
        assert process.returncode == 0, words
        return said


def slowly(request: BaseHTTPRequestHandler) -> None:
    """It heard, and takes its time to say so."""
    time.sleep(1)
    request.send_response(201)
    request.send_header("Content-Length", "0")
    request.end_headers()


def test_nothing_is_lost_when_the_courier_is_killed(tmp_path: Path, listener: Listener) -> None:
    server, phone = Server(tmp_path / "data"), Phone(listener)
    server.do("prepare", f"{listener.url}/lamp", json.dumps(phone.subscription), str(CAMERAS))
    listener.answer = slowly
    with server.begin("carry", "0") as courier:
        until = time.monotonic() + 60
        while len(listener.heard) < 6 and time.monotonic() < until:
            time.sleep(0.01)
        # In the middle: some were answered or are about to be, most were not begun.
        os.kill(courier.pid, signal.SIGKILL)
        courier.wait(20)
    killed_at = len(listener.heard)
    assert int(server.do("left")) > 0

    # What it had claimed is nobody's for half a minute, and then anybody's.
    server.do("carry", str(CLAIM_S + 5))
    assert server.do("left") == "0"
    calls = [heard for heard in listener.heard if heard.path == "/lamp"]
    pushes = phone.read()
    assert killed_at < len(listener.heard) <= 2 * CAMERAS + killed_at

    # Whoever drops what he has under that id has each once: `webhook-id`; a browser shows one of each tag.
    cameras = {json.loads(heard.body)["data"]["camera"] for heard in calls}
    ids = Counter((heard.headers["webhook-id"], json.loads(heard.body)["data"]["id"]) for heard in calls)
    assert (len(cameras), len(ids)) == (CAMERAS, CAMERAS)
    assert {said["tag"] for said in pushes} == {f"{camera}.motion" for camera in cameras}
    assert len({said["url"] for said in pushes}) == CAMERAS

    # Nothing is sent twice that was written down as taken.
    heard = len(listener.heard)
    server.do("carry", "3600")
    assert len(listener.heard) == heard
