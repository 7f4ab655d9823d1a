"""The sample cameras' process: serves their clips over RTSP until it is told to end.

A child of `belvedere demo`. By itself, for a camera server to point anything at:

    BELVEDERE_DEMO_CAMERA_PASSWORD=… python -m belvedere.demo.cameras --port 8554
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

from belvedere.demo.clips import Clip
from belvedere.demo.rtsp import CameraServer
from belvedere.demo.samples import CAMERAS, USERNAME
from belvedere.demo.scenes import clip_path
from belvedere.demo.sound import evening

_PASSWORD_SETTING: Final = "BELVEDERE_DEMO_CAMERA_PASSWORD"  # noqa: S105  a name, not a password


class Address(Protocol):
    """Where the cameras are to listen (on loopback), and what they are to ask for."""

    @property
    def port(self) -> int:
        """0 takes any free one."""

    @property
    def password(self) -> str:
        """The same for all."""


@asynccontextmanager
async def serve_cameras(port: int, password: str) -> AsyncIterator[CameraServer]:
    """Serve all sample cameras while the block runs. Raises OSError if the port is taken."""
    async with CameraServer(port) as server:
        for camera in CAMERAS:
            # Both streams carry the sound: whoever watches the small picture may listen, too.
            audio = evening() if camera.has_audio else None
            for quality, path in (("main", camera.main), ("sub", camera.sub)):
                clip = Clip.load(clip_path(camera.key, quality))
                server.add(path, clip, username=USERNAME, password=password, audio=audio)
        yield server


def main(address: Address) -> None:
    """Serve until SIGTERM or SIGINT; print one line of JSON when ready: {"port", "username", "cameras"}."""
    asyncio.run(_serve_until_told(address.port, address.password))


async def _serve_until_told(port: int, password: str) -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with serve_cameras(port, password) as server:
        cameras = [
            {"key": c.key, "name": c.name, "site": c.site, "main": server.url(c.main), "sub": server.url(c.sub)}
            for c in CAMERAS
        ]
        sys.stdout.write(json.dumps({"port": server.port, "username": USERNAME, "cameras": cameras}) + "\n")
        sys.stdout.flush()
        await told.wait()


def _from_command_line() -> int:
    parser = argparse.ArgumentParser(description="Serve the sample cameras over RTSP on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    port: int = parser.parse_args().port
    password = os.environ.get(_PASSWORD_SETTING, "")
    if not password:  # never by argument: everybody on the machine could read it
        sys.stderr.write(f"Set {_PASSWORD_SETTING} to the password the cameras shall ask for.\n")
        return 2
    asyncio.run(_serve_until_told(port, password))
    return 0


if __name__ == "__main__":
    sys.exit(_from_command_line())
