"""The index: a cache that may be slow, full or gone, and nobody who records notices."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from belvedere.contracts.recordings import RecordingPlan, RecordMode
from belvedere.contracts.sessions import Quality
from belvedere.media.footage import Index, SegmentRef, Volume
from belvedere.media.footage.index import FILE, IndexFailed
from media.film import CAMERA, NOON_US, OTHER, SECOND_US


def minute(number: int, camera: str = CAMERA) -> SegmentRef:
    return SegmentRef(
        camera, Quality.MAIN, NOON_US + number * 60 * SECOND_US, number + 1, 60 * SECOND_US, 1000 + number
    )


def test_what_was_said_is_there_again(volume: Volume) -> None:
    index = Index.open(volume)
    assert index.is_new
    index.add([minute(1), minute(0), minute(2, OTHER)])
    plan = RecordingPlan(CAMERA, RecordMode.CONTINUOUS, keep_days=3)
    index.keep_plans([plan])
    index.close()
    again = Index.open(volume)
    assert not again.is_new
    assert again.segments(CAMERA, None, 0, 2 * NOON_US) == [minute(0), minute(1)]
    assert list(again.oldest()) == [minute(0), minute(1), minute(2, OTHER)]
    assert list(again.oldest(OTHER)) == [minute(2, OTHER)]
    assert again.plans() == {CAMERA: plan}
    assert again.last_sequence() == 3
    again.close()


def test_the_oldest_of_many(volume: Volume) -> None:
    index = Index.open(volume)
    index.add([minute(number) for number in range(450)])
    index.flush()
    assert [ref.sequence for ref in index.oldest()] == list(range(1, 451))
    index.close()


def test_burying_and_forgetting(volume: Volume) -> None:
    index = Index.open(volume)
    index.add([minute(0), minute(1)])
    index.bury([minute(0)])
    assert index.segments(CAMERA, None, 0, 2 * NOON_US) == [minute(1)]
    assert index.garbage() == [minute(0)]
    assert index.last_sequence() == 2
    index.forget([minute(0), minute(1)])
    index.flush()
    assert (index.garbage(), index.everything()) == ([], [])
    index.close()


@pytest.mark.parametrize("damage", ["gone", "noise", "version", "empty", "link"])
def test_an_index_that_cannot_be_read_is_begun_anew(volume: Volume, tmp_path: Path, damage: str) -> None:
    index = Index.open(volume)
    index.add([minute(number) for number in range(2000)])
    index.close()
    file = volume.path / FILE
    match damage:
        case "gone":
            file.unlink()
        case "noise":
            content = bytearray(file.read_bytes())
            content[4096:16384] = b"noise!" * 2048
            file.write_bytes(content)
        case "version":
            with sqlite3.connect(file) as connection:
                connection.execute("PRAGMA user_version = 99")
            connection.close()
        case "empty":
            file.write_bytes(b"")
        case "link":  # N25
            file.rename(tmp_path / "outside")
            file.symlink_to(tmp_path / "outside")
    again = Index.open(volume)
    assert again.is_new
    assert again.everything() == []
    again.close()
    if damage == "link":
        with sqlite3.connect(tmp_path / "outside") as connection:
            assert connection.execute("SELECT count(*) FROM segments").fetchone() == (2000,)
        connection.close()


def test_a_write_that_fails_is_tried_again(volume: Volume) -> None:
    index = Index.open(volume)
    foreign = sqlite3.connect(volume.path / FILE, isolation_level=None)
    foreign.execute("CREATE TRIGGER full BEFORE INSERT ON segments BEGIN SELECT RAISE(FAIL, 'disk is full'); END")
    done = index.add([minute(0)])
    with pytest.raises(IndexFailed, match="full"):
        index.flush()  # who waits is told
    with pytest.raises(IndexFailed):
        index.bury([minute(0)])
    assert not done.done()
    foreign.execute("DROP TRIGGER full")
    foreign.close()
    done.result(timeout=20)
    assert index.everything() == [minute(0)]
    assert index.garbage() == []
    index.close()


def test_at_the_end_it_gives_up(volume: Volume) -> None:
    index = Index.open(volume)
    foreign = sqlite3.connect(volume.path / FILE, isolation_level=None)
    foreign.execute("CREATE TRIGGER full BEFORE INSERT ON segments BEGIN SELECT RAISE(FAIL, 'disk is full'); END")
    foreign.close()
    done = index.add([minute(0)])
    index.close()
    assert isinstance(done.exception(timeout=5), sqlite3.Error)


def test_after_the_end_nobody_waits(volume: Volume) -> None:
    """As a sweep would, that the end of the node came across."""
    index = Index.open(volume)
    index.close()
    index.close()
    assert isinstance(index.add([minute(0)]).exception(timeout=5), sqlite3.Error)
    with ThreadPoolExecutor(1) as sweeper, pytest.raises(IndexFailed):
        sweeper.submit(index.bury, [minute(0)]).result(timeout=5)
