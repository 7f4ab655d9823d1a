"""`demo`, `serve` and its roles, `migrate`; and what tells a person how far a start has come."""

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from belvedere.cli.root import json_option, main, role_settings, start_logging
from belvedere.config import Settings


@main.command()
@json_option
@click.option("--no-browser", is_flag=True, help="Do not open the page.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(1, 65534), help="Pages; video is one above."
)
@click.option(
    "--data",
    default="var/demo",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Kept from one start to the next.",
)
@click.option("--verbose", is_flag=True, help="Show the log, too.")
def demo(*, as_json: bool, no_browser: bool, port: int, data: Path, verbose: bool) -> None:
    """Serve an installation with sample cameras, people and shares, on this machine alone.

    With --json, prints one line once it serves: {"url", "accounts", "cameras", "panels", "ready_s"}; then serves until
    SIGTERM.
    """
    from belvedere.supervisor import demo as demonstration
    from belvedere.supervisor.serve import run_until_signalled

    began = time.monotonic()
    env = demonstration.demo_env(os.environ, port=port, data=data)
    settings = Settings.from_env(env)
    start_logging("demo", settings, logging.INFO if verbose else logging.ERROR)

    def announce(serving: dict[str, Any]) -> None:
        if as_json:
            click.echo(json.dumps(serving))
        else:
            _introduce(serving)
        if not no_browser and not as_json:
            demonstration.open_browser(serving["url"])

    run_until_signalled(lambda: demonstration.show(settings, env, _say(began), announce, began))


@main.group(invoke_without_command=True)
@click.option(
    "--https",
    is_flag=False,
    flag_value="",
    metavar="[HOST]",
    help="With a front door: https for HOST, a name or address of this machine. Not given: BELVEDERE_HTTPS, or this "
    "machine's address in its network.",
)
@click.pass_context
def serve(ctx: click.Context, *, https: str | None) -> None:
    """Serve everything, from the data folder BELVEDERE_DATA; or one role: `serve control`, `media`, `worker`."""
    if ctx.invoked_subcommand is not None:
        if https is not None:
            raise click.UsageError("--https is for an installation in one piece: a role has its front door elsewhere")
        return
    if https in serve.commands:
        raise click.UsageError(f"--https {https}: that is a role, and no host")
    import asyncio

    from belvedere.supervisor.front_door import own_address
    from belvedere.supervisor.serve import run_until_signalled, running

    began = time.monotonic()
    env = dict(os.environ)
    if https is not None:
        env["BELVEDERE_HTTPS"] = https or env.get("BELVEDERE_HTTPS") or own_address()
    settings = Settings.from_env(env)
    start_logging("serve", settings)

    async def story() -> None:
        async with running(settings, env, _say(began)) as installation:
            await installation.ready()
            click.echo(f"belvedere serves {settings.url}", err=True)
            if settings.has_own_authority:
                _introduce_authority(settings)
            await asyncio.Event().wait()

    run_until_signalled(story)


@serve.command("control")
def serve_control() -> None:
    """Serve pages and the API, as one role of several."""
    settings = role_settings("control")
    from belvedere.control.server import run_control

    run_control(settings)


@serve.command("worker")
def serve_worker() -> None:
    """Do what was put off: mail, sweeps, retries; as one role of several."""
    settings = role_settings("worker")
    from belvedere.control.worker import run_worker

    run_worker(settings)


@serve.command("media")
def serve_media() -> None:
    """Carry video, as one node of several (BELVEDERE_NODE)."""
    settings = role_settings("media")
    import uvloop

    from belvedere.media.node import run_node

    uvloop.run(run_node(settings))


@main.command()
def migrate() -> None:
    """Bring the database up to this version. `serve` does it by itself."""
    settings = role_settings("migrate")
    from belvedere.control.manage import migrate as bring_up

    bring_up(settings)


@main.command("demo-cameras", hidden=True)
def demo_cameras() -> None:
    """Serve the sample cameras and the alarm: a child of `demo`."""
    settings = role_settings("cameras")
    from belvedere.demo.cameras import main as serve_cameras
    from belvedere.supervisor.demo import SampleCameras

    serve_cameras(SampleCameras.of(settings.data), settings.run_folder / "broker", binary=settings.nats_server)


@main.command("demo-cast", hidden=True)
def demo_cast() -> None:
    """Make the cast, and print it: a child of `demo`."""
    settings = role_settings("cast")
    from belvedere.control.demo_cast import create_cast
    from belvedere.supervisor.demo import SampleCameras

    cameras = SampleCameras.of(settings.data)
    click.echo(json.dumps(create_cast(settings, cameras)))


def _say(began: float) -> Callable[[str], None]:
    """Progress for the person who waits: `  1.2 s  control is ready`."""

    def say(what: str) -> None:
        click.echo(f"{time.monotonic() - began:5.1f} s  {what}", err=True)

    return say


def _introduce(serving: Mapping[str, Any]) -> None:
    """Say where it is and who may come in."""
    click.echo(f"\nBelvedere is ready: {serving['url']}\n\nSign in as one of", err=True)
    width = max(len(account["email"]) for account in serving["accounts"])
    for account in serving["accounts"]:
        about = f"  {account['about']}" if account.get("about") else ""
        click.echo(f"  {account['email']:<{width}}  {account['password']}{about}", err=True)
    for panel in serving["panels"]:
        click.echo(f"\n{panel['name']} is a security panel; {panel['code']} disarms it.", err=True)
    click.echo("\nCtrl-C ends it. The data is kept for the next time.", err=True)


def _introduce_authority(settings: Settings) -> None:
    """Say how a device comes to trust a front door that vouches for itself."""
    from belvedere.supervisor.authority import fingerprint, read_authority

    authority = read_authority(settings.door_folder)
    if authority is not None:
        click.echo(
            f"No public authority vouches for {settings.https}, so it has its own. Open {settings.url}/trust once on "
            f"each device, and compare:\nSHA-256 {fingerprint(authority)}",
            err=True,
        )
