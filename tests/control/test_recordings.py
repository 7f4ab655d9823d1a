"""How cameras are recorded, what nodes are told and say, and where there is footage, as far as one may know."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.db import connection

import cast
from belvedere.contracts.hours import DAYS, validate_hours
from belvedere.contracts.recordings import PLANS_BATCH, Holding, PlansReply, PlansRequest, RecordingPlan, RecordMode
from belvedere.contracts.sessions import Quality
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, Invalid, NotFound
from belvedere.control.devices.selectors import get_camera
from belvedere.control.devices.services import disable_device, enable_device, unbind_device
from belvedere.control.recordings.forecast import Forecast, Rate, days_on_disk, forecast, room_of
from belvedere.control.recordings.models import Placement, Volume
from belvedere.control.recordings.selectors import SILENT_AFTER, Period, get_recording_settings, list_coverage
from belvedere.control.recordings.services import change_recording_settings, list_plans
from belvedere.control.recordings.services.settings import MAX_HOURS
from belvedere.control.sharing import services as sharing
from control.footage import DAY, HOUR, PAST, ago, holding, place, report, share_the_last
from control.watching import RUN, Node, hello

WEEKLY: dict[str, Any] = {"zone": "Europe/Madrid", "weekly": {"mon": [["22:00", "24:00"]]}}


def plans(node: str = "local") -> dict[str, RecordingPlan]:
    return {plan.camera: plan for plan in page(node).plans}


def page(node: str = "local", after: str = "") -> PlansReply:
    reply = list_plans(node, PlansRequest(RUN, after))
    assert reply
    return reply


def device_of(person: cast.Person, camera: str) -> str:
    device = get_camera(person.actor, camera).device
    assert device
    return device


# ── Settings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_camera_is_recorded_without_sound_for_a_week(people: cast.Cast) -> None:
    """threats.md §5 and §6."""
    view = get_recording_settings(people.olivia.actor, people.courtyard)
    assert (view.mode, view.quality, view.with_audio) == (RecordMode.CONTINUOUS, Quality.MAIN, False)
    assert (view.keep_days, view.keep_bytes, view.hours, view.forecast) == (7, 0, None, None)
    hello()
    assert plans()[people.courtyard] == RecordingPlan(people.courtyard, RecordMode.CONTINUOUS, with_audio=False)


def test_settings_change_and_the_audit_says_from_what_to_what(people: cast.Cast) -> None:
    olivia = people.olivia.actor
    change_recording_settings(olivia, camera=people.courtyard, mode=RecordMode.SCHEDULED, hours=WEEKLY, keep_days=3)
    change_recording_settings(olivia, camera=people.courtyard, keep_days=3)  # changes nothing
    view = get_recording_settings(olivia, people.courtyard)
    assert (view.mode, view.hours, view.keep_days) == (RecordMode.SCHEDULED, WEEKLY, 3)
    [entry] = Entry.objects.filter(action="camera.recording_changed")
    assert entry.fields is not None
    assert entry.fields["before"] == {"mode": "continuous", "keep_days": 7, "hours": ""}
    assert entry.fields["after"]["keep_days"] == 3
    hello()
    assert plans()[people.courtyard].hours == validate_hours(WEEKLY)
    change_recording_settings(olivia, camera=people.courtyard, mode=RecordMode.CONTINUOUS)
    assert plans()[people.courtyard].hours == ""
    assert get_recording_settings(olivia, people.courtyard).hours == WEEKLY  # for when it is wanted again


def test_settings_are_for_those_who_configure(people: cast.Cast) -> None:
    """B: the same answer for reading and for changing."""
    people.olivia.share(people.rita, people.courtyard, permissions=PAST)
    for person, refusal in ((people.rita, Forbidden), (people.xena, NotFound)):
        with pytest.raises(refusal):
            get_recording_settings(person.actor, people.courtyard)
        with pytest.raises(refusal):
            change_recording_settings(person.actor, camera=people.courtyard, mode=RecordMode.OFF)
    assert get_recording_settings(people.olivia.actor, people.courtyard).mode is RecordMode.CONTINUOUS


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("keep_days", 0),
        ("keep_days", 366),
        ("keep_bytes", 1),
        ("keep_bytes", -1),
        ("keep_bytes", 10**16),
        ("mode", RecordMode.SCHEDULED),
        ("hours", {"zone": "Moon/Sea", "weekly": {"mon": [["09:00", "12:00"]]}}),
        ("hours", {"zone": "UTC", "weekly": {"mon": [["09:00", "12:00"]] * 500}}),
        ("hours", {}),
    ],
)
def test_settings_that_make_no_sense_are_refused(people: cast.Cast, field: str, value: object) -> None:
    with pytest.raises(Invalid) as refused:
        change_recording_settings(people.olivia.actor, camera=people.courtyard, **{field: value})  # type: ignore[arg-type]  # one field of any type
    assert refused.value.field == ("hours" if field == "mode" else field)


def test_how_it_goes_and_how_far_back_it_will_reach(people: cast.Cast) -> None:
    hello()
    first, last = ago(2 * DAY), ago(HOUR)
    report(Holding(people.courtyard, first, last, 90_000_000_000, 50_000_000_000, is_recording=True))
    view = get_recording_settings(people.olivia.actor, people.courtyard)
    assert (view.is_recording, view.rate, view.forecast) == (True, 50_000_000_000, Forecast(7, "days"))
    assert view.first == datetime.fromtimestamp(first, UTC)
    assert view.last == datetime.fromtimestamp(last, UTC)
    [disk] = view.volumes
    assert (disk.state, disk.is_silent) == ("ok", False)
    change_recording_settings(people.olivia.actor, camera=people.courtyard, keep_bytes=100_000_000_000)
    assert get_recording_settings(people.olivia.actor, people.courtyard).forecast == Forecast(2, "bytes")
    with clock.moved_by(SILENT_AFTER + timedelta(seconds=1)):
        silent = get_recording_settings(people.olivia.actor, people.courtyard)
    assert (silent.is_recording, silent.volumes[0].is_silent) == (False, True)


def test_a_forecast_knows_that_others_fill_the_disk_too() -> None:
    """Of three cameras at 10 bytes a day one keeps a day: 100 bytes hold 4.5 days of the others."""
    rates = [Rate(10, 1), Rate(10, 30), Rate(10, 30)]
    assert days_on_disk(100, rates) == 4.5
    assert days_on_disk(10_000, rates) == float("inf")
    assert forecast(10, 30, 0, 4.5) == Forecast(4.5, "disk")
    assert forecast(10, 30, 200, 25) == Forecast(20, "bytes")
    assert forecast(10, 30, 0, float("inf")) == Forecast(30, "days")
    assert forecast(0, 30, 0, 5) is None
    assert days_on_disk(0, [Rate(0, 7)]) == float("inf")
    assert room_of(total=10, free=5, footage=5) == 0


# ── What nodes are told ──────────────────────────────────────────────────────────────────────────────────────────────


def test_footage_of_a_closed_camera_is_kept_by_its_own_settings(people: cast.Cast) -> None:
    """Rule 7: it stays with the old row until retention ends; nobody records on, and nobody sees it."""
    place(people.courtyard, ago(DAY), ago(HOUR))
    change_recording_settings(people.olivia.actor, camera=people.courtyard, keep_days=30)
    unbind_device(people.olivia.actor, device=device_of(people.olivia, people.courtyard))
    again = people.xena.add_camera("Courtyard of Xena", f"/{people.olivia.id}/Courtyard")
    told = plans()
    assert (told[people.courtyard].mode, told[people.courtyard].keep_days) == (RecordMode.OFF, 30)
    assert (told[again].mode, told[again].keep_days) == (RecordMode.CONTINUOUS, 7)  # it starts empty
    with pytest.raises(NotFound):
        list_coverage(people.olivia.actor, people.courtyard, *_last_days(2))
    with pytest.raises(NotFound):
        list_coverage(people.xena.actor, people.courtyard, *_last_days(2))


def test_a_closed_camera_without_footage_is_no_plan(people: cast.Cast) -> None:
    hello()
    unbind_device(people.olivia.actor, device=device_of(people.olivia, people.courtyard))
    assert people.courtyard not in plans()


def test_a_camera_that_is_off_is_kept_and_not_recorded(people: cast.Cast) -> None:
    hello()
    device = device_of(people.olivia, people.courtyard)
    disable_device(people.olivia.actor, device=device)
    assert plans()[people.courtyard].mode is RecordMode.OFF
    enable_device(people.olivia.actor, device=device)
    assert plans()[people.courtyard].mode is RecordMode.CONTINUOUS


def test_two_nodes_share_the_cameras_and_each_keeps_what_it_holds(people: cast.Cast) -> None:
    hello()
    hello(node="attic")
    cameras = {people.courtyard, people.pool, people.counter, people.xenas}
    here, there = plans(), plans("attic")
    assert here.keys() | there.keys() == cameras
    assert not here.keys() & there.keys()
    for camera in here:
        place(camera, ago(DAY), ago(HOUR), node="attic")
        assert plans("attic")[camera].mode is RecordMode.OFF
        assert plans()[camera].mode is RecordMode.CONTINUOUS


def test_plans_come_in_pages_and_stay_in_order(people: cast.Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    hello()
    monkeypatch.setattr("belvedere.control.recordings.services.reports.PLANS_BATCH", 3)
    first = page()
    rest = page(after=first.next)
    assert (len(first.plans), len(rest.plans), rest.next) == (3, 1, "")


def test_no_answer_is_better_than_an_empty_one(people: cast.Cast) -> None:
    """Whoever is told of no camera stops recording them all: a stranger, or a run of before, is told nothing."""
    hello()
    assert list_plans("local", PlansRequest("another run")) is None
    assert list_plans("elsewhere", PlansRequest(RUN)) is None
    with clock.moved_by(timedelta(minutes=5)):  # its greetings were lost; its question was not
        assert len(page().plans) == 4


def test_a_whole_page_goes_through_the_bus(people: cast.Cast) -> None:
    """However the hours of all its cameras look."""
    three = [["00:00", "01:00"], ["09:00", "12:00"], ["22:00", "24:00"]]
    hours: dict[str, Any] = {"zone": "America/Argentina/ComodRivadavia", "weekly": dict.fromkeys(DAYS, three)}
    change_recording_settings(people.olivia.actor, camera=people.pool, mode=RecordMode.SCHEDULED, hours=hours)
    quoted = validate_hours(hours) + '"' * (MAX_HOURS - len(validate_hours(hours)))
    plan = RecordingPlan("0" * 26, RecordMode.SCHEDULED, Quality.MAIN, True, 365, 10**15, quoted)
    assert len(msgspec.json.encode(PlansReply([plan] * PLANS_BATCH, "0" * 26))) <= 256 * 1024


# ── What nodes say ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_round_replaces_the_last_one(people: cast.Cast) -> None:
    hello()
    report(holding(people.courtyard, 1.0, 2.0), holding(people.pool, 1.0, 2.0), holding("0" * 26, 1.0, 2.0))
    assert set(Placement.objects.values_list("camera", flat=True)) == {people.courtyard, people.pool}
    with clock.moved_by(SILENT_AFTER + timedelta(seconds=1)):
        report(state="refused")  # another disk hangs there: of this one nobody knows
        assert Placement.objects.count() == 2
        report(holding(people.pool, 1.5, 2.5), holding(people.pool, 1.5, 3.0))
    [left] = Placement.objects.all()
    assert (left.camera_id, left.last_at) == (people.pool, datetime.fromtimestamp(3, UTC))


def test_an_older_run_is_not_heard(people: cast.Cast) -> None:
    hello()
    report(holding(people.courtyard, 1.0, 2.0), run="zombie")
    assert not Volume.objects.exists()


def test_what_makes_no_sense_is_not_kept(people: cast.Cast) -> None:
    hello()
    report(holding(people.courtyard, -1.0, 1e300), holding("../../etc/passwd", 1.0, 2.0))
    [row] = Placement.objects.all()
    assert (row.first_at, row.last_at) == (None, None)


# ── Coverage ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _last_days(count: float) -> tuple[datetime, datetime]:
    return clock.now() - count * DAY, clock.now() + HOUR


def _seconds(periods: list[Period]) -> list[tuple[float, float]]:
    return [(period.start.timestamp(), period.end.timestamp()) for period in periods]


def test_coverage_is_what_the_nodes_say(people: cast.Cast, bus: Node) -> None:
    first, last = ago(3 * HOUR), ago(HOUR)
    place(people.courtyard, first, last)
    bus.footage[people.courtyard] = [(first, first + 100), (first + 100.5, first + 200), (last - 60, last)]
    found = list_coverage(people.olivia.actor, people.courtyard, *_last_days(1))
    assert _seconds(found.covered) == [(first, first + 200), (last - 60, last)]  # a rotation is no gap
    assert found.unknown == []
    assert list_coverage(people.olivia.actor, people.pool, *_last_days(1)).covered == []
    assert [question.camera for question in bus.asked] == [people.courtyard]


def test_the_window_hides_what_is_older(people: cast.Cast, bus: Node) -> None:
    """N15, N23: a millisecond before the window there is nothing; it is not even asked for."""
    last = ago(HOUR)
    place(people.courtyard, ago(9 * DAY), last)
    bus.footage[people.courtyard] = [(ago(9 * DAY), last)]
    share_the_last(DAY, people.olivia, people.rita, people.courtyard, PAST)
    with clock.frozen_at(clock.now()):
        edge = clock.now() - DAY
        found = list_coverage(people.rita.actor, people.courtyard, *_last_days(30))
        assert _seconds(found.covered) == pytest.approx([(edge.timestamp(), last)])
        assert [question.start for question in bus.asked] == [edge.timestamp()]
        before = list_coverage(people.rita.actor, people.courtyard, edge - DAY, edge - timedelta(milliseconds=1))
        assert (before.covered, before.unknown, len(bus.asked)) == ([], [], 1)
        straddling = list_coverage(people.rita.actor, people.courtyard, edge - DAY, edge + timedelta(milliseconds=1))
        assert len(straddling.covered) == 1
        assert straddling.covered[0].start == edge


def test_live_only_knows_of_no_past(people: cast.Cast, bus: Node) -> None:
    """N22."""
    place(people.counter, ago(DAY), ago(HOUR))
    with pytest.raises(Forbidden):
        list_coverage(people.vera.actor, people.counter, *_last_days(1))
    with pytest.raises(NotFound):
        list_coverage(people.xena.actor, people.counter, *_last_days(1))
    assert bus.asked == []


def test_a_silent_node_is_unknown_never_nothing(people: cast.Cast, bus: Node) -> None:
    first, last = ago(6 * HOUR), ago(HOUR)
    place(people.courtyard, first + 3600, last)
    place(people.courtyard, first, last, node="attic")  # nobody is there
    bus.footage[people.courtyard] = [(first + 3600, first + 7200)]
    found = list_coverage(people.olivia.actor, people.courtyard, *_last_days(1))
    assert _seconds(found.covered) == [(first + 3600, first + 7200)]
    assert _seconds(found.unknown) == pytest.approx([(first, first + 3600), (first + 7200, last)])
    share_the_last(2 * HOUR, people.olivia, people.rita, people.courtyard, PAST)
    with clock.frozen_at(clock.now()):
        narrow = list_coverage(people.rita.actor, people.courtyard, *_last_days(1))
        assert _seconds(narrow.unknown) == pytest.approx([(ago(2 * HOUR), last)])


def test_a_disk_that_is_gone_for_good_is_not_unknown_for_ever(people: cast.Cast, bus: Node) -> None:
    """Recorded elsewhere meanwhile: unknown is what it had. Past its days: not even that."""
    first, last = ago(6 * HOUR), ago(3 * HOUR)
    place(people.courtyard, first, last, node="attic", is_recording=True)  # nobody is there
    found = list_coverage(people.olivia.actor, people.courtyard, *_last_days(1))
    assert _seconds(found.unknown)[0][1] == pytest.approx(clock.now().timestamp(), abs=30)
    place(people.courtyard, ago(2 * HOUR), ago(HOUR), is_recording=True)
    bus.footage[people.courtyard] = [(ago(2 * HOUR), ago(HOUR))]
    found = list_coverage(people.olivia.actor, people.courtyard, *_last_days(1))
    assert _seconds(found.unknown) == pytest.approx([(first, last)])
    with clock.moved_by(7 * DAY):
        place(people.courtyard, ago(2 * HOUR), ago(HOUR), is_recording=True)
        found = list_coverage(people.olivia.actor, people.courtyard, *_last_days(8))
        assert found.unknown == []


def test_what_is_recorded_behind_a_refused_disk_goes_on_unknown(people: cast.Cast, bus: Node) -> None:
    hello()
    first = ago(DAY)
    report(holding(people.courtyard, first, ago(HOUR), is_recording=True))
    report(state="refused")
    with clock.frozen_at(clock.now()):
        found = list_coverage(people.olivia.actor, people.courtyard, *_last_days(2))
        assert found.covered == []
        assert _seconds(found.unknown) == pytest.approx([(first, clock.now().timestamp())])


def test_a_right_that_ends_while_nodes_are_asked_is_over(people: cast.Cast, bus: Node) -> None:
    """B-1, on the second look."""
    place(people.courtyard, ago(DAY), ago(HOUR))
    share = people.olivia.share(people.rita, people.courtyard, permissions=PAST)
    bus.footage[people.courtyard] = [(ago(DAY), ago(HOUR))]

    def end_it() -> None:
        sharing.end_share(people.olivia.actor, share=share)
        connection.close()  # of that thread

    bus.meanwhile = end_it
    with pytest.raises(NotFound):
        list_coverage(people.rita.actor, people.courtyard, *_last_days(1))


@pytest.mark.parametrize("fault", ["end before start", "empty", "longer than a year"])
def test_a_period_that_is_none_is_refused(people: cast.Cast, fault: str) -> None:
    at = clock.now()
    start, end = {
        "end before start": (at, at - HOUR),
        "empty": (at, at),
        "longer than a year": (at - 400 * DAY, at),
    }[fault]
    with pytest.raises(Invalid):
        list_coverage(people.olivia.actor, people.courtyard, start, end)


def test_the_ends_of_time_are_asked_for_in_vain(people: cast.Cast) -> None:
    first = datetime.min.replace(tzinfo=UTC)
    assert list_coverage(people.olivia.actor, people.courtyard, first, first + DAY).covered == []
    last = datetime.max.replace(tzinfo=UTC)
    assert list_coverage(people.olivia.actor, people.courtyard, last - DAY, last).covered == []
