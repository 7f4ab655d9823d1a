"""A break-in, rehearsed on the running product (threats §7): keep what there is, renew the keys, let in again."""

import json
import os
import signal
import stat
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from e2e.running import DESK, PHONE, Demo, SignIn
from e2e.test_recovery import hotels_of, operate

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: a browser that is pushed to, as scripts see one: the true one would have to reach its maker's servers
PUSHED_TO = """
let kept = JSON.parse(localStorage.getItem("pushed-to") ?? "null");
const bytes = text => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0));
const made = () => kept && ({
  options: { applicationServerKey: bytes(kept.key).buffer },
  unsubscribe: async () => { kept = null; return true; },
  toJSON: () => ({ endpoint: kept.endpoint, keys: kept.keys }),
});
PushManager.prototype.getSubscription = async () => made();
PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
  const pair = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
  const text = raw => btoa(String.fromCharCode(...new Uint8Array(raw)));
  const safe = raw => text(raw).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const keys = {
    p256dh: safe(await crypto.subtle.exportKey("raw", pair.publicKey)),
    auth: safe(crypto.getRandomValues(new Uint8Array(16))),
  };
  kept = { key: safe(applicationServerKey), endpoint: `https://fcm.googleapis.com/${crypto.randomUUID()}`, keys };
  localStorage.setItem("pushed-to", JSON.stringify(kept));
  return made();
};
Object.defineProperty(Notification, "permission", { get: () => "granted" });
Notification.requestPermission = async () => "granted";
"""


def test_what_there_is_is_kept(demo: Demo, tmp_path: Path) -> None:
    """While it is served: one file, signed, without a secret (N37), and the owners hear of it."""
    to = tmp_path / "incident.zip"
    taken = operate(demo, "incident", "bundle", str(to), "--log", str(demo.folder.parent / "log"), "--json")
    assert taken.returncode == 0, taken.stderr
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    key = operate(demo, "export", "key").stdout.strip()
    proven = operate(demo, "incident", "verify", str(to), "--key", key, "--json")
    assert (proven.returncode, json.loads(proven.stdout)) == (0, json.loads(taken.stdout)), proven.stderr
    with zipfile.ZipFile(to) as archive:
        said = b"".join(archive.read(name) for name in archive.namelist()).decode()
    assert hotels_of(demo) in said
    for account in demo.accounts.values():
        assert account["api_token"] not in said
        assert account["password"] not in said
    assert demo.find_mail(demo.accounts["olivia"]["email"], "Records were taken to look into an incident")
    again = operate(demo, "incident", "bundle", str(to))
    assert (again.returncode, "there already" in again.stderr) == (1, True)


def test_every_key_is_renewed_while_cameras_are_watched(demo: Demo, sign_in: SignIn) -> None:
    """Who watches goes on; what was there before the rotation opens cameras afterwards; the past stays proven."""
    vera = sign_in("vera", viewport=PHONE, allow="WebSocket|50[23]")
    with demo.api("vera") as api:
        camera = api.get("cameras").json()["items"][0]["id"]
    vera.goto(f"{demo.url}/cameras/{camera}")
    playing = vera.locator("live-view[data-state=live]").first
    expect(playing).to_be_visible(timeout=60_000)
    old = operate(demo, "export", "key").stdout.strip()
    with demo.api("olivia") as api:
        page = api.get("cameras", params={"limit": 1}).json()["next"]
    rotated = operate(demo, "keys", "rotate", "--all", "--yes")
    assert (rotated.returncode, "rows sealed anew" in rotated.stderr) == (0, True), rotated.stderr
    expect(playing).to_be_visible()
    # The node comes back, and control, which was there before, opens every camera's way in for it.
    os.kill(demo.pid_of("media"), signal.SIGKILL)
    expect(playing).to_have_count(0, timeout=30_000)
    expect(playing).to_be_visible(timeout=60_000)
    listed = json.loads(operate(demo, "keys", "list", "--json").stdout)["keys"]
    assert {row["name"]: row["rows"] for row in listed if row["is_current"]}["master"] > 0
    assert [row["is_current"] for row in listed if row["name"] == "media"] == [True]
    assert [row["rows"] for row in listed if row["name"] == "master" and not row["is_current"]] == [0]
    with demo.api("olivia") as api:
        assert api.get("cameras", params={"limit": 1, "cursor": page}).status_code == 200
        known = api.get(f"{demo.url}/.well-known/belvedere-keys.json").json()["keys"]
    assert old in {row["public_key"] for row in known if row["until"] is not None}
    assert operate(demo, "audit", "verify").returncode == 0
    assert demo.find_mail(demo.accounts["olivia"]["email"], "Keys of your server were renewed")
    found = json.loads(operate(demo, "doctor", "--json").stdout)["findings"]
    assert [row["health"] for row in found if row["what"] in {"secrets", "keys"}] == ["ok", "ok"]


def test_a_browser_goes_over_to_the_new_key_of_pushes(demo: Demo, sign_in: SignIn) -> None:
    """Threats §8: devices subscribe again at the next opening, and nobody else is subscribed by it."""
    page = sign_in("olivia", viewport=DESK)
    page.add_init_script(PUSHED_TO)
    page.goto(f"{demo.url}/account/notifications")
    with page.expect_navigation():
        page.get_by_role("button", name="Push to this browser").click()
    before = page.evaluate("JSON.parse(localStorage.getItem('pushed-to'))")
    assert operate(demo, "keys", "rotate", "vapid", "--yes").returncode == 0
    page.evaluate("sessionStorage.clear()")  # as when the app is opened anew
    with page.expect_response(
        lambda answer: answer.url.endswith("/push-subscriptions") and answer.request.method == "POST"
    ) as renewed:
        page.goto(f"{demo.url}/account")
    assert renewed.value.status == 201
    after = page.evaluate("JSON.parse(localStorage.getItem('pushed-to'))")
    assert after["key"] != before["key"]
    server = page.evaluate("fetch('/api/v1/push-subscriptions').then(answer => answer.json()).then(told => told.key)")
    assert server == after["key"]


def test_the_operator_freezes_an_organization(demo: Demo, sign_in: SignIn) -> None:
    """From the command line, at once; Sam and Olivia are told, and it thaws as it came."""
    hotels = hotels_of(demo)
    with demo.api("leo") as api:
        camera = next(row["id"] for row in api.get("cameras").json()["items"] if row["organization"] == hotels)
    leo = sign_in("leo", viewport=PHONE, allow="409|WebSocket")
    leo.goto(f"{demo.url}/cameras/{camera}")
    expect(leo.locator("live-view[data-state=live]").first).to_be_visible(timeout=60_000)
    assert operate(demo, "organizations", "freeze", "Harbour Hotels").returncode == 0
    expect(leo.locator("live-view[data-state=live]")).to_have_count(0, timeout=30_000)
    leo.reload()
    expect(leo.get_by_text("This organization is frozen for a while")).to_be_visible()
    for name in ("olivia", "sam"):
        assert demo.find_mail(demo.accounts[name]["email"], "Harbour Hotels is frozen")
    assert operate(demo, "organizations", "thaw", hotels).returncode == 0
    leo.reload()
    expect(leo.locator("live-view[data-state=live]").first).to_be_visible(timeout=60_000)


def test_an_account_is_disabled_and_comes_back(demo: Demo, sign_in: SignIn) -> None:
    """His picture ends at once; who watches over the hotels is told of both."""
    hotels = hotels_of(demo)
    with demo.api("leo") as api:
        camera = next(row["id"] for row in api.get("cameras").json()["items"] if row["organization"] == hotels)
    leo = sign_in("leo", viewport=PHONE, allow="40[13]|WebSocket")
    leo.goto(f"{demo.url}/cameras/{camera}")
    expect(leo.locator("live-view[data-state=live]").first).to_be_visible(timeout=60_000)
    email = demo.accounts["leo"]["email"]
    assert operate(demo, "accounts", "disable", email, "--yes").returncode == 0
    expect(leo.locator("live-view[data-state=live]")).to_have_count(0, timeout=15_000)
    assert demo.find_mail(demo.accounts["sam"]["email"], "was disabled")
    enabled = operate(demo, "accounts", "enable", email)
    assert enabled.returncode == 0, enabled.stderr
    assert demo.find_mail(email, "Your account works again")
    again = sign_in("leo", viewport=PHONE)
    again.goto(f"{demo.url}/cameras/{camera}")
    expect(again.locator("live-view[data-state=live]").first).to_be_visible(timeout=60_000)
