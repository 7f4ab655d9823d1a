"""A camera changes hands while somebody watches it: planned, decided, offered, taken, and seen by who keeps it."""

import re

import pytest
from playwright.sync_api import expect

from e2e.running import PHONE, Demo, SignIn
from e2e.test_story import LIVE, expect_live

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_the_pool_goes_to_xena(demo: Demo, sign_in: SignIn) -> None:
    """VA-13, HC-24, HC-25: Rita keeps it, Olivia's own picture is cut, and Xena types no more than where it stands."""
    with demo.api("olivia") as api:
        pool = next(row for row in api.get("cameras").json()["items"] if row["name"] == "Pool")
        offer = {
            "recipient": demo.accounts["rita"]["email"],
            "items": [{"camera": pool["id"], "permissions": ["live_view"]}],
        }
        share = api.post("shares", json=offer).json()["id"]
    with demo.api("rita") as api:
        assert api.post(f"shares/{share}/accept").status_code == 200
    # What the player asks of a camera that is hers no more is 404, and the browser says so.
    olivia, watching = sign_in("olivia"), sign_in("olivia", allow="404")
    watching.goto(f"{demo.url}/cameras/{pool['id']}")
    expect_live(watching)
    olivia.goto(f"{demo.url}/devices/{pool['device']}")
    olivia.get_by_role("link", name="Hand it over").click()
    olivia.get_by_label("E-mail address of the new owner").fill(demo.accounts["xena"]["email"])
    olivia.get_by_label("Pass the passwords of the devices on").check()
    olivia.get_by_role("button", name="Plan it").click()
    expect(olivia.get_by_role("button", name="Offer it")).to_be_disabled()
    rita = olivia.get_by_role("listitem").filter(has_text="rita@example.org").last
    rita.get_by_role("radio", name="Keeps it").check()
    olivia.get_by_role("button", name="Save what I decided").click()
    expect(olivia.get_by_role("button", name="Offer it")).to_be_enabled()
    olivia.get_by_role("button", name="Offer it").click()
    expect(olivia.get_by_text("You own it until they accept. They were told by mail.")).to_be_visible()
    xena = sign_in("xena", viewport=PHONE)
    xena.goto(f"{demo.url}/inbox")
    xena.get_by_role("link", name=re.compile("wants to hand something over to you")).click()
    xena.get_by_role("button", name="Accept: it is mine").click()
    expect(xena.get_by_role("heading", name="Pool is yours")).to_be_visible(timeout=20_000)
    # What Olivia had open is cut, and stands in the receipt of both.
    expect(watching.locator(LIVE)).to_have_count(0, timeout=20_000)
    expect(watching.get_by_text("Pool has another owner now").first).to_be_visible(timeout=20_000)
    olivia.reload()
    expect(olivia.get_by_role("region", name="Receipt")).to_contain_text("Pool", timeout=20_000)
    with demo.api("rita") as api:
        [kept] = [row for row in api.get("cameras").json()["items"] if row["name"] == "Pool"]
        assert kept["shared_by"]["email"] == demo.accounts["xena"]["email"]
    with demo.api("olivia") as api:
        assert "Pool" not in {row["name"] for row in api.get("cameras").json()["items"]}
    # Handed over with its password, it shows its picture to its new owner.
    xena.goto(f"{demo.url}/cameras/{next_id(demo)}")
    expect_live(xena)
    # And back again, by the same steps, while it is not final.
    olivia.get_by_role("button", name="Undo it").click()
    expect(olivia.get_by_role("heading", name=re.compile("was undone"))).to_be_visible(timeout=20_000)
    with demo.api("olivia") as api:
        assert "Pool" in {row["name"] for row in api.get("cameras").json()["items"]}


def next_id(demo: Demo) -> str:
    """The pool's camera, as Xena's own."""
    with demo.api("xena") as api:
        return str(next(row["id"] for row in api.get("cameras").json()["items"] if row["name"] == "Pool"))
