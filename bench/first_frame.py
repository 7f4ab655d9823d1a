"""How long until there is a picture? The demo, and a real Chromium in front of it.

    .venv/bin/python -m bench.first_frame [--runs 20] [--kills 5] [--json FILE]

socket → first frame   from the player's socket being open until a frame is on the screen
page → first frame     from the start of navigation: page, scripts, ticket, socket, frame (browser cache warm)
wall → all tiles       from the start of navigation until every tile of the wall shows a frame
media killed → frame   from kill -9 of the media process until the page that was watching shows a frame again

WebCodecs is what a secure context gives; for MSE the decoder is taken from the page before it looks.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright

from belvedere.config import free_port
from bench.product import pids_of
from bench.table import print_table, row

#: As root, headless and quiet: without these Chromium looks for its maker's hosts at every start.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
)
#: Tall enough for every tile: what is out of sight does not play.
DESK = {"width": 1440, "height": 2400}
MODES = {"canvas": "WebCodecs", "mse": "MSE"}
#: Watched in peace before media is killed.
SETTLE_MS = 2500
FIRST_FRAME_MARKS = "() => performance.getEntriesByName('live-view:first-frame').map((mark) => mark.startTime)"


@dataclass
class Demo:
    """A demo that serves, with nobody in it but its cast."""

    url: str
    folder: Path
    email: str
    password: str
    cameras: list[str]


@contextlib.contextmanager
def demo() -> Iterator[Demo]:
    """Serve one in a throw-away folder."""
    with tempfile.TemporaryDirectory(prefix="belvedere-bench-") as temporary:
        folder = Path(temporary) / "demo"
        command = [sys.executable, "-m", "belvedere.cli", "demo", "--json", "--no-browser"]
        with subprocess.Popen(
            [*command, "--port", str(free_port()), "--data", str(folder)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            said: dict[str, Any] = json.loads(process.stdout.readline())
            olivia = said["accounts"][0]
            cameras = [camera["id"] for camera in said["cameras"]]
            try:
                yield Demo(said["url"], folder, olivia["email"], olivia["password"], cameras)
            finally:
                process.terminate()
                process.wait(20)


def sign_in(context: BrowserContext, served: Demo) -> Page:
    """Olivia's page, behind the door."""
    page = context.new_page()
    page.goto(f"{served.url}/sign-in")
    page.fill("input[name=login]", served.email)
    page.fill("input[name=password]", served.password)
    page.press("input[name=password]", "Enter")
    page.wait_for_selector("live-view")
    return page


def first_frames(page: Page, served: Demo, mode: str, runs: int) -> list[dict[str, Any]]:
    """Rows of one way to decode: the camera page opened `runs` times, each time another camera."""
    socket, navigation = [], []
    for run in range(runs + 1):
        page.goto(f"{served.url}/cameras/{served.cameras[run % len(served.cameras)]}")
        view = page.locator("live-view[data-first-frame-ms]")
        view.wait_for(timeout=20_000)
        assert view.get_attribute("data-mode") == mode
        if run == 0:
            continue  # it fetched the scripts for all others
        socket.append(float(view.get_attribute("data-first-frame-ms") or "nan"))
        navigation.append(float(page.evaluate(FIRST_FRAME_MARKS)[0]))
    name = MODES[mode]
    return [
        row(f"socket → first frame, {name}", socket),
        row(f"page → first frame, {name}", navigation),
    ]


def wall(page: Page, served: Demo, runs: int) -> dict[str, Any]:
    """From navigation until the last tile shows a frame."""
    taken = []
    for _ in range(runs):
        page.goto(served.url)
        page.locator("live-view:not([data-first-frame-ms])").first.wait_for(state="detached", timeout=30_000)
        taken.append(max(float(at) for at in page.evaluate(FIRST_FRAME_MARKS)))
    return row(f"wall → all {len(served.cameras)} tiles, WebCodecs", taken)


def media_killed(page: Page, served: Demo, kills: int) -> dict[str, Any]:
    """Send media SIGKILL while somebody watches; the page is left alone."""
    taken = []
    for _ in range(kills):
        page.goto(f"{served.url}/cameras/{served.cameras[0]}")
        page.locator("live-view[data-state=live]").wait_for(timeout=20_000)
        page.wait_for_timeout(SETTLE_MS)
        [pid] = pids_of("media", served.folder)
        killed = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        page.locator("live-view:not([data-state=live])").wait_for(timeout=20_000)
        page.locator("live-view[data-state=live]").wait_for(timeout=60_000)
        taken.append((time.monotonic() - killed) * 1000)
    return row("media killed → frame", taken)


def measure(runs: int, kills: int) -> list[dict[str, Any]]:
    """All rows."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        raise SystemExit("Chromium is needed: apt-get install chromium")
    rows: list[dict[str, Any]] = []
    with demo() as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        for mode in MODES:
            context = browser.new_context(viewport={"width": DESK["width"], "height": DESK["height"]})
            if mode == "mse":
                context.add_init_script("delete window.VideoDecoder")
            page = sign_in(context, served)
            rows += first_frames(page, served, mode, runs)
            if mode == "canvas":
                rows += [wall(page, served, runs), media_killed(page, served, kills)]
            context.close()
        browser.close()
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = measure(options.runs, options.kills)
    print_table(rows)
    if options.json:
        options.json.write_text(json.dumps({"runs": options.runs, "rows": rows}))


if __name__ == "__main__":
    main()
