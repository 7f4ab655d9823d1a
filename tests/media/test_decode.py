"""Pictures of key frames, made where a broken frame can break nothing else."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from belvedere.demo.clips import test_clip
from belvedere.media.decode import Decoder, Undecodable
from belvedere.media.fmp4 import Assembler, Track, write_init

pytestmark = pytest.mark.anyio


@pytest.fixture
async def decoder() -> AsyncIterator[Decoder]:
    made = Decoder()
    yield made
    await made.close()


def key_frame(codec: str = "h264") -> tuple[Track, bytes]:
    assembler = Assembler(codec)
    clip = test_clip(codec=codec)
    unit = assembler.feed(b"".join(b"\x00\x00\x00\x01" + nal for nal in clip.units[0].nals))
    assert unit is not None
    assert assembler.parameters is not None
    return write_init(assembler.parameters, 0), unit.payload


@pytest.mark.parametrize("codec", ["h264", "hevc"])
async def test_a_key_frame_becomes_a_picture(decoder: Decoder, codec: str) -> None:
    track, unit = key_frame(codec)
    made = await decoder.picture("yard", 1, track.init, track.codec, unit)
    with Image.open(io.BytesIO(made)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (320, 180))
        assert not picture.getexif()
        assert picture.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    small = await decoder.picture("yard", 1, track.init, track.codec, unit, width=160)
    with Image.open(io.BytesIO(small)) as picture:
        assert picture.size == (160, 90)


async def test_the_child_can_open_nothing(decoder: Decoder) -> None:
    """N30: no file, no socket, no new rights, no environment."""
    track, unit = key_frame()
    await decoder.picture("yard", 1, track.init, track.codec, unit)
    limits = Path(f"/proc/{decoder.pid}/limits").read_text()
    status = Path(f"/proc/{decoder.pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    rows = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()[1:]}
    assert rows["Max open files"] == ["0", "0"]
    assert rows["Max address space"] == [str(1 << 30)] * 2
    assert Path(f"/proc/{decoder.pid}/environ").read_bytes() == b""
    files = {str(file.readlink()).split(":")[0] for file in Path(f"/proc/{decoder.pid}/fd").iterdir()}
    assert files <= {"pipe", "socket", "/dev/null"}


async def test_what_is_no_picture_says_so_and_hurts_nobody(decoder: Decoder) -> None:
    """N30: rubbish, a cut frame, a foreign codec; the next one is decoded by the same child."""
    track, unit = key_frame()
    await decoder.picture("yard", 1, track.init, track.codec, unit)
    pid = decoder.pid
    for number, (codec, init, data) in enumerate(
        [
            (track.codec, track.init, b"\xff" * 5000),
            (track.codec, track.init, b""),
            ("mp4v.20", track.init, unit),
            (track.codec, b"nothing", unit),
        ]
    ):
        with pytest.raises(Undecodable):
            await decoder.picture("yard", 10 + number, init, codec, data)
    assert await decoder.picture("yard", 2, track.init, track.codec, unit)
    assert decoder.pid == pid


async def test_a_dead_child_is_replaced_and_its_killer_left_alone(decoder: Decoder) -> None:
    """N30: the child dies alone; a camera whose frames kill it three times waits, others do not."""
    track, unit = key_frame()
    clock = [0.0]
    decoder._clock = lambda: clock[0]
    for at in range(3):
        await decoder.picture("door", at, track.init, track.codec, unit)
        assert decoder.pid
        os.kill(decoder.pid, signal.SIGSTOP)
        asking = asyncio.create_task(decoder.picture("yard", at, track.init, track.codec, unit))
        await asyncio.sleep(0.05)
        assert decoder.pid
        os.kill(decoder.pid, signal.SIGKILL)
        with pytest.raises(Undecodable):
            await asking
        clock[0] += 120
    with pytest.raises(Undecodable):
        await decoder.picture("yard", 9, track.init, track.codec, unit)
    assert await decoder.picture("door", 9, track.init, track.codec, unit)
    clock[0] += 3601
    assert await decoder.picture("yard", 9, track.init, track.codec, unit)


async def test_a_child_that_hangs_is_killed(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    track, unit = key_frame()
    await decoder.picture("yard", 1, track.init, track.codec, unit)
    monkeypatch.setattr("belvedere.media.decode.decoder.WITHIN_S", 0.2)
    pid = decoder.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(Undecodable):
        await decoder.picture("yard", 2, track.init, track.codec, unit)
    assert decoder.pid is None
    assert not Path(f"/proc/{pid}").exists()


async def test_who_leaves_while_the_child_starts_leaves_no_answer_behind(decoder: Decoder) -> None:
    """N30, N22: else each question after it would get the picture of the one before, whosever camera that was."""
    track, unit = key_frame()
    leaving = asyncio.create_task(decoder.picture("yard", 1, track.init, track.codec, unit))
    async with asyncio.timeout(20):
        while decoder.pid is None:
            await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    for camera, width in (("yard", 160), ("door", 80), ("gate", 40)):
        made = await decoder.picture(camera, 2, track.init, track.codec, unit, width=width)
        with Image.open(io.BytesIO(made)) as picture:
            assert picture.width == width


async def test_the_same_picture_is_made_once(decoder: Decoder) -> None:
    track, unit = key_frame()
    first = await decoder.picture("yard", 1, track.init, track.codec, unit)
    assert decoder.pid
    os.kill(decoder.pid, signal.SIGSTOP)
    assert await decoder.picture("yard", 1, track.init, track.codec, unit) is first
    os.kill(decoder.pid, signal.SIGCONT)
    decoder.forget("yard")
    assert await decoder.picture("yard", 1, track.init, track.codec, unit) == first
