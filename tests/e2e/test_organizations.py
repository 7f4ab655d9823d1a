"""An organization, three ways into it, what each sees there, and roles that act while somebody watches."""

import json
import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.running import DESK, PHONE, Demo, SignIn
from e2e.test_story import LIVE, expect_live, is_black

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FIRM = "Puerto Hotels"
#: what its sites get: sample camera → name there. Olivia gives them up at home first: a device has one owner.
MOVING = {"North": ("Driveway", "driveway", "Dock"), "South": ("Pool", "pool", "Terrace")}


def found(page: Page, demo: Demo) -> None:
    """VV-28, VV-30: name, region, zone, first site, summary, Done; on the page."""
    page.locator(".switcher > summary").click()
    page.get_by_role("link", name="New organization").click()
    page.get_by_label("Name").fill(FIRM)
    page.get_by_label("Region").fill("Galicia")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Madrid")  # the browser's own
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name").fill("North")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text(f"You will own {FIRM}, with the site North.")).to_be_visible()
    page.get_by_role("button", name="Done").click()
    page.wait_for_url(f"{demo.url}/")
    expect(page.locator(".switcher > summary")).to_contain_text(FIRM)


def equip(demo: Demo) -> dict[str, str]:
    """South is added, and each site gets a camera; camera name → id."""
    samples = json.loads((demo.folder / "cameras.json").read_text())
    cameras = {}
    with demo.api("olivia") as api:
        firm = next(row["id"] for row in api.get("organizations").json()["items"] if row["name"] == FIRM)
        assert api.post(f"organizations/{firm}/sites", json={"name": "South"}).status_code == 201
        sites = {row["name"]: row["id"] for row in api.get(f"organizations/{firm}/sites").json()["items"]}
        devices = {row["name"]: row["id"] for row in api.get("devices").json()["items"]}
        for site, (before, path, name) in MOVING.items():
            assert api.delete(f"devices/{devices[before]}").status_code == 200
            body = {
                "site": sites[site],
                "name": name,
                "address": f"rtsp://127.0.0.1:{samples['port']}/{path}/main",
                "username": "demo",
                "password": samples["password"],
                "test": False,
            }
            answer = api.post("devices", json=body)
            assert answer.status_code == 201, answer.text
            cameras[name] = answer.json()["cameras"][0]["id"]
    return cameras


def invite(page: Page, demo: Demo, email: str, role: str, site: str = "") -> None:
    """VV-2, VV-4, VV-6, VV-7, VV-9: under Admin → Users, and confirmed on the screen."""
    page.goto(f"{demo.url}/admin/users/invite")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("radio", name=re.compile(f"^{role}")).check()
    if site:
        page.get_by_text("Specific sites").click()
        page.get_by_role("checkbox", name=site).check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_role("status").filter(has_text=email).first).to_be_visible()


def join_by_mail(demo: Demo, sign_in: SignIn, who: str) -> Page:
    """VV-13, VV-19: Accept Invitation → page → Accept → confirmation → Go to Belvedere → sign-in → the list."""
    account = demo.accounts[who]
    # Mails of one moment may stand in one file.
    mails = demo.find_mail(account["email"], FIRM).replace("=\n", "").split("-" * 79)
    mail = next(text for text in mails if f"To: {account['email']}" in text and FIRM in text)
    link = re.search(r"http://localhost:\d+/invitations/[\w-]{43}", mail)
    assert link
    page = sign_in("", allow="404|4403|WebSocket")
    page.goto(link[0])
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"invites you to {FIRM}")
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"You are now Viewer of {FIRM}")
    page.get_by_role("link", name="Go to Belvedere").click()
    page.wait_for_url(f"{demo.url}/sign-in")
    page.get_by_label("E-mail").fill(account["email"])
    page.get_by_label("Password", exact=True).fill(account["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{demo.url}/organizations")
    page.get_by_role("main").get_by_role("button", name=re.compile(FIRM)).click()
    page.wait_for_url(f"{demo.url}/")
    return page


def seen(page: Page) -> set[str]:
    """Names of the cameras on the wall."""
    return set(page.locator(".tile-title strong").all_inner_texts())


def change_role(page: Page, demo: Demo, member: str, role: str) -> None:
    """Another role for somebody, under Admin → Users."""
    page.goto(f"{demo.url}/admin/users")
    page.get_by_role("link", name=member).click()
    page.get_by_role("radio", name=re.compile(f"^{role}")).check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Change it").click()
    page.wait_for_load_state()


@pytest.mark.timeout(360)  # a story of four people
def test_three_ways_in_and_roles_that_act_at_once(demo: Demo, sign_in: SignIn) -> None:
    """VV-13 to VV-15, VV-19 to VV-22, VV-24 to VV-27, VV-33: the whole story, on the running product."""
    olivia = sign_in("olivia")
    found(olivia, demo)
    cameras = equip(demo)
    invite(olivia, demo, demo.accounts["vera"]["email"], "Viewer", "North")
    invite(olivia, demo, demo.accounts["ada"]["email"], "Admin", "North")
    invite(olivia, demo, demo.accounts["sam"]["email"], "Super Admin")

    # Vera by the mail, Ada in the portal, Sam on his phone.
    vera = join_by_mail(demo, sign_in, "vera")
    assert seen(vera) == {"Dock"}
    ada = sign_in("ada", allow="404|403")
    ada.goto(f"{demo.url}/organizations")
    expect(ada.get_by_role("region", name="You are invited")).to_contain_text("Admin, invited by Olivia Marín")
    ada.get_by_role("button", name=f"Accept: {FIRM}").click()
    ada.wait_for_url(f"{demo.url}/")
    expect(ada.locator(".switcher > summary")).to_contain_text(FIRM)
    assert seen(ada) == {"Dock"}
    sam = sign_in("sam", viewport=PHONE)
    sam.locator(".switcher > summary").click()
    sam.get_by_role("button", name=f"Join {FIRM}").click()
    sam.wait_for_url(f"{demo.url}/")
    expect(sam.locator(".switcher > summary")).to_contain_text(FIRM)
    assert seen(sam) == {"Dock", "Terrace"}
    demo.find_mail(demo.accounts["olivia"]["email"], FIRM)

    # South does not exist for Vera and Ada; nothing of it, by no address.
    for page in (vera, ada):
        assert page.goto(f"{demo.url}/cameras/{cameras['Terrace']}").status == 404  # type: ignore[union-attr]  # it answers

    # Vera watches. Live Only takes everything else from her, and leaves her the picture.
    vera.goto(f"{demo.url}/cameras/{cameras['Dock']}")
    expect_live(vera)
    change_role(ada, demo, "Vera", "Live Only")
    with demo.api("vera") as api:
        assert api.get(f"cameras/{cameras['Dock']}").json()["permissions"] == ["live_view"]
    expect_live(vera)
    change_role(ada, demo, "Vera", "No Access")
    expect(vera.get_by_text(re.compile("Ada .* changed what you may see")).first).to_be_visible(timeout=3_000)
    assert is_black(vera)
    expect(vera.locator(LIVE)).to_have_count(0)
    vera.reload()
    expect(vera.get_by_role("heading", level=1)).to_contain_text("Your role was changed")
    vera.goto(f"{demo.url}/")
    expect(vera.get_by_role("main")).to_contain_text("is open to you")

    refuse_climbing(demo, ada)


def refuse_climbing(demo: Demo, ada: Page) -> None:
    """VV-27: Ada raises nobody above Admin, herself least, and touches neither Sam nor Olivia."""
    ada.goto(f"{demo.url}/admin/users")
    for who in ("Ada", "Sam", "Olivia"):
        ada.get_by_role("link", name=re.compile(who)).first.click()
        expect(ada.get_by_role("main").get_by_role("radio")).to_have_count(0)
        ada.goto(f"{demo.url}/admin/users")
    ada.goto(f"{demo.url}/admin/users/invite")
    expect(ada.get_by_role("radio", name=re.compile("^Super Admin"))).to_have_count(0)
    expect(ada.get_by_role("checkbox", name="South")).to_have_count(0)
    with demo.api("ada") as api:
        firm = next(row for row in api.get("organizations").json()["items"] if row["name"] == FIRM)
        assert [row["name"] for row in api.get(f"organizations/{firm['id']}/sites").json()["items"]] == ["North"]
        own = next(
            row
            for row in api.get(f"organizations/{firm['id']}/members").json()["items"]
            if row["account"]["email"] == demo.accounts["ada"]["email"]
        )
        refused: httpx.Response = api.patch(f"members/{own['id']}", json={"role": "super_admin", "version": 1})
        assert refused.status_code in {403, 422}, refused.text


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_the_menu_stands_on_every_page(demo: Demo, sign_in: SignIn, viewport: dict[str, int]) -> None:
    """VV-22: it opens by keyboard, goes into another organization, and stays there."""
    page = sign_in("leo", viewport=viewport)
    for path in ("/", "/inbox", "/account"):
        page.goto(f"{demo.url}{path}")
        expect(page.locator(".switcher > summary")).to_be_visible()
    page.locator(".switcher > summary").focus()
    page.keyboard.press("Enter")
    page.locator(".switcher").get_by_role("button", name=re.compile("Harbour Hotels")).click()
    page.wait_for_url(f"{demo.url}/")
    page.goto(f"{demo.url}/account")
    expect(page.locator(".switcher > summary")).to_contain_text("Harbour Hotels")
