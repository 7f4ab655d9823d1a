"""The running product: `belvedere demo`, as anybody would start it, and a real Chromium in front of it."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from belvedere.config import free_port

#: As root, headless, and quiet: without these Chromium looks for its maker's hosts at every start.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


@dataclass
class Demo:
    """What `demo --json` printed, and where it keeps its things."""

    url: str
    accounts: dict[str, dict[str, str]]
    cameras: dict[str, str]
    folder: Path
    process: subprocess.Popen[str]

    def api(self, who: str) -> httpx.Client:
        """A client that calls as one of the cast."""
        token = self.accounts[who]["api_token"]
        return httpx.Client(base_url=f"{self.url}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=20)

    def find_mail(self, to: str, containing: str, *, within_s: float = 15) -> str:
        """The newest mail in the outbox folder to `to` that says `containing`."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            for file in sorted((self.folder / "outbox").glob("*"), key=lambda path: path.stat().st_mtime, reverse=True):
                text = file.read_text(encoding="utf-8")
                if f"To: {to}" in text and containing in text:
                    return text
            time.sleep(0.1)
        message = f"no mail to {to} with {containing!r}"
        raise AssertionError(message)

    def pid_of(self, role: str) -> int:
        """The process of one role of this installation."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    status = (entry / "status").read_text()
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                parent = re.search(r"^PPid:\s+(\d+)", status, re.MULTILINE)
                if parent and int(parent[1]) == self.process.pid and role.encode() in words:
                    return int(entry.name)
        message = f"no process of {role}"
        raise AssertionError(message)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo of its own for each module."""
    folder = tmp_path_factory.mktemp("e2e")
    command = [sys.executable, "-m", "belvedere.cli", "demo", "--json", "--no-browser"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("BELVEDERE_", "DJANGO_"))}
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [*command, "--port", str(free_port()), "--data", str(folder / "demo")],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
        ) as process,
    ):
        assert process.stdout
        line = process.stdout.readline()
        assert line, (folder / "log").read_text()
        said: dict[str, Any] = json.loads(line)
        yield Demo(
            url=said["url"],
            accounts={row["name"].split()[0].lower(): row for row in said["accounts"]},
            cameras={row["name"]: row["id"] for row in said["cameras"]},
            folder=folder / "demo",
            process=process,
        )
        process.terminate()
        assert process.wait(20) == 0


def find_chromium() -> str:
    """Where it is."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert path, "Chromium is needed: ./test installs it"
    return path


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield browser
        browser.close()


type SignIn = Callable[..., Page]


@pytest.fixture
def sign_in(chromium: Browser, demo: Demo) -> Iterator[SignIn]:
    """`sign_in("rita", viewport=PHONE)` → her page. One that complains in the console or asks abroad fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(who: str, *, viewport: dict[str, int] = DESK, allow: str = "") -> Page:
        context = chromium.new_context(viewport=viewport, locale="en-GB", timezone_id="Europe/Madrid")  # type: ignore[arg-type]  # a plain dict is what it takes
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))

        def on_console(message: Any) -> None:
            if message.type == "error" and not (allow and re.search(allow, message.text)):
                complaints.append(message.text)

        def on_request(request: Any) -> None:
            # N38: no page asks anybody but us.
            if not re.match(r"(https?|wss?)://localhost:|blob:|data:", request.url):
                complaints.append(f"foreign request: {request.url}")

        page.on("console", on_console)
        page.on("request", on_request)
        if who:
            account = demo.accounts[who]
            page.goto(f"{demo.url}/sign-in")
            page.get_by_label("E-mail").fill(account["email"])
            page.get_by_label("Password", exact=True).fill(account["password"])
            page.get_by_role("button", name="Sign in", exact=True).click()
            # Who belongs to several organizations is asked for one first; nobody chosen is one's own.
            page.wait_for_url(re.compile(rf"^{re.escape(demo.url)}/(organizations)?$"))
            page.goto(f"{demo.url}/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
