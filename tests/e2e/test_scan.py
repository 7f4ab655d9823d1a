"""A label before the camera, on the page where devices are added. The camera is Chromium's own, its picture is ours."""

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import segno
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from e2e.running import DESK, FLAGS, PHONE, Demo, SignIn

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

WIDTH, HEIGHT = 640, 480
ADDRESS = "http://192.168.1.20/onvif/device_service"
CAMERA_ON = "() => document.querySelector('qr-scan video').srcObject?.active ?? false"

type Holding = Callable[..., Page]


def write_film(path: Path, text: str) -> None:
    """A label that is held still, as uncompressed video; without a text, an empty table."""
    picture = Image.new("L", (WIDTH, HEIGHT), 200)
    if text:
        drawn = io.BytesIO()
        segno.make(text).save(drawn, kind="png", scale=8)
        label = Image.open(drawn).convert("L")
        picture.paste(label, ((WIDTH - label.width) // 2, (HEIGHT - label.height) // 2))
    frame = b"FRAME\n" + picture.tobytes() + bytes((128,)) * (WIDTH * HEIGHT // 2)
    path.write_bytes(b"YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420jpeg\n" % (WIDTH, HEIGHT) + frame * 10)


@pytest.fixture
def holding(chromium: Browser, demo: Demo, sign_in: SignIn, tmp_path: Path) -> Iterator[Holding]:
    """`holding("text", viewport)` → Olivia's page, in a browser whose camera sees that label."""
    opened: list[Browser] = []

    def hold(text: str, viewport: dict[str, int] = DESK) -> Page:
        film = tmp_path / "film.y4m"
        write_film(film, text)
        path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        camera = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
        browser = chromium.browser_type.launch(
            executable_path=path, args=[*FLAGS, *camera, "--use-fake-ui-for-media-stream"]
        )
        opened.append(browser)
        known = sign_in("olivia").context.storage_state()
        page = browser.new_context(viewport=viewport, storage_state=known).new_page()  # type: ignore[arg-type]  # a plain dict is what it takes
        page.goto(f"{demo.url}/devices/add?way=label")
        return page

    yield hold
    for browser in opened:
        browser.close()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_label_before_the_camera_fills_the_form(holding: Holding, viewport: dict[str, int]) -> None:
    """No browser here reads codes by itself: its frames are read by the server."""
    page = holding(ADDRESS, viewport)
    assert page.evaluate("() => !('BarcodeDetector' in window)")
    page.get_by_role("button", name="Scan with the camera").click()
    expect(page.get_by_text("The label holds an address")).to_be_visible(timeout=20_000)
    assert page.get_by_label("Address", exact=True).input_value() == ADDRESS


def test_a_browser_that_reads_codes_sends_no_picture(holding: Holding, demo: Demo) -> None:
    page = holding("")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or "") if request.method == "POST" else None)
    page.add_init_script(
        """window.BarcodeDetector = class {
          static async getSupportedFormats() { return ["qr_code", "aztec"]; }
          async detect(video) { return video.videoWidth ? [{ rawValue: "S/N: BV8-2026-0417" }] : []; }
        };"""
    )
    page.goto(f"{demo.url}/devices/add?way=label")
    page.get_by_role("button", name="Scan with the camera").click()
    expect(page.get_by_text("BV8-2026-0417")).to_be_visible(timeout=20_000)
    assert len(sent) == 1
    assert "frame.jpg" not in sent[0]


def test_the_camera_is_on_no_longer_than_it_is_needed(holding: Holding) -> None:
    """Not after Stop, not when the element goes, not when the page is hidden."""
    page = holding("")
    scan = page.locator("qr-scan")
    for leave in (
        lambda: page.get_by_role("button", name="Stop").click(),
        lambda: page.evaluate(
            """() => {
              Object.defineProperty(document, "hidden", { value: true, configurable: true });
              document.dispatchEvent(new Event("visibilitychange"));
            }"""
        ),
        lambda: page.evaluate("() => window.dispatchEvent(new Event('pagehide'))"),
    ):
        page.get_by_role("button", name="Scan with the camera").click()
        expect(page.get_by_text("Hold the code into the picture")).to_be_visible()
        page.wait_for_function(CAMERA_ON)
        track = page.evaluate_handle("() => document.querySelector('qr-scan video').srcObject.getTracks()[0]")
        leave()
        expect(scan).to_have_attribute("data-state", "idle")
        assert page.evaluate("track => track.readyState", track) == "ended"
        assert not page.evaluate(CAMERA_ON)


def test_why_there_is_no_camera_is_said(demo: Demo, sign_in: SignIn) -> None:
    """Without https no browser opens one; and where there is none, or nobody allows it, the other ways stay."""
    page = sign_in("olivia")
    page.goto(f"{demo.url}/devices/add?way=label")
    page.get_by_role("button", name="Scan with the camera").click()
    expect(page.get_by_text("The camera did not open")).to_be_visible()
    expect(page.get_by_label("Picture of the label")).to_be_visible()
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page.goto(f"{demo.url}/devices/add?way=label")
    expect(page.get_by_text("This page came without https")).to_be_visible()
    expect(page.get_by_role("button", name="Scan with the camera")).to_have_count(0)
