"""Reading and verifying the audit."""

from collections.abc import Iterator
from dataclasses import dataclass

from belvedere.control.audit.models import Chain, Entry, entry_digest, fields_digest
from belvedere.control.core.ids import is_id


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a chain does not hold, and how."""

    chain: str
    sequence: int
    what: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What a receipt quotes of the entry it rests on."""

    sequence: int
    digest: str


def find_proof(change_id: str) -> Proof | None:
    """The first audit entry of a change."""
    if not is_id(change_id):
        return None
    entry = Entry.objects.filter(change_id=change_id).order_by("sequence").only("sequence", "digest").first()
    return Proof(entry.sequence, entry.digest) if entry else None


def verify_chains() -> Iterator[Fault]:
    """Every place where a chain is broken: an entry changed, dropped, swapped, the tail cut off."""
    for chain in Chain.objects.order_by("pk"):
        yield from _verify(chain)


def _verify(chain: Chain) -> Iterator[Fault]:
    previous, expected = "", 1
    for entry in chain.entries.order_by("sequence").iterator(chunk_size=500):
        if entry.sequence != expected:
            yield Fault(chain.pk, expected, f"entries {expected} to {entry.sequence - 1} are missing")
        if entry.previous != previous:
            yield Fault(chain.pk, entry.sequence, "it does not follow from the entry before it")
        if entry.digest != entry_digest(entry):
            yield Fault(chain.pk, entry.sequence, "it was changed")
        # Erased personal fields leave fields = None and no salt; the digest stays.
        if entry.fields is not None and entry.fields_digest != fields_digest(entry.salt, entry.fields):
            yield Fault(chain.pk, entry.sequence, "its fields were changed")
        previous, expected = entry.digest, entry.sequence + 1
    if (chain.length, chain.head) != (expected - 1, previous):
        yield Fault(chain.pk, expected, f"the chain has {chain.length} entries, but ends after {expected - 1}")
