"""One supervised process: its output in our log, its readiness, its restarts, its end."""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import structlog

from belvedere.bus.tether import tethered
from belvedere.supervisor.premises import StartError

log = structlog.get_logger()

_BACKOFF_FIRST_S: Final = 0.1
_BACKOFF_LAST_S: Final = 5.0
#: Up for so long, it counts as healthy, and its next crash is a first one.
_HEALTHY_AFTER_S: Final = 30.0
_STOP_TIMEOUT_S: Final = 6.0
_LINE_LIMIT: Final = 1 << 20

#: Whether a process is ready by now.
type Probe = Callable[[], Awaitable[bool]]


class Child:
    """A process that is started again whenever it ends, until `stop`."""

    def __init__(
        self, name: str, command: Sequence[str], env: Mapping[str, str], *, probe: Probe | None = None
    ) -> None:
        """Describe it; `start` starts it. Without a probe it is ready as soon as it runs."""
        self.name = name
        self._command = list(command)
        self._env = dict(env)
        self._probe = probe
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """Of the running process; None while there is none."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the process. It is not ready then: see `wait_ready`."""
        self._process = await asyncio.create_subprocess_exec(
            *tethered(self._command),
            env=self._env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LINE_LIMIT,
            start_new_session=True,  # a Ctrl-C is the supervisor's alone, and what it leaves can be killed as a group
        )
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.create_task(_relay(self.name, self._process), name=f"{self.name} output"))

    async def wait_ready(self, timeout: float) -> None:
        """Wait until it answers. Raises StartError when it ends instead, or does not get there in `timeout` seconds."""
        process = self._process
        deadline = time.monotonic() + timeout
        while process is not None and process.returncode is None and time.monotonic() < deadline:
            if self._probe is None or await self._probe():
                return
            await asyncio.sleep(0.03)
        what = "ended" if process is None or process.returncode is not None else f"was not ready in {timeout:.0f} s"
        message = f"{self.name} {what}: its lines above say why"
        raise StartError(message)

    async def keep(self) -> None:
        """Start it again whenever it ends: at once the first time, then less and less eagerly. Runs until cancelled."""
        backoff = _BACKOFF_FIRST_S
        while self._process is not None:
            began = time.monotonic()
            code = await self._process.wait()
            _kill_group(self._process)
            if self._stopping:
                return
            if time.monotonic() - began > _HEALTHY_AFTER_S:
                backoff = _BACKOFF_FIRST_S
            log.error("process_ended", name=self.name, exit_code=code, seconds=round(backoff, 1))
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _BACKOFF_LAST_S)
            try:
                await self.start()
            except OSError as error:  # no memory or no process left just now
                log.warning("process_does_not_start", name=self.name, error=type(error).__name__)

    async def stop(self) -> None:
        """SIGTERM; after 6 s SIGKILL; and nothing of its process group survives. Harmless when it is gone."""
        self._stopping = True
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
            except TimeoutError:
                log.warning("process_killed", name=self.name)
        _kill_group(process)
        await process.wait()
        await asyncio.wait(self._tasks, timeout=1.0)

    def kill(self) -> None:
        """End it and its group without a word: for a second Ctrl-C."""
        self._stopping = True
        if self._process is not None:
            _kill_group(self._process)


async def run_to_end(name: str, command: Sequence[str], env: Mapping[str, str]) -> bytes:
    """Run a command that ends by itself; its standard output. Raises StartError when it fails."""
    process = await asyncio.create_subprocess_exec(
        *tethered(list(command)),
        env=dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LINE_LIMIT,
        start_new_session=True,
    )
    try:
        if process.stdout is None:
            raise AssertionError
        output, _ = await asyncio.gather(process.stdout.read(), _relay_stream(name, process.stderr))
        code = await process.wait()
    finally:
        _kill_group(process)
        await process.wait()
    if code != 0:
        message = f"{name} failed: its lines above say why"
        raise StartError(message)
    return output


async def _relay(name: str, process: asyncio.subprocess.Process) -> None:
    await _relay_stream(name, process.stdout)


async def _relay_stream(name: str, stream: asyncio.StreamReader | None) -> None:
    """Carry a child's lines into our log: its own events as they are, anything else as a quoted line."""
    while stream is not None:
        try:
            raw = await stream.readline()
        except ValueError:  # a line past the limit: dropped, the rest goes on
            continue
        if not raw:
            return
        line = raw.decode(errors="replace").rstrip()
        if line:
            _relay_line(name, line)


def _relay_line(name: str, line: str) -> None:
    try:
        event = json.loads(line) if line.startswith("{") else None
    except ValueError:
        event = None
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        log.info("output", role=name, line=line)
        return
    what, level = event.pop("event"), event.pop("level", "info")
    event.pop("timestamp", None)
    say = getattr(log, level if level in {"debug", "info", "warning", "error", "critical"} else "info")
    say(what, **event)


def _kill_group(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def answers(host: str, port: int, path: str) -> Probe:
    """A probe: a GET of this is answered with 200."""
    connect_to = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not bound

    async def probe() -> bool:
        try:
            async with asyncio.timeout(1.0):
                reader, writer = await asyncio.open_connection(connect_to, port)
                try:
                    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
                    status = await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
        return b" 200 " in status

    return probe


def listens(host: str, port: int) -> Probe:
    """A probe: somebody accepts connections there."""

    async def probe() -> bool:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            return False
        writer.close()
        return True

    return probe
