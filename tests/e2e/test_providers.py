"""An installer asks for four hours, the owner decides on her phone, he watches, and she ends it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from e2e.running import PHONE, Demo, SignIn
from e2e.test_story import expect_live, is_black

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_four_hours_are_asked_for_given_and_ended(demo: Demo, sign_in: SignIn) -> None:
    """HC-27: engaged on a site until a date. HC-28: what he reads of where it stands. HC-29: hours, with a reason."""
    camera = demo.cameras["Pool"]
    with demo.api("olivia") as owner, demo.api("xena") as installer:
        site = owner.get(f"cameras/{camera}").json()["site"]
        wanted = {
            "site": site if isinstance(site, str) else site["id"],
            "account": demo.accounts["xena"]["email"],
            "permissions": ["configure"],
            "ends_at": (datetime.now(UTC) + timedelta(days=7)).isoformat(),
        }
        answer = owner.post("engagements", json=wanted)
        assert answer.status_code == 201, answer.text
        engagement = answer.json()["id"]
        assert installer.post(f"engagements/{engagement}/accept").status_code == 200

    page = sign_in("xena", allow="403|404|4403|WebSocket")
    page.goto(f"{demo.url}/installations")
    expect(page.get_by_text("In your care")).to_be_visible()
    page.get_by_text("Ask for more").click()
    page.get_by_label("Live view").check()
    page.get_by_label("For", exact=True).select_option("4")
    page.get_by_label("Why").fill("The picture flickers at night")
    page.get_by_role("button", name="Ask the owner").click()
    expect(page.get_by_text("They have not answered yet")).to_be_visible()

    olivia = sign_in("olivia", viewport=PHONE)
    olivia.goto(f"{demo.url}/inbox")
    olivia.get_by_role("link", name=re.compile("asks for rights on")).click()
    expect(olivia.get_by_text("The picture flickers at night")).to_be_visible()
    expect(olivia.get_by_text("for 4 hours")).to_be_visible()
    assert olivia.evaluate("document.documentElement.scrollWidth <= innerWidth")
    olivia.get_by_role("button", name="Give it").click()
    expect(olivia.get_by_text("Given. It ends by itself.")).to_be_visible()

    # What is left counts down, for both.
    left = re.compile(r"3 hours.* left|4 hours left")
    expect(olivia.get_by_text(left).first).to_be_visible()
    page.goto(f"{demo.url}/installations")
    expect(page.get_by_text(left).first).to_be_visible()
    page.goto(f"{demo.url}/cameras/{camera}")
    expect_live(page)

    given = olivia.locator("article").filter(has_text=left)
    given.get_by_role("button", name=re.compile("End it now")).click()
    expect(olivia.get_by_text("Ended. Whatever they had open is cut.")).to_be_visible()
    expect(page.locator("live-view")).to_have_attribute("data-state", "ended", timeout=20_000)
    assert is_black(page)
    # HC-28: what is left is what he was engaged for, and no picture.
    page.goto(f"{demo.url}/installations")
    expect(page.get_by_text("In your care")).to_be_visible()
    expect(page.get_by_text(left)).to_have_count(0)
