"""A node with a past: footage that lies on its disk before it starts, and a stranger's HTTP client to ask for it."""

import asyncio
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import av
import msgspec
import numpy as np

from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import SessionKind
from belvedere.media.fmp4 import write_fragment
from belvedere.media.fmp4.joining import SOUND, join, number_track
from belvedere.media.footage import Archive, Index, Volume
from belvedere.media.footage.segment import Row, SegmentHead, SegmentRef, TrackHead
from belvedere.media.node import MediaNode
from media.film import CAMERA, SECOND_US, Film, film, head_of, put, whole_file
from media.little_control import LittleControl

#: an hour ago, to the second: where the footage of these tests begins
BEGIN_US = int(time.time() - 3600) * SECOND_US
BEGIN_S = BEGIN_US / 1e6
SOUND_RATE = 16_000
PLAYBACK = Permission.PLAYBACK | Permission.LISTEN
EXPORT = Permission.EXPORT | Permission.LISTEN


@dataclass(frozen=True)
class Part:
    """A segment to be laid down: seconds since BEGIN, how long, in which run, since when the run goes on."""

    at: int
    seconds: int = 20
    run: str = "c0ffee"
    run_at: int = 0
    has_sound: bool = False


#: forty seconds in one run, a break of twenty, twenty more in another run
DAY = (Part(0), Part(20), Part(60, run="facade", run_at=60))
DAY_WITH_SOUND = tuple(replace(part, has_sound=True) for part in DAY)


@cache
def _sound(seconds: int) -> tuple[bytes, tuple[bytes, ...]]:
    """(init, payloads of 1024 samples each) of a tone."""
    sink = io.BytesIO()
    payloads = []
    flags = {"movflags": "frag_every_frame+empty_moov+default_base_moof"}
    with av.open(sink, "w", format="mp4", options=flags) as muxer:
        stream = muxer.add_stream("aac", rate=SOUND_RATE, layout="mono")
        for index in range(seconds * SOUND_RATE // 1024):
            at = (np.arange(1024) + index * 1024) / SOUND_RATE
            wave = (np.sin(2 * np.pi * 440 * at) * 0.2).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(wave[None, :], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = SOUND_RATE, index * 1024
            for packet in stream.encode(frame):
                payloads.append(bytes(packet))
                muxer.mux(packet)
    data = sink.getvalue()
    end = data.index(b"moov") - 4
    return number_track(data[: end + int.from_bytes(data[end : end + 4])], SOUND), tuple(payloads)


@cache
def film_with_sound(seconds: int, first_tick: int) -> Film:
    """The film with a tone beside it, laid down in the order of time as a recorder does."""
    picture = film(seconds, first_tick=first_tick)
    init, payloads = _sound(seconds)
    pieces = [
        (float(row.ticks - first_tick), row._replace(offset=0), data)
        for row, data in zip(picture.rows, picture.data, strict=True)
    ]
    first = first_tick * SOUND_RATE // 90_000
    for index, payload in enumerate(payloads):
        ticks = first + index * 1024
        data = write_fragment(payload, sequence=index, time=ticks, duration=1024, is_key=True, track=SOUND).data
        when = index * 1024 * 90_000 / SOUND_RATE
        pieces.append((when, Row(SOUND, 0, len(data), ticks, 1024, 0, is_key=True), data))
    pieces.sort(key=lambda piece: (piece[0], piece[1].track))
    rows, offset = [], 0
    for _, row, data in pieces:
        rows.append(row._replace(offset=offset))
        offset += len(data)
    return Film(join(picture.init, init), tuple(rows), tuple(data for _, _, data in pieces))


def lay(folder: Path, parts: Sequence[Part] = DAY) -> list[SegmentRef]:
    """Lay these segments into the footage folder of a node that is to start here."""
    volume = Volume.open(folder / "footage", folder / "volume-north.json")
    refs = [put(volume, *segment_of(part, number), part.seconds * SECOND_US) for number, part in enumerate(parts, 1)]
    volume.close()
    return refs


def segment_of(part: Part, number: int) -> tuple[SegmentHead, bytes]:
    first_tick = (part.at - part.run_at) * 90_000
    head = head_of(BEGIN_US + part.at * SECOND_US, sequence=number, first_tick=first_tick)
    head = msgspec.structs.replace(head, run=part.run)
    if not part.has_sound:
        return head, whole_file(head, film(part.seconds, first_tick=first_tick))
    sound = TrackHead(2, "audio", "mp4a.40.2", SOUND_RATE, first_tick * SOUND_RATE // 90_000)
    head = msgspec.structs.replace(head, tracks=(*head.tracks, sound))
    return head, whole_file(head, film_with_sound(part.seconds, first_tick))


def archive_of(folder: Path, parts: Sequence[Part] = DAY) -> Archive:
    """The same without a node."""
    volume = Volume.open(folder / "footage", folder / "expected.json")
    refs = [put(volume, *segment_of(part, number), part.seconds * SECOND_US) for number, part in enumerate(parts, 1)]
    index = Index.open(volume)
    index.add(refs).result()
    return Archive(volume, index)


async def until_indexed(control: LittleControl, camera: str = CAMERA) -> None:
    """Wait until the node has said that it holds footage."""
    async with asyncio.timeout(15):
        while not any(row.camera == camera for report in control.footage for row in report.holdings):
            await asyncio.sleep(0.02)


def past_ticket(
    control: LittleControl, start: float, end: float, *, kind: SessionKind = SessionKind.HLS, **more: object
) -> str:
    """A ticket for a range, in seconds since BEGIN; whoever has it may go back as far as he likes."""
    held = EXPORT if kind is SessionKind.EXPORT else PLAYBACK
    fields = {"permissions": held, "playback_from": 0.0, "export_from": 0.0, **more}
    return control.ticket(CAMERA, kind=kind, start=BEGIN_S + start, end=BEGIN_S + end, **fields)


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


async def fetch(node: MediaNode, target: str, method: str = "GET", **headers: str) -> Reply:
    """One request on one connection; header names with _ for -."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    try:
        async with asyncio.timeout(20):
            writer.write(request(target, method, **headers))
            return parsed(await reader.read())
    finally:
        writer.close()


def request(target: str, method: str = "GET", **headers: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: x", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def parsed(data: bytes) -> Reply:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Reply(int(first.split(" ")[1]), headers, body)


async def enter(node: MediaNode, ticket: str) -> str:
    """Where a ticket leads to."""
    reply = await fetch(node, f"/media/v1/open?ticket={ticket}")
    assert reply.status == 307, reply
    return reply.headers["location"]


def beside(path: str, name: str) -> str:
    """Another name under the same secret."""
    return f"{path.rpartition('/')[0]}/{name}"


def url_of(node: MediaNode, path: str) -> str:
    return f"http://127.0.0.1:{node.port}{path}"


def times_in(content: bytes | str) -> list[float]:
    """When each picture of a film is shown."""
    with av.open(io.BytesIO(content) if isinstance(content, bytes) else content, "r") as container:
        return [round(float(frame.time or 0), 3) for frame in container.decode(video=0)]
