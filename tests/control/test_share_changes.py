"""Changing a share: less acts at once, on pictures that run, with a receipt; more is there at once, and announced.

A real bus, and a node that answers. HC-21, HC-32, B-1, B-5, B-6, rule 5.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, NotFound
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.outbox.services import run_due
from belvedere.control.recordings.glance import get_earliest
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import get_given
from belvedere.control.sharing.services import Item
from belvedere.control.sharing.terms import DAY, Footage
from belvedere.control.streaming.models import ViewingSession
from control.watching import LIVE, Node, hello, renew, watch

LOOK = Permission.LIVE_VIEW
BACK = Permission.LIVE_VIEW | Permission.PLAYBACK
NEVER = {"zone": "UTC", "weekly": {"mon": [["00:00", "00:01"]]}}


@pytest.fixture(autouse=True)
def node(people: cast.Cast) -> None:
    """A node that lives."""
    hello()


@pytest.fixture
def session(people: cast.Cast, share: str) -> str:
    """Rita watches the courtyard."""
    return watch(people.rita, people.courtyard)


@pytest.fixture
def share(people: cast.Cast) -> str:
    """Rita may look at the courtyard and the pool, and back."""
    return people.olivia.share(people.rita, people.courtyard, people.pool, permissions=BACK)


def patch(person: cast.Person, share: str, body: dict[str, Any]) -> Any:
    return person.api().patch(f"/api/v1/shares/{share}", body, content_type="application/json")


def item(camera: str, *permissions: str, **more: Any) -> dict[str, Any]:
    return {"camera": camera, "permissions": list(permissions), **more}


def is_open(session: str) -> bool:
    return ViewingSession.objects.filter(pk=session, closed_at=None).exists()


# ── Less ──


def test_less_right_acts_on_the_running_picture(people: cast.Cast, bus: Node, share: str, session: str) -> None:
    """HC-32: playback goes from the lease that runs; the picture stays; the other camera is as it was."""
    answer = patch(people.olivia, share, {"items": [item(people.courtyard, "live_view")]})
    assert answer.status_code == 200, answer.content
    assert {row["name"]: row["permissions"] for row in answer.json()["items"]} == {
        "Courtyard": ["live_view"],
        "Pool": ["live_view", "playback"],
    }
    assert [(lease.session, lease.permissions, lease.playback_from) for lease in bus.heard] == [(session, LIVE, None)]
    assert answer.json()["cut"] == []
    assert is_open(session)


@pytest.mark.parametrize("body", [{"hours": NEVER}, {"starts_at": "2099-01-01T00:00:00Z"}], ids=["hours", "start"])
def test_terms_that_exclude_now_cut_now(
    people: cast.Cast, bus: Node, share: str, session: str, body: dict[str, Any]
) -> None:
    """HC-32, B-1, B-5: a receipt says whose picture ended, and when; the right itself is there for later."""
    with clock.frozen_at(clock.now().replace(hour=12)):
        answer = patch(people.olivia, share, body).json()
        assert [(cut["session"], cut["account"]["name"], bool(cut["cut_at"])) for cut in answer["cut"]] == [
            (session, "Rita", True)
        ]
        assert answer["state"] == "accepted"
        assert [(lease.session, lease.is_ended, lease.by) for lease in bus.heard] == [(session, True, "Olivia")]
        receipt = people.olivia.api().get(f"/api/v1/receipts/{answer['change_id']}").json()
        assert (receipt["state"], len(receipt["cut"])) == ("changed", 1)
        assert list_cameras(people.rita.actor) == []


def test_a_camera_that_leaves_the_share_is_cut(people: cast.Cast, bus: Node, share: str, session: str) -> None:
    """HC-21: without permissions it is no part of it; the rest goes on."""
    answer = patch(people.olivia, share, {"items": [item(people.courtyard)]}).json()
    assert [cut["session"] for cut in answer["cut"]] == [session]
    assert [row["name"] for row in answer["items"]] == ["Pool"]
    assert [view.id for view in list_cameras(people.rita.actor)] == [people.pool]
    assert patch(people.olivia, share, {"items": [item(people.pool)]}).status_code == 422  # that is ending it


def test_a_shorter_window_is_in_the_lease_at_once(people: cast.Cast, bus: Node, share: str, session: str) -> None:
    """B-6, N22: who looks back has no second of what is not his any more."""
    with clock.frozen_at(clock.now()):
        answer = patch(people.olivia, share, {"footage": {"last": "PT24H"}})
        assert [row["footage"] for row in answer.json()["items"]] == [{"last": "P1D"}] * 2
        assert [lease.playback_from for lease in bus.heard] == [clock.now().timestamp() - DAY]


def test_a_running_picture_ends_at_its_second(people: cast.Cast, bus: Node, share: str, session: str) -> None:
    """B-5, rule 3: an end that is near goes to the node as a length of time, and needs no further message."""
    with clock.frozen_at(clock.now()):
        end = clock.now() + timedelta(seconds=9)
        assert patch(people.olivia, share, {"ends_at": end.isoformat()}).status_code == 200
        [lease] = bus.heard
        assert (lease.permissions & LIVE, lease.narrow_in_ms, lease.narrow_to, lease.why) == (LIVE, 9000, 0, "expired")
    with clock.frozen_at(end - timedelta(milliseconds=40)):
        assert (renew(session)[session].narrow_in_ms or 0) <= 40
    with clock.frozen_at(end):
        assert renew(session)[session].is_ended
        assert get_given(people.olivia.actor, share).state == "expired"
        with pytest.raises(NotFound):
            watch(people.rita, people.courtyard)


def test_hours_that_close_end_the_picture(people: cast.Cast, bus: Node) -> None:
    """B-5: the end of a weekly window is as sharp, and the next one opens by itself."""
    at = clock.now().replace(hour=17, minute=59, second=55, microsecond=0)
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[at.weekday()]
    hours = {"zone": "UTC", "weekly": {day: [["08:00", "18:00"]]}}
    with clock.frozen_at(at):
        share = services.offer_share(
            people.olivia.actor, recipient=people.rita.email, items=[Item(people.courtyard, LOOK)], hours=hours
        )
        services.accept_share(people.rita.actor, share=share)
        hello()
        session = watch(people.rita, people.courtyard)
        lease = renew(session)[session]
        assert (lease.narrow_in_ms, lease.narrow_to) == (5000, 0)
    with clock.frozen_at(at + timedelta(seconds=5)):
        assert renew(session)[session].is_ended
    with clock.frozen_at(at + timedelta(days=7)):
        hello()
        assert watch(people.rita, people.courtyard)


# ── More ──


def test_more_is_there_at_once_and_announced(people: cast.Cast, bus: Node, share: str, session: str) -> None:
    """HC-32: in the lease that runs, and in one mail; nothing is cut."""
    run_due()
    mail.outbox.clear()
    body = {"items": [item(people.courtyard, "live_view", "listen", "playback")]}
    answer = patch(people.olivia, share, body).json()
    assert answer["cut"] == []
    assert renew(session)[session].permissions == BACK | Permission.LISTEN
    run_due()
    assert [(row.to, row.subject) for row in mail.outbox] == [([people.rita.email], "Olivia lets you do more")]
    assert "Courtyard" in str(mail.outbox[0].body)


@pytest.mark.parametrize(
    ("first", "then", "is_more"),
    [
        ({"footage": {"last": "P7D"}}, {"footage": {"last": "P1D"}}, False),
        ({"footage": {"last": "P1D"}}, {"footage": {"last": "P7D"}}, True),
        ({"ends_at": "2099-01-01T00:00:00Z"}, {"ends_at": "2098-01-01T00:00:00Z"}, False),
        ({"ends_at": "2099-01-01T00:00:00Z"}, {"ends_at": None}, True),
        ({"hours": NEVER}, {"hours": None}, True),
        ({"starts_at": "2099-01-01T00:00:00Z"}, {"starts_at": None}, True),
    ],
    ids=str,
)
def test_only_more_is_announced(
    people: cast.Cast, share: str, first: dict[str, Any], then: dict[str, Any], *, is_more: bool
) -> None:
    """HC-32."""
    assert patch(people.olivia, share, first).status_code == 200
    run_due()
    mail.outbox.clear()
    assert patch(people.olivia, share, then).status_code == 200
    run_due()
    assert [row.subject for row in mail.outbox] == ["Olivia lets you do more"] * is_more


def test_since_the_grant_stays_the_first_instant(people: cast.Cast, share: str) -> None:
    """B-6: changing a share moves nothing forward: since acceptance is since acceptance."""
    accepted_at = get_given(people.olivia.actor, share).decided_at
    assert accepted_at
    with clock.moved_by(timedelta(days=5)):
        patch(people.olivia, share, {"footage": {"since": "grant"}})
        assert get_earliest(people.rita.actor, people.courtyard) == pytest.approx(accepted_at.timestamp(), abs=1e-3)


def test_what_is_not_said_stays(people: cast.Cast, share: str) -> None:
    """B-6: a right more for one camera takes no window away, and no end."""
    end = "2099-01-01T00:00:00Z"
    patch(people.olivia, share, {"footage": {"last": "P1D"}, "ends_at": end})
    answer = patch(people.olivia, share, {"items": [item(people.courtyard, "live_view", "playback", "listen")]}).json()
    assert [row["footage"] for row in answer["items"]] == [{"last": "P1D"}] * 2
    assert answer["ends_at"] == end
    without = patch(people.olivia, share, {"items": [item(people.courtyard, "live_view")]}).json()
    assert [row["footage"] for row in without["items"]] == [None, {"last": "P1D"}]


def test_an_offer_that_waits_is_changed_too(people: cast.Cast) -> None:
    """HC-17: nothing is in force before, and what is accepted is what it became."""
    share = people.olivia.offer(people.rita, people.courtyard, permissions=BACK)
    assert patch(people.olivia, share, {"footage": {"last": "P1D"}}).status_code == 200
    assert list_cameras(people.rita.actor) == []
    services.accept_share(people.rita.actor, share=share)
    assert Grant.objects.get(origin_id=share, ended_at=None).footage_last_s == DAY


# ── Bad days ──


def test_of_two_who_edit_the_second_is_told(people: cast.Cast, share: str) -> None:
    """HC-21: both read version 1."""
    version = get_given(people.olivia.actor, share).version
    first = patch(people.olivia, share, {"footage": {"last": "P1D"}, "version": version})
    second = patch(people.olivia, share, {"footage": {"last": "P30D"}, "version": version})
    assert (first.status_code, first.json()["version"], second.status_code) == (200, version + 1, 409)
    assert get_given(people.olivia.actor, share).items[0].footage == Footage(DAY)
    assert patch(people.olivia, share, {"footage": None, "version": version + 1}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"version": 1},
        {"ends_at": "2020-01-01T00:00:00Z"},
        {"starts_at": "2099-01-02T00:00:00Z", "ends_at": "2099-01-01T00:00:00Z"},
        {"hours": {"zone": "Mars", "weekly": {"mon": [["08:00", "09:00"]]}}},
        {"footage": {"last": "P0D"}},
        {"items": [{"camera": "{counter}", "permissions": ["live_view"]}]},
        {"items": [{"camera": "{courtyard}", "permissions": ["export"]}]},
        {"items": [{"camera": "{courtyard}", "permissions": ["live_view"], "footage": {"last": "P1D"}}]},
        {"items": [{"camera": "{courtyard}", "permissions": ["share"]}]},
        {"items": [{"camera": "{courtyard}", "permissions": ["live_view"], "remark": "x"}]},
        {"state": "accepted"},
        {"recipient": "xena@example.org"},
        {"add": [{"camera": "{counter}", "permissions": ["live_view"]}], "ends_at": None},
        {"version": 0, "ends_at": None},
    ],
    ids=str,
)
def test_nonsense_changes_nothing(people: cast.Cast, share: str, body: dict[str, Any]) -> None:
    """N12: 422; the share is as it was."""
    before = get_given(people.olivia.actor, share)
    for row in [*body.get("items", []), *body.get("add", [])]:
        row["camera"] = row["camera"].format(counter=people.counter, courtyard=people.courtyard)
    assert patch(people.olivia, share, body).status_code == 422
    assert get_given(people.olivia.actor, share) == before


def test_only_the_giver_changes_it(people: cast.Cast, share: str) -> None:
    """N16: neither the recipient nor a stranger; and not once it is over."""
    for who in (people.rita, people.vera, people.xena):
        assert patch(who, share, {"ends_at": None}).status_code == 404
    services.end_share(people.olivia.actor, share=share)
    with pytest.raises(Conflict):
        services.change_share(people.olivia.actor, share=share, terms={"ends_at": None})


def test_nobody_widens_beyond_what_he_holds(people: cast.Cast, share: str) -> None:
    """Rule 5, N16: the least over one's own grants, when a share is changed too."""
    Grant.objects.filter(principal=people.olivia.id, ended_at=None).update(footage_last_s=DAY)
    with pytest.raises(Forbidden):
        services.change_share(people.olivia.actor, share=share, terms={"footage": Footage(2 * DAY)})
    services.change_share(people.olivia.actor, share=share, terms={"footage": Footage(DAY)})
    assert get_camera(people.rita.actor, people.courtyard).permissions == BACK


def test_the_audit_says_what_it_became(people: cast.Cast, share: str) -> None:
    """VA-22: who, what, when."""
    patch(people.olivia, share, {"footage": {"last": "P1D"}, "ends_at": "2099-01-01T00:00:00Z"})
    entry = Entry.objects.get(action="share.changed", thing=f"share:{share}")
    assert entry.fields is not None
    assert entry.fields["actor"] == people.olivia.id
    assert entry.fields["footage"] == {people.courtyard: {"last": "P1D"}, people.pool: {"last": "P1D"}}
    assert entry.fields["ends_at"].startswith("2099-01-01")
