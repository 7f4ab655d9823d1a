"""`doctor` and `bench`: how this machine does."""

import json
import subprocess
import sys
from pathlib import Path

import click

from belvedere.cli.root import json_option, main, role_settings
from belvedere.supervisor.premises import ExitCode

_MEASUREMENTS = (
    *("decision", "access", "members", "devices", "fanout", "cut", "first-frame"),
    *("ingest", "listen", "record", "killed", "footage", "seek", "export", "talk", "ptz"),
    *("events", "notify", "expiry", "sharing", "handover", "report", "access-tests"),
)


@main.command()
@json_option
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Look the installation over, and say what to do; exit code 1 when something is broken. Changes nothing."""
    settings = role_settings("operator")
    from belvedere.control.operate import examine_database, examine_journal
    from belvedere.media.codecs import list_missing_codecs
    from belvedere.media.footage import find_fault
    from belvedere.supervisor.doctor import (
        Health,
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
    checkout = Path(__file__).resolve().parents[3]
    module = what.replace("-", "_")
    if not (checkout / "bench" / f"{module}.py").is_file():
        raise click.ClickException(f"bench/{module}.py is not here: measurements come with the repository alone")
    ctx.exit(
        subprocess.run([sys.executable, "-m", f"bench.{module}", *arguments], cwd=checkout, check=False).returncode
    )
