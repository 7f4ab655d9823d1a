"""Sam and Olivia quarrel: he freezes the hotels, her picture ends, both end it. And a deputy is named and agrees."""

import subprocess
import sys

import httpx
import pytest
from playwright.sync_api import expect

from e2e.running import DESK, PHONE, Demo, SignIn

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def operate(demo: Demo, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What whoever runs the server types."""
    return subprocess.run(
        [sys.executable, "-m", "belvedere.cli", *arguments],
        env={"PATH": "", "BELVEDERE_DATA": str(demo.folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def hotels_of(demo: Demo) -> str:
    """The id of Harbour Hotels."""
    with demo.api("olivia") as api:
        return next(
            str(row["id"]) for row in api.get("organizations").json()["items"] if row["name"] == "Harbour Hotels"
        )


def test_a_deputy_is_asked_and_agrees(demo: Demo, sign_in: SignIn) -> None:
    """Threats, row `recovery`: he is asked by mail, and says yes on his phone; the owner reads who it is."""
    hotels = hotels_of(demo)
    olivia, sam = sign_in("olivia", viewport=DESK), sign_in("sam", viewport=PHONE)
    olivia.goto(f"{demo.url}/organizations/{hotels}/deputy")
    olivia.get_by_role("button", name="Ask them").click()
    expect(olivia.get_by_text("Has not answered yet")).to_be_visible()
    assert demo.find_mail(demo.accounts["sam"]["email"], "deputy")
    sam.goto(f"{demo.url}/organizations/{hotels}/deputy")
    assert sam.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sam.get_by_role("button", name="Yes, I will").click()
    expect(sam.get_by_role("button", name="claim it")).to_be_visible()
    sam.get_by_role("button", name="claim it").click()
    expect(sam.get_by_role("button", name="Take it back")).to_be_visible()
    # N4: it is told on every page of hers, and one word ends it.
    olivia.goto(f"{demo.url}/")
    olivia.get_by_role("link", name="Look, and object").click()
    olivia.get_by_role("button", name="I am here: end it").click()
    expect(olivia.get_by_text("Changes hands")).to_have_count(0)


def test_a_freeze_ends_the_picture_and_both_end_it(demo: Demo, sign_in: SignIn) -> None:
    """Threats §5: recording goes on, nobody watches, everybody reads it; over when both say so."""
    hotels = hotels_of(demo)
    with demo.api("leo") as api:
        camera = next(str(row["id"]) for row in api.get("cameras").json()["items"] if row["organization"] == hotels)
    leo = sign_in("leo", viewport=PHONE, allow="409|WebSocket")
    sam, olivia = (sign_in(who, viewport=PHONE) for who in ("sam", "olivia"))
    leo.goto(f"{demo.url}/cameras/{camera}")
    expect(leo.locator("live-view[data-state=live]").first).to_be_visible(timeout=60_000)
    sam.goto(f"{demo.url}/organizations/{hotels}/freeze")
    sam.get_by_role("button", name="Freeze it for 72 hours").click()
    expect(sam.get_by_role("heading", level=1)).to_contain_text("is frozen")
    expect(leo.get_by_text("froze everything here for a while")).to_be_visible(timeout=30_000)
    leo.reload()
    expect(leo.get_by_text("This organization is frozen for a while")).to_be_visible()
    for page in (sam, olivia):
        page.goto(f"{demo.url}/organizations/{hotels}/freeze")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="I agree that it ends").click()
    expect(olivia.get_by_role("heading", level=1)).not_to_contain_text("is frozen")
    leo.reload()
    expect(leo.locator("live-view[data-state=live]").first).to_be_visible(timeout=60_000)


def test_panic_signs_everybody_out(demo: Demo, sign_in: SignIn) -> None:
    """Threats §7, rehearsed: last, since every token of the demo is void afterwards. Passwords sign in again."""
    page = sign_in("vera", viewport=PHONE, allow="40[13]|WebSocket")
    ended = operate(demo, "panic", "--yes", "--json")
    assert ended.returncode == 0, ended.stderr
    page.goto(f"{demo.url}/account")
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    token = demo.accounts["olivia"]["api_token"]
    answer = httpx.get(f"{demo.url}/api/v1/me", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.status_code == 401
    assert demo.find_mail(demo.accounts["xena"]["email"], "Everybody was signed out")
    again = sign_in("olivia", viewport=DESK)
    expect(again.get_by_role("link", name="Wall").first).to_be_visible()
