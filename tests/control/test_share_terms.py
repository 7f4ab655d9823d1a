"""When a share holds and how far back it reaches: hours, ends, footage windows; from the offer to the lease."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from hypothesis import given, settings
from hypothesis import strategies as st

import cast
from belvedere.contracts.permissions import NONE, Permission
from belvedere.control.access.decision import GrantFacts, covered, decide
from belvedere.control.access.models import Grant
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.outbox.services import run_due
from belvedere.control.recordings.glance import get_earliest
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import get_given, get_received, list_access, list_given, list_received
from belvedere.control.sharing.services import Item
from belvedere.control.sharing.terms import DAY, EVERYTHING, HOUR, Footage, parse_footage
from control.test_decision import grants, moments

LIVE = Permission.LIVE_VIEW
BACK = LIVE | Permission.PLAYBACK
WEEKDAYS = {
    "zone": "Europe/Madrid",
    "weekly": {day: [["08:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
}
#: a Wednesday, noon in Madrid
NOON = datetime(2026, 12, 2, 11, tzinfo=UTC)


def post(person: cast.Person, body: Mapping[str, Any]) -> Any:
    return person.api().post("/api/v1/shares", dict(body), content_type="application/json")


def offer(people: cast.Cast, *permissions: str, **more: Any) -> dict[str, Any]:
    """A body that is right, of the courtyard to Rita."""
    item = {"camera": people.courtyard, "permissions": list(permissions or ("live_view", "playback"))}
    return {"recipient": people.rita.email, "items": [item], **more}


def accepted(people: cast.Cast, **more: Any) -> str:
    """Offered over the API with these terms, and accepted; the share's id."""
    answer = post(people.olivia, offer(people, **more))
    assert answer.status_code == 201, answer.content
    share = str(answer.json()["id"])
    services.accept_share(people.rita.actor, share=share)
    return share


def reach(people: cast.Cast, camera: str = "") -> datetime:
    """How far back Rita may look."""
    return datetime.fromtimestamp(get_earliest(people.rita.actor, camera or people.courtyard), UTC)


# ── What comes in ──


@pytest.mark.parametrize(
    ("wire", "footage"),
    [
        (None, EVERYTHING),
        ({"last": "P7D"}, Footage(7 * DAY)),
        ({"last": "PT24H"}, Footage(DAY)),
        ({"last": "P1DT12H"}, Footage(36 * HOUR)),
        ({"since": "grant"}, Footage(is_since_grant=True)),
    ],
)
def test_how_far_back_is_said_in_days_and_hours(wire: dict[str, object] | None, footage: Footage) -> None:
    assert parse_footage(wire) == footage
    assert parse_footage(footage.wire) == footage  # what goes out may come in again


@pytest.mark.parametrize(
    "terms",
    [
        {"footage": {"last": "P0D"}},
        {"footage": {"last": "P"}},
        {"footage": {"last": "7 days"}},
        {"footage": {"last": "-P1D"}},
        {"footage": {"last": "P1M"}},
        {"footage": {"last": "P9999D"}},
        {"footage": {"last": "P١D"}},
        {"footage": {"last": "P1D", "since": "grant"}},
        {"footage": {}},
        {"footage": {"since": "birth"}},
        {"footage": {"last": "P1D", "until": "P2D"}},
        {"ends_at": "2020-01-01T00:00:00Z"},
        {"ends_at": "2040-01-01T00:00:00"},
        {"starts_at": "2040-01-02T00:00:00Z", "ends_at": "2040-01-01T00:00:00Z"},
        {"starts_at": "2040-01-01T00:00:00Z", "ends_at": "2040-01-01T00:00:00Z"},
        {"hours": {"zone": "Europe/Atlantis", "weekly": {"mon": [["08:00", "18:00"]]}}},
        {"hours": {"zone": "../../etc/passwd", "weekly": {"mon": [["08:00", "18:00"]]}}},
        {"hours": {"zone": "Europe", "weekly": {"mon": [["08:00", "18:00"]]}}},
        {"hours": {"zone": "UTC", "weekly": {}}},
        {"hours": {"zone": "UTC", "weekly": {"mon": []}}},
        {"hours": {"zone": "UTC", "weekly": {"monday": [["08:00", "18:00"]]}}},
        {"hours": {"zone": "UTC", "weekly": {"mon": [["18:00", "08:00"]]}}},
        {"hours": {"zone": "UTC", "weekly": {"mon": [["08:00", "25:00"]]}}},
        {"hours": {"zone": "UTC", "weekly": {"mon": [["08:00", "18:00"]] * 500}}},
        {"hours": {"zone": "UTC", "weekly": {"mon": [["08:00", "18:00"]]}, "holidays": []}},
        {"until": "2040-01-01T00:00:00Z"},
    ],
    ids=str,
)
def test_terms_that_are_none_are_refused(people: cast.Cast, terms: dict[str, Any]) -> None:
    """N12, B-5, B-6: 422 with a sentence, nothing offered."""
    answer = post(people.olivia, offer(people, **terms))
    assert answer.status_code == 422, answer.content
    assert answer.json()["detail"]
    assert list_received(people.rita.actor) == []


def test_footage_means_nothing_without_playback(people: cast.Cast) -> None:
    """B-6: for the share, and for one item of it."""
    for more in ({"footage": {"last": "P1D"}}, {"footage": {"since": "grant"}}):
        answer = post(people.olivia, offer(people, "live_view", **more))
        assert answer.status_code == 422
        assert "playback" in answer.json()["detail"]
    item = {"camera": people.courtyard, "permissions": ["live_view"], "footage": {"last": "P1D"}}
    assert post(people.olivia, {"recipient": people.rita.email, "items": [item]}).status_code == 422


# ── What is given ──


def test_a_window_of_a_day_is_a_day(people: cast.Cast) -> None:
    """B-6, VA-7: 24 hours, to the second, and moving on with time."""
    share = accepted(people, footage={"last": "PT24H"})
    with clock.frozen_at(clock.now() + timedelta(days=3)):
        assert reach(people) == clock.now() - timedelta(days=1)
    assert get_received(people.rita.actor, share).items[0].footage == Footage(DAY)


def test_since_the_grant_is_the_instant_of_acceptance(people: cast.Cast) -> None:
    """Rule 3: `{"since": "grant"}` becomes an instant when it is accepted, and stays that."""
    share = post(people.olivia, offer(people, footage={"since": "grant"})).json()["id"]
    at = clock.now() + timedelta(hours=5)
    with clock.frozen_at(at):
        services.accept_share(people.rita.actor, share=share)
    with clock.frozen_at(at + timedelta(days=9)):
        assert reach(people) == at


def test_each_camera_has_its_own_set_and_window(people: cast.Cast) -> None:
    """HC-12, HC-14: three cameras, one with playback of its own length; the share's window is for those without."""
    answer = post(
        people.olivia,
        {
            "recipient": people.rita.email,
            "items": [
                {"camera": people.courtyard, "permissions": ["live_view", "playback"]},
                {"camera": people.pool, "permissions": ["live_view", "playback"], "footage": {"last": "P30D"}},
                {"camera": people.counter, "permissions": ["live_view"]},
            ],
            "footage": {"last": "P1D"},
        },
    ).json()
    assert {item["name"]: item["footage"] for item in answer["items"]} == {
        "Courtyard": {"last": "P1D"},
        "Pool": {"last": "P30D"},
        "Counter": None,
    }
    services.accept_share(people.rita.actor, share=answer["id"])
    with clock.frozen_at(clock.now()):
        assert reach(people) == clock.now() - timedelta(days=1)
        assert reach(people, people.pool) == clock.now() - timedelta(days=30)
    assert get_camera(people.rita.actor, people.counter).permissions == LIVE


def test_weekdays_from_eight_to_eighteen(people: cast.Cast) -> None:
    """B-5: in the zone it was said in; outside of it there is no camera (HC-2)."""
    with clock.frozen_at(NOON):
        accepted(people, hours=WEEKDAYS)
        assert get_camera(people.rita.actor, people.courtyard).permissions == BACK
    for at, is_open in (
        (NOON.replace(hour=7), True),
        (NOON.replace(hour=6, minute=59, second=59), False),
        (NOON.replace(hour=16, minute=59, second=59), True),
        (NOON.replace(hour=17), False),
        (NOON + timedelta(days=3), False),
    ):
        with clock.frozen_at(at):
            assert [view.id for view in list_cameras(people.rita.actor)] == [people.courtyard] * is_open, at


def test_it_starts_when_it_starts(people: cast.Cast) -> None:
    """B-5: accepted before, in force from the second on."""
    start = clock.now() + timedelta(days=2)
    accepted(people, starts_at=start.isoformat(), ends_at=(start + timedelta(hours=1)).isoformat())
    for at, is_open in ((start - timedelta(seconds=1), False), (start, True), (start + timedelta(hours=1), False)):
        with clock.frozen_at(at):
            assert [view.id for view in list_cameras(people.rita.actor)] == [people.courtyard] * is_open


def test_what_has_run_out_is_expired_for_both(people: cast.Cast) -> None:
    """Rule 3, VA-18: no job marks it. It is over on every surface, and can be offered anew."""
    end = clock.now() + timedelta(hours=1)
    share = accepted(people, ends_at=end.isoformat())
    waiting = services.offer_share(
        people.olivia.actor, recipient="new@example.org", items=[Item(people.courtyard, LIVE)], ends_at=end
    )
    with clock.frozen_at(end):
        for client in (people.olivia.api(), people.rita.api()):
            answer = client.get(f"/api/v1/shares/{share}").json()
            assert (answer["state"], answer["ended_at"]) == ("expired", answer["ends_at"])
        assert get_given(people.olivia.actor, waiting).state == "expired"
        assert [row.address for row in list_access(people.olivia.actor, people.courtyard)] == [people.olivia.email]
        assert share not in {row.id for row in list_given(people.olivia.actor)}
        assert {share, waiting} == {row.id for row in list_given(people.olivia.actor, states=["expired"])}
        assert list_received(people.rita.actor) == []
        assert get_camera(people.olivia.actor, people.courtyard).shared_with == 0
        with pytest.raises(Conflict):
            services.leave_share(people.rita.actor, share=share)
        with pytest.raises(Conflict):
            services.end_share(people.olivia.actor, share=share)
        people.olivia.offer(people.rita, people.courtyard)


# ── Rule 5: nobody gives longer or farther back than he holds ──


def bound(person: cast.Person, **terms: Any) -> None:
    """What somebody holds is bounded from now on, as a share to him with the right to share would be."""
    Grant.objects.filter(principal=person.id, ended_at=None).update(**terms)


@pytest.mark.parametrize(
    ("held", "asked", "is_given"),
    [
        ({"ends_at": timedelta(days=2)}, {}, False),
        ({"ends_at": timedelta(days=2)}, {"ends_at": timedelta(days=3)}, False),
        ({"ends_at": timedelta(days=2)}, {"ends_at": timedelta(days=2)}, True),
        ({"footage_last_s": DAY}, {}, False),
        ({"footage_last_s": DAY}, {"footage": Footage(2 * DAY)}, False),
        ({"footage_last_s": DAY}, {"footage": Footage(DAY)}, True),
        ({"footage_last_s": DAY}, {"footage": Footage(is_since_grant=True)}, False),
        ({"footage_from": timedelta(days=-3)}, {"footage": Footage(is_since_grant=True)}, True),
        ({"footage_from": timedelta(days=-3)}, {"footage": Footage(4 * DAY)}, False),
    ],
    ids=str,
)
def test_nobody_gives_longer_or_farther_back(
    people: cast.Cast, held: dict[str, Any], asked: dict[str, Any], *, is_given: bool
) -> None:
    """Rule 5, N16: at the offer."""
    with clock.frozen_at(clock.now()):
        at = clock.now()
        bound(
            people.olivia, **{key: at + value if isinstance(value, timedelta) else value for key, value in held.items()}
        )
        ends_at = at + asked["ends_at"] if "ends_at" in asked else None
        items = [Item(people.courtyard, BACK, footage=asked.get("footage"))]

        def give() -> str:
            return services.offer_share(people.olivia.actor, recipient=people.rita.email, items=items, ends_at=ends_at)

        if is_given:
            assert give()
        else:
            with pytest.raises(Forbidden, match="farther back"):
                give()


def test_what_the_giver_lost_since_is_not_accepted(people: cast.Cast) -> None:
    """Rule 5, D: decided again at acceptance; what is left of the offer is in force."""
    share = people.olivia.offer(people.rita, people.courtyard, permissions=BACK)
    bound(people.olivia, footage_last_s=DAY)
    services.accept_share(people.rita.actor, share=share)
    assert get_camera(people.rita.actor, people.courtyard).permissions == LIVE


@settings(max_examples=300, deadline=None)
@given(grants, grants, moments, st.integers(0, 10**6))
def test_what_is_covered_gives_nothing_new(
    held: list[GrantFacts], given: list[GrantFacts], at: float, later: int
) -> None:
    """Rule 5 as a law: what of a grant is covered shows, at any later instant, nothing its giver does not see."""
    holding = list(decide(held, at).because)
    for grant in given:
        bits = covered(holding, grant, at)
        theirs = decide([grant._replace(permissions=int(bits))], at + later)
        own = decide(holding, at + later)
        assert theirs.permissions & ~own.permissions == NONE
        for mine, other in ((own.playback_from, theirs.playback_from), (own.export_from, theirs.export_from)):
            assert other is None or (mine is not None and mine <= other)


def test_a_stranger_learns_nothing_of_terms(people: cast.Cast) -> None:
    """N16."""
    with pytest.raises(NotFound):
        services.offer_share(people.xena.actor, recipient=people.rita.email, items=[Item(people.courtyard, BACK)])
    with pytest.raises(Invalid):
        services.offer_share(
            people.olivia.actor,
            recipient=people.rita.email,
            items=[Item(people.courtyard, BACK)],
            hours={"zone": "UTC", "weekly": {"mon": "always"}},
        )


# ── What is told ──


def test_the_mail_says_when_and_how_far_back(people: cast.Cast) -> None:
    """HC-15, HC-17, B-5, B-6: hours with their zone, the end, and the window of each camera; as text and as HTML."""
    run_due()
    mail.outbox.clear()
    answer = post(
        people.olivia,
        offer(
            people,
            hours=WEEKDAYS,
            starts_at="2098-01-01T00:00:00Z",
            ends_at="2099-12-31T00:00:00Z",
            footage={"last": "PT24H"},
        ),
    )
    assert answer.status_code == 201
    run_due()
    [message] = mail.outbox
    for body in (str(message.body), str(message.alternatives[0][0])):  # type: ignore[union-attr]  # ours all have them
        for said in (
            "weekdays 8–18 (Europe/Madrid)",
            "begins on 1 January 2098",
            "ends on 31 December 2099",
            "of the last 24 hours",
        ):
            assert said in body


def test_a_name_of_ones_own_is_ones_own(people: cast.Cast) -> None:
    """HC-19: whoever a camera is shared with may call it what he likes; nobody else ever reads it."""
    people.olivia.share(people.rita, people.counter)
    answer = people.rita.api().put(
        f"/api/v1/cameras/{people.counter}/alias", {"name": "Her till"}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["alias"], answer.json()["name"]) == (200, "Her till", "Counter")
    assert "Her till" in people.rita.browser().get("/").content.decode()
    for other in (people.olivia, people.vera):
        browser = other.browser()
        for page in ("/", f"/cameras/{people.counter}"):
            assert "Her till" not in browser.get(page).content.decode()
        assert other.api().get(f"/api/v1/cameras/{people.counter}").json()["alias"] == ""
    stranger = people.xena.api().put(
        f"/api/v1/cameras/{people.counter}/alias", {"name": "Mine"}, content_type="application/json"
    )
    assert stranger.status_code == 404


def test_who_has_it_at_other_hours_is_on_the_list(people: cast.Cast) -> None:
    """VA-22, B-5: who can see it is not a question of the hour; what he may do just now is."""
    with clock.frozen_at(NOON):
        accepted(people, hours=WEEKDAYS, footage={"last": "PT24H"})
        olivia = people.olivia.api()
    for at, holds in ((NOON, True), (NOON + timedelta(hours=9), False)):
        with clock.frozen_at(at):
            rows = olivia.get(f"/api/v1/cameras/{people.courtyard}/access").json()["items"]
            [row] = [row for row in rows if row["account"]["email"] == people.rita.email]
            [ground] = row["because"]
            assert (ground["holds_now"], ground["hours"], ground["footage"]) == (holds, WEEKDAYS, {"last": "P1D"})
            assert row["permissions"] == ["live_view", "playback"]
