"""The journal of what ended: whole or said to be broken, written with every loss, and never given up (D3)."""

import json
import stat
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings

from belvedere.contracts.permissions import Permission
from belvedere.control.accounts.services import end_all_credentials, remove_address
from belvedere.control.backups import journal
from belvedere.control.backups.examining import count_missing, count_waiting
from belvedere.control.backups.journal import Journal, JournalBroken, Line
from belvedere.control.core import clock
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.devices.services import unbind_device
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.services import Item, change_share, end_share, pause_share
from cast import Cast


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal of this test's own."""
    place = tmp_path / "journal"
    monkeypatch.setattr(settings, "BELVEDERE", replace(settings.BELVEDERE, journal=place))
    return place


def read(folder: Path) -> Journal:
    found = journal.read(folder)
    assert found is not None
    return found


def last(folder: Path) -> Line:
    return read(folder).lines[-1]


def test_lines_follow_from_each_other(folder: Path) -> None:
    began = journal.begin(folder)
    assert journal.begin(folder) == began, "a second time nothing is begun"
    first = journal.append(folder, "rights", {"over": ["a"]})
    journal.append(folder, "owner", {"owner": "ö" * 200_000})
    found = read(folder)
    assert [line.kind for line in found.lines] == ["began", "rights", "owner"]
    assert [line.facts for line in found.lines[:2]] == [{}, {"over": ["a"]}]
    assert [line.kind for line in found.since(first) or []] == ["owner"]
    assert found.since(replace(first, journal="another")) is None
    assert found.since(replace(first, number=99)) is None
    assert found.since(replace(first, digest="0" * 64)) is None
    assert stat.S_IMODE(journal.file_in(folder).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("harm", ["changed", "left out", "swapped", "nonsense"])
def test_what_was_tampered_with_is_named(folder: Path, harm: str) -> None:
    for word in "abcd":
        journal.append(folder, "rights", {"over": [word]})
    file = journal.file_in(folder)
    lines = file.read_bytes().splitlines(keepends=True)
    if harm == "changed":
        lines[2] = lines[2].replace(b'"b"', b'"z"')
    elif harm == "left out":
        del lines[2]
    elif harm == "swapped":
        lines[2], lines[3] = lines[3], lines[2]
    else:
        lines[2] = b"[]\n"
    file.write_bytes(b"".join(lines))
    with pytest.raises(JournalBroken, match="line 3"):
        journal.read(folder)


def test_a_line_torn_by_a_power_cut_was_never_there(folder: Path) -> None:
    journal.append(folder, "rights", {"over": ["a"]})
    with journal.file_in(folder).open("ab") as file:
        file.write(b'{"journal": "half')
    assert len(read(folder).lines) == 2
    journal.append(folder, "rights", {"over": ["b"]})
    assert [line.facts for line in read(folder).lines] == [{}, {"over": ["a"]}, {"over": ["b"]}]
    journal.file_in(folder).write_bytes(b'{"torn at its very first line')
    assert journal.read(folder) is None
    assert journal.begin(folder).number == 1


def test_many_write_one_after_the_other(folder: Path) -> None:
    def write() -> None:
        for _ in range(20):
            journal.append(folder, "rights", {})

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(read(folder).lines) == 81


def test_every_loss_has_its_line_when_its_act_is_answered(people: Cast, folder: Path) -> None:
    """N35: ids and words, no names, and nothing waits."""
    olivia, rita = people.olivia, people.rita
    share = olivia.share(rita, people.courtyard, people.pool, permissions=Permission.LIVE_VIEW | Permission.LISTEN)
    less = [Item(people.courtyard, Permission.LIVE_VIEW), Item(people.pool, Permission(0))]
    change_share(olivia.actor, share=share, items=less)
    facts = last(folder).facts
    assert (facts["less"], facts["ended"], facts.get("over")) == ([share], [[share, people.pool]], None)

    pause_share(olivia.actor, share=share)
    assert last(folder).facts["less"] == [share], "what rests is not over"
    change = end_share(olivia.actor, share=share)
    assert last(folder).facts == {"change": change, "over": [share]}

    end_all_credentials(rita.id, why="password_changed")
    assert (last(folder).kind, last(folder).facts) == ("account", {"account": rita.id, "why": "password_changed"})
    assert count_waiting() == 0
    text = journal.file_in(folder).read_text()
    assert not {word for word in ("Olivia", "Rita", "@example.org", "Courtyard") if word in text}


def test_a_device_that_was_given_up_is_closed(people: Cast, folder: Path) -> None:
    device = next(view.device for view in list_cameras(people.olivia.actor) if view.id == people.pool)
    assert device
    unbind_device(people.olivia.actor, device=device)
    assert last(folder).facts["closed"] == [people.pool]


def test_an_address_that_was_given_up_is_known_by_its_row(people: Cast, folder: Path) -> None:
    row = EmailAddress.objects.create(user_id=people.rita.id, email="old@example.org", verified=True, primary=False)
    pk = row.pk
    remove_address(people.rita.actor, email="old@example.org")
    assert last(folder).facts == {"account": people.rita.id, "why": "address_removed", "address": pk}


def test_a_disk_that_is_full_delays_and_loses_nothing(people: Cast, folder: Path) -> None:
    """However long it takes: twelve tries would be too few."""
    share = people.olivia.share(people.rita, people.courtyard)
    folder.write_text("here is no folder")
    end_share(people.olivia.actor, share=share)
    assert not people.rita.api().get("/api/v1/cameras").json()["items"], "the right ended all the same"
    for round_ in range(1, 15):
        with clock.moved_by(timedelta(minutes=round_)):
            run_due()
            assert count_waiting() == 1
    folder.unlink()
    with clock.moved_by(timedelta(hours=1)):
        run_due()
        assert count_waiting() == 0
    assert last(folder).facts["over"] == [share]


def test_a_journal_older_than_the_database_is_found_out(people: Cast, folder: Path) -> None:
    journal.begin(folder)
    old = journal.file_in(folder).read_bytes()
    end_share(people.olivia.actor, share=people.olivia.share(people.rita, people.courtyard))
    with clock.moved_by(timedelta(minutes=5)):
        assert count_missing(read(folder)) == 0
        journal.file_in(folder).write_bytes(old)
        assert count_missing(read(folder)) == 1
        journal.file_in(folder).unlink()
        assert count_missing(None) >= 1


def test_a_line_is_one_object_of_json(folder: Path) -> None:
    journal.append(folder, "rights", {"over": ["a"]})
    [_began, line] = journal.file_in(folder).read_text().splitlines()
    assert set(json.loads(line)) == {"journal", "n", "at", "kind", "over", "digest"}
