"""The audit's chains: what tampering with them looks like, and what erasing a person does not. N36, B-11."""

from datetime import timedelta

import pytest
from django.db import connection, transaction

import cast
from belvedere.control.audit.models import Chain, Entry, entry_digest, fields_digest
from belvedere.control.audit.selectors import find_proof, verify_chains
from belvedere.control.audit.services import INSTALLATION, write_entry
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import Principal
from belvedere.control.sharing.services import end_share

ANA = Principal(id="01aaaaaaaaaaaaaaaaaaaaaaaa", name="Ana", address="192.0.2.7")


@pytest.fixture
def chain(transactional_db: None) -> str:
    """Six entries of one organization, and one of the installation."""
    organization = new_id()
    for number in range(6):
        write_entry(actor=ANA, action="thing.done", thing=f"thing:{number}", organization=organization, number=number)
    write_entry(actor=ANA, action="thing.done", thing="thing:0")
    assert faults() == []
    return organization


def faults() -> list[tuple[str, int]]:
    return [(fault.chain, fault.sequence) for fault in verify_chains()]


def entry(chain: str, sequence: int) -> Entry:
    return Entry.objects.get(chain=chain, sequence=sequence)


@pytest.mark.parametrize("field", ["action", "thing", "change_id", "at", "site", "previous", "fields_digest", "digest"])
def test_a_changed_entry_is_named(chain: str, field: str) -> None:
    """N36."""
    row = entry(chain, 3)
    value = row.at + timedelta(microseconds=1) if field == "at" else "x"
    Entry.objects.filter(pk=row.pk).update(**{field: value})
    assert (chain, 3) in faults()


def test_changed_fields_are_named(chain: str) -> None:
    row = entry(chain, 3)
    assert row.fields is not None
    Entry.objects.filter(pk=row.pk).update(fields=row.fields | {"actor_name": "Somebody Else"})
    assert faults() == [(chain, 3)]


@pytest.mark.parametrize("sequence", [1, 3])
def test_a_dropped_entry_is_named(chain: str, sequence: int) -> None:
    entry(chain, sequence).delete()
    assert (chain, sequence) in faults()


def test_a_tail_cut_off_is_named(chain: str) -> None:
    entry(chain, 6).delete()
    assert faults() == [(chain, 6)]


def test_swapped_entries_are_named(chain: str) -> None:
    """Their places too: each digest holds its own."""
    third, fourth = entry(chain, 3), entry(chain, 4)
    Entry.objects.filter(pk=third.pk).update(sequence=99)
    Entry.objects.filter(pk=fourth.pk).update(sequence=3)
    Entry.objects.filter(pk=third.pk).update(sequence=4)
    assert {(chain, 3), (chain, 4)} <= set(faults())


def test_an_entry_moved_to_another_chain_is_named(chain: str) -> None:
    """A's entry in B's chain: the chain's name is in the digest."""
    Chain.objects.filter(pk=INSTALLATION).update(length=2)
    Entry.objects.filter(chain=chain, sequence=6).update(chain=INSTALLATION, sequence=2)
    assert {place for place, _ in faults()} == {chain, INSTALLATION}


def test_one_re_hashed_entry_breaks_the_next(chain: str) -> None:
    """Whoever changes one and computes its digest anew must go on to the end, and to the head."""
    row = entry(chain, 3)
    row.thing = "thing:none"
    row.digest = entry_digest(row)
    row.save()
    assert faults() == [(chain, 4)]


def test_a_chain_re_hashed_whole_has_another_head(chain: str) -> None:
    """N36: it verifies in itself, which is why a receipt quotes digests and a head is kept elsewhere."""
    before = Chain.objects.get(pk=chain).head
    previous = ""
    for row in Entry.objects.filter(chain=chain).order_by("sequence"):
        row.fields = {**(row.fields or {}), "actor_name": "Nobody"}
        row.fields_digest = fields_digest(row.salt, row.fields)
        row.previous = previous
        row.digest = previous = entry_digest(row)
        row.save()
    assert faults() == [(chain, 7)]
    Chain.objects.filter(pk=chain).update(head=previous)
    assert faults() == []
    assert Chain.objects.get(pk=chain).head != before


def test_erasing_a_person_leaves_a_chain_that_verifies(chain: str) -> None:
    """N36: fields and salt go, the digest stays; without the salt nobody can try names against it."""
    Entry.objects.filter(chain=chain, sequence__in=(2, 6)).update(fields=None, salt="")
    assert faults() == []


@pytest.mark.usefixtures("transactional_db")
def test_entries_that_come_at_once_stand_in_one_row() -> None:
    """One writer for each chain: its row is the lock."""
    import threading

    start = threading.Barrier(4)

    def write() -> None:
        start.wait()
        try:
            for number in range(5):
                write_entry(actor=ANA, action="thing.done", thing=f"thing:{number}", organization="one")
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(Entry.objects.order_by("sequence").values_list("sequence", flat=True)) == list(range(1, 21))
    assert faults() == []


@pytest.mark.usefixtures("transactional_db")
def test_an_entry_belongs_to_its_change() -> None:
    with transaction.atomic():
        write_entry(actor=ANA, action="thing.done", thing="thing:1", organization="one")
        transaction.set_rollback(True)
    assert not Entry.objects.exists()
    assert faults() == []


def test_every_step_of_a_share_is_one_entry(people: cast.Cast) -> None:
    """VA-22, VV-36: who, what, when; and a receipt finds the entry it rests on."""
    share = people.olivia.share(people.rita, people.courtyard)
    change = end_share(people.olivia.actor, share=share)
    rows = list(Entry.objects.filter(thing=f"share:{share}").order_by("sequence"))
    assert [row.action for row in rows] == ["share.offered", "share.accepted", "share.revoked"]
    assert [(row.fields or {})["actor"] for row in rows] == [people.olivia.id, people.rita.id, people.olivia.id]
    assert {row.chain_id for row in rows} == {people.olivia.organization}
    assert all(row.at <= clock.now() for row in rows)
    proof = find_proof(change)
    assert proof is not None
    assert (proof.sequence, proof.digest) == (rows[-1].sequence, rows[-1].digest)
    assert faults() == []
