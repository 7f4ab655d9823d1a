"""The app on a phone, through the front door: installed, without a connection, pushed to, brought up to date."""

import base64
import json
import os
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from playwright.sync_api import Browser, BrowserContext, Page, expect

from belvedere.supervisor.authority import fingerprint, read_authority
from e2e.running import FLAGS, PHONE, find_chromium
from supervisor.behind_the_door import Door
from supervisor.commands import PASSWORD, create_owner

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
HASHED = re.compile(r"/static/.+\.[0-9a-f]{12}\.[a-z0-9]+$")
KEPT = """async () => {
  const kept = [];
  for (const name of await caches.keys()) kept.push(...await (await caches.open(name)).keys());
  return kept.map(request => request.url);
}"""


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    opened = Door(tmp_path / "data")
    try:
        opened.served.wait_ready()
        opened.wait()
        made = create_owner(opened.served.folder, "olivia@example.org", reach="127.0.0.0/8")
        assert made.returncode == 0, made.stderr
        yield opened
    finally:
        opened.served.clear_away()


@pytest.fixture
def phone(door: Door, chromium: Browser, tmp_path: Path) -> Iterator[BrowserContext]:
    """Olivia's phone. It trusts what the door's authority signed, and remembers: what is installed needs a profile."""
    signer = door.served.folder / "front-door/caddy/pki/authorities/local/intermediate.crt"
    key = x509.load_pem_x509_certificate(signer.read_bytes()).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    trusted = f"--ignore-certificate-errors-spki-list={base64.b64encode(digest.finalize()).decode()}"
    context = chromium.browser_type.launch_persistent_context(
        tmp_path / "phone",
        executable_path=find_chromium(),
        args=[*FLAGS, *MICROPHONE, trusted],
        viewport=PHONE,  # type: ignore[arg-type]  # a plain dict is what it takes
        has_touch=True,
        locale="en-GB",
    )
    context.set_default_timeout(20_000)
    context.grant_permissions(["notifications", "microphone"], origin=door.url)
    yield context
    context.close()


def test_the_app_on_a_phone(door: Door, phone: BrowserContext) -> None:
    """One story, because a start costs seconds."""
    page = phone.pages[0]
    says_how_to_trust_it(door, page)
    page.goto(f"{door.url}/sign-in")
    page.get_by_label("E-mail").fill("olivia@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{door.url}/")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("navigator.serviceWorker.controller !== null")

    is_a_place_browsers_trust(page)
    can_be_installed(phone, page)
    keeps_files_and_nothing_else(door, page)
    shows_what_is_pushed(door, phone, page)
    offers_a_new_version(door, page)
    says_when_there_is_no_connection(door, page)


def says_how_to_trust_it(door: Door, page: Page) -> None:
    page.goto(f"{door.url}/trust")
    authority = read_authority(door.served.folder / "front-door")
    assert authority
    expect(page.get_by_text(fingerprint(authority), exact=True)).to_be_visible()
    with door.client() as client:
        taken = client.get("/trust/belvedere.crt")
        assert taken.headers["Content-Type"] == "application/x-x509-ca-cert"
        assert x509.load_der_x509_certificate(taken.content) == authority
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def is_a_place_browsers_trust(page: Page) -> None:
    """Microphone, passkeys, the fast decoder and push exist here."""
    assert page.evaluate("isSecureContext && location.protocol === 'https:'")
    hears = "navigator.mediaDevices.getUserMedia({audio: true}).then(stream => stream.getAudioTracks().length)"
    assert page.evaluate(hears) == 1
    assert (
        page.evaluate("['VideoDecoder', 'PublicKeyCredential', 'PushManager'].filter(name => !(name in window))") == []
    )


def can_be_installed(phone: BrowserContext, page: Page) -> None:
    chrome = phone.new_cdp_session(page)
    told = chrome.send("Page.getAppManifest")
    assert told["errors"] == []
    manifest = json.loads(told["data"])
    assert (manifest["name"], manifest["display"], manifest["start_url"]) == ("Belvedere", "standalone", "/")
    assert all(HASHED.search(icon["src"]) for icon in manifest["icons"])
    assert chrome.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    chrome.detach()

    # A browser that offers it is heard; nobody is asked before he asks.
    page.get_by_label("Account of Olivia").click()
    install = page.get_by_role("button", name="Install the app")
    page.evaluate("""() => {
      const event = new Event('beforeinstallprompt', {cancelable: true});
      dispatchEvent(Object.assign(event, {prompt: () => { window.wasAsked = true; }}));
    }""")
    expect(install).to_be_visible()
    assert not page.evaluate("'wasAsked' in window")
    install.click()
    expect(install).to_be_hidden()


def keeps_files_and_nothing_else(door: Door, page: Page) -> None:
    for path in ("/devices", "/inbox", "/account", "/"):
        page.goto(f"{door.url}{path}")
    page.evaluate("fetch('/api/v1/me').then(answer => answer.json())")
    kept = page.evaluate(KEPT)
    assert len(kept) > 5
    assert [url for url in kept if not (url.startswith(door.url) and HASHED.search(url))] == []
    assert page.evaluate("caches.keys().then(names => names.length)") == 1


def shows_what_is_pushed(door: Door, phone: BrowserContext, page: Page) -> None:
    chrome = phone.new_cdp_session(page)
    seen: dict[str, str] = {}
    shown: list[str] = []
    refused: list[str] = []

    def remember(event: dict[str, Any]) -> None:
        seen.update({row["scopeURL"]: row["registrationId"] for row in event["registrations"]})

    def note(event: dict[str, Any]) -> None:
        told = event["backgroundServiceEvent"]
        shown.extend(row["value"] for row in told["eventMetadata"] if row["key"] == "Title")

    chrome.on("ServiceWorker.workerRegistrationUpdated", remember)
    chrome.on("ServiceWorker.workerErrorReported", lambda event: refused.append(event["errorMessage"]["errorMessage"]))
    chrome.on("BackgroundService.backgroundServiceEventReceived", note)
    chrome.send("BackgroundService.startObserving", {"service": "notifications"})
    chrome.send("BackgroundService.setRecording", {"service": "notifications", "shouldRecord": True})
    chrome.send("ServiceWorker.enable")
    for _ in range(200):
        if f"{door.url}/" in seen:
            break
        page.wait_for_timeout(100)  # events are handed out while it waits
    registration = seen[f"{door.url}/"]

    def push(data: str, *, title: str) -> dict[str, Any]:
        told = {"origin": door.url, "registrationId": registration, "data": data}
        chrome.send("ServiceWorker.deliverPushMessage", told)
        # Asked for too early, the browser forgets one that it wrote down and does not show yet.
        for _ in range(200):
            if title in shown:
                return notification(page, title)
            page.wait_for_timeout(100)
        message = f"no notification is called {title}: {shown}"
        raise AssertionError(message)

    at = datetime(2026, 11, 22, 10, tzinfo=UTC)
    said = {
        "title": "Gate",
        "body": "Motion",
        "url": "/inbox",
        "picture": "/notifications/x/picture.jpg",
        "tag": "gate.motion",
    }
    gate = push(json.dumps(said | {"at": at.isoformat()}), title="Gate")
    assert (gate["body"], gate["tag"], gate["url"]) == ("Motion", "gate.motion", f"{door.url}/inbox")
    assert gate["image"] in {f"{door.url}/notifications/x/picture.jpg", ""}  # not every system shows one
    assert gate["timestamp"] == at.timestamp() * 1000

    # Seen elsewhere, or not for this reader any more: it goes, and what has another tag stays.
    push(json.dumps(said | {"title": "Pool", "tag": "pool.motion"}), title="Pool")
    close = {"origin": door.url, "registrationId": registration, "data": json.dumps({"close": "gate.motion"})}
    chrome.send("ServiceWorker.deliverPushMessage", close)
    for _ in range(200):
        if count_tagged(page, "gate.motion") == 0:
            break
        page.wait_for_timeout(100)
    assert (count_tagged(page, "gate.motion"), count_tagged(page, "pool.motion")) == (0, 1)

    # What is not ours leads nowhere and is not fetched; what cannot be read says no more than that.
    abroad = {"title": "Trick", "url": "https://evil.example/", "picture": "https://evil.example/x.jpg"}
    trick = push(json.dumps(said | abroad), title="Trick")
    assert (trick["url"].rstrip("/"), trick["image"]) == (door.url, "")
    assert push("no JSON", title="Belvedere")["body"] == "Something happened."
    assert refused == []  # the worker may load the icon, the badge and the picture
    chrome.detach()


def count_tagged(page: Page, tag: str) -> int:
    """How many of this tag are shown."""
    look = """tag => navigator.serviceWorker.ready
      .then(registration => registration.getNotifications({tag})).then(all => all.length)"""
    return int(page.evaluate(look, tag))


def notification(page: Page, title: str) -> dict[str, Any]:
    """The one with this title, which is shown."""
    look = """title => navigator.serviceWorker.ready.then(registration => registration.getNotifications()).then(all => {
      const found = all.find(each => each.title === title);
      const {body, tag, image = "", timestamp, data} = found ?? {};
      return found && {body, tag, image, timestamp, url: data.url};
    })"""
    return dict(page.evaluate(look, title))


def offers_a_new_version(door: Door, page: Page) -> None:
    """Other files than before make another worker; it waits until its reader agrees."""
    files = door.served.folder / "static/staticfiles.json"
    told = json.loads(files.read_text())
    files.write_text(json.dumps(told | {"hash": "another"}))
    before = page.evaluate("caches.keys()")
    os.kill(door.served.role("serve control"), signal.SIGKILL)
    door.wait()
    page.evaluate("navigator.serviceWorker.ready.then(registration => registration.update()).then(() => true)")
    offer = page.get_by_text("There is a new version.")
    expect(offer).to_be_visible()
    page.evaluate("window.isOld = true")
    page.get_by_role("button", name="Reload").click()
    page.wait_for_function("!('isOld' in window)")
    expect(offer).to_have_count(0)
    page.wait_for_function("caches.keys().then(names => names.length === 1)")
    assert page.evaluate("caches.keys()") != before


def says_when_there_is_no_connection(door: Door, page: Page) -> None:
    with door.client() as client:
        assert client.get("/healthz").status_code == 200
    assert door.served.end() == 0
    with pytest.raises(httpx.ConnectError), door.client() as client:
        client.get("/healthz")
    page.goto(f"{door.url}/inbox")
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    expect(page.get_by_text("Recording does not depend on this device")).to_be_visible()
    expect(page.get_by_role("link", name="Try again")).to_be_visible()
    assert "olivia" not in page.content().lower()
    assert page.evaluate("document.styleSheets.length") == 4  # drawn with what is kept
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
