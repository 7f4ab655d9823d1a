"""The way to a camera's loudspeaker: ONVIF's backchannel (Streaming Specification, 5.3), by a connection of its own.

The tracks that we could receive are set up, too, and what comes on them is thrown away: cameras that are asked for the
talk track alone answer 200 to everything and stay silent, some of the time (seen with gst-rtsp-server; see media.md).
"""

import asyncio
import re
import secrets
import struct
import time
from collections.abc import Callable, Collection
from typing import Final
from urllib.parse import urlsplit

from belvedere.contracts.events import SourceError, StreamSource
from belvedere.media.sources.address import resolve
from belvedere.media.sources.failure import SourceFailure
from belvedere.media.talk.brands import address_for, quirk_of
from belvedere.media.talk.description import Track, parse_description
from belvedere.media.talk.digest import Credentials
from belvedere.media.talk.failure import TalkError, TalkFailure
from belvedere.media.talk.rtsp import Answer, Conversation, failure_of
from belvedere.media.talk.voice import Payload, choose

OPEN_WITHIN_S: Final = 8.0
_REQUIRE: Final = {"Require": "www.onvif.org/ver20/backchannel"}
_CHANNELS: Final = re.compile(r"interleaved=(\d{1,3})")
_SOURCE: Final = re.compile(r"ssrc=([0-9A-Fa-f]{1,8})\b")
_TIMEOUT: Final = re.compile(r"timeout=(\d{1,5})\b")
_ADDRESS: Final = re.compile(r"[!-~]{1,2048}")
#: seconds that RFC 2326 gives where the camera names none
_USUAL_TIMEOUT_S: Final = 60
_ASK_AT_LEAST_EVERY_S: Final = 25.0
_MARKER: Final = 0x80


async def has_backchannel(source: StreamSource, own_ports: Collection[int] = ()) -> bool:
    """Whether the camera offers a way to speak that we know. Only asks. Raises TalkFailure: it could not be asked."""
    conversation = await _connect(source, own_ports)
    try:
        async with asyncio.timeout(OPEN_WITHIN_S):
            return choose((await _describe(conversation, source))[1]) is not None
    except TimeoutError:
        raise TalkFailure(SourceError.STALLED) from None
    except TalkFailure as failure:
        if failure.code is TalkError.NO_BACKCHANNEL:
            return False
        raise
    finally:
        conversation.abort()


class Backchannel:
    """An open way. Made by `open`; to be ended by `close` or `abort`."""

    def __init__(
        self, conversation: Conversation, url: str, track: Track, *, packet_ms: int, clock: Callable[[], float]
    ) -> None:
        self.track = track
        self.packet_ms = packet_ms
        #: ends with TalkFailure when the camera does
        self.lost: asyncio.Task[None]
        self.packets = 0
        self._conversation = conversation
        self._url = url
        self._clock = clock
        self._channel = 0
        self._source = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._timestamp = secrets.randbits(32)
        self._sounded_until = 0.0
        self._keeper: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls, source: StreamSource, own_ports: Collection[int] = (), *, clock: Callable[[], float] = time.monotonic
    ) -> "Backchannel":
        """Connect, sign in, set up, play. Raises TalkFailure, with the word for what stands against it."""
        conversation = await _connect(source, own_ports)
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                return await cls._open(conversation, source, clock)
        except TimeoutError:
            conversation.abort()
            raise TalkFailure(SourceError.STALLED) from None
        except BaseException:
            conversation.abort()
            raise

    @classmethod
    async def _open(cls, conversation: Conversation, source: StreamSource, clock: Callable[[], float]) -> "Backchannel":
        base, ears, received = await _describe(conversation, source)
        if (track := choose(ears)) is None:
            raise TalkFailure(TalkError.UNSUPPORTED_CODEC if ears else TalkError.NO_BACKCHANNEL)
        quirk = quirk_of(urlsplit(source.url).path, conversation.credentials.realm)
        self = cls(conversation, base, track, packet_ms=quirk.packet_ms, clock=clock)
        timeout_s = _USUAL_TIMEOUT_S
        for number, one in enumerate([*received, track]):
            answer = await _set_up(conversation, _control(base, one.control), number)
            failure = failure_of(answer)
            if failure and one is track:
                raise failure
            if failure:
                continue  # a picture that is not to be had: it is not what we came for
            session, _, rest = answer.one("session").partition(";")
            conversation.session = session.strip() or conversation.session
            if said := _TIMEOUT.search(rest):
                timeout_s = int(said[1])
            if one is track:
                self._take_transport(answer.one("transport"), number)
        # No Range: what is live has none, and gst-rtsp-server answers one with 503 (seen).
        if failure := failure_of(await conversation.ask("PLAY", base, _REQUIRE)):
            raise failure
        self.lost = asyncio.create_task(conversation.drain(), name="backchannel")
        self._keeper = asyncio.create_task(self._keep_alive(timeout_s), name="keep backchannel alive")
        return self

    def send(self, payload: Payload) -> bool:
        """One RTP packet, now. False: the camera takes nothing just now, and this packet is gone.

        Time stamps follow the sound while it flows, and the clock across silence.
        """
        now, rate = self._clock(), self.track.rate
        is_first = now - self._sounded_until > self.packet_ms / 1000 * 2
        if is_first and self.packets:
            self._timestamp += int((now - self._sounded_until) * rate)
        is_clear = self._conversation.is_clear
        if is_clear:
            marker = _MARKER if is_first else 0
            head = struct.pack(
                ">BBHII",
                0x80,
                marker | self.track.payload_type,
                self._sequence & 0xFFFF,
                self._timestamp & 0xFFFFFFFF,
                self._source,
            )
            self._conversation.send(self._channel, head + payload.data)
            self._sequence += 1
            self.packets += 1
        self._timestamp += payload.ticks
        self._sounded_until = (now if is_first else self._sounded_until) + payload.ticks / rate
        return is_clear

    async def close(self) -> None:
        """Say goodbye; what was said before it arrives."""
        self._stop()
        self._conversation.say("TEARDOWN", self._url)
        await self._conversation.close()

    def abort(self) -> None:
        """Silence: nothing that was not heard yet leaves this machine."""
        self._stop()
        self._conversation.abort()

    def _stop(self) -> None:
        self.lost.cancel()
        if self._keeper is not None:
            self._keeper.cancel()

    def _take_transport(self, transport: str, number: int) -> None:
        channels = _CHANNELS.search(transport)
        self._channel = int(channels[1]) & 0xFF if channels else 2 * number
        if source := _SOURCE.search(transport):
            self._source = int(source[1], 16)

    async def _keep_alive(self, timeout_s: int) -> None:
        while True:
            await asyncio.sleep(min(_ASK_AT_LEAST_EVERY_S, max(1.0, timeout_s / 2)))
            self._conversation.say("OPTIONS", self._url)


async def _connect(source: StreamSource, own_ports: Collection[int]) -> Conversation:
    """The same gate as for pictures: every address of the host inside the reach, judged anew (N27)."""
    try:
        ip, port = await asyncio.to_thread(resolve, source, own_ports)
    except SourceFailure as failure:
        raise TalkFailure(failure.code) from None
    return await Conversation.open(ip, port, Credentials(source.username, source.password))


async def _describe(conversation: Conversation, source: StreamSource) -> tuple[str, list[list[Track]], list[Track]]:
    """The address of the whole, what the camera listens to, and what it would send. Raises TalkFailure."""
    url = address_for(source.url)
    answer = await conversation.ask("DESCRIBE", url, {**_REQUIRE, "Accept": "application/sdp"})
    if failure := failure_of(answer):
        raise failure
    media = parse_description(answer.body)
    ears = [tracks for tracks in media if tracks[0].is_ours_to_send and tracks[0].kind == "audio"]
    received = [tracks[0] for tracks in media if not tracks[0].is_ours_to_send]
    base = answer.one("content-base") or answer.one("content-location") or url
    return (base if _ADDRESS.fullmatch(base) else url), ears, received


async def _set_up(conversation: Conversation, url: str, number: int) -> Answer:
    transport = f"RTP/AVP/TCP;unicast;interleaved={2 * number}-{2 * number + 1}"
    return await conversation.ask("SETUP", url, {**_REQUIRE, "Transport": transport})


def _control(base: str, control: str) -> str:
    """Where a track is set up: its own address, or one under the whole (RFC 2326, C.1.1). The connection stays."""
    if not control or control == "*":
        return base
    if not _ADDRESS.fullmatch(control):
        raise TalkFailure(SourceError.NOT_RTSP)
    return control if control.lower().startswith("rtsp://") else f"{base.rstrip('/')}/{control.lstrip('/')}"
