"""Events that happened, and servers that hear of them: what tests of notifications ask for."""

import base64
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import transaction

from belvedere.control.core import clock
from belvedere.control.devices.models import Camera
from belvedere.control.events.models import Event
from belvedere.control.events.services.beginning import announce
from belvedere.control.notifications.courier import Courier


def happen(*cameras: str, kind: str = "motion") -> list[str]:
    """Something begins at each of these cameras, and is announced; the ids."""
    owners = dict(Camera.objects.filter(pk__in=cameras).values_list("pk", "organization_id"))
    at = clock.now()
    rows = [
        Event(organization_id=owners[camera], camera_id=camera, kind=kind, source="onvif", started_at=at, heard_at=at)
        for camera in cameras
    ]
    with transaction.atomic():
        Event.objects.bulk_create(rows)
        announce([row.pk for row in rows])
    return [row.pk for row in rows]


def tell() -> int:
    """Spread what was announced; nothing is sent yet."""
    return Courier(1).tell()


def carry() -> None:
    """Tell and send, until nothing is due."""
    courier = Courier(8)
    courier.drain()
    courier.finish()


@dataclass
class Heard:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)


class Listener:
    """An HTTP server on loopback that answers as told and remembers what it heard."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = lambda request: _plain(request, 201)
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.heard.append(Heard(self.path, dict(self.headers.items()), body))
                owner.answer(self)

            def log_message(self, *_args: Any) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = int(self.server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answers(self, status: int, **headers: str) -> None:
        """From now on."""
        self.answer = lambda request: _plain(request, status, **headers)

    def close(self) -> None:
        """Hear no more."""
        self.server.shutdown()
        self.server.server_close()


def _plain(request: BaseHTTPRequestHandler, status: int, **headers: str) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", "0")
    request.end_headers()


@contextmanager
def listening() -> Iterator[Listener]:
    """One of them, for as long as the block."""
    listener = Listener()
    try:
        yield listener
    finally:
        listener.close()


@contextmanager
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield int(door.getsockname()[1])


class Phone:
    """A browser that was subscribed: it alone can read what is pushed to it."""

    def __init__(self, listener: Listener) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = os.urandom(16)
        self.endpoint = f"{listener.url}/push/{os.urandom(6).hex()}"
        self._listener = listener

    @property
    def subscription(self) -> dict[str, Any]:
        """As a browser's `PushSubscription.toJSON()`."""
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.endpoint, "keys": {"p256dh": _text(point), "auth": _text(self._auth)}}

    def read(self) -> list[dict[str, Any]]:
        """What was pushed to it, decrypted."""
        path = self.endpoint.removeprefix(self._listener.url)
        return [
            json.loads(http_ece.decrypt(heard.body, private_key=self._key, auth_secret=self._auth))
            for heard in self._listener.heard
            if heard.path == path
        ]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
