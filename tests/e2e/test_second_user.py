"""The second-user test in a real browser, over the real media plane: asked by the owner, and tried by the person."""

import re
import time

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.running import DESK, PHONE, Demo, SignIn

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: real cameras, on a machine that does much else
PATIENCE_MS = 45_000


def share(demo: Demo, to: str, camera: str, *permissions: str) -> None:
    """Olivia gives, and it is accepted."""
    body = {
        "recipient": f"{to}@example.org",
        "items": [{"camera": demo.cameras[camera], "permissions": permissions, "footage": None}],
    }
    with demo.api("olivia") as olivia, demo.api(to) as other:
        made = olivia.post("shares", json=body)
        assert made.status_code == 201, made.text
        assert other.post(f"shares/{made.json()['id']}/accept").status_code == 200


def tried(api: httpx.Client, **body: object) -> dict[str, tuple[bool, str]]:
    """Permission → (worked, why) once the test is over."""
    started = api.post("access-tests", json=body)
    assert started.status_code == 202, started.text
    deadline = time.monotonic() + 60
    while (told := api.get(f"access-tests/{started.json()['id']}").json())["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return {row["permission"]: (row["worked"], row["why"]) for row in told["results"]}


def until_online(demo: Demo, camera: str) -> None:
    """A demo that just began has cameras that nobody reached yet: a test says so, and is right."""
    deadline = time.monotonic() + 60
    with demo.api("olivia") as api:
        while api.get(f"cameras/{demo.cameras[camera]}").json()["state"] != "online":
            assert time.monotonic() < deadline
            time.sleep(0.2)


def fits(page: Page) -> bool:
    """Whether nothing scrolls sideways."""
    return bool(page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_what_works_is_what_was_given(demo: Demo) -> None:
    """VA-14, VA-15, B-3: over real sockets, with real pictures, both ways; then with nothing left."""
    share(demo, "rita", "Courtyard", "live_view")
    until_online(demo, "Courtyard")
    with demo.api("olivia") as api:
        said = tried(api, account="rita@example.org", cameras=[demo.cameras["Courtyard"]])
        assert said["live_view"] == (True, "")
        for name in ("playback", "listen", "export", "talk", "ptz", "notify"):
            assert said[name] == (False, "refused"), name
        # The ledger does not say that Rita watched (N17).
        viewings = api.get(f"cameras/{demo.cameras['Courtyard']}/viewings", params=_today()).json()["items"]
        newest = viewings[0]
        assert newest["account"]["email"] == "rita@example.org"
        assert newest["probed_by"]["email"] == "olivia@example.org"
        own = tried(api, account="olivia@example.org", cameras=[demo.cameras["Courtyard"]], permissions=["live_view"])
        assert own == {"live_view": (True, "")}
    with demo.api("rita") as api:
        refused = api.post(
            "access-tests", json={"account": "olivia@example.org", "cameras": [demo.cameras["Courtyard"]]}
        )
        assert refused.status_code == 404


def _today() -> dict[str, str]:
    now = time.time()
    start, end = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in (now - 86_400, now + 3600))
    return {"from": start, "to": end}


def test_the_owner_follows_it_on_a_page(demo: Demo, sign_in: SignIn) -> None:
    """From the camera's own page to what came of it, on a phone too."""
    share(demo, "rita", "Pool", "live_view")
    until_online(demo, "Pool")
    page = sign_in("olivia", viewport=PHONE)
    page.goto(f"{demo.url}/sharing")
    page.locator(".people-card", has_text="Pool").get_by_role("link", name="Test as them").click()
    expect(page.get_by_role("button", name="Test now")).to_be_visible()
    assert fits(page)
    page.get_by_role("button", name="Test now").click()
    page.wait_for_url(re.compile(r"/access-tests/\w+$"))
    expect(page.get_by_text("Works", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("status").filter(has_text="given")).to_be_visible(timeout=PATIENCE_MS)
    assert page.get_by_text("Works, and is not given").count() == 0
    assert fits(page)


def test_a_person_sees_it_on_a_phone_of_their_own(demo: Demo, sign_in: SignIn) -> None:
    """VA-14, VA-16: by a link, through the sign-in, to the picture; what they say is what the owner reads."""
    share(demo, "rita", "Driveway", "live_view")
    olivia = sign_in("olivia", viewport=DESK)
    olivia.goto(f"{demo.url}/access-tests/new?account=rita@example.org&camera={demo.cameras['Driveway']}")
    olivia.get_by_role("button", name="Make a link for them").click()
    address = olivia.locator("#test-address").inner_text()
    phone = sign_in("", viewport=PHONE)
    phone.goto(address)
    phone.get_by_role("link", name="Sign in").click()
    phone.get_by_label("E-mail").fill(demo.accounts["rita"]["email"])
    phone.get_by_label("Password", exact=True).fill(demo.accounts["rita"]["password"])
    phone.get_by_role("button", name="Sign in", exact=True).click()
    phone.get_by_role("button", name="Start").click()
    phone.wait_for_url(re.compile(r"/own$"))
    assert "#" not in phone.url
    picture = phone.locator("live-view").first
    expect(picture).to_have_attribute("data-state", "live", timeout=PATIENCE_MS)
    assert fits(phone)
    phone.get_by_role("button", name="Yes").click()
    expect(phone.get_by_role("heading", name="Thank you")).to_be_visible()
    olivia.get_by_role("link", name="Follow it").click()
    expect(olivia.get_by_text("Works", exact=True)).to_be_visible()
    expect(olivia.get_by_text("from the local network").first).to_be_visible()
    # It opened once.
    again = sign_in("rita", viewport=PHONE, allow="404")
    again.goto(address)
    again.get_by_role("button", name="Start").click()
    expect(again.get_by_role("heading", name="Nothing here")).to_be_visible()
