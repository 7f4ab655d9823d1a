"""How long does a picture outlive its right? Measured on the whole product, with 200 others watching.

.venv/bin/python -m bench.cut [--viewers 200] [--rounds 50] [--json FILE]

DELETE sent → closed   from before the API call until the viewer's socket has its close frame
commit → closed        from the end written in the database to the node's own instant of cutting: the receipt
push lost              the grant ended behind the product's back: nothing is pushed, the next renewal finds out
control dead           control stopped (SIGSTOP): every lease runs out by itself
"""

import argparse
import asyncio
import json
import os
import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.product import Product
from bench.table import print_table, row


class Viewer(asyncio.Protocol):
    """A viewer that reads everything and keeps nothing: 200 of them must not be what is measured."""

    def __init__(self) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.tail = b""
        self.bytes = 0
        self.transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way back."""
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Count, and keep the end: the close frame is the last thing to come."""
        self.bytes += len(data)
        self.tail = (self.tail + data)[-128:]
        if not self.opened.done() and self.bytes > 2000:
            self.opened.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Note when."""
        if not self.closed.done():
            self.closed.set_result(time.monotonic())

    @property
    def close_code(self) -> int:
        """The code of the close frame; 1006 if there was none."""
        at = self.tail.rfind(b"\x88")
        return int.from_bytes(self.tail[at + 2 : at + 4]) if at >= 0 and at + 4 <= len(self.tail) else 1006


async def watch(url: str) -> Viewer:
    """Open a live socket and wait for its first picture."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    transport, viewer = await loop.create_connection(Viewer, parts.hostname or "", parts.port or 80)
    transport.write(
        f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    async with asyncio.timeout(10):
        await viewer.opened
    return viewer


async def keep_answering(crowd: list[Viewer]) -> None:
    """Say a word now and then, as a browser does: who is silent is dropped."""
    while True:
        await asyncio.sleep(5)
        for viewer in crowd:
            if viewer.transport:
                viewer.transport.write(b"\x8a\x80\0\0\0\0")


async def ask(call: Any, *arguments: Any, **options: Any) -> Any:
    """A blocking call of httpx, off this loop."""
    answer = await asyncio.to_thread(call, *arguments, **options)
    assert answer.status_code < 300, answer.text
    return answer.json()


async def share_and_watch(product: Product, owner: Any, guest: Any) -> tuple[str, Viewer]:
    """Olivia offers, Rita accepts and watches."""
    camera = product.cameras[0]
    offer = {"recipient": product.rita.email, "items": [{"camera": camera, "permissions": ["live_view"]}]}
    share = (await ask(owner.post, "shares", json=offer))["id"]
    await ask(guest.post, f"shares/{share}/accept")
    ticket = await ask(guest.post, f"cameras/{camera}/tickets", json={})
    return share, await watch(ticket["url"])


async def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All rows."""
    async with Product.start(cameras=1) as product:
        owner = await asyncio.to_thread(product.api, product.olivia)
        guest = await asyncio.to_thread(product.api, product.rita)
        crowd = []
        for _ in range(options.viewers):
            ticket = await ask(owner.post, f"cameras/{product.cameras[0]}/tickets", json={})
            crowd.append(await watch(ticket["url"]))
        pongs = asyncio.create_task(keep_answering(crowd))
        readers = [viewer.closed for viewer in crowd]
        sent_closed, commit_cut = [], []
        for _ in range(options.rounds):
            share, socket = await share_and_watch(product, owner, guest)
            await asyncio.sleep(0.3)
            sent = time.monotonic()
            receipt = await ask(owner.delete, f"shares/{share}")
            sent_closed.append((await socket.closed - sent) * 1000)
            assert socket.close_code == 4403, socket.close_code
            ended = datetime.fromisoformat((await ask(owner.get, f"shares/{share}"))["ended_at"])
            cut_at = datetime.fromisoformat(receipt["cut"][0]["cut_at"])
            commit_cut.append((cut_at - ended).total_seconds() * 1000)
        rows = [row("DELETE sent → closed", sent_closed), row("end written → cut", commit_cut)]
        assert not any(reader.done() for reader in readers), "somebody else's picture stopped"
        rows.append(row("push lost → closed", await push_lost(product, owner, guest, 5)))
        rows.append(row("control stopped → closed", await control_dead(product, readers)))
        pongs.cancel()
        return rows


async def push_lost(product: Product, owner: Any, guest: Any, rounds: int) -> list[float]:
    """The grant ends in the database alone."""
    from belvedere.control.access.models import Grant
    from belvedere.control.core import clock

    taken = []
    for _ in range(rounds):
        share, socket = await share_and_watch(product, owner, guest)
        await asyncio.sleep(0.5)
        ended = time.monotonic()
        await asyncio.to_thread(Grant.objects.filter(origin_id=share).update, ended_at=clock.now())
        taken.append((await socket.closed - ended) * 1000)
        await ask(owner.delete, f"shares/{share}")
    return taken


async def control_dead(product: Product, readers: list["asyncio.Future[float]"]) -> list[float]:
    """Control stands still; everybody's lease runs out."""
    pids = product.pids("control")
    stopped = time.monotonic()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        return [(at - stopped) * 1000 for at in await asyncio.gather(*readers)]
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = asyncio.run(measure(options))
    print_table(rows)
    if options.json:
        options.json.write_text(json.dumps({"viewers": options.viewers, "rows": rows}))


if __name__ == "__main__":
    main()
