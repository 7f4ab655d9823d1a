"""Sam and Olivia quarrel: he freezes the hotels, her picture ends, both end it. And a deputy is named and agrees.

Rita and Vera each have a recovery contact, who begins to let them in again: Rita is there, Vera is not.
"""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing

import httpx
import pytest
from playwright.sync_api import Page, expect

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


def name_contact(demo: Demo, holder: Page, sign_in: SignIn, address: str) -> Page:
    """The page of whoever reads at `address`, who is the holder's recovery contact now, signed in nowhere."""
    holder.goto(f"{demo.url}/account/recovery")
    holder.get_by_label("Who it is").fill("My sister Clara")
    holder.get_by_label("E-mail address or phone number").fill(address)
    holder.get_by_role("button", name="Ask them").click()
    expect(holder.get_by_text("Has not answered yet")).to_be_visible()
    contact = sign_in("", viewport=PHONE)
    contact.goto(link_in(demo.find_mail(address, "/recovery/"), "recovery"))
    contact.get_by_role("button", name="Yes, tell me").click()
    expect(contact.get_by_role("heading", level=1)).to_contain_text("You are a recovery contact of")
    assert contact.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return contact


def link_in(mail: str, kind: str) -> str:
    """The one link of a mail to a page of this kind, that has a secret in it."""
    found = re.search(rf"https?://\S+/{kind}/[\w-]{{20,}}", mail.replace("=\n", ""))
    assert found, mail
    return found[0]


def test_a_contact_begins_and_the_holder_is_there(demo: Demo, sign_in: SignIn) -> None:
    """Threats, row `recovery`, N4: he begins by the link of his mail, she is told by mail, and one button ends it."""
    rita = sign_in("rita", viewport=PHONE)
    contact = name_contact(demo, rita, sign_in, "clara@example.org")
    contact.get_by_role("button", name="Begin to let them in again").click()
    expect(contact.get_by_role("button", name="Take it back")).to_be_visible()
    assert contact.evaluate("document.documentElement.scrollWidth <= innerWidth")
    mail = demo.find_mail(demo.accounts["rita"]["email"], "My sister Clara, a recovery contact of")
    assert "/reset/" not in mail
    assert demo.find_mail("clara@example.org", "My sister Clara, a recovery contact of")
    rita.goto(f"{demo.url}/account/recovery")
    expect(rita.get_by_text("says that you cannot get in any more")).to_be_visible()
    assert rita.evaluate("document.documentElement.scrollWidth <= innerWidth")
    rita.get_by_role("button", name="I am here: end it").click()
    expect(rita.get_by_text("Your password and second step are as they were")).to_be_visible()
    assert demo.find_mail("clara@example.org", "was there, or somebody objected")
    contact.reload()
    contact.get_by_role("button", name="Begin to let them in again").click()
    expect(contact.get_by_text("This was begun within the last thirty days")).to_be_visible()


def let_days_pass(demo: Demo, days: int) -> None:
    """What is written down of recoveries, and of who was there when, is so many days older."""
    earlier = {
        "accounts_accountrecovery": ("offered_at", "due_at"),
        "accounts_account": ("last_login",),
        "accounts_session": ("last_seen_at",),
    }
    with closing(sqlite3.connect(demo.folder / "belvedere.sqlite3", timeout=30)) as database, database:
        for table, columns in earlier.items():
            for column in columns:
                database.execute(f"UPDATE {table} SET {column} = datetime({column}, '-{days} days')")  # noqa: S608  the names stand above


@pytest.mark.timeout(400)  # the worker looks once a minute
def test_after_seven_days_her_mailbox_lets_her_in(demo: Demo, sign_in: SignIn) -> None:
    """Threats, row `recovery`: nobody objected. The old password is void, and the link went to her and nobody else."""
    vera, to = sign_in("vera", viewport=DESK), demo.accounts["vera"]["email"]
    contact = name_contact(demo, vera, sign_in, "dora@example.org")
    vera.context.close()  # a page of hers that asks for anything would say that she is there
    contact.get_by_role("button", name="Begin to let them in again").click()
    expect(contact.get_by_role("button", name="Take it back")).to_be_visible()
    let_days_pass(demo, 8)
    mail = demo.find_mail(to, "/reset/", within_s=240)
    assert "/reset/" not in demo.find_mail("dora@example.org", "Nobody objected to what", within_s=60)
    page = sign_in("", viewport=PHONE)
    page.goto(link_in(mail, "reset"))
    for field in page.locator("input[type=password]").all():
        field.fill("a new battery horse")
    page.get_by_role("button", name="Save it").click()
    expect(page.get_by_role("button", name="Save it")).to_have_count(0)
    demo.accounts["vera"]["password"] = "a new battery horse"
    expect(sign_in("vera").get_by_role("link", name="Wall").first).to_be_visible()


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
