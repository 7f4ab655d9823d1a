"""What Frigate sees stands at the camera, and is told to a home automation for as long as its owner may know of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from control.house import House, until
from e2e.running import DESK, PHONE, Demo, SignIn
from e2e.test_recordings import expect_footage, share
from media.broker import PASSWORD, USER

# Two browsers, two homes and a way through every process: longer than most on a busy machine.
pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.broker, pytest.mark.timeout(300)]

#: A picture of an event is asked for before every node can have it: then a card does without.
MAY_LACK = "404"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.start()
    yield made
    made.stop()


def dog(kind: str, **more: object) -> dict[str, object]:
    """As Frigate says that it sees one."""
    seen = {"id": "1.5-dog", "camera": "back_yard", "label": "dog", "stationary": False, "end_time": None}
    return {"type": kind, "before": seen, "after": seen | more}


def tell_home(demo: Demo, page: Page, house: House) -> None:
    """Have what one is told said at the broker of this house, too."""
    page.goto(f"{demo.url}/account/notifications")
    page.get_by_role("link", name="Tell a home automation").click()
    page.get_by_label("Name", exact=True).fill("Home")
    page.get_by_label("Broker", exact=True).fill(f"mqtt://127.0.0.1:{house.broker.port}")
    page.get_by_label("User", exact=True).fill(USER)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Without TLS").check()
    page.get_by_role("button", name="Tell it").click()
    expect(page.get_by_role("heading", name="Home", exact=True)).to_be_visible()


def test_from_frigate_to_home_assistant(demo: Demo, sign_in: SignIn, house: House) -> None:
    name, camera = next(iter(demo.cameras.items()))
    page = sign_in("olivia", viewport=DESK, allow=MAY_LACK)
    page.goto(f"{demo.url}/cameras/{camera}/detector")
    page.get_by_label("Broker", exact=True).fill(f"mqtt://127.0.0.1:{house.broker.port}")
    page.get_by_label("User", exact=True).fill(USER)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The camera’s name in Frigate").fill("back_yard")
    page.get_by_label("Without TLS").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("What it sees becomes events")).to_be_visible()

    def is_listening() -> bool:
        page.reload()
        return page.get_by_text("Listening", exact=True).count() == 1

    until(is_listening)

    # HC-2, VA-18: Rita is told, by her own broker, because she holds Notifications there.
    shared = share(demo, "rita", camera, "live_view", "notify")
    phone = sign_in("rita", viewport=PHONE, allow=MAY_LACK)
    tell_home(demo, phone, house)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.goto(f"{demo.url}/cameras/{camera}")
    expect_footage(page)
    house.say("frigate/events", dog("new"))
    expect(page.locator(".event-card", has_text="Animal (dog)")).to_be_visible(timeout=60_000)
    until(lambda: len(house.retained()) == 2)
    assert all(config["device"]["name"] == name for config in house.retained().values())
    house.say("frigate/events", dog("end", end_time=9.0))

    # N33: the share ends; of what happens then Olivia's home hears, and Rita's no more.
    tell_home(demo, page, house)
    with demo.api("olivia") as olivia:
        olivia.delete(f"shares/{shared}").raise_for_status()
    hers = page.url.rsplit("/", 1)[1]
    with house.hearing() as heard:
        house.say("frigate/events", dog("new", id="1.6-car", label="car"))
        until(lambda: [topic for topic in house.retained() if hers in topic])
    told = [said["words"] for topic, _flags, said in heard if topic == f"belvedere/{camera}/event"]
    assert told == ["Vehicle (car)"]
