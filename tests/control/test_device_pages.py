"""The pages of devices: their list and what deserves a look, one device's own, labels, the mark of what is off."""

import io
import re
from datetime import timedelta
from typing import Any

import pytest
import segno
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

import cast
from belvedere.control.core import clock
from belvedere.control.devices import services
from belvedere.control.devices.health import list_health
from belvedere.control.devices.labels import parse_label
from belvedere.control.devices.models import Camera, Device, StateChange
from belvedere.control.devices.selectors import get_camera, get_device
from belvedere.control.organizations.services import add_site
from belvedere.control.web.device_words import drift_words


def device_of(person: cast.Person, camera: str) -> str:
    device = get_camera(person.actor, camera).device
    assert device
    return device


def text_of(answer: Any) -> str:
    """A page's words alone."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def picture_of(text: str, form: str = "PNG") -> bytes:
    """A QR code as a picture."""
    drawn, kept = io.BytesIO(), io.BytesIO()
    segno.make(text).save(drawn, kind="png", scale=6)
    Image.open(drawn).convert("RGB").save(kept, form)
    return kept.getvalue()


def read(client: Client, picture: bytes) -> Any:
    return client.post("/devices/label", {"picture": SimpleUploadedFile("label.png", picture)})


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_deserves_a_look_is_found(people: cast.Cast) -> None:
    """VV 35: away for longer than five minutes, or a clock that is more than half a minute off; a hiccup is neither."""
    at = clock.now()
    for camera, minutes in ((people.courtyard, 6), (people.pool, 2)):
        since = at - timedelta(minutes=minutes)
        Camera.objects.filter(pk=camera).update(state="offline", state_since=since, error="unreachable")
    Device.objects.filter(pk=device_of(people.olivia, people.counter)).update(clock_drift_s=-7200.0)
    client = people.olivia.browser()
    rows = client.get("/devices?show=attention").context["devices"]
    assert {row["name"]: row["alerts"] for row in rows} == {"Courtyard": ["away"], "Counter": ["clock"]}
    assert "Clock 2 hours slow" in text_of(client.get("/devices"))
    assert {row["name"] for row in client.get("/devices?q=pool").context["devices"]} == {"Pool"}
    services.disable_device(people.olivia.actor, device=device_of(people.olivia, people.courtyard))
    assert {row["name"] for row in client.get("/devices?show=attention").context["devices"]} == {"Counter"}
    assert {row["name"] for row in client.get("/devices?show=off").context["devices"]} == {"Courtyard"}


@pytest.mark.parametrize(
    ("drift", "words"),
    [
        (None, ""),
        (0.4, "right to the second"),
        (-20, "right within half a minute"),
        (31, "1 minute fast"),
        (-7200, "2 hours slow"),
        (86400 * 365, "365 days fast"),
    ],
)
def test_clocks_in_words(drift: float | None, words: str) -> None:
    assert drift_words(drift) == words


# ── Off, and everybody sees it ───────────────────────────────────────────────────────────────────────────────────────


def test_a_camera_that_is_off_says_so_everywhere(people: cast.Cast) -> None:
    """Nobody blinds a camera silently: members read who did it, a recipient reads that it is, and no name (N14)."""
    device = device_of(people.olivia, people.counter)
    owner, recipient = people.olivia.browser(), people.vera.browser()
    assert owner.post(f"/devices/{device}/switch", {"to": "off"}).headers["Location"] == f"/devices/{device}"
    for address in ("/", f"/cameras/{people.counter}", "/devices", f"/devices/{device}"):
        assert "Switched off by Olivia" in text_of(owner.get(address)), address
    for address in ("/", f"/cameras/{people.counter}"):
        page = recipient.get(address)
        assert "Switched off" in text_of(page)
        assert "by Olivia" not in text_of(page).replace("Shared by Olivia", "")
        assert f'camera="{people.counter}"' not in page.content.decode()
    answer = people.vera.api().post(f"/api/v1/cameras/{people.counter}/tickets", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "switched_off")
    owner.post(f"/devices/{device}/switch", {"to": "on"})
    assert "Switched off" not in text_of(recipient.get("/"))


# ── One device ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_day_in_stretches_drops_and_words(people: cast.Cast) -> None:
    """VA-9: what the bar shows, the words beside it say; what nobody knows counts for nothing."""
    at = clock.now()
    for hours, is_online in ((12, True), (6, False), (3, True)):
        StateChange.objects.create(camera_id=people.pool, at=at - timedelta(hours=hours), is_online=is_online)
    device = device_of(people.olivia, people.pool)
    found = list_health(get_device(people.olivia.actor, device))[people.pool]
    assert [(row.is_online, round(row.length * 24)) for row in found.stretches] == [(True, 6), (False, 3), (True, 3)]
    assert found.drops == 1
    assert found.uptime == pytest.approx(0.75, abs=0.01)
    page = people.olivia.browser().get(f"/devices/{device}")
    assert "Up 75 % of the last day" in text_of(page)
    assert 'aria-label="Pool was online 75 % of what is known of the last 24 hours"' in page.content.decode()
    assert "style=" not in page.content.decode()


def test_a_move_says_first_whom_it_concerns(people: cast.Cast) -> None:
    device = device_of(people.olivia, people.pool)
    barn = add_site(people.olivia.actor, organization=people.olivia.organization, name="Barn").id
    client = people.olivia.browser()
    assert "No member loses sight" in text_of(client.get(f"/devices/{device}/move?site={barn}"))
    assert client.post(f"/devices/{device}/move", {"site": barn}).status_code == 302
    assert get_device(people.olivia.actor, device).site == barn
    again = client.post(f"/devices/{device}/move", {"site": barn})
    assert (again.status_code, "stands on that site already" in text_of(again)) == (409, True)


def test_a_new_address_wants_everything_typed_anew(people: cast.Cast) -> None:
    """N26, N37: the form comes empty, and a refusal brings no password back."""
    device = device_of(people.olivia, people.pool)
    client = people.olivia.browser()
    page = client.get(f"/devices/{device}/address").content.decode()
    assert cast.CANARY not in page
    assert "canary-user" not in page
    typed = {"way": "address", "address": "rtsp://192.0.2.7/x", "username": "u", "password": "s3cret-s3cret"}
    refused = client.post(f"/devices/{device}/address", typed)
    assert refused.status_code == 403
    assert "s3cret-s3cret" not in refused.content.decode()
    done = client.post(f"/devices/{device}/address", typed | {"address": "rtsp://127.0.0.1:9/x", "transport": "udp"})
    assert done.headers["Location"] == f"/devices/{device}"
    assert get_device(people.olivia.actor, device).transport == "udp"


def test_a_recorder_by_its_brand(people: cast.Cast) -> None:
    """The ticked channels alone become cameras, at the brand's own addresses."""
    form = {
        "way": "brand",
        "template": "hikvision",
        "host": "127.0.0.1",
        "count": "8",
        "has_channels": "1",
        "channel": ["2", "5"],
        "name.2": "Gate",
        "name": "Barn",
        "site": people.olivia.site,
        "skip_test": "on",
    }
    client = people.olivia.browser()
    address = client.post("/devices/add", form).headers["Location"]
    view = get_device(people.olivia.actor, address.rpartition("/")[2])
    assert view.kind == "recorder"
    assert {row.name for row in view.cameras} == {"Gate", "Barn 2"}
    nothing = client.post("/devices/add", form | {"channel": [], "host": "127.0.0.2"})
    assert (nothing.status_code, "Tick at least one channel" in text_of(nothing)) == (422, True)


# ── Labels ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://192.168.1.20", {"address": "http://192.168.1.20"}),
        ("rtsp://cam.lan/live", {"address": "rtsp://cam.lan/live"}),
        ("{SN:4M07ABCPAJ12345,DT:IPC-X,SC:L2AAAA}", {"serial": "4M07ABCPAJ12345"}),
        ("MAC: 00-00-5E-00-53-01", {"mac": "00005e005301"}),
        ("00:00:5e:00:53:01", {"mac": "00005e005301"}),
        ("https://maker.example/app", {}),
        ("rtsp://user:secret@192.168.1.20/live", {}),
        ("WIFI:S:home;P:secret;;", {}),
        ("a\x00b\n", {}),
    ],
)
def test_what_labels_say(text: str, found: dict[str, str]) -> None:
    label = parse_label(text)
    said = {key: getattr(label, key) for key in ("address", "serial", "mac")}
    assert said == {"address": "", "serial": "", "mac": ""} | found


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_picture_of_a_label_fills_the_form(people: cast.Cast, form: str) -> None:
    page = read(people.olivia.browser(), picture_of("http://192.168.1.20", form))
    assert page.context["form"]["address"].value() == "http://192.168.1.20"


def test_a_camera_s_frames_are_answered_in_short(people: cast.Cast) -> None:
    """Two a second: a frame without a code is no fault, and its text is all that goes back. Large ones are let by."""
    client = people.olivia.browser()

    def send(picture: bytes) -> Any:
        return client.post("/devices/label", {"frame": "1", "picture": SimpleUploadedFile("frame.jpg", picture)})

    found = send(picture_of("http://192.168.1.20", "JPEG"))
    assert (found.status_code, found.json()) == (200, {"text": "http://192.168.1.20"})
    blank = io.BytesIO()
    Image.new("RGB", (640, 480), "white").save(blank, "JPEG")
    for nothing in (blank.getvalue(), b"\xff\xd8\xff broken", picture_of("x" * 20, "JPEG") + bytes(512 * 1024)):
        assert send(nothing).status_code == 204


def test_what_is_no_label_is_shown_as_text(people: cast.Cast) -> None:
    """N38: as text, whatever it is."""
    page = read(people.olivia.browser(), picture_of("<script>alert(1)</script>"))
    assert "&lt;script&gt;alert(1)" in page.content.decode()
    assert "<script>alert" not in page.content.decode()


def _large() -> bytes:
    kept = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(kept, "PNG")
    return kept.getvalue()


@pytest.mark.parametrize(
    "picture",
    [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + bytes(100), picture_of("x")[:200], b"\xff\xd8\xff" * 2_000_000, _large()],
    ids=["empty", "another-kind", "broken", "cut", "six-megabytes", "400-megapixels"],
)
def test_what_is_no_picture_is_refused(people: cast.Cast, picture: bytes) -> None:
    """N30: by its first bytes, its size, its pixels; a decoder that fails fails alone."""
    answer = read(people.olivia.browser(), picture)
    assert answer.status_code in {400, 422}
    assert answer.status_code == 400 or "ictur" in text_of(answer)
