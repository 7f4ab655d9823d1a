"""One RTSP conversation, by PyAV: open, look at what is announced, read packets.

Everything here blocks and belongs to one thread, close() included: closing from another thread while a read blocks is a
segmentation fault (seen, three of three). A read has no timeout of its own: the relay ends what stalls.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, cast
from urllib.parse import quote, urlsplit

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from belvedere.contracts.events import SourceError, StreamSource
from belvedere.contracts.reach import check_address
from belvedere.media.fmp4 import CODECS
from belvedere.media.sources.address import resolve
from belvedere.media.sources.failure import SourceFailure, failure_of
from belvedere.media.sources.relay import Relay, pin_to
from belvedere.media.sources.sound import CODECS as SOUND_CODECS
from belvedere.media.sources.sound import SoundPacket

OPEN_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 2.0
MAX_STREAMS: Final = 8
_OPTIONS: Final = {
    "analyzeduration": "100000",  # microseconds; the default costs 2.5 s. 0 would mean the default
    "fflags": "nobuffer",
}
#: With filter_src the kernel drops what does not come from the address that the relay wrote in.
_TRANSPORTS: Final = {"tcp": {"rtsp_transport": "tcp"}, "udp": {"rtsp_transport": "udp", "rtsp_flags": "filter_src"}}


@dataclass(frozen=True, slots=True)
class Announced:
    """What the camera says it sends. fps is 0 when it does not say; audio is FFmpeg's name, or empty."""

    codec: str
    width: int
    height: int
    fps: float
    audio: str
    extradata: bytes
    ticks_per_second: int

    @property
    def is_playable(self) -> bool:
        """Whether we carry it. Our list, not FFmpeg's: anything else is refused before it is read (N30)."""
        return self.codec in CODECS


@dataclass(frozen=True, slots=True)
class RawPacket:
    """What came, with the demuxer's time stamps in ticks."""

    data: bytes
    dts: int | None
    pts: int | None
    is_key: bool


class Connection:
    """An open conversation; a context manager. Made by `open_camera`."""

    def __init__(self, container: InputContainer, video: VideoStream, relay: Relay) -> None:
        self._container = container
        self._video = video
        self._relay = relay

    @property
    def announced(self) -> Announced:
        """What the camera announced."""
        video = self._video
        audio = self.sound or next(iter(self._container.streams.audio), None)
        return Announced(
            codec=video.codec_context.name,
            width=video.width,
            height=video.height,
            fps=float(video.average_rate) if video.average_rate else 0.0,
            audio=audio.codec_context.name if audio else "",
            extradata=bytes(video.codec_context.extradata or b""),
            ticks_per_second=round(1 / video.time_base) if video.time_base else 90_000,
        )

    @property
    def sound(self) -> AudioStream | None:
        """The stream of sound that can be carried, if the camera announced one."""
        return next((a for a in self._container.streams.audio if a.codec_context.name in SOUND_CODECS), None)

    def packets(self, wants_sound: Callable[[], bool] = lambda: False) -> Iterator[RawPacket | SoundPacket]:
        """Read until it ends; it ends with SourceFailure: STALLED, DROPPED and what else happens to cameras.

        While `wants_sound` says so, packets of `sound` come too, as PyAV has them.
        """
        expect = self._relay.expect
        expect(READ_TIMEOUT_S)
        sound = self.sound
        try:
            while True:
                has_sound = sound is not None and wants_sound()
                streams = [self._video, sound] if sound is not None and has_sound else [self._video]
                for packet in self._container.demux(streams):
                    expect(READ_TIMEOUT_S)
                    if not packet.size:
                        continue
                    if packet.stream is sound:
                        yield cast("SoundPacket", packet)
                    else:
                        yield RawPacket(bytes(packet), packet.dts, packet.pts, packet.is_keyframe)
                    if sound is not None and wants_sound() is not has_sound:
                        break  # to choose anew
                else:
                    break
        except av.FFmpegError as error:
            raise (self._ended() or failure_of(error)) from None
        if ended := self._ended():
            raise ended
        # The peer closed: FFmpeg just stops.
        raise SourceFailure(SourceError.DROPPED)

    def ease(self, watched: threading.Event) -> None:
        """From now on packets may come several at a time, a fifth of a second apart, except while that is set."""
        self._relay.ease(watched)

    def _ended(self) -> SourceFailure | None:
        objection = self._relay.objection
        return None if objection is None else SourceFailure(objection)

    def __enter__(self) -> Self:
        """Read inside, then close."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, in the thread that read."""
        self._container.close()
        self._relay.__exit__(kind, error, trace)


def open_camera(
    source: StreamSource, own_ports: Collection[int] = (), *, timeout_s: float = OPEN_TIMEOUT_S
) -> Connection:
    """Connect, sign in, and hear what is announced. Raises SourceFailure."""
    ip, port = resolve(source, own_ports)

    def may_reach(its_port: int) -> bool:
        return check_address(ip, its_port, source.networks, own_ports)

    pin = pin_to(ip, may_reach) if source.transport == "udp" else None
    with ExitStack() as stack:
        relay = stack.enter_context(Relay(ip, port, timeout_s=timeout_s, pin=pin))
        container = _open(relay, source, timeout_s)
        stack.callback(container.close)
        connection = Connection(container, _video_of(container), relay)
        stack.pop_all()
    return connection


def _open(relay: Relay, source: StreamSource, timeout_s: float) -> InputContainer:
    started = time.monotonic()
    url = _url_to("127.0.0.1", relay.port, source)
    try:
        options = _OPTIONS | _TRANSPORTS[source.transport]
        return av.open(url, "r", format="rtsp", options=options, timeout=(timeout_s, None))
    except (av.FFmpegError, OSError, ValueError) as error:
        if relay.objection is not None:
            raise SourceFailure(relay.objection) from None
        raise failure_of(error, took_s=time.monotonic() - started, timeout_s=timeout_s) from None


def _video_of(container: InputContainer) -> VideoStream:
    if len(container.streams) > MAX_STREAMS:
        raise SourceFailure(SourceError.FAILED)  # N30
    if not container.streams.video:
        raise SourceFailure(SourceError.NO_VIDEO)
    return container.streams.video[0]


def _url_to(host: str, port: int, source: StreamSource) -> str:
    """The camera's path at the relay's address, with the credentials in it. Never to be logged."""
    parts = urlsplit(source.url)
    login = ""
    if source.username or source.password:
        login = f"{quote(source.username, safe='')}:{quote(source.password, safe='')}@"
    query = f"?{parts.query}" if parts.query else ""
    return f"rtsp://{login}{host}:{port}{parts.path or '/'}{query}"
