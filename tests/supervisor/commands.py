"""Commands of an operator, as he would type them."""

import os
import subprocess
import sys
from pathlib import Path

PASSWORD = "a-rather-long-canary-7"


def run(data: Path, *arguments: str, typed: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end on the data folder `data`, with nothing else in its environment than `env`."""
    return subprocess.run(
        [sys.executable, "-m", "belvedere.cli", *arguments],
        env={"PATH": os.environ["PATH"], "BELVEDERE_DATA": str(data)} | env,
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def create_owner(
    data: Path, email: str, password: str = PASSWORD, reach: str = "192.168.1.0/24:554"
) -> subprocess.CompletedProcess[str]:
    """Make an account that may reach `reach`; its name is Olivia whatever its address."""
    arguments = ("--email", email, "--name", "Olivia", "--reach", reach, "--password-file", "-")
    return run(data, "createowner", *arguments, typed=f"{password}\n")


def add_camera(
    data: Path, address: str, *arguments: str, typed: str = "", **env: str
) -> subprocess.CompletedProcess[str]:
    """Add a camera called Gate."""
    return run(data, "cameras", "add", address, "--name", "Gate", *arguments, typed=typed, **env)
