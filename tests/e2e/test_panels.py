"""A security panel on its page: added, armed, disarmed by its code, shared and taken back; then at another broker."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Page, expect

from belvedere.config import free_port
from belvedere.demo.broker import serve_broker
from belvedere.demo.panel import Panel
from belvedere.demo.samples import ALARM, USERNAME, SampleAlarm
from e2e.running import DESK, PHONE, Demo, SignIn

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@contextmanager
def beside[T](manager: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Something that needs an event loop of its own, while the browser has this thread."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(manager) as made:
        yield made


@asynccontextmanager
async def panel_at(
    port: int, sample: SampleAlarm, password: str, *, username: str = USERNAME, state: str = "disarmed"
) -> AsyncIterator[Panel]:
    """A panel at a broker that is there."""
    panel = Panel(sample, port, username=username, password=password)
    panel.state = state
    task = asyncio.create_task(panel.run())
    try:
        yield panel
    finally:
        task.cancel()
        await asyncio.wait([task])


def state_of(page: Page, words: str) -> None:
    """What the page says of the panel, without being loaded again."""
    # The page looks every three seconds; a line that broke is tried again within half a minute.
    expect(page.locator("#panel-state strong")).to_have_text(words, timeout=45_000)


def press(page: Page, name: str, code: str = "") -> None:
    if code:
        page.get_by_label("Code").fill(code)
    page.get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_panel_is_added_armed_shared_and_taken_back(demo: Demo, sign_in: SignIn, viewport: dict[str, int]) -> None:
    """HC-3, HC-13, HC-32, VA-1, N33: on the page, with a real panel behind a real broker."""
    served = json.loads((demo.folder / "cameras.json").read_text())
    sample = SampleAlarm(f"Barn {viewport['width']}", "House", "4321", f"barn/{viewport['width']}")
    with beside(panel_at(served["broker_port"], sample, served["password"])):
        page = sign_in("olivia", viewport=viewport, allow="409|422")
        page.goto(f"{demo.url}/panels/add")
        page.get_by_label("Name").fill(sample.name)
        page.get_by_label("Site").select_option(label="House")
        page.get_by_label("Broker").fill(f"mqtt://127.0.0.1:{served['broker_port']}")
        page.get_by_label("User", exact=True).fill(USERNAME)
        page.get_by_label("Password", exact=True).fill(served["password"])
        page.get_by_label("State topic").fill(sample.state_topic)
        page.get_by_label("Command topic").fill(sample.command_topic)
        page.get_by_label("Availability topic").fill(sample.availability_topic)
        page.get_by_label("Without TLS").check()
        page.get_by_role("button", name="Add it").click()
        page.wait_for_url(re.compile(r"/panels/[0-9a-z]{26}$"))
        panel = page.url
        state_of(page, "Disarmed")

        press(page, "Arm, away")
        state_of(page, "Armed, away")
        expect(page.get_by_role("button", name="Arm, away")).to_have_attribute("aria-current", "true")
        press(page, "Disarm")
        expect(page.get_by_role("alert")).to_contain_text("Type the panel’s code")
        press(page, "Disarm", "9999")
        expect(page.get_by_role("alert")).to_contain_text("Was the code right?", timeout=15_000)
        state_of(page, "Armed, away")
        assert page.get_by_label("Code").input_value() == ""
        press(page, "Disarm", sample.code)
        state_of(page, "Disarmed")

        page.goto(f"{panel}/share")
        page.get_by_label("E-mail").fill("rita@example.org")
        page.get_by_role("button", name=re.compile("offer|share|send", re.IGNORECASE)).last.click()
        expect(page.get_by_text("Has not answered yet")).to_be_visible()
        rita = sign_in("rita", viewport=viewport, allow="404")
        expect(rita.locator(".alarm-card", has_text=sample.name)).to_have_count(0)
        rita.goto(f"{demo.url}/inbox")
        rita.get_by_role("button", name="Accept").click()
        rita.goto(f"{demo.url}/")
        rita.locator(".alarm-card", has_text=sample.name).click()
        expect(rita.get_by_role("link", name="Settings")).to_have_count(0)
        press(rita, "Arm for the night")
        state_of(rita, "Armed for the night")

        page.goto(panel)
        state_of(page, "Armed for the night")
        page.get_by_role("button", name=re.compile("End access.*Rita")).click()
        page.wait_for_url(re.compile("/receipts/"))
        # Her page notices by itself; nothing she sends now reaches the panel.
        expect(rita.get_by_role("heading", level=1)).not_to_contain_text(sample.name, timeout=15_000)
        token = rita.context.request.get(f"{demo.url}/inbox").text()
        forged = re.search(r'name="csrf-token" content="([^"]+)"', token)
        assert forged
        answer = rita.context.request.post(
            f"{panel}/command",
            form={"csrfmiddlewaretoken": forged[1], "command": "disarm", "code": sample.code},
            headers={"Referer": panel, "Origin": demo.url},
        )
        assert answer.status == 404
        rita.goto(f"{demo.url}/")
        expect(rita.locator(".alarm-card", has_text=sample.name)).to_have_count(0)
        page.goto(panel)
        state_of(page, "Armed for the night")


def test_the_cleaner_disarms_once(demo: Demo, sign_in: SignIn) -> None:
    """HC-30, HC-31, N33: at a phone; a wrong code is not the one time, the right one is, and then it is over."""
    with demo.api("olivia") as api:
        alarm = next(row["id"] for row in api.get("panels").json()["items"] if row["name"] == ALARM.name)
    panel = f"{demo.url}/panels/{alarm}"
    page = sign_in("olivia")
    page.goto(panel)
    press(page, "Arm, away")
    state_of(page, "Armed, away")
    page.get_by_role("link", name="Share", exact=True).click()
    page.get_by_label("E-mail").fill("rita@example.org")
    page.get_by_text("Once", exact=True).click()
    page.get_by_role("button", name=re.compile("offer|share|send", re.IGNORECASE)).last.click()
    expect(page.get_by_text("Has not answered yet")).to_be_visible()

    cleaner = sign_in("rita", viewport=PHONE, allow="403")
    cleaner.goto(f"{demo.url}/inbox")
    expect(cleaner.get_by_text("For one command, or 24 hours")).to_be_visible()
    cleaner.get_by_role("button", name="Accept").click()
    cleaner.goto(panel)
    expect(cleaner.get_by_text("This is for one command.")).to_be_visible()
    expect(cleaner.locator("#panel-history")).to_have_count(0)
    assert cleaner.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    press(cleaner, "Disarm", "9999")
    expect(cleaner.get_by_role("alert")).to_contain_text("Was the code right?", timeout=20_000)
    page.goto(panel)
    press(cleaner, "Disarm", ALARM.code)
    expect(cleaner.get_by_text("You had this for one time, and that was it.")).to_be_visible(timeout=20_000)

    cleaner.goto(panel)
    expect(cleaner.get_by_role("alert")).to_contain_text("for one time, and it was used")
    expect(cleaner.get_by_role("button", name="Disarm")).to_have_count(0)
    assert cleaner.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    with demo.api("rita") as api:
        answer = api.post(f"devices/{alarm}/panel", json={"command": "disarm", "code": ALARM.code})
    assert (answer.status_code, answer.json()["code"]) == (403, "used_up")

    # Olivia's page was there all the while: it tells by itself what became of it, and by whom.
    state_of(page, "Disarmed")
    history = page.locator("#panel-history")
    expect(history.locator(".audit-entry").first).to_contain_text("Disarmed")
    expect(history.locator(".audit-entry").nth(1)).to_contain_text(re.compile("Rita.*disarm"))
    expect(history.get_by_text(re.compile("did not confirm.*Rita"))).to_have_count(1)


def test_it_moves_to_another_broker(demo: Demo, sign_in: SignIn, tmp_path: Path) -> None:
    """N26: the password is asked for anew; then the panel is heard, and told, at the new broker."""
    with demo.api("olivia") as api:
        alarm = next(row["id"] for row in api.get("panels").json()["items"] if row["name"] == ALARM.name)
    port = free_port()

    @asynccontextmanager
    async def another_house() -> AsyncIterator[Panel]:
        async with (
            serve_broker(tmp_path / "broker", port, username="mover", password="moved here"),
            panel_at(port, ALARM, "moved here", username="mover", state="triggered") as panel,
        ):
            yield panel

    with beside(another_house()) as panel:
        page = sign_in("olivia", allow="422")
        page.goto(f"{demo.url}/panels/{alarm}")
        state_of(page, "Disarmed")
        page.get_by_role("link", name="Settings").click()
        page.get_by_role("link", name="Broker and sign-in").click()
        page.get_by_label("Broker", exact=True).fill(f"mqtt://127.0.0.1:{port}")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Type the password again")).to_be_visible()
        page.get_by_label("User", exact=True).fill("mover")
        page.get_by_label("Password", exact=True).fill("moved here")
        page.get_by_role("button", name="Save").click()
        page.wait_for_url(f"{demo.url}/panels/{alarm}")
        state_of(page, "Alarm")
        press(page, "Disarm", ALARM.code)
        state_of(page, "Disarmed")
        assert panel.state == "disarmed"
