"""Run by test_footage_writer in a process of its own: recording onto a disk that takes no more, and afterwards.

    full_volume.py FOLDER limit|tmpfs

`limit`: the kernel's limit on the size of files stands in for the full disk. `tmpfs`: FOLDER/disk is a disk of 4 MB.
"""

import contextlib
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from belvedere.contracts.recordings import RecordingPlan, RecordMode
from belvedere.media.footage import Archive, Index, IndexFailed, Retention, Timing, Volume, Writer, repair
from belvedere.media.footage.writer import BACKOFF_S, DISK_FULL
from media.film import CAMERA, NOON_US, SECOND_US, film, head_of, listing

folder, how = Path(sys.argv[1]), sys.argv[2]
volume = Volume.open(folder / "disk", folder / "expected.json")
index = Index.open(volume)
clock = [0.0]
writer = Writer(volume, index, lambda: clock[0])
archive = Archive(volume, index, writer)
content = film(is_real=False)
TIMINGS = [Timing(r.track, r.ticks, r.duration, r.composition_offset, r.is_key) for r in content.rows]


def record(second: int, *, frames: int = 50, padding: int = 0) -> str:
    """Two seconds of footage; with padding, in fat frames. What the segment says at the end."""
    segment = writer.begin(head_of(NOON_US + second * SECOND_US), content.init)
    for number in range(frames):
        fragment = content.data[number]
        if padding:  # a fat mdat
            fragment = fragment[:104] + (len(fragment) - 104 + padding).to_bytes(4) + fragment[108:] + bytes(padding)
        writer.append(segment, [TIMINGS[number]], [fragment])
        if number % 10 == 9:
            writer.flush()
    writer.finish(segment, 2 * SECOND_US)
    writer.flush()
    return segment.error


def fill_up() -> None:
    """Take every byte that is left."""
    with (folder / "disk" / "filler").open("ab", buffering=0) as filler:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while filler.write(bytes(size)):
                    pass
    assert volume.free()[0] == 0


def spans() -> list[tuple[float, float]]:
    found = archive.spans(CAMERA, 0, 2 * NOON_US)
    return [((start - NOON_US) / SECOND_US, (end - NOON_US) / SECOND_US) for start, end in found]


assert not record(0)
if how == "limit":
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (folder / "disk" / listing(folder / "disk")[0]).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(size // 2, 65536), hard))
    assert record(10, padding=2000) == DISK_FULL
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
else:
    second = 10
    while not (error := record(second, padding=8000)):
        second += 10
    assert error == DISK_FULL
    assert volume.state(0, writer.trouble).state == "full"
    fill_up()
    # Nothing more goes in, not even the index; the oldest footage goes all the same, and says so.
    index.keep_plans([RecordingPlan(CAMERA, RecordMode.CONTINUOUS)])
    retention = Retention(volume, index, lambda: NOON_US / 1e6)
    before = spans()
    index.keep_plans([RecordingPlan(str(number), RecordMode.OFF) for number in range(500)])
    try:
        index.flush()
    except IndexFailed:
        pass
    else:
        message = "the index of a full disk takes no more"
        raise AssertionError(message)
    swept = retention.sweep()
    assert swept.emergency_bytes > 0, swept
    assert retention.is_filling
    assert volume.state(0, is_filling=retention.is_filling).state == "filling"
    deadline = time.monotonic() + 20
    while spans()[0][0] <= before[0][0]:  # its rows follow, now that there is room
        assert time.monotonic() < deadline
        time.sleep(0.1)

clock[0] += BACKOFF_S
writer.flush()
assert not record(100_000)  # the camera records again
index.flush()
assert not any(name.endswith(".part") for name in listing(folder / "disk")), listing(folder / "disk")
known = spans()
assert known[-1] == (100_000, 100_002)
assert len(known) > 1
writer.close()
index.close()
if how == "tmpfs":
    fill_up()
volume.close()

# The next start finds room for its index, if it must. Index and files agree, and each file is whole.
volume = Volume.open(folder / "disk", folder / "expected.json")
index = Index.open(volume)
done = repair(volume, index)
assert (done.finished, done.dropped, done.found, done.mended) == (0, 0, 0, 0), done
assert bool(done.lost) == (how == "tmpfs"), done
archive = Archive(volume, index)
for ref in archive.segments(CAMERA, None, 0, 2 * NOON_US):
    assert archive.table(ref).rows
assert spans() == known[len(known) - len(spans()) :]
assert spans()
index.close()
volume.close()
