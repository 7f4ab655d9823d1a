"""What happened: kept once, however often it is said; bounded in a storm; told to nobody who may not look back."""

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import cast
from belvedere.contracts import events as nodes
from belvedere.contracts import panels
from belvedere.contracts.camera_events import (
    JOIN_S,
    MAX_A_MINUTE,
    EventFeed,
    EventFeedsReply,
    EventFeedsRequest,
    EventKind,
    EventReport,
    EventReports,
    EventSource,
)
from belvedere.contracts.ids import new_id
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sealing import generate_key, public_bytes, unseal
from belvedere.contracts.sessions import Quality
from belvedere.control.consumers import BUS
from belvedere.control.core import clock, vault
from belvedere.control.core.errors import Forbidden, Invalid, NotFound
from belvedere.control.devices.models import Camera, Device
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.devices.services import list_event_feeds, record_hello, record_state, settle_nodes
from belvedere.control.devices.sources import Source, Streams, write_source
from belvedere.control.events.models import Event
from belvedere.control.events.selectors import (
    MAX_MARKS,
    get_event,
    glance_at_events,
    list_events,
    list_marks,
)
from belvedere.control.events.services import (
    end_unheard_events,
    notice_events,
    open_picture,
    purge_events,
    record_events,
)
from belvedere.control.recordings.models import RecordingSettings, Volume
from belvedere.control.recordings.services import NothingThere
from belvedere.control.sharing.services import Item, accept_share, end_share, offer_share
from control import footage as disk
from control.footage import DAY, HOUR, PAST, ago, share_the_last
from control.test_panels import bind
from control.watching import RUN, Node, hello

KEY = generate_key()
MINUTE = timedelta(minutes=1)
_numbers = itertools.count(1)


@pytest.fixture
def there(people: cast.Cast) -> cast.Cast:
    """The cast, and a node that carries their cameras."""
    record_hello("local", nodes.Hello("local", RUN, "ws://localhost:1", public_bytes(KEY)))
    return people


def report(camera: str, at: float, **more: Any) -> EventReport:
    fields: dict[str, Any] = {
        "id": new_id(),
        "sequence": next(_numbers),
        "kind": EventKind.MOTION,
        "source": EventSource.ONVIF,
    }
    return EventReport(camera=camera, started_at=at, **(fields | more))


def say(*reports: EventReport, node: str = "local", run: str = RUN) -> bool:
    return record_events(node, EventReports(run, list(reports))).accepted


def happened(camera: str, before: timedelta, **more: Any) -> str:
    """Something happened so long ago, for five seconds; its id. Said by what keeps it, as a node may not any more."""
    at = clock.now() - before
    owner = Camera.objects.get(pk=camera).organization_id
    fields = {"kind": "motion", "source": "onvif", "ended_at": at + timedelta(seconds=5), "heard_at": at} | more
    return Event.objects.create(organization_id=owner, camera_id=camera, started_at=at, **fields).pk


def ids(person: cast.Person, **question: Any) -> list[str]:
    return [view.id for view in list_events(person.actor, **question).items]


# -- what nodes say ---------------------------------------------------------------------------------------------------


def test_a_report_is_state(there: cast.Cast) -> None:
    """Twice, late and out of order: one row, as the last word has it."""
    began = report(there.pool, ago(MINUTE))
    ended = report(there.pool, began.started_at, id=began.id, ended_at=began.started_at + 4, count=3)
    for said in ([began], [began], [ended, began], [began], [ended]):
        assert say(*said)
    row = Event.objects.get()
    assert (row.pk, row.camera_id, row.kind, row.source) == (began.id, there.pool, "motion", "onvif")
    assert row.ended_at is not None
    assert row.ended_at.timestamp() == pytest.approx(ended.ended_at)
    assert row.count == 3
    assert row.organization_id == there.olivia.organization
    again = report(there.pool, began.started_at, id=began.id, count=4)
    say(again)
    assert Event.objects.filter(ended_at=None, count=4).exists()


def test_a_run_that_is_not_known_is_asked_to_wait(there: cast.Cast) -> None:
    assert not say(report(there.pool, ago(MINUTE)), run="another")
    assert not say(report(there.pool, ago(MINUTE)), node="elsewhere")
    assert not Event.objects.exists()


def test_nobody_changes_an_event_of_another_camera_or_run(there: cast.Cast) -> None:
    first = report(there.pool, ago(MINUTE))
    say(first)
    say(report(there.xenas, first.started_at, id=first.id, ended_at=first.started_at + 1))
    say(report(there.pool, first.started_at, id=first.id, kind=EventKind.PERSON, ended_at=first.started_at + 1))
    record_hello("local", nodes.Hello("local", "run-2", "ws://localhost:1", public_bytes(KEY)))
    say(report(there.pool, first.started_at, id=first.id, ended_at=first.started_at + 1), run="run-2")
    row = Event.objects.get()
    assert (row.camera_id, row.kind, row.ended_at) == (there.pool, "motion", None)


@pytest.mark.parametrize(
    "more",
    [
        {"id": "../../etc"},
        {"camera": "nobody's"},
        {"kind": EventKind.ALARM},
        {"kind": EventKind.OFFLINE},
        {"started_at": 0.0},
        {"started_at": 1e12},
        {"started_at": float("nan")},
        {"started_at": float("inf")},
    ],
)
def test_what_cannot_be_is_dropped(there: cast.Cast, more: dict[str, Any]) -> None:
    good = report(there.pool, ago(MINUTE))
    bad = msgspec.structs.replace(report(there.pool, ago(MINUTE)), **more)
    assert say(bad, good)
    assert [row.pk for row in Event.objects.all()] == [good.id]


def test_a_camera_that_is_closed_or_off_says_nothing(there: cast.Cast) -> None:
    Camera.objects.filter(pk=there.pool).update(closed_at=clock.now())
    Camera.objects.filter(pk=there.counter).update(disabled_at=clock.now())
    assert say(report(there.pool, ago(MINUTE)), report(there.counter, ago(MINUTE)))
    assert not Event.objects.exists()


def test_an_end_lies_neither_before_the_beginning_nor_after_now(there: cast.Cast) -> None:
    at = ago(MINUTE)
    early, late = report(there.pool, at, ended_at=at - 99), report(there.pool, at, ended_at=at + 99_999)
    say(early, late)
    assert Event.objects.get(pk=early.id).ended_at == datetime.fromtimestamp(at, UTC)
    found = Event.objects.get(pk=late.id)
    assert found.ended_at is not None
    assert found.ended_at <= clock.now()


def batches(reports: list[EventReport]) -> Iterable[list[EventReport]]:
    return (list(batch) for batch in itertools.batched(reports, 100))


def test_a_storm_is_bounded_and_counted(there: cast.Cast) -> None:
    """1,000 a minute of one camera; the other cameras are heard as ever."""
    at = ago(timedelta(seconds=20))
    storm = [report(there.pool, at + number / 1000) for number in range(1000)]
    for batch in batches(storm):
        assert say(*batch)
    say(report(there.courtyard, at))
    rows = Event.objects.filter(camera=there.pool)
    assert rows.count() == MAX_A_MINUTE
    assert sum(row.unkept for row in rows) == 1000 - MAX_A_MINUTE
    assert Event.objects.filter(camera=there.courtyard).count() == 1


def test_a_batch_costs_the_same_however_large(there: cast.Cast) -> None:
    def cost(reports: list[EventReport]) -> int:
        with CaptureQueriesContext(connection) as queries:
            say(*reports)
        return len(queries)

    at = ago(MINUTE)
    cameras = [there.pool, there.courtyard, there.counter, there.xenas]
    few = cost([report(there.pool, at)])
    assert cost([report(camera, at) for camera in cameras for _ in range(4)]) == few
    known = [report(camera, at) for camera in cameras for _ in range(2)]
    assert cost([report(row.camera, at, id=row.id) for row in known] + known) == few


def test_what_a_node_cannot_end_any_more_is_ended(there: cast.Cast) -> None:
    pk = happened(there.pool, HOUR, ended_at=None)
    fresh = happened(there.pool, MINUTE, ended_at=None)
    end_unheard_events()
    row = Event.objects.get(pk=pk)
    assert row.ended_at == row.heard_at
    assert Event.objects.get(pk=fresh).ended_at is None


def test_events_go_with_the_footage(there: cast.Cast) -> None:
    RecordingSettings.objects.create(camera_id=there.courtyard, keep_days=30)
    RecordingSettings.objects.create(camera_id=there.counter, keep_days=2)
    kept = {
        happened(there.courtyard, 29 * DAY),
        happened(there.counter, DAY),
        happened(there.pool, 6 * DAY),
        happened(there.pool, 20 * DAY, ended_at=None),
    }
    for camera, before in ((there.courtyard, 31 * DAY), (there.counter, 3 * DAY), (there.pool, 8 * DAY)):
        happened(camera, before)
    purge_events()
    assert {row.pk for row in Event.objects.all()} == kept


# -- whom a node listens to -------------------------------------------------------------------------------------------


def make_onvif(camera: str, *, channel: str = "source_1") -> Device:
    """Have a camera's device be one that speaks ONVIF."""
    Camera.objects.filter(pk=camera).update(channel=channel)
    device = Camera.objects.get(pk=camera).device
    source = Source({channel: Streams("rtsp://127.0.0.1:9/x")}, "admin", cast.CANARY, "http://127.0.0.1:9/onvif/device")
    sealed = vault.seal(write_source(source), table="device", row=device.pk, field="source")
    Device.objects.filter(pk=device.pk).update(is_onvif=True, source=sealed)
    return device


def feeds(run: str = RUN) -> dict[str, EventFeed]:
    reply = list_event_feeds("local", EventFeedsRequest(run))
    assert isinstance(reply, EventFeedsReply)
    return {row.device: msgspec.json.decode(unseal(KEY, row.sealed), type=EventFeed) for row in reply.feeds}


def test_onvif_devices_are_listened_to(there: cast.Cast) -> None:
    device = make_onvif(there.pool)
    feed = feeds()[device.pk]
    assert set(feeds()) == {device.pk}
    assert (feed.source.url, feed.source.password) == ("http://127.0.0.1:9/onvif/device", cast.CANARY)
    assert feed.cameras == {"source_1": there.pool, "": there.pool}
    Device.objects.filter(pk=device.pk).update(kind="recorder")
    assert feeds()[device.pk].cameras == {"source_1": there.pool}
    assert cast.CANARY not in repr(feed)  # N37


def test_who_is_off_or_gone_is_not_listened_to(there: cast.Cast) -> None:
    for camera in (there.pool, there.courtyard, there.counter):
        make_onvif(camera)
    Camera.objects.filter(pk=there.pool).update(disabled_at=clock.now())
    Camera.objects.filter(pk=there.courtyard).update(closed_at=clock.now())
    Device.objects.filter(cameras=there.counter).update(unbound_at=clock.now())
    assert feeds() == {}
    assert list_event_feeds("local", EventFeedsRequest("another")) is None


# -- what we notice ourselves -----------------------------------------------------------------------------------------


def state(camera: str, *, online: bool, at: datetime) -> None:
    word = nodes.CameraState(RUN, next(_numbers), camera, Quality.MAIN, online, at.timestamp(), at.timestamp())
    record_state("local", word)


def test_a_camera_that_is_away_and_back(there: cast.Cast) -> None:
    at = clock.now()
    state(there.pool, online=True, at=at - HOUR)
    state(there.pool, online=False, at=at - MINUTE)
    notice_events()
    notice_events()
    row = Event.objects.get()
    assert (row.kind, row.source, row.started_at, row.ended_at) == ("offline", "ourselves", at - MINUTE, None)
    state(there.pool, online=True, at=at)
    notice_events()
    row.refresh_from_db()
    assert row.ended_at is not None


def test_a_camera_that_comes_and_goes_is_one_event(there: cast.Cast) -> None:
    """A flap shorter than half a minute is none, and many are one."""
    at = clock.now()
    state(there.pool, online=True, at=at - HOUR)
    state(there.pool, online=False, at=at - timedelta(seconds=5))
    notice_events()
    assert not Event.objects.exists()
    for number in range(6):
        later = at + (2 * number + 1) * timedelta(seconds=27)
        with clock.frozen_at(later):
            notice_events()
            state(there.pool, online=True, at=later)
            notice_events()
            state(there.pool, online=False, at=later + timedelta(seconds=1))
    assert Event.objects.count() == 1
    assert Event.objects.get().count == 6


def test_a_camera_that_never_was_there_or_is_off_is_not_away(there: cast.Cast) -> None:
    at = clock.now()
    state(there.pool, online=False, at=at - HOUR)
    state(there.courtyard, online=True, at=at - HOUR)
    state(there.courtyard, online=False, at=at - MINUTE)
    Camera.objects.filter(pk=there.courtyard).update(disabled_at=at)
    notice_events()
    assert not Event.objects.exists()


def test_a_full_disk_is_an_event_of_its_cameras(there: cast.Cast) -> None:
    holding = disk.holding(there.pool, ago(HOUR), ago(MINUTE))
    disk.report(type(holding)(there.pool, holding.first, holding.last, 1, 1, False, "disk_full"))
    notice_events()
    assert [(row.camera_id, row.kind) for row in Event.objects.all()] == [(there.pool, "storage")]
    disk.report(holding)
    notice_events()
    assert Event.objects.get().ended_at is not None


def test_a_disk_that_is_nearly_full_is_told_before_it_is(there: cast.Cast) -> None:
    """From–to, for as long as the oldest footage goes early."""
    holding = disk.holding(there.pool, ago(HOUR), ago(MINUTE))
    disk.report(holding)
    notice_events()
    assert not Event.objects.exists()
    Volume.objects.update(state="filling")
    notice_events()
    notice_events()
    assert [(row.camera_id, row.kind, row.ended_at) for row in Event.objects.all()] == [(there.pool, "filling", None)]
    Volume.objects.update(state="ok")
    notice_events()
    assert Event.objects.get().ended_at is not None


def test_a_node_that_falls_silent_is_an_event_of_its_cameras(there: cast.Cast) -> None:
    """Not at once, and not of what no node ever spoke of; over when one speaks of the camera again."""
    at = clock.now()
    state(there.pool, online=True, at=at)
    with clock.moved_by(MINUTE):
        settle_nodes()
        notice_events()
        assert not Event.objects.exists()
    with clock.moved_by(2 * MINUTE):
        notice_events()
        notice_events()
        row = Event.objects.get()
        assert (row.camera_id, row.kind, row.source, row.ended_at) == (there.pool, "node_lost", "ourselves", None)
        hello()
        state(there.pool, online=True, at=clock.now())
        notice_events()
        row.refresh_from_db()
        assert row.ended_at is not None


def test_a_panel_rings(there: cast.Cast) -> None:
    panel = bind(there.olivia)
    hear = BUS["panel.state"].answer

    def word(said: panels.PanelStateWord) -> None:
        at = clock.now().timestamp()
        hear("local", panels.PanelState(RUN, next(_numbers), panel, said, at, at))

    word(panels.PanelStateWord.ARMED_AWAY)
    assert not Event.objects.exists()
    for said in (panels.PanelStateWord.TRIGGERED, panels.PanelStateWord.TRIGGERED, panels.PanelStateWord.UNKNOWN):
        word(said)
    row = Event.objects.get()
    assert (row.panel_id, row.kind, row.ended_at) == (panel, "alarm", None)
    word(panels.PanelStateWord.DISARMED)
    row.refresh_from_db()
    assert row.ended_at is not None
    # The past of a panel is for those who set it up (ADR 0020).
    share = offer_share(there.olivia.actor, recipient=there.rita.email, items=[Item(panel, Permission.NOTIFY, "panel")])
    accept_share(there.rita.actor, share=share)
    assert ids(there.olivia) == ids(there.olivia, panel=panel) == [row.pk]
    assert ids(there.rita) == []
    with pytest.raises(Forbidden):
        list_events(there.rita.actor, panel=panel)
    with pytest.raises(NotFound):
        list_events(there.xena.actor, panel=panel)
    with pytest.raises(NotFound):
        get_event(there.rita.actor, row.pk)


# -- who may know -----------------------------------------------------------------------------------------------------


def test_events_are_for_who_may_look_back(there: cast.Cast) -> None:
    """N15, HC-2: live view or notifications alone is no look into the past; what is a stranger’s is not there."""
    pk = happened(there.counter, HOUR)
    happened(there.xenas, HOUR)
    there.olivia.share(there.rita, there.counter, permissions=Permission.LIVE_VIEW | Permission.NOTIFY)
    assert ids(there.olivia) == ids(there.olivia, camera=there.counter) == [pk]
    for person in (there.rita, there.vera):
        assert ids(person) == []
        with pytest.raises(Forbidden):
            list_events(person.actor, camera=there.counter)
        with pytest.raises(NotFound):
            get_event(person.actor, pk)
    for person in (there.pat, there.xena):
        assert pk not in ids(person)
        with pytest.raises(NotFound):
            list_events(person.actor, camera=there.counter)
    assert glance_at_events(list_cameras(there.vera.actor, ids=[there.counter])) == {}


def test_what_was_before_the_window_did_not_happen(there: cast.Cast) -> None:
    """N23: also what began before it and went on into it; in lists, marks, glances, one by one and as a picture."""
    old = happened(there.courtyard, 2 * DAY)
    straddling = happened(there.courtyard, DAY + MINUTE, ended_at=clock.now() - HOUR)
    new = happened(there.courtyard, HOUR)
    share_the_last(DAY, there.olivia, there.rita, there.courtyard, PAST)
    rita = there.rita
    assert ids(rita) == ids(rita, camera=there.courtyard) == [new]
    week = clock.now() - 7 * DAY, clock.now()
    assert [view.id for view in list_marks(rita.actor, there.courtyard, *week)] == [new]
    assert get_event(rita.actor, new).camera == there.courtyard
    for pk in (old, straddling):
        with pytest.raises(NotFound):
            get_event(rita.actor, pk)
        with pytest.raises(NotFound):
            open_picture(rita.actor, event=pk)
    share_the_last(timedelta(seconds=10), there.olivia, there.vera, there.courtyard, PAST)
    assert glance_at_events(list_cameras(there.vera.actor, ids=[there.courtyard])) == {}


def test_a_camera_that_is_unshared_takes_its_events_along(there: cast.Cast) -> None:
    """HC-32: at once."""
    pk = happened(there.courtyard, MINUTE)
    share = there.olivia.share(there.rita, there.courtyard, permissions=PAST)
    assert ids(there.rita) == [pk]
    glance = glance_at_events(list_cameras(there.rita.actor, ids=[there.courtyard]))
    assert glance[there.courtyard].kind is EventKind.MOTION
    end_share(there.olivia.actor, share=share)
    assert ids(there.rita) == []
    with pytest.raises(NotFound):
        get_event(there.rita.actor, pk)


def test_questions(there: cast.Cast) -> None:
    motion = happened(there.courtyard, 3 * HOUR)
    person = happened(there.courtyard, 2 * HOUR, kind="person")
    elsewhere = happened(there.pool, HOUR)
    now = clock.now()
    assert ids(there.olivia) == [elsewhere, person, motion]
    assert ids(there.olivia, kinds=[EventKind.PERSON]) == [person]
    assert ids(there.olivia, start=now - 2.5 * HOUR, end=now - 1.5 * HOUR) == [person]
    page = list_events(there.olivia.actor, limit=2)
    assert [view.id for view in page.items] == [elsewhere, person]
    rest = list_events(there.olivia.actor, limit=2, before=page.before)
    assert ([view.id for view in rest.items], rest.before) == ([motion], None)
    with pytest.raises(Invalid):
        list_events(there.olivia.actor, start=now, end=now - HOUR)


def test_what_is_asked_does_not_grow_with_what_there_is(there: cast.Cast) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            list_events(there.olivia.actor)
            glance_at_events(list_cameras(there.olivia.actor, ids=[there.courtyard, there.pool, there.counter]))
        return len(queries)

    happened(there.courtyard, MINUTE)
    few = cost()
    for camera in (there.courtyard, there.pool, there.counter):
        for number in range(10):
            happened(camera, number * MINUTE)
    assert cost() == few
    assert MAX_MARKS > 1000


# -- over the API -----------------------------------------------------------------------------------------------------


def get(person: cast.Person, path: str, **query: Any) -> Any:
    return person.api().get(f"/api/v1/{path}", query_params={key.strip("_"): value for key, value in query.items()})


def test_the_api_tells_them_page_by_page(there: cast.Cast) -> None:
    pks = [happened(there.courtyard, number * HOUR) for number in range(1, 4)]
    first = get(there.olivia, "events", camera=there.courtyard, limit=2).json()
    assert [row["id"] for row in first["items"]] == pks[:2]
    assert set(first["items"][0]) == {
        *("id", "camera", "panel", "kind", "from", "to", "count", "unkept", "has_picture", "label"),
    }
    second = get(there.olivia, "events", camera=there.courtyard, limit=2, cursor=first["next"]).json()
    assert ([row["id"] for row in second["items"]], second["next"]) == (pks[2:], None)
    # N13: a cursor of another list, or of somebody else, is none.
    assert get(there.olivia, "events", limit=2, cursor=first["next"]).status_code == 400
    assert get(there.olivia, "events", kind="earthquake").status_code == 422
    assert get(there.xena, "events", camera=there.courtyard).status_code == 404


def test_marks_stand_on_the_time_line(there: cast.Cast, footage: Node) -> None:
    pk = happened(there.courtyard, 2 * HOUR, count=3)
    window = {"from": (clock.now() - DAY).isoformat(), "to": clock.now().isoformat()}
    answer = get(there.olivia, f"cameras/{there.courtyard}/recordings", **window).json()
    assert answer["coverage"]
    (mark,) = answer["events"]
    assert (mark["id"], mark["kind"], mark["count"], mark["has_picture"]) == (pk, "motion", 3, True)


def test_a_picture_is_a_look_into_the_past(there: cast.Cast, footage: Node) -> None:
    """A ticket for its instant, on a lease of playback alone; and nothing where nothing was recorded."""
    pk, unrecorded = happened(there.courtyard, 2 * HOUR), happened(there.courtyard, MINUTE)
    ticket = open_picture(there.olivia.actor, event=pk)
    reply = disk.come(ticket)
    assert reply.kind == "snapshot"
    assert reply.start == pytest.approx(ago(2 * HOUR), abs=30)
    with pytest.raises(NothingThere):
        open_picture(there.olivia.actor, event=unrecorded)
    assert get(there.olivia, f"events/{pk}/picture.jpg").status_code == 307
    assert get(there.xena, f"events/{pk}/picture.jpg").status_code == 404
    assert get(there.olivia, f"events/{new_id()}/picture.jpg").status_code == 404


def test_joined_and_kept_apart(there: cast.Cast) -> None:
    """The seconds between two events are the node's; control only keeps what it is told."""
    say(report(there.pool, ago(MINUTE)), report(there.pool, ago(MINUTE) + JOIN_S / 2))
    assert Event.objects.count() == 2
