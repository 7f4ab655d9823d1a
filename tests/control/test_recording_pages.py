"""The pages of recordings: how a camera is recorded, what it says beside it, and what one took along."""

import base64
import re
from datetime import timedelta
from typing import Any

import pytest

import cast
from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import RecordMode
from belvedere.control.core import clock
from belvedere.control.core.signing import public_key
from belvedere.control.devices.services import disable_device
from belvedere.control.recordings.forecast import Forecast
from belvedere.control.recordings.manifests import KEY
from belvedere.control.recordings.selectors import get_recording_settings
from belvedere.control.recordings.services import change_recording_settings, open_export
from belvedere.control.web.recording_words import forecast_words, hours_lines, parse_line, size_words
from control.footage import DAY, HOUR, PAST, ago, come, finish, holding, report, share_the_last
from control.watching import Node, hello, with_token

SCHEDULE: dict[str, Any] = {"zone": "Europe/Madrid", "weekly": {"mon": [["08:00", "18:00"], ["22:00", "24:00"]]}}


def text_of(answer: Any) -> str:
    """A page's words alone."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


# ── Words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("typed", "windows"),
    [
        ("", []),
        ("08:00–18:00, 22:00–24:00", [["08:00", "18:00"], ["22:00", "24:00"]]),
        (" 8:00 - 9:30 ,", [["08:00", "09:30"]]),
    ],
)
def test_hours_as_one_types_them(typed: str, windows: list[list[str]]) -> None:
    assert parse_line(typed) == windows


@pytest.mark.parametrize("typed", ["8-9", "18:00–08:00", "10:00–10:00", "23:00–24:01", "10:60–11:00", "noon"])
def test_what_are_no_hours(typed: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_line(typed)


def test_hours_are_shown_as_they_are_typed() -> None:
    lines = hours_lines(SCHEDULE)
    assert lines["mon"] == "08:00–18:00, 22:00–24:00"
    assert lines["tue"] == ""
    assert parse_line(lines["mon"]) == SCHEDULE["weekly"]["mon"]


@pytest.mark.parametrize(
    ("size", "words"), [(900, "1 kB"), (1.26e6, "1.3 MB"), (64e6, "64 MB"), (1.84e9, "1.8 GB"), (2e12, "2.0 TB")]
)
def test_sizes_in_words(size: float, words: str) -> None:
    assert size_words(size) == words


def test_forecasts_in_words() -> None:
    assert forecast_words(None) == ""
    assert "about 11 days back: then the disk is full" in forecast_words(Forecast(11.2, "disk"))
    assert "about 1 day back, as you set it" in forecast_words(Forecast(1, "days"))
    assert "about 5 hours back: then the gigabytes" in forecast_words(Forecast(0.2, "bytes"))


# ── How a camera is recorded ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_form_without_scripts_sets_everything(people: cast.Cast) -> None:
    client = people.olivia.browser()
    address = f"/cameras/{people.counter}/recording"
    form = {
        "mode": "scheduled",
        "quality": "sub",
        "with_audio": "on",
        "keep_days": "30",
        "keep_gb": "1.5",
        "zone": "Europe/Madrid",
        "mon": "08:00–18:00, 22:00–24:00",
    }
    assert client.post(address, form).status_code == 302
    view = get_recording_settings(people.olivia.actor, people.counter)
    assert (view.mode, view.quality, view.with_audio) == ("scheduled", "sub", True)
    assert (view.keep_days, view.keep_bytes, view.hours) == (30, 1_500_000_000, SCHEDULE)
    page = client.get(address).content.decode()
    assert 'value="08:00–18:00, 22:00–24:00"' in page
    assert 'value="1.5"' in page


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"mon": "8 to 9"}, "Hours look like"),
        ({"mode": "scheduled", "mon": ""}, "at which hours"),
        ({"mon": "08:00–09:00", "zone": "Mars/Base"}, "known time zone"),
        ({"keep_gb": "0.01"}, "at least 0.1 GB"),
        ({"keep_days": "366"}, "365"),
    ],
)
def test_what_is_wrong_stands_by_its_field_and_nothing_is_changed(
    people: cast.Cast, wrong: dict[str, str], words: str
) -> None:
    form = {"mode": "continuous", "quality": "main", "keep_days": "9", "zone": "UTC"} | wrong
    answer = people.olivia.browser().post(f"/cameras/{people.counter}/recording", form)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert get_recording_settings(people.olivia.actor, people.counter).keep_days == 7


def test_the_marks_say_how_it_goes_to_those_who_can_mend_it(people: cast.Cast) -> None:
    """B-3: whoever may not configure a camera reads nothing of its disks."""
    hello()
    report(holding(people.counter, ago(HOUR), ago(timedelta(seconds=5)), is_recording=True))
    mine = people.olivia.browser()
    assert mine.get(f"/cameras/{people.counter}").context["camera"]["recording"]["state"] == "on"
    change_recording_settings(people.olivia.actor, camera=people.pool, mode=RecordMode.OFF)
    tiles = {row["name"]: row["recording"]["state"] for row in mine.get("/").context["cameras"]}
    assert (tiles["Counter"], tiles["Pool"], tiles["Courtyard"]) == ("on", "off", "not")
    assert "Not recording" in text_of(mine.get(f"/cameras/{people.courtyard}"))
    page = people.vera.browser().get(f"/cameras/{people.counter}")
    assert page.context["camera"]["recording"] is None
    assert "ecording" not in text_of(page)


# ── The past on the camera's page ────────────────────────────────────────────────────────────────────────────────────


def test_the_time_line_is_for_those_who_may_look_back_and_knows_their_window(people: cast.Cast) -> None:
    """N23: the page itself names no instant before the window; without playback there is nothing of the past on it."""
    rita = people.rita
    share_the_last(DAY, people.olivia, rita, people.courtyard, PAST)
    page = rita.browser().get(f"/cameras/{people.courtyard}")
    earliest = page.context["footage"]["earliest"]
    assert abs(earliest - ago(DAY)) < 60
    assert page.context["footage"]["zone"] == ""  # where the place is, is the owner's to say
    assert f'earliest="{earliest}"' in page.content.decode()
    assert "export-panel" not in page.content.decode()
    people.olivia.share(rita, people.pool, permissions=Permission.LIVE_VIEW)
    page = rita.browser().get(f"/cameras/{people.pool}")
    assert page.context["footage"] is None
    assert "<time-line" not in page.content.decode()


def test_what_was_switched_off_can_still_be_looked_back_at(people: cast.Cast) -> None:
    client = people.olivia.browser()
    device = client.get(f"/api/v1/cameras/{people.pool}").json()["device"]
    disable_device(people.olivia.actor, device=device)
    page = client.get(f"/cameras/{people.pool}").content.decode()
    assert " past-only" in page
    assert "Switched off" in page


# ── Exports ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_export_without_scripts_is_a_link(people: cast.Cast, footage: Node) -> None:
    """The same service, the same refusals, as a page."""
    del footage
    client = people.olivia.browser()
    end = clock.now() - 2 * HOUR
    form = {"from": (end - timedelta(minutes=3)).strftime("%Y-%m-%dT%H:%M"), "to": end.strftime("%Y-%m-%dT%H:%M:%S")}
    answer = client.post(f"/cameras/{people.courtyard}/export", form)
    assert answer.status_code == 200
    assert "/media/v1/open?ticket=" in answer.content.decode()
    # A length that wants to know once more who asks leads to the page that does.
    long = form | {"from": (end - DAY).isoformat()}
    stale = clock.now() + timedelta(minutes=11)
    with clock.frozen_at(stale):
        answer = client.post(f"/cameras/{people.courtyard}/export", long)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/account/reauthenticate?")
    for wrong, status, words in (
        ({"from": "", "to": "x"}, 422, "Say from when to when"),
        ({"from": form["to"], "to": form["from"]}, 422, "must come after"),
        ({"from": "2020-01-01T10:00", "to": "2020-01-01T10:01"}, 404, "no recording of that time"),
    ):
        answer = client.post(f"/cameras/{people.courtyard}/export", wrong)
        assert answer.status_code == status
        assert words in text_of(answer)


def test_one_reads_ones_own_exports_alone(people: cast.Cast, footage: Node) -> None:
    """B-6: the list is whose it is. While one runs, the page asks again each second; a script gets the list alone."""
    del footage
    end = clock.now() - 2 * HOUR
    ticket = open_export(with_token(people.olivia), camera=people.courtyard, start=end - timedelta(minutes=2), end=end)
    come(ticket)
    client = people.olivia.browser()
    page = client.get("/exports")
    assert [row["state"] for row in page.context["exports"]] == ["running"]
    assert "every 1s" in page.content.decode()
    assert finish(ticket.session)
    for address, headers in (("/exports", {}), (f"/exports?camera={people.courtyard}", {"HX-Request": "true"})):
        page = client.get(address, headers=headers)
        assert [row["state"] for row in page.context["exports"]] == ["done"]
        assert "every 1s" not in page.content.decode()
        assert ("<html" in page.content.decode()) is not bool(headers)
    assert f"--key {export_key()}" in client.get("/exports").content.decode()
    assert client.get(f"/exports?camera={people.pool}").context["exports"] == []
    assert people.vera.browser().get("/exports").context["exports"] == []


def export_key() -> str:
    """The key that exports are signed with here."""
    return base64.b64encode(public_key(KEY)).decode()
