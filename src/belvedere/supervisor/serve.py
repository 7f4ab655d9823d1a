"""The order of things: folder, lock, ports, bus, database, roles; and back again."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, Final

import structlog

from belvedere.bus import BusError
from belvedere.bus.server import BusServer
from belvedere.config import Settings
from belvedere.supervisor.child import Child, answers, run_to_end
from belvedere.supervisor.front_door import front_door
from belvedere.supervisor.premises import (
    ExitCode,
    StartError,
    check_ports,
    empty_run_folder,
    hold_folder,
    prepare_folder,
    private_file,
)

log = structlog.get_logger()

_READY_TIMEOUT_S: Final = 60.0
_BUS_BACKOFF_S: Final = 0.1
#: Settings that are secrets. No child finds one in its environment, and media gets none of them at all.
_SECRETS: Final = ("BELVEDERE_DATABASE_URL", "BELVEDERE_EMAIL_URL", "BELVEDERE_METRICS_TOKEN")
_NOT_FOR_MEDIA: Final = (*_SECRETS, "BELVEDERE_KEY_FILE")

type Say = Callable[[str], None]


class Installation:
    """What runs: made by `running`, ready when that yields."""

    def __init__(self, settings: Settings, env: Mapping[str, str], say: Say) -> None:
        """Use `running`."""
        self._settings = settings
        self._say = say
        self._env = _child_env(settings, env)
        self._children: list[Child] = []
        self._keepers: list[asyncio.Task[None]] = []

    def command(self, *arguments: str) -> list[str]:
        """The command line of one of our own commands."""
        return [sys.executable, "-m", "belvedere.cli", *arguments]

    def env_of(self, role: str) -> dict[str, str]:
        """The environment of a role: its settings, no secret among them, and the name of its bus file."""
        env = dict(self._env)
        if role == "media":
            for name in _NOT_FOR_MEDIA:
                env.pop(name, None)
                env.pop(f"{name}_FILE", None)
        env["BELVEDERE_BUS_FILE"] = str(self._settings.run_folder / f"{role}.bus")
        return env

    async def add(self, child: Child, *, stops_last: bool = False) -> None:
        """Start a child and keep it alive until the end; the last one started stops first, unless it `stops_last`."""
        await child.start()
        self._children.insert(0 if stops_last else len(self._children), child)

    async def ready(self) -> None:
        """Wait until all are ready, and keep them so from now on. Raises StartError."""
        try:
            async with asyncio.TaskGroup() as group:
                for child in self._children:
                    group.create_task(self._await_one(child))
        except* StartError as failures:
            raise failures.exceptions[0] from None
        self._keepers += [asyncio.create_task(child.keep(), name=f"keep {child.name}") for child in self._children]

    async def stop(self) -> None:
        """Stop in the reverse order of starting, one after the other: media still tells control who was watching."""
        for keeper in self._keepers:
            keeper.cancel()
        for child in reversed(self._children):
            await child.stop()

    def kill(self) -> None:
        """End everything without a word."""
        for child in self._children:
            child.kill()

    async def _await_one(self, child: Child) -> None:
        await child.wait_ready(_READY_TIMEOUT_S)
        self._say(f"{child.name} is ready")


@contextlib.asynccontextmanager
async def running(settings: Settings, env: Mapping[str, str], say: Say) -> AsyncIterator[Installation]:
    """Check the premises, start bus, database and roles; stop them on leaving. Raises StartError.

    Yields once the database is there and the roles are *starting*: `await installation.ready()` waits for them, so that
    a demo can do its own things meanwhile.
    """
    if settings.nats_url:
        message = (
            "BELVEDERE_NATS_URL is for single roles (serve control, serve media, serve worker), each with its file"
        )
        raise StartError(message, ExitCode.USAGE)
    os.umask(0o077)
    prepare_folder(settings)
    with hold_folder(settings.data):
        check_ports(settings)
        empty_run_folder(settings)
        installation = Installation(settings, env, say)
        async with _bus(settings), _stopped_at_the_end(installation):
            say("preparing the database")
            await run_to_end("migrate", installation.command("migrate"), installation.env_of("control"))
            for role, probe in (
                ("control", answers(settings.host, settings.port, "/readyz")),
                ("worker", None),
                ("media", answers(settings.host, settings.media_port, "/healthz")),
            ):
                command = installation.command("serve", role)
                await installation.add(Child(role, command, installation.env_of(role), probe=probe))
            if settings.https:
                # Last to stop: viewers hear media's goodbye through it.
                await installation.add(front_door(settings), stops_last=True)
            yield installation


def run_until_signalled(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `story` until it ends or a SIGTERM, SIGINT or SIGHUP cancels it. A second signal ends everything at once.

    Raises what the story raises.
    """

    async def watched() -> None:
        task = asyncio.create_task(story())
        signalled = False

        def on_signal() -> None:
            nonlocal signalled
            if signalled:
                os._exit(ExitCode.FAILED)  # the children die with us
            signalled = True
            task.cancel()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # under nohup it stays ignored
                loop.add_signal_handler(number, on_signal)
        try:
            await task
        except asyncio.CancelledError:
            if not signalled:
                raise

    asyncio.run(watched())


@contextlib.asynccontextmanager
async def _stopped_at_the_end(installation: Installation) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await installation.stop()


@contextlib.asynccontextmanager
async def _bus(settings: Settings) -> AsyncIterator[None]:
    """Our own nats-server, kept alive, with a file for each role's user in the run folder."""
    roles = {"control": "control", "worker": "worker", "media": f"media-{settings.node}"}
    try:
        start = BusServer.start(settings.run_folder / "bus", roles=list(roles.values()), binary=settings.nats_server)
        async with start as server:
            for name, role in roles.items():
                server.write_user_file(role, settings.run_folder / f"{name}.bus")
            keeper = asyncio.create_task(_keep_bus(server), name="keep bus")
            try:
                yield
            finally:
                keeper.cancel()
                await asyncio.wait([keeper])
                for name in roles:  # they open nothing any more
                    (settings.run_folder / f"{name}.bus").unlink(missing_ok=True)
    except (BusError, ValueError) as error:
        raise StartError(str(error)) from None


async def _keep_bus(server: BusServer) -> None:
    """Start it again whenever it ends: same port, same users, so that everybody finds it again."""
    while True:
        code = await server.wait()
        log.error("process_ended", name="bus", exit_code=code)
        await asyncio.sleep(_BUS_BACKOFF_S)
        try:
            await server.launch()
        except BusError:
            log.exception("bus_does_not_start")


def _child_env(settings: Settings, env: Mapping[str, str]) -> dict[str, str]:
    """The environment all children share: everything said explicitly, secrets moved into 0600 files."""
    child = dict(env)
    for name in _SECRETS:
        if name in child:
            path = settings.run_folder / name.lower()
            private_file(path, child.pop(name).encode())
            child[f"{name}_FILE"] = str(path)
    child |= {
        "BELVEDERE_DATA": str(settings.data),
        "BELVEDERE_HOST": settings.host,
        "BELVEDERE_PORT": str(settings.port),
        "BELVEDERE_MEDIA_PORT": str(settings.media_port),
        "BELVEDERE_URL": settings.url,
        "BELVEDERE_MEDIA_URL": settings.media_url,
        "BELVEDERE_HTTPS": settings.https,
        "BELVEDERE_LOG_FORMAT": "json",
        "PYTHONUNBUFFERED": "1",
    }
    return child
