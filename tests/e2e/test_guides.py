"""The guides, walked: each link leads to the button it names, and the way of one is gone to its end."""

import re

import pytest
from playwright.sync_api import Page, expect

from e2e.running import DESK, PHONE, Demo, SignIn

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def expect_shown(page: Page, name: str) -> None:
    """What the guide named: a button, a link, a field, or what the page is called."""
    main = page.locator("main")
    words = re.compile(re.escape(name))
    found = main.get_by_role("button", name=words).or_(main.get_by_role("link", name=words))
    found = found.or_(main.get_by_role("heading", name=words)).or_(main.get_by_label(words))
    expect(found.first).to_be_visible()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_every_step_leads_to_its_button(demo: Demo, sign_in: SignIn, viewport: dict[str, int]) -> None:
    page = sign_in("olivia", viewport=viewport)
    page.get_by_label("Account of Olivia").click()
    page.get_by_role("link", name="Guides").click()
    expect(page.get_by_role("heading", name="Guides", exact=True)).to_be_visible()
    guides = [link.get_attribute("href") for link in page.locator(".guide-list a").all()]
    assert len(guides) == 8
    for guide in guides:
        page.goto(f"{demo.url}{guide}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        steps = [
            (link.get_attribute("href"), link.get_attribute("data-shows") or "")
            for link in page.locator("main [data-shows]").all()
        ]
        assert steps, guide
        for to, shows in steps:
            page.goto(f"{demo.url}{to}")
            expect_shown(page, shows)


def test_a_camera_is_shared_by_its_guide(demo: Demo, sign_in: SignIn) -> None:
    """Seed 000 and 002, from the guide to “sent” (VA-24)."""
    page = sign_in("olivia", viewport=PHONE)
    page.goto(f"{demo.url}/guides/share-a-camera")
    page.get_by_role("link", name="Share Driveway").click()
    page.get_by_label("E-mail address or phone number").fill("guided@example.org")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name=re.compile("offered|sent", re.IGNORECASE)).first).to_be_visible()
    page.goto(f"{demo.url}/guides/share-a-camera")
    page.get_by_role("link", name="Open Sharing").click()
    expect(page.get_by_text("guided@example.org").first).to_be_visible()


def test_a_recipient_finds_what_is_his(demo: Demo, sign_in: SignIn) -> None:
    # VA-4
    page = sign_in("rita", viewport=PHONE)
    page.goto(f"{demo.url}/guides")
    titles = page.locator(".guide-list strong").all_inner_texts()
    assert titles == ["When somebody leaves", "“This device already has an owner”", "Something was shared with you"]
    page.get_by_role("link", name="Something was shared with you").click()
    page.get_by_role("link", name="Open the inbox").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
