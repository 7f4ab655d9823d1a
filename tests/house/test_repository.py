"""What may stand in this repository, and what may not."""

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest

from belvedere.logs import KEYS

ROOT = Path(__file__).resolve().parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
#: Arguments of structlog's own, no keys of an event.
OF_STRUCTLOG = {"exc_info", "stack_info"}


def tracked(*patterns: str) -> list[Path]:
    """Files that git knows, of these patterns; all without one."""
    listed = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, check=True)
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def text_of(path: Path) -> str:
    """Its text; empty for a picture."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_lock_and_no_settings_file_names_a_download_address() -> None:  # ADR 0009
    files = tracked("*.lock", "*requirements*", "pyproject.toml", "*package*.json", "*.npmrc", "*pip.conf", "*uv.toml")
    assert files
    assert [path.name for path in files if re.search(r"https?://|file://", text_of(path))] == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_has_its_hashes(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    pinned = [line for line in text.splitlines() if re.match(r"[A-Za-z0-9]", line)]
    assert pinned
    assert [line.split()[0] for line in pinned if "==" not in line or "--hash=sha256:" not in line] == []


def test_what_runs_is_locked_alike_for_those_who_run_it_and_those_who_test_it() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", text, flags=re.MULTILINE))

    run, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {name: version for name, version in run.items() if dev.get(name) != version} == {}


def test_no_file_names_a_path_of_this_machine() -> None:
    paths = [f"{ROOT}/", f"{Path.home()}/"]
    assert [str(path.relative_to(ROOT)) for path in tracked() if any(name in text_of(path) for name in paths)] == []


def test_nothing_is_left_for_later_in_the_code() -> None:
    mark = re.compile(r"\b(TODO|FIXME|XXX)\b|NotImplementedError|pytest\.mark\.(skip|xfail)\b|pytest\.skip\(")
    left = [
        f"{path.relative_to(ROOT)}: {line.strip()[:80]}"
        for path in tracked("src/*.py", "src/*.js", "src/*.html", "src/*.css", "tests/*.py")
        if path != Path(__file__)
        for line in text_of(path).splitlines()
        if mark.search(line)
    ]
    assert left == []


def test_every_suppression_says_why() -> None:
    bare = re.compile(r"#\s*(noqa|type: ignore)(:\s*[A-Z0-9, ]+|\[[a-z, -]+\])?\s*$")
    unexplained = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked("src/*.py")
        if "/migrations/" not in str(path)
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if bare.search(line)
    ]
    assert unexplained == []


def test_the_log_knows_every_key_that_is_used() -> None:
    """An unknown key is withheld when it is written: better to find out here."""
    unknown = []
    for path in tracked("src/*.py"):
        for node in ast.walk(ast.parse(text_of(path))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in {"log", "logger", "_log"}
            ):
                keys = {keyword.arg for keyword in node.keywords if keyword.arg} - OF_STRUCTLOG
                unknown += [f"{path.relative_to(ROOT)}:{node.lineno} {key}" for key in sorted(keys - KEYS)]
    assert unknown == []


@pytest.mark.parametrize("name", ["run", "test", ".ci/run", "tools/lock.sh"])
def test_the_commands_can_be_run(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
    subprocess.run(["bash", "-n", str(ROOT / name)], check=True)


def test_ci_runs_the_one_test_command() -> None:
    assert "exec ./test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_wheel_carries_the_version_it_says() -> None:
    from importlib.metadata import version

    from belvedere import __version__

    assert version("belvedere") == __version__
