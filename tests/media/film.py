"""Footage for tests: real pictures where a stranger is to play them, small lies where only the order matters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from belvedere.contracts.sessions import Quality
from belvedere.demo.clips import test_clip
from belvedere.media.fmp4 import Assembler, write_fragment, write_init
from belvedere.media.footage.segment import Row, SegmentHead, SegmentRef, TrackHead, write_head, write_tail
from belvedere.media.footage.volume import Volume, file_name

CAMERA = "01hzy3v8k0f3m5n7p9q1r2s4t6"
OTHER = "01hzy3v8k0f3m5n7p9q1r2s4t7"
#: 2026-11-21 12:00 UTC
NOON_US = 1_795_262_400_000_000
FRAME = 3600  # ticks of 90,000 at 25 frames a second
SECOND_US = 1_000_000


@dataclass(frozen=True)
class Film:
    """An init, and fragments with their rows; the rows' offsets are those in a file of nothing else."""

    init: bytes
    rows: tuple[Row, ...]
    data: tuple[bytes, ...]


@cache
def film(seconds: int = 2, *, is_real: bool = True, first_tick: int = 0) -> Film:
    """A film of 25 frames a second, a key frame each second; with `is_real`, one that can be decoded."""
    clip = test_clip(seconds=2)
    assembler = Assembler()
    rows, data = [], []
    offset = 0
    for index in range(seconds * 25):
        packet = b"".join(b"\x00\x00\x00\x01" + nal for nal in clip.units[index % 50].nals)
        unit = assembler.feed(packet)
        assert unit is not None
        payload = unit.payload if is_real else index.to_bytes(4) * 5
        ticks = first_tick + index * FRAME
        fragment = write_fragment(payload, sequence=index, time=ticks, duration=FRAME, is_key=index % 25 == 0).data
        rows.append(Row(1, offset, len(fragment), ticks, FRAME, 0, index % 25 == 0))
        data.append(fragment)
        offset += len(fragment)
    assert assembler.parameters is not None
    return Film(write_init(assembler.parameters, utc_at_zero=0.0).init, tuple(rows), tuple(data))


def head_of(start_us: int = NOON_US, *, camera: str = CAMERA, sequence: int = 1, first_tick: int = 0) -> SegmentHead:
    """A head as the recorder makes it."""
    track = TrackHead(1, "video", "avc1.64000c", 90_000, first_tick)
    return SegmentHead(camera, Quality.MAIN, "c0ffee", sequence, start_us, (track,), 320, 180)


def moved(rows: Iterable[Row], by: int) -> list[Row]:
    """The rows of the same fragments farther back in a file."""
    return [row._replace(offset=row.offset + by) for row in rows]


def whole_file(head: SegmentHead, content: Film) -> bytes:
    """A finished segment."""
    start = write_head(head, content.init)
    return b"".join((start, *content.data, write_tail(moved(content.rows, len(start)))))


def ref_of(head: SegmentHead, size: int, duration_us: int) -> SegmentRef:
    return SegmentRef(head.camera, head.quality, head.start_us, head.sequence, duration_us, size)


def put(volume: Volume, head: SegmentHead, content: bytes, duration_us: int = 2 * SECOND_US) -> SegmentRef:
    """Lay a finished file onto a volume, without the index knowing."""
    ref = ref_of(head, len(content), duration_us)
    with volume.folder(ref.camera, ref.quality, ref.start_us, create=True) as folder:
        path = Path(f"/proc/self/fd/{folder}") / file_name(ref)
        path.write_bytes(content)
    return ref


def path_of(volume: Volume, ref: SegmentRef) -> Path:
    """Where the file of a segment lies."""
    with volume.folder(ref.camera, ref.quality, ref.start_us) as folder:
        return Path(f"/proc/self/fd/{folder}").resolve() / file_name(ref)


def listing(root: Path) -> Sequence[str]:
    """All segment files below a folder, finished or not."""
    return sorted(str(path.relative_to(root)) for path in root.glob("*/*/*/*"))
