"""The sound of one connection → a track of AAC and its fragments, on the picture's time line.

AAC goes on as it came. G.711, which players of MP4 do not know, becomes AAC of the same 8 kHz: a quarter of a second
of a core for each minute (measured), and only while somebody records or hears it.
"""

import io
from collections.abc import Iterator
from typing import Final

import av
from av.audio.stream import AudioStream
from av.packet import Packet

from belvedere.media.fmp4 import Fragment, Track, write_fragment
from belvedere.media.fmp4.joining import SOUND, number_track
from belvedere.media.sources.gate import TimestampGate, Verdict

#: As PyAV has it.
type SoundPacket = Packet[AudioStream]

#: What can be carried, by FFmpeg's names; True: as it comes.
CODECS: Final = {"aac": True, "pcm_mulaw": False, "pcm_alaw": False}
#: AAC-LC: samples in a frame.
_FRAME: Final = 1024
_BIT_RATE: Final = 24_000
#: FFmpeg's quicker search: two fifths less work for the same bits.
_ENCODER: Final = {"aac_coder": "fast"}
#: The encoder's time line and the camera's may lie so far apart before ours jumps after it.
_LATE_S: Final = 0.5
_MUXER: Final = {"movflags": "frag_every_frame+empty_moov+default_base_moof"}
_LC: Final = 2


class SoundRemuxer:
    """`begin` with each run of the picture, then `feed`. Belongs to the thread that reads."""

    def __init__(self, stream: AudioStream) -> None:
        """Take the connection's stream, of a codec in CODECS. Raises ValueError when FFmpeg wants none of it."""
        self._rate = stream.rate
        self._source_rate = round(1 / stream.time_base) if stream.time_base else stream.rate
        self._encoder: AudioStream | None = None
        self._sink = io.BytesIO()
        try:
            self._muxer = av.open(self._sink, "w", format="mp4", options=_MUXER)
            if CODECS[stream.codec_context.name]:
                copy = self._muxer.add_stream_from_template(stream)
            else:
                copy = self._encoder = self._muxer.add_stream("aac", rate=self._rate, options=_ENCODER)
                self._encoder.layout = "mono"
                self._encoder.bit_rate = _BIT_RATE
                self._resampler = av.AudioResampler("fltp", "mono", self._rate, _FRAME)
            self._muxer.start_encoding()
            config = bytes(copy.codec_context.extradata or b"")
        except (av.FFmpegError, ValueError, KeyError) as error:
            message = f"no sound of {stream.codec_context.name}: {type(error).__name__}"
            raise ValueError(message) from None
        self._init = number_track(self._sink.getvalue(), SOUND)
        self._codec = f"mp4a.40.{config[0] >> 3 if config else _LC}"
        self._utc_at_zero: float | None = None
        self._gate = TimestampGate(self._rate)
        self._base: int | None = None
        self._sequence = 0
        self._encoded = 0

    def begin(self, utc_at_zero: float) -> Track:
        """A run of the picture begins at this instant: so does ours, with the same zero."""
        self._utc_at_zero = utc_at_zero
        self._base = None
        return Track("audio", self._codec, 0, 0, self._rate, utc_at_zero, self._init)

    def feed(self, packet: SoundPacket, utc: float) -> list[Fragment]:
        """One packet in, the fragments it completes out. `utc`: when it arrived."""
        if self._utc_at_zero is None or packet.dts is None:
            return []
        moment = self._gate.admit(packet.dts * self._rate // self._source_rate)
        if isinstance(moment, Verdict):
            if moment is Verdict.BREAK:
                self._base = None
                self._gate = TimestampGate(self._rate)
            return []
        if self._base is None:
            self._base = round((utc - self._utc_at_zero) * self._rate) - moment.time
            self._encoded = moment.time
        if self._base + moment.time < 0:
            return []
        if self._encoder is None:
            return [self._write(bytes(packet), moment.time)]
        if moment.time - self._encoded > _LATE_S * self._rate:
            self._encoded = moment.time  # something is missing: silence is not made up
        try:
            return list(self._encode(packet))
        except av.FFmpegError:
            return []

    def _encode(self, packet: SoundPacket) -> Iterator[Fragment]:
        assert self._encoder is not None  # noqa: S101  the caller looked
        for frame in packet.decode():
            frame.pts = None
            for part in self._resampler.resample(frame):
                for made in self._encoder.encode(part):
                    yield self._write(bytes(made), self._encoded)
                    self._encoded += _FRAME

    def _write(self, payload: bytes, time: int) -> Fragment:
        self._sequence += 1
        assert self._base is not None  # noqa: S101  the caller set it
        return write_fragment(
            payload, sequence=self._sequence, time=self._base + time, duration=_FRAME, is_key=True, track=SOUND
        )
