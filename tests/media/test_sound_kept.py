"""Sound in footage, and in what is taken along: each codec is kept so that others play it, for who may listen."""

import asyncio
import io

import av
import numpy as np
import pytest

from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import RecordingPlan, RecordMode
from belvedere.contracts.sessions import SessionKind
from belvedere.demo.clips import test_clip
from belvedere.demo.coded_sound import coded_tone
from belvedere.demo.rtsp import CameraServer
from belvedere.demo.sound import tone
from belvedere.media.node import MediaNode
from media.conftest import StartNode
from media.little_control import LittleControl, now
from media.past import enter, fetch, until_indexed

pytestmark = pytest.mark.anyio

#: of FFmpeg's names of what comes and of what is kept
CODECS = {"pcm_mulaw": "aac", "pcm_alaw": "aac", "aac": "aac", "libopus": "opus"}


async def taken(node: MediaNode, control: LittleControl, camera: str, permissions: Permission) -> bytes:
    """The last minute, as a file."""
    fields = {"start": now() - 60, "end": now(), "export_from": 0.0, "permissions": int(permissions)}
    path = await enter(node, control.ticket(camera, kind=SessionKind.EXPORT, **fields))
    reply = await fetch(node, path)
    assert reply.status == 200
    return reply.body


def sound_of(film: bytes) -> tuple[str, float, float]:
    """(codec, seconds, hertz) of the sound in a file."""
    with av.open(io.BytesIO(film), "r") as container:
        rate = container.streams.audio[0].rate
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        name = container.streams.audio[0].codec_context.name
    middle = samples[len(samples) // 2 :][:rate]
    return name, len(samples) / rate, float(np.argmax(np.abs(np.fft.rfft(middle * np.hanning(len(middle))))))


# HC-2
async def test_every_codec_is_kept_and_taken_along(
    control: LittleControl, cameras: CameraServer, start_node: StartNode
) -> None:
    ids = {codec: f"{number:026}" for number, codec in enumerate(CODECS, 1)}
    for codec, camera in ids.items():
        cameras.add(f"/{codec}", test_clip(gop=10), audio=tone() if codec == "pcm_mulaw" else coded_tone(codec))
        control.add(camera, cameras.url(f"/{codec}"))
        control.plans[camera] = RecordingPlan(camera, RecordMode.CONTINUOUS, with_audio=True)
    node = await start_node()
    for camera in ids.values():
        await until_indexed(control, camera)
    for codec, camera in ids.items():
        async with asyncio.timeout(30):
            while True:
                film = await taken(node, control, camera, Permission.EXPORT | Permission.LISTEN)
                if film.count(b"trak") == 2 and sound_of(film)[1] > 3:
                    break
                await asyncio.sleep(0.5)
        name, _, hertz = sound_of(film)
        assert name == CODECS[codec]
        assert hertz == pytest.approx(440, abs=2)
        silent = await taken(node, control, camera, Permission.EXPORT)
        assert silent.count(b"trak") == 1
        with av.open(io.BytesIO(silent), "r") as container:
            assert [stream.type for stream in container.streams] == ["video"]
            assert sum(1 for _ in container.decode(video=0)) > 50
