"""No silent blinding: who takes a camera's sight is named for good, and owners are told; private hours (threats §5)."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db.models import ProtectedError

import cast
from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import PlansRequest, RecordMode
from belvedere.control.access.roles import Role
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound, SwitchedOff
from belvedere.control.devices.blindings import list_blinded_since, list_blindings
from belvedere.control.devices.models import Blinding, Camera
from belvedere.control.devices.selectors import get_camera
from belvedere.control.devices.services import (
    disable_device,
    enable_device,
    end_private_hours,
    mark_outdoor,
    settle_private_hours,
    take_private_hours,
)
from belvedere.control.organizations.services import Wish, accept_invitation, invite_member
from belvedere.control.outbox.services import run_due
from belvedere.control.recordings.narrowing import records_all_of
from belvedere.control.recordings.services import change_recording_settings
from belvedere.control.recordings.services.reports import list_plans
from belvedere.control.sharing.selectors import MyEntry, list_activity
from belvedere.control.streaming.services import open_ticket
from control.watching import RUN, Node, hello, renew, watch

NIGHT = {"zone": "Europe/Madrid", "weekly": {"mon": [["20:00", "24:00"]]}}
EVENING = {"zone": "Europe/Madrid", "weekly": {"mon": [["18:00", "24:00"]]}}


def _settle() -> None:
    while run_due():
        pass


def _device(person: cast.Person, camera: str) -> str:
    found = get_camera(person.actor, camera).device
    assert found
    return found


def _marks(person: cast.Person, camera: str) -> list[tuple[str, str, bool]]:
    """(kind, by, is over) of what a person reads."""
    at = clock.now()
    rows = list_blindings(person.actor, camera, at - timedelta(days=1), at + timedelta(seconds=1))
    return [(row.kind, row.by.name if row.by else "", row.end is not None) for row in rows]


def _mailed() -> list[tuple[str, str]]:
    _settle()
    return sorted((sent.to[0], str(sent.subject)) for sent in mail.outbox)


# ── Marks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_switching_off_is_told_to_all_owners_and_stays_written(hotels: cast.Hotels) -> None:
    """Whoever it was: Owner and Super Admin get a mail each, the inbox says it, and the mark stays when it is on."""
    _settle()
    mail.outbox.clear()
    device = _device(hotels.olivia, hotels.lobby)
    disable_device(hotels.ada.actor, device=device)
    disable_device(hotels.ada.actor, device=device)
    assert _mailed() == [
        ("olivia@example.org", "Lobby was switched off"),
        ("sam@example.org", "Lobby was switched off"),
    ]
    assert "Ada" in mail.outbox[0].body
    assert _marks(hotels.vera, hotels.lobby) == [("switched_off", "Ada", False)]
    assert [row.kind for row in list_blinded_since(hotels.sam.actor, clock.now())] == ["switched_off"]
    assert "Switched off by Ada" in hotels.olivia.browser().get("/inbox").content.decode()
    enable_device(hotels.ada.actor, device=device)
    assert _marks(hotels.vera, hotels.lobby) == [("switched_off", "Ada", True)]
    assert list_blinded_since(hotels.ada.actor, clock.now() - timedelta(days=1)) == []
    # Nothing takes it away: not even with its camera.
    with pytest.raises(ProtectedError):
        Camera.objects.get(pk=hotels.lobby).delete()


def test_recording_less_is_a_mark_until_as_much_is_recorded_again(people: cast.Cast) -> None:
    """Off, or at fewer hours; more than before is none."""
    olivia, camera = people.olivia, people.pool
    change_recording_settings(olivia.actor, camera=camera, mode=RecordMode.SCHEDULED, hours=EVENING)
    assert _marks(olivia, camera) == [("recorded_less", "Olivia", False)]
    change_recording_settings(olivia.actor, camera=camera, mode=RecordMode.OFF)
    change_recording_settings(olivia.actor, camera=camera, mode=RecordMode.SCHEDULED, hours=NIGHT)
    # Less than before it was off: that is still not made good.
    assert _marks(olivia, camera) == [
        ("recorded_less", "Olivia", False),
        ("recording_off", "Olivia", False),
    ]
    change_recording_settings(olivia.actor, camera=camera, hours=EVENING)
    assert [row[2] for row in _marks(olivia, camera)] == [False, True]
    change_recording_settings(olivia.actor, camera=camera, mode=RecordMode.CONTINUOUS)
    assert [row[2] for row in _marks(olivia, camera)] == [True, True]
    change_recording_settings(olivia.actor, camera=camera, keep_days=30)
    assert len(_marks(olivia, camera)) == 2


def test_less_is_less() -> None:
    night = ("scheduled", '{"zone":"UTC","weekly":{"mon":[["20:00","24:00"]]}}')
    split = ("scheduled", '{"zone":"UTC","weekly":{"mon":[["20:00","22:00"],["22:00","24:00"]]}}')
    elsewhere = ("scheduled", '{"zone":"Europe/Madrid","weekly":{"mon":[["20:00","24:00"]]}}')
    always, never = ("continuous", ""), ("off", "")
    assert records_all_of(night, split)
    assert records_all_of(split, night)
    assert records_all_of(always, elsewhere)
    assert records_all_of(elsewhere, never)
    assert not records_all_of(night, elsewhere)
    assert not records_all_of(night, always)
    assert not records_all_of(never, night)


def test_a_recipient_reads_that_and_when_and_not_who(people: cast.Cast) -> None:
    """N14, N23: no name, and nothing from before his window."""
    olivia, vera = people.olivia, people.vera
    olivia.share(people.rita, people.pool, permissions=Permission.LIVE_VIEW | Permission.PLAYBACK)
    disable_device(olivia.actor, device=_device(olivia, people.pool))
    assert _marks(people.rita, people.pool) == [("switched_off", "", False)]
    with pytest.raises(Forbidden):
        _marks(vera, people.counter)
    with pytest.raises(NotFound):
        _marks(people.xena, people.pool)
    query = {"from": (clock.now() - timedelta(hours=1)).isoformat(), "to": clock.now().isoformat()}
    answer = people.rita.api().get(f"/api/v1/cameras/{people.pool}/recordings", query).json()
    assert [(row["kind"], row["by"], row["to"]) for row in answer["blinded"]] == [("switched_off", None, None)]


# ── Private hours ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def home(people: cast.Cast) -> cast.Cast:
    """Vera lives with Olivia, and may look; Pat, too, as an Admin."""
    olivia = people.olivia
    for person, role in ((people.vera, Role.VIEWER), (people.pat, Role.ADMIN)):
        invitation = invite_member(
            olivia.actor, organization=olivia.organization, address=person.email, wish=Wish(role=role, sites="all")
        )
        accept_invitation(person.actor, invitation=invitation)
    return people


def test_private_hours_are_for_all_alike_and_of_nobody(home: cast.Cast, bus: Node) -> None:
    """Any member with live view: nobody sees, nothing is recorded, and who it was, nobody else reads anywhere."""
    hello()
    _settle()
    mail.outbox.clear()
    vera, olivia, camera = home.vera, home.olivia, home.pool
    olivia.share(home.rita, camera, permissions=Permission.LIVE_VIEW | Permission.PLAYBACK)
    olivias, ritas = watch(olivia, camera), watch(home.rita, camera)
    _settle()
    mail.outbox.clear()
    take_private_hours(vera.actor, camera=camera, hours=12)
    assert {row.session: (row.why, row.by) for row in bus.heard if row.is_ended} == {
        olivias: ("private", ""),
        ritas: ("private", ""),
    }
    assert renew(olivias)[olivias].is_ended
    for person in (olivia, home.rita, vera):
        with pytest.raises(SwitchedOff):
            open_ticket(person.actor, camera=camera)
        assert _marks(person, camera) == [("private_hours", "", False)]
        assert "Paused by a member" in person.browser().get(f"/cameras/{camera}").content.decode()
        assert get_camera(person.actor, camera).disabled_by is None
    plans = list_plans("local", PlansRequest(RUN))
    assert plans
    assert next(plan.mode for plan in plans.plans if plan.camera == camera) is RecordMode.OFF
    # Told to nobody; in the home's audit without a name; in her own log with it.
    assert _mailed() == []
    assert list_blinded_since(olivia.actor, clock.now() - timedelta(days=1)) == []
    there = Entry.objects.filter(chain=olivia.organization, action="camera.private_hours").get()
    assert vera.id not in str(there.fields)
    assert vera.name not in str(there.fields)
    own = [row.entry.action for row in list_activity(vera.actor).items if isinstance(row, MyEntry)]
    assert "camera.private_hours_taken" in own
    assert "camera.private_hours_taken" not in [
        row.entry.action for row in list_activity(olivia.actor).items if isinstance(row, MyEntry)
    ]


def test_private_hours_end_by_themselves_or_by_whoever_took_them(home: cast.Cast) -> None:
    """Not by the owner: else they would be worth nothing. To the second, and the mark stays."""
    vera, olivia, camera = home.vera, home.olivia, home.pool
    take_private_hours(vera.actor, camera=camera, hours=1)
    with pytest.raises(Conflict):
        end_private_hours(olivia.actor, camera=camera)
    enable_device(olivia.actor, device=_device(olivia, camera))
    assert get_camera(olivia.actor, camera).private_until
    assert settle_private_hours() == 0
    end_private_hours(vera.actor, camera=camera)
    assert get_camera(olivia.actor, camera).disabled_at is None
    take_private_hours(vera.actor, camera=camera, hours=1)
    Camera.objects.filter(pk=camera).update(private_until=clock.now())
    assert settle_private_hours() == 1
    assert get_camera(olivia.actor, camera).disabled_at is None
    assert _marks(olivia, camera) == [("private_hours", "", True), ("private_hours", "", True)]


def test_switching_off_takes_the_place_of_private_hours(home: cast.Cast) -> None:
    """What an owner switches off stays off after their end."""
    take_private_hours(home.vera.actor, camera=home.pool, hours=1)
    disable_device(home.olivia.actor, device=_device(home.olivia, home.pool))
    assert settle_private_hours() == 0
    assert _marks(home.olivia, home.pool) == [("private_hours", "", True), ("switched_off", "Olivia", False)]
    with pytest.raises(Conflict):
        take_private_hours(home.vera.actor, camera=home.pool, hours=1)


def test_a_firm_has_no_private_hours(hotels: cast.Hotels) -> None:
    with pytest.raises(Forbidden):
        take_private_hours(hotels.vera.actor, camera=hotels.lobby, hours=1)


def test_private_hours_are_for_those_who_live_there(home: cast.Cast) -> None:
    """No recipient, no camera outdoors, no longer than twelve hours; a stranger finds nothing."""
    home.olivia.share(home.rita, home.pool)
    with pytest.raises(Forbidden):
        take_private_hours(home.rita.actor, camera=home.pool, hours=1)
    with pytest.raises(NotFound):
        take_private_hours(home.xena.actor, camera=home.pool, hours=1)
    for hours in (0, 13):
        with pytest.raises(Invalid):
            take_private_hours(home.vera.actor, camera=home.pool, hours=hours)
    with pytest.raises(Forbidden):
        mark_outdoor(home.vera.actor, camera=home.pool, is_outdoor=True)
    assert "Private hours" in home.vera.browser().get(f"/cameras/{home.pool}").content.decode()
    answer = home.pat.browser().post(f"/cameras/{home.pool}/private", {"outdoor": "yes"})
    assert answer.status_code == 302
    assert "Private hours" not in home.vera.browser().get(f"/cameras/{home.pool}").content.decode()
    with pytest.raises(Forbidden):
        take_private_hours(home.vera.actor, camera=home.pool, hours=1)
    assert not Blinding.objects.exists()
