"""How long is an order under way to a motor, and how long does it outlive a right? On the whole product, one camera.

.venv/bin/python -m bench.ptz [--orders 200] [--rounds 10] [--json FILE]

order → camera         from a page's send() until the camera has read the request, on a line that stands
first look             from the first word of a socket until it hears what the camera can: signing in to it is in it
DELETE sent → Stop     from before the call that ends the share until the camera has read the Stop
commit → Stop          the same from when the loss was committed
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from belvedere.demo.clips import test_clip
from belvedere.demo.onvif import OnvifChannel, OnvifDevice
from belvedere.demo.rtsp import CameraServerThread
from bench.cut import ask, end_share, instants
from bench.product import Product
from bench.table import print_table, row

PASSWORD = "bench"  # noqa: S105  of a camera of our own
#: Under ten a second.
EVERY_S = 0.15


class Dome(OnvifDevice):
    """One that notes when each order for its motor was read."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.read: list[tuple[str, float]] = []

    def _on_continuous_move(self, *arguments: Any) -> str:
        self.read.append(("move", time.monotonic()))
        return super()._on_continuous_move(*arguments)

    def _on_stop(self, *arguments: Any) -> str:
        self.read.append(("stop", time.monotonic()))
        return super()._on_stop(*arguments)

    async def until_read(self, kind: str, since: float) -> float:
        """When it read the first of these after that."""
        async with asyncio.timeout(20):
            while True:
                for what, at in self.read:
                    if what == kind and at >= since:
                        return at
                await asyncio.sleep(0.001)


@asynccontextmanager
async def pad(client: Any, camera: str) -> AsyncIterator[tuple[ClientConnection, float]]:
    """A live socket that knows what the camera can, and how long that took, in milliseconds."""
    ticket = await ask(client.post, f"cameras/{camera}/tickets", json={"kind": "live"})
    async with connect(ticket["url"], compression=None, max_size=None) as socket:
        began = time.monotonic()
        await socket.send(json.dumps({"type": "ptz", "n": 1}))
        while True:
            data = await socket.recv()
            message = json.loads(data) if isinstance(data, str) else {}
            assert message.get("type") != "refused", message
            if "can" in message:
                break
        took = (time.monotonic() - began) * 1000
        reading = asyncio.create_task(drain(socket))
        yield socket, took
        reading.cancel()


async def drain(socket: ClientConnection) -> None:
    """Watch on: who does not read is dropped."""
    async for _ in socket:
        pass


async def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All rows."""
    with CameraServerThread() as cameras:
        cameras.add("/dome", test_clip(), username="admin", password=PASSWORD)
        channel = OnvifChannel("Dome", cameras.url("/dome"), has_ptz=True)
        async with Dome([channel], password=PASSWORD) as dome, Product.start(cameras=0) as product:
            owner = await asyncio.to_thread(product.api, product.olivia)
            guest = await asyncio.to_thread(product.api, product.rita)
            site = await asyncio.to_thread(lambda: product.olivia.site)
            body = {"name": "Dome", "site": site, "address": dome.url, "username": "admin", "password": PASSWORD}
            camera = (await ask(owner.post, "devices", json=body))["cameras"][0]["id"]
            looked, under_way = await move(owner, camera, dome, options.orders)
            rows = [row("first look", looked), row("order → camera", under_way)]
            return rows + await lose(owner, guest, product.rita.email, camera, dome, options.rounds)


async def move(owner: Any, camera: str, dome: Dome, orders: int) -> tuple[list[float], list[float]]:
    """Order after order; now and then the helm changes hands, by a new socket."""
    looked, under_way = [], []
    async with pad(owner, camera) as (socket, took):
        looked.append(took)
        for number in range(orders):
            sent = time.monotonic()
            await socket.send(json.dumps({"type": "ptz", "move": {"pan": 0.5 if number % 2 else -0.5}}))
            under_way.append((await dome.until_read("move", sent) - sent) * 1000)
            await asyncio.sleep(EVERY_S)
    return looked, under_way


async def lose(owner: Any, guest: Any, email: str, camera: str, dome: Dome, rounds: int) -> list[dict[str, Any]]:
    """Rita holds the button; in the middle of it her share ends."""
    wall = time.time() - time.monotonic()
    sent_stop, commit_stop = [], []
    for _ in range(rounds):
        offer = {"recipient": email, "items": [{"camera": camera, "permissions": ["live_view", "ptz"]}]}
        share = (await ask(owner.post, "shares", json=offer))["id"]
        await ask(guest.post, f"shares/{share}/accept")
        async with pad(guest, camera) as (socket, _):
            held = asyncio.create_task(hold(socket))
            await dome.until_read("move", time.monotonic() - 0.01)
            sent, receipt = await asyncio.to_thread(end_share, owner, share)
            stopped = await dome.until_read("stop", sent)
            held.cancel()
        _, committed, _ = await asyncio.to_thread(instants, receipt["change_id"])
        sent_stop.append((stopped - sent) * 1000)
        commit_stop.append(max(0.0, (stopped + wall - committed) * 1000))
        # Rita's next look counts among her orders: of more than ten a second the rest are refused.
        await asyncio.sleep(1)
    return [row("DELETE sent → Stop", sent_stop), row("commit → Stop", commit_stop)]


async def hold(socket: ClientConnection) -> None:
    """As a page does while a button is held."""
    while True:
        await socket.send(json.dumps({"type": "ptz", "move": {"pan": 0.5}}))
        await asyncio.sleep(0.3)


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = asyncio.run(measure(options))
    print_table(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
