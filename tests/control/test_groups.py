"""Groups of cameras, and shares that follow one. Rules 5 and 9."""

from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant
from belvedere.control.access.roles import Role
from belvedere.control.audit.models import Entry
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.devices.services import unbind_device
from belvedere.control.organizations.services import Wish, change_member
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.models import CameraGroup, GroupCamera, ShareItem
from belvedere.control.sharing.selectors import (
    get_given,
    get_group,
    get_received,
    list_followers,
    list_given,
    list_groups,
)
from belvedere.control.sharing.services import (
    MAX_CAMERAS,
    Item,
    accept_share,
    change_group,
    change_share,
    end_share,
    make_group,
    offer_share,
    remove_group,
    unfollow_group,
)
from belvedere.control.sharing.services.groups import MAX_GROUPS
from belvedere.control.sharing.terms import DAY, Footage
from control.test_at_once import at_once

LIVE = Permission.LIVE_VIEW
BACK = Permission.LIVE_VIEW | Permission.PLAYBACK


@pytest.fixture
def outside(people: cast.Cast) -> str:
    """Olivia's group of the courtyard and the pool."""
    return group_of(people.olivia, "Outside", people.courtyard, people.pool)


def group_of(who: cast.Person, name: str, *cameras: str) -> str:
    return make_group(who.actor, organization=who.organization, name=name, cameras=cameras)


def follow(
    giver: cast.Person, to: cast.Person, group: str, *by_hand: str, permissions: Permission = LIVE, accept: bool = True
) -> str:
    """Share a group's cameras, and what comes to it; the share's id."""
    cameras = [view.id for view in get_group(giver.actor, group).cameras]
    items = [Item(pk, permissions, group=group) for pk in cameras] + [Item(pk, permissions) for pk in by_hand]
    given = offer_share(giver.actor, recipient=to.email, items=items)
    if accept:
        accept_share(to.actor, share=given)
    return given


def sees(who: cast.Person) -> set[str]:
    return {view.name for view in list_cameras(who.actor) if not view.mine}


def names(who: cast.Person, group: str) -> set[str]:
    return {view.name for view in get_group(who.actor, group).cameras}


# ── The group itself ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_group_is_made_changed_and_given_up(people: cast.Cast, outside: str) -> None:
    olivia = people.olivia.actor
    change_group(olivia, group=outside, name="  Garden  ", add=[people.counter, people.pool], remove=[])
    assert names(people.olivia, outside) == {"Courtyard", "Counter", "Pool"}
    change_group(olivia, group=outside, remove=[people.pool])
    [view] = list_groups(olivia, people.olivia.organization)
    assert (view.name, {row.name for row in view.cameras}) == ("Garden", {"Courtyard", "Counter"})
    remove_group(olivia, group=outside)
    with pytest.raises(NotFound):
        get_group(olivia, outside)
    entries = Entry.objects.filter(thing=f"group:{outside}").order_by("sequence")
    assert [entry.action for entry in entries] == ["group.made", "group.changed", "group.changed", "group.removed"]


def test_a_name_is_one_groups(people: cast.Cast, outside: str) -> None:
    """N32: whatever the capitals, the alphabet, or the kind of blank."""
    olivia = people.olivia
    for name in ("outside", "OUTSIDE ", "Outside"):
        with pytest.raises(Conflict):
            group_of(olivia, name)
    group_of(olivia, "Außen Ünïcode 外")
    for name in ("AUSSEN ÜNÏCODE 外", "Außen\u00a0u\u0308nïcode 外"):
        with pytest.raises((Conflict, Invalid)):
            group_of(olivia, name)
    for name in ("", " ", "x" * 81, "a\u202eb", "a\nb"):
        with pytest.raises(Invalid):
            group_of(olivia, name)
    with pytest.raises(Conflict):
        change_group(olivia.actor, group=group_of(olivia, "Inside"), name="outSIDE")
    # Its own name in other capitals it may take.
    change_group(olivia.actor, group=outside, name="OUTSIDE")
    # Another organization's names are nobody's here.
    group_of(people.xena, "Outside")


def test_only_cameras_of_the_organization(hotels: cast.Hotels) -> None:
    """N13: of another organization, though one may share it there, is as if it were not there."""
    olivia = hotels.olivia
    at_home = olivia.add_camera("Home")
    group = make_group(olivia.actor, organization=hotels.id, name="North", cameras=[hotels.lobby])
    for camera in (at_home, hotels.people.xenas, "01zzzzzzzzzzzzzzzzzzzzzzzz", "x"):
        with pytest.raises(NotFound):
            make_group(olivia.actor, organization=hotels.id, name="Other", cameras=[camera])
        with pytest.raises(NotFound):
            change_group(olivia.actor, group=group, add=[camera])
        with pytest.raises(NotFound):
            change_group(olivia.actor, group=group, remove=[camera])


def test_who_shares_on_one_site_sees_that_part_of_it(hotels: cast.Hotels) -> None:
    """N14, VV-27: the lobby is Ada's, the deck is not, and she does not learn that it is there."""
    olivia, ada = hotels.olivia.actor, hotels.ada.actor
    both = make_group(olivia, organization=hotels.id, name="Entrances", cameras=[hotels.lobby, hotels.deck])
    south = make_group(olivia, organization=hotels.id, name="Decks", cameras=[hotels.deck])
    assert [row.id for row in list_groups(ada, hotels.id)] == [both]
    assert names(hotels.ada, both) == {"Lobby"}
    with pytest.raises(NotFound):
        get_group(ada, south)
    with pytest.raises(NotFound):
        change_group(ada, group=both, remove=[hotels.deck])
    with pytest.raises(Forbidden):
        change_group(ada, group=both, name="Mine")
    with pytest.raises(Forbidden):
        remove_group(ada, group=both)
    change_group(ada, group=both, remove=[hotels.lobby])
    with pytest.raises(NotFound):
        get_group(ada, both)
    assert names(hotels.olivia, both) == {"Deck"}
    for who in (hotels.vera, hotels.xena):
        with pytest.raises(NotFound):
            list_groups(who.actor, hotels.id)
        with pytest.raises(NotFound):
            get_group(who.actor, both)
        with pytest.raises(NotFound):
            make_group(who.actor, organization=hotels.id, name="Mine", cameras=[])


def test_it_holds_as_much_as_a_share(people: cast.Cast, outside: str) -> None:
    olivia = people.olivia
    cameras = [olivia.add_camera(f"More {number}") for number in range(MAX_CAMERAS - 1)]
    with pytest.raises(Invalid):
        change_group(olivia.actor, group=outside, add=cameras)
    change_group(olivia.actor, group=outside, add=cameras[1:])
    with pytest.raises(Invalid):
        change_group(olivia.actor, group=outside, add=cameras[:1])
    # One comes where one leaves only if it comes second.
    change_group(olivia.actor, group=outside, remove=cameras[1:2])
    change_group(olivia.actor, group=outside, add=cameras[:1])
    assert len(get_group(olivia.actor, outside).cameras) == MAX_CAMERAS


def test_there_are_so_many_groups(people: cast.Cast, outside: str) -> None:
    for number in range(MAX_GROUPS - 1):
        group_of(people.olivia, f"Group {number}")
    with pytest.raises(Conflict):
        group_of(people.olivia, "One more")
    assert len(list_groups(people.olivia.actor, people.olivia.organization)) == MAX_GROUPS
    assert outside


# ── Following ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_comes_to_the_group_comes_to_who_was_told(people: cast.Cast, outside: str) -> None:
    """Rule 9: by itself only where the sharer said so; who has it is told, who has not answered reads it."""
    olivia = people.olivia
    ritas = follow(olivia, people.rita, outside)
    assert [row.name for row in get_received(people.rita.actor, ritas).follows] == ["Outside"]
    pats = follow(olivia, people.xena, outside, accept=False)
    not_following = olivia.share(people.vera, people.courtyard)
    run_due()
    mail.outbox.clear()
    door = olivia.add_camera("Door")
    change_group(olivia.actor, group=outside, add=[door])
    assert sees(people.rita) == {"Courtyard", "Pool", "Door"}
    assert sees(people.vera) == {"Counter", "Courtyard"}
    run_due()
    told = [row for row in mail.outbox if "Door" in str(row.body)]
    assert [row.to for row in told] == [[people.rita.email]]
    assert {item.name for item in get_given(olivia.actor, pats).items} == {"Courtyard", "Pool", "Door"}
    accept_share(people.xena.actor, share=pats)
    assert sees(people.xena) == {"Courtyard", "Pool", "Door"}
    entry = Entry.objects.filter(action="group.changed", thing=f"group:{outside}").get()
    assert entry.fields is not None
    assert (entry.fields["added"], entry.fields["grew"]) == ([door], sorted([ritas, pats]))
    assert Entry.objects.filter(action="share.extended", thing=f"share:{ritas}").count() == 1
    offered = Entry.objects.get(action="share.offered", thing=f"share:{ritas}")
    assert offered.fields is not None
    assert offered.fields["follows"] == [outside]
    assert not Entry.objects.filter(action="share.extended", thing=f"share:{not_following}").exists()


def test_what_leaves_the_group_leaves_at_once_and_what_was_chosen_stays(people: cast.Cast, outside: str) -> None:
    """HC-32: less right acts at once; the counter was chosen by hand, and stays though it is in the group by then."""
    olivia = people.olivia
    ritas = follow(olivia, people.rita, outside, people.counter)
    change_group(olivia.actor, group=outside, add=[people.counter])
    change_group(olivia.actor, group=outside, remove=[people.pool, people.counter])
    assert sees(people.rita) == {"Courtyard", "Counter"}
    ended = Grant.objects.get(principal=people.rita.id, resource=people.pool)
    assert (ended.ended_reason, ended.ended_by) == ("left_group", olivia.id)
    left = ShareItem.objects.get(share=ritas, camera=people.pool)
    assert (left.ended_at is not None, left.ended_reason) == (True, "left_group")
    # It comes back to its place.
    change_group(olivia.actor, group=outside, add=[people.pool])
    assert sees(people.rita) == {"Courtyard", "Counter", "Pool"}


def test_a_share_of_which_nothing_is_left_is_over(people: cast.Cast, outside: str) -> None:
    ritas = follow(people.olivia, people.rita, outside)
    change_group(people.olivia.actor, group=outside, add=[people.counter], remove=[people.pool, people.courtyard])
    # The exchange of all of its cameras is not its end.
    assert sees(people.rita) == {"Counter"}
    change_group(people.olivia.actor, group=outside, remove=[people.counter])
    assert sees(people.rita) == set()
    row = get_received(people.rita.actor, ritas)
    assert (row.state, row.ended_reason) == ("revoked", "left_group")
    assert Entry.objects.filter(action="share.emptied", thing=f"share:{ritas}").exists()
    change_group(people.olivia.actor, group=outside, add=[people.counter])
    assert sees(people.rita) == set()


def test_in_two_groups_it_leaves_with_the_second(people: cast.Cast, outside: str) -> None:
    front = group_of(people.olivia, "Front", people.courtyard, people.counter)
    items = [Item(people.courtyard, LIVE, group=outside), Item(people.pool, LIVE, group=outside)]
    items.append(Item(people.counter, LIVE, group=front))
    ritas = offer_share(people.olivia.actor, recipient=people.rita.email, items=items)
    accept_share(people.rita.actor, share=ritas)
    change_group(people.olivia.actor, group=outside, remove=[people.courtyard])
    assert sees(people.rita) == {"Courtyard", "Pool", "Counter"}
    change_group(people.olivia.actor, group=front, remove=[people.courtyard])
    assert sees(people.rita) == {"Pool", "Counter"}


def test_a_later_camera_shows_no_more_than_the_others_do_by_now(people: cast.Cast, outside: str) -> None:
    """B-6: what was narrowed since does not come back with the next camera."""
    olivia = people.olivia.actor
    reach = Footage(7 * DAY)
    items = [Item(pk, BACK, footage=reach, group=outside) for pk in (people.courtyard, people.pool)]
    ritas = offer_share(olivia, recipient=people.rita.email, items=items)
    accept_share(people.rita.actor, share=ritas)
    doors = [people.olivia.add_camera(f"Door {number}") for number in range(3)]
    change_group(olivia, group=outside, add=doors[:1])
    got = {item.resource: item for item in get_given(olivia, ritas).items}[doors[0]]
    assert (got.permissions, got.footage) == (BACK, reach)
    change_share(olivia, share=ritas, items=[Item(people.pool, LIVE)])
    change_group(olivia, group=outside, add=doors[1:2])
    assert get_camera(people.rita.actor, doors[1]).permissions == LIVE
    # Nor once the narrow one has left.
    change_group(olivia, group=outside, remove=[people.pool])
    change_group(olivia, group=outside, add=doors[2:])
    assert get_camera(people.rita.actor, doors[2]).permissions == LIVE


def test_nobody_gives_by_a_group_what_he_does_not_hold(hotels: cast.Hotels) -> None:
    """Rule 5: Ada shares on North alone. Olivia adds the deck of South: not in Ada's share, and the page says so."""
    olivia, ada = hotels.olivia, hotels.ada
    group = make_group(ada.actor, organization=hotels.id, name="Entrances", cameras=[hotels.lobby])
    adas = follow(ada, hotels.rita, group)
    change_group(olivia.actor, group=group, add=[hotels.deck])
    assert sees(hotels.rita) == {"Lobby"}
    [row] = list_followers(olivia.actor, group)
    assert (row.share, row.is_mine, row.recipient, row.missing) == (adas, False, hotels.rita.email, ["Deck"])
    # Ada is not told of what she may not see.
    [hers] = list_followers(ada.actor, group)
    assert (hers.is_mine, hers.missing) == (True, [])
    # Who may not share at all any more gives nothing by it, either.
    change_member(olivia.actor, member=hotels.member(ada), wish=Wish(role=Role.VIEWER, sites=[hotels.north]))
    change_group(olivia.actor, group=group, add=[olivia.add_camera("Bar", site=hotels.north)])
    assert sees(hotels.rita) == set()


def test_who_has_it_already_does_not_get_it_twice(people: cast.Cast, outside: str) -> None:
    olivia = people.olivia
    ritas = follow(olivia, people.rita, outside)
    other = olivia.share(people.rita, people.counter)
    change_group(olivia.actor, group=outside, add=[people.counter])
    assert {item.name for item in get_given(olivia.actor, ritas).items} == {"Courtyard", "Pool"}
    end_share(olivia.actor, share=other)
    assert "Counter" not in sees(people.rita)


def test_a_share_may_stop_to_follow(people: cast.Cast, outside: str) -> None:
    olivia = people.olivia
    ritas = follow(olivia, people.rita, outside)
    for who in (people.rita, people.xena):
        with pytest.raises(NotFound):
            unfollow_group(who.actor, group=outside, share=ritas)
    for _again in range(2):
        unfollow_group(olivia.actor, group=outside, share=ritas)
    assert list_followers(olivia.actor, outside) == []
    change_group(olivia.actor, group=outside, add=[people.counter], remove=[people.pool])
    assert sees(people.rita) == {"Courtyard", "Pool"}
    assert Entry.objects.filter(action="group.unfollowed").count() == 1


@pytest.mark.parametrize("ends_items", [False, True])
def test_a_group_given_up_takes_nothing_with_it_unless_asked(
    people: cast.Cast, outside: str, *, ends_items: bool
) -> None:
    ritas = follow(people.olivia, people.rita, outside, people.counter)
    remove_group(people.olivia.actor, group=outside, ends_items=ends_items)
    assert sees(people.rita) == ({"Counter"} if ends_items else {"Courtyard", "Pool", "Counter"})
    assert not CameraGroup.objects.filter(pk=outside).exists()
    reasons = set(ShareItem.objects.filter(share=ritas).values_list("ended_reason", flat=True))
    assert reasons == ({"", "group_deleted"} if ends_items else {""})


def test_a_camera_given_up_is_in_no_group(people: cast.Cast, outside: str) -> None:
    """VA-23."""
    olivia = people.olivia
    ritas = follow(olivia, people.rita, outside)
    device = get_camera(olivia.actor, people.pool).device
    assert device
    unbind_device(olivia.actor, device=device)
    assert names(olivia, outside) == {"Courtyard"}
    run_due()
    assert list(GroupCamera.objects.filter(group=outside).values_list("camera_id", flat=True)) == [people.courtyard]
    assert sees(people.rita) == {"Courtyard"}
    assert get_received(people.rita.actor, ritas).state == "accepted"


def test_an_offer_by_a_group_is_of_its_cameras(people: cast.Cast, outside: str) -> None:
    """What is not in the group does not come by it; nor by one that is not there, or another organization's."""
    olivia = people.olivia.actor
    for group, refusal in ((outside, Conflict), (group_of(people.xena, "X", people.xenas), Conflict), ("x", NotFound)):
        with pytest.raises(refusal):
            offer_share(olivia, recipient=people.rita.email, items=[Item(people.counter, LIVE, group=group)])


def test_lists_ask_as_often_for_many(people: cast.Cast, outside: str) -> None:
    """B-9: constant questions."""
    olivia = people.olivia

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            list_groups(olivia.actor, olivia.organization)
            list_followers(olivia.actor, outside)
        return len(queries)

    follow(olivia, people.rita, outside)
    first = count()
    for number, who in enumerate((people.xena, people.vera)):
        group_of(olivia, f"Group {number}", people.counter, people.pool)
        follow(olivia, who, outside, accept=False)
    assert count() == first


# ── The API ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_api_shares_a_group(people: cast.Cast, outside: str) -> None:
    """HC-14: one item for the group; a camera of it that is named by itself has its own set, and stays."""
    olivia = people.olivia
    body = {
        "recipient": people.rita.email,
        "items": [
            {"group": outside, "permissions": ["live_view"], "follow": True},
            {"camera": people.pool, "permissions": ["live_view", "ptz"]},
        ],
    }
    answer = post(olivia, "shares", body)
    assert answer.status_code == 201, answer.content
    assert answer.json()["follows"] == [
        {"group": outside, "name": "Outside", "permissions": ["live_view"], "footage": None}
    ]
    given = answer.json()["id"]
    offered = people.rita.api().get(f"/api/v1/shares/{given}").json()
    assert offered["follows"] == ["Outside"]
    accept_share(people.rita.actor, share=given)
    answer = patch(olivia, f"groups/{outside}", {"add": [people.counter], "remove": [people.courtyard, people.pool]})
    assert answer.status_code == 200, answer.content
    assert [row["name"] for row in answer.json()["cameras"]] == ["Counter"]
    assert [row["missing"] for row in answer.json()["followed_by"]] == [[]]
    assert answer.json()["cut"] == []
    assert sees(people.rita) == {"Pool", "Counter"}
    assert olivia.api().get(f"/api/v1/receipts/{answer.json()['change_id']}").json()["state"] == "changed"
    answer = olivia.api().delete(f"/api/v1/groups/{outside}?shares=end")
    assert (answer.status_code, answer.json()["state"]) == (200, "removed")
    assert sees(people.rita) == {"Pool"}


def test_a_group_without_follow_is_its_present_cameras(people: cast.Cast, outside: str) -> None:
    """Rule 9: as with a recorder, what comes later is offered, and not shared by itself."""
    items = [{"group": outside, "permissions": ["live_view"]}]
    given = post(people.olivia, "shares", {"recipient": people.rita.email, "items": items}).json()
    assert ({row["name"] for row in given["items"]}, given["follows"]) == ({"Courtyard", "Pool"}, [])
    accept_share(people.rita.actor, share=given["id"])
    change_group(people.olivia.actor, group=outside, add=[people.counter], remove=[people.pool])
    assert sees(people.rita) == {"Courtyard", "Pool"}


def test_the_api_refuses_what_makes_no_sense(people: cast.Cast, outside: str) -> None:
    olivia = people.olivia
    empty = group_of(olivia, "Empty")
    items: list[dict[str, object]] = [
        {"group": outside, "camera": people.counter},
        {"camera": people.counter, "follow": True},
        {"follow": True},
        {"group": empty},
    ]
    for item in items:
        body = {"recipient": people.rita.email, "items": [item | {"permissions": ["live_view"]}]}
        assert post(olivia, "shares", body).status_code == 422, item
    xenas = group_of(people.xena, "Mine", people.xenas)
    unknown = "01zzzzzzzzzzzzzzzzzzzzzzzz"
    answers = []
    for group in (xenas, unknown, "x"):
        body = {"recipient": people.rita.email, "items": [{"group": group, "permissions": ["live_view"]}]}
        answers += [post(olivia, "shares", body), olivia.api().get(f"/api/v1/groups/{group}")]
        answers += [patch(olivia, f"groups/{group}", {"name": "Y"}), olivia.api().delete(f"/api/v1/groups/{group}")]
    for camera in (people.xenas, unknown):
        answers.append(patch(olivia, f"groups/{outside}", {"add": [camera]}))
        answers.append(post(olivia, "groups", {"organization": olivia.organization, "name": "Z", "cameras": [camera]}))
    # N13: whatever is not one's own is not there, byte for byte.
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
    many = ["01zzzzzzzzzzzzzzzzzzzzzzzz"] * 10_000
    assert patch(olivia, f"groups/{outside}", {"add": many}).status_code == 422
    assert patch(olivia, f"groups/{outside}", {"add": [people.pool], "remove": [people.pool]}).status_code == 422


def post(who: cast.Person, path: str, body: dict[str, Any]) -> Any:
    return who.api().post(f"/api/v1/{path}", body, content_type="application/json")


def patch(who: cast.Person, path: str, body: dict[str, Any]) -> Any:
    return who.api().patch(f"/api/v1/{path}", body, content_type="application/json")


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_tap_picks_a_group_and_a_tick_follows_it(people: cast.Cast, outside: str) -> None:
    """HC-5, HC-12: without a script, step by step; and the review says what was decided in advance."""
    client = people.olivia.browser()
    form: dict[str, Any] = {"to": people.rita.email, "asked": "1", "permission": ["live_view"]}
    page = client.post("/share", form | {"group": outside}).content.decode()
    assert page.count(" checked") == 2
    assert "Also cameras added to <bdi>Outside</bdi> later" in page
    # A second tap takes them back.
    both = form | {"camera": [people.courtyard, people.pool]}
    again = client.post("/share", both | {"group": outside}).content.decode()
    assert " checked" not in again
    review = client.post("/share", both | {"follow": outside, "step": "review"}).content.decode()
    assert "and cameras added to <bdi>Outside</bdi> later" in review
    assert f'name="follow" value="{outside}"' in review
    sent = client.post("/share", both | {"follow": [outside, "x"], "step": "sent"})
    assert sent.status_code == 200
    given = list_given(people.olivia.actor, states=["pending"])[0]
    assert [row.name for row in given.follows] == ["Outside"]
    # The recipient reads it before he answers; the mail says it, too.
    assert "And cameras added to <bdi>Outside</bdi> later" in people.rita.browser().get("/inbox").content.decode()
    run_due()
    assert "and cameras added to “Outside” later" in str(mail.outbox[-1].body)
    # Of a group with no camera chosen, nothing is followed.
    alone = form | {"to": people.xena.email, "camera": [people.counter], "follow": outside, "step": "sent"}
    assert client.post("/share", alone).status_code == 200
    assert list_given(people.olivia.actor, states=["pending"])[0].follows == []


def test_the_pages_of_groups(people: cast.Cast, outside: str) -> None:
    olivia = people.olivia
    client = olivia.browser()
    assert "No share follows it" in client.get("/groups").content.decode()
    made: Any = client.post("/groups/new", {"name": "<b>Häuser</b> 外", "camera": [people.counter]})
    assert made.status_code == 302
    page = client.get(made.url).content.decode()
    assert "<bdi>&lt;b&gt;Häuser&lt;/b&gt; 外</bdi>" in page
    assert client.post("/groups/new", {"name": "outside"}).status_code == 409
    assert client.post("/groups/new", {"name": "Y", "camera": [people.xenas]}).status_code == 404
    ritas = follow(olivia, people.rita, outside)
    # Two read the same page; each has his way.
    was = [people.courtyard, people.pool]
    first = {"name": "Outside", "was": was, "camera": [people.courtyard]}
    second = {"name": "Outside", "was": was, "camera": [*was, people.counter]}
    for form in (first, second):
        assert client.post(f"/groups/{outside}", form).status_code == 302
    assert names(olivia, outside) == {"Courtyard", "Counter"}
    assert sees(people.rita) == {"Courtyard", "Counter"}
    ended = people.rita.browser().get(f"/cameras/{people.pool}")
    assert ended.status_code == 404
    assert "<bdi>Pool</bdi> left the group that was shared with you" in ended.content.decode()
    assert "They keep what they have" in client.get(f"/groups/{outside}/remove").content.decode()
    assert client.post(f"/groups/{outside}/shares/{ritas}/stop").status_code == 302
    assert "They keep what they have" not in client.get(f"/groups/{outside}/remove").content.decode()
    assert client.post(f"/groups/{outside}/remove").status_code == 302
    assert sees(people.rita) == {"Courtyard", "Counter"}


# ── Two at once ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_camera_that_comes_while_the_offer_is_accepted(people: cast.Cast, outside: str) -> None:
    """Rule 9: whoever comes second sees the other, so that nothing is missing in the end."""
    olivia, rita = people.olivia, people.rita
    ritas = follow(olivia, rita, outside, accept=False)
    at_once(
        lambda: accept_share(rita.actor, share=ritas),
        lambda: change_group(olivia.actor, group=outside, add=[people.counter], remove=[people.pool]),
    )
    assert sees(rita) == {"Courtyard", "Counter"}
    assert Grant.objects.filter(origin_id=ritas, ended_at=None).count() == 2


def test_a_camera_that_leaves_while_its_group_is_offered(people: cast.Cast, outside: str) -> None:
    olivia = people.olivia
    items = [Item(pk, LIVE, group=outside) for pk in (people.courtyard, people.pool)]
    share, _ = at_once(
        lambda: offer_share(olivia.actor, recipient=people.rita.email, items=items),
        lambda: change_group(olivia.actor, group=outside, remove=[people.pool]),
    )
    if isinstance(share, str):
        assert [item.name for item in get_given(olivia.actor, share).items] == ["Courtyard"]
    else:
        assert isinstance(share, Conflict)


def test_the_share_ends_while_its_group_grows(people: cast.Cast, outside: str) -> None:
    olivia, rita = people.olivia, people.rita
    ritas = follow(olivia, rita, outside)
    at_once(
        lambda: end_share(olivia.actor, share=ritas),
        lambda: change_group(olivia.actor, group=outside, add=[people.counter]),
    )
    assert not Grant.objects.filter(origin_id=ritas, ended_at=None).exists()
    assert sees(rita) == set()


def test_two_change_one_group(people: cast.Cast, outside: str) -> None:
    """Both have their way; of two that take one name, one does."""
    olivia = people.olivia.actor
    at_once(
        lambda: change_group(olivia, group=outside, add=[people.counter]),
        lambda: change_group(olivia, group=outside, add=[people.counter], remove=[people.pool]),
    )
    assert names(people.olivia, outside) == {"Courtyard", "Counter"}
    made = at_once(*[lambda: group_of(people.olivia, "Twice")] * 2)
    assert {type(found) for found in made} == {Conflict, str}
