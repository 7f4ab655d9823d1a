"""What is on a volume, to be asked quickly: one SQLite beside the footage. A cache: the listing is the truth.

Writing has its own thread and connection, and nobody who records waits for it. Reading has another connection, and sees
what was committed.
"""

import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Final, NamedTuple, Self

import msgspec
import structlog

from belvedere.contracts.recordings import RecordingPlan
from belvedere.contracts.sessions import Quality
from belvedere.media.footage.coverage import Coverage
from belvedere.media.footage.room import make_room
from belvedere.media.footage.segment import SegmentRef
from belvedere.media.footage.volume import MAX_SEGMENT_US, Volume

log = structlog.get_logger()

FILE: Final = "index.sqlite3"
#: Rises with the tables; an index of another version is made anew from the listing.
_VERSION: Final = 1
_SCHEMA: Final = f"""
CREATE TABLE segments(
    camera TEXT NOT NULL, start_us INTEGER NOT NULL, sequence INTEGER NOT NULL,
    quality TEXT NOT NULL, duration_us INTEGER NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY(camera, start_us, sequence)
) WITHOUT ROWID, STRICT;
CREATE INDEX oldest ON segments(start_us);
CREATE TABLE garbage(
    camera TEXT NOT NULL, start_us INTEGER NOT NULL, sequence INTEGER NOT NULL,
    quality TEXT NOT NULL, duration_us INTEGER NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY(camera, start_us, sequence)
) WITHOUT ROWID, STRICT;
CREATE TABLE cameras(camera TEXT PRIMARY KEY, plan BLOB NOT NULL) WITHOUT ROWID, STRICT;
PRAGMA user_version = {_VERSION};
"""
_COLUMNS: Final = "camera, quality, start_us, sequence, duration_us, size"
_PUT: Final = (
    "INSERT OR REPLACE INTO {}(camera, quality, start_us, sequence, duration_us, size) VALUES (?, ?, ?, ?, ?, ?)"
)
_DROP: Final = "DELETE FROM {} WHERE camera = ? AND start_us = ? AND sequence = ?"
#: What must not get lost is tried again after this long, for as long as it takes.
_AGAIN_S: Final = 1.0
_DAY_S: Final = 86_400
_QUALITIES: Final = {quality.value: quality for quality in Quality}

type _Statement = tuple[str, list[tuple[Any, ...]]]


class IndexFailed(Exception):  # noqa: N818  what happened to it, as in a log
    """A write that somebody waited for did not reach the index: the disk is full, or broken."""


class CameraFootage(msgspec.Struct, frozen=True):
    """What there is of a camera: bytes, and its first and last instant in microseconds.

    day_bytes, day_us  the same over the last day in which there is footage of it
    """

    camera: str
    bytes: int
    first_us: int
    last_us: int
    day_bytes: int
    day_us: int


class Index:
    """The index of one volume. Made by `open`; all methods may be called from any thread.

    `is_new`: there was none, or none that can be read, and `repair` must fill it.
    """

    def __init__(self, volume: Volume, *, is_new: bool) -> None:
        self.is_new = is_new
        self._file = str(volume.path / FILE)
        self._reading = _connect(self._file)
        self._lock = threading.Lock()
        self._coverage = Coverage()
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        #: nothing is queued behind the end: nobody would take it, and who waits would wait for ever
        self._closing = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._write, name="footage-index", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, volume: Volume) -> Self:
        """Open the index of a volume, or begin a new one. Raises sqlite3.Error, OSError if the disk allows neither."""
        make_room(volume)
        is_new = False
        if not _is_sound(volume):
            is_new = True
            for name in (FILE, f"{FILE}-wal", f"{FILE}-shm"):
                with contextlib.suppress(FileNotFoundError):
                    volume.disk.unlink(name, volume.fd)
            with contextlib.closing(_connect(str(volume.path / FILE))) as connection:
                connection.executescript(_SCHEMA)
            (volume.path / FILE).chmod(0o600)
        return cls(volume, is_new=is_new)

    def close(self) -> None:
        """Write what is due, and end. Harmless twice."""
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
            self._queue.put(None)
        self._thread.join()
        self._reading.close()

    def add(self, refs: Iterable[SegmentRef]) -> Future[None]:
        """Say that these are there. Returns at once; done once it is committed."""
        refs = tuple(refs)
        return self._put([(_PUT.format("segments"), [_values(ref) for ref in refs])], added=refs)

    def bury(self, refs: Iterable[SegmentRef]) -> None:
        """Move these to the garbage: from here on nobody finds them, and repair finishes what `forget` did not.

        Waits. Raises IndexFailed when the disk did not take it; then nothing has changed.
        """
        refs = tuple(refs)
        rows = [_values(ref) for ref in refs]
        keys = [_key(row) for row in rows]
        self._wait([(_PUT.format("garbage"), rows), (_DROP.format("segments"), keys)], removed=refs)

    def forget(self, refs: Iterable[SegmentRef]) -> Future[None]:
        """Say that these are gone, buried or not. Returns at once."""
        refs = tuple(refs)
        keys = [_key(_values(ref)) for ref in refs]
        return self._put([(_DROP.format("garbage"), keys), (_DROP.format("segments"), keys)], removed=refs)

    def keep_plans(self, plans: Iterable[RecordingPlan]) -> Future[None]:
        """Remember what is to become of these cameras' footage, also when nobody tells us any more."""
        rows = [(plan.camera, msgspec.json.encode(plan)) for plan in plans]
        return self._put([("INSERT OR REPLACE INTO cameras(camera, plan) VALUES (?, ?)", rows)])

    def flush(self) -> None:
        """Wait until all that was said before is committed. Raises IndexFailed when it cannot be, just now."""
        self._wait([])

    def segments(self, camera: str, quality: str | None, start_us: int, end_us: int) -> list[SegmentRef]:
        """What touches this span, in the order of time."""
        which = "" if quality is None else "AND quality = ?"
        rows = self._ask(
            f"SELECT {_COLUMNS} FROM segments WHERE camera = ? AND start_us > ? AND start_us < ? "  # noqa: S608  ours
            f"AND start_us + duration_us > ? {which} ORDER BY start_us, sequence",
            (camera, start_us - MAX_SEGMENT_US - 1, end_us, start_us, *(() if quality is None else (quality,))),
        )
        return [_ref(row) for row in rows]

    def spans(self, camera: str, start_us: int, end_us: int) -> list[tuple[int, int]]:
        """When there is footage of a camera, of whatever quality: (start, end) in order, merged, clipped."""

        def read() -> list[tuple[int, int]]:
            query = "SELECT start_us, start_us + duration_us FROM segments WHERE camera = ? ORDER BY start_us"
            return self._ask(query, (camera,))

        return self._coverage.between(camera, start_us, end_us, read)

    def after(self, camera: str, start_us: int) -> SegmentRef | None:
        """The first segment that starts later than this."""
        return self._one("start_us > ? ORDER BY start_us, sequence", camera, start_us)

    def before(self, camera: str, start_us: int) -> SegmentRef | None:
        """The last segment that starts earlier than this."""
        return self._one("start_us < ? ORDER BY start_us DESC, sequence DESC", camera, start_us)

    def oldest(self, camera: str | None = None) -> Iterator[SegmentRef]:
        """All segments of a camera, or of the volume, oldest first; read as far as the caller goes."""
        after = -1, -1
        while True:
            which = "" if camera is None else "AND camera = ?"
            rows = self._ask(
                f"SELECT {_COLUMNS} FROM segments WHERE (start_us, sequence) > (?, ?) {which} "  # noqa: S608  ours
                "ORDER BY start_us, sequence LIMIT 200",
                (*after, *(() if camera is None else (camera,))),
            )
            if not rows:
                return
            for row in rows:
                yield _ref(row)
            after = rows[-1][2], rows[-1][3]

    def everything(self) -> list[SegmentRef]:
        """All rows, for repair."""
        return [_ref(row) for row in self._ask(f"SELECT {_COLUMNS} FROM segments")]  # noqa: S608  ours

    def garbage(self) -> list[SegmentRef]:
        """What was buried and not forgotten yet."""
        return [_ref(row) for row in self._ask(f"SELECT {_COLUMNS} FROM garbage")]  # noqa: S608  ours

    def plans(self) -> dict[str, RecordingPlan]:
        """The last plan of each camera."""
        rows = self._ask("SELECT camera, plan FROM cameras")
        return {camera: msgspec.json.decode(plan, type=RecordingPlan) for camera, plan in rows}

    def cameras(self) -> list[CameraFootage]:
        """What there is of every camera with footage."""
        rows = self._ask(
            "WITH whole AS (SELECT camera, sum(size) AS bytes, min(start_us) AS first_us, "
            "max(start_us + duration_us) AS last_us FROM segments GROUP BY camera) "
            "SELECT w.camera, w.bytes, w.first_us, w.last_us, sum(s.size), w.last_us - min(s.start_us) FROM whole w "
            "JOIN segments s ON s.camera = w.camera AND s.start_us >= w.last_us - ? GROUP BY w.camera ORDER BY 1",
            (_DAY_S * 1_000_000,),
        )
        return [CameraFootage(*row) for row in rows]

    def last_sequence(self) -> int:
        """The greatest sequence there is; 0 on an empty volume."""
        query = "SELECT max(m) FROM (SELECT max(sequence) AS m FROM segments UNION SELECT max(sequence) FROM garbage)"
        return self._ask(query)[0][0] or 0

    def _one(self, which: str, camera: str, start_us: int) -> SegmentRef | None:
        query = f"SELECT {_COLUMNS} FROM segments WHERE camera = ? AND {which} LIMIT 1"  # noqa: S608  ours
        rows = self._ask(query, (camera, start_us))
        return _ref(rows[0]) if rows else None

    def _ask(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._reading.execute(query, parameters).fetchall()

    def _wait(self, statements: list[_Statement], *, removed: Sequence[SegmentRef] = ()) -> None:
        work = _Work(statements, Future(), is_patient=False, removed=removed)
        self._say(work)
        try:
            work.outcome.result()
        except sqlite3.Error as error:
            raise IndexFailed(str(error)) from None

    def _put(
        self, statements: list[_Statement], *, added: Sequence[SegmentRef] = (), removed: Sequence[SegmentRef] = ()
    ) -> Future[None]:
        work = _Work(statements, Future(), is_patient=True, added=added, removed=removed)
        self._say(work)
        return work.outcome

    def _say(self, work: "_Work") -> None:
        with self._closing:
            if self._is_closed:
                work.outcome.set_exception(sqlite3.ProgrammingError("the index is closed"))
            else:
                self._queue.put(work)

    def _write(self) -> None:
        """The thread: everything that came meanwhile in one transaction, so that many cameras cost one sync."""
        late: list[_Work] = []
        is_last = False
        with contextlib.closing(_connect(self._file)) as connection:
            while not is_last:
                came = self._collect(_AGAIN_S if late else None)
                is_last = None in came
                works = [*late, *(work for work in came if work is not None)]
                error = _commit(connection, works)
                if error is not None and not late:  # said once
                    log.error("footage_index_failed", path=self._file, error=str(error))
                late = []
                for work in works:
                    if error is None:
                        self._cover(connection, work)
                        work.outcome.set_result(None)
                    elif is_last or not work.is_patient:
                        work.outcome.set_exception(error)
                    else:
                        late.append(work)

    def _cover(self, connection: sqlite3.Connection, work: "_Work") -> None:
        """Tell what was committed to those who ask when there is footage."""
        for ref in work.added:
            self._coverage.add(ref.camera, ref.start_us, ref.end_us)
        last: dict[str, int] = {}
        for ref in work.removed:
            last[ref.camera] = max(ref.start_us, last.get(ref.camera, 0))
        for camera, start_us in last.items():
            first_left_us = None
            with contextlib.suppress(sqlite3.Error):  # then it is read again
                query = "SELECT min(start_us) FROM segments WHERE camera = ?"
                first_left_us = connection.execute(query, (camera,)).fetchone()[0]
            self._coverage.remove(camera, start_us, first_left_us)

    def _collect(self, timeout: float | None) -> "list[_Work | None]":
        came: list[_Work | None] = []
        with contextlib.suppress(queue.Empty):
            came.append(self._queue.get(timeout=timeout))
            while True:
                came.append(self._queue.get_nowait())
        return came


class _Work(NamedTuple):
    """Statements of one transaction. What is patient must not get lost: it is tried until it is in."""

    statements: list[_Statement]
    outcome: Future[None]
    is_patient: bool
    added: Sequence[SegmentRef] = ()
    removed: Sequence[SegmentRef] = ()


def _commit(connection: sqlite3.Connection, works: Iterable[_Work]) -> sqlite3.Error | None:
    try:
        with connection:  # commits, or rolls back
            connection.execute("BEGIN IMMEDIATE")
            for work in works:
                for statement, rows in work.statements:
                    connection.executemany(statement, rows)
    except sqlite3.Error as error:
        return error
    return None


def _connect(file: str) -> sqlite3.Connection:
    connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None, timeout=30)
    # NORMAL: a power cut may take the last rows, never the whole; repair finds them in the listing.
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
    return connection


def _is_sound(volume: Volume) -> bool:
    """Whether there is an index that can be read, of our version, and no link to somewhere else."""
    try:
        os.close(volume.open_in(volume.fd, FILE))
        with contextlib.closing(_connect(str(volume.path / FILE))) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            check = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except (OSError, sqlite3.Error):
        return False
    return bool(version == _VERSION and check == "ok")


def _values(ref: SegmentRef) -> tuple[Any, ...]:
    return ref.camera, ref.quality.value, ref.start_us, ref.sequence, ref.duration_us, ref.size


def _key(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return values[0], values[2], values[3]


def _ref(row: tuple[Any, ...]) -> SegmentRef:
    camera, quality, start_us, sequence, duration_us, size = row
    return SegmentRef(camera, _QUALITIES[quality], start_us, sequence, duration_us, size)
