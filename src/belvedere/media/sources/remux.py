"""Packets of one connection → tracks and fragments. Pure: no camera, no clock, no thread."""

from typing import Final

from belvedere.contracts.events import SourceError
from belvedere.media.fmp4 import Assembler, Fragment, Track, write_fragment, write_init
from belvedere.media.fmp4.init import VIDEO_TIMESCALE
from belvedere.media.fmp4.parameters import ParameterSets
from belvedere.media.sources.failure import SourceFailure
from belvedere.media.sources.gate import TimestampGate, Verdict

MAX_ACCESS_UNIT: Final = 8 * 1024 * 1024
MAX_PIXELS: Final = 8192 * 8192
#: A composition offset beyond this (ticks) is nonsense.
_MAX_OFFSET: Final = 10 * VIDEO_TIMESCALE


class Remuxer:
    """One connection's worth. A track comes first, then its fragments; the first fragment of a track is a key one."""

    def __init__(self, codec: str, extradata: bytes, ticks_per_second: int) -> None:
        """Take what the announcement said: codec, parameter sets (may be empty) and the clock of the time stamps."""
        self._assembler = Assembler(codec)
        self._assembler.learn(extradata)
        self._rate = ticks_per_second
        self._gate = TimestampGate(VIDEO_TIMESCALE)
        self._shown: ParameterSets | None = None
        self._sequence = 0
        self.dropped = 0

    def feed(
        self, packet: bytes, *, dts: int | None, pts: int | None, is_key: bool, utc: float
    ) -> list[Track | Fragment]:
        """One packet in; nothing, a fragment, or a new track and its first fragment out.

        utc: when the packet arrived, seconds since the epoch. Raises SourceFailure for what no camera of ours sends.
        """
        if len(packet) > MAX_ACCESS_UNIT:
            raise SourceFailure(SourceError.FAILED)  # N30
        try:
            unit = self._assembler.feed(packet, is_key=is_key)
        except ValueError:
            self.dropped += 1
            return []
        parameters = self._assembler.parameters
        if unit is None or parameters is None or (self._shown is None and not unit.is_key):
            return []
        begins = unit.is_key and parameters is not self._shown
        if begins:
            self._gate = TimestampGate(VIDEO_TIMESCALE)
        moment = self._gate.admit(self._ticks(dts))
        if moment is Verdict.BREAK:
            self._shown = None
            if not unit.is_key:
                return []
            begins = True
            self._gate = TimestampGate(VIDEO_TIMESCALE)
            moment = self._gate.admit(self._ticks(dts))
        if isinstance(moment, Verdict):
            self.dropped += 1
            return []
        made: list[Track | Fragment] = [self._begin(parameters, utc)] if begins else []
        offset = 0 if pts is None or dts is None else (self._ticks(pts) or 0) - (self._ticks(dts) or 0)
        made.append(
            write_fragment(
                unit.payload,
                sequence=self._sequence,
                time=moment.time,
                duration=moment.duration,
                is_key=unit.is_key,
                composition_offset=offset if abs(offset) < _MAX_OFFSET else 0,
            )
        )
        self._sequence += 1
        return made

    def _ticks(self, stamp: int | None) -> int | None:
        if stamp is None or self._rate == VIDEO_TIMESCALE:
            return stamp
        return stamp * VIDEO_TIMESCALE // self._rate

    def _begin(self, parameters: ParameterSets, utc: float) -> Track:
        if parameters.parsed.width * parameters.parsed.height > MAX_PIXELS:
            raise SourceFailure(SourceError.UNSUPPORTED_CODEC)  # N30
        try:
            track = write_init(parameters, utc_at_zero=utc)
        except ValueError:
            raise SourceFailure(SourceError.FAILED) from None
        self._shown = parameters
        self._sequence = 0
        return track
