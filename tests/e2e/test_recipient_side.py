"""The recipient's side, and whom one shares with, in a real browser: by number, by a swipe, quietly, or not at all."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.running import DESK, PHONE, Demo, SignIn

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

NUMBER = "+34600123456"


def offer(demo: Demo, to: str, camera: str) -> str:
    """Olivia offers live view; the share's id."""
    body = {"recipient": to, "items": [{"camera": demo.cameras[camera], "permissions": ["live_view"]}]}
    with demo.api("olivia") as api:
        answer = api.post("shares", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def read(demo: Demo, share: str) -> str:
    """What Olivia reads of it."""
    with demo.api("olivia") as api:
        return api.get(f"shares/{share}").text


def fits(page: Page) -> bool:
    """Whether nothing scrolls sideways."""
    return bool(page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def confirm(demo: Demo, page: Page) -> None:
    """Type the code that went to the number."""
    page.goto(f"{demo.url}/account/phones")
    page.get_by_label("Another number").fill("+34 600 123 456")
    page.get_by_role("button", name="Send a code there").click()
    found = re.search(r"^(\d{6}) is your", demo.find_mail(NUMBER, "is your Belvedere code"), re.MULTILINE)
    assert found
    page.get_by_label("Code from the text message").fill(found[1])
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("The number is confirmed")).to_be_visible()


def test_a_number_is_shared_with_and_its_holder_accepts(demo: Demo, sign_in: SignIn) -> None:
    """HC-4, HC-10, HC-16, HC-19: from the form to the picture's page; without its country it is asked for kindly."""
    olivia = sign_in("olivia", allow="422")
    camera = next(iter(demo.cameras))
    olivia.goto(f"{demo.url}/share?camera={demo.cameras[camera]}")
    olivia.get_by_label("E-mail address or phone number").fill("600 123 456")
    olivia.get_by_role("button", name="Continue", exact=True).click()
    expect(olivia.get_by_role("alert")).to_contain_text("A number needs its country")
    olivia.get_by_label("E-mail address or phone number").fill("+34 600 123 456")
    for _ in range(2):
        olivia.get_by_role("button", name="Continue", exact=True).click()
    olivia.get_by_role("button", name="Review", exact=True).click()
    olivia.get_by_role("button", name="Send", exact=True).click()
    expect(olivia.get_by_text("No text can be sent from this server")).to_be_visible()
    olivia.get_by_role("button", name="Show a link to hand over").click()
    link = olivia.locator("#join-link").inner_text()
    assert link.startswith(f"{demo.url}/join/")
    assert fits(olivia)

    rita = sign_in("rita", viewport=PHONE)
    rita.goto(link)
    expect(rita.get_by_text(f"Confirm the number {NUMBER}")).to_be_visible()
    confirm(demo, rita)
    rita.goto(f"{demo.url}/inbox")
    expect(rita.get_by_text("sees when you watch")).to_be_visible()
    expect(rita.get_by_text("Once you accept, also your name and e-mail address")).to_be_visible()
    assert fits(rita)
    rita.get_by_role("button", name="Accept", exact=True).click()
    rita.goto(f"{demo.url}/shared")
    expect(rita.get_by_role("link", name=camera)).to_be_visible()
    assert fits(rita)
    rita.get_by_role("button", name="No messages").click()
    expect(rita.get_by_text("Quiet", exact=True)).to_be_visible()
    rita.goto(f"{demo.url}/account/activity")
    expect(rita.get_by_text("accepted the offer of")).to_be_visible()
    assert fits(rita)


def test_who_is_blocked_is_heard_no_more_and_sees_nothing_of_it(demo: Demo, sign_in: SignIn) -> None:
    """Issue 6: block this sender; list, and let in again."""
    camera = list(demo.cameras)[1]
    share = offer(demo, "rita@example.org", camera)
    before = read(demo, share)
    rita = sign_in("rita", viewport=PHONE)
    rita.goto(f"{demo.url}/inbox?offer={share}")
    rita.get_by_text("No more offers of Olivia").click()
    rita.get_by_role("button", name="Hear no more of them").click()
    expect(rita.get_by_text("They are not told").first).to_be_visible()
    assert fits(rita)
    rita.goto(f"{demo.url}/inbox")
    expect(rita.get_by_text("offers you")).to_have_count(0)
    assert read(demo, share) == before
    rita.goto(f"{demo.url}/account/blocked")
    rita.get_by_role("button", name="Hear them again").click()
    rita.goto(f"{demo.url}/inbox")
    expect(rita.get_by_role("heading", name=re.compile("offers you"))).to_be_visible()


SWIPE = """([row, way]) => {
  const box = row.getBoundingClientRect();
  const at = (type, x) => row.dispatchEvent(new PointerEvent(type, {
    bubbles: true, cancelable: true, pointerId: 7, pointerType: "touch", isPrimary: true,
    clientX: x, clientY: box.top + box.height / 2,
  }));
  // A finger that is not on the glass cannot be captured.
  row.setPointerCapture = () => {};
  const from = box.right - 20;
  at("pointerdown", from);
  for (const part of [0.2, 0.6, 1]) at("pointermove", from - way * part);
  at("pointerup", from - way);
}"""


@pytest.fixture
def olivias_phone(chromium: Browser, demo: Demo, sign_in: SignIn) -> Page:
    """Her list of devices on a telephone: a screen that is touched."""
    known = sign_in("olivia", viewport=PHONE).context.storage_state()
    context = chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True, storage_state=known)  # type: ignore[arg-type]  # a plain dict is what it takes
    page = context.new_page()
    page.goto(f"{demo.url}/devices")
    return page


def test_a_line_of_the_list_is_swiped_to_share(demo: Demo, olivias_phone: Page) -> None:
    """HC-3: the action comes out and stays; a wide swipe goes there; a tap elsewhere puts it back."""
    page = olivias_phone
    row = page.locator("[data-swipes]").first
    action = row.locator(".swipe-action")
    assert fits(page)
    expect(action).to_be_hidden()
    page.evaluate(SWIPE, [row.element_handle(), 30])
    expect(action).to_be_hidden()
    page.evaluate(SWIPE, [row.element_handle(), 110])
    expect(action).to_be_visible()
    assert fits(page)
    page.locator("h1").dispatch_event("pointerdown", {"pointerType": "touch", "isPrimary": True, "pointerId": 8})
    expect(action).to_be_hidden()
    page.evaluate(SWIPE, [row.element_handle(), 110])
    action.click()
    page.wait_for_url(re.compile(r"/share\?camera="))
    page.goto(f"{demo.url}/devices")
    page.evaluate(SWIPE, [page.locator("[data-swipes]").first.element_handle(), 320])
    page.wait_for_url(re.compile(r"/share\?camera="))


def test_without_touch_there_is_a_button(demo: Demo, sign_in: SignIn) -> None:
    """HC-3: a button elsewhere, for a mouse, the keyboard and who is read to."""
    page = sign_in("olivia", viewport=DESK)
    page.goto(f"{demo.url}/devices")
    button = page.locator(".device-share").first
    expect(button).to_be_visible()
    assert page.locator(".swipe-action").first.get_attribute("aria-hidden") == "true"
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/share\?camera="))
    expect(page.get_by_role("heading", name="Who do you want to share with?")).to_be_visible()
