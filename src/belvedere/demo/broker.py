"""The sample house's MQTT broker: a second nats-server, which speaks MQTT 3.1.1, for one user and on loopback alone.

It has nothing to do with the installation's own bus: another process, another password, other files.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from belvedere.bus.server import find_binary
from belvedere.bus.tether import tethered

_START_TIMEOUT_S: Final = 10.0
_STOP_TIMEOUT_S: Final = 3.0
#: For what is retained: a few states, by far.
_MAX_STORE: Final = 4 * 1024 * 1024


@contextlib.asynccontextmanager
async def serve_broker(
    folder: Path, port: int, *, username: str, password: str, binary: str = ""
) -> AsyncIterator[int]:
    """Serve MQTT on 127.0.0.1:`port` while the block runs, with its files in `folder`; its process id.

    binary  the nats-server to run, "" for the one beside this Python

    Raises BusError without a nats-server, OSError when it does not come up in 10 s.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = folder / "broker.conf"
    config.unlink(missing_ok=True)
    with os.fdopen(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        # It reads JSON, but no \u escapes.
        json.dump(_configuration(folder, port, username, password), file, ensure_ascii=False)
    process = await asyncio.create_subprocess_exec(
        *tethered([find_binary(binary), "-c", str(config)]),
        env={"PATH": os.defpath},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,  # it speaks of every wrong password, and warns of plain ones in its file
        start_new_session=True,
    )
    try:
        await _listening(process, port)
        yield process.pid
    finally:
        await _stop(process)


def _configuration(folder: Path, port: int, username: str, password: str) -> dict[str, object]:
    """JetStream keeps what is retained. Its own clients' port is any: nobody is told."""
    return {
        "server_name": "sample-house",
        "host": "127.0.0.1",
        "port": -1,
        "jetstream": {"store_dir": str(folder), "max_memory_store": _MAX_STORE, "max_file_store": _MAX_STORE},
        "mqtt": {"host": "127.0.0.1", "port": port},
        "authorization": {"users": [{"user": username, "password": password}]},
    }


async def _listening(process: asyncio.subprocess.Process, port: int) -> None:
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            while process.returncode is None:
                with contextlib.suppress(OSError):
                    _reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    return
                await asyncio.sleep(0.01)
    except TimeoutError:
        pass
    message = f"the sample house's broker does not come up on port {port}"
    raise OSError(message)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
