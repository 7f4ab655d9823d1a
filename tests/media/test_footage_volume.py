"""The right disk, for one process alone."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from belvedere.media.footage import Volume, VolumeRefused
from belvedere.media.footage.volume import IDENTITY, parse_name

EXPECTED = "footage-volume.json"


def open_volume(root: Path, name: str = "disk") -> Volume:
    return Volume.open(root / name, root / EXPECTED)


def test_it_is_made_once_and_known_again(tmp_path: Path) -> None:
    first = open_volume(tmp_path)
    first.close()
    again = open_volume(tmp_path)
    assert first.id == again.id
    assert sorted(path.name for path in again.path.iterdir()) == [IDENTITY]
    assert again.state(7).state == "ok"
    assert again.state(7).total > again.state(7).free > 0
    assert again.state(7, is_filling=True).state == "filling"
    assert again.state(7, "disk_full").state == "full"
    again.close()


def test_nothing_is_mounted(tmp_path: Path) -> None:
    """The mount point is there, empty: recording into it would fill the wrong disk."""
    open_volume(tmp_path).close()
    shutil.rmtree(tmp_path / "disk")
    with pytest.raises(VolumeRefused, match="nothing is mounted"):
        open_volume(tmp_path)
    (tmp_path / "disk").mkdir()
    with pytest.raises(VolumeRefused, match="nothing is mounted"):
        open_volume(tmp_path)
    assert list((tmp_path / "disk").iterdir()) == []
    (tmp_path / EXPECTED).unlink()  # as the message says
    open_volume(tmp_path).close()


def test_another_disk(tmp_path: Path) -> None:
    open_volume(tmp_path).close()
    Volume.open(tmp_path / "second", tmp_path / "elsewhere.json").close()
    shutil.rmtree(tmp_path / "disk")
    (tmp_path / "second").rename(tmp_path / "disk")
    with pytest.raises(VolumeRefused, match="not the disk"):
        open_volume(tmp_path)


def test_another_path_is_a_decision(tmp_path: Path) -> None:
    first = open_volume(tmp_path)
    first.close()
    second = open_volume(tmp_path, "larger")
    assert second.id != first.id
    second.close()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"id": 7}', b"\xff\xfe"])
def test_an_identity_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    open_volume(tmp_path).close()
    (tmp_path / "disk" / IDENTITY).write_bytes(content)
    with pytest.raises(VolumeRefused, match="identity"):
        open_volume(tmp_path)


def test_an_identity_that_leads_elsewhere(tmp_path: Path) -> None:
    """N25."""
    volume = open_volume(tmp_path)
    (tmp_path / "disk" / IDENTITY).rename(tmp_path / "outside")
    (tmp_path / "disk" / IDENTITY).symlink_to(tmp_path / "outside")
    assert volume.state().state == "refused"  # noticed while it runs, too
    volume.close()
    with pytest.raises(VolumeRefused):
        open_volume(tmp_path)


def test_a_disk_that_goes_while_it_runs(tmp_path: Path) -> None:
    volume = open_volume(tmp_path)
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    assert volume.state().state == "failed"
    volume.close()


def test_two_processes(tmp_path: Path) -> None:
    volume = open_volume(tmp_path)
    child = (
        "import sys; from pathlib import Path; from belvedere.media.footage import Volume, VolumeRefused\n"
        "try: Volume.open(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "except VolumeRefused as refused: print(refused)"
    )
    command = [sys.executable, "-c", child, str(tmp_path / "disk"), str(tmp_path / EXPECTED)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "another process" in said
    volume.close()
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


def test_names() -> None:
    assert parse_name("01795262400000000-0000000007.part") == (1_795_262_400_000_000, 7, None)
    assert parse_name("01795262400000000-0000000007-60000.mp4") == (1_795_262_400_000_000, 7, 60_000)
    for name in (
        "01795262400000000-0000000007-60000.mp4\n",
        "01795262400000000-0000000007-3600001.mp4",  # longer than any of ours
        "../01795262400000000-0000000007.part",
        "01795262400000000-0000000007",
        "٠1795262400000000-0000000007.part",
        "-1795262400000000-0000000007.part",
    ):
        assert parse_name(name) is None
