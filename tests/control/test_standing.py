"""The law of roles as pure functions: a literal table of who may change whom, and what every standing keeps to.

VV 4–8, 24–27, 31; N12, N14, N17.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.contracts.permissions import NONE, Permission
from belvedere.control.access.roles import PERMISSIONS, Role
from belvedere.control.organizations.standing import (
    FUTURE,
    NOBODY,
    WHOLE,
    Standing,
    highest,
    manages_somewhere,
    may_change,
    rank,
)

NORTH, SOUTH = "north", "south"
SITES: Final = (NORTH, SOUTH)

# Whom the tables speak of. "north" is a role there alone, "all" one on every site, future ones too.
PEOPLE: Final = {
    "owner": Standing(Role.OWNER),
    "super admin": Standing(Role.SUPER_ADMIN),
    "admin all": Standing(Role.ADMIN),
    "admin north": Standing(Role.ADMIN, frozenset({NORTH})),
    "admin both": Standing(Role.ADMIN, frozenset(SITES)),
    "admin all but south": Standing(Role.ADMIN, None, {SOUTH: Role.NO_ACCESS}),
    "admin south": Standing(Role.ADMIN, frozenset({SOUTH})),
    "operator all": Standing(Role.OPERATOR),
    "viewer all": Standing(Role.VIEWER),
    "viewer north": Standing(Role.VIEWER, frozenset({NORTH})),
    "live north": Standing(Role.LIVE_ONLY, frozenset({NORTH})),
    "viewer south": Standing(Role.VIEWER, frozenset({SOUTH})),
    "viewer north, live south": Standing(Role.VIEWER, frozenset({NORTH}), {SOUTH: Role.LIVE_ONLY}),
    "viewer all, admin north": Standing(Role.VIEWER, None, {NORTH: Role.ADMIN}),
    "nobody": NOBODY,
}
ABOVE: Final = {"owner", "super admin"}
EVERYWHERE: Final = ABOVE | {"admin all"}
IN_NORTH: Final = EVERYWHERE | {"admin north", "admin both", "admin all but south", "viewer all, admin north"}
IN_SOUTH: Final = EVERYWHERE | {"admin both", "admin south"}

#: (from, to) → who may; everybody of PEOPLE who is not named may not
TABLE: Final[dict[tuple[str, str], set[str]]] = {
    # Inside North: whoever manages North.
    ("nobody", "viewer north"): IN_NORTH,
    ("nobody", "admin north"): IN_NORTH,
    ("admin north", "live north"): IN_NORTH,
    ("live north", "nobody"): IN_NORTH,
    # South is nobody's of North.
    ("nobody", "viewer south"): IN_SOUTH,
    ("viewer south", "nobody"): IN_SOUTH,
    ("viewer north", "viewer north, live south"): IN_SOUTH,
    ("viewer north", "viewer south"): IN_NORTH & IN_SOUTH,
    # Future sites are a place too: whoever has the present ones alone gives nobody all (VV 8).
    ("nobody", "viewer all"): EVERYWHERE,
    ("viewer all", "nobody"): EVERYWHERE,
    ("viewer north", "viewer all"): EVERYWHERE,
    ("admin both", "admin all"): EVERYWHERE | {"admin all but south"},
    ("viewer all", "viewer all, admin north"): IN_NORTH,
    # Above Admin: Super Admins and the owner alone (VV 27).
    ("nobody", "super admin"): ABOVE,
    ("admin all", "super admin"): ABOVE,
    ("super admin", "admin all"): ABOVE,
    ("super admin", "viewer north"): ABOVE,
    ("super admin", "nobody"): ABOVE,
    # Ownership never moves this way (VV 31): not by the owner himself.
    ("owner", "super admin"): set(),
    ("owner", "nobody"): set(),
    ("super admin", "owner"): set(),
    ("nobody", "owner"): set(),
}


@pytest.mark.parametrize("giver", PEOPLE)
@pytest.mark.parametrize(("before", "after"), TABLE)
def test_who_may_make_of_whom_what(giver: str, before: str, after: str) -> None:
    """VV-5, VV-8, VV-27, VV-31; N12."""
    may = may_change(PEOPLE[giver], PEOPLE[before], PEOPLE[after], SITES)
    assert may == (giver in TABLE[before, after])


def test_roles_are_in_this_order_and_give_this() -> None:
    """VV-4, VV-24, VV-25, VV-26."""
    assert sorted(Role, key=rank) == [
        Role.NO_ACCESS,
        Role.LIVE_ONLY,
        Role.VIEWER,
        Role.OPERATOR,
        Role.ADMIN,
        Role.SUPER_ADMIN,
        Role.OWNER,
    ]
    assert {role: held.wire_names for role, held in PERMISSIONS.items() if Permission.MANAGE not in held} == {
        Role.OPERATOR: ["live_view", "listen", "playback", "talk", "ptz", "notify"],
        Role.VIEWER: ["live_view", "playback"],
        Role.LIVE_ONLY: ["live_view"],
        Role.NO_ACCESS: [],
    }
    assert WHOLE == (Role.OWNER, Role.SUPER_ADMIN)


def test_a_lower_role_gives_nothing_that_a_higher_one_does_not() -> None:
    """Else lowering somebody would give him something (rule 2)."""
    ordered = [PERMISSIONS[role] for role in sorted(Role, key=rank)]
    for lower, higher in pairwise(ordered):
        assert lower & ~higher == NONE


# ── What holds for every standing ──

ORDINARY: Final = [role for role in Role if role not in WHOLE]
ids = st.sampled_from(["north", "south", "east", "west"])
ordinary = st.sampled_from(ORDINARY)
overrides = st.dictionaries(ids, ordinary, max_size=4)
standings = st.sampled_from([Standing(role) for role in WHOLE]) | st.builds(
    Standing.of, ordinary, st.none() | st.frozensets(ids), overrides
)
ALL_IDS: Final = ("north", "south", "east", "west", FUTURE)


def said(role: Role, sites: frozenset[str] | None, others: Mapping[str, Role], site: str) -> Role:
    """The role on a site, read off what was said, the long way."""
    if site in others:
        return others[site]
    if sites is None or site in sites:
        return role
    return Role.NO_ACCESS


@given(ordinary, st.none() | st.frozensets(ids), overrides)
def test_the_canonical_form_says_the_same(role: Role, sites: frozenset[str] | None, others: dict[str, Role]) -> None:
    """VV-7, VV-8."""
    standing = Standing.of(role, sites, others)
    assert [standing.on(site) for site in ALL_IDS] == [said(role, sites, others, site) for site in ALL_IDS]


@given(standings)
def test_the_canonical_form_is_one(standing: Standing) -> None:
    """Made of itself it is itself; overrides hold only what differs, and no site stands in it twice."""
    again = Standing.of(standing.role, standing.sites, standing.overrides)
    assert again == standing
    assert standing.role not in standing.overrides.values()
    assert not (standing.sites or frozenset()) & standing.overrides.keys()
    # On single sites nobody is called what he is nowhere.
    assert standing.sites is None or standing.sites or not standing.overrides


@given(standings, overrides)
def test_other_roles_on_some_sites_change_nothing_elsewhere(standing: Standing, roles: dict[str, Role]) -> None:
    """VV-27: an admin of some sites touches those alone, and no future one."""
    after = standing.with_roles(roles)
    for site in ALL_IDS:
        assert after.on(site) is roles.get(site, standing.on(site))


@given(standings, st.frozensets(ids, min_size=1), st.data())
def test_what_is_seen_from_some_sites_says_nothing_of_others(
    standing: Standing, sites: frozenset[str], data: st.DataObject
) -> None:
    """N14, N17: two standings that agree on one's sites look the same; on those, it is the truth."""
    seen = standing.seen_from(sites)
    if standing.role in WHOLE:
        # That somebody is Super Admin is so on every site: there is nothing to hide in it.
        assert seen == standing
        return
    assert all(seen.on(site) is standing.on(site) for site in sites)
    assert all(seen.on(site) is Role.NO_ACCESS for site in ALL_IDS if site not in sites)
    elsewhere = {site: data.draw(ordinary) for site in ALL_IDS if site not in sites and site != FUTURE}
    assert standing.with_roles(elsewhere).seen_from(sites) == seen


def test_who_manages_no_site_sees_nothing_of_anybody() -> None:
    assert Standing(Role.VIEWER).seen_from(()) == NOBODY


@given(standings, standings, standings, st.frozensets(ids))
def test_nobody_changes_beyond_himself(
    giver: Standing, before: Standing, after: Standing, sites: frozenset[str]
) -> None:
    """VV-27, N12: site by site, nothing above one's own role, nothing where one does not manage."""
    if not may_change(giver, before, after, sites):
        return
    for site in (*sites, FUTURE):
        if before.on(site) is not after.on(site):
            assert Permission.MANAGE in PERMISSIONS[giver.on(site)]
            assert rank(after.on(site)) <= rank(giver.on(site))
            assert rank(before.on(site)) <= rank(giver.on(site))


@given(standings, standings, standings, standings, st.frozensets(ids))
def test_two_steps_reach_nothing_that_one_could_not(
    giver: Standing, before: Standing, between: Standing, after: Standing, sites: frozenset[str]
) -> None:
    """N12: no detour. What somebody may do in two steps, he may do in one."""
    if may_change(giver, before, between, sites) and may_change(giver, between, after, sites):
        assert may_change(giver, before, after, sites)


@given(standings, standings, standings, st.frozensets(ids))
def test_an_accomplice_opens_nothing(
    giver: Standing, accomplice: Standing, after: Standing, sites: frozenset[str]
) -> None:
    """N12: whom somebody made gives nothing that its maker could not."""
    if may_change(giver, NOBODY, accomplice, sites) and may_change(accomplice, NOBODY, after, sites):
        assert may_change(giver, NOBODY, after, sites)


@given(standings, st.frozensets(ids))
def test_the_highest_role_is_held_somewhere(standing: Standing, sites: frozenset[str]) -> None:
    """What stands beside an organization's name, and whether *Admin* is there (VV 1)."""
    everywhere = [standing.on(site) for site in ALL_IDS]
    assert highest(standing) is max(everywhere, key=rank)
    assert manages_somewhere(standing) == any(Permission.MANAGE in PERMISSIONS[role] for role in everywhere)
