"""How long do Admin's pages take in an organization of 5,000 members and 500 sites? Server time and queries.

    .venv/bin/python -m bench.members [--members 5000] [--sites 500] [--json FILE]

Asked through every middleware, as a browser would, by the owner and by somebody who is Admin of one site. A fifth of
the members has every site, the others one to three, and one in ten another role on one of them; sixty invitations wait.
"""

import argparse
import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any, Final

os.environ["BELVEDERE_DATA"] = tempfile.mkdtemp(prefix="belvedere-bench-")
os.environ["DJANGO_SETTINGS_MODULE"] = "belvedere.control.settings.base"

import django

django.setup()

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from belvedere.control.access.models import Grant, Origin
from belvedere.control.access.roles import PERMISSIONS, Role
from belvedere.control.accounts.models import Account
from belvedere.control.accounts.services import create_account
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.models import Membership, Site, SiteRole
from belvedere.control.organizations.services import (
    Wish,
    accept_invitation,
    create_organization,
    invite_member,
    register_account,
)
from bench.table import print_table, row

PASSWORD: Final = "bench-of-members"  # noqa: S105  of a throw-away installation
ROLES: Final = (Role.OPERATOR, Role.VIEWER, Role.VIEWER, Role.LIVE_ONLY)
WAITING: Final = 60
ASKED: Final = 30


def person(key: str) -> Principal:
    """Somebody who can sign in."""
    email = f"{key}@example.org"
    account = create_account(email=email, name=key.capitalize(), password=PASSWORD, is_verified=True)
    actor = Principal(account.pk, account.name, email, proved_at=clock.now())
    register_account(actor)
    return actor


def build(members: int, sites: int) -> tuple[str, str, list[str]]:
    """The organization, one plain member of it, and its sites. Rows as the services would have written them."""
    dice, at = random.Random(5), clock.now()
    owner, admin = person("owner"), person("admin")
    organization = create_organization(owner, name="Harbour Hotels")
    places = [Site(organization_id=organization, name=f"Site {n:03}", created_at=at) for n in range(sites)]
    Site.objects.bulk_create(places)
    ids = [place.pk for place in places]
    accounts = [
        Account(email=f"member{n}@example.org", name=f"Member {dice.randrange(10**6):06}", last_login=at)
        for n in range(members)
    ]
    Account.objects.bulk_create(accounts, batch_size=500)
    rows, roles, grants = [], [], []
    for number, account in enumerate(accounts):
        role, is_everywhere = dice.choice(ROLES), number % 5 == 0
        member = Membership(
            organization_id=organization, account=account, role=role, is_everywhere=is_everywhere, created_at=at
        )
        held = {} if is_everywhere else dict.fromkeys(dice.sample(ids, dice.randint(1, 3)), role)
        if held and number % 10 == 1:
            held[next(iter(held))] = Role.LIVE_ONLY
        rows.append(member)
        roles += [SiteRole(membership=member, site_id=site, role=other) for site, other in held.items()]
        grants += [
            Grant(
                principal=account.pk,
                resource=resource,
                permissions=int(PERMISSIONS[given]),
                origin=Origin.MEMBERSHIP,
                origin_id=member.pk,
                created_at=at,
                created_by=owner.id,
            )
            for resource, given in (held or {organization: role}).items()
        ]
    Membership.objects.bulk_create(rows, batch_size=500)
    SiteRole.objects.bulk_create(roles, batch_size=500)
    Grant.objects.bulk_create(grants, batch_size=500)
    sent = invite_member(
        owner, organization=organization, address=admin.email, wish=Wish(role=Role.ADMIN, sites=ids[:1])
    )
    accept_invitation(admin, invitation=sent)
    for number in range(WAITING):
        wish = Wish(role=Role.VIEWER, sites=dice.sample(ids, 3))
        invite_member(owner, organization=organization, address=f"guest{number}@example.org", wish=wish)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return organization, rows[7].pk, ids


def browser(name: str, organization: str) -> Client:
    """Somebody's, in the organization."""
    client = Client(SERVER_NAME="localhost")
    answer = client.post("/sign-in", {"login": f"{name}@example.org", "password": PASSWORD})
    assert answer.status_code == 302, answer.status_code
    client.post("/organizations/switch", {"organization": organization})
    return client


def measure(client: Client, what: str, path: str) -> dict[str, Any]:
    """One page, often enough; how many queries it takes."""
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path)
    asked = len(queries)  # the next request forgets them
    assert answer.status_code == 200, (path, answer.status_code)
    taken = []
    for _ in range(ASKED):
        before = time.perf_counter()
        client.get(path)
        taken.append((time.perf_counter() - before) * 1000)
    return row(what, taken) | {"queries": asked, "kilobytes": len(answer.content) // 1024}


def main() -> None:
    """Build, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=5000)
    parser.add_argument("--sites", type=int, default=500)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    organization, member, sites = build(options.members, options.sites)
    owner, admin = browser("owner", organization), browser("admin", organization)
    deep = new_id()  # no such member: a place in the order of names is all that a page needs to go on
    found = [
        measure(owner, "users", "/admin/users"),
        measure(owner, "users, far down", f"/admin/users?after=Member%20900000%3A{deep}"),
        measure(owner, "users, by name", "/admin/users?q=member%209"),
        measure(owner, "users, by role and site", f"/admin/users?role=viewer&site={sites[3]}"),
        measure(owner, "invite", "/admin/users/invite"),
        measure(owner, "one member", f"/admin/users/{member}"),
        measure(owner, "sites", "/admin/sites"),
        measure(owner, "settings", "/admin/settings"),
        measure(admin, "users, for a site's admin", "/admin/users"),
        measure(admin, "sites, for a site's admin", "/admin/sites"),
    ]
    print(f"{options.members} members, {options.sites} sites")
    print_table(found)
    print("queries: " + ", ".join(f"{line['what']} {line['queries']}" for line in found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
