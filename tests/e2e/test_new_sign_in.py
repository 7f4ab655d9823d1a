"""Somebody else signs in with Olivia's password: she is told, and ends it, in a real browser."""

import re

import pytest
from playwright.sync_api import Browser, expect

from e2e.running import PHONE, Demo, SignIn
from e2e.test_factors import fill_password

pytestmark = pytest.mark.e2e

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile Safari/604.1"


def test_a_sign_in_from_a_second_browser_is_noticed_and_ended(demo: Demo, sign_in: SignIn, chromium: Browser) -> None:
    """The line of the inbox leads to the question, “No” ends the other browser, and a new password is next."""  # N4
    olivia = sign_in("olivia")
    with chromium.new_context(user_agent=IPHONE, viewport=PHONE) as elsewhere:  # type: ignore[arg-type]  # a plain dict is what it takes
        stranger = elsewhere.new_page()
        stranger.goto(f"{demo.url}/sign-in")
        fill_password(stranger, demo, "olivia")
        stranger.wait_for_url(re.compile(rf"^{re.escape(demo.url)}/(organizations)?$"))

        letter = demo.find_mail("olivia@example.org", "/account/sign-ins/")
        assert "127.0.0" not in letter.partition("\n\n")[2]

        line = olivia.get_by_role("link", name="A new sign-in to your account")
        for _try in range(40):
            olivia.goto(f"{demo.url}/inbox")
            if line.count():
                break
            olivia.wait_for_timeout(500)
        line.first.click()
        expect(olivia.get_by_role("heading", name="Was this you?")).to_be_visible()
        expect(olivia.get_by_text("Safari, iPhone")).to_be_visible()
        olivia.get_by_role("button", name="No, end it").click()
        olivia.wait_for_url(re.compile("/account/password"))
        expect(olivia.get_by_text("Now choose a new password")).to_be_visible()

        stranger.goto(f"{demo.url}/account")
        stranger.wait_for_url(re.compile("/sign-in"))

    olivia.goto(f"{demo.url}/inbox")
    expect(line).to_have_count(0)
