"""What a backup holds: every table but those named here, as rows that no database's own form shows in.

Lines of JSON. First what it is (`About`), then for each table its name and columns, and a line for each row; the last
line says how many there were. Made at one instant of a running installation: nothing waits for it but its reader.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final, Self

from django.apps import apps
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from django.db.migrations.recorder import MigrationRecorder

from belvedere import __version__
from belvedere.control.backups.journal import Place
from belvedere.control.backups.sealed import NoBackup
from belvedere.control.core.vault import derive_from, list_master_keys

#: how rows are written; another number is another program's
FORM: Final = 1

#: table → why no backup holds it
LEFT_OUT: Final = {
    "accounts_session": "sign-ins end with a restore",
    "accounts_apitoken": "tokens end with a restore",
    "accounts_signinplace": "knows browsers by their cookies",
    "account_emailconfirmation": "links that confirm",
    "guests_guestvisit": "cookies of guests",
    "notifications_pushsubscription": "where a browser is reached goes with its sign-in",
    "devices_bindattempt": "challenges, good for minutes",
    "appeals_deviceclaim": "claims by a challenge",
    "devices_medianode": "nodes say themselves who they are",
    "streaming_steering": "who holds a joystick just now",
    "outbox_message": "what was to be sent then is not sent again",
    "auth_permission": "made by Django, used by nobody",
    "auth_group": "made by Django, used by nobody",
    "auth_group_permissions": "made by Django, used by nobody",
    "django_content_type": "made by Django, used by nobody",
}
#: table → columns that are secrets, or digests of secrets, of what ends with a restore: empty in every backup
BLANKED: Final = {
    "accounts_phone": ("code_digest",),
    "accounts_recoverycontact": ("token_digest",),
    "guests_guestlink": ("secret_hash", "passcode"),
    "handover_accesstest": ("secret_hash", "mailed_hash"),
    "handover_handover": ("join_digest",),
    "organizations_invitation": ("token_digest",),
    "providers_engagement": ("join_digest",),
    "sharing_share": ("join_digest", "link_digest"),
    "streaming_viewingsession": ("secret_hash", "credential"),
}

type Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class About:
    """What a backup says of itself.

    keys        id of each master key there was → a digest of it: what is sealed with it opens with no other
    migrations  (app, name) of each: the shape of its tables
    journal     the journal's last line before it was made: what ended since is in the lines after
    """

    form: int
    version: str
    made_at: str
    url: str
    keys: dict[str, str]
    migrations: list[tuple[str, str]]
    journal: Place

    @classmethod
    def read(cls, line: bytes) -> Self:
        """From a backup's first line. Raises NoBackup."""
        try:
            said = json.loads(line)
            said["migrations"] = [(app, name) for app, name in said["migrations"]]
            about = cls(**said | {"journal": Place(**said["journal"])})
        except (ValueError, KeyError, TypeError):
            about = None
        if about is None or about.form != FORM:
            message = "this backup was made by another version of Belvedere, which wrote it in another form"
            raise NoBackup(message)
        return about


def list_tables() -> list[type[models.Model]]:
    """The tables a backup holds, by name."""
    every = apps.get_models(include_auto_created=True)
    held = (model for model in every if model._meta.managed and model._meta.db_table not in LEFT_OUT)  # noqa: SLF001  Django's public spelling
    return sorted(held, key=lambda model: model._meta.db_table)  # noqa: SLF001  as above


def fingerprints() -> dict[str, str]:
    """Id of each master key there is → a digest that gives nothing of it away."""
    return {key.id: sha256(derive_from(key.file, "fingerprint")).hexdigest()[:32] for key in list_master_keys()}


def describe(journal: Place, made_at: str) -> About:
    """What a backup that is made now says of itself. `journal`: its last line, read before."""
    applied = sorted(MigrationRecorder(connection).applied_migrations())
    return About(FORM, __version__, made_at, settings.BELVEDERE.url, fingerprints(), applied, journal)


def dump(journal: Place, say: Progress, *, made_at: str) -> Iterator[bytes]:
    """The lines of a backup of this instant. `say`: a table's name and how many rows it had, one after the other."""
    counts: dict[str, int] = {}
    with _one_instant():
        yield _line(asdict(describe(journal, made_at)))
        for model in list_tables():
            table = model._meta.db_table  # noqa: SLF001  Django's public spelling
            columns = [field.column for field in model._meta.concrete_fields]  # noqa: SLF001  as above
            counts[table] = 0
            yield _line({"table": table, "columns": columns})
            blank = [columns.index(column) for column in BLANKED.get(table, ())]
            names = [field.attname for field in model._meta.concrete_fields]  # noqa: SLF001  as above
            for values in model._base_manager.order_by("pk").values_list(*names).iterator(chunk_size=2000):  # noqa: SLF001  as above
                row = list(values)
                for place in blank:
                    row[place] = ""
                counts[table] += 1
                yield _line(row)
            say(table, counts[table])
        yield _line({"end": counts})


@contextmanager
def _one_instant() -> Iterator[None]:
    """Read everything as it is now, whoever writes meanwhile."""
    if connection.vendor == "sqlite":
        # Not Django's transaction: that takes the lock of a writer, and everybody would wait.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def _line(value: Any) -> bytes:
    # ASCII: half a surrogate, which a browser can put into what we keep as JSON, has no UTF-8, and would stop us here.
    return json.dumps(value, cls=_Exact, separators=(",", ":")).encode() + b"\n"


class _Exact(DjangoJSONEncoder):
    """Django's keeps milliseconds; an audit's digest is over microseconds."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if hasattr(o, "isoformat") else super().default(o)
