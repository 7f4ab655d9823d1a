"""Django without manage.py: set up, migrate, make anew what the database and the static files need."""

import os
import sys

from belvedere.config import Settings


def setup(settings: Settings | None = None) -> None:
    """Make Django ready in this process. The settings object, if given, must match the environment."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "belvedere.control.settings.base")
    if settings is not None:
        os.environ["BELVEDERE_DATA"] = str(settings.data)
    import django

    django.setup()


def migrate(settings: Settings) -> None:
    """Bring database and static files up to this version. Instant when they are."""
    setup(settings)
    from django.conf import settings as django_settings
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    if settings.database_url:
        call_command("createcachetable", verbosity=0)
    from belvedere import __version__

    stamp = django_settings.STATIC_ROOT / ".version"
    if not stamp.exists() or stamp.read_text() != __version__ or os.environ.get("BELVEDERE_DEV"):
        call_command("collectstatic", interactive=False, verbosity=0, clear=True)
        stamp.write_text(__version__)


def main() -> None:
    """`python -m belvedere.control.manage …`: Django's own commands, for developers of Belvedere."""
    setup()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage", *sys.argv[1:]])


if __name__ == "__main__":
    main()
