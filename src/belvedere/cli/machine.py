"""`doctor` and `bench`: how this machine does."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from belvedere.cli.root import json_option, main, role_settings
from belvedere.config import Settings
from belvedere.supervisor.premises import ExitCode

if TYPE_CHECKING:
    from belvedere.supervisor.doctor import Finding

_MEASUREMENTS = (
    *("decision", "access", "members", "devices", "fanout", "cut", "first-frame"),
    *("ingest", "listen", "record", "killed", "footage", "seek", "export", "talk", "ptz"),
    *("events", "notify", "expiry", "sharing", "handover", "report", "access-tests"),
)


def examine(settings: Settings) -> "list[Finding]":
    """What `doctor` finds, of both planes. Changes nothing."""
    from belvedere.control.operate import examine_database, examine_journal
    from belvedere.media.codecs import list_missing_codecs
    from belvedere.media.footage import find_fault
    from belvedere.supervisor.doctor import (
        examine_premises,
        judge_codecs,
        judge_database,
        judge_footage,
        judge_journal,
    )

    findings = examine_premises(settings)
    # Where nothing was ever served there is nothing to look into, and looking would make it.
    if settings.data.is_dir():
        findings += judge_database(settings, **examine_database(settings)._asdict())
        findings += [judge_journal(settings, **examine_journal(settings)._asdict())]
    fault = find_fault(settings.footage_folder, settings.data / f"volume-{settings.node}.json")
    return [*findings, judge_footage(settings, fault), judge_codecs(list_missing_codecs())]


@main.command()
@json_option
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Look the installation over, and say what to do; exit code 1 when something is broken. Changes nothing."""
    from belvedere.supervisor.doctor import Health

    findings = examine(role_settings("operator"))
    if as_json:
        click.echo(json.dumps({"findings": [asdict(row) for row in findings]}))
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
    checkout = Path(__file__).resolve().parents[3]
    module = what.replace("-", "_")
    if not (checkout / "bench" / f"{module}.py").is_file():
        raise click.ClickException(f"bench/{module}.py is not here: measurements come with the repository alone")
    ctx.exit(
        subprocess.run([sys.executable, "-m", f"bench.{module}", *arguments], cwd=checkout, check=False).returncode
    )
