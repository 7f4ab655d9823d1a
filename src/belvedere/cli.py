"""The command line: the composition root, and the only room that sees both planes.

Every import of a plane stands inside the command that needs it: `serve media` never loads Django, `serve control` never
loads FFmpeg. Exit codes: 0 done · 1 failed · 2 used wrongly, or a setting makes no sense · 3 port taken · 4 data folder
in use · 5 data folder unusable.
"""

import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import click

from belvedere import __version__, logs
from belvedere.config import ConfigError, Settings
from belvedere.supervisor.premises import ExitCode, StartError

_MEASUREMENTS = (
    *("decision", "access", "members", "devices", "fanout", "cut", "first-frame"),
    *("ingest", "listen", "record", "killed", "footage", "seek", "export", "talk", "ptz"),
    *("events", "notify", "expiry", "sharing", "handover", "report", "access-tests"),
)
#: Data goes to standard output, everything said to people to standard error.
_json_option = click.option("--json", "as_json", is_flag=True, help="Print data as JSON.")


class Commands(click.Group):
    """Turns what cannot be done into one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; its own errors are for people, never a traceback."""
        try:
            return super().invoke(ctx)
        except StartError as error:
            click.echo(f"belvedere: {error}", err=True)
            ctx.exit(error.code)
        except ConfigError as error:
            click.echo(f"belvedere: {error}", err=True)
            ctx.exit(ExitCode.USAGE)


@click.group(cls=Commands)
@click.version_option(__version__, message="%(version)s")
def main() -> None:
    """Belvedere: a self-hosted cloud for cameras. The owner keeps the keys and shares the view."""


@main.command()
@_json_option
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
    _start_logging("demo", settings, logging.INFO if verbose else logging.ERROR)

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
    _start_logging("serve", settings)

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
    settings = _role("control")
    from belvedere.control.server import run_control

    run_control(settings)


@serve.command("worker")
def serve_worker() -> None:
    """Do what was put off: mail, sweeps, retries; as one role of several."""
    settings = _role("worker")
    from belvedere.control.worker import run_worker

    run_worker(settings)


@serve.command("media")
def serve_media() -> None:
    """Carry video, as one node of several (BELVEDERE_NODE)."""
    settings = _role("media")
    import uvloop

    from belvedere.media.node import run_node

    uvloop.run(run_node(settings))


@main.command()
def migrate() -> None:
    """Bring the database up to this version. `serve` does it by itself."""
    settings = _role("migrate")
    from belvedere.control.manage import migrate as bring_up

    bring_up(settings)


@main.command()
@click.option("--email", prompt="E-mail", help="The owner's address, verified on your word.")
@click.option("--name", prompt="Name", help="As others will read it.")
@click.option(
    "--reach",
    help="Networks this owner's cameras are on: 192.168.1.0/24:554, by commas. Not given: the first owner reaches the "
    "private networks this server is attached to, others none.",
)
@click.option(
    "--password-file", type=click.File(), help="Read the password there instead of asking; - is standard input."
)
def createowner(email: str, name: str, reach: str | None, password_file: IO[str] | None) -> None:
    """Make an account with an organization of its own: the first way in, when sign-up is by invitation."""
    settings = _role("operator")
    from belvedere.control.operate import OperatorError, create_owner

    if password_file is not None:
        password = password_file.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    try:
        create_owner(settings, email=email, name=name, password=password, reach=reach)
    except OperatorError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{email} may sign in at {settings.url}", err=True)


@main.group()
def accounts() -> None:
    """Look after accounts."""


@accounts.command("reset-factors")
@click.argument("email")
def accounts_reset_factors(email: str) -> None:
    """Take passkeys, app and recovery codes from EMAIL, who lost them all and proved to you who he is."""
    settings = _role("operator")
    from belvedere.control.operate import OperatorError, reset_factors

    try:
        reset_factors(settings, email=email)
    except OperatorError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{email} signs in with the password alone, and was told so", err=True)


@accounts.command("disable")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask again.")
def accounts_disable(*, email: str, yes: bool) -> None:
    """Let nothing of EMAIL's account work any more: sign-ins, tokens, guest links, and what it shares."""
    settings = _role("operator")
    from belvedere.control.incident import disable

    if not yes:
        click.confirm(f"Disable the account of {email}?", abort=True, err=True)
    _or_fail(lambda: disable(settings, email=email))
    click.echo(f"nothing of {email} works any more", err=True)


@main.command("recover-owner")
@click.argument("email")
@click.option("--organization", default="", help="Make EMAIL its owner, by id or name, instead of letting him in.")
@click.option("--yes", is_flag=True, help="Do not ask again.")
def recover_owner(*, email: str, organization: str, yes: bool) -> None:
    """Print a link that sets a new password for EMAIL, once, within the hour; or make EMAIL an owner.

    Everybody who watches over what is concerned is told, and the owner by every way there is to him.
    """
    settings = _role("operator")
    from belvedere.control.incident import make_owner, recover_account

    if not organization:
        click.echo(_or_fail(lambda: recover_account(settings, email=email)))
        click.echo("good once, for an hour. Hand it to nobody else", err=True)
        return
    if not yes:
        click.confirm(f"Make {email} the owner of {organization}?", abort=True, err=True)
    name = _or_fail(lambda: make_owner(settings, organization=organization, email=email))
    click.echo(f"{email} owns {name}; the owner before is a Super Admin of it", err=True)


@main.command()
@click.option("--yes", is_flag=True, help="Do not ask again.")
@_json_option
def panic(*, yes: bool, as_json: bool) -> None:
    """After a break-in: end every sign-in, token, guest link and invitation. Grants stay, recording goes on."""
    settings = _role("operator")
    from belvedere.control.incident import panic as end_everything

    if not yes:
        click.confirm("Sign everybody out, and void every token, guest link and invitation?", abort=True, err=True)
    ended = end_everything(settings)
    if as_json:
        click.echo(json.dumps(ended))
    else:
        said = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in ended.items())
        click.echo(f"ended: {said}. Owners and Super Admins were told", err=True)


@main.group()
def organizations() -> None:
    """Look after organizations."""


@organizations.command("freeze")
@click.argument("organization")
def organizations_freeze(organization: str) -> None:
    """Freeze ORGANIZATION (id or name) for 72 hours: recording goes on, nobody watches, no right changes."""
    settings = _role("operator")
    from belvedere.control.incident import freeze

    name = _or_fail(lambda: freeze(settings, organization=organization))
    click.echo(f"{name} is frozen", err=True)


@organizations.command("thaw")
@click.argument("organization")
def organizations_thaw(organization: str) -> None:
    """End the freeze of ORGANIZATION (id or name), whoever began it."""
    settings = _role("operator")
    from belvedere.control.incident import thaw

    name = _or_fail(lambda: thaw(settings, organization=organization))
    click.echo(f"{name} is not frozen any more", err=True)


@main.group()
def cameras() -> None:
    """Look after cameras."""


@cameras.command("add")
@click.argument("url")
@click.option("--owner", required=True, help="E-mail of the account that owns it from now on.")
@click.option("--site", default="", help="The owner's site it is on, by name. Not needed when there is only one.")
@click.option("--name", prompt="Name of the camera", help="As people will read it.")
@click.option("--sub-url", default="", help="Its smaller stream, for the wall.")
@click.option("--username", default="", help="The user the camera asks for; its password is asked for, too.")
@click.option(
    "--password-file",
    envvar="BELVEDERE_CAMERA_PASSWORD_FILE",
    type=click.File(),
    help="Read the password there instead of asking; - is standard input.",
)
@click.option("--no-test", is_flag=True, help="Add it unseen, as for a camera that is switched off.")
@_json_option
def cameras_add(
    *,
    url: str,
    owner: str,
    site: str,
    name: str,
    sub_url: str,
    username: str,
    password_file: IO[str] | None,
    no_test: bool,
    as_json: bool,
) -> None:
    """Bind the camera at URL (rtsp://192.168.1.10/stream1) to its owner, by the rules of the page."""
    if any("@" in re.split("[/?#]", address.partition("://")[2])[0] for address in (url, sub_url)):
        # Other users of this machine can read it, and the shell remembers it: nothing good comes of going on.
        raise click.UsageError(
            "an address holds no user and no password: use --username, and change that password, for it was seen"
        )
    settings = _role("operator")
    from belvedere.control.operate import OperatorError, add_camera

    password = _camera_password(username, password_file)
    try:
        added = add_camera(
            settings,
            owner=owner,
            site=site,
            name=name,
            address=url,
            sub_address=sub_url,
            username=username,
            password=password,
            is_tested=not no_test,
        )
    except OperatorError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(added))
    else:
        click.echo(f"{added['name']} is bound to {owner}, at {added['site']}", err=True)


@main.group()
def audit() -> None:
    """Look after the audit."""


@audit.command("verify")
@click.option(
    "--heads",
    type=click.File(encoding="utf-8"),
    help="Also against these signed heads, one a line, as the owners' mails hold them; - is standard input.",
)
@_json_option
def audit_verify(*, heads: IO[str] | None, as_json: bool) -> None:
    """Check that every chain holds; exit code 1, naming each place, when one does not."""
    settings = _role("operator")
    from belvedere.control.operate import OperatorError, verify_audit

    try:
        chains = verify_audit(settings, heads or ())
    except OperatorError as error:
        raise click.ClickException(str(error)) from None
    faults = [{"chain": chain["chain"]} | fault for chain in chains for fault in chain["faults"]]
    if as_json:
        click.echo(json.dumps({"faults": faults, "chains": chains}))
    else:
        for fault in faults:
            click.echo(f"{fault['chain']} entry {fault['sequence']}: {fault['what']}")
    if faults:
        broken = len({fault["chain"] for fault in faults})
        raise click.ClickException(f"the audit does not hold: {len(faults)} faults in {broken} of {len(chains)} chains")
    count = sum(chain["length"] for chain in chains)
    click.echo(f"the audit holds: {count} entries in {len(chains)} chains", err=True)


@audit.command("head")
def audit_head() -> None:
    """Sign the head of every chain that grew since it was signed last; print them, and mail each owner his."""
    settings = _role("operator")
    from belvedere.control.operate import sign_audit_heads

    lines = sign_audit_heads(settings)
    for line in lines:
        click.echo(line)
    click.echo(f"{len(lines)} heads were signed" if lines else "every head was signed already", err=True)


@main.group()
def footage() -> None:
    """Look after what was recorded."""


class Instant(click.ParamType[datetime]):
    """An instant with its zone: 2026-11-22T10:00:00Z."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Without a zone it could be another hour, so that is no instant."""
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            self.fail(f"{value!r} is no instant with its zone, such as 2026-11-22T10:00:00Z", param, ctx)
        return at


@footage.command("erase")
@click.argument("camera")
@click.argument("start", metavar="FROM", type=Instant())
@click.argument("end", metavar="TO", type=Instant())
@click.option("--reason", required=True, help="Why: it stands in the audit of the camera's owner.")
@click.option("--yes", is_flag=True, help="Do not ask again.")
@_json_option
def footage_erase(*, camera: str, start: datetime, end: datetime, reason: str, yes: bool, as_json: bool) -> None:
    """Delete footage of CAMERA (its id) for good; it leaves a gap, and an entry in the audit."""
    settings = _role("operator")
    from belvedere.control.operate import OperatorError, erase_footage

    if not yes:
        click.confirm(f"Delete the footage of {camera} from {start} to {end} for good?", abort=True, err=True)
    try:
        erased = erase_footage(settings, camera=camera, start=start, end=end, reason=reason)
    except OperatorError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(erased))
    else:
        click.echo(f"{erased['segments']} segments were erased, {erased['bytes'] / 1e6:.1f} MB", err=True)


@main.group()
def export() -> None:
    """Prove that exported footage is genuine."""


@export.command("verify")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("manifest", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--key", default="", help="The public key to check against; without it, this installation's own.")
@_json_option
def export_verify(*, file: Path, manifest: Path, key: str, as_json: bool) -> None:
    """Check that FILE is the video that MANIFEST speaks of, and who signed it; exit code 1 when not."""
    from belvedere.control.operate import OperatorError, export_key, verify_export

    try:
        found = verify_export(file, manifest, key or export_key(_role("operator")))
    except OperatorError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(found))
    camera, exporter = found["camera"], found["exporter"]
    click.echo(
        f"genuine: {camera['name']}, {found['from']} to {found['to']}, "
        f"exported by {exporter['name']} <{exporter['email']}> at {found['installation']}",
        err=True,
    )


@export.command("key")
def export_key() -> None:
    """Print the public key that exports are signed with."""
    from belvedere.control.operate import export_key as public_key

    click.echo(public_key(_role("operator")))


@main.command()
@_json_option
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Look the installation over, and say what to do; exit code 1 when something is broken. Changes nothing."""
    settings = _role("operator")
    from belvedere.control.operate import examine_database
    from belvedere.media.codecs import list_missing_codecs
    from belvedere.media.footage import find_fault
    from belvedere.supervisor.doctor import Health, examine_premises, judge_codecs, judge_database, judge_footage

    findings = examine_premises(settings)
    # Where nothing was ever served there is nothing to look into, and looking would make it.
    if settings.data.is_dir():
        findings += judge_database(settings, **examine_database(settings)._asdict())
    fault = find_fault(settings.footage_folder, settings.data / f"volume-{settings.node}.json")
    findings += [judge_footage(settings, fault), judge_codecs(list_missing_codecs())]
    if as_json:
        rows = [{"what": row.what, "health": row.health, "says": row.says, "remedy": row.remedy} for row in findings]
        click.echo(json.dumps({"findings": rows}))
    else:
        for row in findings:
            click.echo(f"{row.health:<8} {row.what:<9} {row.says}" + (f"\n{'':18} {row.remedy}" if row.remedy else ""))
    if any(row.health is Health.BROKEN for row in findings):
        ctx.exit(ExitCode.FAILED)


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("what", type=click.Choice(_MEASUREMENTS))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def bench(ctx: click.Context, what: str, arguments: tuple[str, ...]) -> None:
    """Measure, in a throw-away installation. Needs a checkout with what ./test installs."""
    checkout = Path(__file__).resolve().parents[2]
    module = what.replace("-", "_")
    if not (checkout / "bench" / f"{module}.py").is_file():
        raise click.ClickException(f"bench/{module}.py is not here: measurements come with the repository alone")
    ctx.exit(
        subprocess.run([sys.executable, "-m", f"bench.{module}", *arguments], cwd=checkout, check=False).returncode
    )


@main.command("demo-cameras", hidden=True)
def demo_cameras() -> None:
    """Serve the sample cameras and the alarm: a child of `demo`."""
    settings = _role("cameras")
    from belvedere.demo.cameras import main as serve_cameras
    from belvedere.supervisor.demo import SampleCameras

    serve_cameras(SampleCameras.of(settings.data), settings.run_folder / "broker", binary=settings.nats_server)


@main.command("demo-cast", hidden=True)
def demo_cast() -> None:
    """Make the cast, and print it: a child of `demo`."""
    settings = _role("cast")
    from belvedere.control.demo_cast import create_cast
    from belvedere.supervisor.demo import SampleCameras

    cameras = SampleCameras.of(settings.data)
    click.echo(json.dumps(create_cast(settings, cameras)))


def _camera_password(username: str, file: IO[str] | None) -> str:
    """From the file, from whoever sits there, or from standard input; none for a camera that asks for no user."""
    if file is None and username and sys.stdin.isatty():
        password: str = click.prompt("Password of the camera", hide_input=True)
        return password
    source = file or (sys.stdin if username else None)
    return source.readline().rstrip("\r\n") if source else ""


def _or_fail[R](act: Callable[[], R]) -> R:
    """What an operator's act returns; where it cannot be done, one sentence and exit code 1."""
    from belvedere.control.operate import OperatorError

    try:
        return act()
    except OperatorError as error:
        raise click.ClickException(str(error)) from None


def _role(name: str) -> Settings:
    """Settings and log of a role's process."""
    os.umask(0o077)
    settings = Settings.from_env()
    _start_logging(name, settings)
    return settings


def _start_logging(role: str, settings: Settings, level: int = logging.INFO) -> None:
    logs.configure(role, as_json=settings.log_format == "json", level=level)


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


if __name__ == "__main__":
    sys.exit(main())
