"""`backup` and `restore`."""

import json
import sys
from pathlib import Path
from typing import IO, BinaryIO, cast

import click

from belvedere.cli.root import json_option, main, or_fail, role_settings

passphrase_option = click.option(
    "--passphrase-file",
    envvar="BELVEDERE_PASSPHRASE_FILE",
    type=click.File(encoding="utf-8"),
    help="Read the passphrase there instead of asking; - is standard input.",
)
#: shorter ones are guessed, whatever scrypt costs
_MIN = 10


@main.command()
@click.argument("to", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@passphrase_option
@json_option
def backup(*, to: Path, passphrase_file: IO[str] | None, as_json: bool) -> None:
    """Write everything but footage and keys to the new file TO, sealed; - is standard output. It may be running."""
    is_stream = str(to) == "-"
    if is_stream and as_json:
        raise click.UsageError("--json prints where the backup itself would go: name a file")
    if not is_stream and to.exists():
        raise click.UsageError(f"{to} is there already: name a new file")
    settings = role_settings("operator")
    from belvedere.control.restoring import back_up

    passphrase = _passphrase(passphrase_file, is_new=True)
    target = cast("BinaryIO", sys.stdout.buffer) if is_stream else to.absolute()
    made = or_fail(lambda: back_up(settings, target, passphrase, _say))
    if as_json:
        click.echo(json.dumps(made))
    else:
        click.echo(
            f"{made['rows']} rows as of {made['made_at']}; keep it apart from here, and the master key", err=True
        )


@main.command()
@click.argument("file", metavar="FROM", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--check", "is_check", is_flag=True, help="Read it to its end, say what is in it, and write nothing.")
@click.option("--without-journal", is_flag=True, help="Though the journal here knows nothing of the time since.")
@click.option("--other-key", is_flag=True, help="Though its master key is not here: passwords of cameras are lost.")
@click.option("--yes", is_flag=True, help="Do not ask again.")
@passphrase_option
@json_option
def restore(
    *,
    file: Path,
    is_check: bool,
    without_journal: bool,
    other_key: bool,
    yes: bool,
    passphrase_file: IO[str] | None,
    as_json: bool,
) -> None:
    """Put the backup FROM in the place of all there is. What ended since it was made stays ended.

    Everybody signs in again; guest links, tokens, invitations and offers end.
    """
    settings = role_settings("operator")
    from belvedere.control.restoring import check_backup, find_missing_key
    from belvedere.control.restoring import restore as put_back
    from belvedere.supervisor.premises import hold_folder, prepare_folder

    if not other_key and (missing := find_missing_key(settings)):
        raise click.ClickException(missing)
    passphrase = _passphrase(passphrase_file, is_new=False)
    if is_check:
        found = or_fail(lambda: check_backup(settings, file, passphrase, _say))
        click.echo(json.dumps(found)) if as_json else None
        click.echo(f"whole: {found['rows']} rows as of {found['made_at']}, by Belvedere {found['version']}", err=True)
        _warn(found)
        return
    prepare_folder(settings)
    with hold_folder(settings.data):
        found = or_fail(lambda: check_backup(settings, file, passphrase, _quiet))
        if found["missing_keys"] and not other_key:
            raise click.ClickException(
                f"what is sealed in this backup opens with the master key {', '.join(found['missing_keys'])}, which is "
                f"not at {settings.master_key_file}: put it there, or see --other-key. Nothing was changed"
            )
        if not found["reaches_back"] and not without_journal:
            raise click.ClickException(
                f"the journal at {settings.journal_folder} says nothing of the time since this backup, so nobody knows "
                "what has ended: put the journal there, or restore --without-journal. Then every right waits for its "
                "owner, each owner for your word (`recover-owner`), and everybody sets a new password. "
                "Nothing was changed"
            )
        _warn(found)
        if not yes:
            click.confirm(f"Put the backup of {found['made_at']} in the place of all there is?", abort=True, err=True)
        done = or_fail(lambda: put_back(settings, file, passphrase, _say))
    if as_json:
        click.echo(json.dumps(done))
    click.echo(
        f"{done['rows']} rows are back. Of what they gave, {done['ended']} rights had ended and stay so; "
        f"{done['suspended']} wait for their owners; {done['voided']} accounts set a new password; "
        f"{done['disabled']} stay closed; {done['devices']} devices stay given up; {done['targets']} webhooks and "
        "brokers are off until their holders look at them",
        err=True,
    )
    for name in done["unowned"]:
        click.echo(f"the owner of {name} is not in the backup: name one with `belvedere recover-owner`", err=True)


def _passphrase(file: IO[str] | None, *, is_new: bool) -> str:
    """From the file, or from whoever sits there; never from the command line, which others can read."""
    if file is not None:
        text = file.readline().rstrip("\r\n")
    else:
        text = click.prompt("Passphrase of the backup", hide_input=True, confirmation_prompt=is_new, err=True)
    if is_new and len(text) < _MIN:
        raise click.ClickException(f"a passphrase has {_MIN} characters or more: whoever has the file tries for years")
    return text


def _warn(found: dict[str, object]) -> None:
    if found["missing_keys"]:
        click.echo("its master key is not here: what is sealed in it does not open", err=True)
    if not found["reaches_back"]:
        click.echo("the journal here does not reach back to it: every right will wait for its owner", err=True)


def _say(table: str, rows: int) -> None:
    if rows:
        click.echo(f"{rows:>9}  {table}", err=True)


def _quiet(_table: str, _rows: int) -> None:
    """The second reading says it again."""
