"""Service providers: engaged by who manages the site, until a date, never against the owner (HC-27, HC-28, HC-29)."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from django.core import mail

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import REGISTRY, check
from belvedere.control.access.models import Grant
from belvedere.control.access.roles import Role
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Frozen, Invalid, NotFound, Refusal
from belvedere.control.devices.models import Camera
from belvedere.control.devices.selectors import get_device, list_cameras, list_devices
from belvedere.control.devices.services import (
    disable_device,
    enable_device,
    mark_outdoor,
    remove_detector,
    remove_site,
    rename_device,
    unbind_device,
)
from belvedere.control.handover.report_facts import make_report
from belvedere.control.handover.services import move_out
from belvedere.control.organizations.selectors import list_organizations
from belvedere.control.organizations.services import freeze_organization, remove_member
from belvedere.control.outbox.services import run_due
from belvedere.control.providers.models import Engagement, Wish
from belvedere.control.providers.selectors import get_engagement, list_engagements, list_wishes
from belvedere.control.providers.services import (
    accept_engagement,
    approve_wish,
    ask_for_more,
    decline_engagement,
    deny_wish,
    end_engagement,
    end_of_account,
    expire_engagements,
    leave_engagement,
    offer_engagement,
)
from belvedere.control.recordings.services import change_recording_settings
from belvedere.control.sharing.models import BlockedSharer

SET_UP = Permission.LIVE_VIEW | Permission.CONFIGURE
WEEK = timedelta(days=7)


@pytest.fixture
def ivan(hotels: cast.Hotels) -> cast.Person:
    """The installer: nobody's member."""
    return cast.make("ivan")


def in_(span: timedelta) -> datetime:
    return clock.now() + span


def device_of(camera: str) -> str:
    return Camera.objects.values_list("device", flat=True).get(pk=camera)


def offer(hotels: cast.Hotels, ivan: cast.Person, *, devices: tuple[str, ...] = (), site: str = "") -> str:
    """Olivia engages Ivan in North for a week, or for these devices there."""
    return offer_engagement(
        hotels.olivia.actor,
        site=site or hotels.north,
        address=ivan.email,
        permissions=SET_UP,
        ends_at=in_(WEEK),
        devices=devices,
    )


def engage(hotels: cast.Hotels, ivan: cast.Person, *, devices: tuple[str, ...] = ()) -> str:
    pk = offer(hotels, ivan, devices=devices)
    accept_engagement(ivan.actor, engagement=pk)
    return pk


def sees(person: cast.Person) -> list[str]:
    return sorted(view.name for view in list_cameras(person.actor))


def test_nothing_is_his_before_he_accepts(hotels: cast.Hotels, ivan: cast.Person) -> None:
    # HC-27
    mail.outbox.clear()
    pk = offer(hotels, ivan)
    run_due()
    assert [row.to for row in mail.outbox] == [[ivan.email]]
    assert "/installations" in str(mail.outbox.pop().body)
    assert not sees(ivan)
    [view] = list_engagements(ivan.actor, "received")
    assert (view.state, view.site_name, view.permissions, view.devices) == ("pending", "North", SET_UP, None)
    accept_engagement(ivan.actor, engagement=pk)
    accept_engagement(ivan.actor, engagement=pk)
    assert sees(ivan) == ["Lobby"]
    assert [view.name for view in list_devices(ivan.actor)] == ["Lobby"]
    assert Grant.objects.filter(origin_id=pk, ended_at=None).count() == 1
    # He is no member, and of South he knows nothing.
    assert hotels.id not in {view.id for view in list_organizations(ivan.actor)}
    with pytest.raises(NotFound):
        check(ivan.actor, Permission.LIVE_VIEW, on="camera", resource=hotels.deck)
    run_due()
    assert [row.to for row in mail.outbox] == [[hotels.olivia.email]]


def test_he_sets_up_and_pulls_no_switch(hotels: cast.Hotels, ivan: cast.Person) -> None:
    # HC-27: no kill switch for the installer, ever.
    engage(hotels, ivan)
    device = device_of(hotels.lobby)
    rename_device(ivan.actor, device=device, name="Lobby, left")
    assert not get_device(ivan.actor, device).mine
    for act in (
        lambda: disable_device(ivan.actor, device=device),
        lambda: unbind_device(ivan.actor, device=device),
        lambda: change_recording_settings(ivan.actor, camera=hotels.lobby, keep_days=1),
        lambda: enable_device(ivan.actor, device=device),
        lambda: remove_detector(ivan.actor, camera=hotels.lobby),
        lambda: mark_outdoor(ivan.actor, camera=hotels.lobby, is_outdoor=True),
    ):
        with pytest.raises(Forbidden):
            act()
    assert get_device(hotels.olivia.actor, device).mine
    # Whatever takes away or blinds is written down as a member's alone.
    wanted = {"disable_device", "enable_device", "unbind_device", "change_recording_settings", "remove_detector"}
    assert wanted <= {name.rpartition(".")[2] for name, rule in REGISTRY.items() if rule.of_member}


@pytest.mark.parametrize("more", [Permission.SHARE, Permission.MANAGE])
def test_he_hands_nothing_on(hotels: cast.Hotels, ivan: cast.Person, more: Permission) -> None:
    with pytest.raises(Invalid):
        offer_engagement(
            hotels.olivia.actor, site=hotels.north, address=ivan.email, permissions=SET_UP | more, ends_at=in_(WEEK)
        )


def test_single_devices_are_those_alone(hotels: cast.Hotels, ivan: cast.Person) -> None:
    yard = hotels.olivia.add_camera("Yard", site=hotels.north)
    engage(hotels, ivan, devices=(device_of(yard),))
    assert sees(ivan) == ["Yard"]
    rename_device(ivan.actor, device=device_of(yard), name="Yard 2")
    with pytest.raises(NotFound):
        rename_device(ivan.actor, device=device_of(hotels.lobby), name="mine")
    with pytest.raises(Invalid):
        offer(hotels, ivan, devices=(device_of(hotels.deck),))


@pytest.mark.parametrize(("name", "refusal"), [("ada", None), ("omar", Forbidden), ("xena", NotFound)])
def test_who_manages_the_site_engages(
    hotels: cast.Hotels, ivan: cast.Person, name: str, refusal: type[Refusal] | None
) -> None:
    actor = hotels.person(name).actor
    ask = partial(offer_engagement, actor, address=ivan.email, permissions=SET_UP, ends_at=in_(WEEK))
    if refusal is None:
        ask(site=hotels.north)
        # Ada manages North, and nothing else.
        with pytest.raises(NotFound):
            ask(site=hotels.south)
    else:
        with pytest.raises(refusal):
            ask(site=hotels.north)


def test_odd_offers_are_refused(hotels: cast.Hotels, ivan: cast.Person) -> None:
    olivia = hotels.olivia.actor
    for address, permissions, ends_at in (
        (ivan.email, SET_UP, in_(-timedelta(minutes=1))),
        (ivan.email, SET_UP, in_(timedelta(days=400))),
        (ivan.email, Permission(0), in_(WEEK)),
        (ivan.email, Permission.TALK, in_(WEEK)),
        (hotels.olivia.email, SET_UP, in_(WEEK)),
        ("nobody", SET_UP, in_(WEEK)),
    ):
        with pytest.raises(Invalid):
            offer_engagement(olivia, site=hotels.north, address=address, permissions=permissions, ends_at=ends_at)
    pk = offer_engagement(olivia, site=hotels.north, address=hotels.vera.email, permissions=SET_UP, ends_at=in_(WEEK))
    with pytest.raises(Conflict):  # a member's role says what he may do
        accept_engagement(hotels.vera.actor, engagement=pk)


def test_either_side_ends_it_at_once(hotels: cast.Hotels, ivan: cast.Person) -> None:
    # HC-27: can be removed, at any time.
    pk = engage(hotels, ivan)
    change_id = end_engagement(hotels.olivia.actor, engagement=pk)
    assert end_engagement(hotels.olivia.actor, engagement=pk) == change_id
    assert not sees(ivan)
    again = engage(hotels, ivan)
    leave_engagement(ivan.actor, engagement=again)
    assert not sees(ivan)
    assert [view.state for view in list_engagements(hotels.olivia.actor, "given")] == ["left", "ended"]
    with pytest.raises(Conflict):
        accept_engagement(ivan.actor, engagement=pk)
    declined = offer(hotels, ivan)
    decline_engagement(ivan.actor, engagement=declined)
    with pytest.raises(Conflict):
        accept_engagement(ivan.actor, engagement=declined)
    for stranger in (hotels.xena, hotels.rita):
        with pytest.raises(NotFound):
            get_engagement(stranger.actor, pk)


def test_the_end_is_exact(hotels: cast.Hotels, ivan: cast.Person, monkeypatch: pytest.MonkeyPatch) -> None:
    pk = engage(hotels, ivan)
    ends_at, now = Engagement.objects.values_list("ends_at", flat=True).get(pk=pk), clock.now
    monkeypatch.setattr(clock, "now", lambda: ends_at - timedelta(milliseconds=1))
    assert sees(ivan) == ["Lobby"]
    # No job has run: it is over all the same.
    monkeypatch.setattr(clock, "now", lambda: ends_at)
    assert not sees(ivan)
    assert get_engagement(ivan.actor, pk).state == "expired"
    with pytest.raises(Conflict):
        end_engagement(hotels.olivia.actor, engagement=pk)
    assert expire_engagements() == 1
    assert expire_engagements() == 0
    assert Entry.objects.filter(action="engagement.expired", thing=f"engagement:{pk}").count() == 1
    monkeypatch.setattr(clock, "now", now)


def test_it_ends_with_its_site(hotels: cast.Hotels, ivan: cast.Person) -> None:
    """HC-29: given for a site, it does not follow the devices to another one, and does not wait for the site."""
    pk = engage(hotels, ivan)
    remove_site(hotels.olivia.actor, site=hotels.north, move_devices_to=hotels.south)
    assert not sees(ivan)
    assert expire_engagements() == 1
    assert expire_engagements() == 0
    assert get_engagement(ivan.actor, pk).state == "ended"
    assert Entry.objects.filter(action="engagement.lapsed", thing=f"engagement:{pk}").count() == 1


def test_it_ends_with_its_givers_role_or_goes_on_under_another(hotels: cast.Hotels, ivan: cast.Person) -> None:
    # rule 5
    pk = offer_engagement(
        hotels.ada.actor, site=hotels.north, address=ivan.email, permissions=SET_UP, ends_at=in_(WEEK)
    )
    accept_engagement(ivan.actor, engagement=pk)
    remove_member(hotels.olivia.actor, member=hotels.member(hotels.ada))
    assert not sees(ivan)
    assert Engagement.objects.get(pk=pk).ended_reason == "giver_left"
    sam = hotels.sam
    other = offer_engagement(sam.actor, site=hotels.south, address=ivan.email, permissions=SET_UP, ends_at=in_(WEEK))
    accept_engagement(ivan.actor, engagement=other)
    remove_member(hotels.olivia.actor, member=hotels.member(sam), adopt_shares=True)
    assert sees(ivan) == ["Deck"]
    assert Engagement.objects.get(pk=other).giver_id == hotels.olivia.id


@pytest.mark.parametrize("hours", [1, 2, 4, 8])
def test_he_asks_for_hours_and_they_count_from_the_answer(hotels: cast.Hotels, ivan: cast.Person, hours: int) -> None:
    # HC-29
    pk = engage(hotels, ivan)
    more = SET_UP | Permission.PLAYBACK
    wish = ask_for_more(ivan.actor, engagement=pk, permissions=more, reason="the disk", hours=hours)
    with pytest.raises(Conflict):
        ask_for_more(ivan.actor, engagement=pk, permissions=more, reason="again", hours=1)
    [waiting] = list_wishes(hotels.olivia.actor)
    assert (waiting.hours, waiting.reason, waiting.provider.email) == (hours, "the disk", ivan.email)
    lobby = list_cameras(ivan.actor)[0]
    assert not lobby.may(Permission.PLAYBACK)
    before = clock.now()
    granted = approve_wish(hotels.olivia.actor, wish=wish)
    view = get_engagement(ivan.actor, granted)
    assert timedelta(0) <= view.ends_at - before - timedelta(hours=hours) < timedelta(minutes=2)
    assert list_cameras(ivan.actor)[0].may(Permission.PLAYBACK)
    with pytest.raises(Conflict):
        approve_wish(hotels.olivia.actor, wish=wish)
    end_engagement(hotels.olivia.actor, engagement=granted)
    assert not list_cameras(ivan.actor)[0].may(Permission.PLAYBACK)


def test_the_owner_may_give_less_or_nothing(hotels: cast.Hotels, ivan: cast.Person) -> None:
    pk = engage(hotels, ivan)
    wish = ask_for_more(
        ivan.actor, engagement=pk, permissions=SET_UP | Permission.TALK, reason="speaker", until=in_(WEEK * 4)
    )
    granted = approve_wish(hotels.olivia.actor, wish=wish, permissions=Permission.LIVE_VIEW | Permission.TALK, hours=1)
    row = Engagement.objects.get(pk=granted)
    assert Permission(row.permissions) == Permission.LIVE_VIEW | Permission.TALK
    second = ask_for_more(ivan.actor, engagement=pk, permissions=SET_UP, reason="more", hours=8)
    with pytest.raises(NotFound):
        approve_wish(hotels.xena.actor, wish=second)
    with pytest.raises(NotFound):
        approve_wish(ivan.actor, wish=second)
    deny_wish(hotels.olivia.actor, wish=second)
    deny_wish(hotels.olivia.actor, wish=second)
    assert Wish.objects.get(pk=second).state == "rejected"
    for hours, until in ((3, None), (None, None), (1, in_(WEEK))):
        with pytest.raises(Invalid):
            ask_for_more(ivan.actor, engagement=pk, permissions=SET_UP, reason="odd", hours=hours, until=until)
    end_engagement(hotels.olivia.actor, engagement=pk)
    with pytest.raises(Conflict):  # whom the owner sent away asks no more
        ask_for_more(ivan.actor, engagement=pk, permissions=SET_UP, reason="please", hours=1)


def test_each_step_is_written_down(hotels: cast.Hotels, ivan: cast.Person) -> None:
    pk = engage(hotels, ivan)
    wish = ask_for_more(ivan.actor, engagement=pk, permissions=SET_UP, reason="cable", hours=1)
    approve_wish(hotels.olivia.actor, wish=wish)
    end_engagement(hotels.olivia.actor, engagement=pk)
    rows = Entry.objects.filter(chain=hotels.id, action__startswith="engagement.").order_by("sequence")
    assert list(rows.values_list("action", flat=True)) == [
        "engagement.offered",
        "engagement.accepted",
        "engagement.asked",
        "engagement.granted",
        "engagement.ended",
    ]


def test_the_report_names_him_with_his_end(hotels: cast.Hotels, ivan: cast.Person) -> None:
    # B-3
    engage(hotels, ivan)
    report = make_report(hotels.olivia.actor, kind="site", subject=hotels.north)
    [holder] = [row for row in report.holders if row.person.address == ivan.email]
    [right] = holder.rights
    assert (right.origin, right.reach, right.places) == ("service", "site", ["North"])
    assert right.ends_at is not None


def test_a_closed_account_is_engaged_no_more(hotels: cast.Hotels, ivan: cast.Person) -> None:
    pk = engage(hotels, ivan)
    end_of_account({"account": ivan.id, "at": clock.now().isoformat()})
    assert Engagement.objects.get(pk=pk).state == "left"
    assert not sees(ivan)


def test_whoever_moves_out_ends_it_without_a_word(hotels: cast.Hotels, ivan: cast.Person) -> None:
    # threats.md §5
    pk = engage(hotels, ivan)
    wish = ask_for_more(ivan.actor, engagement=pk, permissions=SET_UP, reason="cable", hours=1)
    run_due()
    mail.outbox.clear()
    move_out(hotels.olivia.actor, account=ivan.id, is_silent=True)
    assert not sees(ivan)
    assert Engagement.objects.get(pk=pk).state == "revoked"
    with pytest.raises(Conflict):
        approve_wish(hotels.olivia.actor, wish=wish)
    run_due()
    assert not [row for row in mail.outbox if ivan.email in row.to]


def test_what_he_asked_for_goes_when_he_does(hotels: cast.Hotels, ivan: cast.Person) -> None:
    """He left, or his account was closed: a yes to what he had asked for before puts nothing in force without him."""
    for go in (
        lambda pk: leave_engagement(ivan.actor, engagement=pk),
        lambda _pk: end_of_account({"account": ivan.id, "at": clock.now().isoformat()}),
    ):
        pk = engage(hotels, ivan)
        wish = ask_for_more(ivan.actor, engagement=pk, permissions=SET_UP, reason="cable", hours=1)
        go(pk)
        assert list_wishes(hotels.olivia.actor) == []
        with pytest.raises(Conflict):
            approve_wish(hotels.olivia.actor, wish=wish)
        assert not sees(ivan)


def test_whom_one_moved_away_from_asks_no_more(hotels: cast.Hotels, ivan: cast.Person) -> None:
    """threats.md §5: what had ended by itself is no way to write to who moved out, neither before nor after."""
    pk = engage(hotels, ivan)
    hotels.join(ivan, Role.VIEWER, hotels.south)
    with clock.moved_by(WEEK + timedelta(hours=1)):
        expire_engagements()
        ask = partial(ask_for_more, ivan.actor, engagement=pk, permissions=SET_UP, reason="I know where you are")
        wish = ask(hours=1)
        fresh = replace(hotels.olivia.actor, proved_at=clock.now())
        move_out(fresh, account=ivan.id, is_silent=True)
        assert list_wishes(hotels.olivia.actor) == []
        with pytest.raises(Conflict):
            approve_wish(hotels.olivia.actor, wish=wish)
        with pytest.raises(Conflict):
            ask(hours=1)


def test_nothing_new_comes_into_force_while_it_is_frozen(hotels: cast.Hotels, ivan: cast.Person) -> None:
    # threats.md §5
    pk = offer(hotels, ivan)
    freeze_organization(hotels.olivia.actor, organization=hotels.id)
    with pytest.raises(Frozen):
        accept_engagement(ivan.actor, engagement=pk)
    assert not Grant.objects.filter(origin_id=pk).exists()


def test_who_is_blocked_offers_in_vain(hotels: cast.Hotels, ivan: cast.Person) -> None:
    """As his shares do, it stays outside; he does not notice."""
    BlockedSharer.objects.create(account_id=ivan.id, sharer_id=hotels.olivia.id, blocked_at=clock.now())
    pk = offer(hotels, ivan)
    assert list_engagements(ivan.actor, "received") == []
    with pytest.raises(NotFound):
        accept_engagement(ivan.actor, engagement=pk)
    assert [view.state for view in list_engagements(hotels.olivia.actor, "given")] == ["pending"]
