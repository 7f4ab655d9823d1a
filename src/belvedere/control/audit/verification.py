"""Verifying the chains: in themselves, and against every signed head that is known (N36)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from belvedere.control.audit.heads import Head, list_headed_chains, list_heads
from belvedere.control.audit.models import Chain, entry_digest, fields_digest


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a chain does not hold, and how: `what` is about the entry `sequence`, in words."""

    chain: str
    sequence: int
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying one chain found.

    length, head   as the entries have it, whatever the chain's own row says
    signed         the latest head that is ours, None where none was signed yet
    """

    chain: str
    length: int
    head: str
    faults: list[Fault]
    signed: Head | None

    @property
    def is_whole(self) -> bool:
        """Whether the chain holds."""
        return not self.faults


def verify_chains(brought: Iterable[Head] = ()) -> Iterator[Verdict]:
    """Every chain there is, and every one a head says there was. `brought`: heads kept elsewhere, as in a mail."""
    brought = list(brought)
    chains = {*Chain.objects.values_list("pk", flat=True), *list_headed_chains(), *(head.chain for head in brought)}
    for chain in sorted(chains):
        yield verify_chain(chain, brought)


def verify_chain(chain: str, brought: Iterable[Head] = ()) -> Verdict:
    """One chain, from its first entry to its last: as many rows are read as it has entries."""
    heads = sorted({*list_heads(chain), *(head for head in brought if head.chain == chain)}, key=_place)
    ours = [head for head in heads if head.is_ours()]
    faults = [
        Fault(chain, head.sequence, _("a head was kept for it that this installation’s key did not sign"))
        for head in heads
        if head not in ours
    ]
    row = Chain.objects.filter(pk=chain).first()
    signed: dict[int, list[Head]] = {}
    for head in ours:
        signed.setdefault(head.sequence, []).append(head)
    length, last = 0, ""
    if row is not None:
        previous, expected = "", 1
        for entry in row.entries.order_by("sequence").iterator(chunk_size=500):
            if entry.sequence != expected:
                faults.append(Fault(chain, expected, _missing(expected, entry.sequence - 1)))
            if entry.previous != previous:
                faults.append(Fault(chain, entry.sequence, _("it does not follow from the entry before it")))
            if entry.digest != entry_digest(entry):
                faults.append(Fault(chain, entry.sequence, _("it was changed")))
            # Erased personal fields leave fields = None and no salt; the digest stays.
            if entry.fields is not None and entry.fields_digest != fields_digest(entry.salt, entry.fields):
                faults.append(Fault(chain, entry.sequence, _("its fields were changed")))
            faults += [
                Fault(
                    chain,
                    entry.sequence,
                    _("it is not the one signed at %(at)s: the chain was re-hashed") % {"at": head.at},
                )
                for head in signed.get(entry.sequence, ())
                if head.digest != entry.digest
            ]
            previous, expected = entry.digest, entry.sequence + 1
        length, last = expected - 1, previous
        if (row.length, row.head) != (length, last):
            faults.append(
                Fault(
                    chain,
                    expected,
                    _("the chain has %(told)d entries, but ends after %(found)d")
                    % {"told": row.length, "found": length},
                )
            )
    faults += [
        Fault(
            chain,
            head.sequence,
            _("it was signed at %(at)s, but the chain ends after %(found)d") % {"at": head.at, "found": length},
        )
        for head in ours
        if head.sequence > length
    ]
    return Verdict(chain, length, last, faults, ours[-1] if ours else None)


def _place(head: Head) -> tuple[int, str]:
    return head.sequence, head.at


def _missing(first: int, last: int) -> str:
    if first == last:
        return _("it is missing")
    return _("the entries from here to %(last)d are missing") % {"last": last}
