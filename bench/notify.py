"""How fast is an event handed to those who want to know? To a push endpoint on loopback, through all there is.

    .venv/bin/python -m bench.notify [--seconds 10] [--subscribers 10000] [--json FILE]

First a hundred events a second, each at another camera and pushed to another person's browser: from the event's
announcement to the push in the endpoint's hands. Then one event of a camera with ten thousand subscribers: until all
have their line and their push waits in the outbox, until all pushes were handed over, and what memory that took. The
targets: p50 ≤ 500 ms and p99 ≤ 2 s; the fan-out ≤ 5 s, memory flat.
"""

import argparse
import base64
import json
import os
import tempfile
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

os.environ["BELVEDERE_DATA"] = tempfile.mkdtemp(prefix="belvedere-bench-")
os.environ["BELVEDERE_EGRESS"] = "127.0.0.0/8"
os.environ["DJANGO_SETTINGS_MODULE"] = "belvedere.control.settings.base"

import django

django.setup()

import multiprocessing
import socket

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.management import call_command
from django.db import connection, transaction

from belvedere.contracts.ids import new_id
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant, Origin
from belvedere.control.accounts.models import Account, Session
from belvedere.control.core import clock, vault
from belvedere.control.devices.models import Camera
from belvedere.control.events.models import Event
from belvedere.control.events.services.beginning import announce
from belvedere.control.notifications import web_push
from belvedere.control.notifications.courier import Courier
from belvedere.control.notifications.models import Notification, PushSubscription
from belvedere.control.outbox.models import Message
from bench.events import build
from bench.table import print_table, row

RATE = 100


def endpoint(port: "multiprocessing.Queue[int]", heard: "multiprocessing.Queue[tuple[str, float]]") -> None:
    """A push service, in a process of its own: takes everything, and says when it had what."""
    door = socket.create_server(("127.0.0.1", 0), backlog=512)
    port.put(door.getsockname()[1])

    def serve(line: socket.socket) -> None:
        with line:
            got = b""
            while b"\r\n\r\n" not in got:
                got += line.recv(8192)
            heard.put((got.split(b" ", 2)[1].decode(), time.time()))
            line.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

    while True:
        line, _peer = door.accept()
        threading.Thread(target=serve, args=(line,), daemon=True).start()


def subscribe(accounts: list[str], port: int) -> None:
    """A sign-in and a browser each. One key for all: what it costs to encrypt for one is the same for each."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    raw = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    point = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    at = clock.now()
    ends = at + timedelta(days=1)
    Session.objects.bulk_create(
        [
            Session(session_key=f"{number:064}", account_id=account, created_at=at, expire_date=ends, session_data="")
            for number, account in enumerate(accounts)
        ],
        batch_size=500,
    )
    rows = []
    for number, account in enumerate(accounts):
        pk, url = new_id(), f"http://127.0.0.1:{port}/{account}"
        browser = web_push.write_browser(web_push.Browser(url, point, "AAAAAAAAAAAAAAAAAAAAAA"))
        rows.append(
            PushSubscription(
                id=pk,
                account_id=account,
                credential=f"session:{number:064}",
                keys=vault.seal(browser, table="push_subscription", row=pk, field="keys"),
                digest=f"{number:064}",
                host="127.0.0.1",
                created_at=at,
            )
        )
    PushSubscription.objects.bulk_create(rows, batch_size=500)


def people(count: int, camera: str) -> list[str]:
    """Accounts that hold `notify` on one camera."""
    at = clock.now()
    accounts = [Account(email=f"{number}@example.org", name=f"Person {number}") for number in range(count)]
    Account.objects.bulk_create(accounts, batch_size=500)
    grants = [
        Grant(
            principal=account.pk,
            resource=camera,
            permissions=int(Permission.LIVE_VIEW | Permission.NOTIFY),
            origin=Origin.SHARE,
            origin_id=new_id(),
            created_at=at,
            created_by="",
        )
        for account in accounts
    ]
    Grant.objects.bulk_create(grants, batch_size=500)
    return [account.pk for account in accounts]


def happen(cameras: list[str], organization: str) -> None:
    at = clock.now()
    with transaction.atomic():
        rows = [
            Event(
                organization_id=organization,
                camera_id=camera,
                kind="motion",
                source="onvif",
                started_at=at,
                heard_at=at,
            )
            for camera in cameras
        ]
        Event.objects.bulk_create(rows)
        announce([event.pk for event in rows])


def rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def work(courier: Courier, stop: threading.Event) -> None:
    try:
        courier.run(stop)
    finally:
        connection.close()


def main() -> None:  # noqa: PLR0915  one measurement after the other
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    call_command("migrate", interactive=False, verbosity=0)
    port: multiprocessing.Queue[int] = multiprocessing.Queue()
    heard: multiprocessing.Queue[tuple[str, float]] = multiprocessing.Queue()
    service = multiprocessing.Process(target=endpoint, args=(port, heard), daemon=True)
    service.start()
    at_port = port.get(timeout=10)
    total = asked.seconds * RATE
    _owner, cameras = build(total)
    organization = Camera.objects.values_list("organization", flat=True).get(pk=cameras[0])
    # A person for each camera: one person is sent thirty a minute at most.
    listeners = {camera: people_of(camera) for camera in cameras}
    subscribe(list(listeners.values()), at_port)
    stop = threading.Event()
    carrying = threading.Thread(target=work, args=(Courier(), stop))
    carrying.start()
    said: dict[str, float] = {}
    began = time.time()
    for number in range(0, total, 5):
        time.sleep(max(0.0, began + number / RATE - time.time()))
        now = cameras[number : number + 5]
        said.update(dict.fromkeys((f"/{listeners[camera]}" for camera in now), time.time()))
        happen(now, organization)
    delays = []
    for _each in range(total):
        path, at = heard.get(timeout=60)
        delays.append((at - said[path]) * 1000)
    stop.set()
    carrying.join()
    rows = [row(f"event → push, {RATE} events/s", delays)]
    PushSubscription.objects.all().delete()
    Session.objects.all().delete()
    Message.objects.all().delete()
    subscribe(people(asked.subscribers, cameras[0]), at_port)
    before = rss_mb()
    happen([cameras[0]], organization)
    began = time.time()
    assert Courier(1).tell() == 1
    spread = time.time() - began
    assert Notification.objects.filter(resource=cameras[0]).count() >= asked.subscribers
    after = rss_mb()
    courier = Courier()
    courier.drain()
    courier.finish()
    handed = time.time() - began
    pushed = Counter(heard.get(timeout=60)[0] for _each in range(asked.subscribers))
    assert set(pushed.values()) == {1}, "somebody was pushed to twice"
    figures = {
        "spread_s": round(spread, 1),
        "handed_over_s": round(handed, 1),
        "memory_while_spreading_mb": round(after - before, 1),
        "memory_while_handing_over_mb": round(rss_mb() - after, 1),
    }
    print_table(rows)
    print(f"\n{asked.subscribers} subscribers to one event: {figures}")
    if asked.json:
        asked.json.write_text(json.dumps({"rows": rows, **figures}))
    service.kill()
    service.join()


def people_of(camera: str) -> str:
    """One person who is told of one camera."""
    account = Account.objects.create(email=f"{camera}@example.org", name="Person")
    Grant.objects.create(
        principal=account.pk,
        resource=camera,
        permissions=int(Permission.LIVE_VIEW | Permission.NOTIFY),
        origin=Origin.SHARE,
        origin_id=new_id(),
        created_at=clock.now(),
        created_by="",
    )
    return str(account.pk)


if __name__ == "__main__":
    main()
