"""The real product for measurements: `belvedere serve` in a throw-away folder, cameras of our own, the cast of tests.

    async with Product.start(cameras=1) as product: …

Everything on loopback; everything ended on leaving.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from belvedere.config import free_port

ROOT = Path(__file__).parent.parent
START_TIMEOUT_S = 180.0


@dataclass
class Product:
    """A running installation."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]
    olivia: Any
    rita: Any
    cameras: list[str] = field(default_factory=list)

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, *, cameras: int = 1) -> AsyncIterator["Product"]:
        """Serve, bind `cameras` cameras of Olivia's, wait until they are online."""
        folder = Path(tempfile.mkdtemp(prefix="belvedere-bench-"))
        port = free_port()
        os.environ |= {
            "BELVEDERE_DATA": str(folder),
            "BELVEDERE_PORT": str(port),
            "BELVEDERE_REACH": "127.0.0.0/8",
            "BELVEDERE_SIGNUP": "open",
            "DJANGO_SETTINGS_MODULE": "belvedere.control.settings.base",
        }
        process = subprocess.Popen(  # noqa: ASYNC220  nothing else runs on this loop yet
            [sys.executable, "-m", "belvedere.cli", "serve"],
            stderr=(folder / "serve.log").open("wb"),
        )
        url = f"http://localhost:{port}"
        try:
            await asyncio.to_thread(_wait_ready, url, process)
            olivia, rita = await asyncio.to_thread(_cast)
            product = cls(url, folder, process, olivia, rita)
            with serve_cameras(cameras) as addresses:
                for number, address in enumerate(addresses):
                    await asyncio.to_thread(product._bind, address, number)
                await asyncio.to_thread(product._wait_online)
                yield product
        finally:
            process.terminate()
            process.wait(20)
            shutil.rmtree(folder, ignore_errors=True)

    def api(self, person: Any) -> httpx.Client:
        """A client that calls as `person`."""
        return httpx.Client(
            base_url=f"{self.url}/api/v1/", headers={"Authorization": f"Bearer {person.token()}"}, timeout=30
        )

    def pids(self, role: str) -> list[int]:
        """Processes of one role, among the children of this installation."""
        return pids_of(role, self.folder)

    def _bind(self, address: str, number: int) -> None:
        answer = self.api(self.olivia).post(
            "devices", json={"name": f"Camera {number}", "site": self.olivia.site, "address": address, "test": False}
        )
        assert answer.status_code == 201, answer.text
        self.cameras.append(answer.json()["cameras"][0]["id"])

    def _wait_online(self) -> None:
        client = self.api(self.olivia)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            items = client.get("cameras").json()["items"]
            if all(item["state"] == "online" for item in items):
                return
            time.sleep(0.1)
        message = "the cameras did not come online"
        raise TimeoutError(message)


def pids_of(role: str, folder: Path) -> list[int]:
    """Processes of one role of the installation in `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                environment = (entry / "environ").read_bytes()
                if role.encode() in words and str(folder).encode() in environment:
                    found.append(int(entry.name))
    return found


def _wait_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            media = url.rpartition(":")[0] + f":{int(url.rpartition(':')[2]) + 1}"
            if httpx.get(f"{url}/readyz").status_code == 200 and httpx.get(f"{media}/healthz").status_code == 200:
                return
        time.sleep(0.1)
    message = "the product did not start"
    raise TimeoutError(message)


@contextlib.contextmanager
def serve_cameras(count: int) -> Iterator[list[str]]:
    """Cameras in a process of their own; their addresses."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.crowd", "cameras", str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        yield [process.stdout.readline().strip() for _ in range(count)]
    finally:
        process.terminate()
        process.wait(20)


def _cast() -> tuple[Any, Any]:
    sys.path.insert(0, str(ROOT / "tests"))
    import django

    django.setup()
    import cast

    return cast.make("olivia"), cast.make("rita")
