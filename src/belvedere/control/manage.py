"""Django without manage.py: set up, migrate, make anew what the database and the static files need."""

import hashlib
import os
import sys
from pathlib import Path

from belvedere import __version__
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
    stamp = django_settings.STATIC_ROOT / ".sources"
    sources = _digest_of_static_files()
    if not stamp.exists() or stamp.read_text() != sources:
        call_command("collectstatic", interactive=False, verbosity=0, clear=True)
        stamp.write_text(sources)


def _digest_of_static_files() -> str:
    """Changes with our version and with every file of ours: what is served is never an older checkout's."""
    digest = hashlib.sha256(__version__.encode())
    folder = Path(__file__).parent / "web" / "static"
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def main() -> None:
    """`python -m belvedere.control.manage …`: Django's own commands, for developers of Belvedere."""
    setup()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage", *sys.argv[1:]])


if __name__ == "__main__":
    main()
