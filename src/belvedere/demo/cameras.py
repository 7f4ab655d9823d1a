"""The sample cameras' process: serves their clips over RTSP, devices over ONVIF, and an alarm, until it is told to end.

A child of `belvedere demo`. By itself, for a camera server to point anything at:

    BELVEDERE_DEMO_CAMERA_PASSWORD=… python -m belvedere.demo.cameras --port 8554
"""

import argparse
import asyncio
import contextlib
import functools
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from belvedere.demo.backchannel import Ear
from belvedere.demo.broker import serve_broker
from belvedere.demo.clips import Clip
from belvedere.demo.onvif import OnvifChannel, OnvifDevice
from belvedere.demo.onvif_discovery import Announcement, DiscoveryResponder
from belvedere.demo.onvif_events import move_now_and_then
from belvedere.demo.panel import Panel
from belvedere.demo.rtsp import CameraServer
from belvedere.demo.samples import ALARM, CAMERAS, DEVICES, USERNAME, Address, SampleDevice
from belvedere.demo.scenes import clip_path
from belvedere.demo.sound import evening

_PASSWORD_SETTING: Final = "BELVEDERE_DEMO_CAMERA_PASSWORD"  # noqa: S105  a name, not a password


@asynccontextmanager
async def serve_cameras(port: int, password: str) -> AsyncIterator[CameraServer]:
    """Serve all sample cameras while the block runs. Raises OSError if the port is taken."""
    async with CameraServer(port) as server:
        for camera in CAMERAS:
            # Both streams carry the sound: whoever watches the small picture may listen, too.
            audio = evening() if camera.has_audio else None
            ear = Ear() if camera.has_talk else None
            for quality, path in (("main", camera.main), ("sub", camera.sub)):
                clip = _clip(camera.key, quality)
                server.add(path, clip, username=USERNAME, password=password, audio=audio, ear=ear)
        yield server


@functools.cache
def _clip(key: str, quality: str) -> Clip:
    return Clip.load(clip_path(key, quality))


@asynccontextmanager
async def serve_devices(cameras: CameraServer, password: str) -> AsyncIterator[list[OnvifDevice]]:
    """Serve the sample devices while the block runs, on the ports behind that of the cameras, who carry their pictures.

    They answer to a search where loopback knows multicast, and by their addresses everywhere.
    """
    async with AsyncExitStack() as stack:
        devices = []
        for index, sample in enumerate(DEVICES, start=1):
            device = OnvifDevice(
                _channels(cameras, sample, password),
                username=USERNAME,
                password=password,
                serial=sample.serial,
                mac=sample.mac,
                model=sample.model,
                port=cameras.port + index,
            )
            try:
                await stack.enter_async_context(device)
            except (OSError, OverflowError):  # somebody else's port, or none at all
                device.port = 0
                await stack.enter_async_context(device)
            with contextlib.suppress(OSError):
                endpoint = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, sample.serial)}"
                said = Announcement(device.url, sample.name, sample.model, "Warehouse", endpoint)
                await stack.enter_async_context(DiscoveryResponder(said, in_group=True))
            places = [f"vsc_source_{number}" for number in range(1, len(sample.channels) + 1)]
            moving = asyncio.create_task(move_now_and_then(device.events, places), name=f"motion at {sample.key}")
            stack.callback(moving.cancel)
            devices.append(device)
        yield devices


def _channels(cameras: CameraServer, sample: SampleDevice, password: str) -> list[OnvifChannel]:
    channels = []
    for number, (name, scene) in enumerate(sample.channels, start=1):
        paths = {quality: f"/{sample.key}/{number}/{quality}" for quality in ("main", "sub")}
        audio, ear = (evening(), Ear()) if sample.is_dome else (None, None)
        for quality, path in paths.items():
            clip = _clip(scene, quality)
            cameras.add(path, clip, username=USERNAME, password=password, audio=audio, ear=ear)
        channels.append(
            OnvifChannel(
                name,
                cameras.url(paths["main"]),
                cameras.url(paths["sub"]),
                has_audio=sample.is_dome,
                has_ptz=sample.is_dome,
                has_talk=sample.is_dome,
            )
        )
    return channels


@asynccontextmanager
async def serve_alarm(folder: Path, port: int, password: str, *, binary: str = "") -> AsyncIterator[Panel]:
    """Serve the sample alarm and its broker while the block runs, the broker's files in `folder`.

    binary  the nats-server that is the broker, "" for the one beside this Python
    """
    async with serve_broker(folder, port, username=USERNAME, password=password, binary=binary):
        panel = Panel(ALARM, port, username=USERNAME, password=password)
        task = asyncio.create_task(panel.run(), name="alarm")
        try:
            yield panel
        finally:
            task.cancel()
            await asyncio.wait([task])


def main(address: Address, folder: Path, *, binary: str = "") -> None:
    """Serve until SIGTERM or SIGINT; print one line of JSON when ready: {"port", "username", "cameras", "devices"}.

    folder  for what the alarm's broker keeps; binary  as for `serve_alarm`
    """

    async def story() -> None:
        async with serve_alarm(folder, address.broker_port, address.password, binary=binary):
            await _serve_until_told(address.port, address.password)

    asyncio.run(story())


async def _serve_until_told(port: int, password: str) -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with serve_cameras(port, password) as server, serve_devices(server, password) as devices:
        cameras = [
            {"key": c.key, "name": c.name, "site": c.site, "main": server.url(c.main), "sub": server.url(c.sub)}
            for c in CAMERAS
        ]
        said = {"port": server.port, "username": USERNAME, "cameras": cameras, "devices": [one.url for one in devices]}
        sys.stdout.write(json.dumps(said) + "\n")
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
