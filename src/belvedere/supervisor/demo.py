"""`demo`: a whole installation with cameras, people and shares in it, on this machine and for this machine alone."""

import asyncio
import contextlib
import json
import secrets
import socket
import time
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from belvedere.config import Settings, free_port
from belvedere.supervisor.child import Child, listens, run_to_end
from belvedere.supervisor.premises import ExitCode, StartError, private_file
from belvedere.supervisor.serve import Installation, Say, running

#: What of the operator's environment a demo listens to. Everything else would make it less of a demo.
_HEARD: Final = ("BELVEDERE_HOST", "BELVEDERE_NATS_SERVER", "BELVEDERE_THREADS", "BELVEDERE_LOG_FORMAT")
_CAMERAS: Final = "cameras.json"


@dataclass(frozen=True, kw_only=True)
class SampleCameras:
    """Where sample cameras and alarm's broker listen, what they ask for; kept from one start of a demo to the next."""

    port: int
    broker_port: int
    password: str

    @classmethod
    def of(cls, folder: Path) -> "SampleCameras":
        """Those of this demo's folder. Raises StartError when there are none."""
        try:
            return cls(**json.loads((folder / _CAMERAS).read_text(encoding="ascii")))
        except (OSError, ValueError, TypeError):
            message = "the demo's cameras are not described"
            raise StartError(message) from None

    @classmethod
    def settle_in(cls, folder: Path) -> "SampleCameras":
        """As before if there was a before, and nobody else has the ports by now. For the supervisor alone."""
        try:
            before = cls.of(folder)
        except StartError:
            before = cls(port=free_port(), broker_port=free_port(), password=secrets.token_urlsafe(12))
        ports = [port if _is_free(port) else free_port() for port in (before.port, before.broker_port)]
        cameras = cls(port=ports[0], broker_port=ports[1], password=before.password)
        private_file(folder / _CAMERAS, json.dumps(asdict(cameras)).encode())
        return cameras


def demo_env(env: Mapping[str, str], *, port: int, data: Path) -> dict[str, str]:
    """The environment of a demo. Raises StartError when it would be seen from another machine (N39)."""
    host = env.get("BELVEDERE_HOST", "127.0.0.1")
    try:
        is_here = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_here = False
    if not is_here:
        message = f"a demo has public passwords and stays on this machine: BELVEDERE_HOST={host} is refused"
        raise StartError(message, ExitCode.USAGE)
    return {name: value for name, value in env.items() if not name.startswith("BELVEDERE_") or name in _HEARD} | {
        "BELVEDERE_HOST": "127.0.0.1" if host == "localhost" else host,
        "BELVEDERE_PORT": str(port),
        "BELVEDERE_DATA": str(data.absolute()),
        "BELVEDERE_SIGNUP": "open",
        "BELVEDERE_REACH": "127.0.0.0/8,::1/128",
        "BELVEDERE_EGRESS": "127.0.0.0/8,::1/128",
        "BELVEDERE_DEMO": "true",
    }


async def show(
    settings: Settings, env: Mapping[str, str], say: Say, announce: Callable[[dict[str, Any]], None], began: float
) -> None:
    """Serve a demo until cancelled. `announce` gets what `--json` prints, once everything answers.

    began  `time.monotonic()` of the start, which `ready_s` counts from
    """
    async with running(settings, env, say) as installation:
        cameras = SampleCameras.settle_in(settings.data)
        probe = listens("127.0.0.1", cameras.port)
        child = Child("cameras", installation.command("demo-cameras"), installation.env_of("media"), probe=probe)
        await installation.add(child, stops_last=True)
        say("inviting the cast")
        cast, _ = await asyncio.gather(_cast(installation), installation.ready())
        announce({"url": settings.url, **cast, "ready_s": round(time.monotonic() - began, 1)})
        await asyncio.Event().wait()


def open_browser(url: str) -> None:
    """Show the page, where there is a desktop. Never a reason to fail: the address stands in the terminal."""
    with contextlib.suppress(Exception):
        webbrowser.open(url)


async def _cast(installation: Installation) -> dict[str, Any]:
    """The people and their cameras, made on the first start: `{"accounts": […], "cameras": […], "panels": […]}`."""
    output = await run_to_end("cast", installation.command("demo-cast"), installation.env_of("control"))
    cast: dict[str, Any] = json.loads(output)
    return cast


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
