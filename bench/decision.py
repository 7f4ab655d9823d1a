"""How long does it take to decide? 200,000 shares in SQLite, our statement beside its peers, in one run.

    .venv/bin/python -m bench.decision [--shares 200000] [--json FILE]

Peers decide the same questions over the same grants: the ORM's query and the pure function; casbin on one account's own
policies (its whole model over 200,000 is measured in seconds: see --casbin); Cedar on the slice that a query would cut
for it. Every engine's answers are compared with ours before its time is believed.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

os.environ["BELVEDERE_DATA"] = tempfile.mkdtemp(prefix="belvedere-bench-")
os.environ["DJANGO_SETTINGS_MODULE"] = "belvedere.control.settings.base"

import django

django.setup()

import casbin
import cedarpy
from django.core.management import call_command
from django.db import connection

from belvedere.contracts.permissions import Permission
from belvedere.control.access.decision import GrantFacts, decide
from belvedere.control.access.models import Grant, Origin
from belvedere.control.access.selectors import GrantsOfPrincipal, ResourcePath, asked_at, get_decision
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id

QUESTIONS = 4000
PEER_QUESTIONS = 200
CAMERAS_A_SITE = 8


class World(NamedTuple):
    """Who there is, what there is, and who holds what."""

    accounts: list[str]
    paths: list[ResourcePath]
    held: dict[str, list[ResourcePath]]


def build(shares: int) -> World:
    """One account for ten shares, skewed; cameras in sites in organizations; a tenth of the grants have an end."""
    dice = random.Random(7)
    accounts = [new_id() for _ in range(shares // 10)]
    paths = []
    for _ in range(shares // 2 // CAMERAS_A_SITE):
        organization, site = new_id(), new_id()
        paths += [ResourcePath(new_id(), site, organization) for _ in range(CAMERAS_A_SITE)]
    at = clock.now()
    held: dict[str, list[ResourcePath]] = {}
    grants = []
    for number in range(shares):
        account = accounts[int(len(accounts) * dice.random() ** 2)]
        path = dice.choice(paths)
        held.setdefault(account, []).append(path)
        grants.append(
            Grant(
                principal=account,
                resource=path.leaf,
                permissions=int(Permission.LIVE_VIEW | (Permission.PLAYBACK if number % 2 else Permission(0))),
                origin=Origin.SHARE,
                origin_id=new_id(),
                created_at=at,
                created_by=accounts[0],
                ends_at=at + timedelta(days=number % 90) if number % 10 == 0 else None,
            )
        )
    for number, path in enumerate(paths[::CAMERAS_A_SITE]):
        owner = accounts[number % len(accounts)]
        held.setdefault(owner, []).append(path)
        grants.append(
            Grant(
                principal=owner,
                resource=path.organization,
                permissions=2047,
                origin=Origin.MEMBERSHIP,
                origin_id=new_id(),
                created_at=at,
                created_by=owner,
            )
        )
    for start in range(0, len(grants), 5000):
        Grant.objects.bulk_create(grants[start : start + 5000])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return World(accounts, paths, held)


def questions(world: World, count: int) -> list[tuple[str, ResourcePath]]:
    """Two thirds about what is held, one third about what is not."""
    dice = random.Random(11)
    holders = list(world.held)
    found = []
    for number in range(count):
        account = dice.choice(holders)
        path = dice.choice(world.held[account]) if number % 3 else dice.choice(world.paths)
        found.append((account, path))
    return found


def timed(ask: Callable[[str, ResourcePath], Any], asked: Iterable[tuple[str, ResourcePath]]) -> list[float]:
    """Microseconds of each question."""
    taken = []
    for account, path in asked:
        before = time.perf_counter_ns()
        ask(account, path)
        taken.append((time.perf_counter_ns() - before) / 1000)
    return taken


def by_orm(account: str, path: ResourcePath) -> bool:
    """The same rows through the ORM, then the same function."""
    rows = Grant.objects.filter(principal=account, resource__in=path[:3], ended_at=None)
    facts = [
        GrantFacts(
            row.pk,
            row.resource,
            row.permissions,
            row.origin,
            row.origin_id,
            row.created_by,
            row.starts_at.timestamp() if row.starts_at else None,
            row.ends_at.timestamp() if row.ends_at else None,
            row.hours,
            row.footage_last_s,
        )
        for row in rows
    ]
    return Permission.LIVE_VIEW in decide(facts, asked_at()).permissions


CASBIN_MODEL = """
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.obj == p.obj && r.act == p.act
"""


def casbin_of(world: World, policies: int) -> Callable[[str, ResourcePath], bool]:
    """A casbin enforcer that holds `policies` of the grants (it walks them all)."""
    folder = Path(tempfile.mkdtemp(prefix="casbin-"))
    (folder / "model.conf").write_text(CASBIN_MODEL)
    enforcer = casbin.Enforcer(str(folder / "model.conf"))
    lines = [[account, path.leaf, "live_view"] for account, paths in world.held.items() for path in paths][:policies]
    enforcer.add_policies(lines)
    return lambda account, path: bool(enforcer.enforce(account, path.leaf, "live_view"))


CEDAR_POLICY = """
permit (principal, action == Action::"live_view", resource)
  when { principal.cameras.contains(resource.camera) || principal.organizations.contains(resource.organization) };
"""


def by_cedar(account: str, path: ResourcePath) -> bool:
    """Cedar over the slice that concerns this question; cutting the slice is one query, and counted."""
    grants = Grant.objects.filter(principal=account, resource__in=path[:3], ended_at=None)
    at = clock.now()
    held = {row.resource for row in grants if row.ends_at is None or row.ends_at > at}
    entities: list[dict[Any, Any]] = [
        {
            "uid": {"type": "Account", "id": account},
            "attrs": {
                "cameras": [path.leaf] if path.leaf in held else [],
                "organizations": [path.organization] if path.organization in held else [],
            },
            "parents": [],
        },
        {
            "uid": {"type": "Camera", "id": path.leaf},
            "attrs": {"camera": path.leaf, "organization": path.organization},
            "parents": [],
        },
    ]
    request = {
        "principal": f'Account::"{account}"',
        "action": 'Action::"live_view"',
        "resource": f'Camera::"{path.leaf}"',
        "context": {},
    }
    return bool(cedarpy.is_authorized(request, CEDAR_POLICY, entities).allowed)


def ours(account: str, path: ResourcePath) -> bool:
    """What the product does."""
    return Permission.LIVE_VIEW in get_decision(account, path).permissions


def pure_function(world: World) -> tuple[Callable[[str, ResourcePath], bool], list[tuple[str, ResourcePath]]]:
    """The decision alone, with the facts at hand."""
    asked = questions(world, QUESTIONS)
    facts = {(account, path): get_decision(account, path).because for account, path in asked}
    at = asked_at()
    return lambda account, path: bool(decide(facts[account, path], at).permissions), asked


def summary(name: str, taken: list[float]) -> dict[str, Any]:
    """p50, p99 in microseconds, decisions a second."""
    cuts = statistics.quantiles(taken, n=100)
    return {
        "engine": name,
        "p50_us": round(cuts[49], 1),
        "p99_us": round(cuts[98], 1),
        "per_s": round(1e6 / statistics.fmean(taken)),
    }


def main() -> None:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shares", type=int, default=200_000)
    parser.add_argument("--casbin", type=int, default=2_000, help="policies to give casbin, which walks them all")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    print(f"building {options.shares:,} shares …", file=sys.stderr)
    world = build(options.shares)
    asked = questions(world, QUESTIONS)
    few = asked[:PEER_QUESTIONS]
    assert [ours(*question) for question in few] == [by_orm(*question) for question in few]
    assert [ours(*question) for question in few] == [by_cedar(*question) for question in few]
    timed(ours, few)
    pure, known = pure_function(world)
    rows = [
        summary("the pure function alone", timed(pure, known)),
        summary("raw SQL and pure function (the product)", timed(ours, asked)),
        summary("the ORM's query and pure function", timed(by_orm, few)),
        summary("cedarpy on the slice, query included", timed(by_cedar, few)),
        summary(f"casbin, {options.casbin:,} policies only", timed(casbin_of(world, options.casbin), few[:50])),
    ]
    holders = questions(world, 1000)
    lists = timed(lambda account, _path: GrantsOfPrincipal(account).resources, holders)
    rows.append(summary("list: everything one account holds", lists))
    base = rows[1]["p50_us"]
    print(f"{'engine':44} {'p50 µs':>10} {'p99 µs':>10} {'per s':>9} {'× ours':>8}")
    for row in rows:
        row["ratio"] = round(row["p50_us"] / base, 1)
        print(f"{row['engine']:44} {row['p50_us']:>10} {row['p99_us']:>10} {row['per_s']:>9,} {row['ratio']:>8}")
    if options.json:
        options.json.write_text(json.dumps({"shares": options.shares, "database": connection.vendor, "rows": rows}))


if __name__ == "__main__":
    main()
