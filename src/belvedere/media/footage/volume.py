"""One disk with footage: that it is the right one, that nobody else writes to it, and the folders on it.

    belvedere-volume.json                    which volume this is; locked by the process that has it
    index.sqlite3                            a cache of what follows
    {camera}/{quality}/{YYYYMMDD}/           0700; the day, in UTC, on which a segment starts
        {start_us}-{sequence}.part           being written
        {start_us}-{sequence}-{ms}.mp4       finished; ms is how long it is

Names are made of ids and numbers that were looked at before, and opened one folder at a time without following
symbolic links: whatever lies on the disk, nothing outside of it is touched (N25).
"""

import calendar
import contextlib
import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

import msgspec

from belvedere.contracts.recordings import VolumeState
from belvedere.contracts.sessions import Quality
from belvedere.media.footage.disk import Disk
from belvedere.media.footage.segment import SegmentRef

IDENTITY: Final = "belvedere-volume.json"
#: No segment is longer: a name that says so is none of ours.
MAX_SEGMENT_US: Final = 3600 * 1_000_000
DAY_US: Final = 86_400_000_000
_CAMERA: Final = re.compile(r"[0-9a-hjkmnp-tv-z]{26}", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{8}", re.ASCII)
_PART: Final = re.compile(r"([0-9]{17})-([0-9]{10})\.part", re.ASCII)
_FINISHED: Final = re.compile(r"([0-9]{17})-([0-9]{10})-([0-9]{1,7})\.mp4", re.ASCII)


class VolumeRefused(Exception):  # noqa: N818  it says what happened to the disk, like the state of that name
    """This folder is not written to. The message is one sentence for the operator."""


class SegmentName(NamedTuple):
    """What a file's name says. `duration_ms` is None while it is being written."""

    start_us: int
    sequence: int
    duration_ms: int | None


class _Identity(msgspec.Struct, frozen=True):
    id: str
    created: float


class _Expected(msgspec.Struct, frozen=True):
    path: str
    id: str


def is_camera(text: str) -> bool:
    """Whether this is an id of ours, and so fit to be the name of a folder."""
    return _CAMERA.fullmatch(text) is not None


def day_start(name: str) -> int | None:
    """When the day of this folder begins, in microseconds; None for what is no day."""
    if _DAY.fullmatch(name) is None:
        return None
    try:
        return calendar.timegm(time.strptime(name, "%Y%m%d")) * 1_000_000
    except ValueError:  # the 31st of February
        return None


def day_of(start_us: int) -> str:
    """The folder of what starts at this instant."""
    return time.strftime("%Y%m%d", time.gmtime(start_us // 1_000_000))


def part_name(start_us: int, sequence: int) -> str:
    """The file's name while it is being written."""
    return f"{start_us:017d}-{sequence:010d}.part"


def file_name(ref: SegmentRef) -> str:
    """The file's name, now or finished."""
    if ref.is_open:
        return part_name(ref.start_us, ref.sequence)
    return f"{ref.start_us:017d}-{ref.sequence:010d}-{ref.duration_us // 1000}.mp4"


def parse_name(name: str) -> SegmentName | None:
    """What a name says; None when it is none of ours."""
    if found := _FINISHED.fullmatch(name):
        start, sequence, duration = map(int, found.groups())
        return SegmentName(start, sequence, duration) if duration * 1000 <= MAX_SEGMENT_US else None
    if found := _PART.fullmatch(name):
        return SegmentName(int(found[1]), int(found[2]), None)
    return None


class Volume:
    """An open volume; this process is the only one that has it. Made by `open`."""

    def __init__(self, path: Path, id: str, fd: int, lock: int, disk: Disk) -> None:  # noqa: A002  the field's word
        self.path = path
        self.id = id
        self.disk = disk
        #: the volume's folder, open
        self.fd = fd
        self._lock = lock

    @classmethod
    def open(cls, path: Path, expected: Path, disk: Disk | None = None) -> Self:
        """Open the volume in this folder; a new one is made where there never was one.

        expected  a file of the node's own, outside of the volume, that remembers which volume belongs at that path

        Raises VolumeRefused: a wrong or unmounted disk, one that another process has, or none that can be used.
        """
        disk = disk or Disk()
        try:
            with contextlib.ExitStack() as undo:
                wanted = _read_expected(expected, path)
                if not wanted:
                    path.mkdir(mode=0o700, parents=True, exist_ok=True)
                fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                undo.callback(os.close, fd)
                if not wanted:
                    _make_identity(fd, disk)
                lock = disk.open_file(IDENTITY, fd)
                undo.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                identity = _read_identity(lock)
                if wanted and identity != wanted:
                    raise VolumeRefused(_WRONG.format(path=path, expected=expected))
                if not wanted:
                    _remember(expected, path, identity)
                undo.pop_all()
        except BlockingIOError:
            message = f"{path} is another process's: one media process records there, not two"
            raise VolumeRefused(message) from None
        except FileNotFoundError:
            raise VolumeRefused(_WRONG.format(path=path, expected=expected)) from None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or "its identity cannot be read"
            message = f"{path} cannot be used for footage: {reason.lower()}"
            raise VolumeRefused(message) from None
        return cls(path, identity, fd, lock, disk)

    def close(self) -> None:
        """Let go of it. Harmless twice."""
        for fd in (self._lock, self.fd):
            if fd >= 0:
                os.close(fd)
        self._lock = self.fd = -1

    def state(self, footage: int = 0, trouble: str = "", *, is_filling: bool = False) -> VolumeState:
        """How the disk is. One look at the disk.

        footage   bytes of it, from the index
        trouble   the writer's: disk_full, disk_slow, disk_failed, or empty
        """
        try:
            room = os.fstatvfs(self.fd)
            there = (self.path / IDENTITY).lstat()
            is_ours = os.path.samestat(there, os.fstat(self._lock))
        except OSError as error:
            return VolumeState(self.id, "failed", footage=footage, error=(error.strerror or "unknown error").lower())
        state = trouble.removeprefix("disk_") or ("filling" if is_filling else "ok")
        if not is_ours:
            state = "refused"
        return VolumeState(
            self.id, state, room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize, footage, error=trouble
        )

    def free(self) -> tuple[int, int]:
        """(free to us, total) bytes of the disk. Raises OSError."""
        room = os.fstatvfs(self.fd)
        return room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize

    @contextlib.contextmanager
    def folder(self, camera: str, quality: str, start_us: int, *, create: bool = False) -> Iterator[int]:
        """The folder of a segment, open while the block runs; with `create`, made where it is missing.

        Raises ValueError for what is no id of ours, OSError (FileNotFoundError) as the disk does.
        """
        if not is_camera(camera) or not 0 <= start_us < _END_OF_TIME_US:
            message = "no folder is made of this"
            raise ValueError(message)
        with contextlib.ExitStack() as held:
            folder = self.fd
            for name in (camera, Quality(quality).value, day_of(start_us)):
                if create:
                    self._make_folder(name, folder)
                folder = self.disk.open_folder(name, folder)
                held.callback(os.close, folder)
            yield folder

    def _make_folder(self, name: str, folder: int) -> None:
        try:
            self.disk.make_folder(name, folder)
        except FileExistsError:
            return
        self.disk.sync(folder)

    def open_file(self, ref: SegmentRef) -> int:
        """Open a segment's file to read it. Raises OSError; PermissionError when it is no ordinary file."""
        with self.folder(ref.camera, ref.quality, ref.start_us) as folder:
            return self.open_in(folder, file_name(ref))

    def entries(self, folder: int) -> list[os.DirEntry[str]]:
        """What lies in an open folder, in the order of names. Raises OSError."""
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)

    def open_in(self, folder: int, name: str) -> int:
        """The same in a folder that is open already."""
        fd = self.disk.open_file(name, folder)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            message = "no ordinary file"
            raise PermissionError(message)
        return fd


def find_fault(path: Path, expected: Path) -> str:
    """What speaks against this folder as the volume that belongs there, in a sentence; "" when nothing does.

    A volume that was never made is no fault. Changes nothing, and may be asked while a process has it.
    """
    try:
        wanted = _read_expected(expected, path)
        if not wanted:
            return ""
        fd = os.open(path / IDENTITY, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if _read_identity(fd) == wanted:
                return ""
        finally:
            os.close(fd)
    except FileNotFoundError:
        pass
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return f"{path} cannot be used for footage: its identity cannot be read"
    return _WRONG.format(path=path, expected=expected)


_WRONG: Final = (
    "{path} is not the disk that belongs there, or nothing is mounted: mount the right one, "
    "or remove {expected} to begin with this one"
)
#: 17 digits of microseconds: the year 5138.
_END_OF_TIME_US: Final = 10**17


def _read_expected(file: Path, path: Path) -> str:
    """The id that belongs at this path; empty when it is new to us."""
    try:
        remembered = msgspec.json.decode(file.read_bytes(), type=_Expected)
    except FileNotFoundError:
        return ""
    return remembered.id if remembered.path == str(path) else ""


def _remember(file: Path, path: Path, id: str) -> None:  # noqa: A002  the field's word
    fresh = file.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(_Expected(str(path), id)))
    fresh.replace(file)


def _read_identity(fd: int) -> str:
    return msgspec.json.decode(os.pread(fd, 4096, 0), type=_Identity).id


def _make_identity(folder: int, disk: Disk) -> None:
    """Make this folder a volume, unless it is one. Two who do it at once end up with the same."""
    try:
        os.close(disk.open_file(IDENTITY, folder))
    except FileNotFoundError:
        fresh = f"{IDENTITY}.{secrets.token_hex(8)}"
        fd = disk.create_file(fresh, folder)
        try:
            disk.write(fd, [msgspec.json.encode(_Identity(secrets.token_hex(16), time.time()))], 0)
            disk.sync(fd)
            with contextlib.suppress(FileExistsError):
                disk.link(fresh, IDENTITY, folder)
        finally:
            os.close(fd)
            disk.unlink(fresh, folder)
        disk.sync(folder)
