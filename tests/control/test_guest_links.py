"""Guest links: given by who may, opened by who has the secret, as often and as long as was said (N40).

HC-32's "less at once" holds for them too; rule 5 ends what hung on a right that is gone.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client, override_settings

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant
from belvedere.control.access.roles import Role
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Refusal
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import Principal, nobody
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.devices.services import unbind_device
from belvedere.control.guests.models import GuestLink, GuestVisit
from belvedere.control.guests.selectors import find_guest, get_link, list_links, list_marked
from belvedere.control.guests.services import (
    KEEP,
    MadeLink,
    PasscodeNeeded,
    change_link,
    end_link,
    make_link,
    open_link,
    purge_visits,
)
from belvedere.control.organizations.services import Wish, change_member, remove_member
from belvedere.control.outbox.services import run_due
from belvedere.control.settings import base
from belvedere.control.sharing.selectors import explain_access, list_access
from belvedere.control.sharing.terms import DAY, HOUR, Footage
from belvedere.control.streaming.models import ViewingSession
from belvedere.control.streaming.selectors import list_cuts, list_viewers
from belvedere.control.streaming.services import open_ticket
from control.test_at_once import at_once
from control.watching import LIVE, Node, claim, hello, renew

HOURS_2 = timedelta(hours=2)
PAST = Footage(last_s=DAY)


def make(giver: cast.Person, *cameras: str, **wish: Any) -> MadeLink:
    """A link for the gardener: live, two hours, three uses, unless told otherwise."""
    given: dict[str, Any] = {
        "name": "Gardener",
        "permissions": Permission.LIVE_VIEW,
        "ends_at": clock.now() + HOURS_2,
        "max_uses": 3,
    }
    return make_link(giver.actor, cameras=cameras, **(given | wish))


def come(made: MadeLink, passcode: str = "", *, secret: str = "", address: str = "203.0.113.77") -> Principal:
    """Open the link; who the guest is from then on."""
    visit = open_link(nobody(address), link=made.id, secret=secret or made.secret, passcode=passcode)
    guest = find_guest(made.id, visit.cookie, address=address)
    assert guest
    return guest.actor


def watch(guest: Principal, camera: str) -> str:
    """Open a session as the guest's page does; its id."""
    session, secret = open_ticket(guest, camera=camera).url.rpartition("ticket=")[2].split(".")
    assert claim(session, secret).permissions & LIVE
    return session


def uses(made: MadeLink) -> int:
    return GuestLink.objects.get(pk=made.id).uses


# ── Giving ──


def test_a_guest_sees_what_was_given_and_nothing_else(people: cast.Cast) -> None:
    made = make(people.olivia, people.courtyard, people.pool)
    guest = come(made)
    seen = list_cameras(guest)
    assert {view.id for view in seen} == {people.courtyard, people.pool}
    assert {view.permissions for view in seen} == {Permission.LIVE_VIEW}
    # Not whose they are, nor where.
    assert {(view.shared_by, view.site, view.organization, view.device) for view in seen} == {(None, None, None, None)}
    assert Grant.objects.filter(principal=made.id, ended_at=None).count() == 2


def test_the_secret_is_kept_by_nobody(people: cast.Cast) -> None:
    """N40: 256 bits; the row holds SHA-256 of it, and Argon2id of the passcode."""
    with override_settings(PASSWORD_HASHERS=base.PASSWORD_HASHERS):  # the suite's own hasher is a fast one
        made = make(people.olivia, people.courtyard, passcode="123456")
    row = GuestLink.objects.get(pk=made.id)
    assert len(made.secret) == 43
    assert made.secret not in str(vars(row))
    assert row.passcode.startswith("argon2$argon2id$")
    assert not any(made.secret in str(entry.fields) or "123456" in str(entry.fields) for entry in Entry.objects.all())


@pytest.mark.parametrize(
    ("wish", "refusal"),
    [
        ({"ends_at": timedelta(days=31)}, Invalid),
        ({"ends_at": timedelta(0)}, Invalid),
        ({"max_uses": 0}, Invalid),
        ({"max_uses": 101}, Invalid),
        ({"passcode": "12345"}, Invalid),
        ({"name": "  "}, Invalid),
        ({"permissions": Permission.LIVE_VIEW | Permission.LISTEN}, Invalid),
        ({"permissions": Permission(0)}, Invalid),
        ({"permissions": Permission.PLAYBACK}, Invalid),
        ({"footage": PAST}, Invalid),
    ],
)
def test_what_makes_no_sense_is_refused(people: cast.Cast, wish: dict[str, Any], refusal: type[Refusal]) -> None:
    if isinstance(wish.get("ends_at"), timedelta):
        wish = wish | {"ends_at": clock.now() + wish["ends_at"]}
    with pytest.raises(refusal):
        make(people.olivia, people.courtyard, **wish)
    assert not GuestLink.objects.exists()


def test_nobody_gives_what_is_not_his(people: cast.Cast) -> None:
    """N12, rule 5: Vera sees the counter and may not share it; Xena knows nothing of it. All cameras or none."""
    with pytest.raises(Forbidden):
        make(people.vera, people.counter)
    with pytest.raises(NotFound):
        make(people.xena, people.counter)
    with pytest.raises(NotFound):
        make(people.olivia, people.courtyard, people.xenas)
    assert not GuestLink.objects.exists()


def test_only_who_may_share_reads_and_ends_it(people: cast.Cast) -> None:
    """N16: for everybody else it is as if it were not there."""
    made = make(people.olivia, people.counter)
    for person in (people.vera, people.xena):
        assert list_links(person.actor) == []
        for link in (made.id, new_id()):
            with pytest.raises(NotFound):
                get_link(person.actor, link)
            with pytest.raises(NotFound):
                end_link(person.actor, link=link)
            with pytest.raises(NotFound):
                change_link(person.actor, link=link, name="Mine")
    assert [row.id for row in list_links(people.olivia.actor)] == [made.id]


def test_a_camera_is_marked_while_a_guest_may_watch_it(people: cast.Cast) -> None:
    """For who may share it, and nobody else."""
    made = make(people.olivia, people.counter)
    assert list_marked(list_cameras(people.olivia.actor)) == {people.counter}
    assert list_marked(list_cameras(people.vera.actor)) == set()
    assert b"open to a guest" in people.olivia.browser().get("/").content
    end_link(people.olivia.actor, link=made.id)
    assert list_marked(list_cameras(people.olivia.actor)) == set()


# ── Opening ──


def test_all_that_cannot_be_opened_is_one_answer(people: cast.Cast) -> None:
    """N40, N16: unknown, wrong secret, ended, used up: the same refusal, word for word."""
    open_one = make(people.olivia, people.courtyard)
    ended, used_up = make(people.olivia, people.courtyard), make(people.olivia, people.courtyard, max_uses=1)
    end_link(people.olivia.actor, link=ended.id)
    come(used_up)
    tries = [MadeLink(new_id(), open_one.secret), MadeLink(open_one.id, "x" * 43), ended, used_up]
    said = set()
    for made in [*tries, MadeLink("no id", "")]:
        with pytest.raises(NotFound) as refused:
            come(made)
        said.add(refused.value.message)
    assert len(said) == 1
    assert uses(open_one) == 0


def test_the_sixth_passcode_is_not_even_looked_at(people: cast.Cast) -> None:
    """N40: five tries, then a rest in which the right one opens nothing either. Who has no secret never gets there."""
    made = make(people.olivia, people.courtyard, passcode="246810")
    with pytest.raises(PasscodeNeeded):
        come(made)
    for _ in range(5):
        with pytest.raises(PasscodeNeeded):
            come(made, "000000")
    with pytest.raises(RateLimited) as refused:
        come(made, "246810")
    assert 0 < refused.value.retry_after <= 15 * 60
    with pytest.raises(NotFound):
        come(made, "246810", secret="x" * 43)
    assert uses(made) == 0
    view = get_link(people.olivia.actor, made.id)
    assert view.paused_until
    assert Entry.objects.filter(action="guest_link.paused").count() == 1
    with clock.moved_by(timedelta(minutes=15, seconds=1)):
        come(made, "246810")
        with pytest.raises(PasscodeNeeded):
            come(made, "000000")


def test_who_made_it_is_told_once_a_rest(people: cast.Cast) -> None:
    """N40: the address is in somebody's hands who does not know the passcode. Not if it is over by then."""
    made = make(people.olivia, people.courtyard, passcode="246810")
    for _ in range(5):
        with pytest.raises(PasscodeNeeded):
            come(made, "000000")
    for _ in range(3):
        with pytest.raises(RateLimited):
            come(made, "000000")
    run_due()
    [sent] = mail.outbox
    assert sent.to == [people.olivia.email]
    assert "Gardener" in sent.subject
    assert f"/guest-links/{made.id}" in sent.body
    assert made.secret not in sent.body
    mail.outbox.clear()
    with clock.moved_by(timedelta(minutes=15, seconds=1)):
        for _ in range(5):
            with pytest.raises(PasscodeNeeded):
                come(made, "000000")
        end_link(people.olivia.actor, link=made.id)
        run_due()
    assert mail.outbox == []


def test_a_new_passcode_is_asked_for_from_then_on(people: cast.Cast) -> None:
    """A rest of the old one is over with it; without any, whoever has the address comes in. Who is in stays in."""
    made = make(people.olivia, people.courtyard, passcode="246810")
    visit = open_link(nobody("203.0.113.1"), link=made.id, secret=made.secret, passcode="246810")
    for _ in range(5):
        with pytest.raises(PasscodeNeeded):
            come(made, "000000")
    change_link(people.olivia.actor, link=made.id, passcode="135791")
    with pytest.raises(PasscodeNeeded):
        come(made, "246810")
    come(made, "135791")
    with pytest.raises(Invalid):
        change_link(people.olivia.actor, link=made.id, passcode="12345")
    change_link(people.olivia.actor, link=made.id, passcode="")
    come(made)
    assert find_guest(made.id, visit.cookie, address="")


def test_guesses_at_once_are_five_too(people: cast.Cast) -> None:
    """N40: a try is taken before it is made."""
    made = make(people.olivia, people.courtyard, passcode="246810")
    answers = at_once(*[lambda: come(made, "000000")] * 10)
    assert sum(isinstance(answer, PasscodeNeeded) for answer in answers) == 5
    assert sum(isinstance(answer, RateLimited) for answer in answers) == 5


def test_one_more_than_was_said_is_refused(people: cast.Cast) -> None:
    """N40: max + 1, one after the other and at once."""
    made = make(people.olivia, people.courtyard, max_uses=2)
    for _ in range(2):
        come(made)
    with pytest.raises(NotFound):
        come(made)
    hasty = make(people.olivia, people.courtyard, max_uses=3)
    answers = at_once(*[lambda: come(hasty)] * 8)
    assert sum(isinstance(answer, Principal) for answer in answers) == 3
    assert (uses(made), uses(hasty)) == (2, 3)


def test_an_address_that_tries_everything_is_slowed_down(people: cast.Cast) -> None:
    """N40: whatever it is of."""
    made = make(people.olivia, people.courtyard)
    for _ in range(30):
        with pytest.raises(NotFound):
            come(MadeLink(new_id(), "x" * 43), address="198.51.100.9")
    with pytest.raises(RateLimited):
        come(made, address="198.51.100.9")
    come(made)


def test_the_end_is_the_end_to_the_second(people: cast.Cast) -> None:
    """N40: a second after it neither the link opens, nor the cookie, nor a grant."""
    made = make(people.olivia, people.courtyard)
    visit = open_link(nobody("203.0.113.1"), link=made.id, secret=made.secret)
    with clock.moved_by(HOURS_2 - timedelta(seconds=30)):
        assert find_guest(made.id, visit.cookie, address="")
    with clock.moved_by(HOURS_2 + timedelta(seconds=1)):
        assert find_guest(made.id, visit.cookie, address="") is None
        with pytest.raises(NotFound):
            come(made)
        guest = Principal(id=made.id, name="", kind="guest")
        assert list_cameras(guest) == []
        assert get_link(people.olivia.actor, made.id).state == "expired"


def test_a_cookie_is_of_one_link(people: cast.Cast) -> None:
    one, other = make(people.olivia, people.courtyard), make(people.olivia, people.pool)
    visit = open_link(nobody("203.0.113.1"), link=one.id, secret=one.secret)
    assert find_guest(other.id, visit.cookie, address="") is None


def test_the_log_of_use_follows_nobody_home(people: cast.Cast) -> None:
    """Threats §5: when, and from which network; no address, in the audit neither. It goes some time after the end."""
    made = make(people.olivia, people.courtyard)
    come(made, address="203.0.113.77")
    come(made, address="2001:db8:1:2::3")
    visits = get_link(people.olivia.actor, made.id).visits
    assert [visit.network for visit in visits] == ["2001:db8:1::/48", "203.0.113.0/24"]
    assert not any("113.77" in str(entry.fields) for entry in Entry.objects.all())
    with clock.moved_by(KEEP):
        purge_visits()
        assert GuestVisit.objects.count() == 2
    with clock.moved_by(KEEP + HOURS_2 + timedelta(seconds=1)):
        purge_visits()
        assert not GuestVisit.objects.exists()


# ── Watching ──


@pytest.fixture
def node(people: cast.Cast) -> None:
    """A node that lives."""
    hello()


@pytest.mark.usefixtures("node")
def test_a_guest_stands_among_those_who_watch(people: cast.Cast) -> None:
    """By the name his giver gave him: among viewers, on the Access panel, and in "why"."""
    made = make(people.olivia, people.courtyard)
    watch(come(made), people.courtyard)
    assert [(row.account.name, row.account.email) for row in list_viewers(people.olivia.actor, people.courtyard)] == [
        ("Guest: Gardener", "")
    ]
    rows = {row.origin: row for row in list_access(people.olivia.actor, people.courtyard)}
    guest = rows["guest_link"]
    assert guest.account
    assert guest.account.name == "Guest: Gardener"
    assert guest.ends_at
    why = explain_access(
        people.olivia.actor,
        account=made.id,
        permission=Permission.LIVE_VIEW,
        kind="camera",
        resource=people.courtyard,
    )
    assert [(reason.origin, reason.id) for reason in why.because] == [("guest_link", made.id)]


@pytest.mark.usefixtures("node")
def test_revoked_while_he_watches(people: cast.Cast, bus: Node) -> None:
    """N40: cut in the same call, by the node's own word, with a receipt; twice is harmless."""
    made = make(people.olivia, people.courtyard)
    session = watch(come(made), people.courtyard)
    change = end_link(people.olivia.actor, link=made.id)
    assert [(cut.session, cut.account.name, cut.ends_by) for cut in list_cuts(change)] == [
        (session, "Guest: Gardener", None)
    ]
    assert [(lease.session, lease.is_ended) for lease in bus.heard] == [(session, True)]
    assert ViewingSession.objects.get(pk=session).closed_at
    assert end_link(people.olivia.actor, link=made.id) == change


@pytest.mark.usefixtures("node")
def test_a_running_lease_knows_its_end(people: cast.Cast) -> None:
    """N40: the last seconds are in the lease: the node cuts at the end by itself, no message needed."""
    made = make(people.olivia, people.courtyard)
    session = watch(come(made), people.courtyard)
    with clock.moved_by(HOURS_2 - timedelta(seconds=5)):
        lease = renew(session)[session]
        assert lease.narrow_in_ms is not None
        assert 0 < lease.narrow_in_ms <= 5000
        assert lease.narrow_to == 0
    with clock.moved_by(HOURS_2 + timedelta(seconds=1)):
        assert renew(session)[session].is_ended


@pytest.mark.usefixtures("node")
def test_one_of_two_cameras_is_taken_out(people: cast.Cast, bus: Node) -> None:
    """N40: its picture ends at once, the other's runs on; nothing can be put in, and the last one stays."""
    made = make(people.olivia, people.courtyard, people.pool)
    guest = come(made)
    gone, stays = watch(guest, people.courtyard), watch(guest, people.pool)
    change = change_link(people.olivia.actor, link=made.id, cameras=[people.pool])
    assert [cut.session for cut in list_cuts(change)] == [gone]
    assert renew(stays)[stays].permissions & LIVE
    with pytest.raises(NotFound):
        open_ticket(guest, camera=people.courtyard)
    for cameras in ([people.courtyard, people.pool], []):
        with pytest.raises(Invalid):
            change_link(people.olivia.actor, link=made.id, cameras=cameras)


@pytest.mark.usefixtures("node")
def test_an_earlier_end_acts_on_what_runs(people: cast.Cast, bus: Node) -> None:
    made = make(people.olivia, people.courtyard)
    session = watch(come(made), people.courtyard)
    change = change_link(people.olivia.actor, link=made.id, ends_at=clock.now() + timedelta(seconds=10))
    assert list_cuts(change) == []
    assert renew(session)[session].narrow_to == 0
    with clock.moved_by(timedelta(seconds=11)):
        assert renew(session)[session].is_ended
        with pytest.raises(Conflict):
            change_link(people.olivia.actor, link=made.id, max_uses=4, ends_at=clock.now() + HOURS_2)


@pytest.mark.usefixtures("node")
def test_less_right_acts_at_once(people: cast.Cast, bus: Node) -> None:
    """HC-32, N40: live view is taken away while it is watched; the past stays, as far back as it is said now."""
    both = Permission.LIVE_VIEW | Permission.PLAYBACK
    made = make(people.olivia, people.courtyard, permissions=both, footage=PAST)
    guest = come(made)
    session = watch(guest, people.courtyard)
    change = change_link(people.olivia.actor, link=made.id, permissions=Permission.PLAYBACK, footage=Footage(HOUR))
    assert [cut.session for cut in list_cuts(change)] == [session]
    [view] = list_cameras(guest)
    assert view.permissions == Permission.PLAYBACK
    given = get_link(people.olivia.actor, made.id)
    assert (given.permissions, given.footage) == (Permission.PLAYBACK, Footage(HOUR))
    # More right is there at once as well; what makes no sense is refused, and nothing of it done.
    change_link(people.olivia.actor, link=made.id, permissions=both)
    watch(guest, people.courtyard)
    change_link(people.olivia.actor, link=made.id, permissions=Permission.LIVE_VIEW)
    for patch in ({"permissions": both}, {"footage": PAST}, {"permissions": Permission.TALK}, {"max_uses": 0}):
        with pytest.raises(Invalid):
            change_link(people.olivia.actor, link=made.id, name="Other", **patch)
    assert get_link(people.olivia.actor, made.id).name == "Gardener"


@pytest.mark.usefixtures("node")
def test_how_many_watch_through_it_is_counted(people: cast.Cast, bus: Node) -> None:
    """B-2, B-7: pictures that run, not doors that were opened."""
    made, other = make(people.olivia, people.courtyard, people.pool), make(people.olivia, people.pool)
    guest = come(made)
    come(other)
    watch(guest, people.courtyard)
    watch(guest, people.pool)
    assert {row.id: row.watching for row in list_links(people.olivia.actor)} == {made.id: 2, other.id: 0}
    assert people.olivia.api().get(f"/api/v1/guest-links/{made.id}").json()["watching"] == 2
    end_link(people.olivia.actor, link=made.id)
    assert get_link(people.olivia.actor, made.id).watching == 0


@pytest.mark.usefixtures("node")
def test_an_unbound_camera_takes_its_links_along(people: cast.Cast, bus: Node) -> None:
    one, both = make(people.olivia, people.courtyard), make(people.olivia, people.courtyard, people.pool)
    session = watch(come(both), people.courtyard)
    device = get_camera(people.olivia.actor, people.courtyard).device
    assert device
    unbind_device(people.olivia.actor, device=device)
    assert ViewingSession.objects.get(pk=session).closed_at
    states = {row.id: row.state for row in list_links(people.olivia.actor)}
    assert states == {one.id: "ended", both.id: "open"}
    assert [view.id for view in list_cameras(come(both))] == [people.pool]


@pytest.mark.parametrize("is_leaving", [False, True], ids=["viewer", "removed"])
def test_it_ends_with_its_givers_right(hotels: cast.Hotels, bus: Node, *, is_leaving: bool) -> None:
    """Rule 5: Ada may share no more; her guest's picture ends with it. Adopting her shares adopts no link."""
    hello()
    made = make(hotels.ada, hotels.lobby)
    olivias = make(hotels.olivia, hotels.lobby)
    session, other = watch(come(made), hotels.lobby), watch(come(olivias), hotels.lobby)
    member = hotels.member(hotels.ada)
    if is_leaving:
        change = remove_member(hotels.olivia.actor, member=member)
    else:
        wish = Wish(role=Role.VIEWER, sites=[hotels.north])
        change = change_member(hotels.olivia.actor, member=member, wish=wish, adopt_shares=True)
    assert [cut.session for cut in list_cuts(change)] == [session]
    row = GuestLink.objects.get(pk=made.id)
    assert (row.ended_reason, row.change_id) == ("sharer_lost_right", change)
    assert renew(other)[other].permissions & LIVE
    with pytest.raises(NotFound):
        come(made)


# ── The page ──


@pytest.fixture
def link(people: cast.Cast) -> MadeLink:
    hello()
    return make(people.olivia, people.courtyard, people.pool, max_uses=1)


def post(client: Client, address: str, **body: str) -> Any:
    return client.post(address, body, content_type="application/json")


def test_previews_use_nothing_up(link: MadeLink) -> None:
    """N40: whoever fetches the page, as bots of messengers do, counts nothing and learns nothing."""
    seen = {Client().get(f"/g/{pk}").content.split(b"<body")[1] for pk in [link.id] * 3 + [new_id()]}
    assert len(seen) == 1
    assert uses(link) == 0
    answer = Client().get(f"/g/{link.id}")
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert b"Courtyard" not in answer.content


def test_a_guest_comes_in_and_comes_back(people: cast.Cast, link: MadeLink) -> None:
    """One use a browser; a cookie of this link's path, that no script reads; tickets for its cameras alone."""
    browser = Client()
    answer = post(browser, f"/g/{link.id}/open", secret=link.secret)
    assert answer.status_code == 204
    cookie = browser.cookies["bv-guest"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (f"/g/{link.id}", True, "Lax")
    assert 0 < int(cookie["max-age"]) <= HOURS_2.total_seconds()
    for _ in range(2):
        page = browser.get(f"/g/{link.id}").content.decode()
        assert "Courtyard" in page
        assert "Pool" in page
        assert "Olivia" not in page
    assert uses(link) == 1
    ticket = post(browser, f"/g/{link.id}/cameras/{people.courtyard}/ticket", kind="live", quality="sub")
    assert ticket.status_code == 201
    assert ViewingSession.objects.get().principal == link.id
    # N16: another camera, hers or a stranger's; N9, N12: what was not given.
    for camera in (people.counter, people.xenas, new_id()):
        assert post(browser, f"/g/{link.id}/cameras/{camera}/ticket").status_code == 404
        assert browser.get(f"/g/{link.id}/cameras/{camera}/recordings").status_code in {404, 422}
    for kind in ("hls", "export", "snapshot"):
        assert post(browser, f"/g/{link.id}/cameras/{people.courtyard}/ticket", kind=kind).status_code == 404
    past = {"kind": "playback", "from": "2026-01-01T00:00:00Z"}
    assert post(browser, f"/g/{link.id}/cameras/{people.courtyard}/ticket", **past).status_code == 403
    # The cookie is no sign-in.
    assert browser.get("/", follow=False).status_code == 302
    assert browser.get(f"/api/v1/cameras/{people.courtyard}").status_code == 401
    assert post(Client(), f"/g/{link.id}/open", secret=link.secret).status_code == 404


def test_without_a_cookie_there_is_no_ticket(people: cast.Cast, link: MadeLink) -> None:
    for client in (Client(), people.olivia.browser()):
        address = f"/g/{link.id}/cameras/{people.courtyard}/ticket"
        assert post(client, address, kind="live").status_code == 404
    bad: list[Any] = [{"secret": ["x"]}, [], "x", {"secret": "x" * 5000}]
    for body in bad:
        answer = Client().post(f"/g/{link.id}/open", body, content_type="application/json")
        assert answer.status_code == 422
    assert (
        Client(enforce_csrf_checks=True)
        .post(f"/g/{link.id}/open", {"secret": link.secret}, content_type="application/json")
        .status_code
        == 403
    )
    assert uses(link) == 0


def test_an_ended_link_is_the_page_of_any_other(people: cast.Cast, link: MadeLink) -> None:
    browser = Client()
    post(browser, f"/g/{link.id}/open", secret=link.secret)
    end_link(people.olivia.actor, link=link.id)
    assert (
        browser.get(f"/g/{link.id}").content.split(b"<body")[1]
        == Client().get(f"/g/{new_id()}").content.split(b"<body")[1]
    )


def test_a_window_of_the_past(people: cast.Cast, footage: Node) -> None:
    """With playback there is a time line, and nothing before the window in it (N15, N23)."""
    hello()
    made = make(people.olivia, people.courtyard, permissions=Permission.LIVE_VIEW | Permission.PLAYBACK, footage=PAST)
    browser = Client()
    post(browser, f"/g/{made.id}/open", secret=made.secret)
    page = browser.get(f"/g/{made.id}").content.decode()
    assert "<time-line" in page
    at = clock.now()
    query = {"from": (at - timedelta(days=5)).isoformat(), "to": at.isoformat()}
    answer = browser.get(f"/g/{made.id}/cameras/{people.courtyard}/recordings", query).json()
    assert answer["coverage"]
    assert min(span["from"] for span in answer["coverage"]) >= (at - timedelta(days=1, seconds=5)).strftime("%FT%T")
    early = {"kind": "playback", "from": (at - timedelta(hours=5)).isoformat()}
    assert post(browser, f"/g/{made.id}/cameras/{people.courtyard}/ticket", **early).status_code == 201


def test_made_listed_and_ended_on_pages(people: cast.Cast) -> None:
    """The address is shown once; the list says how often it was opened; the end leads to a receipt."""
    browser = people.olivia.browser()
    form = {
        "name": "Gardener",
        "camera": [people.courtyard],
        "permission": ["live_view", "playback"],
        "span": "2",
        "reach": str(DAY),
        "uses": "3",
        "passcode": "246810",
    }
    assert browser.get(f"/guest-links/new?camera={people.courtyard}").status_code == 200
    assert browser.post("/guest-links/new", form | {"span": "9999"}).status_code == 422
    made = browser.post("/guest-links/new", form).content.decode()
    row = GuestLink.objects.get()
    assert f"/g/{row.pk}#" in made
    listed = browser.get("/guest-links").content.decode()
    assert "Opened 0 of 3 times" in listed
    assert "#" + made.split(f"/g/{row.pk}#")[1][:43] not in listed
    answer = browser.post(f"/guest-links/{row.pk}/end", follow=True)
    assert b"opens nothing any more" in answer.content


def test_its_page_says_what_it_opens_and_who_came(people: cast.Cast, bus: Node) -> None:
    """B-7: the log of use, how many watch, and no way to the secret. N16: for others it is not there."""
    hello()
    made = make(people.olivia, people.courtyard, passcode="246810")
    watch(come(made, "246810"), people.courtyard)
    browser = people.olivia.browser()
    listed, page = (browser.get(path).content.decode() for path in ("/guest-links", f"/guest-links/{made.id}"))
    assert "1 watching now" in listed
    assert all(words in page for words in ("1 watching now", "1 of 3 times", "203.0.113.0/24", "Courtyard"))
    assert made.secret not in listed + page
    assert "A guest link is open" in browser.get(f"/cameras/{people.courtyard}").content.decode()
    for path in ("", "/change"):
        assert people.xena.browser().get(f"/guest-links/{made.id}{path}").status_code == 404
    end_link(people.olivia.actor, link=made.id)
    assert browser.get(f"/guest-links/{made.id}").status_code == 200
    assert browser.get(f"/guest-links/{made.id}/change").status_code == 404
    assert "A guest link is open" not in browser.get(f"/cameras/{people.courtyard}").content.decode()


def test_it_is_changed_on_its_page(people: cast.Cast, bus: Node) -> None:
    """What is not touched stays; less right cuts what runs, and leads to the receipt (HC-32)."""
    hello()
    both = Permission.LIVE_VIEW | Permission.PLAYBACK
    seen = Footage(3 * DAY)
    made = make(people.olivia, people.courtyard, people.pool, permissions=both, footage=seen, passcode="246810")
    path, browser = f"/guest-links/{made.id}/change", people.olivia.browser()
    form: dict[str, Any] = {
        "name": "Gärtner",
        "camera": [people.courtyard, people.pool],
        "permission": ["live_view", "playback"],
        "reach": "",
        "span": "",
        "uses": "4",
        "asks": "keep",
    }
    before = GuestLink.objects.get()
    assert b"as far as now" in browser.get(path).content
    assert browser.post(path, form).headers["Location"] == f"/guest-links/{made.id}"
    row = GuestLink.objects.get()
    assert (row.name, row.max_uses, row.footage_last_s) == ("Gärtner", 4, 3 * DAY)
    assert (row.ends_at, row.passcode) == (before.ends_at, before.passcode)
    session = watch(come(made, "246810"), people.courtyard)
    less = form | {"camera": [people.pool], "permission": ["live_view"], "asks": "new", "passcode": "135791"}
    answer = browser.post(path, less, follow=True).content.decode()
    assert "What the guest link" in answer
    assert ViewingSession.objects.get(pk=session).closed_at
    come(made, "135791")
    browser.post(path, less | {"asks": "none", "span": "24", "passcode": ""})
    row = GuestLink.objects.get()
    assert (row.passcode, row.ends_at > clock.now() + timedelta(hours=23)) == ("", True)
    wrong: list[dict[str, Any]] = [
        {"camera": []},
        {"permission": []},
        {"asks": "new", "passcode": ""},
        {"asks": "?"},
        {"span": "5"},
        {"uses": "0"},
        {"permission": ["playback"], "reach": "7"},
    ]
    for fields in wrong:
        assert browser.post(path, less | fields).status_code == 422
    # Playback that was not there before: how far back has to be chosen.
    assert browser.post(path, less | {"permission": ["playback"], "reach": ""}).status_code == 422


def test_by_the_api(people: cast.Cast) -> None:
    api = people.olivia.api()
    body = {
        "name": "Gardener",
        "cameras": [people.courtyard, people.pool],
        "permissions": ["live_view", "playback"],
        "footage": {"last": "P1D"},
        "ends_at": (clock.now() + HOURS_2).isoformat(),
        "max_uses": 2,
    }
    made = api.post("/api/v1/guest-links", body, content_type="application/json")
    assert made.status_code == 201
    link, secret = made.json()["id"], made.json()["url"].partition("#")[2]
    come(MadeLink(link, secret))
    row = api.get(f"/api/v1/guest-links/{link}").json()
    assert (row["uses"], row["footage"], row["state"]) == (1, {"last": "P1D"}, "open")
    assert "url" not in row
    patch = {"cameras": [people.pool], "max_uses": 1, "name": "Gärtner", "footage": {"last": "PT1H"}}
    changed = api.patch(f"/api/v1/guest-links/{link}", patch, content_type="application/json").json()
    assert ([camera["name"] for camera in changed["cameras"]], changed["state"]) == (["Pool"], "used_up")
    assert changed["footage"] == {"last": "PT1H"}
    wrong = api.patch(f"/api/v1/guest-links/{link}", {"permissions": ["fly"]}, content_type="application/json")
    assert wrong.status_code == 422
    ended = api.delete(f"/api/v1/guest-links/{link}").json()
    assert ended["state"] == "revoked"
    assert api.get(f"/api/v1/receipts/{ended['change_id']}").status_code == 200
    assert [row["state"] for row in api.get("/api/v1/guest-links").json()["items"]] == ["ended"]
