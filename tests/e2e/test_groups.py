"""A group of cameras, shared with one tap and followed: what comes to it opens by itself, what leaves it goes dark."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.running import DESK, PHONE, Demo, SignIn
from e2e.test_story import expect_live

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def make_group(page: Page, demo: Demo) -> str:
    """Olivia puts two cameras together; the address of the group's page."""
    page.goto(f"{demo.url}/sharing")
    page.get_by_role("link", name="Camera groups").click()
    page.get_by_role("link", name="New group").click()
    page.get_by_label("Name").fill("Outside")
    for name in ("Courtyard", "Driveway"):
        page.get_by_label(name).check()
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="Outside")).to_be_visible()
    return page.url


def share_group(page: Page, demo: Demo) -> None:
    """Recipient, one tap on the group, a tick to follow it, a preset of her own, review, sent."""
    page.goto(f"{demo.url}/share")
    page.get_by_label("E-mail address or phone number").fill("rita@example.org")
    page.get_by_role("button", name="Continue").click()
    tap = page.get_by_role("button", name="Outside")
    expect(tap).to_have_attribute("aria-pressed", "false")
    tap.click()
    expect(tap).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Courtyard")).to_be_checked()
    expect(page.get_by_label("Pool")).not_to_be_checked()
    page.get_by_label("Also cameras added to Outside later").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Guard").click()
    page.get_by_role("button", name="Review").click()
    expect(page.locator(".say")).to_contain_text("and cameras added to Outside later")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Sent to")).to_be_visible()


def make_preset(page: Page, demo: Demo) -> None:
    """VA-20: what she gives again and again, under a name."""
    page.goto(f"{demo.url}/sharing/presets")
    page.get_by_role("link", name="New preset").click()
    page.get_by_label("Name").fill("Guard")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("Guard", exact=True)).to_be_visible()


def fits(page: Page) -> bool:
    """No page scrolls sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_group_is_shared_and_followed(demo: Demo, sign_in: SignIn) -> None:
    """Rule 9 by choice, HC-17, HC-32: told on the offer, opened when it comes, ended when it leaves."""
    olivia = sign_in("olivia", viewport=DESK)
    make_preset(olivia, demo)
    group = make_group(olivia, demo)
    share_group(olivia, demo)

    rita = sign_in("rita", viewport=PHONE, allow="404")
    rita.goto(f"{demo.url}/inbox")
    expect(rita.get_by_text("And cameras added to Outside later")).to_be_visible()
    assert fits(rita)
    rita.get_by_role("button", name="Accept").click()
    rita.wait_for_url(f"{demo.url}/")
    pool = f"{demo.url}/cameras/{demo.cameras['Pool']}"
    assert rita.goto(pool).status == 404  # type: ignore[union-attr]  # it answers

    olivia.goto(group)
    expect(olivia.get_by_text("rita@example.org").or_(olivia.get_by_text("Rita")).first).to_be_visible()
    olivia.get_by_label("Pool").check()
    olivia.get_by_role("button", name="Save").click()
    expect(olivia.get_by_label("Pool")).to_be_checked()
    rita.goto(pool)
    expect_live(rita)
    assert demo.find_mail("rita@example.org", "Pool")

    # It leaves: her picture ends, and the receipt says when.
    olivia.get_by_label("Pool").uncheck()
    olivia.get_by_role("button", name="Save").click()
    olivia.wait_for_url("**/receipts/*")
    expect(olivia.get_by_text("What follows Outside has changed")).to_be_visible()
    expect(rita.locator('live-view[data-state="ended"]')).to_have_count(1, timeout=20_000)
    rita.goto(pool)
    expect(rita.get_by_text("left the group that was shared with you")).to_be_visible()


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_its_pages_fit(demo: Demo, sign_in: SignIn, viewport: dict[str, int]) -> None:
    """At 390 px nothing scrolls sideways, with the longest name there can be."""
    with demo.api("olivia") as api:
        organization = next(row["id"] for row in api.get("organizations").json()["items"] if row["personal"])
        body = {"organization": organization, "name": "W" * 79 + str(viewport["width"])[0]}
        group = made(api.post("groups", json=body | {"cameras": [demo.cameras["Courtyard"]]}))
        preset = made(api.post("presets", json=body | {"permissions": ["live_view", "playback"]}))
    page = sign_in("olivia", viewport=viewport)
    for path in (
        "groups",
        "groups/new",
        f"groups/{group}",
        f"groups/{group}/remove",
        "sharing/presets",
        "sharing/presets/new",
        f"sharing/presets/{preset}",
        f"share?to=rita@example.org&step=cameras&group={group}",
        f"share?to=rita@example.org&step=permissions&camera={demo.cameras['Courtyard']}",
    ):
        page.goto(f"{demo.url}/{path}")
        assert fits(page), path


def made(answer: httpx.Response) -> str:
    """Its id."""
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])
