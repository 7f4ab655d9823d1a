"""Writing the audit. Called by other apps' services, inside the transaction of the change."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from belvedere.control.audit.models import Chain, Entry, entry_digest, fields_digest
from belvedere.control.core import clock, sql
from belvedere.control.core.principal import Principal

INSTALLATION = "installation"

_NEXT: Final = "UPDATE audit_chain SET length = length + 1 WHERE id = %s RETURNING length, head"
_SET_HEAD: Final = "UPDATE audit_chain SET head = %s WHERE id = %s"


def _tell_nobody(_entry: Entry) -> None:
    """Until composition says otherwise."""


_tell: Callable[[Entry], None] = _tell_nobody


def register_listener(tell: Callable[[Entry], None]) -> None:
    """Set who hears of each entry, in the transaction that writes it. Called once, by composition."""
    global _tell  # noqa: PLW0603  set once, when Django is ready
    _tell = tell


@transaction.atomic(savepoint=False)
def write_entry(
    *,
    actor: Principal,
    action: str,
    thing: str,
    organization: str = "",
    change_id: str = "",
    site: str = "",
    **details: Any,
) -> Entry:
    """Append one entry to the organization's chain (or the installation's).

    `thing` is `kind:id`. `site` is the one site it happened at: those who manage that site alone read the entry;
    without one, only those who manage the whole organization do. `details` are JSON values; with the actor they are the
    entry's personal fields. Never put a secret here.
    """
    chain_id = organization or INSTALLATION
    # The UPDATE comes first: it locks the chain (on PostgreSQL the row, on SQLite the file) until we commit.
    taken = sql.fetch(_NEXT, chain_id)
    if not taken:
        Chain.objects.get_or_create(pk=chain_id)
        taken = sql.fetch(_NEXT, chain_id)
    [(sequence, head)] = taken
    fields = {
        "actor": actor.id,
        "actor_name": actor.name,
        "actor_kind": actor.kind,
        "address": actor.address,
        **details,
    }
    salt = secrets.token_hex(16)
    entry = Entry(
        chain_id=chain_id,
        sequence=sequence,
        at=clock.now(),
        action=action,
        thing=thing,
        change_id=change_id,
        site=site,
        fields=fields,
        salt=salt,
        fields_digest=fields_digest(salt, fields),
        previous=head,
        digest="",
    )
    entry.digest = entry_digest(entry)
    sql.insert(entry)
    sql.change(_SET_HEAD, entry.digest, chain_id)
    _tell(entry)
    return entry


def erase_fields(action: str, *, before: datetime) -> int:
    """Erase the personal fields of entries of one action that are older; their chain still verifies (D4). How many."""
    old = Entry.objects.filter(action=action, at__lt=before, fields__isnull=False)
    return old.update(fields=None, salt="")
