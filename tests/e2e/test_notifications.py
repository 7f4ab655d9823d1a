"""Somebody walks into the yard: who may know of it reads so, sees it, and is led to the very instant."""

import json
import re
import time

import pytest
from playwright.sync_api import Locator, Page, expect

from control.told import listening
from e2e.running import DESK, PHONE, Demo, SignIn
from e2e.test_events import MAY_LACK, Porch, bind, porch
from e2e.test_recordings import expect_footage, instant_of, share
from e2e.test_story import expect_live

__all__ = ["porch"]

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def line_of(page: Page) -> Locator:
    """What one was told of the porch, in one's inbox."""
    return page.locator("a.inbox-item[href^='/notifications/']", has_text="Porch")


def wait_for_line(page: Page, demo: Demo) -> None:
    """Until it stands there, for twenty seconds at most."""
    for _again in range(40):
        page.goto(f"{demo.url}/inbox")
        if line_of(page).count():
            return
        page.wait_for_timeout(500)
    message = "nobody said that something moves at the porch"
    raise AssertionError(message)


def test_who_may_know_is_led_to_the_instant(demo: Demo, sign_in: SignIn, porch: Porch) -> None:
    """HC-2, VA-18, N33."""
    camera = bind(demo, porch)
    share(demo, "rita", camera, "live_view", "playback", "notify")
    share(demo, "vera", camera, "live_view", "playback")
    page = sign_in("olivia", viewport=DESK, allow=MAY_LACK)
    page.goto(f"{demo.url}/cameras/{camera}")
    expect_live(page)
    expect_footage(page)
    porch.see()
    wait_for_line(page, demo)
    item = line_of(page)
    expect(item).to_contain_text("Motion")

    # Its picture stands in the line, once what was recorded can be seen.
    picture = item.locator("img")
    for _again in range(20):
        page.goto(f"{demo.url}/inbox")
        page.wait_for_load_state("networkidle")
        if picture.count() and picture.evaluate("image => image.complete && image.naturalWidth > 0"):
            break
        page.wait_for_timeout(1000)
    assert picture.evaluate("image => image.naturalWidth") > 100

    # It leads to a little before it began, and says so on the line of the time.
    item.click()
    page.wait_for_url(re.compile(rf"/cameras/{camera}#at=\d+\.\d+$"))
    at = float(page.url.split("#at=")[1])
    view = page.locator("live-view")
    page.wait_for_function("element => Number(element.dataset.at) > 0", arg=view.element_handle())
    assert at - 10 < instant_of(page) < at + 10

    # Rita reads it on her phone; Vera, who may look and is not to be told, reads nothing.
    phone = sign_in("rita", viewport=PHONE, allow=MAY_LACK)
    wait_for_line(phone, demo)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    vera = sign_in("vera", viewport=DESK, allow=MAY_LACK)
    vera.goto(f"{demo.url}/inbox")
    expect(line_of(vera)).to_have_count(0)

    # Who lost it reads nothing of it any more, and what led there leads nowhere.
    address = line_of(phone).get_attribute("href")
    with demo.api("olivia") as olivia:
        shares = olivia.get("shares").json()["items"]
        ritas = next(
            row
            for row in shares
            if row["recipient"] and row["recipient"]["name"].startswith("Rita") and camera in json.dumps(row)
        )
        assert olivia.delete(f"shares/{ritas['id']}").status_code < 300
    porch.see(is_seen=False)
    phone.goto(f"{demo.url}/inbox")
    expect(line_of(phone)).to_have_count(0)
    answer = phone.request.get(f"{demo.url}{address}")
    assert answer.status == 404
    assert phone.request.get(f"{demo.url}{address}/picture.jpg").status == 404


def test_peace_by_the_page(demo: Demo, sign_in: SignIn) -> None:
    """Hours by the reader's own clock, unless he says otherwise; a snooze, and its end."""
    page = sign_in("olivia", viewport=PHONE)
    page.goto(f"{demo.url}/account/notifications")
    page.get_by_label("Quiet each day from").fill("22:00")
    page.get_by_label("until", exact=True).fill("06:30")
    zone = page.get_by_label("Time zone")
    assert zone.evaluate("select => select.tagName") == "SELECT"
    zone.select_option("Atlantic/Canary")
    page.locator("form", has=zone).get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_label("Time zone")).to_have_value("Atlantic/Canary")
    expect(page.get_by_label("Quiet each day from")).to_have_value("22:00")
    with demo.api("olivia") as olivia:
        quiet = olivia.get("notifications/preferences").json()["quiet"]
    assert (quiet["zone"], quiet["weekly"]["mon"]) == ("Atlantic/Canary", [["00:00", "06:30"], ["22:00", "24:00"]])
    page.get_by_role("button", name="Eight hours").click()
    expect(page.get_by_text("Quiet until")).to_be_visible()
    page.get_by_role("button", name="Tell me again").click()
    expect(page.get_by_text("Quiet until")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_webhook_by_its_pages(demo: Demo, sign_in: SignIn) -> None:
    """Made, tried, its answer read, its secret renewed, removed; by keys alone where a form is sent."""
    with listening() as listener:
        page = sign_in("olivia", viewport=PHONE, allow="422")
        page.goto(f"{demo.url}/account/notifications")
        page.get_by_role("link", name="New webhook").click()
        page.get_by_label("Name").fill("Lamp")
        page.get_by_label("Address").fill("https://10.0.0.1/hook")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
        page.get_by_label("Address").fill(f"{listener.url}/lamp")
        page.keyboard.press("Enter")
        expect(page.locator("#new-secret")).to_contain_text("whsec_")
        page.get_by_role("button", name="Send it a test").click()
        until = time.monotonic() + 20
        while not listener.heard and time.monotonic() < until:
            page.wait_for_timeout(100)
        [heard] = listener.heard
        for _again in range(40):
            page.reload()
            if page.get_by_text(heard.headers["webhook-id"]).count():
                break
            page.wait_for_timeout(500)
        expect(page.locator(".row", has_text=heard.headers["webhook-id"]).locator(".chip")).to_have_text("201")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Make another secret").click()
        expect(page.get_by_text("Signed with the one before as well")).to_be_visible()
        page.get_by_role("button", name="Remove this webhook").click()
        expect(page.get_by_text("The webhook is removed.")).to_be_visible()
