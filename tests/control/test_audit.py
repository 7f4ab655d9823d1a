"""The audit's chains: what tampering with them looks like, and what erasing a person does not. N36, B-11."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.db import connection, transaction

import cast
from belvedere.control.audit.heads import KEY, Head, NoHead, heads_file, list_due_chains, list_heads, sign_chain
from belvedere.control.audit.models import Chain, Entry, SignedHead, entry_digest, fields_digest
from belvedere.control.audit.selectors import find_proof
from belvedere.control.audit.services import INSTALLATION, write_entry
from belvedere.control.audit.verification import verify_chain, verify_chains
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import Principal
from belvedere.control.core.signing import key_file
from belvedere.control.organizations.oversight import sign_audit
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.services import end_share

ANA = Principal(id="01aaaaaaaaaaaaaaaaaaaaaaaa", name="Ana", address="192.0.2.7")


@pytest.fixture(autouse=True)
def no_heads_of_others() -> Iterator[None]:
    """The file outlives the rows of a test."""
    yield
    with suppress(FileNotFoundError):
        heads_file().unlink()


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
    return [(fault.chain, fault.sequence) for verdict in verify_chains() for fault in verdict.faults]


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


def re_hash(chain: str) -> None:
    """What somebody does who can write the whole database: other names, and every digest computed anew."""
    previous = ""
    for row in Entry.objects.filter(chain=chain).order_by("sequence"):
        row.fields = {**(row.fields or {}), "actor_name": "Nobody"}
        row.fields_digest = fields_digest(row.salt, row.fields)
        row.previous = previous
        row.digest = previous = entry_digest(row)
        row.save()
    Chain.objects.filter(pk=chain).update(head=previous)


def signed(*chains: str) -> list[Head]:
    return [head for chain in chains if (head := sign_chain(chain))]


def test_a_chain_re_hashed_whole_is_named_by_its_signed_head(chain: str) -> None:
    """N36, D4: in itself it verifies; the head that was signed does not fit it any more."""
    (head,) = signed(chain)
    write_entry(actor=ANA, action="thing.done", thing="thing:7", organization=chain)
    assert faults() == []
    re_hash(chain)
    (fault,) = (fault for verdict in verify_chains() for fault in verdict.faults)
    assert (fault.chain, fault.sequence) == (chain, 6)
    assert fault.what == f"it is not the one signed at {head.at}: the chain was re-hashed"


def test_a_forged_chain_is_never_signed(chain: str) -> None:
    signed(chain)
    re_hash(chain)
    write_entry(actor=ANA, action="thing.done", thing="thing:7", organization=chain)
    assert signed(chain) == []


def test_the_file_remembers_what_the_table_was_made_to_forget(chain: str) -> None:
    """N36: whoever writes the database alone does not reach the file beside it."""
    signed(chain)
    SignedHead.objects.all().delete()
    re_hash(chain)
    assert faults() == [(chain, 6)]


def test_the_owners_mail_remembers_what_the_whole_server_was_made_to_forget(chain: str) -> None:
    """N36, D4: not even the operator rewrites quietly."""
    (head,) = signed(chain)
    SignedHead.objects.all().delete()
    heads_file().unlink()
    re_hash(chain)
    assert faults() == []
    assert [fault.sequence for fault in verify_chain(chain, [Head.read(head.line())]).faults] == [6]


def test_a_tail_cut_off_with_its_head_is_named_by_the_signed_one(chain: str) -> None:
    """N36: whoever cuts entries off and sets length and head back leaves a chain that holds in itself."""
    (head,) = signed(chain)
    entry(chain, 6).delete()
    Chain.objects.filter(pk=chain).update(length=5, head=entry(chain, 5).digest)
    (fault,) = verify_chain(chain).faults
    assert (fault.sequence, fault.what) == (6, f"it was signed at {head.at}, but the chain ends after 5")


def test_a_chain_that_is_gone_is_missed(chain: str) -> None:
    signed(chain)
    Entry.objects.filter(chain=chain).delete()
    Chain.objects.filter(pk=chain).delete()
    assert faults() == [(chain, 6)]


@pytest.mark.parametrize("field", ["sequence", "digest", "at", "key", "signature"])
def test_a_forged_head_is_named(chain: str, field: str) -> None:
    (head,) = signed(chain)
    value = 5 if field == "sequence" else getattr(head, field)[::-1]
    forged = Head.read(json.dumps(json.loads(head.line()) | {field: value}))
    assert not forged.is_ours()
    assert [fault.what for fault in verify_chain(chain, [forged]).faults] == [
        "a head was kept for it that this installation’s key did not sign"
    ]


@pytest.mark.parametrize("line", ["", "x", "[]", "{}", '{"chain": "a"}', '"x"', "null", "1e999"])
def test_what_is_no_head_is_refused(line: str) -> None:
    with pytest.raises(NoHead):
        Head.read(line)


def test_a_head_is_signed_once_for_each_place_and_no_day_goes_by_without(chain: str) -> None:
    """D4: the job may run as often as it likes; what is not a day old waits."""
    assert list_due_chains() == []
    with clock.moved_by(timedelta(days=1)):
        assert list_due_chains() == sorted([chain, INSTALLATION])
        assert [head.sequence for head in signed(chain, INSTALLATION)] == [6, 1]
        assert signed(chain, INSTALLATION) == []
        assert list_due_chains(after=timedelta(0)) == []
    assert heads_file().stat().st_mode & 0o777 == key_file(KEY).stat().st_mode & 0o777 == 0o600
    assert key_file(KEY).parent == settings.BELVEDERE.master_key_file.parent
    assert all(head.is_ours() for head in list_heads(chain))
    assert len(list_heads(chain)) == 1  # table and file say the same


def test_the_owner_gets_the_signed_head_by_mail(people: cast.Cast) -> None:
    """D4."""
    organization = people.olivia.organization
    with clock.moved_by(timedelta(days=1)):
        heads = {head.chain: head for head in sign_audit()}
        run_due(limit=1000)
    (message,) = (row for row in mail.outbox if row.to == [people.olivia.email])
    line = next(row for row in str(message.body).splitlines() if row.startswith("{"))
    assert Head.read(line) == heads[organization]
    assert "Olivia" in message.subject
    assert faults() == []


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
