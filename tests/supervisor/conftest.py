"""Loopback only, ports that nobody has, and whatever a test started is gone when it ends."""

import shutil
from pathlib import Path

import pytest

from supervisor.commands import run


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with its database, made once. Nobody writes to it."""
    folder = tmp_path_factory.mktemp("migrated") / "data"
    made = run(folder, "migrate")
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture
def data(migrated: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(migrated, tmp_path / "data"))
