"""The sealed file of a backup, and what may be in it: no part of it changes unnoticed, no secret is in it (V14)."""

import io
import json
import re
import secrets
from collections.abc import Iterator

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import connection

from belvedere.control.accounts.models import Account
from belvedere.control.backups.contents import BLANKED, LEFT_OUT, dump, list_tables
from belvedere.control.backups.journal import Place
from belvedere.control.backups.loading import check
from belvedere.control.backups.sealed import NoBackup, read_sealed, write_sealed
from belvedere.control.guests.models import GuestLink
from belvedere.control.organizations.models import Invitation
from cast import CANARY, Cast

PASSPHRASE = "correct horse battery staple"
LINES = [secrets.token_hex(500).encode() + b"\n" for _ in range(6000)]
_HEAD = len(b"belvedere backup 1\n") + 16


def seal(lines: list[bytes]) -> bytes:
    to = io.BytesIO()
    assert write_sealed(lines, to, PASSPHRASE) == sum(map(len, lines))
    return to.getvalue()


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return seal(LINES)


def chunks_of(text: bytes) -> list[bytes]:
    found, at = [], _HEAD
    while at < len(text):
        end = at + 5 + int.from_bytes(text[at + 1 : at + 5])
        found.append(text[at:end])
        at = end
    return found


def read(text: bytes, passphrase: str = PASSPHRASE) -> list[bytes]:
    return list(read_sealed(io.BytesIO(text), passphrase))


def test_what_was_sealed_comes_back(sealed: bytes) -> None:
    assert len(chunks_of(sealed)) > 2
    assert read(sealed) == [line[:-1] for line in LINES]
    assert read(seal([])) == []
    assert seal(LINES)[:_HEAD] != sealed[:_HEAD], "each has its own salt"


def test_no_part_changes_unnoticed(sealed: bytes) -> None:
    """Cut, flipped, swapped, left out, appended: refused, and never by a traceback."""
    head, first, second, *rest = sealed[:_HEAD], *chunks_of(sealed)
    other = chunks_of(seal(LINES))
    flipped = bytearray(sealed)
    flipped[len(sealed) // 2] ^= 1
    harmed = [
        b"".join([head, second, first, *rest]),
        b"".join([head, first, *rest]),
        b"".join([head, first, second]),
        b"".join([head, first, other[1], *rest]),
        b"".join([head, first, b"\1" + second[1:]]),
        bytes(flipped),
        sealed[:-1],
        sealed[: _HEAD + 3],
        sealed[:10],
        sealed + b"x",
        sealed + first,
        b"",
        b"SQLite format 3\0" * 10,
        head + b"\0\xff\xff\xff\xff",
    ]
    for text in harmed:
        with pytest.raises(NoBackup):
            read(text)


def test_another_passphrase_opens_nothing(sealed: bytes) -> None:
    with pytest.raises(NoBackup, match="passphrase"):
        read(sealed, "correct horse battery stapler")


# ── What is in it ────────────────────────────────────────────────────────────────────────────────────────────────────


def dumped() -> list[bytes]:
    return list(dump(Place("journal", 1, "0"), lambda _table, _rows: None, made_at="2026-11-22T10:00:00+00:00"))


def test_no_secret_that_a_restore_would_bring_back_is_in_it(people: Cast) -> None:
    """V14: whatever looks like a token, cookie, ticket or digest of one is left out, or empty, or known not to be."""
    kept = {
        # Proofs of what was there, and of files.
        *("audit_entry.digest", "audit_entry.fields_digest", "audit_signedhead.digest", "handover_keptreport.digest"),
        # Sealed by the master key, which is in no backup.
        *("notifications_webhook.secret", "notifications_webhook.former_secret"),
        "accounts_account.password",  # Argon2id: who forgot nothing signs in with it
        "recordings_export.session_id",  # of whose export it is; nobody watches by it
        "streaming_watchedspan.session_id",
        "handover_accesstestresult.session",
    }
    looks_like = re.compile(r"secret|digest|hash|cookie|token|ticket|credential$|session|password|passcode|challenge")
    found = {
        f"{model._meta.db_table}.{field.column}"
        for model in list_tables()
        for field in model._meta.concrete_fields
        if looks_like.search(field.column or "") and field.column not in BLANKED.get(model._meta.db_table, ())
    }
    assert {name for name in found if not name.startswith(("audit_", "appeals_"))} <= kept
    every = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    assert set(LEFT_OUT) | set(BLANKED) <= every, "a table that is no more needs no word"

    token = people.olivia.token()
    people.olivia.browser()
    text = b"".join(dumped())
    digests = {
        *Invitation.objects.exclude(token_digest="").values_list("token_digest", flat=True),
        *GuestLink.objects.values_list("secret_hash", flat=True),
    }
    for secret in (token, CANARY, *digests):
        assert secret.encode() not in text
    assert Account.objects.values_list("email", flat=True).get(pk=people.olivia.id).encode() in text


def test_half_a_character_stops_no_backup(people: Cast) -> None:
    """Whatever a browser sent and we kept as JSON: or one passkey would be the end of all backups."""
    # PostgreSQL keeps no such text: there it is refused before.
    text = "half \ud83c" if connection.vendor == "sqlite" else "whole \U0001f33c"
    kept = {"name": "Phone", "credential": {"extra": text}}
    Authenticator.objects.create(user_id=people.rita.id, type=Authenticator.Type.WEBAUTHN, data=kept)
    lines = [json.loads(line) for line in dumped()]
    assert kept in [value for row in lines if isinstance(row, list) for value in row if isinstance(value, dict)]


def test_a_backup_of_a_newer_version_is_refused(people: Cast) -> None:
    first, *rest = dumped()

    def harmed(**changes: object) -> Iterator[bytes]:
        return iter([json.dumps(json.loads(first) | changes).encode(), *(line.rstrip(b"\n") for line in rest)])

    def quiet(_table: str, _rows: int) -> None:
        """Says nothing."""

    assert sum(check(harmed(), quiet).rows.values()) > 50
    migrations = json.loads(first)["migrations"]
    for changes in ({"migrations": [*migrations, ["access", "9999_of_tomorrow"]]}, {"form": 2}, {"journal": None}):
        with pytest.raises(NoBackup, match="version"):
            check(harmed(**changes), quiet)
    for lines in (rest[:-1], rest[:-2] + rest[-1:], [b"{}\n", *rest], [*rest, b"[]\n"]):
        with pytest.raises(NoBackup, match="not whole"):
            check(iter([line.rstrip(b"\n") for line in (first, *lines)]), quiet)
