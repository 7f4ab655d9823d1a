"""Walk every page as the cast, at two widths, light and dark, and write docs/tour/*.png: the same page for everyone.

    .venv/bin/python tools/tour.py [--only wall,camera]

Starts a demo of its own in a throw-away folder. Look at the pictures before calling anything done.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from belvedere.config import free_port

ROOT = Path(__file__).parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
WIDTHS = {390: 844, 1440: 900}
SCHEMES = ("light", "dark")
#: enough for what a page shows; a third of the size of a full-colour picture
COLOURS = 256


class Tour:
    """One demo, one browser, and where the pictures go."""

    def __init__(self, said: dict[str, Any], served: dict[str, Any], browser: Browser, only: set[str]) -> None:
        self.url = said["url"]
        self.accounts = {row["name"].split()[0].lower(): row for row in said["accounts"]}
        self.cameras = {row["name"]: row["id"] for row in said["cameras"]}
        self.panels = {row["name"]: row["id"] for row in said["panels"]}
        self.served = served
        self.browser = browser
        self.only = only
        #: (person, organization) → cookies
        self.states: dict[tuple[str, str], Any] = {}

    def api(self, who: str, method: str, path: str, **body: Any) -> Any:
        """Call as one of the cast."""
        headers = {"Authorization": f"Bearer {self.accounts[who]['api_token']}"}
        answer = httpx.request(method, f"{self.url}/api/v1/{path}", headers=headers, json=body or None, timeout=20)
        answer.raise_for_status()
        return answer.json()

    def camera(self, name: str) -> str:
        """Address of a camera's page."""
        return f"/cameras/{self.cameras[name]}"

    def shoot(
        self, name: str, who: str, path: str, *, before: Callable[[Page], None] | None = None, inside: str = ""
    ) -> None:
        """One page, at every width and in both schemes."""
        if self.only and name not in self.only:
            return
        state = self.state_of(who, inside) if who else None
        for width, height in WIDTHS.items():
            for scheme in SCHEMES:
                context = self.browser.new_context(
                    storage_state=state,
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,  # type: ignore[arg-type]  # one of the two words it takes
                    timezone_id="Europe/Madrid",
                )
                page = context.new_page()
                page.goto(f"{self.url}{path}")
                if before:
                    before(page)
                page.wait_for_timeout(2500 if page.locator("live-view").count() else 300)
                self.save(page.screenshot(), f"{name}-{width}-{scheme}.png")
                context.close()

    def state_of(self, who: str, inside: str) -> Any:
        """Cookies of somebody who signed in and chose an organization. Kept: of sign-ins there are thirty a minute."""
        if (who, inside) not in self.states:
            context = self.browser.new_context(timezone_id="Europe/Madrid")
            page = context.new_page()
            self.sign_in(page, who)
            if inside:
                self.enter(page, inside)
            self.states[who, inside] = context.storage_state()
            context.close()
        return self.states[who, inside]

    def sign_in(self, page: Page, who: str) -> None:
        """As one of the cast."""
        page.goto(f"{self.url}/sign-in")
        page.get_by_label("E-mail").fill(self.accounts[who]["email"])
        page.get_by_label("Password", exact=True).fill(self.accounts[who]["password"])
        page.get_by_role("button", name="Sign in", exact=True).click()
        # Who belongs to several organizations is asked for one first.
        page.wait_for_url(re.compile(rf"^{re.escape(self.url)}/(organizations)?$"))

    def save(self, picture: bytes, name: str) -> None:
        """Write it, small."""
        image = Image.open(BytesIO(picture)).convert("RGB").quantize(COLOURS)
        image.save(ROOT / "docs" / "tour" / name, optimize=True)
        print(name)

    def share(self, to: str, *names: str) -> str:
        """Olivia offers cameras; the share's id."""
        items = [{"camera": self.cameras[name], "permissions": ["live_view"]} for name in names]
        share: str = self.api("olivia", "POST", "shares", recipient=to, items=items, remark="sister")["id"]
        return share

    def walk_admin(self) -> None:
        """Harbour Hotels, as its owner and as the Admin of one site see it."""
        hotels = next(row["id"] for row in self.api("olivia", "GET", "organizations")["items"] if not row["personal"])
        members = self.api("olivia", "GET", f"organizations/{hotels}/members")["items"]
        sites = self.api("olivia", "GET", f"organizations/{hotels}/sites")["items"]
        vera = next(row["id"] for row in members if row["account"]["name"].startswith("Vera"))
        pages = {
            "admin-users": "/admin/users",
            "admin-invite": "/admin/users/invite",
            "admin-member": f"/admin/users/{vera}",
            "admin-member-remove": f"/admin/users/{vera}/remove",
            "admin-sites": "/admin/sites",
            "admin-site-delete": f"/admin/sites/{sites[0]['id']}/delete",
            "admin-settings": "/admin/settings",
        }
        for name, path in pages.items():
            self.shoot(name, "olivia", path, inside="Harbour Hotels")
        self.shoot("admin-users-of-a-site", "ada", "/admin/users", inside="Harbour Hotels")

    def walk_devices(self) -> None:
        """A device, every way to add one, a panel, and handing over."""
        pool = self.api("olivia", "GET", f"cameras/{self.cameras['Pool']}")["device"]
        hotels = next(row["id"] for row in self.api("olivia", "GET", "organizations")["items"] if not row["personal"])
        for name, path in {
            "device": f"/devices/{pool}",
            "device-move": f"/devices/{pool}/move",
            "device-address": f"/devices/{pool}/address",
            "device-add-brand": "/devices/add?way=brand",
            "device-add-label": "/devices/add?way=label",
            "device-unbind": f"/devices/{pool}/unbind",
            "panel-add": "/panels/add",
            "account-security": "/account/security",
            "account-phones": "/account/phones",
            "handover-new": f"/handovers/new?organization={hotels}",
        }.items():
            self.shoot(name, "olivia", path)
        self.shoot("admin-audit", "olivia", "/admin/audit", inside="Harbour Hotels")
        self.shoot("recording", "olivia", f"{self.camera('Pool')}/recording")
        self.api("olivia", "PATCH", f"devices/{pool}", enabled=False)
        self.shoot("wall-one-off", "olivia", "/")
        self.shoot("camera-off", "olivia", self.camera("Pool"))
        self.shoot("device-off", "olivia", f"/devices/{pool}")
        self.api("olivia", "PATCH", f"devices/{pool}", enabled=True)

    def walk_panel(self) -> None:
        """The alarm: told something, shared, moved to another broker, and armed by somebody else."""
        alarm = self.panels["Alarm"]
        item = {"device": alarm, "permissions": ["arm"]}
        offer = {"recipient": "vera@example.org", "items": [item], "remark": "the neighbour"}
        share = self.api("olivia", "POST", "shares", **offer)["id"]
        self.shoot("panel", "olivia", f"/panels/{alarm}")
        self.shoot("panel-wrong-code", "olivia", f"/panels/{alarm}", before=self.disarm_wrongly)
        self.shoot("panel-share", "olivia", f"/panels/{alarm}/share")
        self.shoot("panel-address", "olivia", f"/panels/{alarm}/address")
        self.shoot("panel-device", "olivia", f"/devices/{alarm}")
        self.api("vera", "POST", f"shares/{share}/accept")
        self.api("vera", "POST", f"devices/{alarm}/panel", command="arm_home")
        self.shoot("panel-recipient", "vera", f"/panels/{alarm}")

    def disarm_wrongly(self, page: Page) -> None:
        """Arm, and give a code that is none."""
        page.get_by_role("button", name="Arm, away").click()
        page.get_by_text("Armed, away").first.wait_for()
        page.get_by_label("Code").fill("9999")
        page.get_by_role("button", name="Disarm").click()
        page.get_by_role("alert").wait_for()

    def walk_appeals(self) -> None:
        """Xena meets a device that has an owner, asks for it, and may claim it; Olivia answers."""
        self.shoot("already-bound", "xena", "/devices/add", before=self.bind_pool)
        context = self.browser.new_context()
        page = context.new_page()
        self.sign_in(page, "xena")
        page.goto(f"{self.url}/devices/add")
        self.bind_pool(page)
        asking = page.get_by_role("link", name="Ask the owner").get_attribute("href") or ""
        claiming = page.get_by_role("link", name="Claim a device that was left behind").get_attribute("href") or ""
        self.shoot("request-new", "xena", asking)
        self.shoot("claim-new", "xena", claiming)
        page.goto(f"{self.url}{asking}")
        page.get_by_label("Why").fill("The pool is in our garden: may I see whether the children are in it?")
        page.get_by_role("button", name="Ask", exact=True).click()
        context.close()
        asked = next(row["id"] for row in self.api("olivia", "GET", "inbox")["items"] if row["kind"] == "request")
        self.shoot("request", "olivia", f"/requests/{asked}")
        self.shoot("inbox-request", "olivia", "/inbox")

    def bind_pool(self, page: Page) -> None:
        """Try to bind a camera that is Olivia's already."""
        page.goto(f"{self.url}/devices/add?way=address")
        page.get_by_label("Address", exact=True).fill(f"rtsp://127.0.0.1:{self.served['port']}/pool/main")
        page.get_by_label("User", exact=True).fill("demo")
        page.get_by_label("Password", exact=True).fill(self.served["password"])
        page.get_by_role("button", name="Look").click()
        page.get_by_label("Name", exact=True).fill("Garden")
        page.get_by_role("button", name="Add it").click()
        page.get_by_role("heading", name="already has an owner").wait_for()

    def walk_recordings(self) -> None:
        """The past of a camera, a piece of it to take along, and what was taken."""
        self.shoot("camera-past", "olivia", self.camera("Courtyard"), before=look_back)
        self.shoot("camera-export", "olivia", self.camera("Courtyard"), before=open_export)
        self.shoot("exports", "olivia", "/exports")

    def walk_sharing(self) -> None:
        """Who can see what, with somebody who has not answered and a guest; one cell, one share, one guest link."""
        offer = {"recipient": "ines@example.org", "remark": "the gardener"}
        items = [{"camera": self.cameras[name], "permissions": ["live_view"]} for name in ("Pool", "Driveway")]
        share = self.api("olivia", "POST", "shares", items=items, **offer)["id"]
        ends = datetime.now(UTC) + timedelta(hours=2)
        guest = {"name": "Window cleaner", "permissions": ["live_view"], "max_uses": 3, "passcode": "ladder 12"}
        cameras = [self.cameras["Courtyard"], self.cameras["Driveway"]]
        link = self.api("olivia", "POST", "guest-links", cameras=cameras, ends_at=ends.isoformat(), **guest)
        self.shoot("sharing-matrix", "olivia", "/sharing/matrix")
        self.shoot("sharing-matrix-by-camera", "olivia", "/sharing/matrix?by=camera")
        self.shoot("sharing-cell", "olivia", "/sharing/matrix?q=ines", before=open_cell)
        self.shoot("share-terms", "olivia", f"/sharing/{share}/terms")
        self.shoot("guest-links", "olivia", "/guest-links")
        self.shoot("guest-link", "olivia", f"/guest-links/{link['id']}")
        self.shoot("guest-link-change", "olivia", f"/guest-links/{link['id']}/change")
        self.shoot("guest-link-new", "olivia", f"/guest-links/new?camera={self.cameras['Driveway']}")
        self.shoot("guest-entrance", "", link["url"].removeprefix(self.url), before=await_passcode)
        self.shoot("guest-nowhere", "", f"/g/{link['id']}#nothing", before=lambda page: page.wait_for_timeout(500))

    def walk_trust(self) -> None:
        """What is tried, handed over, taken back and told: with one share that holds, and a plan nobody knows of."""
        home = next(row["id"] for row in self.api("olivia", "GET", "organizations")["items"] if row["personal"])
        hotels = next(row["id"] for row in self.api("olivia", "GET", "organizations")["items"] if not row["personal"])
        pool = self.cameras["Pool"]
        tested = self.api("olivia", "POST", "access-tests", account="rita@example.org", cameras=[pool])["id"]
        # Some of these want somebody who has just proved who he is.
        self.states.clear()
        pages = {
            "webhook-new": "/account/webhooks/new",
            "broker-new": "/account/brokers/new",
            "guides": "/guides",
            "guide": "/guides/hand-a-user-over",
            "access-tests": "/access-tests",
            "access-test-new": f"/access-tests/new?account=rita@example.org&camera={pool}",
            "access-test": f"/access-tests/{tested}",
            "report": f"/report?organization={home}",
            "review": "/review",
            "moving-out": "/account/people",
            "recovery-contacts": "/account/recovery",
            "notifications": "/account/notifications",
            "notification-matrix": "/notifications/matrix",
            "detector": f"/cameras/{pool}/detector",
        }
        for name, path in pages.items():
            self.shoot(name, "olivia", path)
        self.shoot("cancel-all", "", "/cancel-all")
        self.shoot("installations", "vera", "/installations")
        in_hotels = {
            "providers": "/admin/providers",
            "deputy": f"/organizations/{hotels}/deputy",
            "freeze": f"/organizations/{hotels}/freeze",
        }
        for name, path in in_hotels.items():
            self.shoot(name, "olivia", path, inside="Harbour Hotels")
        self.shoot("handover-plan", "olivia", self.plan_handover())
        self.shoot("inbox-owner", "olivia", "/inbox")

    def plan_handover(self) -> str:
        """Olivia plans to hand a site over; the plan's path."""
        context = self.browser.new_context()
        page = context.new_page()
        self.sign_in(page, "olivia")
        page.goto(f"{self.url}/admin/sites")
        page.get_by_role("link", name=re.compile("Hand over")).last.click()
        page.get_by_label("E-mail address of the new owner").fill("xena@example.org")
        page.get_by_role("button", name="Plan it").click()
        page.wait_for_url(re.compile(r"/handovers/\w{26}$"))
        path = page.url.removeprefix(self.url)
        context.close()
        return path

    def enter(self, page: Page, organization: str) -> None:
        """Choose an organization."""
        page.goto(f"{self.url}/organizations")
        page.get_by_role("main").get_by_role("button", name=re.compile(organization)).click()
        page.wait_for_url(f"{self.url}/")

    def walk(self) -> None:
        """The whole way, in the order of the story."""
        self.shoot("sign-in", "", "/sign-in")
        self.shoot("sign-up", "", "/sign-up")
        self.shoot("reset", "", "/reset")
        self.shoot("wall", "olivia", "/")
        self.shoot("wall-empty", "xena", "/")
        self.shoot("nothing-here", "xena", self.camera("Pool"))
        self.shoot("devices", "olivia", "/devices")
        self.shoot("device-add", "olivia", "/devices/add")
        self.shoot("account", "olivia", "/account")
        self.shoot("organizations", "vera", "/organizations")
        self.shoot("organization-new", "olivia", "/organizations/new")
        self.shoot("menu", "vera", "/inbox", before=lambda page: page.locator(".switcher > summary").click())
        self.walk_admin()
        self.walk_devices()
        self.walk_panel()
        self.walk_appeals()
        courtyard = f"camera={self.cameras['Courtyard']}"
        self.shoot("share-1-recipient", "olivia", f"/share?{courtyard}")
        self.shoot("share-2-cameras", "olivia", f"/share?step=cameras&to=rita@example.org&{courtyard}")
        self.shoot("share-3-permissions", "olivia", f"/share?step=permissions&to=rita@example.org&{courtyard}")
        self.shoot("share-4-review", "olivia", f"/share?step=review&to=rita@example.org&{courtyard}")
        self.walk_sharing()
        share = self.share("rita@example.org", "Courtyard", "Pool")
        self.shoot("inbox", "rita", "/inbox")
        self.shoot("sharing", "olivia", "/sharing")
        self.api("rita", "POST", f"shares/{share}/accept")
        self.shoot("wall-recipient", "rita", "/")
        self.shoot("camera-recipient", "rita", self.camera("Courtyard"))
        context = self.browser.new_context()
        watching = context.new_page()
        self.sign_in(watching, "rita")
        watching.goto(f"{self.url}{self.camera('Courtyard')}")
        watching.wait_for_selector('live-view[data-state="live"]')
        self.shoot("camera", "olivia", self.camera("Courtyard"))
        self.walk_recordings()
        self.walk_trust()
        change = self.api("olivia", "DELETE", f"shares/{share}")["change_id"]
        watching.wait_for_timeout(500)
        context.close()
        self.shoot("receipt", "olivia", f"/receipts/{change}")
        self.shoot("ended", "rita", self.camera("Courtyard"))


def open_cell(page: Page) -> None:
    """What somebody may do on one camera."""
    page.locator("td a.cell").first.click()
    page.get_by_role("dialog").wait_for()


def await_passcode(page: Page) -> None:
    """The way in asks for it."""
    page.get_by_label("Passcode").wait_for()


def look_back(page: Page) -> None:
    """Ten seconds into the past, as soon as there is one."""
    page.wait_for_function("() => Number(document.querySelector('time-line').dataset.covered) > 12", timeout=60_000)
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector('live-view[data-state="playing"]')


def open_export(page: Page) -> None:
    """Export something, and mark the next piece."""
    look_back(page)
    page.locator("#export-panel > summary").click()
    with page.expect_download():
        page.get_by_role("button", name="Export", exact=True).click()
    page.get_by_role("link", name="Manifest").first.wait_for(timeout=20_000)
    page.locator("#export-panel").scroll_into_view_if_needed()


def main() -> None:
    """Start a demo, walk, stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names of pages, with commas")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    (ROOT / "docs" / "tour").mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "belvedere.cli", "demo", "--json", "--no-browser", "--port", str(free_port())]
    with (
        tempfile.TemporaryDirectory(prefix="belvedere-tour-") as folder,
        subprocess.Popen([*command, "--data", f"{folder}/demo"], stdout=subprocess.PIPE, text=True) as process,
        sync_playwright() as playwright,
    ):
        assert process.stdout
        said = json.loads(process.stdout.readline())
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            served = json.loads((Path(folder) / "demo" / "cameras.json").read_text(encoding="ascii"))
            Tour(said, served, browser, set(filter(None, options.only.split(",")))).walk()
        finally:
            browser.close()
            process.terminate()
            process.wait(20)


if __name__ == "__main__":
    main()
