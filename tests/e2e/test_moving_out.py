"""Omar leaves: one step on Olivia's phone, in silence. And an hour without a camera, which nobody asks for."""

import pytest
from playwright.sync_api import expect

from e2e.running import PHONE, Demo, SignIn
from e2e.test_story import expect_live, is_black

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_one_step_in_silence_and_away(demo: Demo, sign_in: SignIn) -> None:
    """B-10, N4, threats §5: said before, cut at once, a bare word to him; then one button, and an empty page."""
    omar = sign_in("omar", allow="404|4403|WebSocket")
    omar.goto(f"{demo.url}/cameras/{demo.cameras['Upper corridor']}")
    expect_live(omar)

    page = sign_in("olivia", viewport=PHONE)
    page.goto(f"{demo.url}/account/people")
    expect(page).to_have_title("Account – Belvedere")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("listitem").filter(has_text="Omar Haddad").get_by_role("link").click()
    expect(page.get_by_text("The role Operator in Harbour Hotels")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_label("Stay silent").check()
    page.get_by_role("button", name="End everything").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing ties you to Omar Haddad any more")
    expect(page.get_by_text("One picture was open, and was cut.")).to_be_visible()
    expect(page.get_by_text("They are told nothing.")).to_be_visible()

    expect(omar.locator("live-view")).to_have_attribute("data-state", "ended", timeout=20_000)
    assert is_black(omar)
    expect(omar.locator("live-view")).to_contain_text("Your access to Upper corridor has ended")
    expect(omar.locator("live-view")).not_to_contain_text("Olivia")
    omar.goto(f"{demo.url}/")
    expect(omar.get_by_text("Upper corridor")).to_have_count(0)

    page.get_by_role("button", name="Leave this page").click()
    page.wait_for_url(f"{demo.url}/start")
    expect(page).to_have_title("Start")
    page.go_back()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def test_an_hour_without_the_camera(demo: Demo, sign_in: SignIn) -> None:
    """Threats §5: private hours; nobody sees it, all read the same words, and whoever took them ends them."""
    page = sign_in("olivia", viewport=PHONE, allow="409|4403|WebSocket")
    page.goto(f"{demo.url}/cameras/{demo.cameras['Pool']}")
    expect_live(page)
    page.locator(".private-hours > summary").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Look away").click()
    expect(page.get_by_text("Paused by a member").first).to_be_visible()
    with demo.api("olivia") as api:
        answer = api.post(f"cameras/{demo.cameras['Pool']}/tickets", json={"kind": "live"})
        assert answer.json()["code"] == "switched_off"
    page.locator(".private-hours > summary").click()
    page.get_by_role("button", name="Let it see again").click()
    expect_live(page)
