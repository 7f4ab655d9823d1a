"""Every page with made-up people, as pictures: what a designer looks at before anything is called done.

    .venv/bin/python tools/preview_pages.py [--only wall,receipt] [--plates DIR] [--chromium PATH]

Writes HTML and PNG under var/preview: 390 and 1440 pixels wide, light and dark, and once from right to left with long
names. Templates are the real ones; no view, no database, no camera. Pictures of cameras are the files of `--plates`.
"""

import argparse
import http.server
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from playwright.sync_api import Page, Route, sync_playwright
from preview_cast import pages

OUT: Final = Path(__file__).resolve().parent.parent / "var" / "preview"
WIDTHS: Final = {"phone": (390, 844), "desktop": (1440, 900)}


class _Files(http.server.SimpleHTTPRequestHandler):
    """var/preview, and static files where their apps keep them."""

    def translate_path(self, path: str) -> str:
        if path.startswith("/static/"):
            return str(finders.find(path.removeprefix("/static/").partition("?")[0]) or OUT / "missing")
        return super().translate_path(path)

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    """The preview on loopback, while it lasts."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(OUT)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


_SHOW_PLATES: Final = """(plates) => [...document.querySelectorAll("live-view")].forEach((view, index) => {
  view.dataset.state = "live";
  if (!plates.length || view.closest(".tile")?.querySelector(".is-offline")) return;
  const canvas = document.createElement("canvas"), image = new Image();
  image.onload = () => {
    canvas.width = 1280; canvas.height = 720;
    canvas.getContext("2d").drawImage(image, 0, 0, 1280, 720);
  };
  image.src = plates[index % plates.length];
  view.prepend(canvas);
})"""


def picture(page: Page, address: str, file: str, plates: list[str]) -> bool:
    """Take it. Whether anything stood out to the side."""
    page.goto(address)
    page.evaluate(_SHOW_PLATES, plates)
    page.wait_for_timeout(350)
    page.screenshot(path=str(OUT / f"{file}.png"))
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def main() -> int:
    """Render, photograph, complain about what overflows."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="names with commas")
    parser.add_argument("--plates", type=Path, help="a folder of jpg pictures for the cameras")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    plates = []
    for plate in sorted(options.plates.glob("*.jpg")) if options.plates else []:
        (OUT / plate.name).write_bytes(plate.read_bytes())
        plates.append(f"/{plate.name}")
    chosen = {name: page for name, page in pages().items() if not options.only or name in options.only.split(",")}
    for name, (template, context) in chosen.items():
        (OUT / f"{name}.html").write_text(render_to_string(template, context), encoding="utf-8")
        (OUT / f"{name}-rtl.html").write_text(
            render_to_string(template, context | {"LANGUAGE_BIDI": True}), encoding="utf-8"
        )
    wide: list[str] = []
    with serving() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"])
        looks = [(f"{size}-{scheme}", box, scheme, "") for size, box in WIDTHS.items() for scheme in ("light", "dark")]
        looks += [
            ("360", (360, 740), "light", ""),
            ("rtl", (1440, 900), "light", "-rtl"),
            ("phone-rtl", (390, 844), "dark", "-rtl"),
        ]
        for suffix, (width, height), scheme, variant in looks:
            tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
            tab.route("**/js/live-view.js", _without_player)
            wide.extend(
                f"{name} at {suffix}"
                for name in chosen
                if picture(tab, f"{url}/{name}{variant}.html", f"{name}-{suffix}", plates)
            )
            tab.close()
        browser.close()
    for line in wide:
        sys.stderr.write(f"wider than the window: {line}\n")
    return 1 if wide else 0


def _without_player(route: Route) -> None:
    route.fulfill(content_type="text/javascript", body="")


if __name__ == "__main__":
    sys.exit(main())
