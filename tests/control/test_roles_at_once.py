"""Members, roles and sites at the same moment, each act on a connection of its own: no order leaves a right over.

On SQLite one writes after the other; on PostgreSQL they really meet (`./test databases`). Rules 1 and 5, VV 8, 16, 31.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

import cast
from belvedere.control.access.models import Grant, Origin
from belvedere.control.access.roles import Role
from belvedere.control.core.errors import Conflict, Refusal
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.devices.services import remove_site
from belvedere.control.organizations.models import Membership, Organization, Site
from belvedere.control.organizations.selectors import get_member
from belvedere.control.organizations.services import (
    Wish,
    accept_invitation,
    add_site,
    change_member,
    invite_member,
    remove_member,
)
from belvedere.control.organizations.standing import Standing
from belvedere.control.sharing.services import accept_share, leave_share
from control.projected import assert_projected
from control.test_at_once import ROUNDS, at_once


def make(hotels: cast.Hotels, person: cast.Person, role: Role, *sites: str, by: cast.Person) -> str:
    return change_member(by.actor, member=hotels.member(person), wish=Wish(role=role, sites=sites or None))


def test_two_admins_at_one_member(hotels: cast.Hotels) -> None:
    """Both looked at the same version: one has his way, the other is told, and the member is what the one said."""
    member = hotels.member(hotels.vera)
    for _ in range(ROUNDS):
        version = get_member(hotels.olivia.actor, member).version
        now = get_member(hotels.olivia.actor, member).standing.role
        roles = [role for role in (Role.LIVE_ONLY, Role.VIEWER, Role.OPERATOR) if role is not now]
        acts = [
            partial(change_member, person.actor, member=member, wish=Wish(role=role), version=version)
            for person, role in zip((hotels.ada, hotels.sam), roles, strict=True)
        ]
        found = at_once(*acts)
        (later,) = [result for result in found if isinstance(result, Refusal)]
        assert isinstance(later, Conflict)
        winner = roles[next(place for place, result in enumerate(found) if isinstance(result, str))]
        assert get_member(hotels.olivia.actor, member).standing.role is winner
        assert_projected(hotels.id)


def lower_ada(hotels: cast.Hotels) -> str:
    return make(hotels, hotels.ada, Role.VIEWER, by=hotels.olivia)


def remove_ada(hotels: cast.Hotels) -> str:
    return remove_member(hotels.olivia.actor, member=hotels.member(hotels.ada))


LOSSES = pytest.mark.parametrize("lose", [lower_ada, remove_ada], ids=["lowered", "removed"])


@LOSSES
def test_inviting_while_losing_the_right_to(hotels: cast.Hotels, lose: Callable[[cast.Hotels], str]) -> None:
    """Rule 5: an invitation made at that moment is accepted by nobody afterwards."""
    wish = Wish(role=Role.ADMIN, sites=[hotels.north])
    invitation, _ = at_once(
        lambda: invite_member(hotels.ada.actor, organization=hotels.id, address=hotels.rita.email, wish=wish),
        partial(lose, hotels),
    )
    if isinstance(invitation, str):
        with pytest.raises(Refusal):
            accept_invitation(hotels.rita.actor, invitation=invitation)
    assert not Grant.objects.filter(principal=hotels.rita.id, origin=Origin.MEMBERSHIP, ended_at=None).exclude(
        resource=hotels.rita.organization
    )
    assert_projected(hotels.id)


@LOSSES
def test_accepting_while_the_inviter_loses_the_right(hotels: cast.Hotels, lose: Callable[[cast.Hotels], str]) -> None:
    """Rule 5: joined before that, by a right that was; or not at all."""
    wish = Wish(role=Role.ADMIN, sites=[hotels.north])
    invitation = invite_member(hotels.ada.actor, organization=hotels.id, address=hotels.rita.email, wish=wish)
    joined, lost = at_once(partial(accept_invitation, hotels.rita.actor, invitation=invitation), partial(lose, hotels))
    assert isinstance(lost, str)
    is_member = Membership.objects.filter(organization_id=hotels.id, account_id=hotels.rita.id, is_active=True).exists()
    assert is_member == (joined == hotels.id)
    assert_projected(hotels.id)


@LOSSES
def test_changing_others_while_losing_the_right(hotels: cast.Hotels, lose: Callable[[cast.Hotels], str]) -> None:
    """The law looks at what Ada is when her change is written, not when she pressed the button."""
    changed, lost = at_once(lambda: make(hotels, hotels.vera, Role.ADMIN, by=hotels.ada), partial(lose, hotels))
    assert isinstance(lost, str)
    after = get_member(hotels.olivia.actor, hotels.member(hotels.vera)).standing
    assert after.on(hotels.north) is (Role.ADMIN if isinstance(changed, str) else Role.VIEWER)
    assert after.on(hotels.south) is Role.NO_ACCESS
    assert_projected(hotels.id)


@LOSSES
def test_sharing_while_losing_the_right(hotels: cast.Hotels, lose: Callable[[cast.Hotels], str]) -> None:
    """Rule 5: what Ada offered gives nothing after she lost the right, whichever came first."""
    share = hotels.ada.offer(hotels.rita, hotels.lobby)
    at_once(lambda: accept_share(hotels.rita.actor, share=share), partial(lose, hotels))
    assert not Grant.objects.filter(origin_id=share, ended_at=None).exists()


def test_leaving_shares_while_their_giver_loses_the_right(hotels: cast.Hotels) -> None:
    """Rule 5: who leaves a share at the moment it ends with its giver's right waits for nobody, nor does its end."""
    rita, pat = hotels.rita, hotels.people.pat
    for _ in range(ROUNDS):
        shares = [(person, hotels.ada.share(person, hotels.lobby)) for person in (rita, pat)]
        leaving = [partial(leave_share, person.actor, share=share) for person, share in shares]
        change, *_ = at_once(partial(lower_ada, hotels), *leaving)
        assert isinstance(change, str)
        assert not Grant.objects.filter(origin_id__in=[share for _, share in shares], ended_at=None).exists()
        make(hotels, hotels.ada, Role.ADMIN, by=hotels.olivia)


def test_two_sites_that_move_into_each_other(hotels: cast.Hotels) -> None:
    """One closes and its devices move; the other then has them, and stays."""
    found = at_once(
        partial(remove_site, hotels.olivia.actor, site=hotels.north, move_devices_to=hotels.south),
        partial(remove_site, hotels.sam.actor, site=hotels.south, move_devices_to=hotels.north),
    )
    assert sum(isinstance(result, str) for result in found) == 1
    assert Site.objects.filter(organization_id=hotels.id, closed_at=None).count() == 1
    assert {view.id for view in list_cameras(hotels.olivia.actor)} >= {hotels.lobby, hotels.deck}
    assert_projected(hotels.id)


def test_two_admins_who_lower_each_other(hotels: cast.Hotels) -> None:
    """Whoever comes second is none any more; and nobody waits for ever."""
    hotels.join(hotels.rita, Role.ADMIN, hotels.north)
    for _ in range(ROUNDS):
        found = at_once(
            lambda: make(hotels, hotels.rita, Role.VIEWER, by=hotels.ada),
            lambda: make(hotels, hotels.ada, Role.VIEWER, by=hotels.rita),
        )
        assert sum(isinstance(result, str) for result in found) == 1
        assert_projected(hotels.id)
        lowered = hotels.ada if isinstance(found[1], str) else hotels.rita
        make(hotels, lowered, Role.ADMIN, by=hotels.olivia)


def test_one_accepts_twice(hotels: cast.Hotels) -> None:
    """VV-16: from the mail, the portal and the phone in one moment: one membership."""
    wish = Wish(role=Role.VIEWER, sites=[hotels.north])
    invitation = invite_member(hotels.olivia.actor, organization=hotels.id, address=hotels.rita.email, wish=wish)
    found = at_once(*[partial(accept_invitation, hotels.rita.actor, invitation=invitation)] * 3)
    assert found == [hotels.id] * 3
    assert Membership.objects.filter(organization_id=hotels.id, account_id=hotels.rita.id).count() == 1
    assert_projected(hotels.id)


def _add(hotels: cast.Hotels, number: int) -> None:
    add_site(hotels.olivia.actor, organization=hotels.id, name=f"Site {number}")


#: what Vera is before, on which her grants stand site by site; and what Sam makes of her while a site is made
ALL_BUT_SOUTH = Standing(Role.VIEWER, None, {"south": Role.NO_ACCESS})
MEANWHILE = {
    "lowered": (ALL_BUT_SOUTH, Wish(role=Role.LIVE_ONLY)),
    "narrowed": (ALL_BUT_SOUTH, Wish(sites=["north"], overrides={})),
    "widened": (Standing(Role.VIEWER, frozenset({"north"})), Wish(sites="all", overrides={"south": Role.LIVE_ONLY})),
    "removed": (ALL_BUT_SOUTH, None),
}


def at(hotels: cast.Hotels, wish: Wish) -> Wish:
    """The same wish, with ids of the sites in place of their names."""
    known = {"north": hotels.north, "south": hotels.south}
    return Wish(
        role=wish.role,
        sites="all" if wish.sites == "all" else wish.sites and [known[site] for site in wish.sites],
        overrides=None if wish.overrides is None else {known[site]: role for site, role in wish.overrides.items()},
    )


def wish_of(standing: Standing) -> Wish:
    sites = "all" if standing.sites is None else list(standing.sites)
    return Wish(role=standing.role, sites=sites, overrides=standing.overrides)


@pytest.mark.parametrize("what", MEANWHILE)
def test_a_site_is_made_while_a_member_changes(hotels: cast.Hotels, what: str) -> None:
    """Rule 1, VV-8: the new site's projection gives nobody back what he lost a moment before, and leaves nobody out."""
    before, wish = MEANWHILE[what]
    for number in range(ROUNDS):
        member = hotels.member(hotels.vera)
        with suppress(Conflict):  # she is that already
            change_member(hotels.olivia.actor, member=member, wish=at(hotels, wish_of(before)))
        if wish:
            act = partial(change_member, hotels.sam.actor, member=member, wish=at(hotels, wish))
        else:
            act = partial(remove_member, hotels.sam.actor, member=member)
        found = at_once(partial(add_site, hotels.olivia.actor, organization=hotels.id, name=f"Site {number}"), act)
        assert not [result for result in found if isinstance(result, Refusal)]
        assert_projected(hotels.id)
        if not wish:
            hotels.join(hotels.vera, Role.VIEWER, hotels.north)


@pytest.mark.parametrize("is_new", [False, True], ids=["changed", "joins"])
def test_a_site_closes_while_somebody_gets_a_role_on_it(hotels: cast.Hotels, *, is_new: bool) -> None:
    """Rule 1: no grant stands on a site that is gone."""
    vera, rita, olivia = hotels.member(hotels.vera), hotels.rita.actor, hotels.olivia.actor
    for number in range(ROUNDS):
        site = add_site(olivia, organization=hotels.id, name=f"Site {number}").pk
        wish = Wish(role=Role.OPERATOR, sites=[hotels.north, site])
        if is_new:
            invitation = invite_member(olivia, organization=hotels.id, address=hotels.rita.email, wish=wish)
            act = partial(accept_invitation, rita, invitation=invitation)
        else:
            act = partial(change_member, hotels.sam.actor, member=vera, wish=wish)
        at_once(act, partial(remove_site, olivia, site=site))
        assert Site.objects.get(pk=site).closed_at
        assert_projected(hotels.id)
        with suppress(Conflict):  # she is that still
            change_member(olivia, member=vera, wish=Wish(role=Role.VIEWER, sites=[hotels.north]))
        if is_new:
            remove_member(olivia, member=hotels.member(hotels.rita))


def test_there_is_one_owner_always(hotels: cast.Hotels) -> None:
    """VV-31: the constraint of the database, and Organization.owner beside it."""
    assert Membership.objects.filter(organization_id=hotels.id, role=Role.OWNER, is_active=True).count() == 1
    assert Organization.objects.get(pk=hotels.id).owner_id == hotels.olivia.id
    found = at_once(
        lambda: remove_member(hotels.sam.actor, member=hotels.member(hotels.olivia)),
        lambda: remove_member(hotels.olivia.actor, member=hotels.member(hotels.olivia)),
    )
    assert all(isinstance(result, Refusal) and result.status == 403 for result in found)
