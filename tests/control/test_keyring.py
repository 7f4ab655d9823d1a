"""A ring of keys: files that are there whole or not at all, and never change (threats §8)."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from belvedere import keyring


def test_a_ring_grows_by_files_and_the_last_one_is_in_use(tmp_path: Path) -> None:
    first = tmp_path / "ring" / "a.key"
    assert keyring.list_keys(first) == []
    assert keyring.current_key(first).id == "k1"
    assert keyring.add_key(first).file == tmp_path / "ring" / "a-2.key"
    for number in range(3, 12):
        assert keyring.add_key(first).number == number
    for other in ("a-02.key", "a-x.key", "a-1.key", "ab.key", "a-3.key.bak", "b-4.key", ".a-99.key.0"):
        (tmp_path / "ring" / other).write_bytes(b"x")
    keys = keyring.list_keys(first)
    assert [key.id for key in keys] == [f"k{number}" for number in range(1, 12)]
    assert len({key.file.read_bytes() for key in keys}) == 11
    assert {stat.S_IMODE(key.file.stat().st_mode) for key in keys} == {0o600}
    # The first one gone, the ring goes on, and is not begun anew.
    first.unlink()
    assert keyring.current_key(first).number == 11
    assert not first.exists()


@pytest.mark.parametrize("wrong", ["", "k", "k0", "k01", "k-1", "1", "kx", "k²", "k9999999", "../k1"])
def test_what_is_no_key_is_none(tmp_path: Path, wrong: str) -> None:
    assert keyring.find_key(tmp_path / "a.key", wrong) is None


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    """Killed after the link, its draft is the key itself: it is not to outlive it."""
    key = keyring.current_key(tmp_path / "a.key")
    draft = tmp_path / ".a.key.0123456789abcdef"
    draft.hardlink_to(key.file)
    keyring.drop_drafts(tmp_path, before=key.since - timedelta(hours=1))
    assert draft.exists()
    keyring.drop_drafts(tmp_path, before=datetime.now(UTC))
    assert list(tmp_path.iterdir()) == [key.file]


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        keyring.write_once(tmp_path / "a.key", content)
    assert [(row.name, row.read_bytes()) for row in tmp_path.iterdir() if row.is_file()] == [("a.key", b"one")]
