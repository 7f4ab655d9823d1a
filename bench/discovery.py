"""How long until a search has found them all, and until a recorder has said what it is.

    .venv/bin/python -m bench.discovery [--devices 50] [--runs 10] [--json FILE]

question → all found   the shortest time to listen in which all were found; a search listens on for its whole 4 s.
                       Real devices wait up to 0.5 s before they answer, so that not all speak at once; these do not
recorder → channels    from the question until channels, streams and snapshots are known, login included

Devices answer from addresses of their own on loopback, by multicast, each fifth one as sloppily as some do.
"""

import argparse
import asyncio
import json
import resource
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from belvedere.contracts.events import StreamSource
from belvedere.contracts.reach import Network
from belvedere.demo.onvif import OnvifChannel, OnvifDevice
from belvedere.demo.onvif_discovery import Announcement, DiscoveryResponder
from belvedere.media.onvif import discover, inspect, warm_up
from bench.table import print_table, row

PASSWORD = "bench"  # noqa: S105  of a device that does not exist
LOOPBACK: list[Network] = [("127.0.0.0/8", 1, 65535)]


async def search(devices: int, runs: int) -> dict[str, Any]:
    """Listen a little longer each time, until everybody is found in it."""
    taken = []
    async with AsyncExitStack() as stack:
        hosts = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(devices)]
        for number, host in enumerate(hosts):
            said = Announcement(f"http://{host}/onvif/device_service", is_sloppy=number % 5 == 0)
            await stack.enter_async_context(DiscoveryResponder(said, host=host, in_group=True))
        for _ in range(runs):
            wait_s = 0.01
            while {found.host for found in (await discover(LOOPBACK, wait_s)).found} < set(hosts):
                wait_s *= 1.25
            taken.append(wait_s * 1000)
    return row(f"question → all {devices} found", taken)


async def ask(channels: int, runs: int) -> dict[str, Any]:
    """Inspections of one recorder, one after the other."""
    named = [
        OnvifChannel(f"C{n}", f"rtsp://127.0.0.1/{n}/main", f"rtsp://127.0.0.1/{n}/sub", has_audio=True)
        for n in range(channels)
    ]
    taken = []
    async with OnvifDevice(named, password=PASSWORD) as device:
        source = StreamSource(url=device.url, username="admin", password=PASSWORD, networks=LOOPBACK)
        for _ in range(runs):
            result = await inspect(source, 30)
            assert (result.code, len(result.channels)) == ("ok", channels)
            taken.append(float(result.took_ms))
    return row(f"recorder → {channels} channels", taken)


async def load() -> tuple[dict[str, Any], int]:
    """What the first inspection pays beforehand: time, and memory in KiB."""
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    await warm_up()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return row("loading the SOAP library, once", [(time.monotonic() - began) * 1000]), grown


async def measure(devices: int, runs: int) -> list[dict[str, Any]]:
    """All rows."""
    loading, grown = await load()
    print(f"loading takes {grown / 1024:.0f} MiB")
    return [await search(devices, runs), await ask(8, runs), await ask(64, runs), loading]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    rows = asyncio.run(measure(chosen.devices, chosen.runs))
    print_table(rows)
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
