"""The decision against a naive oracle, written another way: minute by minute, permission by permission."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.contracts.hours import DAYS
from belvedere.contracts.permissions import NONE, SHAREABLE, Permission, normalize, parse_names
from belvedere.control.access.decision import GrantFacts, decide

#: around both clock changes of 2026 in Europe, and an ordinary week
BASES = (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 6, 15, tzinfo=UTC))
ZONES = ("UTC", "Europe/Madrid", "America/New_York", "Asia/Kathmandu", "Pacific/Apia")

bits = st.integers(0, int(SHAREABLE)).map(Permission)
moments = st.builds(
    lambda base, minutes: (base + timedelta(minutes=minutes)).timestamp(), st.sampled_from(BASES), st.integers(0, 4320)
)


@st.composite
def weekly(draw: st.DrawFn) -> str:
    windows = st.builds(
        lambda first, length: [f"{first // 60:02}:{first % 60:02}", _clock(min(1440, first + length))],
        st.integers(0, 1380),
        st.integers(1, 900),
    )
    days = draw(st.dictionaries(st.sampled_from(DAYS), st.lists(windows, min_size=1, max_size=2), min_size=1))
    return json.dumps({"zone": draw(st.sampled_from(ZONES)), "weekly": days})


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


grants = st.lists(
    st.builds(
        GrantFacts,
        id=st.just("g"),
        resource=st.just("r"),
        permissions=bits.map(int),
        origin=st.just("share"),
        origin_id=st.just("s"),
        starts_at=st.none() | moments,
        ends_at=st.none() | moments,
        hours=st.just("") | weekly(),
        footage_last_s=st.none() | st.integers(0, 10**6),
        footage_from=st.none() | moments,
    ),
    max_size=4,
)


def oracle_holds(grant: GrantFacts, at: float) -> bool:
    """Whether one grant holds, the long way."""
    if grant.starts_at is not None and not at >= grant.starts_at:
        return False
    if grant.ends_at is not None and not at < grant.ends_at:
        return False
    if not grant.hours:
        return True
    hours = json.loads(grant.hours)
    local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(hours["zone"]))
    wall = local.strftime("%H:%M")
    windows = hours["weekly"].get(local.strftime("%a").lower(), [])
    return any(first <= wall < last for first, last in windows)


def oracle_has(found: list[GrantFacts], permission: Permission, at: float) -> bool:
    """Rule 4, grant by grant: what needs another needs it in the same grant."""
    needs = {
        Permission.LISTEN: (Permission.LIVE_VIEW, Permission.PLAYBACK),
        Permission.EXPORT: (Permission.PLAYBACK,),
        Permission.TALK: (Permission.LIVE_VIEW,),
        Permission.PTZ: (Permission.LIVE_VIEW,),
    }
    for grant in found:
        held = Permission(grant.permissions)
        is_usable = permission not in needs or any(other in held for other in needs[permission])
        if permission in held and is_usable and oracle_holds(grant, at):
            return True
    return False


@settings(max_examples=300, deadline=None)
@given(grants, moments)
def test_the_union_of_what_holds(found: list[GrantFacts], at: float) -> None:
    """Rules 1 to 4: positive grants, their union, at the asked instant."""
    decision = decide(found, at)
    for permission in Permission:
        assert (permission in decision.permissions) == oracle_has(found, permission, at), permission


@settings(max_examples=300, deadline=None)
@given(grants, moments, st.integers(0, 2))
def test_less_grants_never_give_more(found: list[GrantFacts], at: float, index: int) -> None:
    """Rule 2: whatever ends, is lost or is deleted can only narrow."""
    whole = decide(found, at)
    part = decide(found[:index] + found[index + 1 :], at)
    assert part.permissions & ~whole.permissions == NONE
    if part.playback_from is not None:
        assert whole.playback_from is not None
        assert whole.playback_from <= part.playback_from


@settings(max_examples=300, deadline=None)
@given(grants, moments)
def test_nothing_narrows_before_it_says_so(found: list[GrantFacts], at: float) -> None:
    """Rule 3, and what media relies on: until `narrows_at` every grant that holds goes on holding."""
    decision = decide(found, at)
    end = min(decision.narrows_at, at + 86400)
    for step in range(8):
        between = at + (end - at) * step / 8
        assert all(oracle_holds(grant, between) for grant in decision.because)


@settings(max_examples=300, deadline=None)
@given(grants, moments)
def test_the_earliest_footage_is_the_least_over_those_that_give_it(found: list[GrantFacts], at: float) -> None:
    """Rule 3: `last` is counted from now, `since` is an instant; export has its own."""

    def earliest(permission: Permission) -> float | None:
        starts = []
        for grant in found:
            if oracle_has([grant], permission, at):
                start = float("-inf") if grant.footage_last_s is None else at - grant.footage_last_s
                starts.append(start if grant.footage_from is None else max(start, grant.footage_from))
        return min(starts, default=None)

    decision = decide(found, at)
    assert decision.playback_from == earliest(Permission.PLAYBACK)
    assert decision.export_from == earliest(Permission.EXPORT)


def test_no_grant_means_nothing() -> None:
    decision = decide([], 0.0)
    assert decision.permissions == NONE
    assert decision.playback_from is None
    assert decision.because == ()


@given(bits)
def test_normalizing_twice_changes_nothing_more(permissions: Permission) -> None:
    """Rule 4."""
    once = normalize(permissions)
    assert normalize(once) == once
    assert once & ~permissions == NONE


def test_names_on_the_wire() -> None:
    assert parse_names(["live_view", "export"]) == Permission.LIVE_VIEW | Permission.EXPORT
    assert (Permission.PTZ | Permission.LIVE_VIEW).wire_names == ["live_view", "ptz"]
    with pytest.raises(ValueError, match="fly"):
        parse_names(["fly"])
