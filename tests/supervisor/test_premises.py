"""What stops a start, in one sentence each."""

import socket
import stat
from pathlib import Path

import pytest

from belvedere.config import Settings, free_port
from belvedere.supervisor.premises import (
    ExitCode,
    StartError,
    check_ports,
    empty_run_folder,
    hold_folder,
    prepare_folder,
)


def settings_for(folder: Path, **more: str) -> Settings:
    port = free_port()
    env = {"BELVEDERE_DATA": str(folder), "BELVEDERE_PORT": str(port), "BELVEDERE_MEDIA_PORT": str(free_port())}
    return Settings.from_env(env | more)


def test_the_data_folder_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    prepare_folder(settings_for(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    prepare_folder(settings_for(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("kind", ["a file", "below a file"])
def test_a_folder_that_cannot_be_is_said(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" if kind == "a file" else tmp_path / "file" / "data"
    with pytest.raises(StartError, match="cannot be used for data") as refusal:
        prepare_folder(settings_for(folder))
    assert refusal.value.code == ExitCode.FOLDER_UNUSABLE


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.supervisor.premises.MIN_FREE_MB", 1 << 40)
    with pytest.raises(StartError, match="is full") as refusal:
        prepare_folder(settings_for(tmp_path / "data"))
    assert refusal.value.code == ExitCode.FOLDER_UNUSABLE


def test_a_demo_and_an_installation_never_share_a_folder(tmp_path: Path) -> None:
    demo, own = tmp_path / "demo", tmp_path / "own"
    prepare_folder(settings_for(demo, BELVEDERE_DEMO="true"))
    prepare_folder(settings_for(demo, BELVEDERE_DEMO="true"))  # again is fine
    prepare_folder(settings_for(own))
    with pytest.raises(StartError, match="passwords are public"):
        prepare_folder(settings_for(demo))
    with pytest.raises(StartError, match="no demo's folder"):
        prepare_folder(settings_for(own, BELVEDERE_DEMO="true"))


def test_one_folder_is_served_once(tmp_path: Path) -> None:
    with hold_folder(tmp_path):
        with pytest.raises(StartError, match=r"served already, by process \d+") as refusal, hold_folder(tmp_path):
            pass
        assert refusal.value.code == ExitCode.FOLDER_IN_USE
    with hold_folder(tmp_path):
        pass


@pytest.mark.parametrize("setting", ["BELVEDERE_PORT", "BELVEDERE_MEDIA_PORT"])
def test_a_taken_port_is_said_with_its_setting(tmp_path: Path, setting: str) -> None:
    with socket.socket() as tenant:
        tenant.bind(("127.0.0.1", 0))
        tenant.listen(1)
        port = tenant.getsockname()[1]
        with pytest.raises(StartError, match=f"port {port} is taken: .* {setting}") as refusal:
            check_ports(settings_for(tmp_path, **{setting: str(port)}))
    assert refusal.value.code == ExitCode.PORT_TAKEN


def test_a_foreign_address_is_said(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"cannot listen on 203\.0\.113\.1"):
        check_ports(settings_for(tmp_path, BELVEDERE_HOST="203.0.113.1"))


def test_bus_files_of_an_earlier_run_are_thrown_away(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    settings.run_folder.mkdir()
    (settings.run_folder / "control.bus").touch()
    empty_run_folder(settings)
    assert list(settings.run_folder.iterdir()) == []
    assert stat.S_IMODE(settings.run_folder.stat().st_mode) == 0o700
