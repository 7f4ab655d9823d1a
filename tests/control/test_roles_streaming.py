"""Roles and running streams: what somebody becomes acts on what he is watching, in the same change.

A real bus, and a node that answers; VV 23, 33, 34, rules 1, 2 and 5.
"""

import pytest

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.roles import PERMISSIONS, Role
from belvedere.control.core.errors import NotFound
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.devices.services import move_device, remove_site
from belvedere.control.organizations.services import Wish, change_member, remove_member
from belvedere.control.sharing.models import Share
from belvedere.control.sharing.selectors import get_given, list_received
from belvedere.control.streaming.models import ViewingSession
from belvedere.control.streaming.selectors import list_cuts
from control.watching import LIVE, Node, hello, renew, watch

#: what a lease for live view may carry of a role
CARRIED = Permission.LIVE_VIEW | Permission.LISTEN | Permission.PLAYBACK | Permission.PTZ


@pytest.fixture(autouse=True)
def node(hotels: cast.Hotels) -> None:
    """A node that lives."""
    hello()


def become(hotels: cast.Hotels, person: cast.Person, role: Role, *sites: str, adopt: bool = False) -> str:
    """Olivia makes him this, on these sites or where he was; the change id."""
    wish = Wish(role=role, sites=sites or None)
    return change_member(hotels.olivia.actor, member=hotels.member(person), wish=wish, adopt_shares=adopt)


def held(session: str) -> int:
    """What a lease carries now: the permissions of the next renewal."""
    return renew(session)[session].permissions


def is_open(session: str) -> bool:
    return ViewingSession.objects.filter(pk=session, closed_at=None).exists()


def test_a_viewer_who_becomes_live_only_watches_on(hotels: cast.Hotels, bus: Node) -> None:
    """VV-33: her picture stays; footage is gone from the running lease, on the node's own word."""
    session = watch(hotels.vera, hotels.lobby)
    assert held(session) == Permission.LIVE_VIEW | Permission.PLAYBACK
    change = become(hotels, hotels.vera, Role.LIVE_ONLY)
    assert [(lease.session, lease.permissions, lease.playback_from) for lease in bus.heard] == [(session, LIVE, None)]
    assert list_cuts(change) == []
    assert is_open(session)
    assert held(session) == LIVE


def test_who_loses_access_loses_the_picture(hotels: cast.Hotels, bus: Node) -> None:
    """VV-26, VV-33: cut in the same call, with a receipt that names the session; nobody else is touched."""
    session, others = (
        watch(hotels.vera, hotels.lobby),
        [watch(hotels.leo, hotels.lobby), watch(hotels.sam, hotels.deck)],
    )
    change = become(hotels, hotels.vera, Role.NO_ACCESS)
    assert [(cut.session, cut.account.name, cut.ends_by) for cut in list_cuts(change)] == [(session, "Vera", None)]
    assert [(lease.session, lease.is_ended, lease.by) for lease in bus.heard] == [(session, True, "Olivia")]
    assert not is_open(session)
    assert all(map(is_open, others))
    with pytest.raises(NotFound):
        watch(hotels.vera, hotels.lobby)


@pytest.mark.parametrize("is_leaving", [False, True], ids=["removed", "left"])
def test_who_is_no_member_watches_nothing(hotels: cast.Hotels, bus: Node, *, is_leaving: bool) -> None:
    """VV-23, VV-34: what she watches in the hotels ends; what somebody else shared with her runs on."""
    hotels_session, session = watch(hotels.vera, hotels.lobby), watch(hotels.vera, hotels.people.counter)
    actor = hotels.vera.actor if is_leaving else hotels.olivia.actor
    change = remove_member(actor, member=hotels.member(hotels.vera))
    assert [cut.session for cut in list_cuts(change)] == [hotels_session]
    assert {lease.session for lease in bus.heard if lease.is_ended} == {hotels_session}
    assert is_open(session)
    assert held(session) & LIVE
    assert [view.id for view in list_cameras(hotels.vera.actor)] == [hotels.people.counter]


def test_another_organization_stays_as_it_is(hotels: cast.Hotels, bus: Node) -> None:
    """VV-34: a member of two is removed from one."""
    mine = hotels.ada.add_camera("Cat")
    theirs, own = watch(hotels.ada, hotels.lobby), watch(hotels.ada, mine)
    change = remove_member(hotels.olivia.actor, member=hotels.member(hotels.ada))
    assert [cut.session for cut in list_cuts(change)] == [theirs]
    assert is_open(own)
    assert held(own) == CARRIED


def test_more_sites_less_sites(hotels: cast.Hotels, bus: Node) -> None:
    """VV-7, VV-33: from North to South: the picture of the one ends, of the other begins."""
    session = watch(hotels.vera, hotels.lobby)
    change = become(hotels, hotels.vera, Role.VIEWER, hotels.south)
    assert [cut.session for cut in list_cuts(change)] == [session]
    assert held(watch(hotels.vera, hotels.deck)) & LIVE


def test_more_is_in_the_lease_at_once(hotels: cast.Hotels, bus: Node) -> None:
    """VV-33: nobody has to come anew for what he was given while he watched."""
    session = watch(hotels.leo, hotels.lobby)
    change = become(hotels, hotels.leo, Role.OPERATOR)
    assert list_cuts(change) == []
    assert held(session) == PERMISSIONS[Role.OPERATOR] & CARRIED
    assert [(lease.session, lease.permissions) for lease in bus.heard] == [(session, held(session))]


def test_a_site_that_closes_takes_its_roles_along(hotels: cast.Hotels, bus: Node) -> None:
    """VV-29: its cameras move to South, where Vera is nothing; Sam, who has every site, does not blink."""
    session, sams = watch(hotels.vera, hotels.lobby), watch(hotels.sam, hotels.lobby)
    change = remove_site(hotels.olivia.actor, site=hotels.north, move_devices_to=hotels.south)
    assert [cut.session for cut in list_cuts(change)] == [session]
    assert is_open(sams)
    assert held(sams) & LIVE


def test_a_camera_that_moves_leaves_who_is_not_there(hotels: cast.Hotels, bus: Node) -> None:
    """Rule 1: her role on North stays; the camera stands on South now."""
    session, sams = watch(hotels.vera, hotels.lobby), watch(hotels.sam, hotels.lobby)
    device = get_camera(hotels.olivia.actor, hotels.lobby).device
    assert device
    change = move_device(hotels.olivia.actor, device=device, site=hotels.south)
    assert [cut.session for cut in list_cuts(change)] == [session]
    assert is_open(sams)


# ── What rests on a membership: shares (rule 5) ──


def test_a_share_ends_with_its_givers_right(hotels: cast.Hotels, bus: Node) -> None:
    """Rule 5: Ada is an admin no more; what she shared ends in the same change, with the reason, and so the picture."""
    share = hotels.ada.share(hotels.rita, hotels.lobby)
    session = watch(hotels.rita, hotels.lobby)
    change = become(hotels, hotels.ada, Role.VIEWER)
    assert [(cut.session, cut.account.name) for cut in list_cuts(change)] == [(session, "Rita")]
    assert list_cameras(hotels.rita.actor) == []
    row = Share.objects.get(pk=share)
    assert (row.state, row.ended_reason, row.change_id) == ("revoked", "sharer_lost_right", change)


def test_an_adopted_share_goes_on(hotels: cast.Hotels, bus: Node) -> None:
    """Rule 5: Olivia takes it over in the same step: Rita watches on, and it is Olivia's from now on."""
    share = hotels.ada.share(hotels.rita, hotels.lobby)
    session = watch(hotels.rita, hotels.lobby)
    change = become(hotels, hotels.ada, Role.VIEWER, adopt=True)
    assert list_cuts(change) == []
    assert is_open(session)
    assert held(session) & LIVE
    assert get_given(hotels.olivia.actor, share).state == "accepted"
    assert [row.sharer.name for row in list_received(hotels.rita.actor)] == ["Olivia"]
    with pytest.raises(NotFound):
        get_given(hotels.ada.actor, share)
    # It rests on Olivia's membership now: what becomes of Ada's is nothing to it.
    remove_member(hotels.olivia.actor, member=hotels.member(hotels.ada))
    assert is_open(session)


def test_nobody_adopts_what_he_could_not_give(hotels: cast.Hotels, bus: Node) -> None:
    """Rule 5, N12: another admin of North cannot take over what was shared of South."""
    hotels.join(hotels.xena, Role.ADMIN, hotels.north, hotels.south)
    both = hotels.xena.share(hotels.rita, hotels.lobby, hotels.deck)
    member = hotels.member(hotels.xena)
    wish = Wish(role=Role.VIEWER, sites=[hotels.north])
    change = change_member(hotels.ada.actor, member=member, wish=wish, adopt_shares=True)
    assert change
    # South is not Ada's to change: Xena is an admin there still, and what she shared of it goes on as hers.
    assert [view.id for view in list_cameras(hotels.rita.actor)] == [hotels.deck]
    assert Share.objects.get(pk=both).sharer_id == hotels.xena.id


def test_a_removed_admin_leaves_no_share_behind(hotels: cast.Hotels, bus: Node) -> None:
    """Rule 5, VV-34: offers that wait are withdrawn too."""
    waiting = hotels.ada.offer(hotels.people.pat, hotels.lobby)
    running = hotels.ada.share(hotels.rita, hotels.lobby)
    session = watch(hotels.rita, hotels.lobby)
    change = remove_member(hotels.olivia.actor, member=hotels.member(hotels.ada))
    assert [cut.session for cut in list_cuts(change)] == [session]
    assert {row.state for row in Share.objects.filter(pk__in=[waiting, running])} == {"revoked"}


def test_a_share_adds_to_a_role_and_outlives_it(hotels: cast.Hotels, bus: Node) -> None:
    """Rules 1 and 2: Olivia shared with Vera what Vera sees as a viewer; without the role the share goes on."""
    hotels.olivia.share(hotels.vera, hotels.lobby, permissions=Permission.LIVE_VIEW | Permission.LISTEN)
    session = watch(hotels.vera, hotels.lobby)
    assert held(session) == CARRIED & ~Permission.PTZ
    change = become(hotels, hotels.vera, Role.NO_ACCESS)
    assert list_cuts(change) == []
    assert held(session) == Permission.LIVE_VIEW | Permission.LISTEN
