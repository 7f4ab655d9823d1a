"""Service providers and guest links where something changes its owner: each goes on, ends, or ends on a day.

HC-25, HC-27, HC-28, HC-29. Nothing is kept that nobody decided on.
"""

from datetime import timedelta

import pytest
from django.core import mail

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.guests.models import GuestLink
from belvedere.control.guests.services import make_link
from belvedere.control.handover.selectors import get_handover, get_plan
from belvedere.control.handover.services import (
    Choice,
    accept_handover,
    change_plan,
    offer_handover,
    plan_handover,
    undo_handover,
)
from belvedere.control.outbox.services import run_due
from belvedere.control.providers.models import Engagement
from belvedere.control.providers.selectors import list_engagements
from belvedere.control.providers.services import accept_engagement, leave_engagement, offer_engagement
from control.test_handover_plans import device_of, rows

SET_UP = Permission.LIVE_VIEW | Permission.CONFIGURE | Permission.NOTIFY
WEEK = timedelta(days=7)


@pytest.fixture
def ivan(hotels: cast.Hotels) -> cast.Person:
    """The installer: nobody's member."""
    return cast.make("ivan")


def offer(hotels: cast.Hotels, to: cast.Person, site: str = "", *cameras: str) -> str:
    """Olivia engages somebody in North for a week, or for the devices of these cameras there."""
    return offer_engagement(
        hotels.olivia.actor,
        site=site or hotels.north,
        address=to.email,
        permissions=SET_UP,
        ends_at=clock.now() + WEEK,
        devices=[device_of(pk) for pk in cameras],
    )


def engage(hotels: cast.Hotels, to: cast.Person, site: str = "", *cameras: str) -> str:
    pk = offer(hotels, to, site, *cameras)
    accept_engagement(to.actor, engagement=pk)
    return pk


def sees(person: cast.Person) -> set[str]:
    return {view.name for view in list_cameras(person.actor)}


def decide(hotels: cast.Hotels, handover: str, verdict: str, *, days: float = 0) -> None:
    """On every engagement; the rest goes on where it can; then offer it."""
    until = clock.now() + timedelta(days=days) if days else None
    choices = [
        Choice(key=row.key, verdict=verdict, until=until, facts=row.facts)
        for row in get_plan(hotels.olivia.actor, handover).rows
        if row.subject == "engagement" and len(row.verdicts) > 1
    ]
    change_plan(hotels.olivia.actor, handover=handover, choices=choices)
    for rest in ("carry_over", "carry_over", "end"):
        change_plan(hotels.olivia.actor, handover=handover, rest=rest)
    offer_handover(hotels.olivia.actor, handover=handover)


def whole(hotels: cast.Hotels, verdict: str, **more: float) -> str:
    """Harbour Hotels goes to Sam, Olivia leaves; the handover's id."""
    handover = plan_handover(
        hotels.olivia.actor, kind="organization", thing=hotels.id, receiver=hotels.sam.email, afterwards="leaves"
    )
    decide(hotels, handover, verdict, **more)
    accept_handover(hotels.sam.actor, handover=handover)
    return handover


def part(hotels: cast.Hotels, kind: str, verdict: str, **more: float) -> str:
    """North, or its lobby's device, goes to Xena; the handover's id."""
    thing = hotels.north if kind == "site" else device_of(hotels.lobby)
    handover = plan_handover(
        hotels.olivia.actor, kind=kind, thing=thing, receiver=hotels.xena.email, afterwards="leaves"
    )
    decide(hotels, handover, verdict, **more)
    where = {"found": "Harbour North"} if kind == "site" else {"site": hotels.xena.site}
    accept_handover(hotels.xena.actor, handover=handover, **where)
    return handover


def told() -> list[tuple[str, str]]:
    """(address, subject) of what is sent of engagements."""
    run_due()
    found = [(row.to[0], str(row.subject)) for row in mail.outbox if "set" in str(row.subject)]
    mail.outbox.clear()
    return found


# ── An organization ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_offered_before_it_is_decided_on(hotels: cast.Hotels, ivan: cast.Person) -> None:
    """HC-25, HC-27: his row says what he may do, where and until when; and it is asked."""
    pk = engage(hotels, ivan)
    handover = plan_handover(
        hotels.olivia.actor, kind="organization", thing=hotels.id, receiver=hotels.sam.email, afterwards="leaves"
    )
    row = rows(hotels.olivia, handover)["engagement", "Ivan"]
    assert (row.id, row.permissions, row.things, row.giver) == (pk, SET_UP, ("North",), "Olivia")
    assert (row.verdict, [one.value for one in row.verdicts]) == (None, ["carry_over", "end", "end_on"])
    for subject in ("member", "share", "guest_link", "notification"):
        change_plan(hotels.olivia.actor, handover=handover, rest="carry_over", rest_of=subject)
    with pytest.raises(Conflict) as refused:
        offer_handover(hotels.olivia.actor, handover=handover)
    # And whether he is told of what happens there (VA-17).
    assert f"engagement:{pk}" in refused.value.extra["undecided"]
    assert ("notification", "Ivan") in rows(hotels.olivia, handover)


def test_he_goes_on_under_the_new_owner(hotels: cast.Hotels, ivan: cast.Person) -> None:
    """HC-27: his picture does not blink, and it is the new owner's to end; undone, it is the old one's again."""
    pk = engage(hotels, ivan)
    grants = set(Grant.objects.filter(origin_id=pk, ended_at=None).values_list("pk", flat=True))
    told()
    handover = whole(hotels, "carry_over")
    assert set(Grant.objects.filter(origin_id=pk, ended_at=None).values_list("pk", flat=True)) == grants
    row = Engagement.objects.get(pk=pk)
    assert (row.giver_id, row.membership.account_id) == (hotels.sam.id, hotels.sam.id)
    assert set(Grant.objects.filter(origin_id=pk).values_list("created_by", flat=True)) == {hotels.sam.id}
    assert told() == [(ivan.email, "Sam owns now what you set up")]
    undo_handover(hotels.sam.actor, handover=handover)
    row.refresh_from_db()
    assert (row.state, row.giver_id, row.membership.account_id) == ("accepted", hotels.olivia.id, hotels.olivia.id)
    assert sees(ivan) == {"Lobby"}


def test_he_ends_with_it(hotels: cast.Hotels, ivan: cast.Person) -> None:
    """HC-28: in the one change, and told; undone it stays ended."""
    pk = engage(hotels, ivan)
    told()
    handover = whole(hotels, "end")
    row = Engagement.objects.get(pk=pk)
    assert (row.state, row.change_id) == ("revoked", get_handover(hotels.sam.actor, handover).change_id)
    assert sees(ivan) == set()
    assert (ivan.email, "Ivan no longer sets up North") in told()
    undo_handover(hotels.sam.actor, handover=handover)
    assert sees(ivan) == set()


def test_he_ends_on_a_day(hotels: cast.Hotels, ivan: cast.Person) -> None:
    """HC-29: to the second; and a later day than what was agreed gives him nothing."""
    short, long = engage(hotels, ivan), engage(hotels, ivan, hotels.south)
    Engagement.objects.filter(pk=short).update(ends_at=clock.now() + timedelta(days=1))
    agreed = Engagement.objects.get(pk=short).ends_at
    whole(hotels, "end_on", days=3)
    assert Engagement.objects.get(pk=short).ends_at == agreed
    until = Engagement.objects.get(pk=long).ends_at
    assert timedelta(days=2, hours=23) < until - clock.now() <= timedelta(days=3)
    assert sees(ivan) == {"Lobby", "Deck"}
    with clock.frozen_at(until):
        assert sees(ivan) == set()


def test_he_goes_on_and_is_told_of_nothing(hotels: cast.Hotels, ivan: cast.Person) -> None:
    """VA-17: who is told is decided apart, also where the right to it came with an engagement."""
    pk = engage(hotels, ivan)
    handover = plan_handover(
        hotels.olivia.actor, kind="organization", thing=hotels.id, receiver=hotels.sam.email, afterwards="leaves"
    )
    change_plan(hotels.olivia.actor, handover=handover, rest="carry_over", rest_of="engagement")
    change_plan(hotels.olivia.actor, handover=handover, rest="end", rest_of="notification")
    change_plan(hotels.olivia.actor, handover=handover, rest="carry_over")
    change_plan(hotels.olivia.actor, handover=handover, rest="carry_over")
    offer_handover(hotels.olivia.actor, handover=handover)
    accept_handover(hotels.sam.actor, handover=handover)
    [grant] = Grant.objects.filter(origin_id=pk, ended_at=None)
    assert Permission(grant.permissions) == SET_UP & ~Permission.NOTIFY
    assert Permission(Engagement.objects.get(pk=pk).permissions) == SET_UP & ~Permission.NOTIFY


def test_an_offer_to_him_waits_on(hotels: cast.Hotels, ivan: cast.Person) -> None:
    """Not answered yet: he takes it on from who owns it then."""
    pk = offer(hotels, ivan)
    whole(hotels, "carry_over")
    accept_engagement(ivan.actor, engagement=pk)
    assert sees(ivan) == {"Lobby"}
    assert list_engagements(ivan.actor, "received")[0].giver.id == hotels.sam.id


def test_what_changed_since_is_asked_again(hotels: cast.Hotels, ivan: cast.Person) -> None:
    """HC-25: he accepted after it was decided: other facts, another question."""
    pk = offer(hotels, ivan)
    handover = cast.offer_handover(hotels.olivia.actor, thing=hotels.id, receiver=hotels.sam.email, afterwards="leaves")
    accept_engagement(ivan.actor, engagement=pk)
    with pytest.raises(Conflict, match="asked again"):
        accept_handover(hotels.sam.actor, handover=handover)
    assert rows(hotels.olivia, handover)["engagement", "Ivan"].is_changed


# ── A site, a device ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["site", "device"])
@pytest.mark.parametrize("is_bounded", [False, True], ids=["whole-site", "these-devices"])
def test_he_goes_along_and_comes_back(hotels: cast.Hotels, ivan: cast.Person, kind: str, is_bounded: bool) -> None:
    """HC-27: engaged anew by the new owner, for what went and no device more; back again with the undoing."""
    attic = hotels.olivia.add_camera("Attic", site=hotels.north)
    engage(hotels, ivan, "", *([hotels.lobby] if is_bounded else []))
    everything = sees(ivan)
    told()
    handover = part(hotels, kind, "carry_over")
    assert "Lobby" in sees(ivan)
    hers = [view for view in list_engagements(hotels.xena.actor, "given") if view.is_open]
    assert [(view.provider.id, view.permissions, view.giver.id) for view in hers] == [(ivan.id, SET_UP, hotels.xena.id)]
    went = {"Lobby"} if is_bounded or kind == "device" else None
    assert hers[0].devices is None if went is None else set((hers[0].devices or {}).values()) == went
    assert told() == [(ivan.email, "Xena owns now what you set up")]
    assert Entry.objects.filter(action="engagement.carried_over", chain_id=hers[0].organization).count() == 1
    # What stays with Olivia is as it was.
    assert ("Attic" in sees(ivan)) == (not is_bounded)
    assert attic in {view.id for view in list_cameras(hotels.olivia.actor)} or kind == "site"
    undo_handover(hotels.xena.actor, handover=handover)
    assert sees(ivan) == everything
    assert not [view for view in list_engagements(hotels.xena.actor, "given") if view.is_open]
    mine = [view for view in list_engagements(hotels.olivia.actor, "given") if view.is_open]
    assert [view.provider.id for view in mine] == [ivan.id]


@pytest.mark.parametrize("kind", ["site", "device"])
def test_he_stays_behind(hotels: cast.Hotels, ivan: cast.Person, kind: str) -> None:
    """HC-28: of what went he has nothing, on no resource; an engagement of nothing is over, and both are told."""
    pk = engage(hotels, ivan, "", hotels.lobby)
    told()
    part(hotels, kind, "end")
    assert sees(ivan) == set()
    assert not Grant.objects.filter(origin_id=pk, ended_at=None).exists()
    assert Engagement.objects.get(pk=pk).state == "revoked"
    assert (ivan.email, "Ivan no longer sets up North") in told()
    assert list_engagements(hotels.xena.actor, "given") == []


def test_of_two_devices_one_goes(hotels: cast.Hotels, ivan: cast.Person) -> None:
    """His engagement goes on for the other, and for no more than that."""
    attic = hotels.olivia.add_camera("Attic", site=hotels.north)
    pk = engage(hotels, ivan, "", hotels.lobby, attic)
    part(hotels, "device", "end")
    assert sees(ivan) == {"Attic"}
    assert Engagement.objects.get(pk=pk).state == "accepted"
    held = Grant.objects.filter(origin_id=pk, ended_at=None).values_list("resource", flat=True)
    assert set(held) == {attic, device_of(attic)}


def test_the_new_owner_needs_no_engagement(hotels: cast.Hotels) -> None:
    """Who was the installer there becomes the owner: his engagement ends, and the plan says why."""
    engage(hotels, hotels.xena)
    handover = plan_handover(
        hotels.olivia.actor, kind="site", thing=hotels.north, receiver=hotels.xena.email, afterwards="leaves"
    )
    row = rows(hotels.olivia, handover)["engagement", "Xena"]
    assert (row.verdict, row.why) == ("end", "receiver")
    offer_handover(hotels.olivia.actor, handover=handover)
    accept_handover(hotels.xena.actor, handover=handover, found="Harbour North")
    assert not [view for view in list_engagements(hotels.xena.actor, "received") if view.is_open]


def test_an_installer_who_leaves_meanwhile_is_in_nobodys_way(hotels: cast.Hotels, ivan: cast.Person) -> None:
    """The installer revokes himself between offer and acceptance: there is nothing left to carry over."""
    pk = engage(hotels, ivan)
    handover = cast.offer_handover(hotels.olivia.actor, thing=hotels.id, receiver=hotels.sam.email, afterwards="leaves")
    leave_engagement(ivan.actor, engagement=pk)
    accept_handover(hotels.sam.actor, handover=handover)
    assert Engagement.objects.get(pk=pk).state == "left"
    assert sees(ivan) == set()


# ── Guest links ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_guest_link_ends_on_a_day(hotels: cast.Hotels) -> None:
    """HC-25: of who stays; on the chosen day, never later than it did; nobody is blind in between."""
    sam, ada = hotels.sam, hotels.ada

    def link(giver: cast.Person, days: int) -> str:
        return make_link(
            giver.actor,
            name=f"{giver.name}, {days} days",
            cameras=[hotels.lobby],
            permissions=Permission.LIVE_VIEW,
            ends_at=clock.now() + timedelta(days=days),
            max_uses=3,
        ).id

    long, short = link(ada, 20), link(ada, 1)
    end = GuestLink.objects.get(pk=short).ends_at
    handover = plan_handover(
        hotels.olivia.actor, kind="organization", thing=hotels.id, receiver=sam.email, afterwards="leaves"
    )
    change_plan(hotels.olivia.actor, handover=handover, rest="carry_over", rest_of="member")
    until = clock.now() + timedelta(days=5)
    found = [row for row in get_plan(hotels.olivia.actor, handover).rows if row.subject == "guest_link"]
    assert {tuple(one.value for one in row.verdicts) for row in found} == {("carry_over", "end", "end_on")}
    choices = [Choice(key=row.key, verdict="end_on", until=until) for row in found]
    change_plan(hotels.olivia.actor, handover=handover, choices=choices)
    change_plan(hotels.olivia.actor, handover=handover, rest="carry_over")
    offer_handover(hotels.olivia.actor, handover=handover)
    accept_handover(sam.actor, handover=handover)
    assert GuestLink.objects.get(pk=short).ends_at == end
    assert GuestLink.objects.get(pk=long).ends_at == until
    [grant] = Grant.objects.filter(origin_id=long, ended_at=None)
    assert grant.ends_at == until
