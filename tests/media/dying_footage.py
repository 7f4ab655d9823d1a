"""Run by test_footage_repair in a process of its own: kills itself at every step of a life of footage.

    dying_footage.py FOLDER live|repair

Each step is one system call that changes the disk, or one commit of the index; a child is killed before it and after
it, and once more in the middle of each write. Then everything must be there, as `footage_life.check` says. Prints how
many died at a step, and how many in a write.
"""

import copy
import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, override

sys.path.insert(0, str(Path(__file__).parents[1]))

import structlog

from belvedere.media.footage import index, repair
from belvedere.media.footage.disk import Disk
from media.footage_life import Said, live, open_both


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Countdown:
    """Dies at step `at`; with `half`, in the middle of the write of that number."""

    def __init__(self, at: int, *, half: bool = False) -> None:
        self.at = at
        self.half = half
        self.step = 0
        self.writes = 0

    def tick(self) -> None:
        if self.step == self.at and not self.half:
            die()
        self.step += 1


class DyingDisk(Disk):
    def __init__(self, countdown: Countdown) -> None:
        self._countdown = countdown

    def _around(self, act: Any, *arguments: Any) -> Any:
        self._countdown.tick()
        result = act(*arguments)
        self._countdown.tick()
        return result

    @override
    def create_file(self, name: str, folder: int) -> int:
        return int(self._around(super().create_file, name, folder))

    @override
    def make_folder(self, name: str, folder: int) -> None:
        self._around(super().make_folder, name, folder)

    @override
    def remove_folder(self, name: str, folder: int) -> None:
        self._around(super().remove_folder, name, folder)

    @override
    def write(self, fd: int, pieces: Sequence[bytes | memoryview], at: int) -> None:
        if self._countdown.half and self._countdown.writes == self._countdown.at:
            whole = b"".join(pieces)
            super().write(fd, [whole[: len(whole) // 2 + 7]], at)
            die()
        self._countdown.writes += 1
        self._around(super().write, fd, pieces, at)

    @override
    def truncate(self, fd: int, size: int) -> None:
        self._around(super().truncate, fd, size)

    @override
    def sync_data(self, fd: int) -> None:
        self._around(super().sync_data, fd)

    @override
    def sync(self, fd: int) -> None:
        self._around(super().sync, fd)

    @override
    def rename(self, old: str, new: str, folder: int) -> None:
        self._around(super().rename, old, new, folder)

    @override
    def link(self, old: str, new: str, folder: int) -> None:
        self._around(super().link, old, new, folder)

    @override
    def unlink(self, name: str, folder: int) -> None:
        self._around(super().unlink, name, folder)


def run_child(folder: Path, what: str, countdown: Countdown, pipe: int) -> None:
    """One life, or one repair, in this very process."""
    commit = index._commit

    def dying_commit(*arguments: Any) -> Any:
        countdown.tick()
        error = commit(*arguments)
        countdown.tick()
        return error

    setattr(index, "_commit", dying_commit)  # noqa: B010  mypy would want its types

    def say(*said: object) -> None:
        os.write(pipe, json.dumps(said).encode() + b"\n")

    if what == "live":
        live(folder, DyingDisk(countdown), say)
    else:
        volume, rows = open_both(folder, DyingDisk(countdown))
        repair(volume, rows)
    os._exit(0)


def died(folder: Path, what: str, countdown: Countdown, said: Said) -> bool:
    """Whether the child was killed before its end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            run_child(folder, what, countdown, writing)
        finally:
            os._exit(2)
    os.close(writing)
    with os.fdopen(reading) as lines:
        for line in lines:
            said.hear(*json.loads(line))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, -signal.SIGKILL}, status
    return status == -signal.SIGKILL


def died_at(countdown: Countdown, template: Path, before: Said) -> bool:
    """One child, beginning with what is in `template`, and what it leaves; whether it came so far."""
    folder = root / "life"
    shutil.copytree(template, folder)
    said = copy.deepcopy(before)
    was_killed = died(folder, what, countdown, said)
    said.check(folder)
    shutil.rmtree(folder)
    return was_killed


def walk(template: Path, before: Said) -> tuple[int, int]:
    """All steps from there; how many died at one, and how many in a write."""
    steps, writes = (
        next(at for at in itertools.count() if not died_at(Countdown(at, half=half), template, before))
        for half in (False, True)
    )
    return steps, writes


structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
root, what = Path(sys.argv[1]), sys.argv[2]
ends = []
# What repair finds is a life that was killed: with segments open, a name not synced, a deletion half done.
for moment in (0,) if what == "live" else (40, 58, 85, 110, 125):
    template = root / f"template-{moment}"
    template.mkdir()
    before = Said(is_power_cut=False)
    if what == "repair":
        assert died(template, "live", Countdown(moment), before)
    ends.append(walk(template, before))
print(*map(sum, zip(*ends, strict=True)))
