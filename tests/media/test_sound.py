"""Sound beside the picture: read while somebody wants it, on the picture's time line, playable by others."""

import asyncio
import io
import itertools
import random
import threading
from typing import cast

import av
import numpy as np
import pytest
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray

from belvedere.contracts.events import StreamSource
from belvedere.demo.clips import test_clip
from belvedere.demo.coded_sound import coded_tone
from belvedere.demo.rtsp import CameraServer
from belvedere.demo.sound import Sound, to_ulaw, tone
from belvedere.media.fmp4 import Fragment, Track
from belvedere.media.fmp4.fragment import HEADER_SIZE
from belvedere.media.fmp4.joining import HEARD, SOUND, VIDEO, join
from belvedere.media.sources import CameraReader, SourceEvent

pytestmark = pytest.mark.anyio


@pytest.fixture
def yard(cameras: CameraServer) -> StreamSource:
    """A camera with a picture and a tone of 440 Hz."""
    cameras.add("/yard", test_clip(gop=10), audio=tone())
    return at(cameras)


def at(cameras: CameraServer) -> StreamSource:
    return StreamSource(cameras.url("/yard"), "", "", [("127.0.0.0/8", 1, 65535)])


async def collect(
    source: StreamSource, seconds: float, listened: threading.Event | None = None, heard: threading.Event | None = None
) -> list[SourceEvent]:
    events: list[SourceEvent] = []
    chance = random.Random(1)
    reader = CameraReader("test", source, events.extend, listened=listened, heard=heard, chance=chance)
    reader.start()
    await asyncio.sleep(seconds)
    reader.stop()
    assert await asyncio.to_thread(reader.join, 10)
    return events


def wanted() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def sound_of(events: list[SourceEvent], number: int) -> tuple[Track, list[Fragment]]:
    """The track of this number, of which there is one, and its fragments."""
    (track,) = [event for event in events if isinstance(event, Track) and event.number == number]
    return track, [event for event in events if isinstance(event, Fragment) and event.track == number]


def decoded(track: Track, fragments: list[Fragment]) -> tuple[NDArray[np.float64], int]:
    """Samples of -1…1 as a player gets them, and how many a second."""
    if track.codec in {"ulaw", "alaw"}:
        name = {"ulaw": "pcm_mulaw", "alaw": "pcm_alaw"}[track.codec]
        decoder = cast("AudioCodecContext", av.CodecContext.create(name, "r"))
        decoder.sample_rate, decoder.layout = track.timescale, "mono"
        packets = (av.Packet(fragment.data[HEADER_SIZE:]) for fragment in fragments)
        parts = [frame.to_ndarray().ravel() / 32_768 for packet in packets for frame in decoder.decode(packet)]
        return np.concatenate(parts), track.timescale
    film = track.init + b"".join(fragment.data for fragment in fragments)
    with av.open(io.BytesIO(film), "r") as container:
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.concatenate(frames).astype(np.float64), track.timescale


def pitch_of(samples: NDArray[np.float64], rate: int) -> float:
    """Hertz of what is loudest, in a second from the middle."""
    middle = samples[len(samples) // 2 :][:rate]
    assert len(middle) == rate
    return float(np.argmax(np.abs(np.fft.rfft(middle * np.hanning(rate)))))


async def test_g711_becomes_aac_that_others_play(yard: StreamSource) -> None:
    """VA-13: listening is a right of its own, so sound is a track of its own; in a file both play together."""
    events = await collect(yard, 4, wanted())
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
    events = await collect(yard, 3.5, listened)
    kinds = [event.kind for event in events if isinstance(event, Track)]
    assert kinds == ["video", "audio"]
    first = next(event for event in events if isinstance(event, Fragment) and event.track == SOUND)
    assert first.time / 8000 > 0.8


@pytest.mark.parametrize(
    ("codec", "said", "rate"),
    [("pcm_alaw", "alaw", 8000), ("aac", "mp4a.40.2", 16_000), ("libopus", "opus", 48_000)],
    ids=["A-law", "AAC", "Opus"],
)
async def test_every_codec_is_heard_as_it_came(cameras: CameraServer, codec: str, said: str, rate: int) -> None:
    sound = coded_tone(codec)
    cameras.add("/yard", test_clip(gop=10), audio=sound)
    events = await collect(at(cameras), 4, heard=wanted())
    track, fragments = sound_of(events, HEARD if said == "alaw" else SOUND)
    assert (track.codec, track.timescale) == (said, rate)
    assert {fragment.data[HEADER_SIZE:] for fragment in fragments} <= set(sound.frames)  # not a byte was changed
    assert [b.time - a.time for a, b in itertools.pairwise(fragments)] == [f.duration for f in fragments[:-1]]
    assert pitch_of(*decoded(track, fragments)) == pytest.approx(440, abs=2)
    assert not [event for event in events if isinstance(event, Track) and event.kind == "audio" and event != track]


async def test_both_forms_of_g711_say_when_it_was(cameras: CameraServer) -> None:
    """One for who hears it live, one for files, each made once: the same sound has the same instant in both."""
    chance = np.random.default_rng(1)
    hiss = np.convolve(chance.normal(0, 0.2, 8 * 8000), np.ones(8) / 8, "same")
    cameras.add("/yard", test_clip(gop=10), audio=Sound(to_ulaw(hiss)))
    events = await collect(at(cameras), 4, wanted(), wanted())
    (plain, _), (coded, _) = (decoded(*sound_of(events, number)) for number in (HEARD, SOUND))
    firsts = [sound_of(events, number)[1][0].time for number in (HEARD, SOUND)]
    begins = max(firsts) + 2048 - min(firsts)
    one = plain[begins + min(firsts) - firsts[0] :][:8000]
    other = coded[begins + min(firsts) - firsts[1] :][:8000]
    agreement = np.fft.irfft(np.fft.rfft(one) * np.conj(np.fft.rfft(other)))
    apart = int(np.argmax(agreement))
    assert min(apart, len(agreement) - apart) < 80, "within ten milliseconds"


async def test_a_second_of_sound_lies_beside_its_second_of_picture(yard: StreamSource) -> None:
    events = await collect(yard, 3, heard=wanted())
    _, sound = sound_of(events, HEARD)
    pictures = [event for event in events if isinstance(event, Fragment) and event.track == VIDEO]
    ends = [part[-1].time + part[-1].duration for part in (sound, pictures)]
    assert ends[0] / 8000 == pytest.approx(ends[1] / 90_000, abs=0.3)
