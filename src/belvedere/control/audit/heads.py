"""Signed heads: how long a chain was on a day, and its digest there, under a key that is not in the database.

Whoever writes the database can compute a whole new chain; nobody signs its head again without the key, and nobody takes
back the head that an owner got by mail. Three places keep them: a table, a file beside the database, the owners' mail.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Max

from belvedere.control.audit.models import Chain, Entry, SignedHead, instant
from belvedere.control.core import clock, signing

log = structlog.get_logger(__name__)

#: No entry stays unsigned for longer, and no chain is signed more often (threats D4).
SIGN_AFTER: Final = timedelta(days=1)
#: the name of the signing key
KEY: Final = "audit-head"

_FORM: Final = {"chain": str, "sequence": int, "digest": str, "at": str, "key": str, "signature": str}


class NoHead(Exception):  # noqa: N818  what it is, in two words
    """The line is no signed head. The message says why."""


@dataclass(frozen=True, slots=True)
class Head:
    """One signed head, as it is kept and mailed.

    digest     of the chain's entry number `sequence`, hex
    at         when it was signed: RFC 3339, UTC, microseconds
    key        the first 16 hex digits of SHA-256 over the public key
    signature  Ed25519, base64
    """

    chain: str
    sequence: int
    digest: str
    at: str
    key: str
    signature: str

    @classmethod
    def read(cls, line: str) -> Self:
        """From one line of JSON. Raises NoHead."""
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict) or {key: type(value) for key, value in found.items()} != _FORM:
            message = "this line is no signed head"
            raise NoHead(message)
        return cls(**found)

    def line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    def is_ours(self) -> bool:
        """Whether a key of this installation signed exactly this, while it was in use."""
        try:
            at = datetime.fromisoformat(self.at)
        except ValueError:
            return False
        return at.tzinfo is not None and signing.is_signed_by_ours(
            KEY, key=self.key, at=at, text=_signed(self), signature=self.signature
        )


def _signed(head: Head) -> bytes:
    """The bytes under the signature: what they are for comes first."""
    return "\n".join(("belvedere audit head 1", head.chain, str(head.sequence), head.digest, head.at)).encode()


def heads_file() -> Path:
    """Where heads are kept beside the database: one a line, only ever added to."""
    file: Path = settings.BELVEDERE.data / "audit-heads.jsonl"
    return file


def list_due_chains(*, after: timedelta = SIGN_AFTER) -> list[str]:
    """Chains whose first entry that no head covers is `after` old or older."""
    signed = dict(SignedHead.objects.values_list("chain").annotate(last=Max("sequence")))
    rows = Chain.objects.order_by("pk").values_list("pk", "length")
    grown = [(pk, signed.get(pk, 0) + 1) for pk, length in rows.iterator() if length > signed.get(pk, 0)]
    until = clock.now() - after
    return [pk for pk, first in grown if Entry.objects.filter(chain=pk, sequence=first, at__lte=until).exists()]


@transaction.atomic
def sign_chain(pk: str) -> Head | None:
    """Sign the head that a chain has now, and keep it; None when there is nothing new to sign.

    Of any number of workers one signs each place of a chain. A chain that is not the one that was signed last is never
    signed again: that would make a forgery ours.
    """
    chain = Chain.objects.select_for_update().get(pk=pk)
    last = SignedHead.objects.filter(chain=pk).order_by("-sequence").first()
    if last is not None and last.sequence >= chain.length:
        return None
    if last and not Entry.objects.filter(chain=chain, sequence=last.sequence, digest=last.digest).exists():
        log.error("audit_chain_is_another", organization=pk)
        return None
    at, signer = clock.now(), signing.Signer(KEY)
    unsigned = Head(pk, chain.length, chain.head, instant(at), signer.id, "")
    head = replace(unsigned, signature=signer.sign(_signed(unsigned)))
    SignedHead.objects.create(**asdict(head) | {"at": at})
    _append(head)
    return head


def _append(head: Head) -> None:
    """Onto the disk, before its row is committed."""
    handle = os.open(heads_file(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(head.line() + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_head(chain: str) -> tuple[int, str]:
    """How long a chain is just now, and the digest of its last entry; (0, "") where there is none. Not signed."""
    row = Chain.objects.filter(pk=chain).values_list("length", "head").first()
    return row or (0, "")


def list_heads(chain: str) -> list[Head]:
    """The heads of one chain that this installation knows, from table and file, by place; forged ones too."""
    rows = SignedHead.objects.filter(chain=chain)
    found = {
        Head(row.chain, row.sequence, row.digest, instant(row.at), row.key, row.signature) for row in rows.iterator()
    }
    found.update(head for head in _kept() if head.chain == chain)
    return sorted(found, key=lambda head: (head.sequence, head.at))


def list_headed_chains() -> set[str]:
    """Every chain a head is known of, whether the chain is still there or not."""
    return {*SignedHead.objects.values_list("chain", flat=True).distinct(), *(head.chain for head in _kept())}


def set_newer_heads_aside() -> None:
    """After a restore: heads of what is not there any more go to a file of their own, for whoever wants to compare.

    Else every verification would find missing what a backup could not hold. Mails that went out keep theirs.
    """
    heads = list(_kept())
    entries = Entry.objects.all()
    newer = [
        head
        for head in heads
        if not entries.filter(chain=head.chain, sequence=head.sequence, digest=head.digest).exists()
    ]
    if not newer:
        return
    aside = heads_file().with_name(f"audit-heads-before-{clock.now():%Y%m%dT%H%M%S}.jsonl")
    for file, lines in ((aside, newer), (heads_file(), [head for head in heads if head not in newer])):
        part = file.with_name(f"{file.name}.part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as written:
            written.writelines(head.line() + "\n" for head in lines)
            written.flush()
            os.fsync(written.fileno())
        part.replace(file)


def _kept() -> Iterator[Head]:
    """The file's heads. A line that was torn by a power cut is passed over: its row was never committed."""
    try:
        lines = heads_file().read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        with suppress(NoHead):
            yield Head.read(line)
