"""Every system call that changes footage, one method each, all below a folder that is already open.

So that tests can stand between two of them: die there, be slow, be full, or forget what was never synced.
"""

import os
from collections.abc import Sequence
from typing import Final

_IOV_MAX: Final = 1024
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Not blocking, because a stranger might have put a pipe where a file should be.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHANGE: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Disk:
    """The kernel's. All raise OSError; a symbolic link is never followed."""

    def open_folder(self, name: str, folder: int) -> int:
        """Open a folder in a folder."""
        return os.open(name, _FOLDER, dir_fd=folder)

    def open_file(self, name: str, folder: int) -> int:
        """Open a file to read it."""
        return os.open(name, _READ, dir_fd=folder)

    def change_file(self, name: str, folder: int) -> int:
        """Open a file that is there to write it on."""
        return os.open(name, _CHANGE, dir_fd=folder)

    def create_file(self, name: str, folder: int) -> int:
        """Make a file that is not there yet, 0600."""
        return os.open(name, _CREATE, 0o600, dir_fd=folder)

    def make_folder(self, name: str, folder: int) -> None:
        """Make a folder, 0700. Raises FileExistsError when it is there."""
        os.mkdir(name, 0o700, dir_fd=folder)

    def remove_folder(self, name: str, folder: int) -> None:
        """Remove an empty folder."""
        os.rmdir(name, dir_fd=folder)

    def write(self, fd: int, pieces: Sequence[bytes | memoryview], at: int) -> None:
        """Write all of it at a place of a file. When this raises, a part of it may have been written."""
        left = list(pieces)
        while left:
            written = os.pwritev(fd, left[:_IOV_MAX], at)
            at += written
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if written:
                left[0] = memoryview(left[0])[written:]

    def truncate(self, fd: int, size: int) -> None:
        """Cut a file."""
        os.ftruncate(fd, size)

    def sync_data(self, fd: int) -> None:
        """What was written to this file survives a power cut from here on."""
        os.fdatasync(fd)

    def sync(self, fd: int) -> None:
        """This file, or the names in this folder, survive a power cut from here on."""
        os.fsync(fd)

    def rename(self, old: str, new: str, folder: int) -> None:
        """Give a file another name in its folder."""
        os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)

    def link(self, old: str, new: str, folder: int) -> None:
        """Give a file a second name in its folder. Raises FileExistsError when something has it."""
        os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)

    def unlink(self, name: str, folder: int) -> None:
        """Delete a file; of a symbolic link, the link."""
        os.unlink(name, dir_fd=folder)
