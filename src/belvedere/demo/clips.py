"""Clips: short films, already encoded, that a demo camera sends round and round.

A clip is what goes on the wire, not what a player opens: a list of access units (all NAL units of one picture).
Making one costs seconds of encoding, loading one costs nothing, so the demo ships its clips as files.
"""

import functools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

#: height x width x 3, RGB, 0-255
Picture = NDArray[np.uint8]

_MAGIC: Final = "belvedere-clip-1"
_ENCODERS: Final = {"h264": "libx264", "hevc": "libx265"}
# Parameter sets stand in front of every key frame, in the order a decoder wants them.
_H264_SPS, _H264_PPS, _H264_SLICES = 7, 8, (1, 5)
_HEVC_VPS, _HEVC_SPS, _HEVC_PPS, _HEVC_LAST_SLICE = 32, 33, 34, 31
_START_CODE: Final = b"\x00\x00\x01"


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """The NAL units of one picture, without start codes. A key one begins with its parameter sets."""

    nals: tuple[bytes, ...]
    is_key: bool


@dataclass(frozen=True)
class Clip:
    """An encoded film without B-frames, so decoding order is showing order. The first unit is a key one.

    codec is FFmpeg's name, `h264` or `hevc`; width and height are pixels; fps is pictures per second.
    """

    codec: str
    width: int
    height: int
    fps: int
    units: tuple[AccessUnit, ...]

    @property
    def seconds(self) -> float:
        """How long one round takes."""
        return len(self.units) / self.fps

    @property
    def parameter_sets(self) -> tuple[bytes, ...]:
        """(SPS, PPS) of H.264, (VPS, SPS, PPS) of H.265: what an SDP announces."""
        return tuple(nal for nal in self.units[0].nals if nal_type(self.codec, nal) in _parameter_types(self.codec))

    def save(self, path: Path) -> None:
        """Write one file: a line of JSON that says how long each NAL unit is, then all of them, end to end."""
        header = {
            "format": _MAGIC,
            "codec": self.codec,
            "width": self.width,
            "height": self.height,
            "fps": self.fps,
            "units": [[int(unit.is_key), *map(len, unit.nals)] for unit in self.units],
        }
        body = b"".join(nal for unit in self.units for nal in unit.nals)
        path.write_bytes(json.dumps(header, separators=(",", ":")).encode() + b"\n" + body)

    @classmethod
    def load(cls, path: Path) -> "Clip":
        """Read what `save` wrote. Raises ValueError if it is something else."""
        line, _, body = path.read_bytes().partition(b"\n")
        try:
            header = json.loads(line)
        except ValueError:
            header = {}
        if header.get("format") != _MAGIC:
            message = f"{path.name} is not a clip"
            raise ValueError(message)
        units: list[AccessUnit] = []
        at = 0
        for is_key, *lengths in header["units"]:
            nals: list[bytes] = []
            for length in lengths:
                nals.append(body[at : at + length])
                at += length
            units.append(AccessUnit(tuple(nals), bool(is_key)))
        if at != len(body):
            message = f"{path.name} is cut short"
            raise ValueError(message)
        return cls(header["codec"], header["width"], header["height"], header["fps"], tuple(units))


def nal_type(codec: str, nal: bytes) -> int:
    """The type field of a NAL unit: 5 bits in H.264, 6 bits one place higher in H.265."""
    return nal[0] & 0x1F if codec == "h264" else (nal[0] >> 1) & 0x3F


def _parameter_types(codec: str) -> tuple[int, ...]:
    return (_H264_SPS, _H264_PPS) if codec == "h264" else (_HEVC_VPS, _HEVC_SPS, _HEVC_PPS)


def _is_wanted(codec: str, nal: bytes) -> bool:
    """Keep slices and parameter sets; delimiters and the encoder's long signature (SEI) only cost bytes."""
    kind = nal_type(codec, nal)
    is_slice = kind in _H264_SLICES if codec == "h264" else kind <= _HEVC_LAST_SLICE
    return is_slice or kind in _parameter_types(codec)


def split_annex_b(data: bytes) -> Iterator[bytes]:
    """Cut a byte stream at its start codes (00 00 01, with or without one more zero in front)."""
    for part in data.split(_START_CODE)[1:]:
        if nal := part.rstrip(b"\x00"):  # a NAL unit never ends in a zero byte, so these belong to the next start code
            yield nal


class ClipEncoder:
    """Makes a clip picture by picture: 4:2:0, no B-frames, a key frame every `gop` pictures exactly.

    With one quantizer throughout, and nothing that weighs bits against looks: what stands still then looks the same in
    each key frame. An encoder left to itself chooses anew, and the texture of walls is seen to jump every two seconds.
    """

    def __init__(
        self, size: tuple[int, int], *, fps: int, gop: int, qp: int, codec: str = "h264", preset: str = "medium"
    ) -> None:
        """`size` is (width, height), both even; a quantizer `qp` of 18 looks lossless, 28 compressed."""
        encoder = av.CodecContext.create(_ENCODERS[codec], "w")
        if not isinstance(encoder, av.VideoCodecContext):  # narrows the type; create() returns what the name says
            raise TypeError(codec)
        encoder.width, encoder.height = size
        encoder.pix_fmt = "yuv420p"
        encoder.time_base = Fraction(1, fps)
        encoder.framerate = Fraction(fps)
        # One thread: the same pictures then give the same bytes however many cores there are.
        encoder.thread_count = 1
        own: dict[str, int | str] = {
            "qp": qp,
            "keyint": gop,
            "min-keyint": gop,
            "scenecut": 0,
            "bframes": 0,
            "repeat-headers": 1,
        }
        own |= {"log-level": 0, "pools": "none", "frame-threads": 1} if codec == "hevc" else {"trellis": 0, "psy": 0}
        encoder.options = {
            "preset": preset,
            f"{_ENCODERS[codec].removeprefix('lib')}-params": ":".join(f"{key}={value}" for key, value in own.items()),
        }
        self._encoder = encoder
        self._codec = codec
        self._fps = fps
        self._added = 0
        self._units: list[AccessUnit] = []

    def add(self, picture: Picture) -> None:
        """Encode one more."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts = self._added
        self._added += 1
        self._take(self._encoder.encode(frame))

    def finish(self) -> Clip:
        """Take what the encoder still holds. Raises ValueError if nothing was added."""
        if not self._added:
            message = "a clip needs at least one picture"
            raise ValueError(message)
        self._take(self._encoder.encode(None))
        return Clip(self._codec, self._encoder.width, self._encoder.height, self._fps, tuple(self._units))

    def _take(self, packets: "Iterable[av.Packet[av.VideoStream]]") -> None:
        for packet in packets:
            nals = tuple(nal for nal in split_annex_b(bytes(packet)) if _is_wanted(self._codec, nal))
            self._units.append(AccessUnit(nals, packet.is_keyframe))


def encode_clip(
    pictures: Iterable[Picture],
    *,
    fps: int,
    gop: int | None = None,
    qp: int = 28,
    codec: str = "h264",
    preset: str = "medium",
) -> Clip:
    """Encode pictures of one size; see ClipEncoder. gop defaults to two seconds. Raises ValueError without pictures."""
    encoder: ClipEncoder | None = None
    for picture in pictures:
        if encoder is None:
            height, width, _ = picture.shape
            encoder = ClipEncoder((width, height), fps=fps, gop=gop or 2 * fps, qp=qp, codec=codec, preset=preset)
        encoder.add(picture)
    if encoder is None:
        message = "a clip needs at least one picture"
        raise ValueError(message)
    return encoder.finish()


#: A test picture carries its index in this many cells along its lower edge, the highest bit first.
BARCODE_BITS: Final = 16


@functools.cache
def test_clip(
    seconds: int = 2,  # noqa: PT028  it is no test
    size: tuple[int, int] = (320, 180),  # noqa: PT028  as above
    fps: int = 25,  # noqa: PT028  as above
    *,
    gop: int | None = None,  # noqa: PT028  as above
    codec: str = "h264",  # noqa: PT028  as above
) -> Clip:
    """Make a small clip for tests, once per process: a gradient, a bar that moves, a barcode of the frame index.

    size is (width, height), both even. Takes some tens of milliseconds; `gop` defaults to one second.
    """
    pictures = (_test_picture(index, size) for index in range(seconds * fps))
    return encode_clip(pictures, fps=fps, gop=gop or fps, codec=codec, preset="ultrafast")


test_clip.__test__ = False  # type: ignore[attr-defined]  # the name is right, but it is not a test


def _test_picture(index: int, size: tuple[int, int]) -> Picture:
    width, height = size
    picture = np.empty((height, width, 3), np.uint8)
    picture[..., 0] = np.linspace(20, 200, width)
    picture[..., 1] = np.linspace(30, 180, height)[:, None]
    picture[..., 2] = 90
    bar = index * 4 % width
    picture[:, bar : bar + width // 16] = (240, 200, 60)
    cell, top = width // BARCODE_BITS, height - height // 8
    for bit in range(BARCODE_BITS):
        picture[top:, bit * cell : (bit + 1) * cell] = 255 * (index >> (BARCODE_BITS - 1 - bit) & 1)
    return picture


def read_barcode(picture: Picture) -> int:
    """Which picture of a test clip this is, read from its decoded pixels."""
    height, width, _ = picture.shape
    cell = width // BARCODE_BITS
    row = picture[height - height // 16, cell // 2 : cell * BARCODE_BITS : cell].mean(axis=1)
    return int("".join("1" if value > 127 else "0" for value in row), 2)
