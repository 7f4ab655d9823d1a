"""How many seconds of footage does `kill -9` of the media process cost? The real product, real kills.

.venv/bin/python -m bench.killed [--cameras 2] [--kills 10] [--json FILE]

`belvedere serve` records; its media process is killed at odd moments. Lost is what lies between the kill and the end of
the footage that is found afterwards, so the frames that were still on their way in count, too. Dark is what follows:
from the kill to the first new footage, the restart, the repair and the camera's next key frame (every 2 s) included.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.product import Product
from bench.table import print_table, row

#: Recorded before each kill; within the first seconds nothing is synced yet.
RECORD_S = (3.0, 16.0)
BACK_WITHIN_S = 60.0

type Span = tuple[float, float]


def coverage(product: Product, camera: str, since: float) -> list[Span]:
    """When there is footage, as the owner is told."""
    query = {name: datetime.fromtimestamp(at, UTC).isoformat() for name, at in (("from", since), ("to", time.time()))}
    found = product.api(product.olivia).get(f"cameras/{camera}/recordings", params=query)
    assert found.status_code == 200, found.text
    spans = found.json()["coverage"]
    return [(_instant(span["from"]), _instant(span["to"])) for span in spans]


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def wait_for_footage(product: Product, after: float) -> None:
    """Wait until each camera has some that is younger than that."""
    deadline = time.monotonic() + BACK_WITHIN_S
    left = list(product.cameras)
    while left:
        if time.monotonic() > deadline:
            message = "the cameras were not recorded again"
            raise TimeoutError(message)
        time.sleep(0.5)
        left = [camera for camera in left if not any(end > after + 1 for _, end in coverage(product, camera, after))]


def kill(product: Product) -> float:
    """Kill it at once; when."""
    [media] = product.pids("media")
    at = time.time()
    os.kill(media, signal.SIGKILL)
    return at


def measure(product: Product, kills: int) -> tuple[list[float], list[float]]:
    """Milliseconds lost, and dark, of each camera at each kill."""
    chance = random.Random(4)
    began = time.time()
    wait_for_footage(product, began)
    killed = []
    for _ in range(kills):
        time.sleep(chance.uniform(*RECORD_S))
        killed.append(kill(product))
        wait_for_footage(product, killed[-1])
    lost, dark = [], []
    for camera in product.cameras:
        spans = coverage(product, camera, began - 60)
        assert len(spans) == kills + 1, spans  # nothing else is missing
        for (_, end), (start, _), at in zip(spans, spans[1:], killed, strict=False):
            lost.append((at - end) * 1000)
            dark.append((start - at) * 1000)
    return lost, dark


async def run(cameras: int, kills: int) -> dict[str, Any]:
    async with Product.start(cameras=cameras) as product:
        lost, dark = await asyncio.to_thread(measure, product, kills)
    return {"bench": "killed", "cameras": cameras, "rows": [row("lost", lost), row("dark until recorded again", dark)]}


def main() -> None:
    """Serve, kill, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=2)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    found = asyncio.run(run(options.cameras, options.kills))
    print_table(found["rows"])
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
