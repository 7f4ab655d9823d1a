"""Nobody climbs: whatever people below Super Admin do, none gets a right outside their sites or above their role.

Ada is an admin; whoever stands below her, is invited by her or comes from outside tries everything with any arguments.
After every step the database is held against an oracle that reads its rows and shares no line with the code under
test. VV 4–8, 27, 31; rules 1, 2 and 5; N12, N16.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import pytest
from django.core.cache import cache
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

import cast
from belvedere.contracts.permissions import SHAREABLE, Permission
from belvedere.control.access.models import Grant, Origin
from belvedere.control.access.roles import PERMISSIONS, Role
from belvedere.control.core.errors import Refusal
from belvedere.control.devices.models import Camera
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.devices.services import move_device, remove_site
from belvedere.control.organizations import services
from belvedere.control.organizations.models import Invitation, Membership, Site
from belvedere.control.organizations.selectors import list_sites
from belvedere.control.organizations.services import Wish
from belvedere.control.sharing import services as sharing
from belvedere.control.sharing.models import Share
from control.projected import assert_projected, roles_of
from rows import Rows, get_rows, put_rows

#: who tries; Olivia and Sam stand above them, and Pat is an admin of South who does nothing
CLIMBERS: Final = ("ada", "omar", "vera", "leo", "nora", "rita", "xena")
ABOVE: Final = (Role.OWNER, Role.SUPER_ADMIN)
FUTURE: Final = ""
#: what Ada is: in North alone; everywhere but in South, in future sites too; everywhere
ADAS: Final[dict[str, Callable[[cast.Hotels], Wish]]] = {
    "north": lambda hotels: Wish(role=Role.ADMIN, sites=[hotels.north]),
    "all but south": lambda hotels: Wish(role=Role.ADMIN, sites="all", overrides={hotels.south: Role.NO_ACCESS}),
    "everywhere": lambda _hotels: Wish(role=Role.ADMIN, sites="all"),
}

#: mostly Ada: what others may not even try is soon told
who = st.just("ada") | st.sampled_from(CLIMBERS)
whom = st.sampled_from([*CLIMBERS, "olivia", "sam"])
#: one of however many there are by then
some = st.integers(0, 1000)
roles = st.sampled_from(list(Role))
#: sites by number; the last is a stranger's
numbers = st.integers(0, 4)
places = st.just("all") | st.frozensets(numbers, max_size=3)
overrides = st.dictionaries(numbers, roles, max_size=2)
permissions = st.integers(1, int(SHAREABLE) * 2).map(Permission)

type Effect = dict[tuple[str, str], Permission]


class Climbing(RuleBasedStateMachine):
    """Everybody tries everything. `hotels` and `start` are set by the test."""

    hotels: cast.Hotels
    start: Rows
    #: sites that nobody who tries manages at first; FUTURE among them unless Ada has future ones
    forbidden: frozenset[str]

    def __init__(self) -> None:
        super().__init__()
        put_rows(self.start)
        cache.clear()
        self.effect = effective(self.hotels.id)
        self.before = {key: held for key, held in self.effect.items() if key[1] in self.forbidden}
        self.above = self._above()

    # ── What they try ──

    @rule(actor=who, address=whom, role=roles, sites=places, others=overrides)
    def invite(self, actor: str, address: str, role: Role, sites: Any, others: dict[int, Role]) -> None:
        self._try(
            actor,
            services.invite_member,
            organization=self.hotels.id,
            address=self._person(address).email,
            wish=self._wish(role, sites, others),
        )

    @rule(actor=whom, number=some)
    @precondition(lambda self: self._rows(Invitation))
    def accept(self, actor: str, number: int) -> None:
        invitation = self._one(Invitation, number)
        self._try(actor, services.accept_invitation, invitation=invitation.pk, by=invitation.inviter_id)

    @rule(actor=who, number=some, act=st.sampled_from([services.resend_invitation, services.cancel_invitation]))
    @precondition(lambda self: self._rows(Invitation))
    def answer(self, actor: str, number: int, act: Callable[..., Any]) -> None:
        self._try(actor, act, invitation=self._one(Invitation, number).pk)

    @rule(
        actor=who,
        number=some,
        role=st.none() | roles,
        sites=st.none() | places,
        others=st.none() | overrides,
        adopt=st.booleans(),
    )
    def change(
        self, actor: str, number: int, role: Role | None, sites: Any, others: dict[int, Role] | None, *, adopt: bool
    ) -> None:
        wish = self._wish(role, sites, others)
        self._try(actor, services.change_member, member=self._one(Membership, number).pk, wish=wish, adopt_shares=adopt)

    @rule(actor=who, number=some)
    def remove(self, actor: str, number: int) -> None:
        self._try(actor, services.remove_member, member=self._one(Membership, number).pk)

    @rule(actor=who, to=whom, number=some, held=permissions)
    def share(self, actor: str, to: str, number: int, held: Permission) -> None:
        items = [sharing.Item(self._one(Camera, number).pk, held)]
        self._try(actor, sharing.offer_share, recipient=self._person(to).email, items=items)

    @rule(actor=whom, number=some, act=st.sampled_from([sharing.accept_share, sharing.end_share, sharing.leave_share]))
    @precondition(lambda self: self._rows(Share))
    def answer_share(self, actor: str, number: int, act: Callable[..., Any]) -> None:
        self._try(actor, act, share=self._one(Share, number).pk)

    @rule(actor=who, number=some, to=numbers)
    def move(self, actor: str, number: int, to: int) -> None:
        self._try(actor, move_device, device=self._one(Camera, number).device_id, site=self._site(to))

    @rule(actor=who, site=numbers, to=numbers)
    def close(self, actor: str, site: int, to: int) -> None:
        self._try(actor, remove_site, site=self._site(site), move_devices_to=self._site(to))

    @rule(actor=who)
    def build(self, actor: str) -> None:
        self._try(actor, services.add_site, organization=self.hotels.id, name=f"Site {Site.objects.count()}")

    # ── What those above do meanwhile: nothing that would give anybody more than North ──

    @rule(name=who, role=st.sampled_from([role for role in Role if role not in ABOVE]))
    def olivia_decides(self, name: str, role: Role) -> None:
        row = Membership.objects.filter(
            organization_id=self.hotels.id, account_id=self._person(name).id, is_active=True
        ).first()
        if row and not row.is_everywhere:
            wish = Wish(role=role, sites=[self.hotels.north])
            self._try("olivia", services.change_member, member=row.pk, wish=wish)

    @rule()
    def olivia_builds(self) -> None:
        self._try("olivia", services.add_site, organization=self.hotels.id, name=f"Site {Site.objects.count()}")

    # ── What holds after each step ──

    @invariant()
    def grants_are_those_of_the_rows(self) -> None:
        """Rule 1, VV-31."""
        assert_projected(self.hotels.id)

    @invariant()
    def nobody_is_above_who_was_not(self) -> None:
        """VV-27: no Super Admin is made, lowered or removed by anybody below."""
        assert self._above() == self.above

    @invariant()
    def nothing_is_gained_where_nobody_of_them_manages(self) -> None:
        """N12: South, and sites to come, are as they were."""
        assert {key: held for key, held in self.effect.items() if key[1] in self.forbidden} == self.before
        if self.hotels.south in self.forbidden:
            cameras = Camera.objects.filter(site_id=self.hotels.south, closed_at=None)
            assert [row.pk for row in cameras] == [self.hotels.deck]

    @invariant()
    def shares_rest_on_who_may_give_them(self) -> None:
        """Rule 5: no grant in force without a living origin, nor beyond it; no share carries what roles alone carry."""
        for grant in Grant.objects.filter(origin=Origin.SHARE, ended_at=None):
            held = Permission(grant.permissions)
            assert not held & ~SHAREABLE
            share = Share.objects.select_related("membership").get(pk=grant.origin_id)
            assert share.state == "accepted"
            assert share.membership.is_active
            site = Camera.objects.get(pk=grant.resource).site_id
            giver = PERMISSIONS[roles_of(share.membership, [site])[site]]
            assert Permission.SHARE in giver
            assert not held & ~giver

    def teardown(self) -> None:
        """In the end everybody sees what the rows say: neither one too many nor one too few. VV-26, N16."""
        cameras = dict(Camera.objects.filter(organization_id=self.hotels.id, closed_at=None).values_list("pk", "site"))
        for name in (*CLIMBERS, "olivia", "sam"):
            person = self._person(name)
            mine = {site for (account, site), held in self.effect.items() if account == person.id and held and site}
            shared = Grant.objects.filter(principal=person.id, origin=Origin.SHARE, ended_at=None)
            expected = {pk for pk, site in cameras.items() if site in mine}
            expected |= cameras.keys() & set(shared.values_list("resource", flat=True))
            assert {view.id for view in list_cameras(person.actor)} & cameras.keys() == expected
            with suppress(Refusal):  # who is no member any more
                assert {view.id for view in list_sites(person.actor, self.hotels.id)} == mine

    # ── How ──

    def _try(self, actor: str, act: Callable[..., Any], *, by: str = "", **arguments: Any) -> None:
        """Let somebody do something. What anybody gained by it, the actor, or `by` whose word it is, could give."""
        person = self._person(actor)
        before = effective(self.hotels.id)
        with suppress(Refusal):
            act(person.actor, **arguments)
        self.effect = effective(self.hotels.id)
        giver = by or person.id
        for (account, site), held in self.effect.items():
            gained = held & ~before.get((account, site), Permission(0))
            if not gained or act is services.add_site:  # a new site's rights are those of FUTURE, told below
                continue
            given = before.get((giver, site), Permission(0))
            assert Permission.MANAGE in given
            assert not gained & ~given
            assert account != giver
        for (account, site), held in self.effect.items():
            if site and (account, site) not in before and act is services.add_site:
                assert held == before[account, FUTURE]

    def _above(self) -> set[tuple[str, str]]:
        rows = Membership.objects.filter(organization_id=self.hotels.id, is_active=True, role__in=ABOVE)
        return set(rows.values_list("account_id", "role"))

    def _person(self, name: str) -> cast.Person:
        return self.hotels.person(name)

    def _rows(self, model: Any) -> list[Any]:
        """Rows of the hotels; ended ones too."""
        return list(model.objects.filter(organization_id=self.hotels.id).order_by("pk"))

    def _one(self, model: Any, number: int) -> Any:
        rows = self._rows(model)
        return rows[number % len(rows)]

    def _site(self, number: int) -> str:
        """North, South, then whatever was built; the last number is the stranger's."""
        if number == 4:
            return self.hotels.xena.site
        known = list(Site.objects.filter(organization_id=self.hotels.id).order_by("created_at", "pk"))
        return str(known[number % len(known)].pk)

    def _wish(self, role: Role | None, sites: Any, others: Mapping[int, Role] | None) -> Wish:
        return Wish(
            role=role,
            sites=sites if sites in (None, "all") else [self._site(number) for number in sites],
            overrides=None if others is None else {self._site(number): held for number, held in others.items()},
        )


def effective(organization: str) -> Effect:
    """(account, site) → what memberships give there, by the grants in force; "" stands for sites to come."""
    sites = [*Site.objects.filter(organization_id=organization, closed_at=None).values_list("pk", flat=True), FUTURE]
    members = Membership.objects.filter(organization_id=organization).values_list("account_id", flat=True)
    found = {(account, site): Permission(0) for account in members for site in sites}
    for grant in Grant.objects.filter(origin=Origin.MEMBERSHIP, resource__in=[organization, *sites], ended_at=None):
        for site in sites if grant.resource == organization else [grant.resource]:
            found[grant.principal, site] |= Permission(grant.permissions)
    everywhere = Membership.objects.filter(organization_id=organization, is_active=True, is_everywhere=True)
    for row in everywhere:
        found[row.account_id, FUTURE] |= PERMISSIONS[Role(row.role)]
    return {key: held for key, held in found.items() if held}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("ada", ADAS)
def test_nobody_climbs(hotels: cast.Hotels, ada: str) -> None:
    """The property test of issue 3."""
    hotels.join(hotels.people.pat, Role.ADMIN, hotels.south)
    if ada != "north":
        wish = ADAS[ada](hotels)
        services.change_member(hotels.olivia.actor, member=hotels.member(hotels.ada), wish=wish)
    forbidden = {"north": {hotels.south, FUTURE}, "all but south": {hotels.south}, "everywhere": set()}[ada]

    class Machine(Climbing):
        pass

    Machine.hotels, Machine.start, Machine.forbidden = hotels, get_rows(), frozenset(forbidden)
    run_state_machine_as_test(Machine, settings=settings(max_examples=10, stateful_step_count=20, deadline=None))
