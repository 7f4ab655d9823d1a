"""The command line: what it refuses, how it says so, and what it does not load."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from belvedere.cli import main


@pytest.mark.parametrize(
    ("env", "arguments", "said"),
    [
        ({"BELVEDERE_PORT": "eighty"}, ["serve"], "BELVEDERE_PORT must be a port"),
        ({"BELVEDERE_SIGNUP": "anybody"}, ["serve", "media"], "BELVEDERE_SIGNUP must be one of"),
        ({"BELVEDERE_NATS_URL": "nats://bus:4222"}, ["serve"], "BELVEDERE_NATS_URL is for single roles"),
        ({"BELVEDERE_HOST": "0.0.0.0"}, ["demo"], "stays on this machine"),  # N39
        ({}, ["demo", "--port", "65535"], "65535"),
        ({}, ["serve", "--https", "control"], "that is a role"),
        ({}, ["serve", "--https", "nas.local", "control"], "in one piece"),
        ({}, ["serve", "--https", "nas_local"], "BELVEDERE_HTTPS must be a name"),
        ({}, ["dance"], "No such command"),
        ({}, ["bench", "dance"], "is not one of"),
    ],
)
def test_what_makes_no_sense_is_one_sentence_and_exit_code_2(
    env: dict[str, str], arguments: list[str], said: str, tmp_path: Path
) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "belvedere.cli", *arguments],
        env={"PATH": "/usr/bin:/bin", "BELVEDERE_DATA": str(tmp_path / "data")} | env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert finished.returncode == 2
    assert said in finished.stderr
    assert "Traceback" not in finished.stderr
    assert finished.stdout == ""


@pytest.mark.parametrize("module", ["belvedere.cli", "belvedere.supervisor.serve", "belvedere.supervisor.demo"])
def test_no_plane_is_loaded_before_its_command(module: str) -> None:
    script = f"import {module}, sys; print([name for name in ('django', 'av', 'numpy') if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert loaded.stdout.strip() == "[]"


def test_help_names_every_command() -> None:
    said = CliRunner().invoke(main, ["--help"])
    assert said.exit_code == 0
    for name, command in main.commands.items():
        assert (name in said.output) != command.hidden
        assert command.help
