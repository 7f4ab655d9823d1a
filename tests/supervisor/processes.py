"""Looking at a served installation from outside: its processes and its two ports."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from belvedere.config import free_port

CEILING_S = 60.0


def two_free_ports() -> tuple[int, int]:
    """A port for pages; the one above it is free, too."""
    port = free_port()
    return port, port + 1


def descendants(pid: int) -> set[int]:
    """Every process below this one."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= more
    return found


def command_of(pid: int) -> str:
    """Its command line, with spaces."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def until[T](look: Callable[[], T], what: str, ceiling: float = CEILING_S) -> T:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + ceiling
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(0.05)
    message = f"waited {ceiling} s in vain: {what}"
    raise AssertionError(message)


def answers(port: int, path: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urllib.request.urlopen(f"http://localhost:{port}{path}", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


class Served:
    """`belvedere serve` or `demo` as a person would start it."""

    def __init__(self, folder: Path, *arguments: str, **env: str) -> None:
        """Start it; ports are found, and the folder is made, by itself."""
        self.folder = folder
        self.port, self.media_port = two_free_ports()
        self._stderr = (folder.parent / f"{folder.name}.log").open("wb+")
        if arguments[0] == "demo":
            arguments = (*arguments, "--port", str(self.port), "--data", str(folder))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "belvedere.cli", *arguments],
            env={
                "PATH": os.environ["PATH"],
                "HOME": os.environ.get("HOME", "/"),
                "BELVEDERE_DATA": str(folder),
                "BELVEDERE_PORT": str(self.port),
            }
            | env,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
        )

    @property
    def said(self) -> str:
        """Everything on standard error so far."""
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    def wait_ready(self) -> None:
        """Wait until both ports answer."""
        until(
            lambda: (
                self.process.poll() is not None
                or (answers(self.port, "/readyz") and answers(self.media_port, "/healthz"))
            ),
            "readiness",
        )
        assert self.process.poll() is None, self.said

    def role(self, name: str) -> int:
        """The process of a role, once there is one."""

        def look() -> list[int]:
            return [pid for pid in descendants(self.process.pid) if name in command_of(pid)]

        return until(look, f"a process of {name}")[0]

    def end(self) -> int:
        """SIGTERM, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(CEILING_S)

    def clear_away(self) -> None:
        """Whatever happened: nothing of it stays."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._stderr.close()
