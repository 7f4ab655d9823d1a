"""Passkeys and codes in a real browser, with the authenticator that Chromium lends to tests."""

import re
import time
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from belvedere.control.accounts.codes import STEP_S, code_of
from e2e.running import PHONE, Demo, SignIn

pytestmark = pytest.mark.e2e


def lend_authenticator(page: Page) -> tuple[CDPSession, str]:
    """A device that makes and keeps passkeys, with a person who always puts his finger on it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options: dict[str, Any] = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made: dict[str, str] = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, made["authenticatorId"]


def sign_out(page: Page) -> None:
    """Through the menu's own form, wherever it stands."""
    page.evaluate("document.querySelector('form[action=\"/sign-out\"]').submit()")
    page.wait_for_url(re.compile("/sign-in"))


def fill_password(page: Page, demo: Demo, who: str) -> None:
    """The first step."""
    page.get_by_label("E-mail").fill(demo.accounts[who]["email"])
    page.get_by_label("Password", exact=True).fill(demo.accounts[who]["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_passkey_is_made_and_signs_in(demo: Demo, sign_in: SignIn) -> None:
    """Made on the security page; afterwards alone enough to sign in, and asked for after a password."""
    page = sign_in("xena")
    session, device = lend_authenticator(page)
    page.goto(f"{demo.url}/account/security")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("Test device")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("Test device", exact=True).first).to_be_visible()
    assert re.fullmatch(r"(\d{12}\s*){10}", page.locator("#recovery-codes").inner_text())
    demo.find_mail("xena@example.org", "passkey")

    page.goto(f"{demo.url}/account/security/passkeys/add")
    page.get_by_label("Name").fill("The same again")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("alert")).to_contain_text("has a passkey of this account already")

    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{demo.url}/")

    sign_out(page)
    fill_password(page, demo, "xena")
    page.wait_for_url(re.compile("/sign-in/second-step"))
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{demo.url}/")

    # Nobody puts a finger on it: said, and nothing else happens.
    session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was signed")
    session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{demo.url}/")

    page.goto(f"{demo.url}/account/security")
    page.get_by_role("button", name=re.compile(r"^Remove ?: Test device")).click()
    expect(page.get_by_text("Test device", exact=True)).to_have_count(0)


def test_an_app_is_set_up_on_a_phone_and_asked_for(demo: Demo, sign_in: SignIn) -> None:
    """The seed in letters, a code, and the next sign-in that wants one."""
    page = sign_in("vera", viewport=PHONE, allow="422")
    page.goto(f"{demo.url}/account/security")
    page.get_by_role("link", name="Set up").click()
    expect(page.get_by_role("img", name="The secret of your app")).to_be_visible()
    page.get_by_text("Type it instead").click()
    seed = page.locator("#app-seed").inner_text().replace(" ", "")
    page.get_by_label("The six digits it shows").fill("000000")
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_text("That is not the code of just now")).to_be_visible()
    step = int(time.time()) // STEP_S
    page.get_by_label("The six digits it shows").fill(code_of(seed, step))
    page.get_by_role("button", name="Turn it on").click()
    expect(page.locator("#recovery-codes")).to_be_visible()
    sign_out(page)
    fill_password(page, demo, "vera")
    page.get_by_label("Code").fill(code_of(seed, step + 1))
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def test_a_phone_number_is_confirmed_from_the_outbox(demo: Demo, sign_in: SignIn) -> None:
    """The embedded sender: the worker puts the text where the mails are."""
    page = sign_in("rita")
    page.goto(f"{demo.url}/account/phones")
    page.get_by_label("Another number").fill("+34 600 123 456")
    page.get_by_role("button", name="Send a code there").click()
    code = demo.find_mail("+34600123456", "is your Belvedere code").split("\n\n")[1][:6]
    page.get_by_label("Code from the text message").fill(code)
    page.get_by_role("button", name="Confirm", exact=True).click()
    expect(page.get_by_text("Confirmed", exact=True)).to_be_visible()
