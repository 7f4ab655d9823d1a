"""What was recorded, on the page: the time line, playing the past, what others may not, and a piece to take along."""

import re
import time
from datetime import UTC, date, datetime
from pathlib import Path

import av
import pytest
from playwright.sync_api import Page, Route, expect

from e2e.running import DESK, PHONE, Demo, SignIn
from e2e.test_story import LIVE, expect_live, is_black

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PAST = 'live-view[data-state="playing"][data-past]'
#: seconds of footage that there must be before a test looks back
ENOUGH_S = 12
_INSTANT = "element => Number(element.dataset.at || NaN)"


def expect_footage(page: Page) -> None:
    """The band under the picture shows that something was recorded; its live end is asked for every few seconds."""
    line = page.locator("time-line")
    expect(line).to_be_visible()
    page.wait_for_function(
        f"element => Number(element.dataset.covered) > {ENOUGH_S}", arg=line.element_handle(), timeout=60_000
    )


def look_back(page: Page) -> float:
    """Ten seconds, by keyboard. The instant that is shown."""
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(PAST)).to_have_count(1)
    return instant_of(page)


def expect_preview(page: Page) -> None:
    """Over footage, the mouse brings a small picture of it."""
    band = page.locator(".tl-track").bounding_box()
    assert band
    place = "line => (line._coverage.covered.at(-1).from + 3 - line.range.from) / (line.range.to - line.range.from)"
    share: float = page.locator("time-line").evaluate(place)
    page.mouse.move(band["x"] + share * band["width"], band["y"] + band["height"] / 2)
    picture = page.locator('.tl-bubble img[src^="blob:"]')
    expect(picture).to_be_visible()
    page.wait_for_function("picture => picture.naturalWidth === 240", arg=picture.element_handle())


def instant_of(page: Page) -> float:
    """What the picture is of, seconds since the epoch."""
    page.wait_for_function("element => Boolean(element.dataset.at)", arg=page.locator("live-view").element_handle())
    shown: float = page.locator("live-view").evaluate(_INSTANT)
    return shown


def expect_playing_on(page: Page, since: float, *, by_s: float = 1.0) -> None:
    """Time goes on in the picture."""
    page.wait_for_function(
        f"element => Number(element.dataset.at) > {since + by_s}", arg=page.locator("live-view").element_handle()
    )


def share(demo: Demo, recipient: str, camera: str, *permissions: str) -> str:
    """Olivia gives, the recipient takes; the share's id."""
    body = {"recipient": f"{recipient}@example.org", "items": [{"camera": camera, "permissions": list(permissions)}]}
    with demo.api("olivia") as owner, demo.api(recipient) as other:
        given: str = owner.post("shares", json=body).raise_for_status().json()["id"]
        other.post(f"shares/{given}/accept").raise_for_status()
    return given


@pytest.mark.parametrize(
    ("viewport", "is_mse"), [(DESK, False), (PHONE, False), (DESK, True)], ids=["desk", "phone", "mse"]
)
def test_the_past_plays_and_live_brings_it_back(
    demo: Demo, sign_in: SignIn, viewport: dict[str, int], *, is_mse: bool
) -> None:
    page = sign_in("olivia", viewport=viewport)
    if is_mse:
        page.add_init_script("delete window.VideoDecoder")
    page.goto(f"{demo.url}/cameras/{demo.cameras['Courtyard']}")
    expect_live(page)
    expect_footage(page)
    slider = page.get_by_role("slider")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^Live"))
    if viewport == DESK:
        expect_preview(page)

    began = look_back(page)
    assert time.time() - 30 < began < time.time() - 5
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"\d\d:\d\d:\d\d, footage$"))
    expect_playing_on(page, began)

    # It stands, goes on picture by picture, and back to a key picture.
    page.get_by_role("button", name="Pause").click()
    expect(page.locator('live-view[data-state="paused"]')).to_have_count(1)
    stands = instant_of(page)
    slider.focus()
    page.keyboard.press(".")
    expect_playing_on(page, stands, by_s=0.01)
    after = instant_of(page)
    assert after - stands < 0.5
    page.keyboard.press(",")
    page.wait_for_function(
        f"element => Number(element.dataset.at) < {after - 0.01}", arg=page.locator("live-view").element_handle()
    )
    page.keyboard.press(" ")
    expect(page.locator(PAST)).to_have_count(1)

    # Faster, as far as now: it becomes live by itself.
    page.get_by_label("Speed").select_option("16")
    expect(page.locator(LIVE)).to_have_count(1, timeout=15_000)

    # A hand drags: the picture follows; it lets go: the past plays from there.
    band = page.locator(".tl-track").bounding_box()
    assert band
    x, y = band["x"] + band["width"] * 0.94, band["y"] + band["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(x - step * 3, y)
        page.wait_for_timeout(120)
    dragged = instant_of(page)
    page.mouse.up()
    expect(page.locator(PAST)).to_have_count(1)
    expect_playing_on(page, dragged, by_s=0.2)
    page.get_by_role("button", name="Live", exact=True).click()
    expect(page.locator(LIVE)).to_have_count(1)
    expect(page.locator("live-view[data-past]")).to_have_count(0)


def test_live_alone_has_no_time_line(demo: Demo, sign_in: SignIn) -> None:
    """7 S, N22: who may watch live has no past: no band, no export, no coverage, nothing that says there is one."""
    camera = demo.cameras["Pool"]
    given = share(demo, "rita", camera, "live_view")
    page = sign_in("rita", allow="403")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{demo.url}/cameras/{camera}")
    expect_live(page)
    expect(page.locator("time-line, #export-panel, .is-recording, .lv-past")).to_have_count(0)
    assert not [url for url in asked if "recordings" in url]
    period = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z"
    assert page.request.get(f"{demo.url}/api/v1/cameras/{camera}/recordings?{period}").status == 403
    assert page.goto(f"{demo.url}/cameras/{camera}/recording").status == 403  # type: ignore[union-attr]  # it answers
    with demo.api("olivia") as owner:
        owner.delete(f"shares/{given}").raise_for_status()


def test_the_right_to_look_back_ends_while_one_does(demo: Demo, sign_in: SignIn) -> None:
    """N22: a Viewer becomes Live Only: the past goes from the screen at once, live stays. Then live goes, too."""
    with demo.api("vera") as vera:
        mine = vera.get("cameras").json()["items"]
    camera = next(row for row in mine if row["mine"] and "playback" in row["permissions"])
    page = sign_in("vera", allow="40[34]|WebSocket")
    page.goto(f"{demo.url}/cameras/{camera['id']}")
    expect_footage(page)
    look_back(page)
    become(demo, "vera", "live_only")
    expect(page.get_by_text(f"You may no longer look back at {camera['name']}")).to_be_visible(timeout=5_000)
    expect(page.locator("time-line, #export-panel")).to_have_count(0)
    expect(page.locator(LIVE)).to_have_count(1)
    become(demo, "vera", "no_access")
    expect(page.locator('live-view[data-state="ended"]')).to_have_count(1, timeout=5_000)
    assert is_black(page)


def become(demo: Demo, who: str, role: str) -> None:
    """Olivia gives a member of Harbour Hotels another role."""
    with demo.api("olivia") as owner:
        hotels = next(row for row in owner.get("organizations").json()["items"] if not row["personal"])
        members = owner.get(f"organizations/{hotels['id']}/members").json()["items"]
        member = next(row for row in members if row["account"]["email"] == demo.accounts[who]["email"])
        owner.patch(f"members/{member['id']}", json={"role": role}).raise_for_status()


def test_a_piece_is_taken_along_and_proven(demo: Demo, sign_in: SignIn, tmp_path: Path) -> None:
    """Marks in and out, one MP4 that plays anywhere, its progress, and a manifest that this installation signed."""
    page = sign_in("olivia")
    page.goto(f"{demo.url}/cameras/{demo.cameras['Courtyard']}")
    expect_footage(page)
    slider = page.get_by_role("slider")
    slider.focus()
    # From where the footage begins: a slow disk may be seconds behind, and all of it was waited for.
    page.keyboard.press("Home")
    expect(page.locator(PAST)).to_have_count(1)
    page.keyboard.press("i")
    expect(page.get_by_label("From")).not_to_have_value("")
    slider.focus()
    page.keyboard.press("End")
    expect(page.locator(LIVE)).to_have_count(1)
    # The panel opened by itself, and waits for the other mark.
    expect(page.get_by_label("To", exact=True)).to_have_value("")
    slider.focus()
    page.keyboard.press("o")
    line = page.locator("time-line").element_handle()
    page.wait_for_function(f"line => line.marks.out - line.marks.in > {ENOUGH_S}", arg=line)
    expect(page.locator("[data-size]")).to_contain_text(" s")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    file = tmp_path / "piece.mp4"
    download.value.save_as(file)
    with av.open(str(file)) as container:
        pictures = sum(1 for _ in container.decode(video=0))
    assert pictures > 50
    with page.expect_download() as manifest:
        page.get_by_role("link", name="Manifest").first.click(timeout=20_000)
    assert b'"signature"' in manifest.value.path().read_bytes()
    page.goto(f"{demo.url}/exports")
    expect(page.get_by_text(re.compile("Courtyard, .*–"))).to_be_visible()
    expect(page.get_by_text("belvedere export verify")).to_be_visible()


def test_how_a_camera_is_recorded_is_set_on_a_page(demo: Demo, sign_in: SignIn) -> None:
    """Mode, hours, days, gigabytes; wrong hours stay in their field, with what is wrong."""
    page = sign_in("olivia", allow="422")
    page.goto(f"{demo.url}/cameras/{demo.cameras['Counter']}")
    page.get_by_role("link", name=re.compile("^Recording")).click(timeout=40_000)
    page.get_by_text("At certain hours").first.click()
    page.get_by_label("Monday").fill("22:00 - 24:00, 8:00-9")
    page.get_by_label("Gigabytes").fill("20")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Hours look like")).to_be_visible()
    page.get_by_label("Monday").fill("22:00 - 24:00, 8:00-9:30")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It holds from now on.")).to_be_visible()
    expect(page.get_by_label("Monday")).to_have_value("22:00–24:00, 08:00–09:30")
    expect(page.get_by_label("Gigabytes")).to_have_value("20")


def test_the_time_line_on_days_when_the_clocks_change(demo: Demo, sign_in: SignIn) -> None:
    """A day of 25 hours is ruled with the hour that comes twice, one of 23 without the hour that is left out."""
    page = sign_in("olivia")
    page.goto(f"{demo.url}/cameras/{demo.cameras['Pool']}")
    autumn, spring = page.evaluate(
        """async () => {
          const { dayOf, rule } = await import("belvedere/time-scale");
          return [Date.UTC(2026, 9, 25, 12), Date.UTC(2026, 2, 29, 12)].map((noon) => {
            const day = dayOf(noon / 1000);
            return { hours: (day.to - day.from) / 3600, labels: rule(day, 2400).map((tick) => tick.label) };
          });
        }"""
    )
    assert (autumn["hours"], spring["hours"]) == (25, 23)
    assert autumn["labels"][:5] == ["Sun 25", "01:00", "02:00", "02:00", "03:00"]
    assert spring["labels"][:4] == ["Sun 29", "01:00", "03:00", "04:00"]
    assert autumn["labels"][-1] == "Mon 26"


def test_nearer_further_and_another_day(demo: Demo, sign_in: SignIn) -> None:
    """From 30 days to 10 seconds by wheel and keys; a day without footage is said."""
    page = sign_in("olivia")
    page.goto(f"{demo.url}/cameras/{demo.cameras['Pool']}")
    expect_footage(page)
    line = page.locator("time-line")
    band = page.locator(".tl-track").bounding_box()
    assert band
    page.mouse.move(band["x"] + band["width"] / 2, band["y"] + 8)
    for direction, length in ((1, 30 * 86_400), (-1, 10)):
        for _ in range(12):
            page.mouse.wheel(0, direction * 2000)
        page.wait_for_function(
            f"element => Math.abs(element.range.to - element.range.from - {length}) < 0.01", arg=line.element_handle()
        )
    page.get_by_role("button", name="24 h").click()
    page.get_by_role("slider").focus()
    page.keyboard.press("+")
    page.wait_for_function("element => element.range.to - element.range.from < 80000", arg=line.element_handle())
    page.get_by_label("Go to a day").fill("2026-01-07")
    expect(page.get_by_text("There is no footage of Wed 7 January.").first).to_be_visible()


def test_of_two_choices_the_last_one_holds(demo: Demo, sign_in: SignIn) -> None:
    """A day whose footage is still asked about gives way to the day, or to the instant, that was chosen after it."""
    page = sign_in("olivia")
    page.goto(f"{demo.url}/cameras/{demo.cameras['Pool']}")
    expect_footage(page)
    line = page.locator("time-line")
    for then in ("goLive()", "chooseDay('2026-01-07')"):
        at = line.evaluate(
            f"""async (line) => {{
              const first = new Date(line._coverage.covered[0].from * 1000);
              const two = (number) => String(number).padStart(2, "0");
              line.chooseDay(`${{first.getFullYear()}}-${{two(first.getMonth() + 1)}}-${{two(first.getDate())}}`);
              line.{then};
              await line._learn(); // one question after the other: both were answered by then
              return line.at;
            }}"""
        )
        assert at is None
    expect_empty_day(page)


def expect_empty_day(page: Page) -> None:
    """It shows the seventh of January, when there was no camera."""
    expect(page.get_by_text("There is no footage of Wed 7 January.").first).to_be_visible()
    start = page.locator("time-line").evaluate("line => line.range.from")
    assert datetime.fromtimestamp(start, UTC).date() in {date(2026, 1, 6), date(2026, 1, 7)}


def test_a_day_may_be_chosen_before_anything_is_known(demo: Demo, sign_in: SignIn) -> None:
    """The length that the line would begin with comes too late."""
    page = sign_in("olivia")
    held: list[Route] = []
    is_chosen = False
    asked = re.compile(r"/cameras/\w+/recordings\?")

    def hold(route: Route) -> None:
        if is_chosen:
            route.continue_()
        else:
            held.append(route)

    page.route(asked, hold)
    with page.expect_request(asked):
        page.goto(f"{demo.url}/cameras/{demo.cameras['Pool']}")
    page.get_by_label("Go to a day").fill("2026-01-07")
    is_chosen = True
    for route in held:
        route.continue_()
    expect_empty_day(page)


def test_the_panel_opened_by_hand_offers_the_last_minute(demo: Demo, sign_in: SignIn) -> None:
    page = sign_in("olivia")
    page.goto(f"{demo.url}/cameras/{demo.cameras['Pool']}")
    expect_footage(page)
    page.locator("#export-panel > summary").click()
    expect(page.get_by_label("To", exact=True)).not_to_have_value("")
    marks = page.locator("time-line").evaluate("line => line.marks")
    assert marks["out"] - marks["in"] == pytest.approx(60, abs=0.1)
