"""The share flow: presets, terms, and the sentence that says what will be true. HC-12, HC-14, VA-20, B-5, B-6."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.core import clock
from belvedere.control.devices.models import Camera
from belvedere.control.organizations.models import Site
from belvedere.control.sharing.presets import PRESETS
from belvedere.control.sharing.selectors import GivenShare, list_given
from belvedere.control.sharing.services import accept_share, change_share, end_share
from belvedere.control.sharing.terms import DAY, EVERYTHING, Footage
from belvedere.control.sharing.words import footage_words, hours_words
from belvedere.control.web.share_words import cannot_words, sees_words

LOOK = Permission.LIVE_VIEW
ZONE = "Europe/Madrid"


@pytest.fixture
def olivia(people: cast.Cast) -> Client:
    """Olivia at her browser; her cameras are in Madrid."""
    Site.objects.filter(pk=people.olivia.site).update(time_zone=ZONE)
    return people.olivia.browser()


def form(people: cast.Cast, step: str, **more: Any) -> dict[str, Any]:
    return {"to": people.rita.email, "camera": [people.courtyard], "step": step, **more}


def words(answer: Any) -> str:
    """The page's text, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", answer.content.decode())).split())


def offered(people: cast.Cast) -> GivenShare:
    return next(row for row in list_given(people.olivia.actor) if row.recipient_address == people.rita.email)


def stamp(at: datetime) -> str:
    return at.astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-%dT%H:%M")


def test_the_whole_story_in_one_sentence(people: cast.Cast, olivia: Client) -> None:
    """HC-12, B-5, B-6: two cameras with their own sets, a day of playback, weekdays 8–18, until a day; it is so."""
    end = datetime(clock.now().year + 1, 12, 31, tzinfo=ZoneInfo(ZONE))
    fields = form(
        people,
        "review",
        camera=[people.courtyard, people.pool],
        permission=[f"{people.courtyard}.live_view", f"{people.courtyard}.playback", f"{people.pool}.live_view"],
        asked="1",
        time="until",
        ends=end.strftime("%Y-%m-%dT%H:%M"),
        footage="day",
        **dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "08:00-18:00"),
    )
    review = olivia.post("/share", fields)
    assert review.status_code == 200
    said = words(review)
    assert (
        "rita@example.org will see Courtyard live, and recordings of the last 24 hours. "
        f"rita@example.org will see Pool live, weekdays 8–18, until 31 December {end.year}." in said
    )
    assert "can leave at any time. You can end it at any time" in said
    # The review's own form sends it: all that was chosen travels in it.
    kept = dict.fromkeys(re.findall(r'type="hidden" name="(\w+)"', review.content.decode()))
    sent = {name: review_values(review, name) for name in kept} | {"step": "sent", "message": "for the plants"}
    assert olivia.post("/share", sent).status_code == 200
    given = offered(people)
    assert {item.name: (item.permissions, item.footage) for item in given.items} == {
        "Courtyard": (LOOK | Permission.PLAYBACK, Footage(DAY)),
        "Pool": (LOOK, EVERYTHING),
    }
    assert given.ends_at == end
    assert given.hours == {
        "zone": ZONE,
        "weekly": {day: [["08:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
    }


def review_values(answer: Any, name: str) -> list[str]:
    """What a page's hidden fields of this name hold."""
    page = answer.content.decode()
    return [html.unescape(value) for value in re.findall(rf'type="hidden" name="{name}" value="([^"]*)"', page)]


@pytest.mark.parametrize("preset", [row.id for row in PRESETS])
def test_a_preset_fills_the_form_in(people: cast.Cast, olivia: Client, preset: str) -> None:
    """VA-20: by a plain submit button. Nothing is sent by it, and everything can be changed."""
    answer = olivia.post("/share", form(people, "review", preset=preset))
    assert answer.status_code == 200
    assert answer.context["step"] == "permissions"
    row = next(row for row in PRESETS if row.id == preset)
    [line] = answer.context["grid"]["rows"]
    ticked = {cell["key"] for cell in line["cells"] if cell["chosen"]}
    assert "live" in ticked
    assert ("playback" in ticked) == (Permission.PLAYBACK in row.permissions)
    assert (answer.context["terms"]["time"].value() == "until") == bool(row.lasts_s)
    assert answer.context["terms"].is_hourly == bool(row.weekly)
    assert not [given for given in list_given(people.olivia.actor) if given.recipient_address == people.rita.email]


def test_nobody_listens_or_talks_by_a_preset(people: cast.Cast, olivia: Client) -> None:
    """Threats 5: what is heard, and who is spoken to, is decided by hand. VA-19: none gives everything."""
    Camera.objects.filter(pk=people.courtyard).update(has_audio=True, has_talk=True, has_ptz=True)
    for row in PRESETS:
        assert not row.permissions & (Permission.LISTEN | Permission.TALK), row.id
        page = olivia.post("/share", form(people, "permissions", preset=row.id))
        assert not {cell["key"] for cell in page.context["grid"]["rows"][0]["cells"] if cell["chosen"]} & {
            "listen",
            "talk",
        }
    # *All permissions* is no preset, and means all (HC-12).
    page = olivia.post("/share", form(people, "permissions", preset="all"))
    assert all(cell["chosen"] for cell in page.context["grid"]["rows"][0]["cells"])


def test_what_a_camera_has_not_is_not_offered(people: cast.Cast, olivia: Client) -> None:
    """HC-2: no sound, no column for it; forged, it is not given."""
    Camera.objects.filter(pk=people.pool).update(has_audio=True)
    page = olivia.post("/share", form(people, "permissions", camera=[people.courtyard, people.pool]))
    cells = {row["name"]: {cell["key"]: cell["value"] for cell in row["cells"]} for row in page.context["grid"]["rows"]}
    assert cells["Pool"]["listen"]
    assert not cells["Courtyard"]["listen"]
    olivia.post("/share", form(people, "sent", permission=["live_view", "listen", "share", "nonsense"], asked="1"))
    assert offered(people).items[0].permissions == LOOK


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"permission": []}, "Choose what they may do"),
        ({"permission": ["export"]}, "export needs playback"),
        ({"permission": ["share"]}, "Choose what they may do"),
        ({"time": "until"}, "Say until when"),
        ({"time": "until", "ends": "2020-01-01T00:00"}, "lies in the past"),
        ({"time": "between", "starts": "2098-01-02T00:00", "ends": "2098-01-01T00:00"}, "before the start"),
        ({"time": "until", "ends": "tomorrow"}, "not right"),
        ({"time": "sometimes"}, "not right"),
        ({"mon": "18-8"}, "Hours look like"),
        ({"mon": "18:00-08:00"}, "Hours look like"),
        ({"footage": "decade", "permission": ["live_view", "playback"]}, "not right"),
    ],
    ids=str,
)
@pytest.mark.parametrize("step", ["review", "sent"])
def test_what_is_wrong_is_said_where_it_is(
    people: cast.Cast, olivia: Client, wrong: dict[str, Any], says: str, step: str
) -> None:
    """Errors stand on the step, what was typed is kept, nothing is sent."""
    fields = form(people, step, asked="1", **({"permission": ["live_view"]} | wrong))
    answer = olivia.post("/share", fields)
    assert (answer.status_code, answer.context["step"]) == (422, "permissions")
    assert says in words(answer)
    for value in wrong.values():
        if isinstance(value, str) and value not in {"sometimes", "decade", "until", "between"}:
            assert value in answer.content.decode()
    assert not [given for given in list_given(people.olivia.actor) if given.recipient_address == people.rita.email]


def test_hours_are_those_of_the_camera(people: cast.Cast, olivia: Client) -> None:
    """B-5: eight o'clock in Madrid, whoever types it from where."""
    end = clock.now() + timedelta(days=3)
    olivia.post("/share", form(people, "sent", permission=["live_view"], time="until", ends=stamp(end)))
    given = offered(people)
    assert given.ends_at == end.replace(second=0, microsecond=0)


def test_both_sides_read_the_terms(people: cast.Cast, olivia: Client) -> None:
    """HC-17, HC-21, B-5: the offer, the card and the camera's page say until when, at which hours, how far back."""
    end = clock.now() + timedelta(days=3)
    every_day = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "00:00-24:00")
    fields = form(
        people, "sent", permission=["live_view", "playback"], time="until", ends=stamp(end), footage="week", **every_day
    )
    olivia.post("/share", fields)
    rita = people.rita.browser()
    inbox = words(rita.get("/inbox"))
    assert "every day" in inbox
    assert "2 days left" in inbox
    assert "Recordings of the last 7 days" in inbox
    sharing = words(olivia.get("/sharing"))
    assert "every day" in sharing
    accept_share(people.rita.actor, share=offered(people).id)
    for client, page in ((rita, "/"), (rita, f"/cameras/{people.courtyard}"), (olivia, f"/cameras/{people.courtyard}")):
        said = words(client.get(page))
        assert "every day" in said, page
        assert "until" in said, page


def test_at_the_wrong_hour_the_page_says_when(people: cast.Cast, olivia: Client) -> None:
    """B-5, HC-2: no picture and no camera, but the reason: it opens again by itself. A stranger gets nothing (N13)."""
    noon = datetime(2026, 12, 2, 11, tzinfo=UTC)  # a Wednesday
    with clock.frozen_at(noon):
        olivia.post("/share", form(people, "sent", permission=["live_view"], wed="08:00-18:00"))
        accept_share(people.rita.actor, share=offered(people).id)
    rita, xena = people.rita.browser(), people.xena.browser()
    with clock.frozen_at(noon + timedelta(hours=9)):
        answer = rita.get(f"/cameras/{people.courtyard}")
        assert answer.status_code == 404
        assert "Wed 8–18" in words(answer)
        assert "Courtyard" in words(answer)
        other = xena.get(f"/cameras/{people.courtyard}")
        assert other.status_code == 404
        assert "Courtyard" not in words(other)
        # Whoever owns it sees that she has it, whatever the hour.
        assert "Rita" in words(olivia.get(f"/cameras/{people.courtyard}/access"))


def test_what_ran_out_says_so(people: cast.Cast, olivia: Client) -> None:
    """VA-18: the recipient reads that it ended as agreed."""
    end = clock.now() + timedelta(hours=2)
    olivia.post("/share", form(people, "sent", permission=["live_view"], time="until", ends=stamp(end)))
    accept_share(people.rita.actor, share=offered(people).id)
    rita = people.rita.browser()
    with clock.frozen_at(end):
        answer = rita.get(f"/cameras/{people.courtyard}")
        assert answer.status_code == 404
        assert "ended as agreed" in words(answer)
        assert "ended as agreed" in words(rita.get("/inbox"))


def test_the_api_has_the_presets(people: cast.Cast) -> None:
    """VA-20, HC-31: the same for programs."""
    items = people.rita.api().get("/api/v1/presets").json()["items"]
    assert [row["id"] for row in items] == ["family", "neighbour", "staff", "manager", "installer"]
    staff = next(row for row in items if row["id"] == "staff")
    assert staff["permissions"] == ["live_view", "playback"]
    assert staff["footage"] == {"last": "P1D"}
    assert staff["weekly"]["fri"] == [["08:00", "18:00"]]
    assert next(row for row in items if row["id"] == "installer")["lasts"] == "PT8H"


# ── Words ──


@pytest.mark.parametrize(
    ("weekly", "said"),
    [
        ({day: [["08:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}, "weekdays 8–18"),
        ({day: [["00:00", "24:00"]] for day in ("sat", "sun")}, "weekends"),
        ({"mon": [["08:30", "12:00"], ["14:00", "18:00"]], "tue": [["08:30", "12:00"], ["14:00", "18:00"]]},
         "Mon–Tue 8:30–12, 14–18"),
        ({"mon": [["08:00", "12:00"]], "thu": [["08:00", "12:00"]]}, "Mon 8–12; Thu 8–12"),
        ({day: [["20:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}, "every day 20–24"),
    ],
    ids=str,
)  # fmt: skip
def test_hours_in_words(weekly: dict[str, Any], said: str) -> None:
    assert hours_words({"zone": "UTC", "weekly": weekly}) == said


def test_rights_in_words() -> None:
    back = LOOK | Permission.PLAYBACK
    assert sees_words(LOOK, EVERYTHING) == "live"
    assert sees_words(back, Footage(30 * DAY)) == "live, and recordings of the last 30 days"
    assert sees_words(Permission.PLAYBACK, Footage(is_since_grant=True)) == "recordings from the day they accept"
    assert sees_words(back, EVERYTHING) == "live, and recordings"
    assert footage_words(Footage(DAY)) == "of the last 24 hours"
    assert cannot_words(back) == "They can’t listen, export, talk, move the camera, or share any of it."


# ── Changing it later ──


def test_when_is_changed_on_a_page(people: cast.Cast, olivia: Client) -> None:
    """HC-21, HC-32: the form is as the share is; saved, it is so; what is not touched stays."""
    share = people.olivia.share(people.rita, people.courtyard, permissions=LOOK | Permission.PLAYBACK)
    change_share(people.olivia.actor, share=share, terms={"footage": Footage(5 * DAY)})  # what no button says
    page = f"/sharing/{share}/terms"
    shown = olivia.get(page)
    assert (shown.context["terms"]["time"].value(), shown.context["version"]) == ("always", "2")
    assert not re.search(r'name="footage"[^>]*checked', shown.content.decode())
    end = clock.now() + timedelta(days=2)
    saved = olivia.post(page, {"version": "2", "time": "until", "ends": stamp(end), "sat": "10:00-12:00"})
    assert saved.status_code == 302
    row = offered(people)
    assert row.ends_at == end.replace(second=0, microsecond=0)
    assert row.hours == {"zone": ZONE, "weekly": {"sat": [["10:00", "12:00"]]}}
    assert row.items[0].footage == Footage(5 * DAY)
    again = olivia.get(page).context["terms"]
    assert (again["time"].value(), again["ends"].value(), again["sat"].value()) == ("until", stamp(end), "10:00–12:00")
    olivia.post(page, {"version": "3", "time": "always", "footage": "day"})
    row = offered(people)
    assert (row.ends_at, row.hours, row.items[0].footage) == (None, None, Footage(DAY))


def test_of_two_pages_the_second_shows_what_is(people: cast.Cast, olivia: Client) -> None:
    """HC-21: nothing is overwritten that was not read."""
    share = people.olivia.share(people.rita, people.courtyard)
    page, end = f"/sharing/{share}/terms", clock.now() + timedelta(days=2)
    olivia.post(page, {"version": "1", "time": "until", "ends": stamp(end)})
    second = olivia.post(page, {"version": "1", "time": "always"})
    assert (second.status_code, second.context["version"]) == (409, "2")
    assert second.context["terms"]["ends"].value() == stamp(end)
    assert offered(people).ends_at


@pytest.mark.parametrize(
    "wrong", [{"version": "x"}, {"time": "until"}, {"time": "between"}, {"mon": "8"}, {"footage": "x"}], ids=str
)
def test_nonsense_changes_nothing_there(people: cast.Cast, olivia: Client, wrong: dict[str, str]) -> None:
    """The share is as it was; the page says what is wrong."""
    share = people.olivia.share(people.rita, people.courtyard)
    before = offered(people)
    assert olivia.post(f"/sharing/{share}/terms", {"version": "1", "time": "always"} | wrong).status_code == 422
    assert offered(people) == before


def test_what_is_over_is_not_changed(people: cast.Cast, olivia: Client) -> None:
    """An ended share has no terms any more."""
    share = people.olivia.share(people.rita, people.courtyard)
    end_share(people.olivia.actor, share=share)
    assert olivia.get(f"/sharing/{share}/terms").status_code == 404
