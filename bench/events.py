"""How fast does control take what cameras say? Batches of a node, as they come in at 100 events a second.

    .venv/bin/python -m bench.events [--cameras 200] [--seconds 30] [--json FILE]

Each second a hundred events begin, spread over the cameras, in four messages; each ends two seconds later, in a message
of its own. Last, a storm: a thousand a minute of one camera. The target is that a message takes less than 100 ms, and
that one process takes more than comes.
"""

import argparse
import json
import os
import random
import tempfile
import time
from itertools import batched, count
from pathlib import Path

os.environ["BELVEDERE_DATA"] = tempfile.mkdtemp(prefix="belvedere-bench-")
os.environ["DJANGO_SETTINGS_MODULE"] = "belvedere.control.settings.base"

import django

django.setup()

import msgspec
from django.core.management import call_command

from belvedere.contracts.camera_events import EventKind, EventReport, EventReports, EventSource
from belvedere.contracts.events import Hello
from belvedere.contracts.ids import new_id
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera, Device
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.devices.services import record_hello
from belvedere.control.events.models import Event
from belvedere.control.events.selectors import glance_at_events, list_events
from belvedere.control.events.services import record_events
from belvedere.control.organizations.models import Site
from belvedere.control.organizations.services import create_organization
from bench.members import person
from bench.table import print_table, row

RATE = 100
KINDS = (EventKind.MOTION, EventKind.PERSON, EventKind.VEHICLE, EventKind.LINE)
_numbers = count(1)


def build(cameras: int) -> tuple[Principal, list[str]]:
    """The owner, and cameras of hers."""
    at, owner = clock.now(), person("owner")
    organization = create_organization(owner, name="Harbour Hotels")
    site = Site.objects.create(organization_id=organization, name="North", created_at=at)
    rows = []
    for number in range(cameras):
        where = {"site": site, "organization_id": organization, "name": f"Camera {number:03}", "created_at": at}
        device = Device.objects.create(kind="camera", shown_address=f"rtsp://127.0.0.1:9/{number}", **where)
        rows.append(Camera(device=device, **where))
    Camera.objects.bulk_create(rows)
    return owner, [camera.pk for camera in rows]


def report(camera: str, kind: EventKind) -> EventReport:
    return EventReport(new_id(), next(_numbers), camera, kind, EventSource.ONVIF, clock.now().timestamp())


def say(reports: list[EventReport]) -> float:
    """Milliseconds that one message takes."""
    began = time.perf_counter()
    assert record_events("local", EventReports("run", reports)).accepted
    return (time.perf_counter() - began) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    call_command("migrate", interactive=False, verbosity=0)
    record_hello("local", Hello("local", "run", "ws://localhost:1", "key"))
    dice = random.Random(7)
    owner, cameras = build(asked.cameras)
    begins, ends = [], []
    started = time.perf_counter()
    for _ in range(asked.seconds):
        reports = [report(dice.choice(cameras), dice.choice(KINDS)) for _ in range(RATE)]
        begins += [say(list(part)) for part in batched(reports, RATE // 4)]
        over = [msgspec.structs.replace(one, sequence=next(_numbers), ended_at=one.started_at + 2) for one in reports]
        ends += [say(list(part)) for part in batched(over, RATE // 4)]
    spent = time.perf_counter() - started
    storm = [report(cameras[0], EventKind.MOTION) for _ in range(1000)]
    stormy = [say(list(part)) for part in batched(storm, 100)]
    reads = []
    for _ in range(20):
        began = time.perf_counter()
        list_events(owner)
        glance_at_events(list_cameras(owner))
        reads.append((time.perf_counter() - began) * 1000)
    rows = [
        row("25 events begin", begins),
        row("25 events end", ends),
        row("100 of a storm of one camera", stormy),
        row(f"a page of events, and {asked.cameras} tiles", reads),
    ]
    print_table(rows)
    rate = round(asked.seconds * RATE / spent)
    print(f"\n{rate} events/s begun and ended by one process; {Event.objects.count()} rows")
    if asked.json:
        asked.json.write_text(json.dumps({"rows": rows, "events_per_s": rate}))


if __name__ == "__main__":
    main()
