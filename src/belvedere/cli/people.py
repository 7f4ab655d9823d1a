"""Accounts and organizations, for who has the machine: the first owner, lost factors, and the bad days."""

import json
from typing import IO

import click

from belvedere.cli.root import json_option, main, or_fail, role_settings


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
    settings = role_settings("operator")
    from belvedere.control.operate import create_owner

    if password_file is not None:
        password = password_file.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    or_fail(lambda: create_owner(settings, email=email, name=name, password=password, reach=reach))
    click.echo(f"{email} may sign in at {settings.url}", err=True)


@main.group()
def accounts() -> None:
    """Look after accounts."""


@accounts.command("reset-factors")
@click.argument("email")
def accounts_reset_factors(email: str) -> None:
    """Take passkeys, app and recovery codes from EMAIL, who lost them all and proved to you who he is."""
    settings = role_settings("operator")
    from belvedere.control.operate import reset_factors

    or_fail(lambda: reset_factors(settings, email=email))
    click.echo(f"{email} signs in with the password alone, and was told so", err=True)


@accounts.command("disable")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask again.")
def accounts_disable(*, email: str, yes: bool) -> None:
    """Let nothing of EMAIL's account work any more: sign-ins, tokens, guest links, and what it shares."""
    settings = role_settings("operator")
    from belvedere.control.incident import disable

    if not yes:
        click.confirm(f"Disable the account of {email}?", abort=True, err=True)
    or_fail(lambda: disable(settings, email=email))
    click.echo(f"nothing of {email} works any more", err=True)


@accounts.command("enable")
@click.argument("email")
def accounts_enable(email: str) -> None:
    """Let EMAIL sign in again, whose account you disabled. What had ended stays ended."""
    settings = role_settings("operator")
    from belvedere.control.incident import enable

    or_fail(lambda: enable(settings, email=email))
    click.echo(f"{email} can sign in again, and was told so", err=True)


@main.command("recover-owner")
@click.argument("email")
@click.option("--organization", default="", help="Make EMAIL its owner, by id or name, instead of letting him in.")
@click.option("--yes", is_flag=True, help="Do not ask again.")
def recover_owner(*, email: str, organization: str, yes: bool) -> None:
    """Print a link that sets a new password for EMAIL, once, within the hour; or make EMAIL an owner.

    Everybody who watches over what is concerned is told, and the owner by every way there is to him.
    """
    settings = role_settings("operator")
    from belvedere.control.incident import make_owner, recover_account

    if not organization:
        click.echo(or_fail(lambda: recover_account(settings, email=email)))
        click.echo("good once, for an hour. Hand it to nobody else", err=True)
        return
    if not yes:
        click.confirm(f"Make {email} the owner of {organization}?", abort=True, err=True)
    name = or_fail(lambda: make_owner(settings, organization=organization, email=email))
    click.echo(f"{email} owns {name}; anybody else who owned it is a Super Admin of it now", err=True)


@main.command()
@click.option("--yes", is_flag=True, help="Do not ask again.")
@json_option
def panic(*, yes: bool, as_json: bool) -> None:
    """After a break-in: end every sign-in, token, guest link and invitation. Grants stay, recording goes on."""
    settings = role_settings("operator")
    from belvedere.control.incident import panic as end_everything

    if not yes:
        click.confirm("Sign everybody out, and void every token, guest link and invitation?", abort=True, err=True)
    ended = end_everything(settings)
    if as_json:
        click.echo(json.dumps(ended))
    else:
        said = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in ended.items())
        click.echo(f"ended: {said}. Everybody was told", err=True)


@main.group()
def organizations() -> None:
    """Look after organizations."""


@organizations.command("freeze")
@click.argument("organization")
def organizations_freeze(organization: str) -> None:
    """Freeze ORGANIZATION (id or name) for 72 hours: recording goes on, nobody watches, no right changes."""
    settings = role_settings("operator")
    from belvedere.control.incident import freeze

    name = or_fail(lambda: freeze(settings, organization=organization))
    click.echo(f"{name} is frozen", err=True)


@organizations.command("thaw")
@click.argument("organization")
def organizations_thaw(organization: str) -> None:
    """End the freeze of ORGANIZATION (id or name), whoever began it."""
    settings = role_settings("operator")
    from belvedere.control.incident import thaw

    name = or_fail(lambda: thaw(settings, organization=organization))
    click.echo(f"{name} is not frozen any more", err=True)
