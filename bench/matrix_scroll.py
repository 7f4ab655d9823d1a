"""Does the matrix of shares scroll at 60 frames a second? 200 people, 100 cameras, a real Chromium.

    .venv/bin/python -m bench.matrix_scroll [--people 200] [--cameras 100] [--json FILE]

The page is served on loopback by a plain WSGI server; the table is scrolled from the top to its last row, and across,
a step for every frame, while its rows come in parts. What is printed is the time between frames: at 60 Hz 16.7 ms each.
Without a graphics card Chromium draws with the CPU: on a machine that does other work the long ones are that work's.
"""

import argparse
import json
import mimetypes
import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from playwright.sync_api import sync_playwright

from bench.members import PASSWORD
from bench.sharing import build
from bench.table import print_table, row

FLAGS: Final = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]
#: pixels for each frame: a fast hand
STEP: Final = 60
SCROLL: Final = """async ([step, axis]) => {
  const box = document.querySelector(".matrix-scroll"), taken = [];
  const at = () => (axis === "y" ? box.scrollTop : box.scrollLeft);
  const end = () => (axis === "y" ? box.scrollHeight - box.clientHeight : box.scrollWidth - box.clientWidth);
  let last = await new Promise(requestAnimationFrame), still = 0;
  while (still < 120) {
    box.scrollBy(axis === "y" ? { top: step } : { left: step });
    const now = await new Promise(requestAnimationFrame);
    if (at() < end() - 1) { taken.push(now - last); still = 0; } else still += 1;
    last = now;
  }
  return taken;
}"""

type Start = Callable[..., Any]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_said: object) -> None:
        """Nothing: a line for each request is no measurement."""


def application() -> Callable[[dict[str, Any], Start], Iterable[bytes]]:
    """The pages, and the files beside them as they were collected."""
    pages, root = get_wsgi_application(), Path(settings.STATIC_ROOT)

    def serve(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        name = environ["PATH_INFO"].removeprefix(settings.STATIC_URL)
        if name == environ["PATH_INFO"]:
            return pages(environ, start)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        start("200 OK", [("Content-Type", kind), ("Cache-Control", "immutable, max-age=600")])
        return [(root / name).read_bytes()]

    return serve


def scroll(url: str) -> list[dict[str, Any]]:
    """Time between frames, down and across, as rows of a table."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{url}/sign-in")
        page.get_by_label("E-mail").fill("owner@example.org")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_load_state()
        page.goto(f"{url}/organizations")
        page.get_by_role("main").get_by_role("button", name="Harbour Hotels").click()
        page.goto(f"{url}/sharing/matrix")
        found = [row("frames, down through every row", page.evaluate(SCROLL, [STEP, "y"]))]
        print(f"rows at the end: {page.locator('.matrix tbody tr').count()}")
        found.append(row("frames, down again, all there", _again(page)))
        found.append(row("frames, across every column", page.evaluate(SCROLL, [STEP, "x"])))
        browser.close()
    return found


def _again(page: Any) -> list[float]:
    page.evaluate("document.querySelector('.matrix-scroll').scrollTo(0, 0)")
    taken: list[float] = page.evaluate(SCROLL, [STEP, "y"])
    return taken


def main() -> None:
    """Build, serve, scroll, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--cameras", type=int, default=100)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    build(options.people, options.cameras)
    server = make_server("127.0.0.1", 0, application(), _Server, _Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        found = scroll(f"http://localhost:{server.server_port}")
    finally:
        server.shutdown()
    print(f"{options.people} people, {options.cameras} cameras")
    print_table(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
