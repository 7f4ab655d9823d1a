"""What must be in order before anything starts: folder, disk, lock, ports. Each fault is one sentence."""

import contextlib
import errno
import fcntl
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final

from belvedere.config import Settings

#: Less than this, and a database is about to fail in the middle of something.
MIN_FREE_MB: Final = 64
_DEMO_MARKER: Final = "demo.marker"
_LOCK: Final = "serve.lock"


class ExitCode(IntEnum):
    """What the command's exit code says."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PORT_TAKEN = 3
    FOLDER_IN_USE = 4
    FOLDER_UNUSABLE = 5


class StartError(Exception):
    """It cannot start. The message says why and what to do; `code` becomes the exit code."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code


def prepare_folder(settings: Settings) -> None:
    """Make the data folder, 0700, and see that one can write there. A demo's folder is never an installation's."""
    folder = settings.data
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        marker = folder / _DEMO_MARKER
        if settings.demo and not marker.exists() and any(folder.iterdir()):
            message = f"{folder} is no demo's folder and not empty: name another one with --data"
            raise StartError(message, ExitCode.FOLDER_UNUSABLE)
        if not settings.demo and marker.exists():
            message = f"{folder} belongs to a demo, whose passwords are public: set BELVEDERE_DATA to another folder"
            raise StartError(message, ExitCode.FOLDER_UNUSABLE)
        if settings.demo:
            marker.touch(mode=0o600)
        free_mb = shutil.disk_usage(folder).free // 1_000_000
        if free_mb < MIN_FREE_MB:
            message = f"the disk of {folder} is full: {free_mb} MB left, {MIN_FREE_MB} needed"
            raise StartError(message, ExitCode.FOLDER_UNUSABLE)
        for name in ("run", "keys"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        private_file(folder / "run" / "probe", b"x" * 65536)
        (folder / "run" / "probe").unlink()
    except OSError as error:
        message = f"{folder} cannot be used for data: {(error.strerror or 'unknown error').lower()}"
        raise StartError(message, ExitCode.FOLDER_UNUSABLE) from None


@contextlib.contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Be the only one who serves this folder; the kernel lets go of it when this process ends, however it ends."""
    with (folder / _LOCK).open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            message = (
                f"{folder} is being served already, by process {lock.read().strip() or 'unknown'}: stop that first"
            )
            raise StartError(message, ExitCode.FOLDER_IN_USE) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def empty_run_folder(settings: Settings) -> None:
    """Throw away what an earlier run left: bus users, sockets."""
    shutil.rmtree(settings.run_folder, ignore_errors=True)
    settings.run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def check_ports(settings: Settings) -> None:
    """Raise StartError when a port is taken or not for us, or the address is none of this machine's."""
    planes = ((settings.port, "BELVEDERE_PORT"), (settings.media_port, "BELVEDERE_MEDIA_PORT"))
    door = ((settings.https_port, "BELVEDERE_HTTPS_PORT"), (settings.http_port, "BELVEDERE_HTTP_PORT"))
    for host, ports in ((settings.host, planes), (settings.door_host, door if settings.https else ())):
        _check_ports(host, ports)


def _check_ports(host: str, ports: Iterable[tuple[int, str]]) -> None:
    for port, name in ports:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: TIME_WAIT is no tenant
            try:
                probe.bind((host, port))
                probe.listen(1)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    message = f"port {port} is taken: stop what listens there, or set {name}"
                    raise StartError(message, ExitCode.PORT_TAKEN) from None
                reason = (error.strerror or str(error)).lower()
                message = f"cannot listen on {host or 'any address'} port {port}: {reason} (BELVEDERE_HOST, {name})"
                raise StartError(message, ExitCode.FAILED) from None


def private_file(path: Path, content: bytes) -> None:
    """Write a file that nobody else could read at any moment. An older one of that name is replaced."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
