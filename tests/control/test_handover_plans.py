"""Plans: everything that hangs on an organization, a site or a device is decided on, or nothing is offered.

VA-12, VA-13, VA-17, VA-19, HC-24, HC-25, HC-29, VV-32, N9, N16.
"""

import json
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import connection

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant
from belvedere.control.access.roles import Role
from belvedere.control.accounts.services import create_account
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock, vault
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NetworkNotAllowed, NotFound, Refusal
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Binding, Camera, Device
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.devices.services import take_private_hours, unbind_device
from belvedere.control.devices.services.transferring import without_credentials
from belvedere.control.devices.sources import Source, Streams, read_source, write_source
from belvedere.control.guests.models import GuestLink
from belvedere.control.guests.services import make_link
from belvedere.control.handover.models import Handover
from belvedere.control.handover.selectors import (
    PlanRow,
    find_handover_address,
    get_handover,
    get_plan,
    list_cautions,
    list_own_cuts,
    list_received_handovers,
)
from belvedere.control.handover.services import (
    Choice,
    accept_handover,
    change_plan,
    offer_handover,
    plan_handover,
    undo_handover,
    withdraw_handover,
)
from belvedere.control.organizations.models import Membership, Organization, Reach, Site
from belvedere.control.organizations.services import Wish, change_member, edit_organization, set_reach
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.models import BlockedSharer, Share
from belvedere.control.sharing.services import Item, change_share, end_share
from belvedere.control.streaming.selectors import list_cuts
from control.test_at_once import at_once, raise_node
from control.test_handovers import assert_one_owner, roles, watch

LOOK = Permission.LIVE_VIEW | Permission.PLAYBACK | Permission.NOTIFY


def device_of(camera: str) -> str:
    return Camera.objects.values_list("device_id", flat=True).get(pk=camera)


def plan(people: cast.Cast, to: cast.Person | str | None = None, **more: Any) -> str:
    """Olivia plans to give her counter's camera to Xena, or whom is told."""
    email = to if isinstance(to, str) else (to or people.xena).email
    wishes: dict[str, Any] = {
        "kind": "device",
        "thing": device_of(people.counter),
        "afterwards": "leaves",
        "receiver": email,
    } | more
    return plan_handover(people.olivia.actor, **wishes)


def rows(person: cast.Person, handover: str) -> dict[tuple[str, str], PlanRow]:
    """(subject, who) → row."""
    return {(row.subject.value, row.who): row for row in get_plan(person.actor, handover).rows}


def decide(person: cast.Person, handover: str, who: str, verdict: str, **more: Any) -> None:
    """On what somebody has of it, and on whether he is told."""
    for row in get_plan(person.actor, handover).rows:
        if row.who == who and len(row.verdicts) > 1 and row.subject != "notification":
            choice = Choice(key=row.key, verdict=verdict, facts=row.facts, **more)
            change_plan(person.actor, handover=handover, choices=[choice])


def seen(person: cast.Person) -> set[str]:
    return {view.name for view in list_cameras(person.actor)}


# ── A device ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_device_changes_hands_with_what_was_decided(people: cast.Cast) -> None:
    """HC-24, HC-25: the giver has nothing, the new one starts empty; one keeps what he had, another loses it."""
    olivia, xena, rita, vera = people.olivia, people.xena, people.rita, people.vera
    olivia.share(rita, people.counter, people.pool, permissions=LOOK)
    before = Grant.objects.filter(ended_at=None, principal=rita.id).count()
    handover = plan(people)
    assert rows(olivia, handover)["share", "Vera"].verdict is None
    decide(olivia, handover, "Rita", "carry_over")
    with pytest.raises(Conflict) as open_still:
        offer_handover(olivia.actor, handover=handover)
    assert len(open_still.value.extra["undecided"]) == 2  # Vera's share, and whether Rita is told
    decide(olivia, handover, "Vera", "end")
    change_plan(olivia.actor, handover=handover, rest="end")
    offer_handover(olivia.actor, handover=handover)
    run_due()
    mail.outbox.clear()
    change = accept_handover(xena.actor, handover=handover, site=xena.site)
    assert seen(olivia) == {"Courtyard", "Pool"}
    assert seen(xena) == {"Hall", "Counter"}
    assert (seen(vera), seen(rita)) == (set(), {"Pool", "Counter"})
    view = get_handover(xena.actor, handover)
    assert (view.state, view.change_id, view.destination) == ("accepted", change, xena.organization)
    camera = Camera.objects.get(device=view.became)
    assert (camera.organization_id, camera.closed_at) == (xena.organization, None)
    old = Camera.objects.get(pk=people.counter)
    assert old.closed_at is not None  # rule 7: the old one stays where its footage is
    assert old.organization_id == olivia.organization
    # Hers to give from now on; and no longer told, as was decided (VA-17).
    share = Share.objects.get(sharer=xena.id, accepted_by=rita.id)
    assert [Permission(item.permissions) for item in share.items.all()] == [LOOK & ~Permission.NOTIFY]
    assert get_camera(rita.actor, camera.pk).shared_by.id == xena.id  # type: ignore[union-attr]  # it is shared
    assert Grant.objects.filter(ended_at=None, principal=rita.id).count() == before
    run_due()
    told = {row.to[0]: str(row.subject) for row in mail.outbox}
    assert told[rita.email] == "Xena owns now what you may see"
    assert told[vera.email].startswith("Olivia")
    assert told[olivia.email] == told[xena.email] == "Counter belongs to Xena now"


def test_credentials_do_not_go_along_unless_told(people: cast.Cast) -> None:
    """threats.md §8: deleted at transfer; passed on sealed if the giver says so, and never as clear text."""
    for camera, passes in ((people.counter, False), (people.pool, True)):
        handover = cast.offer_handover(
            people.olivia.actor,
            thing=device_of(camera),
            receiver=people.xena.email,
            afterwards="leaves",
            kind="device",
            passes_credentials=passes,
        )
        accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
        old, new = Device.objects.get(pk=device_of(camera)), get_handover(people.xena.actor, handover).became
        row = Device.objects.get(pk=new)
        assert (old.source, old.unbound_at is None) == ("", False)
        source = json.loads(vault.unseal(row.source, table="device", row=new, field="source"))
        assert (source["username"], source["password"]) == (("canary-user", cast.CANARY) if passes else ("", ""))
        # One owner, all the while: nobody can bind it in between (VA-1).
        assert {binding.device_id for binding in Binding.objects.filter(device__in=[old.pk, new])} == {new}


def test_a_warranty_ends_by_itself(people: cast.Cast) -> None:
    """HC-29, VA-12: live view alone, until a day, by the new owner's leave, who may end it."""
    handover = plan(people, afterwards="warranty")
    change_plan(people.olivia.actor, handover=handover, rest="end")
    offer_handover(people.olivia.actor, handover=handover)
    accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
    share = Share.objects.get(sharer=people.xena.id, accepted_by=people.olivia.id)
    assert [item.permissions for item in share.items.all()] == [int(Permission.LIVE_VIEW)]
    assert "Counter" in seen(people.olivia)
    with clock.moved_by(timedelta(days=14, seconds=1)):
        assert "Counter" not in seen(people.olivia)
    end_share(people.xena.actor, share=share.pk)
    assert "Counter" not in seen(people.olivia)


def test_until_a_day(people: cast.Cast) -> None:
    """HC-25: what ends on a day ends on that day, also where it was given for longer."""
    until = clock.now() + timedelta(days=3)
    handover = plan(people)
    decide(people.olivia, handover, "Vera", "end_on", until=until)
    offer_handover(people.olivia.actor, handover=handover)
    accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
    assert "Counter" in seen(people.vera)
    with clock.frozen_at(until):
        assert seen(people.vera) == set()


def test_who_watches_is_cut_and_the_receipt_says_so(people: cast.Cast) -> None:
    """VV-33, B-1: the giver's picture, and that of whoever had it from him."""
    raise_node()
    people.olivia.token()
    people.vera.token()
    mine, elsewhere, hers = (
        watch(people.olivia, people.counter),
        watch(people.olivia, people.pool),
        watch(people.vera, people.counter),
    )
    handover = cast.offer_handover(
        people.olivia.actor,
        thing=device_of(people.counter),
        receiver=people.xena.email,
        afterwards="leaves",
        kind="device",
    )
    change = accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
    cut = {row.session for row in list_cuts(change)}
    assert {mine, hers} <= cut
    assert elsewhere not in cut
    # N17: who looked at it before is none of the new owner's business; the giver reads of himself.
    assert list_own_cuts(people.xena.actor, handover) == []
    assert [row.session for row in list_own_cuts(people.olivia.actor, handover)] == [mine]
    again = people.xena.browser().post(f"/api/v1/handovers/{handover}/accept", {}, "application/json")
    assert (again.status_code, again.json()["cut"]) == (200, [])


def test_its_own_share_ends_with_owning(people: cast.Cast) -> None:
    """The new owner has a share of it already: it is said, and ends."""
    handover = plan(people, people.vera)
    row = rows(people.olivia, handover)["share", "Vera"]
    assert (row.verdicts, row.verdict, row.why) == (("end",), "end", "receiver")
    assert "has_share" in list_cautions(people.olivia.actor, handover)
    offer_handover(people.olivia.actor, handover=handover)
    accept_handover(people.vera.actor, handover=handover, site=people.vera.site)
    assert Share.objects.get(pk=people.veras_share).state == "revoked"
    assert [view.mine for view in list_cameras(people.vera.actor)] == [True]


@pytest.mark.parametrize("change", ["more", "new", "gone"])
def test_what_changed_since_is_asked_again(people: cast.Cast, change: str) -> None:
    """HC-25: a plan older than its facts is not applied; what ended meanwhile is in nobody's way."""
    olivia, xena = people.olivia, people.xena
    handover = cast.offer_handover(
        olivia.actor, thing=device_of(people.counter), receiver=xena.email, afterwards="leaves", kind="device"
    )
    if change == "more":
        item = Item(people.counter, Permission.LIVE_VIEW | Permission.PLAYBACK)
        change_share(olivia.actor, share=people.veras_share, items=[item])
    elif change == "new":
        olivia.share(people.rita, people.counter)
    else:
        end_share(olivia.actor, share=people.veras_share)
        accept_handover(xena.actor, handover=handover, site=xena.site)
        assert "Counter" in seen(xena)
        return
    with pytest.raises(Conflict, match="asked again"):
        accept_handover(xena.actor, handover=handover, site=xena.site)
    assert ("Counter" in seen(olivia), "Counter" in seen(xena)) == (True, False)
    assert list_received_handovers(xena.actor) == []
    assert get_handover(olivia.actor, handover).state == "draft"
    [row] = get_plan(olivia.actor, handover).open_rows
    assert (row.who, row.is_changed) == (("Vera", True) if change == "more" else ("Rita", False))
    change_plan(olivia.actor, handover=handover, rest="carry_over")
    offer_handover(olivia.actor, handover=handover)
    accept_handover(xena.actor, handover=handover, site=xena.site)
    assert "Counter" in seen(people.rita if change == "new" else people.vera)


def test_a_decision_on_what_was_not_read_is_none(people: cast.Cast) -> None:
    """The page was opened before somebody widened the share: the tap on it decides nothing."""
    handover = plan(people)
    row = rows(people.olivia, handover)["share", "Vera"]
    item = Item(people.counter, Permission.LIVE_VIEW | Permission.PLAYBACK)
    change_share(people.olivia.actor, share=people.veras_share, items=[item])
    choice = Choice(key=row.key, verdict="carry_over", facts=row.facts)
    change_plan(people.olivia.actor, handover=handover, choices=[choice])
    assert rows(people.olivia, handover)["share", "Vera"].is_open


def test_what_it_may_not_reach_is_not_taken(people: cast.Cast) -> None:
    """Rule 8: refused before anything changed, and no packet sent."""
    set_reach(Principal(id="", name="operator"), organization=people.xena.organization, reach="10.0.0.0/8")
    assert Reach.objects.filter(organization=people.xena.organization).count() == 1
    handover = cast.offer_handover(
        people.olivia.actor,
        thing=device_of(people.counter),
        receiver=people.xena.email,
        afterwards="leaves",
        kind="device",
    )
    with pytest.raises(NetworkNotAllowed):
        accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
    assert "Counter" in seen(people.olivia)
    assert get_handover(people.xena.actor, handover).state == "pending"


# ── Who may, and who learns of it ────────────────────────────────────────────────────────────────────────────────────


def test_only_the_owner_and_only_to_another(hotels: cast.Hotels) -> None:
    """VV-31, HC-24: no role gives away what it does not own; nobody hands to himself."""
    device = device_of(hotels.lobby)
    for name in ("sam", "ada", "vera"):
        with pytest.raises(Forbidden):
            plan_handover(
                hotels.person(name).actor, kind="device", thing=device, receiver="x@example.org", afterwards="leaves"
            )
    for kind, thing in (("device", device), ("site", hotels.north), ("organization", hotels.id)):
        with pytest.raises(NotFound):
            plan_handover(hotels.xena.actor, kind=kind, thing=thing, receiver=hotels.rita.email, afterwards="leaves")
    with pytest.raises(Invalid, match="your own address"):
        plan_handover(
            hotels.olivia.actor, kind="device", thing=device, receiver=hotels.olivia.email, afterwards="leaves"
        )
    with pytest.raises(Invalid):
        plan_handover(
            hotels.olivia.actor, kind="device", thing=device, receiver="rita@example.org", afterwards="super_admin"
        )
    assert not Handover.objects.exists()


def test_known_and_unknown_addresses_are_alike(people: cast.Cast) -> None:
    """N1: the giver reads the address he typed, and nothing of whose it is, before it is accepted."""
    for email in (people.rita.email, "nobody@example.org"):
        handover = plan(people, email)
        change_plan(people.olivia.actor, handover=handover, rest="end")
        offer_handover(people.olivia.actor, handover=handover)
        view = get_handover(people.olivia.actor, handover)
        assert (view.receiver.id, view.receiver.name, view.receiver.email) == ("", email, email)
        assert list_cautions(people.olivia.actor, handover) == ["offline"]
        withdraw_handover(people.olivia.actor, handover=handover)


def test_somebody_without_an_account_is_led_through_sign_up(people: cast.Cast) -> None:
    """VA-5: the mail's link leads to sign-up; who proves the address finds the offer, and nobody else does."""
    handover = plan(people, "newcomer@example.org")
    change_plan(people.olivia.actor, handover=handover, rest="end")
    offer_handover(people.olivia.actor, handover=handover)
    run_due()
    [text] = [str(row.body) for row in mail.outbox if row.to == ["newcomer@example.org"]]
    secret = text.partition("/join/")[2].split()[0]
    assert find_handover_address(secret) == "newcomer@example.org"
    account = create_account(email="newcomer@example.org", name="New", password=cast.PASSWORD, is_verified=False)
    person = cast.Person(account.pk, "New", "newcomer@example.org")
    assert list_received_handovers(person.actor) == []
    EmailAddress.objects.filter(user=account).update(verified=True)
    assert [view.id for view in list_received_handovers(person.actor)] == [handover]
    withdraw_handover(people.olivia.actor, handover=handover)
    assert find_handover_address(secret) == ""


def test_a_plan_is_its_givers_alone(people: cast.Cast) -> None:
    """N16: drafts are known to nobody else, offers to nobody but the two."""
    handover = plan(people)
    for person in (people.xena, people.rita, people.vera):
        for act in (get_handover, get_plan, list_cautions):
            with pytest.raises(NotFound):
                act(person.actor, handover)
    change_plan(people.olivia.actor, handover=handover, rest="end")
    offer_handover(people.olivia.actor, handover=handover)
    with pytest.raises(Forbidden):
        get_plan(people.xena.actor, handover)
    with pytest.raises(NotFound):
        get_handover(people.rita.actor, handover)


def test_one_plan_for_one_thing(people: cast.Cast) -> None:
    """Two that come at once: one of them is planned."""
    found = at_once(*[partial(plan, people)] * 3)
    assert sum(isinstance(result, str) for result in found) == 1
    assert all(isinstance(result, str | Conflict) for result in found)


def test_into_what_is_ones_own_alone(people: cast.Cast) -> None:
    """N16: not onto a foreign site, not where it stands already."""
    handover = cast.offer_handover(
        people.olivia.actor,
        thing=device_of(people.counter),
        receiver=people.xena.email,
        afterwards="leaves",
        kind="device",
    )
    for site in (people.olivia.site, people.rita.site, "", "01zzzzzzzzzzzzzzzzzzzzzzzz"):
        with pytest.raises(NotFound):
            accept_handover(people.xena.actor, handover=handover, site=site)
    assert "Counter" in seen(people.olivia)


def test_what_is_gone_is_not_handed_over(people: cast.Cast) -> None:
    """The device was unbound meanwhile: nothing is there to take."""
    handover = cast.offer_handover(
        people.olivia.actor,
        thing=device_of(people.counter),
        receiver=people.xena.email,
        afterwards="leaves",
        kind="device",
    )
    unbind_device(people.olivia.actor, device=device_of(people.counter))
    with pytest.raises(Conflict, match="asked again"):
        accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
    assert seen(people.xena) == {"Hall"}


# ── A site ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_site_goes_into_a_new_organization(hotels: cast.Hotels) -> None:
    """HC-24: with its devices; members lose it by its leaving, which is said; what else they have, they keep."""
    olivia, rita = hotels.olivia, hotels.rita
    handover = plan_handover(olivia.actor, kind="site", thing=hotels.north, receiver=rita.email, afterwards="leaves")
    members = {who: row for (subject, who), row in rows(olivia, handover).items() if subject == "member"}
    assert set(members) == {"Sam", "Ada", "Omar", "Vera", "Leo"}
    assert {row.why for row in members.values()} == {"moves"}
    assert get_plan(olivia.actor, handover).open_rows == []
    offer_handover(olivia.actor, handover=handover)
    accept_handover(rita.actor, handover=handover, found="Harbour North")
    view = get_handover(rita.actor, handover)
    organization = Organization.objects.get(pk=view.destination)
    assert (organization.name, organization.owner_id) == ("Harbour North", rita.id)
    assert "Lobby" in seen(rita)
    for name in ("olivia", "sam", "ada", "omar", "leo"):
        assert "Lobby" not in seen(hotels.person(name))
    assert "Deck" in seen(hotels.sam)
    assert Site.objects.get(pk=hotels.north).closed_at is not None
    undo_handover(olivia.actor, handover=handover)
    assert {"Lobby", "Deck"} <= seen(hotels.sam)
    assert "Lobby" not in seen(rita)
    # What ended stays ended: who had that site alone is asked in again by a person.
    assert "Lobby" not in seen(hotels.omar)


# ── An organization ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_organization_with_every_verdict(hotels: cast.Hotels) -> None:
    """HC-25, VA-17: members, shares, links and who is told, each as decided, by one change."""
    olivia, sam, rita, xena = hotels.olivia, hotels.sam, hotels.rita, hotels.xena
    kept = olivia.share(rita, hotels.lobby, permissions=LOOK)
    ended = olivia.share(xena, hotels.deck)
    link = make_link(
        olivia.actor,
        name="Gardener",
        cameras=[hotels.deck],
        permissions=Permission.LIVE_VIEW,
        ends_at=clock.now() + timedelta(days=1),
        max_uses=3,
    ).id
    handover = plan_handover(
        olivia.actor, kind="organization", thing=hotels.id, receiver=sam.email, afterwards="leaves"
    )
    link_row = rows(olivia, handover)["guest_link", "Gardener"]
    assert (link_row.verdict, link_row.why) == ("end", "giver_leaves")
    until = clock.now() + timedelta(days=2)
    for who, verdict in (("Rita", "carry_over"), ("Xena", "end"), ("Ada", "end"), ("Nora", "carry_over")):
        decide(olivia, handover, who, verdict)
    decide(olivia, handover, "Leo", "end_on", until=until)
    decide(olivia, handover, "Vera", "carry_over")
    decide(olivia, handover, "Omar", "carry_over")
    told = {row.who: [verdict.value for verdict in row.verdicts] for row in get_plan(olivia.actor, handover).open_rows}
    # By a role one is told, or is not a member; of a share it can be taken away.
    assert told == {"Omar": ["carry_over"], "Rita": ["carry_over", "end"]}
    change_plan(olivia.actor, handover=handover, rest="end", rest_of="notification")
    assert [row.who for row in get_plan(olivia.actor, handover).open_rows] == ["Omar"]
    change_plan(olivia.actor, handover=handover, rest="carry_over")
    offer_handover(olivia.actor, handover=handover)
    change = accept_handover(sam.actor, handover=handover)
    assert assert_one_owner(hotels.id) == sam.id
    assert set(roles(hotels)) == {"Sam", "Omar", "Vera", "Nora"}
    share = Share.objects.get(pk=kept)
    assert (share.state, share.sharer_id, share.membership.account_id) == ("accepted", sam.id, sam.id)
    assert [Permission(item.permissions) for item in share.items.all()] == [LOOK & ~Permission.NOTIFY]
    [grant] = Grant.objects.filter(principal=rita.id, origin_id=kept, ended_at=None)
    assert Permission(grant.permissions) == LOOK & ~Permission.NOTIFY
    assert (Share.objects.get(pk=ended).state, Share.objects.get(pk=ended).change_id) == ("revoked", change)
    assert GuestLink.objects.get(pk=link).change_id == change
    assert (seen(xena), seen(olivia) & {"Lobby", "Deck"}) == ({"Hall"}, set())
    # Until a day he sees what he saw as a member, and no site more.
    assert {"Lobby", "Deck"} & seen(hotels.leo) == {"Lobby"}
    with clock.frozen_at(until):
        assert not {"Lobby", "Deck"} & seen(hotels.leo)
    # Of all that ended, the change is one: what was cut stands in one receipt.
    assert {grant.change_id for grant in Grant.objects.exclude(ended_at=None).filter(change_id=change)} == {change}
    undo_handover(sam.actor, handover=handover)
    assert assert_one_owner(hotels.id) == olivia.id
    assert roles(hotels)["Sam"] == Role.SUPER_ADMIN
    assert Share.objects.get(pk=kept).sharer_id == olivia.id
    assert Share.objects.get(pk=ended).state == "revoked"
    assert "Ada" not in roles(hotels)
    assert not {"Lobby", "Deck"} & seen(hotels.leo)


def test_an_installer_is_pointed_out(hotels: cast.Hotels) -> None:
    """VA-12: an owner of many organizations looks like one who installs; it warns and does not stand in the way."""
    handover = plan_handover(
        hotels.olivia.actor, kind="organization", thing=hotels.id, receiver=hotels.sam.email, afterwards="leaves"
    )
    assert "looks_like_installer" not in list_cautions(hotels.olivia.actor, handover)
    for number in range(4):
        Organization.objects.create(name=f"Site {number}", owner_id=hotels.sam.id, created_at=clock.now())
    assert {"looks_like_installer", "no_recovery_contact", "offline"} <= {*list_cautions(hotels.olivia.actor, handover)}


# ── Undoing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["olivia", "xena"])
def test_either_side_undoes_a_device(people: cast.Cast, who: str) -> None:
    """Within a day, once: it comes back with who kept it; what had ended stays ended, as do passwords."""
    olivia, xena = people.olivia, people.xena
    olivia.share(people.rita, people.counter)
    handover = plan(people, afterwards="warranty")
    decide(olivia, handover, "Rita", "carry_over")
    decide(olivia, handover, "Vera", "end")
    offer_handover(olivia.actor, handover=handover)
    accept_handover(xena.actor, handover=handover, site=xena.site)
    person = olivia if who == "olivia" else xena
    with clock.moved_by(timedelta(hours=23)):
        change = undo_handover(person.actor, handover=handover)
        assert undo_handover(person.actor, handover=handover) == change
        assert get_handover(xena.actor, handover).state == "undone"
    assert (seen(xena), "Counter" in seen(olivia)) == ({"Hall"}, True)
    assert ("Counter" in seen(people.rita), seen(people.vera)) == (True, set())
    [view] = [view for view in list_cameras(olivia.actor) if view.name == "Counter"]
    assert (view.mine, view.organization) == (True, olivia.organization)
    assert not Share.objects.filter(sharer=xena.id, state="accepted").exists()
    with pytest.raises(Conflict):
        accept_handover(xena.actor, handover=handover, site=xena.site)


def test_after_a_day_it_is_final(people: cast.Cast) -> None:
    handover = cast.offer_handover(
        people.olivia.actor,
        thing=device_of(people.counter),
        receiver=people.xena.email,
        afterwards="leaves",
        kind="device",
    )
    with pytest.raises(Conflict, match="final"):
        undo_handover(people.olivia.actor, handover=handover)
    accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
    with clock.moved_by(timedelta(hours=24)), pytest.raises(Conflict, match="final"):
        undo_handover(people.olivia.actor, handover=handover)
    assert "Counter" in seen(people.xena)


def test_what_has_gone_on_is_not_undone(people: cast.Cast) -> None:
    handover = cast.offer_handover(
        people.olivia.actor,
        thing=device_of(people.counter),
        receiver=people.xena.email,
        afterwards="leaves",
        kind="device",
    )
    accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
    unbind_device(people.xena.actor, device=get_handover(people.xena.actor, handover).became)
    with pytest.raises(Conflict, match="gone on"):
        undo_handover(people.olivia.actor, handover=handover)
    assert get_handover(people.xena.actor, handover).state == "accepted"


# ── All or nothing ───────────────────────────────────────────────────────────────────────────────────────────────────


def dies(act: Callable[[], object]) -> int:
    """Do it in a process of its own, which is killed with its last step; the signal it died of."""
    connection.close()
    child = os.fork()
    if child == 0:
        from belvedere.control.handover.services import taking

        def die(*_args: object, **_more: object) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(taking, "tell", die)  # noqa: B010  an import of its own, which types call private
        try:
            act()
        finally:
            os._exit(1)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


def test_killed_in_the_middle_nothing_has_happened(hotels: cast.Hotels) -> None:
    """Kill -9 with everything written and nothing committed: the next one finds it as it was, and may go on."""
    olivia, sam = hotels.olivia, hotels.sam
    olivia.share(hotels.rita, hotels.lobby)
    handover = cast.offer_handover(olivia.actor, thing=hotels.id, receiver=sam.email, afterwards="leaves")
    before = set(Grant.objects.filter(ended_at=None).values_list("pk", flat=True))
    entries = Entry.objects.count()
    assert dies(partial(accept_handover, sam.actor, handover=handover)) == signal.SIGKILL
    assert assert_one_owner(hotels.id) == olivia.id
    assert set(Grant.objects.filter(ended_at=None).values_list("pk", flat=True)) == before
    assert Entry.objects.count() == entries
    assert Handover.objects.get().state == "pending"
    accept_handover(sam.actor, handover=handover)
    assert assert_one_owner(hotels.id) == sam.id


def test_accepting_and_unbinding_at_once(people: cast.Cast) -> None:
    """It has one owner or none, never two, and whoever lost learns so."""
    handover = cast.offer_handover(
        people.olivia.actor,
        thing=device_of(people.counter),
        receiver=people.xena.email,
        afterwards="leaves",
        kind="device",
    )
    taken, unbound = at_once(
        partial(accept_handover, people.xena.actor, handover=handover, site=people.xena.site),
        partial(unbind_device, people.olivia.actor, device=device_of(people.counter)),
    )
    assert isinstance(taken, Refusal) != isinstance(unbound, Refusal)
    assert Device.objects.filter(name="Counter", unbound_at=None).count() == (0 if isinstance(taken, Refusal) else 1)
    assert Membership.objects.filter(organization=people.olivia.organization, is_active=True).count() == 1


def test_an_owner_who_comes_back_is_whole(hotels: cast.Hotels) -> None:
    """Whatever the owner in between made of him: else nobody could mend it."""
    olivia, sam = hotels.olivia, hotels.sam
    handover = cast.offer_handover(olivia.actor, thing=hotels.id, receiver=sam.email, afterwards="super_admin")
    accept_handover(sam.actor, handover=handover)
    narrow = Wish(role=Role.VIEWER, sites=[hotels.north])
    change_member(sam.actor, member=hotels.member(olivia), wish=narrow)
    undo_handover(sam.actor, handover=handover)
    assert assert_one_owner(hotels.id) == olivia.id
    assert {"Lobby", "Deck"} <= seen(olivia)
    edit_organization(olivia.actor, organization=hotels.id, name="Harbour Hotels again")


def test_who_blocked_the_giver_hears_nothing_of_it(people: cast.Cast) -> None:
    BlockedSharer.objects.create(account_id=people.xena.id, sharer_id=people.olivia.id, blocked_at=clock.now())
    mail.outbox.clear()
    handover = cast.offer_handover(
        people.olivia.actor,
        thing=device_of(people.counter),
        receiver=people.xena.email,
        afterwards="leaves",
        kind="device",
    )
    assert list_received_handovers(people.xena.actor) == []
    with pytest.raises(NotFound):
        accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
    withdraw_handover(people.olivia.actor, handover=handover)
    run_due()
    assert people.xena.email not in {to for row in mail.outbox for to in row.to}


@pytest.mark.parametrize(
    ("address", "left"),
    [
        ("rtsp://cam/user=admin&password=hunter2&channel=1&stream=0.sdp?real_stream", "rtsp://cam/?real_stream"),
        ("rtsp://cam/live?user=admin&pwd=hunter2", "rtsp://cam/live"),
        ("rtsp://cam/11/passages?subtype=1", "rtsp://cam/11/passages?subtype=1"),
    ],
)
def test_a_login_in_an_address_stays_behind(address: str, left: str) -> None:
    """Where makers let people write it: query or path (threats §8)."""
    kept = write_source(Source({"": Streams(address)}))
    assert read_source(without_credentials("camera", kept)).streams[""].main == left


def test_private_hours_do_not_go_along(people: cast.Cast) -> None:
    """They end with who took them; what its owner switched off stays off, until the new one switches it on."""
    take_private_hours(people.olivia.actor, camera=people.counter, hours=2)
    handover = cast.offer_handover(
        people.olivia.actor,
        thing=device_of(people.counter),
        receiver=people.xena.email,
        afterwards="leaves",
        kind="device",
    )
    accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
    camera = Camera.objects.get(device=get_handover(people.xena.actor, handover).became)
    assert (camera.disabled_at, camera.disabled_by) == (None, "")
