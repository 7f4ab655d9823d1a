"""Try an address and say what is there; nothing is kept."""

import asyncio
import time
from collections.abc import Collection
from typing import Final

from belvedere.contracts.events import ProbeResult, SourceError, StreamSource
from belvedere.media.fmp4 import Fragment, Track
from belvedere.media.sources.connection import OPEN_TIMEOUT_S, Announced, Connection, RawPacket, open_camera
from belvedere.media.sources.failure import SourceFailure
from belvedere.media.sources.remux import Remuxer

#: Frames after the key frame from which fps is measured.
_MEASURED: Final = 12


async def probe(source: StreamSource, timeout_s: float, own_ports: Collection[int] = ()) -> ProbeResult:
    """Open the camera as a live stream would, until a key frame and some more came, or `timeout_s` has passed."""
    return await asyncio.to_thread(_probe, source, timeout_s, own_ports)


def _probe(source: StreamSource, timeout_s: float, own_ports: Collection[int]) -> ProbeResult:
    started = time.monotonic()
    deadline = started + timeout_s
    announced: Announced | None = None
    track: Track | None = None
    fps = 0.0
    code = "ok"
    try:
        with open_camera(source, own_ports, timeout_s=min(OPEN_TIMEOUT_S, timeout_s)) as connection:
            announced = connection.announced
            track, fps = _watch(connection, announced, deadline)
    except SourceFailure as failure:
        code = failure.code.value
    return ProbeResult(
        code=code,
        codec=announced.codec if announced else "",
        width=track.width if track else announced.width if announced else 0,
        height=track.height if track else announced.height if announced else 0,
        fps=round(fps or (announced.fps if announced else 0.0), 2),
        audio=announced.audio if announced else "",
        took_ms=int((time.monotonic() - started) * 1000),
    )


def _watch(connection: Connection, announced: Announced, deadline: float) -> tuple[Track, float]:
    if not announced.is_playable:
        raise SourceFailure(SourceError.UNSUPPORTED_CODEC)
    remuxer = Remuxer(announced.codec, announced.extradata, announced.ticks_per_second)
    track: Track | None = None
    last: Fragment | None = None
    seen = 0
    for packet in connection.packets():
        if not isinstance(packet, RawPacket):
            continue
        for made in remuxer.feed(packet.data, dts=packet.dts, pts=packet.pts, is_key=packet.is_key, utc=time.time()):
            if isinstance(made, Track):
                track, last, seen = made, None, 0
            else:
                last, seen = made, seen + 1
        if track and last and (seen > _MEASURED or time.monotonic() > deadline):
            return track, seen / (last.time + last.duration) * track.timescale
        if time.monotonic() > deadline:
            break
    raise SourceFailure(SourceError.NO_VIDEO)
