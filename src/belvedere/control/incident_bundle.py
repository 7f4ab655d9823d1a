"""What is needed to look into an incident, in one signed zip: audit, ledger, versions, findings, logs (threats §7).

No secret is in it: what rests sealed, digests of secrets and the keys themselves have no place here. What people did,
and from where, is all in it: a bundle is kept as the database is.
"""

import hashlib
import json
import os
import platform
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import IO, Any, Final

from django.conf import settings
from django.db import connection
from django.db.models import Q

from belvedere import __version__
from belvedere.control.accounts.selectors import get_persons
from belvedere.control.audit import heads
from belvedere.control.audit.exports import json_lines
from belvedere.control.audit.heads import list_headed_chains, list_heads
from belvedere.control.audit.models import Chain
from belvedere.control.audit.selectors import EntryFilter, Scope, iterate_entries
from belvedere.control.core import clock, signing
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera
from belvedere.control.incident_proof import MANIFEST, VERSION, signed_bytes
from belvedere.control.organizations.models import Organization
from belvedere.control.recordings.manifests import KEY, instant
from belvedere.control.streaming.models import ViewingSession

_READ: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be in it: from `start` on, before `end`, of one organization; None and "" mean all."""

    start: datetime | None = None
    end: datetime | None = None
    organization: str = ""


def write_bundle(
    to: Path,
    wish: Wish,
    *,
    by: Principal,
    findings: Sequence[Mapping[str, str]],
    verdicts: Sequence[Mapping[str, Any]],
    logs: Sequence[Path],
) -> dict[str, Any]:
    """Write the zip, 0600, and return its manifest. Whatever goes wrong, no half of it stays there.

    findings, verdicts   what `doctor` and `audit verify` say
    Raises OSError: it cannot be written, a log cannot be read, or FileExistsError.
    """
    handle = os.open(to, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w+b") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            signer = signing.Signer(KEY)
            writer = _Writer(archive)
            _fill(writer, wish, findings, verdicts, logs)
            manifest = {
                "version": VERSION,
                "key": signer.id,
                "installation": settings.BELVEDERE.url,
                "made_at": instant(clock.now()),
                "by": by.address,
                "from": instant(wish.start) if wish.start else None,
                "to": instant(wish.end) if wish.end else None,
                "organization": wish.organization or None,
                "files": writer.files,
            }
            signature = signer.sign(signed_bytes(manifest))
            archive.writestr(MANIFEST, json.dumps({"manifest": manifest, "signature": signature}, indent=1))
    except BaseException:
        to.unlink()
        raise
    return manifest


class _Writer:
    """Files into an archive, with what the manifest says of them."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.files: list[dict[str, Any]] = []

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """One file, piece by piece."""
        read, size = hashlib.sha256(), 0
        with self._archive.open(name, "w", force_zip64=True) as file:
            for piece in pieces:
                file.write(piece)
                read.update(piece)
                size += len(piece)
        self.files.append({"name": name, "sha256": read.hexdigest(), "size": size})


def _fill(
    writer: _Writer,
    wish: Wish,
    findings: Sequence[Mapping[str, str]],
    verdicts: Sequence[Mapping[str, Any]],
    logs: Sequence[Path],
) -> None:
    chains = [wish.organization] if wish.organization else sorted({*_chains(), *list_headed_chains()})
    people: set[str] = set()
    period = EntryFilter(start=wish.start, end=wish.end)
    for chain in chains:
        writer.write(f"audit/{chain}.jsonl", _audit_lines(chain, period, people))
    kept = (head for chain in chains for head in list_heads(chain))
    writer.write("audit/heads.jsonl", (f"{head.line()}\n".encode() for head in kept))
    writer.write("audit/verdict.json", [_json([row for row in verdicts if row["chain"] in chains])])
    writer.write("audit/keys.json", [_json(_public_keys())])
    writer.write("ledger.jsonl", _ledger_lines(wish, people))
    persons = get_persons(people)
    named = [{"id": pk, "name": persons[pk].name, "email": persons[pk].email} for pk in sorted(persons)]
    writer.write("people.json", [_json(named)])
    rows = Organization.objects.filter(pk__in=chains).order_by("pk").values("id", "name", "owner_id")
    writer.write("organizations.json", [_json(list(rows))])
    cameras = Camera.objects.filter(organization__in=chains).order_by("pk")
    writer.write("cameras.json", [_json(list(cameras.values("id", "name", "organization_id", "device_id", "site_id")))])
    writer.write("versions.json", [_json(_versions())])
    writer.write("doctor.json", [_json(list(findings))])
    for number, log in enumerate(logs, 1):
        with log.open("rb") as file:
            writer.write(f"logs/{number}-{log.name}", _pieces(file))


def _chains() -> list[str]:
    return list(Chain.objects.values_list("pk", flat=True))


def _audit_lines(chain: str, period: EntryFilter, people: set[str]) -> Iterator[bytes]:
    for entry in iterate_entries(Scope(chain, None), period):
        people.add(entry.text("actor"))
        yield from (line.encode() for line in json_lines([entry]))


def _ledger_lines(wish: Wish, people: set[str]) -> Iterator[bytes]:
    """Who watched what, and which parts of the past: every session that was opened.

    Networks stand in the whole ledger alone: an organization's may be handed to its owner, who is never told them.
    """
    rows = ViewingSession.objects.filter(opened_at__isnull=False).prefetch_related("watched_spans")
    if wish.organization:
        rows = rows.filter(camera__organization=wish.organization)
    if wish.start:
        rows = rows.filter(Q(closed_at=None) | Q(closed_at__gte=wish.start))
    if wish.end:
        rows = rows.filter(opened_at__lt=wish.end)
    for row in rows.order_by("opened_at", "pk").iterator(chunk_size=500):
        people.add(row.principal)
        # Not the credential, nor the digest of the ticket: what names them is worth guessing.
        line = {
            "session": row.pk,
            "principal": row.principal,
            "probed_by": row.probed_by,
            "camera": row.camera_id,
            "kind": row.kind,
            "quality": row.quality,
            **({} if wish.organization else {"network": row.network}),
            "node": row.node,
            "opened_at": row.opened_at and instant(row.opened_at),
            "closed_at": row.closed_at and instant(row.closed_at),
            "closed_why": row.closed_why,
            "past_from": row.start_at and instant(row.start_at),
            "past_to": row.end_at and instant(row.end_at),
            "watched": [[instant(span.start_at), instant(span.end_at)] for span in row.watched_spans.all()],
        }
        yield json.dumps(line, ensure_ascii=False).encode() + b"\n"


def _public_keys() -> list[dict[str, Any]]:
    """Whose signatures the heads bear."""
    return [
        {"id": key.id, "public_key": key.raw.hex(), "until": key.until and instant(key.until)}
        for key in signing.list_public_keys(heads.KEY)
    ]


def _versions() -> dict[str, Any]:
    return {
        "belvedere": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "database": [connection.vendor, ".".join(map(str, connection.get_database_version()))],
        "packages": {row.metadata["Name"]: row.version for row in sorted(distributions(), key=lambda row: row.name)},
    }


def _json(found: Any) -> bytes:
    return json.dumps(found, ensure_ascii=False, indent=1).encode()


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_READ):
        yield piece
