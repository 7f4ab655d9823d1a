"""How long is a voice under way, and how long does it outlive its right? On the whole product, one camera.

.venv/bin/python -m bench.talk [--seconds 20] [--rounds 20] [--json FILE]

pressed → speak now    from before the request for a ticket until `ready`: the tone is in it, the microphone is not
mouth → camera         from a page's send() of 20 ms until the camera has the packet with them
DELETE sent → silent   from before the call that ends the share until the last packet that the camera heard
commit → silent        the same from when the loss was committed; 0 where nothing was heard after it
"""

import argparse
import asyncio
import json
import struct
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from belvedere.demo.backchannel import Ear
from belvedere.demo.clips import test_clip
from belvedere.demo.rtsp import CameraServerThread
from belvedere.media.talk.tone import tone
from bench.cut import ask, end_share, instants
from bench.product import Product
from bench.table import print_table, row

BLOCK = 160
EVERY_S = 0.02
TONE_BLOCKS = len(tone(8000)) // 2 // BLOCK


def block(number: int) -> bytes:
    """20 ms that can be told from those around them."""
    return struct.pack(f"<{BLOCK}h", *[500 + number % 64 * 400] * BLOCK)


async def talk(socket: ClientConnection, seconds: float) -> list[float]:
    """Speak at the pace of a microphone; when each block was sent."""
    sent: list[float] = []
    started = time.monotonic()
    try:
        while (number := len(sent)) < seconds / EVERY_S:
            await asyncio.sleep(max(0.0, started + number * EVERY_S - time.monotonic()))
            sent.append(time.monotonic())
            await socket.send(block(number))
    except ConnectionClosed:
        pass
    return sent


async def press(client: Any, camera: str) -> tuple[ClientConnection, float]:
    """Hold the button: the socket that says `ready`, and how long it took, in milliseconds."""
    began = time.monotonic()
    ticket = await ask(client.post, f"cameras/{camera}/tickets", json={"kind": "talk"})
    socket = await connect(ticket["url"], compression=None)
    while json.loads(await socket.recv())["type"] != "ready":
        pass
    return socket, (time.monotonic() - began) * 1000


async def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All rows."""
    ear = Ear()
    with CameraServerThread() as cameras:
        cameras.add("/door", test_clip(), ear=ear)
        async with Product.start(cameras=0) as product:
            owner = await asyncio.to_thread(product.api, product.olivia)
            guest = await asyncio.to_thread(product.api, product.rita)
            site = await asyncio.to_thread(lambda: product.olivia.site)
            door = {"name": "Door", "site": site, "address": cameras.url("/door"), "test": False}
            camera = (await ask(owner.post, "devices", json=door))["cameras"][0]["id"]
            await until_it_listens(owner, camera)
            pressed, under_way = await say(owner, camera, ear, options)
            rows = [row("pressed → speak now", pressed), row("mouth → camera", under_way)]
            return rows + await lose(owner, guest, product.rita.email, camera, ear, options.rounds)


async def until_it_listens(owner: Any, camera: str) -> None:
    """The node asks each camera, once it is online."""
    async with asyncio.timeout(30):
        while "talk" not in (await ask(owner.get, f"cameras/{camera}"))["has"]:  # noqa: ASYNC110  HTTP brings no events
            await asyncio.sleep(0.2)


async def say(owner: Any, camera: str, ear: Ear, options: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Press again and again; then speak for long."""
    pressed = []
    for _ in range(options.rounds):
        socket, took = await press(owner, camera)
        pressed.append(took)
        await socket.close()
        await asyncio.sleep(0.2)
    ear.packets.clear()
    socket, _ = await press(owner, camera)
    sent = await talk(socket, min(options.seconds, 50))
    await asyncio.sleep(0.5)
    await socket.close()
    heard = list(ear.packets)[TONE_BLOCKS:]
    assert len(heard) == len(sent), f"{len(sent) - len(heard)} blocks were not heard"
    return pressed, [(packet.at - at) * 1000 for packet, at in zip(heard, sent, strict=True)]


async def lose(owner: Any, guest: Any, email: str, camera: str, ear: Ear, rounds: int) -> list[dict[str, Any]]:
    """Rita speaks; in the middle of it her share ends."""
    wall = time.time() - time.monotonic()
    sent_silent, commit_silent = [], []
    for _ in range(rounds):
        offer = {"recipient": email, "items": [{"camera": camera, "permissions": ["live_view", "talk"]}]}
        share = (await ask(owner.post, "shares", json=offer))["id"]
        await ask(guest.post, f"shares/{share}/accept")
        socket, _ = await press(guest, camera)
        speaking = asyncio.create_task(talk(socket, 10))
        await asyncio.sleep(0.5)
        sent, receipt = await asyncio.to_thread(end_share, owner, share)
        await speaking
        await asyncio.sleep(0.3)
        last = ear.packets[-1].at
        _, committed, _ = await asyncio.to_thread(instants, receipt["change_id"])
        sent_silent.append(max(0.0, (last - sent) * 1000))
        commit_silent.append(max(0.0, (last + wall - committed) * 1000))
    return [row("DELETE sent → silent", sent_silent), row("commit → silent", commit_silent)]


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = asyncio.run(measure(options))
    print_table(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
