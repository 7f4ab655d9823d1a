"""A loudspeaker that is not ours, so that we do not only speak to ourselves: gst-rtsp-server's (B-12)."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from belvedere.contracts.events import StreamSource
from belvedere.media.node import MediaNode
from belvedere.media.talk.backchannel import has_backchannel
from belvedere.media.talk.tone import tone
from media.little_control import LOOPBACK, LittleControl
from media.player import closing_of
from media.talking import decoded, is_alike, speak, speech, talk_ticket, talking, until, until_so

pytestmark = [pytest.mark.stranger, pytest.mark.slow, pytest.mark.anyio]


@dataclass
class Stranger:
    """Where it is, and what it heard."""

    port: int
    file: Path

    def url(self, path: str) -> str:
        return f"rtsp://127.0.0.1:{self.port}{path}"

    @property
    def heard(self) -> bytes:
        return self.file.read_bytes() if self.file.exists() else b""


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Stranger]:
    """Started anew for each test, with the system's Python: its file begins anew with each session."""
    file = tmp_path / "heard.ulaw"
    command = ["/usr/bin/python3", str(Path(__file__).with_name("stranger_door.py")), str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        assert line, "gst-rtsp-server is needed: ./test media installs it"
        yield Stranger(int(line), file)
        process.kill()


async def meet(control: LittleControl, stranger: Stranger) -> None:
    """Have it as a camera, and know that it listens: each who asks it that empties its file."""
    control.add("door", stranger.url("/door"))
    await control.changed()
    await until_so(lambda: any(state.camera == "door" and state.has_talk for state in control.states))


async def test_samples_in_are_samples_out(node: MediaNode, control: LittleControl, stranger: Stranger) -> None:
    """B-12: each sample once, in order, behind the tone, by another's hand."""
    await meet(control, stranger)
    said = speech(2.0)
    async with talking(node, talk_ticket(control, "door")) as socket:
        await until(socket, "ready")
        await speak(socket, said)
        await until_so(lambda: len(stranger.heard) >= len(tone(8000)) // 2 + 16_000)
        heard = stranger.heard
        await socket.send(json.dumps({"type": "end"}))
        assert (await closing_of(socket))[0] == 1000
    assert is_alike(decoded(heard, "pcm_mulaw")[len(tone(8000)) // 2 :], said)


async def test_time_after_time(node: MediaNode, control: LittleControl, stranger: Stranger) -> None:
    """200 OK is no proof of sound: of sessions that set up the talk track alone some stay silent (media.md 4)."""
    await meet(control, stranger)
    for _ in range(5):
        async with talking(node, talk_ticket(control, "door")) as socket:
            await until(socket, "ready")
            await until_so(lambda: len(stranger.heard) >= len(tone(8000)) // 2)
            await socket.send(json.dumps({"type": "end"}))
            await closing_of(socket)
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(("path", "listens"), [("/door", True), ("/deaf", False)])
async def test_whether_it_listens_is_asked(stranger: Stranger, path: str, *, listens: bool) -> None:
    source = StreamSource(stranger.url(path), "", "", LOOPBACK)
    assert await has_backchannel(source) is listens
