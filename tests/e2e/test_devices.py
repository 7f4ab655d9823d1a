"""From a search to a picture, in a real browser, with the demo's own ONVIF recorder: few clicks, nothing by hand."""

import json
import re

import pytest
from playwright.sync_api import expect

from e2e.running import Demo, SignIn

pytestmark = pytest.mark.e2e


def test_a_recorder_is_found_looked_at_and_two_channels_added(demo: Demo, sign_in: SignIn) -> None:
    """VA-1: search, choose, look, add: at most four clicks after the search; then a mark on what is switched off."""
    page = sign_in("olivia")
    cameras = json.loads((demo.folder / "cameras.json").read_text())
    password, own = cameras["password"], f"%3A{cameras['port'] + 1}%2F"  # others on this machine may answer as well
    page.goto(f"{demo.url}/devices/add")
    page.get_by_role("button", name="Search the network").click()
    page.locator(f'a[href*="{own}"]').click(timeout=20_000)
    page.get_by_label("User", exact=True).fill("demo")
    page.get_by_label("Password", exact=True).fill("not this one")
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_role("alert")).to_contain_text("refuses this user and password", timeout=20_000)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_text("8 channels")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("BV8-2026-0417")).to_be_visible()
    for number in range(1, 9):
        page.get_by_role("checkbox", name=f"Channel {number}", exact=False).set_checked(number in {2, 5})
    page.get_by_role("button", name="Add it").click()
    page.wait_for_url(re.compile(r"/devices/[0-9a-z]{26}$"), timeout=20_000)
    expect(page.get_by_role("heading", level=1)).to_have_text("Warehouse recorder")
    device = page.url
    assert page.get_by_role("heading", level=3).all_inner_texts() == ["Till", "Yard"]
    page.get_by_role("link", name="Yard", exact=True).click()
    page.wait_for_selector('live-view[data-state="live"]', timeout=30_000)
    # A refresh offers what is no camera yet, and shares nothing.
    page.goto(device)
    page.get_by_role("button", name="Ask it again").click()
    expect(page.get_by_text("6 channels are no cameras yet")).to_be_visible(timeout=20_000)
    page.goto(device)
    page.get_by_role("button", name="Switch off").click()
    page.goto(f"{demo.url}/")
    expect(page.get_by_text("Switched off by Olivia").first).to_be_visible()
