"""Whatever happened to a volume: nothing is lost that was written, nothing is shown that is not there.

kill -9 costs what was not handed to the kernel yet (0.25 s), a power cut what was not synced (10 s).
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import override

import pytest

from belvedere.media.footage import Archive, Index, SegmentRef, Volume, repair
from belvedere.media.footage.disk import Disk
from belvedere.media.footage.index import FILE
from belvedere.media.footage.volume import IDENTITY, file_name, part_name
from media.film import CAMERA, NOON_US, OTHER, SECOND_US, film, head_of, listing, path_of, put, whole_file
from media.footage_life import Said, live, open_both


@pytest.mark.slow
@pytest.mark.timeout(300)  # some 180 processes, each waiting for a real disk
@pytest.mark.parametrize("what", ["live", "repair"])
def test_kill_at_every_step(tmp_path: Path, what: str) -> None:
    """A kill -9 at each system call and each commit, of recording, finishing, deleting, and of repair itself."""
    script = Path(__file__).with_name("dying_footage.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), what], capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr
    steps, half_writes = map(int, done.stdout.split())
    assert (steps, half_writes) >= {"live": (100, 10), "repair": (60, 5)}[what]


@dataclass
class File:
    """What a file holds, and what of that a power cut leaves."""

    content: bytearray = field(default_factory=bytearray)
    durable: bytes = b""


@dataclass
class Folder:
    """The names in a folder, and which of them a power cut leaves."""

    names: dict[str, "File | Folder"] = field(default_factory=dict)
    durable: dict[str, "File | Folder"] = field(default_factory=dict)


class ForgetfulDisk(Disk):
    """Does everything, and knows what would be left if the power went now: what was synced, and nothing else."""

    def __init__(self, root: Path) -> None:
        self.root = Folder()
        self._nodes: dict[int, File | Folder] = {root.stat().st_ino: self.root}
        self.cuts = 0
        self.at_each: Callable[[], None] = lambda: None

    def _folder(self, fd: int) -> Folder:
        node = self._nodes[os.fstat(fd).st_ino]
        assert isinstance(node, Folder)
        return node

    def _file(self, fd: int) -> File:
        node = self._nodes[os.fstat(fd).st_ino]
        assert isinstance(node, File)
        return node

    @override
    def create_file(self, name: str, folder: int) -> int:
        fd = super().create_file(name, folder)
        self._nodes[os.fstat(fd).st_ino] = self._folder(folder).names[name] = File()
        self.at_each()
        return fd

    @override
    def make_folder(self, name: str, folder: int) -> None:
        super().make_folder(name, folder)
        inode = os.stat(name, dir_fd=folder).st_ino
        self._nodes[inode] = self._folder(folder).names[name] = Folder()
        self.at_each()

    @override
    def remove_folder(self, name: str, folder: int) -> None:
        super().remove_folder(name, folder)
        del self._folder(folder).names[name]
        self.at_each()

    @override
    def write(self, fd: int, pieces: Sequence[bytes | memoryview], at: int) -> None:
        super().write(fd, pieces, at)
        data = b"".join(pieces)
        self._file(fd).content[at : at + len(data)] = data
        self.at_each()

    @override
    def truncate(self, fd: int, size: int) -> None:
        super().truncate(fd, size)
        del self._file(fd).content[size:]
        self.at_each()

    @override
    def sync_data(self, fd: int) -> None:
        super().sync_data(fd)
        self._file(fd).durable = bytes(self._file(fd).content)
        self.at_each()

    @override
    def sync(self, fd: int) -> None:
        super().sync(fd)
        node = self._nodes[os.fstat(fd).st_ino]
        if isinstance(node, File):
            node.durable = bytes(node.content)
        else:
            node.durable = dict(node.names)
        self.at_each()

    @override
    def rename(self, old: str, new: str, folder: int) -> None:
        super().rename(old, new, folder)
        names = self._folder(folder).names
        names[new] = names.pop(old)
        self.at_each()

    @override
    def link(self, old: str, new: str, folder: int) -> None:
        super().link(old, new, folder)
        names = self._folder(folder).names
        names[new] = names[old]
        self.at_each()

    @override
    def unlink(self, name: str, folder: int) -> None:
        super().unlink(name, folder)
        self._folder(folder).names.pop(name, None)
        self.at_each()

    def leave(self, place: Path, how: str) -> None:
        """Lay down what the power cut leaves.

        synced  only what was synced
        names   all names, as if folders were written at once, but of the files what was synced
        sizes   and those as long as they were, with zeros for what was not
        """

        def lay(folder: Folder, path: Path) -> None:
            path.mkdir(exist_ok=True)
            for name, node in (folder.durable if how == "synced" else folder.names).items():
                if isinstance(node, Folder):
                    lay(node, path / name)
                else:
                    missing = len(node.content) - len(node.durable) if how == "sizes" else 0
                    (path / name).write_bytes(node.durable + bytes(max(0, missing)))

        lay(self.root, place)


@pytest.mark.parametrize("how", ["synced", "names", "sizes"])
def test_power_cut_at_every_step(tmp_path: Path, how: str) -> None:
    """What is left after a power cut is what was synced: replayed into a fresh folder, with and without the index."""
    life, cuts = tmp_path / "life", tmp_path / "cuts"
    (life / "disk").mkdir(parents=True)
    cuts.mkdir()
    disk = ForgetfulDisk(life / "disk")
    said = Said(is_power_cut=True)
    told: list[tuple[Path, dict[tuple[str, int], int], set[tuple[str, int]], set[tuple[str, int]]]] = []

    def cut() -> None:
        place = cuts / f"{len(told):04}"
        place.mkdir()
        disk.leave(place / "disk", how)
        told.append((place, dict(said.kept), set(said.may_be_gone), set(said.gone)))

    disk.at_each = cut
    live(life, disk, said.hear)
    assert len(told) > 50
    late_index = (life / "disk" / FILE).read_bytes()
    for number, (place, kept, may_be_gone, gone) in enumerate(told):
        then = Said(is_power_cut=True)
        then.kept, then.may_be_gone, then.gone = kept, may_be_gone, gone
        if number % 2:  # an index that is ahead of the files; else none at all
            (place / "disk" / FILE).write_bytes(late_index)
        then.check(place)


@pytest.fixture
def index(volume: Volume) -> Iterator[Index]:
    index = Index.open(volume)
    index.is_new = False
    yield index
    index.close()


def lay(volume: Volume, *starts_s: int, camera: str = CAMERA) -> list[SegmentRef]:
    refs = []
    for number, start in enumerate(starts_s, 1):
        head = head_of(NOON_US + start * SECOND_US, camera=camera, sequence=number)
        refs.append(put(volume, head, whole_file(head, film())))
    return refs


def test_the_index_is_rebuilt_from_the_listing(tmp_path: Path, volume: Volume) -> None:
    index = Index.open(volume)
    refs = [*lay(volume, 0, 2, 86_400), *lay(volume, 7, camera=OTHER)]
    index.add(refs)
    index.close()
    (volume.path / FILE).unlink()
    again = Index.open(volume)
    done = repair(volume, again)
    assert (done.found, done.segments) == (4, 4)
    assert set(again.everything()) == set(refs)
    assert Archive(volume, again).spans(CAMERA, 0, 2 * NOON_US)[0] == (NOON_US, NOON_US + 4 * SECOND_US)
    again.close()


def test_a_truncated_file_gets_an_end_again(volume: Volume, index: Index) -> None:
    (ref,) = lay(volume, 0)
    index.add([ref])
    with path_of(volume, ref).open("r+b") as file:
        file.truncate(ref.size // 2)
    done = repair(volume, index)
    assert done.mended == 1
    (mended,) = index.everything()
    table = Archive(volume, index).table(mended)
    assert mended.duration_us == table.end_us - table.start_us < ref.duration_us
    assert [Path(name).name for name in listing(volume.path)] == [file_name(mended)]


def test_what_is_left_alone(volume: Volume, index: Index, tmp_path: Path) -> None:
    """N25: whatever lies in the volume, nothing of it is followed out of it, or deleted."""
    (ref, swapped) = lay(volume, 0, 10)
    longer = head_of(NOON_US, camera=OTHER)
    other = put(volume, longer, whole_file(longer, film(4)))
    index.add([ref, swapped, other])
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"x")
    day = path_of(volume, ref).parent
    start = NOON_US + 30 * SECOND_US
    (day / part_name(start, 70)).symlink_to(outside / "precious")
    (day / "20260101").symlink_to(outside)
    os.mkfifo(day / part_name(start, 71))
    (day / "notes.txt").write_bytes(b"x")
    (day / part_name(NOON_US + 2 * 86_400 * SECOND_US, 72)).write_bytes(b"x")  # of another day
    (day.parent / "20270101").symlink_to(outside)
    (volume.path / "..data").mkdir()
    (volume.path / CAMERA.upper()).mkdir()
    path_of(volume, other).replace(path_of(volume, swapped))  # another camera's file in this one's place
    before = sorted(path.name for path in tmp_path.rglob("*"))
    done = repair(volume, index)
    assert (done.finished, done.dropped, done.segments) == (0, 0, 1)
    assert done.lost == 2
    assert index.everything() == [ref]
    index.forget([ref])
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    assert (outside / "precious").read_bytes() == b"x"


def test_what_cannot_be_read_takes_no_row(volume: Volume, index: Index) -> None:
    """A folder that fails proves nothing about what is in it."""
    refs = lay(volume, 0, 10)
    index.add(refs)
    path_of(volume, refs[0]).unlink()

    class Failing(Disk):
        @override
        def open_folder(self, name: str, folder: int) -> int:
            if name == CAMERA:
                raise OSError(5, "Input/output error")
            return super().open_folder(name, folder)

    volume.disk = Failing()
    assert repair(volume, index).lost == 0
    assert set(index.everything()) == set(refs)
    volume.disk = Disk()
    assert repair(volume, index).lost == 1


def test_five_thousand_segments(volume: Volume, index: Index) -> None:
    """100,000 take 10 s at most (bench/footage.py); a twentieth of that here, with a generous ceiling."""
    content = whole_file(head_of(), film(is_real=False))
    refs = [put(volume, head_of(NOON_US + n * 60 * SECOND_US, sequence=n + 1), content) for n in range(5000)]
    for is_new, found in ((True, 5000), (False, 0)):
        index.is_new = is_new
        begun = time.monotonic()
        done = repair(volume, index)
        assert time.monotonic() - begun < 20
        assert (done.segments, done.found, done.lost) == (5000, found, 0)
    begun = time.monotonic()
    assert Archive(volume, index).spans(CAMERA, 0, 2 * NOON_US)[0][0] == refs[0].start_us
    assert time.monotonic() - begun < 5


def test_a_life_without_a_cut(tmp_path: Path) -> None:
    said = Said(is_power_cut=False)
    live(tmp_path, Disk(), said.hear)
    said.check(tmp_path)
    volume, index = open_both(tmp_path)
    assert {path.name for path in volume.path.iterdir()} >= {IDENTITY, FILE, CAMERA, OTHER}
    index.close()
    volume.close()
