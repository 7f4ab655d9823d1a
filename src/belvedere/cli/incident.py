"""`incident`: what is needed to look into one, in one file that proves itself."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from belvedere.cli.evidence import Instant
from belvedere.cli.machine import examine
from belvedere.cli.root import json_option, main, or_fail, role_settings


@main.group()
def incident() -> None:
    """Look into what happened after a break-in."""


@incident.command("bundle")
@click.argument("to", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--from", "start", type=Instant(), help="What happened from this instant on: 2026-11-22T10:00:00Z.")
@click.option("--to", "end", type=Instant(), help="What happened before this instant.")
@click.option("--organization", default="", help="Of this one alone, by id or name.")
@click.option(
    "--log",
    "logs",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of logs to put in, as of `journalctl -u belvedere`; may be given several times.",
)
@json_option
def incident_bundle(
    *,
    to: Path,
    start: datetime | None,
    end: datetime | None,
    organization: str,
    logs: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Put audit, ledger, versions, findings and logs into one signed zip, TO. Owners are told that you took it."""
    settings = role_settings("operator")
    from belvedere.control.incident import take_bundle

    findings = [asdict(row) for row in examine(settings)]
    manifest = or_fail(
        lambda: take_bundle(settings, to, start=start, end=end, organization=organization, findings=findings, logs=logs)
    )
    if as_json:
        click.echo(json.dumps(manifest))
    click.echo(f"{to} holds {len(manifest['files'])} files. Owners were told", err=True)


@incident.command("verify")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--key", default="", help="The public key to check against; without it, those of this installation.")
@json_option
def incident_verify(*, file: Path, key: str, as_json: bool) -> None:
    """Check that FILE is a bundle as it was made, and who made it; exit code 1 when not."""
    from belvedere.control.incident import list_bundle_keys, verify_bundle

    keys = [key] if key else list_bundle_keys(role_settings("operator"))
    found = or_fail(lambda: verify_bundle(file, keys))
    if as_json:
        click.echo(json.dumps(found))
    click.echo(f"genuine: made at {found['made_at']} by {found['by']} at {found['installation']}", err=True)
