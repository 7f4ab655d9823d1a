"""One file of footage: read by strangers, understood from either end, and never taken for what it is not."""

import io
import os
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.media.footage.segment import (
    Row,
    SegmentError,
    SegmentTable,
    exact,
    read_head,
    read_segment,
    walk,
    write_head,
    write_tail,
)
from media.film import FRAME, NOON_US, Film, film, head_of, moved, whole_file

TONE = Row(2, 0, 300, 0, 1024, 0, is_key=True)


def laid(folder: Path, content: bytes) -> int:
    path = folder / "segment"
    path.write_bytes(content)
    return os.open(path, os.O_RDONLY)


def test_a_stranger_plays_it(tmp_path: Path) -> None:
    with av.open(io.BytesIO(whole_file(head_of(), film())), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == 50
    with av.open(io.BytesIO(whole_file(head_of(), film())), "r") as container:
        container.seek(1_000_000)  # mfra says where the second key frame is
        first = next(packet for packet in container.demux(video=0))
        assert (first.dts, first.is_keyframe) == (90_000, True)


def test_it_says_what_it_is_and_where_everything_lies(tmp_path: Path) -> None:
    content = whole_file(head_of(first_tick=7200), film(first_tick=7200))
    fd = laid(tmp_path, content)
    table = read_segment(fd)
    assert table.head == head_of(first_tick=7200)
    assert table.init == film().init
    assert b"".join(content[row.offset : row.offset + row.size] for row in table.rows) == b"".join(
        film(first_tick=7200).data
    )
    assert [row.ticks for row in table.rows] == [7200 + index * FRAME for index in range(50)]
    assert [position for position, row in enumerate(table.rows) if row.is_key] == [0, 25]
    assert table.end_us == NOON_US + 2_000_000
    assert table.utc_us(table.rows[25]) == NOON_US + 1_000_000
    assert walk(fd).table == table  # found again without its table
    os.close(fd)


def test_where_to_start_for_an_instant(tmp_path: Path) -> None:
    fd = laid(tmp_path, whole_file(head_of(), film()))
    table = read_segment(fd)
    os.close(fd)
    asked = (NOON_US - 1, NOON_US, NOON_US + 999_999, NOON_US + 1_000_000, NOON_US + 9_000_000)
    assert [table.find_key(at) for at in asked] == [0, 0, 0, 25, 25]
    assert SegmentTable(table.head, table.init, ()).find_key(NOON_US) is None


def test_durations_are_until_the_next_of_the_same_track() -> None:
    rows = [
        Row(1, 0, 10, 0, 9, 0, is_key=True),
        TONE._replace(ticks=5),
        Row(1, 0, 10, 3600, 9, 0, is_key=False),
        TONE._replace(ticks=1030),
        Row(1, 0, 10, 3700, 9, 0, is_key=False),
    ]
    assert [row.duration for row in exact(rows)] == [3600, 1025, 100, 1024, 9]


@pytest.mark.parametrize("cut", [1, 17, 500, 2000])
def test_a_torn_end_costs_what_is_torn(tmp_path: Path, cut: int) -> None:
    start = write_head(head_of(), film().init)
    content = start + b"".join(film().data)
    fd = laid(tmp_path, content[:-cut])
    with pytest.raises(SegmentError):
        read_segment(fd)
    found = walk(fd)
    os.close(fd)
    whole = [row for row in moved(film().rows, len(start)) if row.offset + row.size <= len(content) - cut]
    assert list(found.table.rows) == whole
    assert found.end == whole[-1].offset + whole[-1].size


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, 5_000), value=st.binary(min_size=1, max_size=40), is_tail=st.booleans())
def test_no_byte_makes_it_do_anything_but_refuse(
    tmp_path_factory: pytest.TempPathFactory, at: int, value: bytes, is_tail: bool
) -> None:
    content = bytearray(whole_file(head_of(), film(is_real=False)))
    place = max(0, len(content) - at - len(value)) if is_tail else at
    content[place : place + len(value)] = value
    fd = laid(tmp_path_factory.getbasetemp(), bytes(content))
    try:
        for read in (read_segment, walk, read_head):
            try:
                read(fd)
            except SegmentError:
                continue
    finally:
        os.close(fd)


@pytest.mark.parametrize("content", [b"", b"x" * 40, bytes(5000), b"\x00\x00\x00\x18ftyp" + bytes(16)])
def test_what_is_no_segment_is_refused(tmp_path: Path, content: bytes) -> None:
    fd = laid(tmp_path, content)
    for read in (read_segment, walk, read_head):
        with pytest.raises(SegmentError):
            read(fd)
    os.close(fd)


def test_what_the_table_says_must_fit_the_fragments(tmp_path: Path) -> None:
    start = write_head(head_of(), film().init)
    fd = laid(tmp_path, start + b"".join(film().data) + write_tail(moved(film().rows[:-1], len(start))))
    with pytest.raises(SegmentError):
        read_segment(fd)
    os.close(fd)


def test_a_long_one_is_read_too(tmp_path: Path) -> None:
    """More table than one read gets."""
    rows, data = zip(*((film().rows[0]._replace(ticks=n * FRAME), film().data[0]) for n in range(9000)), strict=True)
    fd = laid(tmp_path, whole_file(head_of(), Film(film().init, rows, data)))
    assert len(read_segment(fd).rows) == 9000
    os.close(fd)
