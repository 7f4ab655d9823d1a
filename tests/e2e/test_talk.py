"""Hold to talk, in a browser with a microphone of its own making, to a camera that keeps what it hears."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from belvedere.demo.backchannel import Ear
from belvedere.demo.clips import test_clip
from belvedere.demo.rtsp import CameraServerThread
from belvedere.media.talk.tone import tone
from e2e.running import DESK, FLAGS, PHONE, Demo, SignIn

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: A microphone that beeps, once a second.
MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
TONE = len(tone(8000)) // 2


@dataclass
class Door:
    """A camera of Olivia's, and what it hears."""

    id: str
    ear: Ear
    server: CameraServerThread

    def hears(self, samples: int, *, within_s: float = 20.0) -> None:
        """So many more samples than the tone, and not all of them silence."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            heard = self.ear.heard[TONE:]
            # Of µ-law, what is far from 0xff and 0x7f is loud.
            if len(heard) > samples and sum(1 for byte in heard if byte & 0x7F < 0x60) > 400:
                return
            time.sleep(0.05)
        message = f"{len(self.ear.heard)} samples, tone included"
        raise AssertionError(message)


@pytest.fixture(scope="module")
def door(demo: Demo) -> Iterator[Door]:
    ear = Ear()
    with CameraServerThread() as server, demo.api("olivia") as owner:
        server.add("/door", test_clip(gop=10), ear=ear)
        organization = owner.get("organizations").json()["items"][0]["id"]
        site = owner.get(f"organizations/{organization}/sites").json()["items"][0]["id"]
        body = {"name": "Gate", "site": site, "kind": "camera", "address": server.url("/door")}
        made = owner.post("devices", json=body | {"username": "", "password": ""}).raise_for_status().json()
        camera = made["cameras"][0]["id"]
        deadline = time.monotonic() + 30
        while "talk" not in owner.get(f"cameras/{camera}").json()["has"]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield Door(camera, ear, server)


type OpenPage = Callable[..., Page]


@pytest.fixture
def with_microphone(chromium: Browser, demo: Demo, sign_in: SignIn) -> Iterator[OpenPage]:
    """`with_microphone("olivia", path)` → her page, in a browser that hears something."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    browser = chromium.browser_type.launch(executable_path=path, args=[*FLAGS, *MICROPHONE])
    contexts: list[BrowserContext] = []

    def open_page(who: str, address: str, *, viewport: dict[str, int] = DESK) -> Page:
        known = sign_in(who).context.storage_state()
        context = browser.new_context(viewport=viewport, storage_state=known)  # type: ignore[arg-type]  # a plain dict is what it takes
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.goto(f"{demo.url}{address}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    browser.close()


def expect_state(page: Page, state: str) -> None:
    expect(page.locator(f'talk-button[data-state="{state}"]')).to_have_count(1, timeout=20_000)


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_who_holds_the_button_is_heard(door: Door, with_microphone: OpenPage, viewport: dict[str, int]) -> None:
    """HC-13: two-way audio; samples that a microphone made arrive at the camera."""
    page = with_microphone("olivia", f"/cameras/{door.id}", viewport=viewport)
    door.ear.packets.clear()
    button = page.get_by_role("button", name="Hold to talk")
    button.hover()
    page.mouse.down()
    expect_state(page, "speaking")
    expect(page.get_by_role("button", name="Speak now")).to_be_visible()
    door.hears(12_000)
    page.mouse.up()
    expect_state(page, "rest")
    # Nothing is open any more: neither the microphone nor the way to the camera.
    page.wait_for_function("() => document.querySelector('talk-button')._microphone === null")
    heard = len(door.ear.heard)
    page.wait_for_timeout(500)
    assert len(door.ear.heard) - heard < 4000


def test_by_keyboard_space_holds_and_enter_toggles(door: Door, with_microphone: OpenPage) -> None:
    page = with_microphone("olivia", f"/cameras/{door.id}")
    button = page.get_by_role("button", name="Hold to talk")
    button.focus()
    page.keyboard.down(" ")
    expect_state(page, "speaking")
    page.keyboard.up(" ")
    expect_state(page, "rest")
    page.keyboard.press("Enter")
    expect_state(page, "speaking")
    page.keyboard.press("Enter")
    expect_state(page, "rest")


def test_without_the_right_there_is_no_button(demo: Demo, door: Door, with_microphone: OpenPage) -> None:
    """HC-2, and what it is for: Rita sees, and says nothing; with the right she is heard, until it is taken away."""
    with demo.api("olivia") as owner, demo.api("rita") as rita:
        item = {"camera": door.id, "permissions": ["live_view"]}
        body = {"recipient": "rita@example.org", "items": [item]}
        share = owner.post("shares", json=body).raise_for_status().json()["id"]
        rita.post(f"shares/{share}/accept").raise_for_status()
        page = with_microphone("rita", f"/cameras/{door.id}")
        expect(page.locator("live-view")).to_be_visible()
        expect(page.locator("talk-button")).to_have_count(0)
        assert rita.post(f"cameras/{door.id}/tickets", json={"kind": "talk"}).status_code == 403

        item = {"camera": door.id, "permissions": ["live_view", "talk"]}
        owner.patch(f"shares/{share}", json={"items": [item]}).raise_for_status()
        page.reload()
        door.ear.packets.clear()
        page.get_by_role("button", name="Hold to talk").hover()
        page.mouse.down()
        expect_state(page, "speaking")
        door.hears(4000)

        # Somebody else wants to speak: he reads who does, for he may know.
        other = with_microphone("olivia", f"/cameras/{door.id}")
        other.get_by_role("button", name="Hold to talk").hover()
        other.mouse.down()
        expect(other.locator("talk-button")).to_contain_text("Rita")
        other.mouse.up()

        # Mid-sentence.
        owner.delete(f"shares/{share}").raise_for_status()
        expect(page.locator("talk-button")).to_contain_text("ended your right to talk")
        heard = len(door.ear.heard)
        page.wait_for_timeout(500)
        assert len(door.ear.heard) - heard < 800
        expect(page.get_by_role("button", name="Hold to talk")).to_have_count(0)


def test_a_camera_that_lost_its_voice_says_so(demo: Demo, door: Door, with_microphone: OpenPage) -> None:
    page = with_microphone("olivia", f"/cameras/{door.id}")
    mount = door.server.find("/door")
    assert mount
    mount.ear = None
    try:
        page.get_by_role("button", name="Hold to talk").hover()
        page.mouse.down()
        expect(page.locator("talk-button")).to_contain_text("no way to talk")
        page.mouse.up()
    finally:
        mount.ear = door.ear


def test_a_microphone_that_is_blocked_is_told(demo: Demo, door: Door, sign_in: SignIn) -> None:
    """No permission, no question: headless, the browser says no by itself."""
    page = sign_in("olivia")
    page.goto(f"{demo.url}/cameras/{door.id}")
    page.get_by_role("button", name="Hold to talk").hover()
    page.mouse.down()
    expect_state(page, "refused")
    expect(page.locator("talk-button")).to_contain_text("microphone")
    page.mouse.up()


def test_who_may_see_who_watches_sees_who_talks(door: Door, with_microphone: OpenPage) -> None:
    """B-2."""
    page = with_microphone("olivia", f"/cameras/{door.id}")
    page.get_by_role("button", name="Hold to talk").focus()
    page.keyboard.down(" ")
    expect_state(page, "speaking")
    expect(page.locator("#access-panel")).to_contain_text("Talking since", timeout=20_000)
    page.keyboard.up(" ")


def test_the_page_is_within_its_frame(door: Door, with_microphone: OpenPage) -> None:
    page = with_microphone("olivia", f"/cameras/{door.id}", viewport=PHONE)
    expect(page.get_by_role("button", name="Hold to talk")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
