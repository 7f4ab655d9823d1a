"""Sound on the page: off until it is wanted, really there then, nowhere for who may not, and gone with the right."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from belvedere.demo.clips import test_clip
from belvedere.demo.coded_sound import coded_tone
from belvedere.demo.rtsp import CameraServerThread
from e2e.running import DESK, PHONE, Demo, SignIn
from e2e.test_recordings import PAST, expect_footage, share
from e2e.test_story import LIVE, expect_live

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: of the demo's evening street: the road alone is ten times as loud
_AUDIBLE = 0.0005


def sound_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Sound", exact=True)


def expect_heard(page: Page, view: str = "live-view") -> None:
    """Samples go through the page's sound card, and not all of them are zero."""
    page.wait_for_function(
        f"view => Number(view.dataset.soundLevel) > {_AUDIBLE}",
        arg=page.locator(view).first.element_handle(),
        timeout=20_000,
    )


def expect_silence(page: Page) -> None:
    page.wait_for_function(
        "view => Number(view.dataset.soundLevel) === 0",
        arg=page.locator("live-view").first.element_handle(),
        timeout=20_000,
    )


def turn_on(page: Page) -> None:
    expect(sound_button(page)).to_have_attribute("aria-pressed", "false", timeout=15_000)
    page.locator("live-view").hover()
    sound_button(page).click()
    expect(sound_button(page)).to_have_attribute("aria-pressed", "true")


@pytest.fixture(scope="module")
def more_cameras(demo: Demo) -> Iterator[dict[str, str]]:
    """Two more of Olivia's, whose sound is AAC and Opus: name → id."""
    with CameraServerThread() as server, demo.api("olivia") as owner:
        organization = owner.get("organizations").json()["items"][0]["id"]
        site = owner.get(f"organizations/{organization}/sites").json()["items"][0]["id"]
        made = {}
        for name, codec in (("Gate", "aac"), ("Door", "libopus")):
            server.add(f"/{name}", test_clip(), audio=coded_tone(codec))
            body = {"name": name, "site": site, "address": server.url(f"/{name}"), "username": "", "password": ""}
            made[name] = owner.post("devices", json=body).raise_for_status().json()["cameras"][0]["id"]
        yield made


@pytest.mark.parametrize(
    ("viewport", "without"),
    [(DESK, ()), (PHONE, ()), (DESK, ("VideoDecoder", "AudioDecoder"))],
    ids=["desk", "phone", "plain"],
)
def test_sound_is_off_until_somebody_wants_it(
    demo: Demo, sign_in: SignIn, viewport: dict[str, int], without: tuple[str, ...]
) -> None:
    """G.711, on a page that has WebCodecs and on one that has not; by button and by key; as it was the last time."""
    page = sign_in("olivia", viewport=viewport)
    for name in without:
        page.add_init_script(f"delete window.{name}")
    page.goto(f"{demo.url}/cameras/{demo.cameras['Front door']}")
    expect_live(page)
    expect(page.locator('live-view[data-sound="off"]')).to_have_count(1)
    turn_on(page)
    expect_heard(page)
    page.keyboard.press("m")
    expect(page.locator('live-view[data-sound="off"]')).to_have_count(1)
    page.keyboard.press("m")
    expect_heard(page)

    loudness = page.get_by_label("Volume")
    if viewport == DESK:
        loudness.fill("0.3")
    page.reload()
    expect_heard(page)
    expect(sound_button(page)).to_have_attribute("aria-pressed", "true")
    if viewport == DESK:
        expect(loudness).to_have_value("0.3")
    expect_live(page)


@pytest.mark.parametrize("camera", ["Gate", "Door"])
@pytest.mark.parametrize("way", ["webcodecs", "mse"])
def test_other_codecs(demo: Demo, sign_in: SignIn, more_cameras: dict[str, str], camera: str, way: str) -> None:
    """AAC and Opus, decoded by WebCodecs; and where there is none, by an element beside the picture."""
    page = sign_in("olivia")
    if way == "mse":
        page.add_init_script("delete window.VideoDecoder; delete window.AudioDecoder")
    page.goto(f"{demo.url}/cameras/{more_cameras[camera]}")
    expect_live(page)
    turn_on(page)
    expect_heard(page)
    expect_live(page)


# HC-2, HC-32, VV-33
def test_who_may_not_listen_has_no_button(demo: Demo, sign_in: SignIn) -> None:
    """Nor any sound. When the right comes, the button does; when it goes, so does the sound, and the picture stays."""
    camera = demo.cameras["Front door"]
    given = share(demo, "rita", camera, "live_view")
    page = sign_in("rita", allow="40[34]|WebSocket")
    page.goto(f"{demo.url}/cameras/{camera}")
    expect_live(page)
    expect(sound_button(page)).to_have_count(0)
    page.keyboard.press("m")
    expect(page.locator("live-view[data-sound]")).to_have_count(0)
    with demo.api("olivia") as owner:

        def allow(*permissions: str) -> None:
            items = [{"camera": camera, "permissions": list(permissions)}]
            owner.patch(f"shares/{given}", json={"items": items}).raise_for_status()

        allow("live_view", "listen")
        page.goto(f"{demo.url}/cameras/{camera}")
        turn_on(page)
        expect_heard(page)
        allow("live_view")
        expect(page.get_by_text("You may no longer listen to Front door.")).to_be_visible(timeout=15_000)
        expect(sound_button(page)).to_have_count(0)
        expect_live(page)
        owner.delete(f"shares/{given}").raise_for_status()


def test_one_tile_is_heard_at_a_time(demo: Demo, sign_in: SignIn, more_cameras: dict[str, str]) -> None:
    page = sign_in("olivia")
    page.goto(f"{demo.url}/")
    buttons = {name: page.get_by_role("button", name=f"Sound of {name}") for name in ("Front door", *more_cameras)}
    for button in buttons.values():
        expect(button).to_have_attribute("aria-pressed", "false", timeout=20_000)
    expect(page.get_by_role("button", name="Sound of Pool")).to_have_count(0)
    for chosen in ("Front door", "Gate"):
        buttons[chosen].click()
        expect_heard(page, f'live-view[name="{chosen}"]')
        expect(page.locator('.tile-sound[aria-pressed="true"]')).to_have_count(1)
        expect(buttons[chosen]).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="Door, ").last.focus()
    page.keyboard.press("m")
    expect(page.locator('.tile-sound[aria-pressed="true"]')).to_have_count(1)
    expect(page.locator('live-view[data-sound="on"]')).to_have_count(1)


@pytest.mark.parametrize("way", ["webcodecs", "mse"])
def test_the_past_is_heard_at_its_own_speed(demo: Demo, sign_in: SignIn, way: str) -> None:
    camera = demo.cameras["Front door"]
    with demo.api("olivia") as owner:
        owner.patch(f"cameras/{camera}/recording-settings", json={"with_audio": True}).raise_for_status()
    page = sign_in("olivia")
    if way == "mse":
        page.add_init_script("delete window.VideoDecoder; delete window.AudioDecoder")
    page.goto(f"{demo.url}/cameras/{camera}")
    expect_live(page)
    expect_footage(page)
    turn_on(page)
    page.get_by_role("slider", name="Time line").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(PAST)).to_have_count(1)
    expect_heard(page)
    page.get_by_label("Speed").select_option("2")
    expect_silence(page)
    page.get_by_role("button", name="Live", exact=True).click()
    expect(page.locator(LIVE)).to_have_count(1)
    expect_heard(page)
