"""A range as one file: what is in it to the frame, what is not in it at all, and how it comes to who asked."""

import asyncio
import hashlib
import io
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from belvedere.bus.server import BusServer
from belvedere.contracts.permissions import NONE, Permission
from belvedere.contracts.sessions import SessionKind
from belvedere.demo.clips import test_clip
from belvedere.media.fmp4 import Assembler, write_fragment, write_init
from belvedere.media.footage import Archive, FootageGone, Index, Row, SegmentRef, Volume
from belvedere.media.footage.export import Export, Question, build_export
from belvedere.media.node import MediaNode
from media.conftest import running_node
from media.film import CAMERA, FRAME, SECOND_US, Film, head_of, put, whole_file
from media.little_control import LittleControl
from media.past import (
    BEGIN_S,
    BEGIN_US,
    DAY_WITH_SOUND,
    archive_of,
    beside,
    enter,
    fetch,
    lay,
    past_ticket,
    request,
    times_in,
    until_indexed,
)
from media.test_fmp4 import annex_b, encode_with_b_frames

pytestmark = pytest.mark.anyio


def us(seconds: float) -> int:
    return BEGIN_US + round(seconds * SECOND_US)


def exported(archive: Archive, start: float, end: float, earliest: float = -1e6, *, with_sound: bool = True) -> Export:
    question = Question(CAMERA, "main", us(start), us(end), us(earliest), with_sound)
    export = build_export(archive, question)
    assert export is not None
    return export


def whole(export: Export) -> bytes:
    data = export.read(0, export.size)
    assert len(data) == export.size
    return data


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_of(tmp_path)


@pytest.fixture
def noisy(tmp_path: Path) -> Archive:
    return archive_of(tmp_path, DAY_WITH_SOUND)


# -- what is in it ---------------------------------------------------------------------------------------------------


def test_it_begins_and_ends_where_it_was_asked_to(archive: Archive) -> None:
    export = exported(archive, 3.52, 7.04)
    assert times_in(whole(export)) == [round(index * 0.04, 3) for index in range(88)]
    assert export.spans == ((us(3.52), us(7.04)),)
    assert export.earliest_from(0) == us(3)  # the key frame before is in the file, and hidden


def test_breaks_are_cut_out_and_segments_joined(archive: Archive) -> None:
    export = exported(archive, 10, 70)
    times = times_in(whole(export))
    assert times == [round(index * 0.04, 3) for index in range(40 * 25)]
    assert export.spans == ((us(10), us(40)), (us(60), us(70)))
    assert times_in(whole(exported(archive, 45, 62))) == [round(index * 0.04, 3) for index in range(50)]


def test_pieces_of_it_are_the_same_as_the_whole(archive: Archive) -> None:
    export = exported(archive, 10.2, 70)
    content = whole(export)
    parts = [export.read(at, 7777) for at in range(0, export.size, 7777)]
    assert b"".join(parts) == content
    assert export.read(export.size - 5, 100) == content[-5:]


def test_moov_comes_first(archive: Archive) -> None:
    content = whole(exported(archive, 0, 80))
    assert content[4:8] == b"ftyp"
    at = int.from_bytes(content[:4])
    assert content[at + 4 : at + 8] == b"moov"
    for word in (CAMERA, "main", "c0ffee"):
        assert word.encode() not in content  # neither names nor ids of ours


# N23
def test_what_is_older_than_the_window_is_not_even_hidden(archive: Archive) -> None:
    export = exported(archive, 3.52, 7.04, earliest=3.001)
    assert export.earliest_from(0) == us(4)
    assert export.spans == ((us(4), us(7.04)),)
    assert times_in(whole(export))[0] == 0
    before, inside = (archive_bytes(archive, second) for second in (3, 4))
    content = whole(export)
    assert inside in content
    assert before not in content
    assert build_export(archive, Question(CAMERA, "main", us(39.5), us(50), us(39.5), with_sound=True)) is None


def archive_bytes(archive: Archive, second: int) -> bytes:
    """The key frame at this second of the first segment."""
    ref = archive.segments(CAMERA, "main", us(0), us(1))[0]
    return stored(archive, ref, archive.table(ref).rows[second * 25])


def stored(archive: Archive, ref: SegmentRef, row: Row) -> bytes:
    """A fragment as it lies on the disk; its header says when it was, so no two are alike."""
    fd = archive.open(ref)
    try:
        return os.pread(fd, row.size, row.offset)
    finally:
        os.close(fd)


def test_an_hour_without_footage_is_nothing(archive: Archive) -> None:
    for start, end in ((41, 59), (-50, 0), (80, 90), (10, 10)):
        assert build_export(archive, Question(CAMERA, "main", us(start), us(end), 0, with_sound=True)) is None


# VA-13
def test_sound_is_in_it_for_those_who_may_listen(noisy: Archive) -> None:
    with av.open(io.BytesIO(whole(exported(noisy, 10.5, 70))), "r") as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        frames = list(container.decode(audio=0))
    heard = np.concatenate([frame.to_ndarray().ravel() for frame in frames])
    assert len(heard) / 16_000 == pytest.approx(39.5, abs=0.3)
    assert float(frames[0].time or 0) == pytest.approx(0, abs=0.07)
    # Across the break sound and picture still belong together.
    assert float(frames[-1].time or 0) == pytest.approx(39.5, abs=0.3)
    silent = whole(exported(noisy, 10.5, 70, with_sound=False))
    with av.open(io.BytesIO(silent), "r") as container:
        assert [stream.type for stream in container.streams] == ["video"]
    ref = noisy.segments(CAMERA, "main", us(30), us(31))[0]
    table = noisy.table(ref)
    fragment = stored(noisy, ref, next(row for row in table.rows if row.track == 2 and table.utc_us(row) > us(30)))
    assert fragment not in silent
    assert fragment in whole(exported(noisy, 10.5, 70))


def test_the_same_question_has_the_same_tag(archive: Archive, tmp_path: Path) -> None:
    tags = {
        exported(archive, 1, 30).etag,
        exported(archive, 1, 30).etag,
        exported(archive, 2, 30).etag,
        exported(archive, 1, 31).etag,
    }
    assert len(tags) == 3


def shot(packets: Sequence[bytes], offsets: Sequence[int], codec: str = "h264") -> Film:
    """A film of these packets at 25 a second, from tick 0 on."""
    assembler = Assembler(codec)
    rows: list[Row] = []
    data: list[bytes] = []
    for index, (packet, shift) in enumerate(zip(packets, offsets, strict=True)):
        unit = assembler.feed(packet)
        assert unit is not None
        fragment = write_fragment(
            unit.payload,
            sequence=index,
            time=index * FRAME,
            duration=FRAME,
            is_key=unit.is_key,
            composition_offset=shift,
        ).data
        rows.append(Row(1, sum(map(len, data)), len(fragment), index * FRAME, FRAME, shift, unit.is_key))
        data.append(fragment)
    assert assembler.parameters is not None
    return Film(write_init(assembler.parameters, 0.0).init, tuple(rows), tuple(data))


def archive_with(folder: Path, *films: Film) -> Archive:
    """One film each ten seconds, each in a run of its own."""
    volume = Volume.open(folder / "footage", folder / "expected.json")
    index = Index.open(volume)
    for number, content in enumerate(films):
        head = head_of(us(number * 10), sequence=number + 1)
        head = msgspec.structs.replace(head, run=f"{number:06x}")
        index.add([put(volume, head, whole_file(head, content), len(content.rows) * 40_000)]).result()
    return Archive(volume, index)


def test_pictures_of_several_sizes(tmp_path: Path) -> None:
    large, small = (
        shot([annex_b(unit.nals) for unit in test_clip(seconds=1, size=size).units], [0] * 25)
        for size in ((320, 180), (160, 90))
    )
    content = whole(exported(archive_with(tmp_path, large, small, large), 0, 30))
    assert content.count(b"avc1\0") == 2  # described once each
    with av.open(io.BytesIO(content), "r") as container:
        sizes = [(frame.width, round(float(frame.time or 0), 2)) for frame in container.decode(video=0)]
    assert len(sizes) == 75
    assert (sizes[0], sizes[30], sizes[60]) == ((320, 0.0), (160, 1.2), (320, 2.4))


def test_pictures_that_are_shown_in_another_order(tmp_path: Path) -> None:
    packets, dts, pts = encode_with_b_frames(48)
    offsets = [(shown - decoded) * FRAME for decoded, shown in zip(dts, pts, strict=True)]
    archive = archive_with(tmp_path, shot(packets, offsets))
    assert times_in(whole(exported(archive, 0, 10))) == [round(index * 0.04, 3) for index in range(48)]
    later = times_in(whole(exported(archive, 0.6, 10)))
    assert later == [round(index * 0.04, 3) for index in range(len(later))]
    assert len(later) == 48 - 15


def test_h265(tmp_path: Path) -> None:
    clip = test_clip(seconds=2, codec="hevc")
    archive = archive_with(tmp_path, shot([annex_b(unit.nals) for unit in clip.units], [0] * 50, "hevc"))
    content = whole(exported(archive, 0.52, 10))
    assert b"hvc1" in content
    assert times_in(content) == [round(index * 0.04, 3) for index in range(37)]


async def test_a_file_that_goes_away_is_missed_not_replaced(archive: Archive, tmp_path: Path) -> None:
    export = exported(archive, 0, 80)
    export.read(export.size // 2, 10)  # open, so it stays good
    for file in (tmp_path / "footage").glob("*/main/*/*.mp4"):
        file.unlink()
    assert len(export.read(export.size // 2, 10)) == 10
    with pytest.raises(FootageGone):
        export.read(export.size - 10, 10)


# -- how it comes ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def node(bus_server: BusServer, control: LittleControl, tmp_path: Path) -> AsyncIterator[MediaNode]:
    lay(tmp_path, DAY_WITH_SOUND)
    async with running_node(bus_server, tmp_path) as started:
        await until_indexed(control)
        yield started


def ticket(control: LittleControl, start: float = 1, end: float = 70, **more: object) -> str:
    return past_ticket(control, start, end, kind=SessionKind.EXPORT, **more)


async def test_a_download(node: MediaNode, control: LittleControl) -> None:
    opened = ticket(control)
    path = await enter(node, opened)
    assert path.endswith("/export.mp4")
    told = await fetch(node, path, "HEAD")
    assert (told.status, told.body) == (200, b"")
    got = await fetch(node, path)
    assert got.status == 200
    assert int(told.headers["content-length"]) == int(got.headers["content-length"]) == len(got.body)
    assert got.headers["accept-ranges"] == "bytes"
    assert got.headers["content-disposition"].startswith(f'attachment; filename="{CAMERA}-')
    assert not [name for name in got.headers if name.startswith("access-control")]
    assert len(times_in(got.body)) == (39 + 10) * 25
    # The digest that control signs is that of the bytes that were sent; and it hears how far they are.
    session = opened.split(".")[0]
    async with asyncio.timeout(10):
        while not control.exports or not control.progress or control.progress[-1].sent < len(got.body):
            await asyncio.sleep(0.02)
    (finished,) = control.exports
    assert (finished.session, finished.sha256) == (session, hashlib.sha256(got.body).hexdigest())
    assert [(span.start - BEGIN_S, span.end - BEGIN_S) for span in finished.spans] == [(1, 40), (60, 70)]
    assert (control.progress[-1].sent, control.progress[-1].total) == (len(got.body), len(got.body))


async def test_ranges(node: MediaNode, control: LittleControl) -> None:
    path = await enter(node, ticket(control))
    content = (await fetch(node, path)).body
    size = len(content)
    for asked, expected in (
        ("bytes=0-0", content[:1]),
        ("bytes=1000-", content[1000:]),
        ("bytes=5-1004", content[5:1005]),
        (f"bytes=100-{size * 2}", content[100:]),
        ("bytes=-7", content[-7:]),
    ):
        got = await fetch(node, path, Range=asked)
        assert (got.status, got.body) == (206, expected)
        start = content.index(expected) if len(expected) > 50 else int(got.headers["content-range"][6:].split("-")[0])
        assert got.headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{size}"
    for asked in ("bytes=0-1,5-6", "bytes=-", "frames=1-2", "bytes=a-b"):
        got = await fetch(node, path, Range=asked)
        assert (got.status, len(got.body)) == (200, size)
    for asked in (f"bytes={size}-", "bytes=9-8", "bytes=-0"):
        got = await fetch(node, path, Range=asked)
        assert (got.status, got.headers["content-range"]) == (416, f"bytes */{size}")


# N24
async def test_resumed_with_a_new_ticket(node: MediaNode, control: LittleControl) -> None:
    first = await fetch(node, await enter(node, ticket(control)))
    again = await enter(node, ticket(control))
    rest = await fetch(node, again, Range="bytes=5000-", If_Range=first.headers["etag"])
    assert rest.status == 206
    assert first.body[:5000] + rest.body == first.body
    assert (await fetch(node, again, Range="bytes=5000-", If_Range='"another"')).status == 200


# N24
async def test_an_ended_right_ends_download_resume_and_retry(node: MediaNode, control: LittleControl) -> None:
    opened = ticket(control)
    path = await enter(node, opened)
    assert (await fetch(node, path, Range="bytes=0-10")).status == 206
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    writer.write(request(path))
    await reader.readexactly(100)
    receipt = await control.revoke(opened.split(".")[0])
    assert receipt.cuts[0].state == "cut"
    assert receipt.cuts[0].cut_at is not None
    for target in (path, beside(path, "export.mp4")):
        assert (await fetch(node, target)).status == 404
        assert (await fetch(node, target, Range="bytes=100-")).status == 404
    assert (await fetch(node, f"/media/v1/open?ticket={opened}")).status == 404
    writer.close()
    closed = await control.until_closed(opened.split(".")[0])
    assert closed.why == "revoked"


# N23
async def test_a_window_that_is_narrowed_takes_what_is_before_it(node: MediaNode, control: LittleControl) -> None:
    opened = ticket(control, export_from=BEGIN_S)
    session = opened.split(".")[0]
    path = await enter(node, opened)
    size = len((await fetch(node, path)).body)
    await asyncio.sleep(1.5)
    control.rows[session].export_from = BEGIN_S + 2  # a second late: it slid on by itself
    await control.push(session)
    assert (await fetch(node, path)).status == 200
    control.rows[session].export_from = BEGIN_S + 30
    await control.push(session)
    assert (await fetch(node, path)).status == 404
    assert (await fetch(node, path, Range=f"bytes={size - 100}-")).status == 206  # that is of later


async def test_listening_lost_is_an_export_lost(node: MediaNode, control: LittleControl) -> None:
    opened = ticket(control)
    session = opened.split(".")[0]
    path = await enter(node, opened)
    assert (await fetch(node, path)).status == 200
    control.rows[session].permissions = Permission.EXPORT
    await control.push(session)
    assert (await fetch(node, path)).status == 404


async def test_what_is_no_range_is_nothing(node: MediaNode, control: LittleControl) -> None:
    for start, end in ((70, 1), (41, 59), (5, 5), (-900, -10)):
        assert (await fetch(node, await enter(node, ticket(control, start, end)))).status == 404
    assert (await fetch(node, f"/media/v1/open?ticket={ticket(control, permissions=NONE)}")).status == 404
