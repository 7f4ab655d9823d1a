"""The sample cameras, as a process and as a server."""

import asyncio
import json
import os
import signal
import subprocess
import sys

import av
import pytest

from belvedere.contracts.devices import InspectResult
from belvedere.contracts.events import StreamSource
from belvedere.contracts.reach import Network
from belvedere.demo.samples import CAMERAS, DEVICES, USERNAME
from belvedere.media.onvif import discover, inspect
from belvedere.media.sources import probe

PASSWORD = "a b/c"
LOOPBACK: list[Network] = [("127.0.0.0/8", 1, 65535)]
COMMAND = [sys.executable, "-m", "belvedere.demo.cameras"]


def ask(url: str) -> InspectResult:
    return asyncio.run(
        inspect(StreamSource(url=url, username=USERNAME, password=PASSWORD, networks=LOOPBACK), timeout_s=20)
    )


def test_the_process_serves_every_camera_until_it_is_told_to_end() -> None:
    env = os.environ | {"BELVEDERE_DEMO_CAMERA_PASSWORD": PASSWORD, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(COMMAND, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout
            assert process.stderr
            ready = json.loads(process.stdout.readline())
            assert [camera["key"] for camera in ready["cameras"]] == [camera.key for camera in CAMERAS]
            assert PASSWORD not in json.dumps(ready)
            for camera in ready["cameras"]:
                url = camera["sub"].replace("://", f"://{USERNAME}:a%20b%2Fc@")
                with av.open(url, options={"rtsp_transport": "tcp", "analyzeduration": "20000"}, timeout=5) as stream:
                    assert next(stream.decode(video=0)).width == 640
                    assert bool(stream.streams.audio) == (camera["key"] == "frontdoor")
            recorder, dome = [ask(url) for url in ready["devices"]]
            assert (len(recorder.channels), recorder.serial) == (8, DEVICES[0].serial)
            assert [(one.name, one.has_ptz, one.has_talk, one.has_audio) for one in dome.channels] == [
                ("Harbour", True, True, True)
            ]
            heard = asyncio.run(discover(LOOPBACK, 1.2)).found
            assert {device.name for device in heard} >= {device.name for device in DEVICES}
            gate = recorder.channels[0].main.url
            source = StreamSource(url=gate, username=USERNAME, password=PASSWORD, networks=LOOPBACK)
            assert asyncio.run(probe(source, 8)).code == "ok"
            with pytest.raises(av.error.HTTPUnauthorizedError):
                av.open(ready["cameras"][0]["main"], options={"rtsp_transport": "tcp"}, timeout=5)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=10) == 0
            assert process.stderr.read() == b""
        finally:
            process.kill()


def test_without_a_password_nothing_is_served() -> None:
    env = {name: value for name, value in os.environ.items() if name != "BELVEDERE_DEMO_CAMERA_PASSWORD"}
    env |= {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(COMMAND, env=env, capture_output=True, timeout=30, check=False)
    assert done.returncode == 2
    assert b"BELVEDERE_DEMO_CAMERA_PASSWORD" in done.stderr


def test_names_of_the_samples_need_no_ffmpeg() -> None:
    # Control imports them, and never loads FFmpeg.
    code = "import sys, belvedere.demo.samples; sys.exit('av' in sys.modules or 'numpy' in sys.modules)"
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=env, timeout=30, check=False).returncode == 0
