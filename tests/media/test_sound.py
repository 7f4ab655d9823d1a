"""Sound beside the picture: read while somebody wants it, on the picture's time line, playable by others."""

import asyncio
import io
import itertools
import random
import threading

import av
import numpy as np
import pytest

from belvedere.contracts.events import StreamSource
from belvedere.demo.clips import test_clip
from belvedere.demo.rtsp import CameraServer
from belvedere.demo.sound import tone
from belvedere.media.fmp4 import Fragment, Track
from belvedere.media.fmp4.joining import SOUND, join
from belvedere.media.sources import CameraReader, SourceEvent

pytestmark = pytest.mark.anyio


@pytest.fixture
def yard(cameras: CameraServer) -> StreamSource:
    """A camera with a picture and a tone of 440 Hz."""
    cameras.add("/yard", test_clip(gop=10), audio=tone())
    return StreamSource(cameras.url("/yard"), "", "", [("127.0.0.0/8", 1, 65535)])


async def collect(source: StreamSource, listened: threading.Event, seconds: float) -> list[SourceEvent]:
    events: list[SourceEvent] = []
    reader = CameraReader("test", source, events.extend, listened=listened, chance=random.Random(1))
    reader.start()
    await asyncio.sleep(seconds)
    reader.stop()
    assert await asyncio.to_thread(reader.join, 10)
    return events


async def test_g711_becomes_aac_that_others_play(yard: StreamSource) -> None:
    """VA-13: listening is a right of its own, so sound is a track of its own; in a file both play together."""
    listened = threading.Event()
    listened.set()
    events = await collect(yard, listened, 4)
    tracks = {event.kind: event for event in events if isinstance(event, Track)}
    assert tracks["audio"].codec == "mp4a.40.2"
    assert tracks["audio"].utc_at_zero == tracks["video"].utc_at_zero
    fragments = [event for event in events if isinstance(event, Fragment)]
    film = join(tracks["video"].init, tracks["audio"].init) + b"".join(fragment.data for fragment in fragments)
    with av.open(io.BytesIO(film), "r") as container:
        pictures = sum(1 for _ in container.decode(video=0))
    with av.open(io.BytesIO(film), "r") as container:
        heard = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    sound = [fragment for fragment in fragments if fragment.track == SOUND]
    assert pictures == len(fragments) - len(sound)
    assert [b.time - a.time for a, b in itertools.pairwise(sound)] == [1024] * (len(sound) - 1)
    # Both say how much time has passed, and agree.
    video = [fragment for fragment in fragments if fragment.track != SOUND]
    assert sound[-1].time / 8000 == pytest.approx(video[-1].time / 90_000, abs=0.5)
    spectrum = np.abs(np.fft.rfft(heard[8000:16_000]))
    assert int(np.argmax(spectrum)) == pytest.approx(440, abs=2)


async def test_nobody_listens(yard: StreamSource) -> None:
    """Nothing of the sound is read, until somebody does: without another connection."""
    listened = threading.Event()
    asyncio.get_running_loop().call_later(1.5, listened.set)
    events = await collect(yard, listened, 3.5)
    kinds = [event.kind for event in events if isinstance(event, Track)]
    assert kinds == ["video", "audio"]
    first = next(event for event in events if isinstance(event, Fragment) and event.track == SOUND)
    assert first.time / 8000 > 0.8
