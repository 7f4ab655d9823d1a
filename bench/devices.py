"""How long do the pages of devices take in an organization of 1,000? Server time and queries.

    .venv/bin/python -m bench.devices [--devices 1000] [--sites 20] [--json FILE]

Asked through every middleware, as a browser would. Nine in ten are cameras, the others recorders of eight channels.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ["BELVEDERE_DATA"] = tempfile.mkdtemp(prefix="belvedere-bench-")
os.environ["DJANGO_SETTINGS_MODULE"] = "belvedere.control.settings.base"

import django

django.setup()

from django.core.management import call_command
from django.db import connection

from belvedere.control.core import clock
from belvedere.control.devices.models import Camera, Device
from belvedere.control.organizations.models import Site
from belvedere.control.organizations.services import create_organization
from bench.members import browser, measure, person
from bench.table import print_table


def build(count: int, sites: int) -> tuple[str, str]:
    """The organization, and one of its recorders. Rows as the services would have written them."""
    at, owner = clock.now(), person("owner")
    organization = create_organization(owner, name="Harbour Hotels")
    places = [Site(organization_id=organization, name=f"Site {n:03}", created_at=at) for n in range(sites)]
    Site.objects.bulk_create(places)
    devices, cameras = [], []
    for number in range(count):
        is_recorder = number % 10 == 0
        device = Device(
            organization_id=organization,
            site=places[number % sites],
            name=f"Device {number:04}",
            kind="recorder" if is_recorder else "camera",
            source="",
            shown_address=f"rtsp://10.0.{number // 250}.{number % 250}:554",
            created_at=at,
            bound_by=owner.id,
        )
        devices.append(device)
        cameras += [
            Camera(
                device=device,
                organization_id=organization,
                site_id=device.site_id,
                name=f"{device.name}.{channel}",
                channel=str(channel),
                created_at=at,
                state="online" if number % 7 else "offline",
                state_since=at,
            )
            for channel in range(8 if is_recorder else 1)
        ]
    Device.objects.bulk_create(devices, batch_size=500)
    Camera.objects.bulk_create(cameras, batch_size=500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return organization, devices[0].pk


def main() -> None:
    """Build, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--sites", type=int, default=20)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    organization, recorder = build(options.devices, options.sites)
    owner = browser("owner", organization)
    found = [
        measure(owner, "devices", "/devices"),
        measure(owner, "devices, by name", "/devices?q=device%2009"),
        measure(owner, "devices, to look at", "/devices?show=attention"),
        measure(owner, "one recorder", f"/devices/{recorder}"),
        measure(owner, "API, 100 of them", "/api/v1/devices"),
    ]
    print(f"{options.devices} devices, {options.sites} sites")
    print_table(found)
    print("queries: " + ", ".join(f"{line['what']} {line['queries']}" for line in found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
