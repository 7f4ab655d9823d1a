"""Nora closes her account on her phone, and brings it back. What she was a member of does not come back."""

import pytest
from playwright.sync_api import expect

from e2e.running import PHONE, Demo, SignIn

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_closing_and_coming_back(demo: Demo, sign_in: SignIn) -> None:
    """Issue 6, N6: what ends is said before; the password offers the account again, and signing in is a step after."""
    page = sign_in("nora", viewport=PHONE)
    page.goto(f"{demo.url}/account")
    page.get_by_role("link", name="Close the account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Close your account?")
    expect(page.get_by_text("You leave:")).to_contain_text("Harbour Hotels")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Close my account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account is closed")

    page.get_by_role("link", name="To the sign-in").click()
    for lands_on in ("**/account/return", f"{demo.url}/"):
        page.get_by_label("E-mail").fill(demo.accounts["nora"]["email"])
        page.get_by_label("Password", exact=True).fill(demo.accounts["nora"]["password"])
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(lands_on)
        if page.url.endswith("/return"):
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.get_by_role("button", name="Bring it back").click()
            expect(page.get_by_text("Your account is back. Sign in to it.")).to_be_visible()
    page.goto(f"{demo.url}/organizations")
    expect(page.get_by_text("Nora’s home").first).to_be_visible()
    expect(page.get_by_text("Harbour Hotels")).to_have_count(0)
