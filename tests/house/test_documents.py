"""The documents and the code say the same: every setting, every command, every decision."""

import re
from pathlib import Path

import click
import pytest

from belvedere.cli import main

ROOT = Path(__file__).resolve().parents[2]
SETTING = re.compile(r"\bBELVEDERE_[A-Z][A-Z_]*[A-Z]\b")
#: Of the tests and the tools alone; no operator sets them.
OURS = {"BELVEDERE_TEST_DATABASE", "BELVEDERE_DEV"}


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def settings_in_code() -> set[str]:
    return set(re.findall(r'"(BELVEDERE_[A-Z_]+)"', read("src/belvedere/config.py")))


def rows_of(path: str) -> set[str]:
    """What stands in the first column of a document's tables."""
    return set(re.findall(r"^\| `([^`]+)`", read(path), flags=re.MULTILINE))


def settings_of_commands() -> set[str]:
    """What single commands hear, in place of an option."""
    options = [option for command in commands(main).values() for option in command.params]
    return {option.envvar for option in options if isinstance(option.envvar, str)}


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    assert rows_of("docs/reference/settings.md") == settings_in_code()


def test_no_document_names_a_setting_that_is_not() -> None:
    known = settings_in_code() | settings_of_commands()
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(path for path in (ROOT / "deploy").rglob("*.*"))]
    unknown = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in documents
        for name in SETTING.findall(path.read_text(encoding="utf-8"))
        if name.removesuffix("_FILE") not in known and name not in known | OURS
    }
    assert unknown == set()


def commands(group: click.Group, before: str = "belvedere") -> dict[str, click.Command]:
    """`{"belvedere serve media": <command>}`, hidden ones apart."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if not isinstance(command, click.Group) or command.invoke_without_command:
            found[f"{before} {name}"] = command
        if isinstance(command, click.Group):
            found |= commands(command, f"{before} {name}")
    return found


def test_every_command_and_option_is_documented() -> None:
    text = read("docs/reference/command-line.md")
    documented = set(re.findall(r"^## `(belvedere [^`]+)`", text, flags=re.MULTILINE))
    assert documented == set(commands(main))
    for name, command in commands(main).items():
        section = text.split(f"## `{name}`", 1)[1].split("\n## ", 1)[0]
        options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        assert {option for option in options if f"`{option}" not in section} == set(), name


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda path: path.stem)
def test_a_decision_says_why_and_what_else_was_possible(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {path.name[:4]} ")
    for part in ("## Context", "## Decision", "## Rejected"):
        assert part in text
    assert len(text.splitlines()) < 80  # one page


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    files = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [name[:4] for name in files] == [f"{number:04}" for number in range(1, len(files) + 1)]
    overview = read("docs/design/overview.md")
    assert [name for name in files if name not in overview] == []


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)} → {target}"
        for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:", target) and not (path.parent / target).exists()
    ]
    assert broken == []


def test_what_is_not_released_has_its_place_in_the_changelog() -> None:
    assert "## [Unreleased]" in read("CHANGELOG.md")
