"""Olivia asks what Rita sees, at another hour too, why, and what a change would leave. Nothing is changed by it."""

import re

import pytest
from playwright.sync_api import Page, expect

from e2e.running import PHONE, Demo, SignIn

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CAMERAS = ("Courtyard", "Driveway")
PICTURES = re.compile(r"/(tickets|media|snapshot)")


def share(demo: Demo) -> tuple[str, str]:
    """Olivia shares two cameras with Rita until the end of 2027, who accepts: (share, Rita as her recipient)."""
    email = demo.accounts["rita"]["email"]
    items = [{"camera": demo.cameras[name], "permissions": ["live_view"]} for name in CAMERAS]
    body = {"recipient": email, "items": items, "ends_at": "2027-12-31T22:00:00Z"}
    with demo.api("olivia") as olivia, demo.api("rita") as rita:
        answer = olivia.post("shares", json=body)
        assert answer.status_code == 201, answer.text
        assert rita.post(f"shares/{answer.json()['id']}/accept").status_code == 200
        return answer.json()["id"], answer.json()["recipient"]["id"]


def seen(page: Page) -> set[str]:
    """Names of the tiles of what is open to her."""
    return set(page.locator(".seen-wall .person-name").all_inner_texts())


def test_looking_as_rita(demo: Demo, sign_in: SignIn) -> None:
    """B-4, N17: the door, the mark, another hour, a change that nobody makes, and why; without a picture."""
    pk, recipient = share(demo)
    page = sign_in("olivia", viewport=PHONE)
    asked: list[str] = []
    page.goto(f"{demo.url}/recipients/{recipient}")
    page.get_by_role("link", name="See as Rita").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("See as Rita")
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="See as Rita").click()
    expect(page.get_by_role("note")).to_contain_text(re.compile("You are looking as Rita .* sees it. Read only."))
    assert seen(page) == set(CAMERAS)

    page.get_by_label("At another time").fill("2027-12-31T23:30")
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.get_by_text("sees nothing here then")).to_be_visible()
    page.get_by_role("link", name="As it is now").click()

    page.get_by_role("checkbox", name="Your share").check()
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.locator(".consequence")).to_contain_text("sees nothing of Courtyard and Driveway any more.")
    page.get_by_role("link", name="As it is now").click()

    page.locator(".seen-tile", has_text="Courtyard").get_by_role("link").click()
    expect(page.locator(".say")).to_contain_text(re.compile("has live view of Courtyard, because Olivia"))
    expect(page.locator(".why-row", has_text="Playback").first).to_contain_text("It takes a share with playback")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not [url for url in asked if PICTURES.search(url)]

    # Nothing of it was changed; that she looked is in the audit.
    with demo.api("rita") as rita, demo.api("olivia") as olivia:
        assert rita.get(f"shares/{pk}").json()["state"] == "accepted"
        home = next(row["id"] for row in olivia.get("organizations").json()["items"] if row["personal"])
        looks = [
            row for row in olivia.get(f"audit?organization={home}").json()["items"] if "viewed_as" in row["action"]
        ]
        assert len(looks) == 1
