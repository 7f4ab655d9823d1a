"""How many questions does each page ask of the database, and how long does it take? Server time and queries.

    .venv/bin/python -m bench.pages [--cameras 30] [--say PAGE] [--json FILE]

Asked through every middleware, as a browser would, by an owner and by somebody who sees half of his cameras.
`--say` prints the statements of one page, each with the line of ours that asks it.
"""

import argparse
import json
import os
import tempfile
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

os.environ["BELVEDERE_DATA"] = tempfile.mkdtemp(prefix="belvedere-bench-")
os.environ["DJANGO_SETTINGS_MODULE"] = "belvedere.control.settings.base"
os.environ["BELVEDERE_REACH"] = "127.0.0.1/32:9"

import django

django.setup()

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from belvedere.contracts.events import Hello
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sealing import generate_key, public_bytes
from belvedere.control.access.roles import Role
from belvedere.control.core import clock
from belvedere.control.devices.models import Camera
from belvedere.control.devices.services import add_device, record_hello
from belvedere.control.events.models import Event
from belvedere.control.organizations.services import (
    Wish,
    accept_invitation,
    add_site,
    create_organization,
    invite_member,
)
from belvedere.control.sharing.services import Item, accept_share, offer_share
from bench.members import browser, measure, person
from bench.table import print_table

SEEN: Final = Permission.LIVE_VIEW | Permission.PLAYBACK
SITES: Final = 3
PACKAGE: Final = "/belvedere/"


def build(cameras: int) -> tuple[str, list[str]]:
    """The organization and its cameras, half of which Vera sees; every fifth is offered to Rita."""
    owner, vera, rita, mia = (person(name) for name in ("owner", "vera", "rita", "mia"))
    organization = create_organization(owner, name="Harbour Hotels")
    sites = [add_site(owner, organization=organization, name=f"Site {n}").pk for n in range(SITES)]
    for number in range(cameras):
        address = f"rtsp://127.0.0.1:9/{number}"
        add_device(owner, site=sites[number % SITES], name=f"Camera {number:03}", address=address, is_tested=False)
    ids = list(Camera.objects.order_by("name").values_list("pk", flat=True))
    items = [Item(pk, SEEN) for pk in ids]
    accept_share(vera, share=offer_share(owner, recipient=vera.email, items=items[::2]))
    offer_share(owner, recipient=rita.email, items=items[::5])
    wish = Wish(role=Role.VIEWER, sites="all")
    accept_invitation(mia, invitation=invite_member(owner, organization=organization, address=mia.email, wish=wish))
    key = public_bytes(generate_key())
    record_hello("local", Hello(node="local", run="run-1", url="ws://localhost:8001", public_key=key))
    at = clock.now()
    Event.objects.bulk_create(
        Event(
            organization_id=organization,
            camera_id=pk,
            kind="motion",
            source="onvif",
            started_at=at - timedelta(minutes=number),
            heard_at=at,
        )
        for number, pk in enumerate(ids)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return organization, ids


def say(client: Client, path: str) -> None:
    """Print what one page asks, in order, and from where."""
    asked: list[tuple[str, str]] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        ours = [frame for frame in traceback.extract_stack() if PACKAGE in frame.filename]
        lines = (f"{frame.filename.rpartition('/control/')[2]}:{frame.lineno} {frame.name}" for frame in ours[-4:])
        asked.append((" > ".join(line for line in lines if "middleware" not in line), sql))
        return execute(sql, params, many, context)

    client.get(path)
    # Logged, the decision's statement goes through Django's cursor as well, and is heard of.
    with CaptureQueriesContext(connection), connection.execute_wrapper(note):
        client.get(path)
    for number, (where, sql) in enumerate(asked, 1):
        print(f"{number:3} {where}\n      {sql[:150]}")


def main() -> None:
    """Build, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=30)
    parser.add_argument("--say", default="")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    organization, cameras = build(options.cameras)
    owner, vera = browser("owner", organization), Client(SERVER_NAME="localhost")
    vera = browser("vera", "")
    pages = {
        "wall": "/",
        "camera": f"/cameras/{cameras[0]}",
        "inbox": "/inbox",
        "devices": "/devices",
        "sharing": "/sharing",
        "matrix": "/sharing/matrix",
        "share": "/share",
        "guides": "/guides",
        "installations": "/installations",
        "users": "/admin/users",
        "sites": "/admin/sites",
        "account": "/account",
        "security": "/account/security",
        "notifications": "/account/notifications",
        "audit": "/audit",
        "API cameras": "/api/v1/cameras",
        "API camera": f"/api/v1/cameras/{cameras[0]}",
        "API shares": "/api/v1/shares?direction=given",
        "API devices": "/api/v1/devices",
        "API inbox": "/api/v1/inbox",
    }
    if options.say:
        who, _, page = options.say.rpartition(":")
        say(vera if who == "vera" else owner, pages.get(page, page))
        return
    found = []
    for name, path in pages.items():
        for who, client in (("owner", owner), ("vera", vera)):
            if client.get(path).status_code == 200:
                found.append(measure(client, f"{name}, {who}", path))
    print(f"{options.cameras} cameras")
    print_table(found)
    for line in found:
        print(f"{line['what']:34} {line['queries']:>5} queries")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
