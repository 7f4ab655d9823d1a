"""Sharing, whole: from a camera to "sent", what the recipient has, one cell of the matrix, guests without account."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from e2e.running import DESK, PHONE, Demo, SignIn
from e2e.test_accessibility import serious

#: on a machine that is busy with other things a browser takes its time
pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

LIVE = 'live-view[data-state="live"]'
ZONE = ZoneInfo("Europe/Madrid")
#: this machine may be busy with other tests
SLOW_MS = 20_000


class Taps:
    """Counts what a hand does: a tap is one, and so is each key."""

    def __init__(self) -> None:
        self.count = 0

    def tap(self, what: Locator) -> None:
        """Click it."""
        self.count += 1
        what.click()

    def type(self, where: Locator, text: str) -> None:
        """Tap into the field, and type."""
        self.count += 1 + len(text)
        where.fill(text)


def share_of(demo: Demo, *cameras: str, permissions: tuple[str, ...] = ("live_view",)) -> dict[str, Any]:
    """Olivia shares with Rita, who accepts."""
    items = [{"camera": demo.cameras[name], "permissions": list(permissions)} for name in cameras]
    with demo.api("olivia") as olivia, demo.api("rita") as rita:
        answer = olivia.post("shares", json={"recipient": demo.accounts["rita"]["email"], "items": items})
        assert answer.status_code == 201, answer.text
        share: dict[str, Any] = answer.json()
        assert rita.post(f"shares/{share['id']}/accept").status_code == 200
        return share


def end_everything(demo: Demo) -> None:
    """Nothing of another test is left between Olivia and Rita."""
    with demo.api("olivia") as olivia:
        for row in olivia.get("recipients").json()["items"]:
            if row["email"] == demo.accounts["rita"]["email"]:
                olivia.delete(f"recipients/{row['id']}")


@pytest.fixture(autouse=True)
def _fresh(demo: Demo) -> None:
    end_everything(demo)


def expect_narrow(page: Page) -> None:
    """Nothing of it has to be scrolled sideways."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


# ── From the camera to "sent" ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_from_the_camera_to_sent(demo: Demo, sign_in: SignIn, viewport: dict[str, int]) -> None:
    """HC-3, HC-5, VA-24: somebody one shared with before, in four steps and at most six taps, without a key."""
    page, hand = sign_in("olivia", viewport=viewport), Taps()
    page.goto(f"{demo.url}/cameras/{demo.cameras['Pool']}")
    steps: set[str] = set()

    def tap(what: Locator) -> None:
        hand.tap(what)
        steps.add(page.get_by_role("heading", level=1).inner_text())

    tap(page.get_by_role("link", name="Share", exact=True).first)
    tap(page.get_by_role("link", name=re.compile("Vera")))
    tap(page.get_by_role("button", name="Continue"))
    tap(page.get_by_role("button", name="Review"))
    tap(page.get_by_role("button", name="Send"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sent to")
    assert hand.count <= 6
    assert len(steps) - 1 <= 4  # the last one is "sent"
    page.get_by_role("button", name="Take it back").click()


def test_a_stranger_is_typed(demo: Demo, sign_in: SignIn) -> None:
    """VA-24: beside what is typed of an address it is as few."""
    page, hand = sign_in("olivia"), Taps()
    page.goto(f"{demo.url}/cameras/{demo.cameras['Pool']}")
    hand.tap(page.get_by_role("link", name="Share", exact=True).first)
    address = "somebody@example.org"
    hand.type(page.get_by_label("E-mail address"), address)
    for name in ("Continue", "Continue", "Review", "Send"):
        hand.tap(page.get_by_role("button", name=name))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sent to")
    assert hand.count - len(address) <= 6
    page.get_by_role("button", name="Take it back").click()


# ── The story of the recorder ────────────────────────────────────────────────────────────────────────────────────────


def bind_recorder(demo: Demo) -> tuple[dict[str, str], ZoneInfo]:
    """The demo's recorder of eight channels, bound by Olivia at her house: name → camera; and the zone it is in."""
    served = json.loads((demo.folder / "cameras.json").read_text())
    with demo.api("olivia") as olivia:
        own = next(row["id"] for row in olivia.get("organizations").json()["items"] if row["personal"])
        site = olivia.get(f"organizations/{own}/sites").json()["items"][0]
        body = {
            "name": "Warehouse recorder",
            "kind": "recorder",
            "site": site["id"],
            "address": f"http://127.0.0.1:{served['port'] + 1}/onvif/device_service",
            "username": "demo",
            "password": served["password"],
        }
        answer = olivia.post("devices", json=body, timeout=60)
        assert answer.status_code == 201, answer.text
        return {row["name"]: row["id"] for row in answer.json()["cameras"]}, ZoneInfo(site["time_zone"])


def test_three_cameras_of_a_recorder_to_the_minute(demo: Demo, sign_in: SignIn) -> None:
    """HC-5, HC-6, HC-11, HC-12, HC-14, HC-15, HC-16, HC-19, VA-20, VA-21, B-5, B-6: the whole of it, as it is told."""
    cameras, zone = bind_recorder(demo)
    first, second, third, *others = sorted(cameras)
    rita_is = demo.accounts["rita"]["email"]
    with demo.api("olivia") as olivia:
        recipient = olivia.post("recipients", json={"email": rita_is}).json()["id"]

    # Rita stands in her history; the remark is for herself.
    page = sign_in("olivia")
    page.goto(f"{demo.url}/recipients/{recipient}")
    page.get_by_label("Remark").fill("sister")
    page.get_by_role("button", name="Save").click()
    page.goto(f"{demo.url}/cameras/{cameras[first]}")
    page.get_by_role("link", name="Share", exact=True).first.click()
    page.get_by_role("link", name=re.compile(re.escape(rita_is))).click()
    for name in (second, third):
        page.get_by_role("checkbox", name=re.compile(name)).check()
    expect(page.get_by_role("checkbox", name=re.compile(others[0]))).not_to_be_checked()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Neighbour").click()
    page.get_by_role("checkbox", name=f"Playback: {first}").check()
    page.get_by_text("The last 24 hours").click()
    page.get_by_text("Until a day and hour").click()
    last_day = datetime.now(zone).replace(month=12, day=31, hour=23, minute=0)
    page.get_by_label("Until", exact=False).last.fill(last_day.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_text("Only at certain hours of the week").click()
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"):
        page.get_by_label(day).fill("08:00–18:00")
    page.get_by_role("button", name="Review").click()
    said = page.get_by_role("heading", level=1)
    for words in (first, second, third, "the last 24 hours", "weekdays 8–18", "until 31 December"):
        expect(said).to_contain_text(words)
    page.get_by_role("button", name="Send").click()
    expect(said).to_contain_text("Sent to")

    # She takes it on her phone, and calls a camera something else.
    rita = sign_in("rita", viewport=PHONE, allow="404|4403|WebSocket")
    rita.goto(f"{demo.url}/inbox")
    expect(rita.get_by_role("main")).to_contain_text("sees when you watch")
    expect(rita.get_by_role("main")).not_to_contain_text("sister")
    expect_narrow(rita)
    # At this hour there may be nothing to see yet: where it leads to, the day decides.
    with rita.expect_response(re.compile("/accept$"), timeout=SLOW_MS):
        rita.get_by_role("button", name="Accept").click()
    rita.wait_for_load_state()

    # To the minute: looked at as Rita, at instants of next week.
    monday = datetime.now(zone) + timedelta(days=7 - datetime.now(zone).weekday())
    opens = monday.replace(hour=8, minute=0, second=0, microsecond=0)
    seen = {
        first: {"live_view", "playback"},
        second: {"live_view"},
        third: {"live_view"},
    }
    if opens.date() <= last_day.date():
        with demo.api("olivia") as olivia:

            def sees(at: datetime) -> dict[str, set[str]]:
                asked = {"account": rita_is, "at": at.isoformat()}
                items = olivia.post("access/view-as", json=asked).json()["items"]
                # Notifications are the preset's; what of them a camera can have is tested elsewhere.
                return {row["name"]: set(row["permissions"]) - {"notify"} for row in items}

            assert sees(opens) == seen
            assert sees(opens.replace(hour=17, minute=59)) == seen
            assert sees(opens - timedelta(minutes=1)) == sees(opens.replace(hour=18)) == {}
            assert sees(last_day) == {}
    with demo.api("rita") as hers:
        known = {row["name"] for row in hers.get("cameras").json()["items"]}
        assert known <= {first, second, third}
        for name in others:
            assert hers.get(f"cameras/{cameras[name]}").status_code == 404
    page.goto(f"{demo.url}/sharing")
    expect(page.get_by_text("sister").first).to_be_visible()

    # The hours are lifted: what is hers by now is on the screen, live, by the name she gives it.
    with demo.api("olivia") as olivia:
        share = next(row for row in olivia.get("shares?direction=given").json()["items"] if row["state"] == "accepted")
        assert olivia.patch(f"shares/{share['id']}", json={"hours": None}).status_code == 200
    rita.goto(f"{demo.url}/cameras/{cameras[first]}")
    rita.get_by_text("Call it something else").click()
    rita.get_by_label("Your name for it").fill("Olivia’s till")
    rita.get_by_role("button", name="Save").click()
    expect(rita.get_by_role("heading", level=1)).to_have_text("Olivia’s till")
    expect(rita.locator(LIVE)).to_have_count(1, timeout=SLOW_MS)
    expect(rita.locator("time-line")).to_have_count(1)
    rita.goto(f"{demo.url}/cameras/{cameras[second]}")
    expect(rita.locator("time-line")).to_have_count(0)
    expect_narrow(rita)


# ── Manage sharing ───────────────────────────────────────────────────────────────────────────────────────────────────


def cell_of(page: Page, row: str, column: str) -> Locator:
    """A cell, by what stands before and above it."""
    return page.locator("tbody tr").filter(has_text=row).locator("td").filter(has_text=column).first


def test_a_cell_is_so_at_once(demo: Demo, sign_in: SignIn) -> None:
    """HC-21, HC-22, HC-32, B-1: Rita's picture ends with the tick; then she is taken off the list with all she had."""
    share = share_of(demo, "Courtyard", "Pool", permissions=("live_view", "playback"))
    rita = sign_in("rita", viewport=PHONE, allow="404|403|4403|WebSocket")
    rita.goto(f"{demo.url}/cameras/{demo.cameras['Courtyard']}")
    expect(rita.locator(LIVE)).to_have_count(1, timeout=SLOW_MS)

    page = sign_in("olivia")
    page.goto(f"{demo.url}/sharing/matrix")
    cell_of(page, "Rita", "Courtyard").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Rita")
    dialog.get_by_role("checkbox", name="Live view").uncheck()
    expect(dialog).to_contain_text("As it is ticked now", timeout=SLOW_MS)  # B-4
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("status")).to_contain_text("It is so now", timeout=SLOW_MS)
    expect(dialog.get_by_role("status")).to_contain_text("was cut")
    dialog.get_by_role("button", name="Done").click()
    expect(cell_of(page, "Rita", "Courtyard").locator(".rights")).to_have_attribute("aria-label", "Playback.")
    expect(rita.locator(LIVE)).to_have_count(0, timeout=SLOW_MS)

    # When, for exactly that share, and back to the table as it was.
    page.goto(f"{demo.url}/sharing/matrix?q=rita")
    cell_of(page, "Rita", "Pool").click()
    dialog.get_by_role("link", name="Change when").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("When Rita")
    page.get_by_text("Until a day and hour").click()
    end = datetime.now(ZONE) + timedelta(days=2)
    page.get_by_label("Until", exact=False).last.fill(end.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(f"{demo.url}/sharing/matrix?q=rita", timeout=SLOW_MS)
    expect(cell_of(page, "Rita", "Pool")).to_contain_text("Ends")

    page.goto(f"{demo.url}/recipients/{share['recipient']['id']}")
    page.get_by_role("button", name="End everything shared with them").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Nothing is shared with", timeout=SLOW_MS)
    with demo.api("rita") as hers:
        assert not {row["name"] for row in hers.get("cameras").json()["items"]} & {"Courtyard", "Pool"}
    page.goto(f"{demo.url}/sharing/matrix")
    expect(page.locator("tbody")).not_to_contain_text("Rita")


def test_the_matrix_by_keys_alone(demo: Demo, sign_in: SignIn) -> None:
    """HC-31: arrows go from cell to cell, Enter opens one, Escape closes it, and one is where one was."""
    share_of(demo, "Courtyard", "Pool")
    page = sign_in("olivia")
    page.goto(f"{demo.url}/sharing/matrix?q=rita")
    page.locator('td[tabindex="0"]').focus()
    focused: Callable[[], str] = lambda: str(page.evaluate("document.activeElement.textContent.trim()"))  # noqa: E731  read again and again
    for _ in range(20):
        if "Pool" in focused():
            break
        page.keyboard.press("ArrowRight")
    assert "Pool" in focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Pool", timeout=SLOW_MS)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "Pool" in focused()
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.cellIndex") == 1


# ── Guests ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def make_link(page: Page, demo: Demo, camera: str) -> str:
    """Olivia makes a link for the gardener: live, a passcode, two hours, three uses; its address."""
    page.goto(f"{demo.url}/guest-links/new?camera={demo.cameras[camera]}")
    page.get_by_label("For whom").fill("Gardener")
    page.get_by_label("Good for").select_option(label="two hours")
    page.get_by_label("May be opened").fill("3")
    page.get_by_label("Passcode").fill("roses 7")
    page.get_by_role("button", name="Make the link").click()
    return page.locator("#guest-address").inner_text().strip()


def test_the_gardener_comes_without_an_account(demo: Demo, sign_in: SignIn) -> None:
    """B-2, B-7, N40: passcode, live and nothing else; seen while he watches; ended while he watches."""
    page = sign_in("olivia")
    address = make_link(page, demo, "Driveway")
    guest = sign_in("", viewport=PHONE, allow="403|404|4403|WebSocket")
    guest.goto(address)
    guest.get_by_label("Passcode").fill("tulips 7")
    guest.get_by_role("button", name="Open").click()
    expect(guest.get_by_role("alert").first).to_contain_text("not the passcode")
    guest.get_by_label("Passcode").fill("roses 7")
    guest.get_by_role("button", name="Open").click()
    expect(guest.get_by_role("heading", level=1)).to_have_text("Driveway", timeout=SLOW_MS)
    expect(guest.locator(LIVE)).to_have_count(1, timeout=SLOW_MS)
    expect(guest.locator("time-line")).to_have_count(0)
    assert "#" not in guest.url
    assert not guest.get_by_text("Olivia").count()
    expect_narrow(guest)

    page.goto(f"{demo.url}/guest-links")
    card = page.get_by_role("article").filter(has_text="Gardener")
    expect(card).to_contain_text("Opened 1 of 3 times")
    expect(card).to_contain_text("1 watching now")
    page.goto(f"{demo.url}/cameras/{demo.cameras['Driveway']}")
    expect(page.get_by_text("A guest link is open")).to_be_visible()
    expect(page.get_by_role("region", name="Watching now")).to_contain_text("Guest: Gardener")
    page.goto(f"{demo.url}/sharing/matrix")
    cell_of(page, "Gardener", "Driveway").get_by_role("link").click()
    page.get_by_role("button", name="End the link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("opens nothing any more", timeout=SLOW_MS)
    expect(page.get_by_role("region", name="Receipt")).to_contain_text("Guest: Gardener")
    expect(guest.locator(LIVE)).to_have_count(0, timeout=SLOW_MS)
    guest.reload()
    expect(guest.get_by_role("heading", level=1).locator("visible=true")).to_have_text("This link leads nowhere")


def test_nothing_serious_on_its_pages(demo: Demo, sign_in: SignIn, chromium: Browser) -> None:
    """WCAG 2.2 AA, as axe reads it, at both widths, light and dark; and nothing scrolls sideways on a phone."""
    share = share_of(demo, "Courtyard", "Pool", permissions=("live_view", "playback"))
    page = sign_in("olivia")
    address = make_link(page, demo, "Driveway")
    link = re.search(r"/g/([0-9a-z]{26})#", address)
    assert link
    paths = (
        "/sharing/matrix",
        "/sharing/matrix?by=camera",
        f"/sharing/{share['id']}/cameras/{demo.cameras['Courtyard']}",
        f"/sharing/{share['id']}/terms",
        "/guest-links",
        "/guest-links/new",
        f"/guest-links/{link[1]}",
        f"/guest-links/{link[1]}/change",
    )
    found: list[str] = []
    guest = sign_in("", allow="403")
    for each, where in ((page, [demo.url + path for path in paths]), (guest, [address])):
        for url in where:
            for viewport in (DESK, PHONE):
                for scheme in ("light", "dark"):
                    each.set_viewport_size(viewport)  # type: ignore[arg-type]  # a plain dict is what it takes
                    each.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                    each.goto(url)
                    each.wait_for_load_state("load")
                    if each is guest:
                        expect(each.get_by_label("Passcode")).to_be_visible(timeout=SLOW_MS)
                    found += serious(each)
            expect_narrow(each)
    assert chromium.is_connected()
    assert found == []
