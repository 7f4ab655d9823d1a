"""What can be proven, and what is erased for good: the audit, exports, footage."""

import json
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import click

from belvedere.cli.root import json_option, main, or_fail, role_settings


@main.group()
def audit() -> None:
    """Look after the audit."""


@audit.command("verify")
@click.option(
    "--heads",
    type=click.File(encoding="utf-8"),
    help="Also against these signed heads, one a line, as the owners' mails hold them; - is standard input.",
)
@json_option
def audit_verify(*, heads: IO[str] | None, as_json: bool) -> None:
    """Check that every chain holds; exit code 1, naming each place, when one does not."""
    settings = role_settings("operator")
    from belvedere.control.operate import verify_audit

    chains = or_fail(lambda: verify_audit(settings, heads or ()))
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
    settings = role_settings("operator")
    from belvedere.control.operate import sign_audit_heads

    lines = sign_audit_heads(settings)
    for line in lines:
        click.echo(line)
    click.echo(f"{len(lines)} heads were signed" if lines else "every head was signed already", err=True)


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


@main.group()
def footage() -> None:
    """Look after what was recorded."""


@footage.command("erase")
@click.argument("camera")
@click.argument("start", metavar="FROM", type=Instant())
@click.argument("end", metavar="TO", type=Instant())
@click.option("--reason", required=True, help="Why: it stands in the audit of the camera's owner.")
@click.option("--yes", is_flag=True, help="Do not ask again.")
@json_option
def footage_erase(*, camera: str, start: datetime, end: datetime, reason: str, yes: bool, as_json: bool) -> None:
    """Delete footage of CAMERA (its id) for good; it leaves a gap, and an entry in the audit."""
    settings = role_settings("operator")
    from belvedere.control.operate import erase_footage

    if not yes:
        click.confirm(f"Delete the footage of {camera} from {start} to {end} for good?", abort=True, err=True)
    erased = or_fail(lambda: erase_footage(settings, camera=camera, start=start, end=end, reason=reason))
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
@click.option(
    "--key", default="", help="The public key to check against; without it, those of this installation, old ones too."
)
@json_option
def export_verify(*, file: Path, manifest: Path, key: str, as_json: bool) -> None:
    """Check that FILE is the video that MANIFEST speaks of, and who signed it; exit code 1 when not."""
    from belvedere.control.operate import verify_export, verify_own_export

    if key:
        found = or_fail(lambda: verify_export(file, manifest, key))
    else:
        found = or_fail(lambda: verify_own_export(role_settings("operator"), file, manifest))
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

    click.echo(public_key(role_settings("operator")))
