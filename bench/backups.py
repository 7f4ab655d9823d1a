"""How long do a backup and a restore take, beside a plain copy of the database's file? Milliseconds, and MB/s.

    .venv/bin/python -m bench.backups [--devices 500] [--shares 2000] [--entries 20000] [--rounds 3] [--json FILE]

backup     every row of one instant, compressed, sealed, and on the disk; scrypt's half second is in it
checked    read to its end, as a restore does before it changes anything
restored   a database beside ours filled, what ended since ended again, and renamed; half of the shares had ended
plain copy the file as SQLite has it, with every session in it, and on the disk: no backup, but what the disk allows

MB are those of the rows as they are written, before they are compressed; of the copy, those of the file.
"""

import argparse
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.handover import build  # first: it sets Django up

# isort: split
from django.core.management import call_command
from django.db import connection, transaction

from belvedere.config import Settings
from belvedere.control import restoring
from belvedere.control.audit.services import write_entry
from belvedere.control.core.principal import Principal
from belvedere.control.sharing.models import Share
from belvedere.control.sharing.services import end_share
from bench.table import print_table, row

PASSPHRASE = "bench-of-backups"  # noqa: S105  of a throw-away installation


def fill(options: argparse.Namespace) -> Principal:
    """The organization of `bench.handover`, and what was written of it; its owner."""
    owner, _receiver, organization = build("1", options.devices, options.shares)
    with transaction.atomic():
        for number in range(options.entries):
            thing = f"organization:{organization}"
            write_entry(actor=owner, action="organization.changed", thing=thing, organization=organization, n=number)
    return owner


def quiet(_table: str, _rows: int) -> None:
    """Nobody watches."""


def timed(what: str, times: int, act: Callable[[int], object], size: Callable[[], int]) -> dict[str, Any]:
    """A row of durations, with MB, and MB/s of the median."""
    taken = []
    for number in range(times):
        began = time.perf_counter()
        act(number)
        taken.append((time.perf_counter() - began) * 1000)
    found = row(what, taken)
    megabytes = size() / 1e6
    return found | {"mb": round(megabytes, 1), "mb_per_s": round(megabytes / found["p50_ms"] * 1000, 1)}


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All rows."""
    settings = Settings.from_env()
    owner = fill(options)
    database, folder = settings.data / "belvedere.sqlite3", settings.data
    made: list[dict[str, Any]] = []

    def back_up(number: int) -> None:
        made.append(restoring.back_up(settings, folder / f"backup-{number}", PASSPHRASE, quiet))

    def copy(number: int) -> None:
        with database.open("rb") as source, (folder / f"copy-{number}").open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            os.fsync(target.fileno())

    def lines() -> int:
        return int(made[0]["bytes"])

    found = [timed("backup", options.rounds, back_up, lines)]
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    found.append(timed("plain copy of the file", options.rounds, copy, lambda: database.stat().st_size))
    for share in Share.objects.order_by("pk").values_list("pk", flat=True)[: options.shares // 2]:
        end_share(owner, share=share)
    file = folder / "backup-0"

    def check(_number: int) -> None:
        restoring.check_backup(settings, file, PASSPHRASE, quiet)

    def restore(_number: int) -> None:
        assert restoring.restore(settings, file, PASSPHRASE, quiet)["ended"] == options.shares // 2

    found += [timed("checked", options.rounds, check, lines), timed("restored", options.rounds, restore, lines)]
    return [line | {"rows": made[0]["rows"], "sealed_mb": round(made[0]["sealed"] / 1e6, 1)} for line in found]


def main() -> None:
    """Fill, back up, restore, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--shares", type=int, default=2000)
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    from belvedere.control.composition import compose

    compose()
    found = measure(options)
    print_table(found)
    print(f"{found[0]['rows']} rows, {found[0]['mb']} MB; sealed {found[0]['sealed_mb']} MB")
    print(", ".join(f"{line['what']} {line['mb_per_s']} MB/s" for line in found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
