"""How long does an organization with 500 devices and 2,000 shares take to change hands? One transaction, at a go.

    .venv/bin/python -m bench.handover [--devices 500] [--shares 2000] [--rounds 3] [--viewers 20] [--json FILE]

plan read        every row with its verdict, as the plan's page asks for them
everything goes on / ends   from before the acceptance until it is committed, and all that follows at once is done

With viewers, `bench.handover_cut` then does it once more on the whole product, while they watch.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

# `bench.handover_cut` builds the same in an installation that runs already.
if "BELVEDERE_DATA" not in os.environ:
    os.environ["BELVEDERE_DATA"] = tempfile.mkdtemp(prefix="belvedere-bench-")
os.environ["BELVEDERE_REACH"] = "127.0.0.0/8"
os.environ["DJANGO_SETTINGS_MODULE"] = "belvedere.control.settings.base"

import django

django.setup()

from django.core.management import call_command
from django.db import connection

from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant, Origin
from belvedere.control.access.roles import Role
from belvedere.control.accounts.models import Account
from belvedere.control.accounts.services import create_account
from belvedere.control.core import clock, vault
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera, Device
from belvedere.control.devices.sources import Source, Streams, write_source
from belvedere.control.handover.selectors import get_plan
from belvedere.control.handover.services import accept_handover, change_plan, offer_handover, plan_handover
from belvedere.control.organizations.selectors import find_membership
from belvedere.control.organizations.services import (
    Wish,
    accept_invitation,
    add_site,
    create_organization,
    invite_member,
    register_account,
)
from belvedere.control.sharing.models import Recipient, Share, ShareItem
from bench.table import print_table, row

PASSWORD: Final = "bench-of-handover"  # noqa: S105  of a throw-away installation
GIVEN: Final = Permission.LIVE_VIEW | Permission.PLAYBACK | Permission.NOTIFY


def person(key: str) -> Principal:
    """Somebody who owns or is to own."""
    email = f"{key}@example.org"
    account = create_account(email=email, name=key.capitalize(), password=PASSWORD, is_verified=True)
    actor = Principal(account.pk, account.name, email, proved_at=clock.now())
    register_account(actor)
    return actor


def build(key: str, devices: int, shares: int, *, are_off: bool = False) -> tuple[Principal, Principal, str]:
    """The giver, the receiver and the organization. Rows as the services would have written them.

    are_off  the cameras are switched off, so that no node looks for what is not there
    """
    giver, receiver, at = person(f"giver{key}"), person(f"receiver{key}"), clock.now()
    organization = create_organization(giver, name=f"Harbour Hotels {key}")
    site = add_site(giver, organization=organization, name="North").pk
    wish = Wish(role=Role.SUPER_ADMIN, sites="all")
    sent = invite_member(giver, organization=organization, address=receiver.email, wish=wish)
    accept_invitation(receiver, invitation=sent)
    bound = [
        Device(
            organization_id=organization,
            site_id=site,
            name=f"Camera {number:03}",
            created_at=at,
            bound_by=giver.id,
            shown_address="rtsp://127.0.0.1:9",
        )
        for number in range(devices)
    ]
    for device in bound:
        text = write_source(Source({"": Streams(f"rtsp://127.0.0.1:9/{device.pk}")}))
        device.source = vault.seal(text, table="device", row=device.pk, field="source")
    Device.objects.bulk_create(bound, batch_size=200)
    cameras = [
        Camera(
            device=device,
            organization_id=organization,
            site_id=site,
            name=device.name,
            created_at=at,
            disabled_at=at if are_off else None,
        )
        for device in bound
    ]
    Camera.objects.bulk_create(cameras, batch_size=200)
    _share(giver, organization, cameras, shares, key)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return giver, receiver, organization


def _share(giver: Principal, organization: str, cameras: list[Camera], number: int, key: str) -> None:
    at = clock.now()
    membership = find_membership(giver.id, organization, needs=Permission.SHARE)
    assert membership
    accounts = [Account(email=f"guest{n}.{key}@example.org", name=f"Guest {n:04}") for n in range(number)]
    Account.objects.bulk_create(accounts, batch_size=200)
    people = [
        Recipient(sharer_id=giver.id, email=account.email, account=account, created_at=at) for account in accounts
    ]
    Recipient.objects.bulk_create(people, batch_size=200)
    shares = [
        Share(
            organization_id=organization,
            membership_id=membership.id,
            sharer_id=giver.id,
            recipient=recipient,
            accepted_by=account.pk,
            state=OfferState.ACCEPTED,
            offered_at=at,
            decided_at=at,
        )
        for account, recipient in zip(accounts, people, strict=True)
    ]
    Share.objects.bulk_create(shares, batch_size=200)
    pairs = [(share, cameras[place % len(cameras)]) for place, share in enumerate(shares)]
    ShareItem.objects.bulk_create(
        [ShareItem(share=share, camera=camera, permissions=int(GIVEN), given_at=at) for share, camera in pairs],
        batch_size=200,
    )
    Grant.objects.bulk_create(
        [
            Grant(
                principal=share.accepted_by,
                resource=camera.pk,
                permissions=int(GIVEN),
                origin=Origin.SHARE,
                origin_id=share.pk,
                created_at=at,
                created_by=giver.id,
            )
            for share, camera in pairs
        ],
        batch_size=200,
    )


def hand(key: str, verdict: str, options: argparse.Namespace) -> tuple[float, float]:
    """(plan read, accepted) in ms, of a fresh organization."""
    giver, receiver, organization = build(key, options.devices, options.shares)
    handover = plan_handover(
        giver, kind="organization", thing=organization, receiver=receiver.email, afterwards="leaves"
    )
    change_plan(giver, handover=handover, rest=verdict)
    change_plan(giver, handover=handover, rest=verdict)
    began = time.perf_counter()
    assert not get_plan(giver, handover).open_rows
    read = time.perf_counter() - began
    offer_handover(giver, handover=handover)
    began = time.perf_counter()
    accept_handover(receiver, handover=handover)
    return read * 1000, (time.perf_counter() - began) * 1000


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All rows."""
    reads: list[float] = []
    found = []
    for verdict, words in (("carry_over", "everything goes on"), ("end", "everything ends")):
        taken = []
        for number in range(options.rounds):
            read, accepted = hand(f"{verdict}{number}", verdict, options)
            reads.append(read)
            taken.append(accepted)
        found.append(row(f"accepted, {words}", taken))
    return [row("plan read", reads), *found]


def _cut(options: argparse.Namespace) -> list[dict[str, Any]]:
    """In a process of its own: one process has one installation."""
    wanted = {name: str(getattr(options, name)) for name in ("devices", "shares", "viewers")}
    with tempfile.NamedTemporaryFile(suffix=".json") as answer:
        words = [word for name, value in wanted.items() for word in (f"--{name}", value)]
        environment = {name: value for name, value in os.environ.items() if name != "BELVEDERE_DATA"}
        command = [sys.executable, "-m", "bench.handover_cut", *words, "--json", answer.name]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        rows: list[dict[str, Any]] = json.loads(Path(answer.name).read_text())
    return rows


def main() -> None:
    """Build, hand over, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--shares", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--viewers", type=int, default=20, help="0: nobody watches, nothing is cut")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    from belvedere.control.composition import compose

    compose()
    found = measure(options)
    if options.viewers:
        found += _cut(options)
    print_table(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
