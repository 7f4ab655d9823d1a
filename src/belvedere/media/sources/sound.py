"""The sound of one connection → tracks and their fragments, on the picture's time line.

AAC and Opus go on as they came, to everybody. G.711, which players of MP4 do not know, comes in two forms, each made
only while somebody wants it, and once for all who do (ADR 0019): as it is, for who hears it live; and for footage and
HLS as AAC of the same 8 kHz, which costs a quarter of a second of a core for each minute, and a third of a second of
delay.
"""

import io
from collections.abc import Iterator
from typing import Final

import av
from av.audio.stream import AudioStream
from av.packet import Packet

from belvedere.media.fmp4 import Fragment, Track, write_fragment
from belvedere.media.fmp4.joining import HEARD, SOUND, number_track
from belvedere.media.sources.gate import TimestampGate, Verdict

#: As PyAV has it.
type SoundPacket = Packet[AudioStream]

#: What can be carried, by FFmpeg's names.
CODECS: Final = frozenset({"aac", "opus", "pcm_mulaw", "pcm_alaw"})
#: Those that players of MP4 do not know, and what QuickTime calls them.
G711: Final = {"pcm_mulaw": "ulaw", "pcm_alaw": "alaw"}
#: AAC-LC: samples in a frame.
_FRAME: Final = 1024
_BIT_RATE: Final = 24_000
#: FFmpeg's quicker search: two fifths less work for the same bits.
_ENCODER: Final = {"aac_coder": "fast"}
#: The encoder's first frame is of before the first sample.
_PRIMING: Final = _FRAME
#: The encoder's time line and the camera's may lie so far apart before ours jumps after it.
_LATE_S: Final = 0.5
_MUXER: Final = {"movflags": "frag_every_frame+empty_moov+default_base_moof"}
_LC: Final = 2


class SoundRemuxer:
    """One form of the sound: `begin` with each run of the picture, then `feed`. Belongs to the thread that reads."""

    def __init__(self, stream: AudioStream, number: int = SOUND) -> None:
        """Take the connection's stream, of a codec in CODECS. Raises ValueError when FFmpeg wants none of it.

        number  SOUND: as files hold it; HEARD: as it is
        """
        name = stream.codec_context.name
        self._number = number
        self._rate = stream.rate
        self._source_rate = round(1 / stream.time_base) if stream.time_base else stream.rate
        self._encoder: AudioStream | None = None
        self._sink = io.BytesIO()
        try:
            is_plain = name in G711 and number == HEARD
            self._muxer = av.open(self._sink, "w", format="mov" if is_plain else "mp4", options=_MUXER)
            if is_plain or name not in G711:
                copy = self._muxer.add_stream_from_template(stream)
            else:
                copy = self._encoder = self._muxer.add_stream("aac", rate=self._rate, options=_ENCODER)
                self._encoder.layout = "mono"
                self._encoder.bit_rate = _BIT_RATE
                self._resampler = av.AudioResampler("fltp", "mono", self._rate, _FRAME)
            self._muxer.start_encoding()
            config = bytes(copy.codec_context.extradata or b"")
        except (av.FFmpegError, ValueError, KeyError) as error:
            message = f"no sound of {name}: {type(error).__name__}"
            raise ValueError(message) from None
        self._init = number_track(self._sink.getvalue(), number)
        if is_plain:
            self._codec = G711[name]
        else:
            self._codec = "opus" if name == "opus" else f"mp4a.40.{config[0] >> 3 if config else _LC}"
        self._utc_at_zero: float | None = None
        self._gate = TimestampGate(self._rate)
        self._base: int | None = None
        self._sequence = 0
        self._encoded = 0

    def begin(self, utc_at_zero: float) -> Track:
        """A run of the picture begins at this instant: so does ours, with the same zero."""
        self._utc_at_zero = utc_at_zero
        self._base = None
        return Track("audio", self._codec, 0, 0, self._rate, utc_at_zero, self._init, self._number)

    def feed(self, packet: SoundPacket, utc: float) -> list[Fragment]:
        """One packet in, the fragments it completes out. `utc`: when it arrived."""
        if self._utc_at_zero is None or packet.dts is None:
            return []
        moment = self._gate.admit(self._ticks(packet.dts))
        if isinstance(moment, Verdict):
            if moment is Verdict.BREAK:
                self._base = None
                self._gate = TimestampGate(self._rate)
            return []
        duration = self._ticks(packet.duration or 0) or _FRAME
        if self._base is None:
            # It is sent when its last sample is there: the first one was a packet earlier.
            self._base = round((utc - self._utc_at_zero) * self._rate) - duration - moment.time
            self._encoded = moment.time - _PRIMING
        if self._encoder is None:
            return list(self._place(bytes(packet), moment.time, duration))
        if moment.time - _PRIMING - self._encoded > _LATE_S * self._rate:
            self._encoded = moment.time - _PRIMING  # something is missing: silence is not made up
        try:
            return list(self._encode(packet))
        except av.FFmpegError:
            return []

    def _ticks(self, stamp: int) -> int:
        return stamp * self._rate // self._source_rate

    def _encode(self, packet: SoundPacket) -> Iterator[Fragment]:
        assert self._encoder is not None  # noqa: S101  the caller looked
        for frame in packet.decode():
            frame.pts = None
            for part in self._resampler.resample(frame):
                for made in self._encoder.encode(part):
                    yield from self._place(bytes(made), self._encoded, _FRAME)
                    self._encoded += _FRAME

    def _place(self, payload: bytes, time: int, duration: int) -> Iterator[Fragment]:
        """A fragment, unless it lies before the picture's run."""
        assert self._base is not None  # noqa: S101  the caller set it
        at = self._base + time
        if at >= 0:
            self._sequence += 1
            yield write_fragment(
                payload, sequence=self._sequence, time=at, duration=duration, is_key=True, track=self._number
            )
