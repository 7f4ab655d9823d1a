"""The chain and its entries.

Personal fields stand beside the chain: it holds SHA-256(salt ‖ fields), so that erasing a person's fields and salt
leaves a chain that still verifies.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

from django.db import models

from belvedere.control.core.ids import new_id


class ActorOf(models.Func):
    """The account that did it, out of an entry's fields. SQLite and PostgreSQL spell it alike, and both index it."""

    template = "(%(expressions)s ->> 'actor')"
    output_field = models.CharField()


class Chain(models.Model):
    """One chain: an organization's, or `installation`. Its row is the lock of its writers."""

    id = models.CharField(primary_key=True, max_length=26)
    length = models.BigIntegerField(default=0)
    head = models.CharField(max_length=64, default="")


class Entry(models.Model):
    """One thing that happened."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    chain = models.ForeignKey(Chain, on_delete=models.PROTECT, related_name="entries")
    sequence = models.BigIntegerField()
    at = models.DateTimeField()
    action = models.CharField(max_length=60)
    thing = models.CharField(max_length=60)
    change_id = models.CharField(max_length=26, default="", db_index=True)
    site = models.CharField(max_length=26, default="")
    fields = models.JSONField(null=True)
    salt = models.CharField(max_length=32, default="")
    fields_digest = models.CharField(max_length=64)
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("chain", "sequence"), name="audit_entry_one_per_place"),)
        indexes = (
            # For those who manage single sites: theirs may be few among very many.
            models.Index(
                fields=("chain", "site", "sequence"), condition=~models.Q(site=""), name="audit_entry_of_site"
            ),
            # What a thing is called stands in its entries.
            models.Index(fields=("thing",), name="audit_entry_thing"),
            # Where somebody signed in is erased first.
            models.Index(
                fields=("at",),
                condition=models.Q(action="session.started", fields__isnull=False),
                name="audit_entry_sign_in",
            ),
            # What somebody did himself, in every chain: he reads it.
            models.Index(ActorOf("fields"), name="audit_entry_actor"),
        )


class SignedHead(models.Model):
    """How long a chain was, and its digest there, under our signature: who re-hashes a whole chain cannot sign it."""

    chain = models.CharField(max_length=26)
    sequence = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()
    key = models.CharField(max_length=16)
    signature = models.CharField(max_length=88)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("chain", "sequence"), name="audit_head_one_per_place"),)


def fields_digest(salt: str, fields: dict[str, Any] | None) -> str:
    """SHA-256 over salt and fields, hex."""
    body = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{salt}{body}".encode()).hexdigest()


def entry_digest(entry: Entry) -> str:
    """SHA-256 over everything of an entry that is never erased, and over the entry before it, hex."""
    parts = [
        entry.previous,
        entry.chain_id,
        str(entry.sequence),
        instant(entry.at),
        entry.action,
        entry.thing,
        entry.change_id,
        entry.fields_digest,
    ]
    # Who may read the entry hangs on its site, so the site is in the chain; without one, the digest is what it always
    # was.
    if entry.site:
        parts.append(entry.site)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def instant(at: datetime) -> str:
    """As digests and signatures hold a time: UTC, to the microsecond."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
