"""A camera says that something moves: it stands on its time line, among what happened, and on the wall."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from playwright.sync_api import expect

from belvedere.demo.onvif import OnvifChannel, OnvifDevice
from belvedere.demo.samples import DEVICES, USERNAME
from e2e.running import DESK, PHONE, Demo, SignIn
from e2e.test_recordings import expect_footage, instant_of, share
from e2e.test_story import expect_live

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: A picture of an event is asked for before every node can have it: then a card does without.
MAY_LACK = "404"


class Porch:
    """An ONVIF camera with a picture that nobody has bound, which moves when it is told to."""

    def __init__(self, demo: Demo) -> None:
        served = json.loads((demo.folder / "cameras.json").read_text())
        self.password = served["password"]
        channel = OnvifChannel("Porch", f"rtsp://127.0.0.1:{served['port']}/{DEVICES[0].key}/1/main")
        self.device = OnvifDevice([channel], username=USERNAME, password=self.password, serial="PORCH-1", mac="")

    def see(self, *, is_seen: bool = True) -> None:
        """Motion begins, or ends."""
        self._loop.call_soon_threadsafe(lambda: self.device.see(0, is_seen=is_seen))

    def run(self, ready: Future[None]) -> None:
        """Serve, in a thread of its own, until `stop`."""

        async def serve() -> None:
            self._ended = asyncio.Event()
            async with self.device:
                ready.set_result(None)
                await self._ended.wait()

        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            runner.run(serve())

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)


@pytest.fixture
def porch(demo: Demo) -> Iterator[Porch]:
    made = Porch(demo)
    ready: Future[None] = Future()
    thread = threading.Thread(target=made.run, args=(ready,))
    thread.start()
    ready.result(20)
    yield made
    made.stop()
    thread.join(20)


def bind(demo: Demo, porch: Porch) -> str:
    """Olivia adds it; the camera's id."""
    with demo.api("olivia") as olivia:
        organizations = [row["id"] for row in olivia.get("organizations").json()["items"]]
        sites = [row for pk in organizations for row in olivia.get(f"organizations/{pk}/sites").json()["items"]]
        site = next(row["id"] for row in sites if row["name"] == "House")
        body = {
            "site": site,
            "name": "Porch",
            "address": porch.device.url,
            "username": USERNAME,
            "password": porch.password,
        }
        answer = olivia.post("devices", json=body)
        until = time.monotonic() + 20
        while answer.status_code == 503 and time.monotonic() < until:  # no node had a hand free to look at it
            time.sleep(1)
            answer = olivia.post("devices", json=body)
        camera: str = answer.raise_for_status().json()["cameras"][0]["id"]
    return camera


def test_what_moves_stands_on_the_time_line(demo: Demo, sign_in: SignIn, porch: Porch) -> None:
    camera = bind(demo, porch)
    page = sign_in("olivia", viewport=DESK, allow=MAY_LACK)
    page.goto(f"{demo.url}/cameras/{camera}")
    expect_live(page)
    expect_footage(page)
    cards = page.locator(".event-card")
    expect(cards).to_have_count(0)
    porch.see()
    line = page.locator("time-line")
    page.wait_for_function("element => element.dataset.events === '1'", arg=line.element_handle(), timeout=60_000)
    expect(cards).to_have_count(1)
    expect(cards.first).to_contain_text("Motion")
    expect(page.locator(".tl-track .is-motion")).to_have_count(1)
    porch.see(is_seen=False)

    # A card leads to five seconds before; so does the mark.
    began: float = line.evaluate("line => line._coverage.events[0].from")
    cards.first.click()
    page.wait_for_function(
        f"element => Math.abs(Number(element.dataset.at) - {began - 5}) < 4",
        arg=page.locator("live-view").element_handle(),
    )
    assert instant_of(page) < began + 4

    page.goto(f"{demo.url}/")
    tile = page.locator(".tile", has_text="Porch")
    expect(tile.locator(".tile-title")).to_contain_text(re.compile("Motion"))

    # HC-2: who sees live alone reads of nothing that happened; who may look back does, on a phone as well.
    share(demo, "rita", camera, "live_view", "notify")
    phone = sign_in("rita", viewport=PHONE, allow=MAY_LACK)
    phone.goto(f"{demo.url}/")
    expect(phone.locator(".tile", has_text="Porch")).to_be_visible()
    expect(phone.locator(".tile", has_text="Porch").locator(".tile-title")).not_to_contain_text("Motion")
    phone.goto(f"{demo.url}/cameras/{camera}")
    expect(phone.locator(".event-card")).to_have_count(0)
    with demo.api("rita") as rita:
        assert rita.get("events").json()["items"] == []
        assert rita.get("events", params={"camera": camera}).status_code == 403
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
