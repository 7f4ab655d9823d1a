"""What every command needs: the group itself, settings and log of a process, and errors that are one sentence."""

import logging
import os
import resource
from collections.abc import Callable
from typing import Any

import click

from belvedere import __version__, logs
from belvedere.config import ConfigError, Settings
from belvedere.supervisor.premises import ExitCode, StartError

#: Data goes to standard output, everything said to people to standard error.
json_option = click.option("--json", "as_json", is_flag=True, help="Print data as JSON.")


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


def role_settings(name: str) -> Settings:
    """Settings and log of a role's process."""
    os.umask(0o077)
    # What dies would leave keys and pictures on the disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    settings = Settings.from_env()
    start_logging(name, settings)
    return settings


def start_logging(role: str, settings: Settings, level: int = logging.INFO) -> None:
    """From here on, what happens is told on standard error."""
    logs.configure(role, as_json=settings.log_format == "json", level=level)


def or_fail[R](act: Callable[[], R]) -> R:
    """What an operator's act returns; where it cannot be done, one sentence and exit code 1."""
    from belvedere.control.operate import OperatorError

    try:
        return act()
    except OperatorError as error:
        raise click.ClickException(str(error)) from None
