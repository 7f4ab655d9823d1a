"""How long does the report of a large organization take? Facts, page and PDF, as a browser waits for them.

    .venv/bin/python -m bench.report [--devices 500] [--people 200] [--times 5] [--json FILE]

Asked by the owner through every middleware. The organization is that of `bench.sharing`: each person has a third of the
cameras. The target is 5 s for 500 devices, with a number of queries that does not grow.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from bench.members import browser  # first: it sets Django up
from bench.sharing import build

# isort: split
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench.table import print_table, row


def ask(client: Client, what: str, path: str, times: int) -> dict[str, Any]:
    """One address, some times."""
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path)
    asked = len(queries)
    assert answer.status_code == 200, (path, answer.status_code)
    taken = []
    for _ in range(times):
        before = time.perf_counter()
        client.get(path)
        taken.append((time.perf_counter() - before) * 1000)
    return row(what, taken) | {"queries": asked, "kilobytes": len(answer.content) // 1024}


def main() -> None:
    """Build, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    organization = build(options.people, options.devices)
    owner, where = browser("owner", organization), f"?organization={organization}"
    found = [
        ask(owner, "report, as a page", f"/report{where}", options.times),
        ask(owner, "report, as a PDF", f"/report.pdf{where}", options.times),
    ]
    print(f"{options.devices} devices, {options.people} people")
    print_table(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
