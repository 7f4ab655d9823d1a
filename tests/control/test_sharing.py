"""Sharing from offer to end."""

from datetime import datetime, timedelta

import pytest
from django.core.cache import cache

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Origin
from belvedere.control.access.roles import Role
from belvedere.control.access.services import Terms, grant
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited
from belvedere.control.core.ids import new_id
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.devices.services import unbind_device
from belvedere.control.organizations.services import Wish, change_member
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import (
    get_given,
    get_received,
    list_access,
    list_given,
    list_received,
    list_recipients,
)
from belvedere.control.sharing.services.offers import NEW_PEOPLE_A_DAY, UNANSWERED_A_DAY

LIVE = Permission.LIVE_VIEW


def visible(person: cast.Person) -> set[str]:
    return {view.id for view in list_cameras(person.actor)}


def test_a_share_opens_one_camera_once_accepted(people: cast.Cast) -> None:
    """HC-1, HC-15, HC-16, HC-17, VA-19: nothing before acceptance, then this camera and nothing beside it."""
    share = people.olivia.offer(people.rita, people.courtyard)
    assert visible(people.rita) == set()
    received = get_received(people.rita.actor, share)
    assert [(item.name, item.permissions) for item in received.items] == [("Courtyard", LIVE)]
    assert received.sharer.email == people.olivia.email
    with pytest.raises(NotFound):
        get_camera(people.rita.actor, people.courtyard)
    services.accept_share(people.rita.actor, share=share)
    assert visible(people.rita) == {people.courtyard}


def test_permissions_are_exactly_those_given(people: cast.Cast) -> None:
    """VA-7, VA-8, HC-2: live view alone is a valid grant, and playback is off unless chosen."""
    people.olivia.share(people.rita, people.courtyard)
    assert get_camera(people.rita.actor, people.courtyard).permissions == LIVE
    people.olivia.share(people.rita, people.pool, permissions=LIVE | Permission.PLAYBACK)
    assert get_camera(people.rita.actor, people.pool).permissions == LIVE | Permission.PLAYBACK


def test_a_recipient_cannot_share_on(people: cast.Cast) -> None:
    """VA-4: sharing starts only from the owner's side."""
    people.olivia.share(people.rita, people.courtyard)
    with pytest.raises(Forbidden):
        people.rita.offer(people.xena, people.courtyard)
    with pytest.raises(Forbidden):
        list_access(people.rita.actor, people.courtyard)


def test_what_one_may_not_see_cannot_be_shared(people: cast.Cast) -> None:
    """VA-4, N16: a stranger gets the answer of a camera that is not there; one foreign camera undoes all."""
    with pytest.raises(NotFound):
        people.xena.offer(people.rita, people.courtyard)
    with pytest.raises(NotFound):
        people.olivia.offer(people.rita, people.courtyard, people.xenas)
    assert list_received(people.rita.actor) == []


@pytest.mark.parametrize(
    "permissions", [Permission.EXPORT, Permission.LISTEN, Permission.TALK | Permission.NOTIFY, Permission(0)]
)
def test_permissions_that_need_another_are_refused(people: cast.Cast, permissions: Permission) -> None:
    """Rule 4: export needs playback; listen, talk and ptz need live view; nothing is nothing."""
    with pytest.raises(Invalid):
        people.olivia.offer(people.rita, people.courtyard, permissions=permissions)


@pytest.mark.parametrize("permission", [Permission.SHARE, Permission.CONFIGURE, Permission.MANAGE])
def test_roles_permissions_cannot_be_shared(people: cast.Cast, permission: Permission) -> None:
    with pytest.raises(Invalid):
        people.olivia.offer(people.rita, people.courtyard, permissions=LIVE | permission)


def test_rejecting_tells_the_sharer_and_rests(people: cast.Cast) -> None:
    """HC-16, HC-18: the sharer sees the rejection, and cannot ask again for a week."""
    share = people.olivia.offer(people.rita, people.courtyard)
    services.reject_share(people.rita.actor, share=share)
    assert get_given(people.olivia.actor, share).state == "rejected"
    assert visible(people.rita) == set()
    with pytest.raises(RateLimited):
        people.olivia.offer(people.rita, people.courtyard)
    with clock.moved_by(timedelta(days=7, seconds=1)):
        people.olivia.offer(people.rita, people.courtyard)


def test_unanswered_offers_are_few(people: cast.Cast) -> None:
    """HC-18: withdrawing and offering again is no way to flood somebody."""
    for _ in range(UNANSWERED_A_DAY):
        services.end_share(people.olivia.actor, share=people.olivia.offer(people.rita, people.courtyard))
    with pytest.raises(RateLimited):
        people.olivia.offer(people.rita, people.courtyard)


def test_twenty_new_people_a_day(people: cast.Cast) -> None:
    cache.clear()
    for number in range(NEW_PEOPLE_A_DAY):
        people.olivia.offer(f"person{number}@example.org", people.courtyard)
    with pytest.raises(RateLimited):
        people.olivia.offer("one-more@example.org", people.courtyard)


def test_only_the_offered_account_answers(people: cast.Cast) -> None:
    """HC-17, N16: somebody else's offer is not there at all."""
    share = people.olivia.offer(people.rita, people.courtyard)
    for act in (services.accept_share, services.reject_share, services.leave_share, services.end_share):
        with pytest.raises(NotFound):
            act(people.xena.actor, share=share)
    assert get_given(people.olivia.actor, share).state == "pending"


def test_accepting_twice_is_harmless(people: cast.Cast) -> None:
    share = people.olivia.share(people.rita, people.courtyard)
    assert services.accept_share(people.rita.actor, share=share) == "accepted"
    assert len([row for row in list_access(people.olivia.actor, people.courtyard) if row.share == share]) == 1


def test_revoking_ends_it_and_a_second_time_is_harmless(people: cast.Cast) -> None:
    share = people.olivia.share(people.rita, people.courtyard)
    change = services.end_share(people.olivia.actor, share=share)
    assert visible(people.rita) == set()
    assert services.end_share(people.olivia.actor, share=share) == change
    with pytest.raises(Conflict):
        services.accept_share(people.rita.actor, share=share)
    assert visible(people.vera) == {people.counter}


def test_leaving_needs_nobody(people: cast.Cast) -> None:
    """HC-20: the recipient removes it from his list; the sharer sees that he left."""
    share = people.olivia.share(people.rita, people.courtyard)
    services.leave_share(people.rita.actor, share=share)
    assert visible(people.rita) == set()
    assert get_given(people.olivia.actor, share).state == "left"


def test_a_withdrawn_offer_cannot_be_accepted(people: cast.Cast) -> None:
    share = people.olivia.offer(people.rita, people.courtyard)
    services.end_share(people.olivia.actor, share=share)
    with pytest.raises(NotFound):
        services.accept_share(people.rita.actor, share=share)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "rita",
        "rita@",
        "@example.org",
        "rita@example",
        "ri ta@example.org",
        "rita@exam\nple.org",
        "a" * 300 + "@x.org",
        "rita@@example.org",
        "<rita@example.org>",
        "rita@example..org",
        "ｒita@example.org",
        "rita\u202e@example.org",
    ],
)
def test_malformed_addresses_are_refused(people: cast.Cast, address: str) -> None:
    """HC-4: the exact whole address, or nothing."""
    with pytest.raises(Invalid):
        people.olivia.offer(address, people.courtyard)


def test_not_to_oneself_nor_twice(people: cast.Cast) -> None:
    with pytest.raises(Invalid, match="your own"):
        people.olivia.offer("  OLIVIA@Example.org ", people.courtyard)
    people.olivia.offer(people.rita, people.courtyard)
    with pytest.raises(Conflict):
        people.olivia.offer(people.rita, people.courtyard, people.pool)


def test_known_and_unknown_addresses_look_alike(people: cast.Cast) -> None:
    """N1, HC-4: the sharer learns nothing of who has an account before they accept."""
    known = people.olivia.offer(people.rita, people.courtyard)
    unknown = people.olivia.offer("nobody@example.org", people.courtyard)
    first, second = (get_given(people.olivia.actor, pk) for pk in (known, unknown))
    assert (first.recipient_name, second.recipient_name) == (None, None)
    assert {row.name for row in list_recipients(people.olivia.actor)} == {None, "Vera"}


def test_an_unknown_address_keeps_its_offer_until_there_is_an_account(people: cast.Cast) -> None:
    """VA-5, HC-15: whoever proves the address later finds the offer and can take it."""
    share = people.olivia.offer("new@example.org", people.courtyard)
    new = cast.make("new")
    assert [row.id for row in list_received(new.actor)] == [share]
    services.accept_share(new.actor, share=share)
    assert visible(new) == {people.courtyard}


def test_a_remark_is_the_sharers_alone(people: cast.Cast) -> None:
    """HC-6: nobody else ever reads it."""
    share = people.olivia.offer(people.rita, people.courtyard, remark="sister")
    assert get_given(people.olivia.actor, share).remark == "sister"
    assert "sister" not in repr(get_received(people.rita.actor, share))


# VA-22
def test_a_row_says_who_gave_what_since_when_and_a_person_has_one(people: cast.Cast) -> None:
    """Grantor, grantee, camera, rights, time: on the API and on the page, also of two shares to the same person."""
    olivia, rita = people.olivia, people.rita
    share = olivia.share(rita, people.courtyard)
    ends_at = clock.now() + timedelta(days=2)
    grant(
        principal=rita.id,
        resource=people.courtyard,
        permissions=Permission.LIVE_VIEW | Permission.LISTEN,
        origin=Origin.SHARE,
        origin_id=new_id(),
        created_by=people.xena.id,
        terms=Terms(ends_at=ends_at),
    )
    answer = olivia.api().get(f"/api/v1/cameras/{people.courtyard}/access").json()
    assert answer["camera"] == people.courtyard
    owner, row = answer["items"]
    assert [(ground["origin"], ground["given_by"]) for ground in owner["because"]] == [("owner", None)]
    assert owner["because"][0]["since"]
    assert (row["account"]["email"], row["ends_at"]) == (rita.email, None)
    assert row["permissions"] == ["live_view", "listen"]
    first, second = row["because"]
    assert (first["given_by"]["name"], first["share"], first["ends_at"]) == ("Olivia", share, None)
    assert (second["given_by"]["name"], second["share"]) == ("Xena", None)
    assert second["permissions"] == ["live_view", "listen"]
    assert abs(datetime.fromisoformat(second["ends_at"]) - ends_at) < timedelta(seconds=1)
    assert datetime.fromisoformat(first["since"]) <= clock.now()
    page = olivia.browser().get(f"/cameras/{people.courtyard}/access").content.decode()
    assert page.count("<bdi>Rita</bdi>") == 1
    assert "<bdi>Xena</bdi>" in page
    assert f'id="end-{share}"' in page


def test_who_can_see_it_is_one_list(people: cast.Cast) -> None:
    """VA-22: those who were offered it stand beside those who have it."""
    rows = list_access(people.olivia.actor, people.pool)
    assert [(row.address, row.origin, row.state) for row in rows] == [
        ("olivia@example.org", "owner", "accepted"),
        ("pat@example.org", "share", "pending"),
    ]


def test_unbinding_ends_shares_and_says_why(people: cast.Cast) -> None:
    """VA-18, rule 6: a device that is gone is seen by nobody; its recipient reads why."""
    device = get_camera(people.olivia.actor, people.counter).device
    assert device
    unbind_device(people.olivia.actor, device=device)
    assert visible(people.vera) == set()
    assert people.counter not in visible(people.olivia)
    received = get_received(people.vera.actor, people.veras_share)
    assert (received.state, received.ended_reason) == ("revoked", "unbound")


def test_an_offer_with_an_end_ends(people: cast.Cast) -> None:
    """Rule 3: no job is needed for an expiry to take effect."""
    end = clock.now() + timedelta(hours=2)
    share = services.offer_share(
        people.olivia.actor, recipient=people.rita.email, items=[services.Item(people.courtyard, LIVE)], ends_at=end
    )
    services.accept_share(people.rita.actor, share=share)
    assert visible(people.rita) == {people.courtyard}
    with clock.frozen_at(end - timedelta(microseconds=1)):
        assert visible(people.rita) == {people.courtyard}
    with clock.frozen_at(end):
        assert visible(people.rita) == set()


def test_each_lists_only_his_own(people: cast.Cast) -> None:
    people.olivia.share(people.rita, people.courtyard)
    assert {row.recipient_address for row in list_given(people.olivia.actor)} == {
        "rita@example.org",
        "vera@example.org",
        "pat@example.org",
    }
    assert list_given(people.rita.actor) == []
    assert list_given(people.xena.actor) == []
    assert list_received(people.xena.actor) == []


def test_the_role_that_is_named_is_the_one_here(hotels: cast.Hotels) -> None:
    """VA-22, N17: an Admin of South who may only look at North is a Viewer in North's list, whoever reads it."""
    member = hotels.member(hotels.vera)
    wish = Wish(role=Role.ADMIN, sites=[hotels.south], overrides={hotels.north: Role.VIEWER})
    change_member(hotels.olivia.actor, member=member, wish=wish)
    camera = next(view.id for view in list_cameras(hotels.ada.actor) if view.site == hotels.north)
    rows = {row.account.id: row.origin for row in list_access(hotels.ada.actor, camera) if row.account}
    assert rows[hotels.vera.id] == "viewer"
