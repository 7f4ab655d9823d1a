"""`cameras add`."""

import json
import re
import sys
from typing import IO

import click

from belvedere.cli.root import json_option, main, or_fail, role_settings


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
@json_option
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
    settings = role_settings("operator")
    from belvedere.control.operate import add_camera

    password = _camera_password(username, password_file)
    added = or_fail(
        lambda: add_camera(
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
    )
    if as_json:
        click.echo(json.dumps(added))
    else:
        click.echo(f"{added['name']} is bound to {owner}, at {added['site']}", err=True)


def _camera_password(username: str, file: IO[str] | None) -> str:
    """From the file, from whoever sits there, or from standard input; none for a camera that asks for no user."""
    if file is None and username and sys.stdin.isatty():
        password: str = click.prompt("Password of the camera", hide_input=True)
        return password
    source = file or (sys.stdin if username else None)
    return source.readline().rstrip("\r\n") if source else ""
