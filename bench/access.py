"""Does the decision stay flat while grants grow from 20,000 to 2,000,000? Shares and memberships, in one run.

    .venv/bin/python -m bench.access [--sizes 20000,200000,2000000] [--json FILE]

A tenth of the grants stand on sites (members with a role there), the rest on single cameras (shares). The same
questions are asked at each size: the decision on one camera, what one account holds, who holds something on a camera.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

os.environ["BELVEDERE_DATA"] = tempfile.mkdtemp(prefix="belvedere-bench-")
os.environ["DJANGO_SETTINGS_MODULE"] = "belvedere.control.settings.base"

import django

django.setup()

from django.core.management import call_command
from django.db import connection

from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant, Origin
from belvedere.control.access.selectors import GrantsOfPrincipal, ResourcePath, get_decision, list_holders
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id

QUESTIONS: Final = 3000
CAMERAS_A_SITE: Final = 8
GRANTS_AN_ACCOUNT: Final = 10
BATCH: Final = 5000


class World:
    """Accounts, cameras in sites, and grants that are added until there are enough."""

    def __init__(self) -> None:
        self.dice = random.Random(3)
        self.size = 0
        self.accounts: list[str] = []
        self.paths: list[ResourcePath] = []
        self.held: list[tuple[str, ResourcePath]] = []

    def grow(self, size: int) -> None:
        """Add grants, with the accounts and cameras that belong to so many."""
        self.accounts += [new_id() for _ in range(size // GRANTS_AN_ACCOUNT - len(self.accounts))]
        while len(self.paths) < size // 2:
            organization, site = new_id(), new_id()
            self.paths += [ResourcePath(new_id(), site, organization) for _ in range(CAMERAS_A_SITE)]
        at = clock.now()
        while self.size < size:
            grants = []
            for number in range(min(BATCH, size - self.size)):
                account, path = self.dice.choice(self.accounts), self.dice.choice(self.paths)
                is_member = number % 10 == 0
                if number % 50 == 0:
                    self.held.append((account, path))
                grants.append(
                    Grant(
                        principal=account,
                        resource=path.site if is_member else path.leaf,
                        permissions=int(Permission.LIVE_VIEW | Permission.PLAYBACK),
                        origin=Origin.MEMBERSHIP if is_member else Origin.SHARE,
                        origin_id=new_id(),
                        created_at=at,
                        created_by=account,
                    )
                )
            Grant.objects.bulk_create(grants)
            self.size += len(grants)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    def questions(self) -> list[tuple[str, ResourcePath]]:
        """Two thirds about what is held, one third about what is not."""
        dice = random.Random(5)
        return [
            dice.choice(self.held) if number % 3 else (dice.choice(self.accounts), dice.choice(self.paths))
            for number in range(QUESTIONS)
        ]


def timed(ask: Callable[[str, ResourcePath], Any], asked: list[tuple[str, ResourcePath]]) -> tuple[float, float]:
    """p50 and p99 of the questions, in microseconds."""
    for question in asked[:200]:
        ask(*question)
    taken = []
    for account, path in asked:
        before = time.perf_counter_ns()
        ask(account, path)
        taken.append((time.perf_counter_ns() - before) / 1000)
    cuts = statistics.quantiles(taken, n=100)
    return round(cuts[49], 1), round(cuts[98], 1)


ASKED: Final[dict[str, Callable[[str, ResourcePath], Any]]] = {
    "decision on one camera": get_decision,
    "all that one account holds": lambda account, _path: GrantsOfPrincipal(account).resources,
    "everybody who holds something on a camera": lambda _account, path: list_holders(path),
}


def main() -> None:
    """Grow, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="20000,200000,2000000", help="how many grants, growing")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    world, rows = World(), []
    print(f"{'grants':>10}  {'question':44} {'p50 µs':>9} {'p99 µs':>9} {'× first':>8}")
    first: dict[str, float] = {}
    for size in sorted(int(text) for text in options.sizes.split(",")):
        print(f"growing to {size:,} grants …", file=sys.stderr)
        world.grow(size)
        asked = world.questions()
        for name, ask in ASKED.items():
            p50, p99 = timed(ask, asked)
            ratio = round(p50 / first.setdefault(name, p50), 2)
            rows.append({"grants": size, "question": name, "p50_us": p50, "p99_us": p99, "ratio": ratio})
            print(f"{size:>10,}  {name:44} {p50:>9} {p99:>9} {ratio:>8}")
    if options.json:
        options.json.write_text(json.dumps({"database": connection.vendor, "rows": rows}))


if __name__ == "__main__":
    main()
