"""`keys`: which there are, and new ones in their place."""

import json

import click

from belvedere.cli.root import json_option, main, or_fail, role_settings

_NAMES = ("master", "django", "export", "audit-head", "report", "vapid", "media")


@main.group()
def keys() -> None:
    """Look after the keys of this installation."""


@keys.command("list")
@json_option
def keys_list(*, as_json: bool) -> None:
    """Every key: what it is for, since when, and how much still rests on it."""
    settings = role_settings("operator")
    from belvedere.control.incident import describe_keys

    found = describe_keys(settings)
    if as_json:
        click.echo(json.dumps({"keys": found}))
        return
    for key in found:
        rests = "" if key["rows"] is None else f", {key['rows']} rows"
        state = "in use" if key["is_current"] else "old"
        click.echo(f"{key['name']:<10} {key['id']:<24} {key['since']} {state:<6} {key['purpose']}{rests}")


@keys.command("rotate")
@click.argument("names", metavar="NAME...", nargs=-1, type=click.Choice(_NAMES))
@click.option("--all", "is_all", is_flag=True, help="Every one of them.")
@click.option("--yes", is_flag=True, help="Do not ask again.")
def keys_rotate(*, names: tuple[str, ...], is_all: bool, yes: bool) -> None:
    """Put new keys into use, yearly or after a break-in. What the old ones sealed is sealed anew; owners are told."""
    if bool(names) == is_all:
        raise click.UsageError("say which keys, or --all")
    settings = role_settings("operator")
    from belvedere.control.incident import rotate_keys

    chosen = _NAMES if is_all else names
    if not yes:
        click.confirm(f"Put new keys into use: {', '.join(chosen)}?", abort=True, err=True)
    stuck = 0
    for done, broken in or_fail(lambda: rotate_keys(settings, chosen)):
        click.echo(f"{done} rows sealed anew", err=True)
        stuck = broken
    if stuck:
        click.echo(f"{stuck} rows do not open with the key they name, and stayed as they were", err=True)
    click.echo(f"new keys are in use: {', '.join(chosen)}. Owners were told", err=True)
    if "media" in chosen:
        click.echo(
            "media nodes make theirs within seconds, those that are away when they are back: `keys list`", err=True
        )
    if "django" in chosen:
        click.echo("start `belvedere serve` anew, so that it signs with the new django key", err=True)
