"""A camera is moved by its page: by pad, keys, a click into its picture; by one at a time, and only by who may."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Page, expect

from belvedere.demo.onvif import OnvifChannel, OnvifDevice
from belvedere.demo.samples import DEVICES, USERNAME
from e2e.running import DESK, PHONE, Demo, SignIn
from e2e.test_story import expect_live

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@dataclass
class Dome:
    """A camera of Olivia's, and its motor."""

    id: str
    device: OnvifDevice

    @property
    def head(self) -> Any:
        return self.device.head(0)

    def until(self, is_so: Callable[[], object], *, within_s: float = 20.0) -> None:
        deadline = time.monotonic() + within_s
        while not is_so():
            assert time.monotonic() < deadline, (self.head.position, list(self.device.asked)[-10:])
            time.sleep(0.02)


@pytest.fixture(scope="module")
def dome(demo: Demo) -> Iterator[Dome]:
    served = json.loads((demo.folder / "cameras.json").read_text())
    channel = OnvifChannel("Mast", f"rtsp://127.0.0.1:{served['port']}/{DEVICES[0].key}/1/main", has_ptz=True)
    device = OnvifDevice([channel], username=USERNAME, password=served["password"], serial="MAST-1", mac="")
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(device), demo.api("olivia") as owner:
        organization = owner.get("organizations").json()["items"][0]["id"]
        site = owner.get(f"organizations/{organization}/sites").json()["items"][0]["id"]
        body = {"name": "Mast", "site": site, "address": device.url, "username": USERNAME}
        made = owner.post("devices", json=body | {"password": served["password"]}).raise_for_status().json()
        camera = made["cameras"][0]
        assert "ptz" in camera["has"]
        yield Dome(camera["id"], device)


def open_pad(page: Page, demo: Demo, dome: Dome) -> None:
    """Its page, live, with a pad that knows what the camera can."""
    page.goto(f"{demo.url}/cameras/{dome.id}")
    expect_live(page)
    expect(page.locator('ptz-pad[data-state="ready"]')).to_be_visible(timeout=20_000)


def hold(page: Page, name: str) -> None:
    page.get_by_role("group", name="Move the camera").get_by_role("button", name=name, exact=True).hover()
    page.mouse.down()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_held_it_moves_and_let_go_it_stays(demo: Demo, dome: Dome, sign_in: SignIn, viewport: dict[str, int]) -> None:
    """HC-13, HC-31."""
    page = sign_in("olivia", viewport=viewport)
    open_pad(page, demo, dome)
    dome.head.look_at((0.0, 0.0, 0.0))
    hold(page, "To the right")
    # For longer than one word of it lasts.
    dome.until(lambda: dome.head.position[0] > 0.3)
    page.mouse.up()
    dome.until(lambda: not dome.head.is_moving)
    hold(page, "Nearer")
    dome.until(lambda: dome.head.position[2] > 0.05)
    page.mouse.up()
    dome.until(lambda: not dome.head.is_moving)
    page.get_by_role("button", name="Door", exact=True).click()
    dome.until(lambda: dome.head.position == (0.5, 0.0, 0.2))
    page.get_by_role("button", name="Home position").click()
    dome.until(lambda: dome.head.position == (0.0, 0.0, 0.0))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_by_keyboard(demo: Demo, dome: Dome, sign_in: SignIn) -> None:
    page = sign_in("olivia")
    open_pad(page, demo, dome)
    dome.head.look_at((0.0, 0.0, 0.5))
    page.locator("ptz-pad").focus()
    page.keyboard.down("ArrowLeft")
    dome.until(lambda: dome.head.position[0] < -0.1)
    page.keyboard.up("ArrowLeft")
    dome.until(lambda: not dome.head.is_moving)
    page.keyboard.down("+")
    dome.until(lambda: dome.head.position[2] > 0.55)
    page.keyboard.up("+")
    dome.until(lambda: not dome.head.is_moving)
    page.keyboard.press("Home")
    dome.until(lambda: dome.head.position == (0.0, 0.0, 0.0))


def test_a_click_into_the_picture_centres_it(demo: Demo, dome: Dome, sign_in: SignIn) -> None:
    page = sign_in("olivia")
    open_pad(page, demo, dome)
    dome.head.look_at((0.0, 0.0, 0.0))
    page.get_by_role("button", name="Click to centre").click()
    box = page.locator("#camera-view canvas, #camera-view video").first.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)
    # Half of the way from the middle to the corner, up on the right.
    dome.until(lambda: dome.head.position[0] > 0.05 and dome.head.position[1] > 0.05)


def test_a_page_that_is_gone_moves_nothing_on(demo: Demo, dome: Dome, sign_in: SignIn) -> None:
    page = sign_in("olivia")
    open_pad(page, demo, dome)
    hold(page, "Up")
    dome.until(lambda: dome.head.is_moving)
    page.context.close()
    dome.until(lambda: not dome.head.is_moving)


def test_a_place_is_remembered_and_forgotten(demo: Demo, dome: Dome, sign_in: SignIn) -> None:
    page = sign_in("olivia")
    open_pad(page, demo, dome)
    page.get_by_label("Name of this place").fill("Pier")
    page.get_by_role("button", name="Remember it").click()
    pier = page.get_by_role("button", name="Pier", exact=True)
    expect(pier).to_be_visible()

    # Switched on by mistake, nothing is forgotten.
    toggle = page.get_by_role("button", name="Forget a place")
    toggle.click()
    expect(pier).to_have_count(0)  # its name now says what a tap would do
    toggle.click()
    expect(pier).to_be_visible()
    toggle.click()
    page.get_by_role("button", name="Forget Pier").click()
    expect(pier).to_have_count(0)
    assert "Pier" not in {name for name, _ in dome.head.presets.values()}


def test_two_at_one_pad_and_a_right_that_ends(demo: Demo, dome: Dome, sign_in: SignIn) -> None:
    """HC-2, N14, VV-33: Rita moves it and Olivia reads so; then she may not any more, and it stays."""
    with demo.api("olivia") as owner, demo.api("rita") as rita:
        item = {"camera": dome.id, "permissions": ["live_view"]}
        body = {"recipient": "rita@example.org", "items": [item]}
        share = owner.post("shares", json=body).raise_for_status().json()["id"]
        rita.post(f"shares/{share}/accept").raise_for_status()
        guest = sign_in("rita")
        guest.goto(f"{demo.url}/cameras/{dome.id}")
        expect_live(guest)
        assert guest.locator("ptz-pad").count() == 0
        assert rita.post(f"cameras/{dome.id}/ptz", json={"home": True}).status_code == 403

        both = [item | {"permissions": ["live_view", "ptz"]}]
        owner.patch(f"shares/{share}", json={"items": both}).raise_for_status()
        page = sign_in("olivia")
        open_pad(page, demo, dome)
        open_pad(guest, demo, dome)
        assert guest.get_by_label("Name of this place").count() == 0  # who moves it does not set it up
        hold(guest, "Down")
        dome.until(lambda: dome.head.is_moving)
        expect(page.locator("ptz-pad")).to_contain_text("Rita Prado is moving it.")
        owner.patch(f"shares/{share}", json={"items": [item]}).raise_for_status()
        dome.until(lambda: not dome.head.is_moving)
        expect(guest.locator("ptz-pad")).to_contain_text("You may no longer move this camera.")
        expect(page.locator('ptz-pad[data-state="ready"]')).to_be_visible()
        owner.delete(f"shares/{share}").raise_for_status()
