"""How long does a second-user test take? On the whole product: twelve cameras, seven permissions, tried for real.

    .venv/bin/python -m bench.access_tests [--cameras 12] [--rounds 5] [--json FILE]

asked → done     from before the request until the test says that it is over
one trial        what nodes measured: from knocking at their door to the first frame, sound, word or byte
Half of the cameras are given with everything, half with nothing: what is refused is tried, too. The target: ≤ 30 s.
"""

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import Any

from belvedere.contracts.permissions import Permission
from bench.product import Product
from bench.table import print_table, row

EVERYTHING = [bit for bit in Permission if bit <= Permission.NOTIFY]


def test(client: Any, account: str, cameras: list[str]) -> tuple[float, list[dict[str, Any]]]:
    """Ask, and wait: how long it took in milliseconds, and what came of it."""
    began = time.monotonic()
    started = client.post("access-tests", json={"account": account, "cameras": cameras})
    started.raise_for_status()
    while (told := client.get(f"access-tests/{started.json()['id']}").json())["state"] == "running":
        time.sleep(0.05)
    return (time.monotonic() - began) * 1000, told["results"]


def share(product: Product, cameras: list[str]) -> None:
    """Rita gets everything of these."""
    names = [name for bit in EVERYTHING for name in bit.wire_names]
    items = [{"camera": camera, "permissions": names} for camera in cameras]
    with product.api(product.olivia) as olivia, product.api(product.rita) as rita:
        made = olivia.post("shares", json={"recipient": product.rita.email, "items": items})
        made.raise_for_status()
        rita.post(f"shares/{made.json()['id']}/accept").raise_for_status()


async def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All rows."""
    taken, trials = [], []
    async with Product.start(cameras=options.cameras) as product:
        await asyncio.to_thread(share, product, product.cameras[: options.cameras // 2])
        with await asyncio.to_thread(product.api, product.olivia) as client:
            for _ in range(options.rounds):
                took_ms, results = await asyncio.to_thread(test, client, product.rita.email, product.cameras)
                taken.append(took_ms)
                trials += [float(result["took_ms"]) for result in results if result["took_ms"]]
                wrong = [result for result in results if result["outcome"] == "otherwise"]
                if wrong:
                    message = f"not as it was given: {wrong}"
                    raise SystemExit(message)
    return [row(f"{options.cameras} cameras, asked → done", taken), row("one trial", trials)]


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = asyncio.run(measure(options))
    print_table(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
