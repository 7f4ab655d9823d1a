"""Freezing an organization: nobody watches, nothing is given, recording goes on, and all comes back (threats §5)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail

import cast
from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import PlansRequest
from belvedere.control.access.guard import check
from belvedere.control.access.models import Grant
from belvedere.control.access.roles import Role
from belvedere.control.access.selectors import list_candidates
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Frozen, NotFound, ReauthenticationRequired, Refusal
from belvedere.control.core.principal import Principal, system
from belvedere.control.devices.selectors import find_camera_path, list_cameras
from belvedere.control.handover.services import accept_handover
from belvedere.control.notifications.audience import list_allowed
from belvedere.control.organizations import services
from belvedere.control.organizations.selectors import find_freeze, get_freezing, get_management
from belvedere.control.outbox.services import run_due
from belvedere.control.recordings.services import list_plans
from belvedere.control.sharing.services import accept_share
from belvedere.control.streaming.selectors import list_cuts
from control.watching import RUN, Node, hello, renew, watch

FREEZE = timedelta(hours=72)


@pytest.fixture(autouse=True)
def _told_nothing_yet() -> None:
    mail.outbox.clear()


def told() -> set[tuple[str, str]]:
    """(to, subject) of every mail."""
    run_due()
    return {(row.to[0], str(row.subject)) for row in mail.outbox}


def everybody(hotels: cast.Hotels) -> list[cast.Person]:
    return [hotels.olivia, hotels.sam, hotels.ada, hotels.omar, hotels.vera, hotels.leo, hotels.rita, hotels.xena]


def seen(hotels: cast.Hotels) -> dict[str, set[str]]:
    """Person → the cameras he sees."""
    return {person.name: {view.id for view in list_cameras(person.actor)} for person in everybody(hotels)}


def test_nobody_watches_while_it_lasts(hotels: cast.Hotels) -> None:
    """One rule for everybody, the owner too: lists, the guard, who is notified. What is not of it stays as it was."""
    hotels.olivia.share(hotels.rita, hotels.lobby)
    before = seen(hotels)
    grants = set(Grant.objects.filter(ended_at=None).values_list("pk", flat=True))
    services.freeze_organization(hotels.sam.actor, organization=hotels.id)
    assert seen(hotels) == {name: rows - {hotels.lobby, hotels.deck} for name, rows in before.items()}
    path = find_camera_path(hotels.lobby)
    assert path
    assert list_candidates(path, Permission.LIVE_VIEW, limit=50) == []
    for person in (hotels.olivia, hotels.sam, hotels.rita):
        with pytest.raises(Frozen):
            check(person.actor, Permission.LIVE_VIEW, on="camera", resource=hotels.lobby)
    with pytest.raises(NotFound):
        check(hotels.xena.actor, Permission.LIVE_VIEW, on="camera", resource=hotels.lobby)
    # The grants stay, and hold again by themselves.
    assert set(Grant.objects.filter(ended_at=None).values_list("pk", flat=True)) == grants
    with clock.moved_by(FREEZE + timedelta(seconds=1)):
        assert find_freeze(hotels.id) is None
        assert seen(hotels) == before


def test_no_right_changes_while_it_lasts(hotels: cast.Hotels) -> None:
    """Neither by who gives, nor by who was offered something before."""
    wish = services.Wish(role=Role.VIEWER, sites="all")
    olivia, rita = hotels.olivia, hotels.rita
    invitation = services.invite_member(olivia.actor, organization=hotels.id, address=rita.email, wish=wish)
    offer = olivia.offer(hotels.xena, hotels.deck)
    handover = cast.offer_handover(olivia.actor, thing=hotels.id, receiver=hotels.sam.id, afterwards="super_admin")
    leo, sam = hotels.member(hotels.leo), hotels.member(hotels.sam)
    services.freeze_organization(olivia.actor, organization=hotels.id)
    grants = Grant.objects.filter(ended_at=None).count()
    acts: tuple[Callable[[], object], ...] = (
        lambda: services.accept_invitation(rita.actor, invitation=invitation),
        lambda: accept_share(hotels.xena.actor, share=offer),
        lambda: accept_handover(hotels.sam.actor, handover=handover),
        lambda: olivia.offer(rita, hotels.lobby),
        lambda: services.invite_member(olivia.actor, organization=hotels.id, address="new@example.org", wish=wish),
        lambda: services.change_member(olivia.actor, member=leo, wish=wish),
        lambda: services.remove_member(olivia.actor, member=sam),
        lambda: services.edit_organization(olivia.actor, organization=hotels.id, name="Mine alone"),
        lambda: get_management(hotels.sam.actor, hotels.id),
    )
    for act in acts[:3]:
        with pytest.raises(Refusal):
            act()
    for act in acts[3:]:
        with pytest.raises(Frozen):
            act()
    assert Grant.objects.filter(ended_at=None).count() == grants
    services.thaw_by_operator(system("operator"), organization=hotels.id)
    services.accept_invitation(rita.actor, invitation=invitation)
    accept_share(hotels.xena.actor, share=offer)


def test_pictures_end_at_once_with_a_receipt(hotels: cast.Hotels, bus: Node) -> None:
    """Recording goes on: what nodes are told to record stays the same."""
    hello()
    mine = watch(hotels.ada, hotels.ada.add_camera("Cat"))
    sessions = {watch(person, hotels.lobby) for person in (hotels.olivia, hotels.vera, hotels.leo)}
    plans = list_plans("local", PlansRequest(RUN))
    change_id = services.freeze_organization(hotels.sam.actor, organization=hotels.id)
    assert {cut.session for cut in list_cuts(change_id)} == sessions
    assert {(lease.session, lease.why, lease.by) for lease in bus.heard} == {
        (session, "frozen", "Sam") for session in sessions
    }
    assert not renew(mine)[mine].is_ended
    with pytest.raises(Frozen):
        watch(hotels.olivia, hotels.lobby)
    assert list_plans("local", PlansRequest(RUN)) == plans


def test_either_side_begins_and_both_end_it(hotels: cast.Hotels) -> None:
    """At most 72 hours; everybody who watches over it is told; every member may know."""
    hotel = hotels.id
    services.freeze_organization(hotels.sam.actor, organization=hotel)
    assert {to for to, subject in told() if subject == "Harbour Hotels is frozen"} == {
        hotels.olivia.email,
        hotels.sam.email,
    }
    view = get_freezing(hotels.leo.actor, hotel)
    assert view.freeze
    assert (view.freeze.begun_by and view.freeze.begun_by.name, view.may_act) == ("Sam", False)
    assert view.freeze.ends_at - view.freeze.begun_at == FREEZE
    for _ in range(2):
        assert not services.thaw_organization(hotels.sam.actor, organization=hotel)
    assert find_freeze(hotel)
    assert services.thaw_organization(hotels.olivia.actor, organization=hotel)
    assert find_freeze(hotel) is None
    assert services.thaw_organization(hotels.olivia.actor, organization=hotel)
    check(hotels.olivia.actor, Permission.LIVE_VIEW, on="camera", resource=hotels.lobby)
    actions = Entry.objects.filter(chain_id=hotel, action__contains="organization.").order_by("sequence")
    # Agreed to twice by the one side, said once.
    assert list(actions.values_list("action", flat=True))[-3:] == [
        "organization.frozen",
        "organization.thaw_agreed",
        "organization.thawed",
    ]
    # A quarrel is not to blind a house for good: not the same person again so soon.
    with pytest.raises(Conflict):
        services.freeze_organization(hotels.sam.actor, organization=hotel)
    services.freeze_organization(hotels.olivia.actor, organization=hotel)
    with clock.moved_by(timedelta(days=31)):
        services.freeze_organization(hotels.sam.actor, organization=hotel)


def test_who_may_freeze(hotels: cast.Hotels) -> None:
    for person in (hotels.ada, hotels.vera):
        for act in (services.freeze_organization, services.thaw_organization):
            with pytest.raises(Forbidden):
                act(person.actor, organization=hotels.id)
    for person in (hotels.xena, hotels.rita):
        with pytest.raises(NotFound):
            services.freeze_organization(person.actor, organization=hotels.id)
        with pytest.raises(NotFound):
            get_freezing(person.actor, hotels.id)
    with pytest.raises(ReauthenticationRequired):
        services.freeze_organization(Principal(id=hotels.olivia.id, name="Olivia"), organization=hotels.id)
    assert find_freeze(hotels.id) is None


def test_who_is_alone_ends_it_alone(people: cast.Cast) -> None:
    """There is no other side in one's own home."""
    home = people.olivia.organization
    services.freeze_organization(people.olivia.actor, organization=home)
    assert services.thaw_organization(people.olivia.actor, organization=home)
    assert find_freeze(home) is None


def test_the_page_is_for_every_member_and_every_page_says_it(hotels: cast.Hotels) -> None:
    """Who is blinded reads by whom and until when; a recipient learns no name."""
    hotels.olivia.share(hotels.rita, hotels.lobby)
    address = f"/organizations/{hotels.id}/freeze"
    olivia, leo, rita, xena = (person.browser() for person in (hotels.olivia, hotels.leo, hotels.rita, hotels.xena))
    assert "is frozen" not in olivia.get("/").content.decode()
    assert leo.post(f"{address}/begin").status_code == 403
    assert olivia.post(f"{address}/begin").headers["Location"] == address
    page = leo.get(address).content.decode()
    assert "Olivia" in page
    assert "I agree that it ends" not in page
    for browser in (olivia, leo):
        assert "is frozen" in browser.get("/").content.decode()
    words = rita.get("/").content.decode()
    assert "shared with you is frozen" in words
    assert "Harbour" not in words
    assert "is frozen" not in xena.get("/").content.decode()
    assert leo.get(f"/cameras/{hotels.lobby}").status_code == 409
    olivia.post(f"{address}/end")
    assert "You agree that it ends" in olivia.get(address).content.decode()
    hotels.sam.browser().post(f"{address}/end")
    assert "is frozen" not in leo.get("/").content.decode()


def test_nobody_is_led_to_what_he_cannot_share_while_it_lasts(hotels: cast.Hotels) -> None:
    """VA 4: an admin of one site has no entry *Sharing* then either, as the owner has none, nor that page."""
    entry = '<a href="/sharing"'
    browsers = [hotels.olivia.browser(), hotels.ada.browser()]
    for browser in browsers:
        browser.post("/organizations/switch", {"organization": hotels.id})
        assert entry in browser.get("/").content.decode()
        assert browser.get("/sharing").status_code == 200
    services.freeze_organization(hotels.sam.actor, organization=hotels.id)
    for browser in browsers:
        assert entry not in browser.get("/").content.decode()
        assert browser.get("/sharing").status_code == 404


def test_a_member_reads_who_froze_it_and_no_address(hotels: cast.Hotels) -> None:
    """N14: a plain member's JSON has a name; whoever watches over the organization knows the address anyway."""
    services.freeze_organization(hotels.sam.actor, organization=hotels.id)
    sam = {"id": hotels.sam.id, "name": "Sam"}
    for person, email in ((hotels.leo, None), (hotels.ada, None), (hotels.olivia, hotels.sam.email)):
        answer = person.browser().get(f"/api/v1/organizations/{hotels.id}/freeze")
        assert answer.json()["by"] == sam | {"email": email}
    assert hotels.sam.email not in hotels.leo.browser().get(f"/organizations/{hotels.id}/freeze").content.decode()


def test_nobody_is_told_of_what_is_frozen(hotels: cast.Hotels) -> None:
    """N33: neither what waits to be sent, nor what was told before. Afterwards it is read again."""
    asked = {(hotels.olivia.id, hotels.lobby, "motion"), (hotels.olivia.id, hotels.people.pool, "motion")}
    assert set(list_allowed(asked)) == asked
    services.freeze_organization(hotels.sam.actor, organization=hotels.id)
    assert set(list_allowed(asked)) == {(hotels.olivia.id, hotels.people.pool, "motion")}
    assert set(list_allowed(asked, is_muted=False)) == {(hotels.olivia.id, hotels.people.pool, "motion")}
    with clock.moved_by(FREEZE + timedelta(seconds=1)):
        assert set(list_allowed(asked)) == asked
