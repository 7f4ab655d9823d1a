"""How long does the matrix of shares take with 200 people and 100 cameras? Server time and queries.

    .venv/bin/python -m bench.sharing [--people 200] [--cameras 100] [--json FILE]

Asked through every middleware, as a browser would, by the owner. Each person has a third of the cameras; one in ten has
all of them; one in ten has not answered yet; one in twenty is a member instead. The target is 150 ms for the page, with
a number of queries that does not grow.
"""

import argparse
import json
import os
import random
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Final

os.environ["BELVEDERE_DATA"] = tempfile.mkdtemp(prefix="belvedere-bench-")
os.environ["DJANGO_SETTINGS_MODULE"] = "belvedere.control.settings.base"

import django

django.setup()

from django.core.management import call_command
from django.db import connection

from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant, Origin
from belvedere.control.access.roles import PERMISSIONS, Role
from belvedere.control.accounts.models import Account
from belvedere.control.core import clock
from belvedere.control.core.offers import OfferState
from belvedere.control.devices.models import Camera, Device
from belvedere.control.organizations.models import Membership, Site
from belvedere.control.organizations.services import create_organization
from belvedere.control.sharing.models import Recipient, Share, ShareItem
from bench.members import browser, measure, person
from bench.table import print_table

SETS: Final = (
    Permission.LIVE_VIEW,
    Permission.LIVE_VIEW | Permission.NOTIFY,
    Permission.LIVE_VIEW | Permission.PLAYBACK,
    Permission.LIVE_VIEW | Permission.PLAYBACK | Permission.LISTEN | Permission.EXPORT,
)
SITES: Final = 5


def build(people: int, cameras: int) -> str:
    """The organization. Rows as the services would have written them."""
    dice, at = random.Random(7), clock.now()
    owner = person("owner")
    organization = create_organization(owner, name="Harbour Hotels")
    sites = [Site(organization_id=organization, name=f"Site {n}", created_at=at) for n in range(SITES)]
    Site.objects.bulk_create(sites)
    rows = []
    for number in range(cameras):
        site = sites[number % SITES]
        where = {"site": site, "organization_id": organization, "name": f"Camera {number:03}", "created_at": at}
        device = Device.objects.create(kind="camera", shown_address=f"rtsp://127.0.0.1:9/{number}", **where)
        rows.append(Camera(device=device, **where))
    Camera.objects.bulk_create(rows)
    ids = [row.pk for row in rows]
    sharer = Membership.objects.get(organization_id=organization, account_id=owner.id)
    accounts = [Account(email=f"person{n}@example.org", name=f"Person {n:03}") for n in range(people)]
    Account.objects.bulk_create(accounts)
    for number, account in enumerate(accounts):
        if number % 20 == 3:
            _join(account, organization)
            continue
        is_pending = number % 10 == 7
        share = Share.objects.create(
            organization_id=organization,
            membership=sharer,
            sharer_id=owner.id,
            recipient=Recipient.objects.create(
                sharer_id=owner.id, email=account.email, account=None if is_pending else account, created_at=at
            ),
            state=OfferState.PENDING if is_pending else OfferState.ACCEPTED,
            accepted_by="" if is_pending else account.pk,
            offered_at=at,
            decided_at=None if is_pending else at - timedelta(days=40),
            ends_at=at + timedelta(days=dice.randint(1, 200)) if number % 3 == 0 else None,
        )
        shared = ids if number % 10 == 0 else dice.sample(ids, max(1, cameras // 3))
        items = [ShareItem(share=share, camera_id=pk, permissions=int(dice.choice(SETS))) for pk in shared]
        ShareItem.objects.bulk_create(items)
        if not is_pending:
            Grant.objects.bulk_create(
                Grant(
                    principal=account.pk,
                    resource=item.resource,
                    permissions=item.permissions,
                    origin=Origin.SHARE,
                    origin_id=share.pk,
                    created_at=at,
                    created_by=owner.id,
                )
                for item in items
            )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return organization


def _join(account: Account, organization: str) -> None:
    at = clock.now()
    member = Membership.objects.create(
        organization_id=organization, account=account, role=Role.VIEWER, is_everywhere=True, created_at=at
    )
    Grant.objects.create(
        principal=account.pk,
        resource=organization,
        permissions=int(PERMISSIONS[Role.VIEWER]),
        origin=Origin.MEMBERSHIP,
        origin_id=member.pk,
        created_at=at,
        created_by=account.pk,
    )


def main() -> None:
    """Build, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--cameras", type=int, default=100)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    owner = browser("owner", build(options.people, options.cameras))
    found = [
        measure(owner, "matrix, by person", "/sharing/matrix"),
        measure(owner, "matrix, by camera", "/sharing/matrix?by=camera"),
        measure(owner, "matrix, what is unused", "/sharing/matrix?show=unused"),
        measure(owner, "matrix, as a file", "/sharing/matrix.csv"),
    ]
    print(f"{options.people} people, {options.cameras} cameras")
    print_table(found)
    print("queries: " + ", ".join(f"{line['what']} {line['queries']}" for line in found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
