"""The guides, walked whole: each step by the link it gives, to the button it names, on to what its checks say.

One demo for all, and one story: what a guide gives, a later one may take. The last two change owners and end things.
"""

import json
import re
import time

import pytest
from playwright.sync_api import Page, expect

from e2e.running import DESK, PHONE, Demo, SignIn
from e2e.test_story import expect_live

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: real cameras, on a machine that does much else
PATIENCE_MS = 45_000


class Walk:
    """A reader of one guide, who does what it says."""

    def __init__(self, page: Page, demo: Demo, slug: str) -> None:
        self.page = page
        self.address = f"{demo.url}/guides/{slug}"

    def follow(self, link: str, *, question: str = "") -> None:
        """From the guide by its link to what it promises there. `question`: the one whose answer has the link."""
        self.page.goto(self.address)
        if question:
            self.page.get_by_text(question).click()
        step = self.page.get_by_role("link", name=link, exact=True).and_(self.page.locator("main [data-shows]"))
        shows = step.get_attribute("data-shows")
        assert shows, link
        step.click()
        expect_shown(self.page, shows)

    def press(self, *names: str) -> None:
        """Buttons, one after the other."""
        for name in names:
            self.page.get_by_role("main").get_by_role("button", name=name, exact=True).click()


def expect_shown(page: Page, name: str) -> None:
    """What the guide named: a button, a link, a field, or what the page is called."""
    main = page.locator("main")
    words = re.compile(re.escape(name))
    found = main.get_by_role("button", name=words).or_(main.get_by_role("link", name=words))
    found = found.or_(main.get_by_role("heading", name=words)).or_(main.get_by_label(words))
    expect(found.first).to_be_visible()


def enter(page: Page, demo: Demo, organization: str) -> None:
    """Go where the guides for an Admin and an owner are."""
    page.goto(f"{demo.url}/organizations")
    page.get_by_role("main").get_by_role("button", name=re.compile(organization)).click()
    page.wait_for_url(f"{demo.url}/")


def accept_offer(demo: Demo, who: str) -> None:
    """All that waits for one of the cast."""
    with demo.api(who) as api:
        for row in api.get("shares", params={"direction": "received"}).json()["items"]:
            if row["state"] == "pending":
                assert api.post(f"shares/{row['id']}/accept").status_code == 200


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_every_step_leads_to_its_button(demo: Demo, sign_in: SignIn, viewport: dict[str, int]) -> None:
    page = sign_in("olivia", viewport=viewport)
    page.get_by_label("Account of Olivia").click()
    page.get_by_role("link", name="Guides").click()
    expect(page.get_by_role("heading", name="Guides", exact=True)).to_be_visible()
    guides = [link.get_attribute("href") for link in page.locator(".guide-list a").all()]
    assert len(guides) == 8
    for guide in guides:
        page.goto(f"{demo.url}{guide}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        steps = [
            (link.get_attribute("href"), link.get_attribute("data-shows") or "")
            for link in page.locator("main [data-shows]").all()
        ]
        assert steps, guide
        for to, shows in steps:
            page.goto(f"{demo.url}{to}")
            expect_shown(page, shows)


def test_a_recipient_finds_what_is_his(demo: Demo, sign_in: SignIn) -> None:
    # VA-4
    page = sign_in("rita", viewport=PHONE)
    page.goto(f"{demo.url}/guides")
    titles = page.locator(".guide-list strong").all_inner_texts()
    assert titles == ["When somebody leaves", "“This device already has an owner”", "Something was shared with you"]


def test_share_a_camera_and_something_was_shared_with_you(demo: Demo, sign_in: SignIn) -> None:
    """Seeds 000 and 002, from both sides (VA-24): given by one guide, taken, named and silenced by the other."""
    page = sign_in("olivia", viewport=PHONE)
    giver = Walk(page, demo, "share-a-camera")
    giver.follow("Share Driveway")
    page.get_by_label("E-mail address or phone number").fill("rita@example.org")
    giver.press("Continue", "Continue")
    expect(page.get_by_role("checkbox", name="Playback: Driveway")).not_to_be_checked()
    giver.press("Review", "Send")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sent to")
    giver.follow("Open Sharing")
    expect(page.locator(".people-card", has_text="rita@example.org")).to_contain_text("Offered")

    hers = sign_in("rita", viewport=PHONE, allow="404|4403|WebSocket")
    taker = Walk(hers, demo, "shared-with-you")
    taker.follow("Open the inbox")
    taker.press("Accept")
    hers.wait_for_url(re.compile("/cameras/"))
    expect_live(hers)
    # The giver's second check: an eye with a number, while she watches.
    page.goto(f"{demo.url}/")
    tile = page.locator(".tile", has_text="Driveway")
    deadline = time.monotonic() + 20
    while not tile.locator(".tile-badge").count():
        assert time.monotonic() < deadline
        page.reload()
    giver.follow("Open Sharing")
    expect(page.locator(".people-card", has_text="Rita")).to_contain_text("Since")
    taker.follow("Open the wall")
    expect(hers.locator(".tile", has_text="Driveway")).to_contain_text("Shared by Olivia")
    taker.follow("Shared with me")
    hers.get_by_role("button", name="No messages").click()
    expect(hers.get_by_text("Quiet", exact=True)).to_be_visible()
    taker.follow("Look")
    expect(hers.get_by_role("main")).to_contain_text("Driveway")


def test_share_a_single_device_right_by_right(demo: Demo, sign_in: SignIn) -> None:
    """Seeds 002 and 003, to the cell of the table that is changed in place."""
    page = sign_in("olivia", viewport=DESK)
    walk = Walk(page, demo, "share-a-device")
    walk.follow("Scan a code")
    walk.follow("Open Devices")
    page.get_by_role("main").get_by_role("link", name=re.compile("Share ?: Front door")).click()
    page.get_by_label("E-mail address or phone number").fill("vera@example.org")
    page.get_by_label("Remark").fill("neighbour")
    walk.press("Continue")
    expect(page.get_by_role("checkbox", name=re.compile("Pool"))).not_to_be_checked()
    walk.press("Continue", "All permissions")
    expect(page.get_by_role("checkbox", name="Playback: Front door")).to_be_checked()
    page.get_by_role("checkbox", name="Export: Front door").uncheck()
    walk.press("Review", "Send")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sent to")
    accept_offer(demo, "vera")
    walk.follow("Manage sharing")
    page.get_by_role("link", name="By person").click()
    row = page.get_by_role("row").filter(has_text="Vera Costa")
    row.get_by_role("link", name=re.compile("Front door")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("checkbox", name="Playback").uncheck()
    dialog.get_by_role("button", name="Save").click()
    # Less is said with a receipt.
    expect(dialog.get_by_role("link", name="The receipt")).to_be_visible()
    dialog.get_by_role("button", name="Done").click()
    expect(dialog).to_be_hidden()
    with demo.api("vera") as api:
        rights = api.get(f"cameras/{demo.cameras['Front door']}").json()["permissions"]
    assert "live_view" in rights
    assert not {"playback", "export"} & set(rights)


def test_bring_in_a_second_user_properly(demo: Demo, sign_in: SignIn) -> None:
    """Seed 000: stable, owned, shared, tried as the second person, and written down who is told (VA-14 to VA-16)."""
    page = sign_in("olivia", viewport=PHONE)
    walk = Walk(page, demo, "hand-a-user-over")
    walk.follow("Open Devices")
    page.get_by_role("link", name="Counter").first.click()
    expect(page.get_by_role("main")).to_contain_text("Online", timeout=PATIENCE_MS)
    walk.follow("Name a recovery contact")
    page.get_by_label("Who it is").fill("Sam")
    page.get_by_label("E-mail address or phone number").fill("sam@example.org")
    walk.press("Ask them")
    expect(page.get_by_text("Has not answered yet")).to_be_visible()
    assert demo.find_mail("sam@example.org", "recovery contact")
    walk.follow("Share Counter")
    page.get_by_label("E-mail address or phone number").fill("ada@example.org")
    walk.press("Continue", "Continue", "Review", "Send")
    accept_offer(demo, "ada")
    walk.follow("Open Access, then “Test as them”")
    page.get_by_role("link", name=re.compile("Test as them ?: Ada Lindqvist")).click()
    walk.press("Test now")
    expect(page.get_by_text("Everything works that is given, and nothing else.")).to_be_visible(timeout=PATIENCE_MS)
    walk.follow("Who is told about what")
    # Notifications were not given: of those who may see the camera, its owner alone is told.
    people = page.locator(".matrix tbody .person-name").all_inner_texts()
    assert "Ada Lindqvist" not in people
    assert "Olivia Marín" in people
    walk.follow("Open Access, then “Test as them”")
    access = page.get_by_role("region", name="Who can see this")
    for name in ("Olivia Marín", "Vera Costa", "Ada Lindqvist"):
        expect(access).to_contain_text(name)


def test_this_device_already_has_an_owner(demo: Demo, sign_in: SignIn) -> None:
    """Seed 001: refused, asked for, given; the code and the claim are where the guide says (VA-2, HC-26)."""
    served = json.loads((demo.folder / "cameras.json").read_text())
    page = sign_in("xena", viewport=PHONE, allow="409")
    walk = Walk(page, demo, "already-bound")
    walk.follow("My QR code")
    walk.follow("Add a device")
    page.goto(f"{demo.url}/devices/add?way=address")
    page.get_by_label("Address", exact=True).fill(f"rtsp://127.0.0.1:{served['port']}/pool/main")
    page.get_by_label("User", exact=True).fill("demo")
    page.get_by_label("Password", exact=True).fill(served["password"])
    walk.press("Look")
    page.get_by_label("Name", exact=True).fill("Garden")
    walk.press("Add it")
    expect(page.get_by_role("heading", level=1)).to_contain_text("already has an owner")
    expect(page.get_by_role("link", name="Claim a device that was left behind")).to_be_visible()
    page.get_by_role("link", name="Ask the owner").click()
    page.get_by_label("Why").fill("To see whether the children are in the pool")
    walk.press("Ask")

    olivia = sign_in("olivia", viewport=PHONE)
    olivia.goto(f"{demo.url}/inbox")
    olivia.get_by_role("link", name=re.compile("Xena Roth asks for")).click()
    olivia.get_by_role("button", name="Offer it").click()
    olivia.wait_for_load_state()
    walk.follow("Open the inbox")
    walk.press("Accept")
    page.wait_for_url(re.compile("/cameras/"))
    expect_live(page)


def test_invite_a_manager(demo: Demo, sign_in: SignIn) -> None:
    """Seed 004: invited, accepted in the portal; the mail and the phone are walked in test_organizations (VV-2)."""
    page = sign_in("olivia", viewport=DESK)
    enter(page, demo, "Harbour Hotels")
    walk = Walk(page, demo, "invite-a-manager")
    walk.follow("Open Users")
    walk.follow("Invite")
    page.get_by_label("E-mail address").fill("xena@example.org")
    page.get_by_role("radio", name=re.compile("^Admin")).check()
    page.get_by_text("Specific sites").click()
    page.get_by_role("checkbox", name="North").check()
    walk.press("Continue", "Send invitation")
    expect(page.get_by_role("status").filter(has_text="xena@example.org").first).to_be_visible()

    theirs = sign_in("xena", viewport=PHONE)
    theirs.goto(f"{demo.url}/organizations")
    theirs.get_by_role("button", name="Accept: Harbour Hotels").click()
    theirs.wait_for_url(f"{demo.url}/")
    theirs.goto(f"{demo.url}/organizations")
    expect(theirs.get_by_role("main").get_by_role("button", name=re.compile("Harbour Hotels"))).to_be_visible()
    expect(theirs.get_by_role("main")).to_contain_text("Xena’s home")
    walk.follow("Open Users")
    page.get_by_role("link", name=re.compile("Xena Roth")).first.click()
    expect(page.get_by_role("radio", name=re.compile("^Admin"))).to_be_checked()
    expect(page.get_by_role("checkbox", name="North")).to_be_checked()


def test_hand_an_installation_over(demo: Demo, sign_in: SignIn) -> None:
    """Seed 000, its end: seen, planned, offered, taken; one owner, and a report for both (HC-24, HC-25, VA-17)."""
    page = sign_in("olivia", viewport=DESK)
    enter(page, demo, "Harbour Hotels")
    walk = Walk(page, demo, "hand-over-an-installation")
    for link in ("Open Devices", "Open Sharing", "One of its sites", "Bring in a second user properly"):
        walk.follow(link)
    walk.follow("See how it would read today")
    walk.follow("Hand Harbour Hotels over")
    page.get_by_role("radio", name=re.compile("Sam Ortiz")).check()
    page.get_by_role("radio", name=re.compile("I stay as Super Admin")).check()
    walk.press("Plan it")
    plan = page.url
    for row in page.locator(".plan-choice").all():
        row.get_by_role("radio").first.check()
    if page.get_by_role("button", name="Save what I decided").count():
        walk.press("Save what I decided")
    walk.press("Offer it")
    expect(page.get_by_text("You own it until they accept. They were told by mail.")).to_be_visible()

    theirs = sign_in("sam", viewport=PHONE)
    theirs.goto(f"{demo.url}/inbox")
    theirs.get_by_role("link", name=re.compile("wants to hand something over to you")).click()
    theirs.get_by_role("button", name="Accept: it is mine").click()
    expect(theirs.get_by_role("heading", name="Harbour Hotels is yours")).to_be_visible(timeout=PATIENCE_MS)
    # Both have the report, and there is one owner, who now reads the guide as his.
    for reader in (page, theirs):
        reader.goto(plan)
        reader.get_by_role("link", name="Report", exact=True).click()
        expect(reader.get_by_role("link", name="Save as PDF")).to_be_visible()
        expect(reader.get_by_role("main")).to_contain_text("Sam Ortiz (sam@example.org)")
    with demo.api("sam") as api:
        hotels = next(row["id"] for row in api.get("organizations").json()["items"] if row["name"] == "Harbour Hotels")
        members = api.get(f"organizations/{hotels}/members").json()["items"]
    assert [row["account"]["email"] for row in members if row["role"] == "owner"] == ["sam@example.org"]
    enter(theirs, demo, "Harbour Hotels")
    Walk(theirs, demo, "hand-over-an-installation").follow("Who is told about what")


def test_when_somebody_leaves(demo: Demo, sign_in: SignIn) -> None:
    """Threats §5, B-10: alone first, then everything with Vera, in silence; the receipt, and what may help back in."""
    page = sign_in("olivia", viewport=PHONE)
    walk = Walk(page, demo, "when-somebody-leaves")
    walk.follow("How you sign in")
    walk.follow("See what there is")
    page.get_by_role("listitem").filter(has_text="Vera Costa").get_by_role("link").click()
    page.get_by_label("Stay silent").check()
    walk.press("End everything")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing ties you to Vera Costa any more")
    expect(page.get_by_text("They are told nothing.")).to_be_visible()
    walk.follow("Recovery contacts")
    walk.follow("End everything of an account", question="I cannot sign in, and must end everything now.")
    with demo.api("vera") as api:
        assert api.get("cameras").json()["items"] == []
