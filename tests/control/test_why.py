"""Why somebody may, and what a change would mean before anybody makes it. B-4, VA-22; N1, N17."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import cast
from belvedere.contracts.hours import DAYS
from belvedere.contracts.permissions import NONE, Permission
from belvedere.control.access.models import Grant
from belvedere.control.access.roles import Role
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NotFound
from belvedere.control.core.ids import new_id
from belvedere.control.organizations.standing import Standing
from belvedere.control.sharing.changes import Change, parse_without
from belvedere.control.sharing.selectors import (
    Verdict,
    Why,
    explain_all,
    foresee_member,
    list_consequences,
    list_given,
    list_recipients,
)
from belvedere.control.sharing.services import change_share, end_share, pause_share
from rows import get_rows

LIVE = Permission.LIVE_VIEW
BACK = Permission.LIVE_VIEW | Permission.PLAYBACK


def why(actor: cast.Person, account: str, camera: str, change: Change | None = None) -> Why:
    return explain_all(actor.actor, account=account, kind="camera", resource=camera, change=change or Change())


def verdict(found: Why, permission: Permission) -> Verdict:
    return next(row for row in found.verdicts if row.permission == permission)


def texts(actor: cast.Person, *shares: str) -> list[str]:
    """What it would mean to end these, in sentences."""
    return [row.text for row in list_consequences(actor.actor, Change(without=frozenset(shares)))]


def say(*names: str) -> Change:
    return parse_without(names)


# ── Why ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_permission_with_its_reasons_and_terms(people: cast.Cast) -> None:
    """B-4: allowed or not, because of what, until when, at which hours; and what would have to be given."""
    ends_at = clock.now() + timedelta(days=30)
    hours = {"zone": "UTC", "weekly": {day: [["00:00", "24:00"]] for day in DAYS}}
    change_share(people.olivia.actor, share=people.veras_share, terms={"ends_at": ends_at, "hours": hours})
    found = why(people.olivia, people.vera.email, people.counter)
    live, back = verdict(found, LIVE), verdict(found, Permission.PLAYBACK)
    assert (live.is_allowed, live.needs) == (True, "")
    (reason,) = live.because
    assert (reason.origin, reason.id, reason.is_mine) == ("share", people.veras_share, True)
    assert reason.ends_at is not None
    assert abs(reason.ends_at - ends_at) < timedelta(seconds=1)
    assert reason.hours
    assert list(found.since) == [people.veras_share]
    assert (back.is_allowed, back.because) == (False, ())
    assert back.needs == "It takes a share with playback, or the role Viewer on Home, or a higher one."
    assert verdict(found, Permission.CONFIGURE).needs.endswith("No share can give it.")
    until = f"{ends_at.day} {ends_at:%B %Y}"
    assert found.text == f"Vera has live view of Counter, because Olivia shared it with Vera until {until}."
    nothing = why(people.olivia, people.vera.email, people.counter, say(f"share:{people.veras_share}"))
    assert nothing.text == "Vera has nothing of Counter: no share and no role gives it."
    assert not any(row.is_allowed for row in nothing.verdicts)


def test_what_holds_at_other_hours_is_said(people: cast.Cast) -> None:
    change_share(people.olivia.actor, share=people.veras_share, terms={"starts_at": clock.now() + timedelta(days=2)})
    found = why(people.olivia, people.vera.id, people.counter)
    assert (verdict(found, LIVE).is_allowed, len(verdict(found, LIVE).later)) == (False, 1)
    assert "just now, but at other times live view" in found.text


def test_an_offer_is_no_right_yet(people: cast.Cast) -> None:
    """HC-17, N1: who has not answered is an address."""
    found = why(people.olivia, people.pat.email, people.pool)
    assert (found.account, found.address, found.offered) == (None, "pat@example.org", LIVE)
    assert not any(row.is_allowed for row in found.verdicts)


def test_whom_one_does_not_know_nobody_tells_of(people: cast.Cast) -> None:
    """N1, N17: an account and no account read alike; foreign cameras are not there, nor are ids of strangers."""
    xena, nobody = (why(people.olivia, f"{name}@example.org", people.counter) for name in ("xena", "nobody"))
    assert xena.text.replace("xena", "nobody") == nobody.text
    assert (xena.account, nobody.account) == (None, None)
    for account in (people.xena.id, new_id()):
        with pytest.raises(NotFound):
            why(people.olivia, account, people.counter)
    for person, camera in ((people.olivia, people.xenas), (people.vera, people.counter), (people.xena, people.counter)):
        with pytest.raises(NotFound):
            why(person, people.vera.email, camera)
    with pytest.raises(Invalid):
        parse_without(["share:x"])
    with pytest.raises(Invalid):
        parse_without([f"camera:{people.counter}"])


# ── What a change would mean ─────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_lost_and_what_stays_through_a_role(hotels: cast.Hotels) -> None:
    """B-4: “if you remove this, Vera keeps …”; and after it is done, it is so."""
    share = hotels.olivia.share(hotels.vera, hotels.lobby, hotels.deck, permissions=BACK | Permission.EXPORT)
    before = get_rows()
    assert texts(hotels.olivia, share) == [
        "Vera loses export of Lobby, and keeps live view and playback, through the role Viewer.",
        "Vera sees nothing of Deck any more.",
    ]
    assert get_rows() == before
    after = why(hotels.olivia, hotels.vera.id, hotels.lobby, say(f"share:{share}"))
    end_share(hotels.olivia.actor, share=share)
    now = why(hotels.olivia, hotels.vera.id, hotels.lobby)
    assert [(row.permission, row.is_allowed) for row in after.verdicts] == [
        (row.permission, row.is_allowed) for row in now.verdicts
    ]
    assert after.text == now.text


def test_cameras_that_are_alike_are_one_sentence(people: cast.Cast) -> None:
    share = people.olivia.share(people.rita, people.courtyard, people.pool, people.counter)
    assert texts(people.olivia, share) == ["Rita sees nothing of Counter, Courtyard and Pool any more."]
    gate = people.olivia.add_camera("Gate")
    more = people.olivia.share(people.rita, gate)
    assert texts(people.olivia, share, more) == ["Rita sees nothing of these 4 cameras any more."]
    assert texts(people.olivia, people.pats_offer) == []  # nothing was accepted, so nothing is lost


def test_one_camera_of_a_share_narrowed(people: cast.Cast) -> None:
    share = people.olivia.share(people.rita, people.courtyard, people.pool, permissions=BACK)
    less = Change(narrowed={(share, people.pool): LIVE})
    assert [row.text for row in list_consequences(people.olivia.actor, less)] == [
        "Rita loses playback of Pool, and keeps live view, through your share."
    ]
    gone = Change(narrowed={(share, people.pool): NONE})
    assert [row.text for row in list_consequences(people.olivia.actor, gone)] == ["Rita sees nothing of Pool any more."]


def test_a_member_who_goes_and_what_he_shared(hotels: cast.Hotels) -> None:
    """Rule 5: what rests on the membership goes too, and that is said of those whom it takes it from."""
    hotels.ada.share(hotels.rita, hotels.lobby)
    of_ada = foresee_member(hotels.olivia.actor, hotels.member(hotels.ada))
    assert [row.text for row in of_ada] == [
        "Ada sees nothing of Lobby any more.",
        "Rita sees nothing of Lobby any more.",
    ]
    lesser = Standing(Role.VIEWER, frozenset({hotels.north}))
    first, second = foresee_member(hotels.olivia.actor, hotels.member(hotels.ada), lesser)
    assert (first.account.name, first.kept, first.through) == ("Ada", BACK, ("the role Viewer",))
    assert second.text == "Rita sees nothing of Lobby any more."
    higher = Standing(Role.SUPER_ADMIN)
    assert [row.lost for row in foresee_member(hotels.olivia.actor, hotels.member(hotels.ada), higher)] == [NONE]


def test_only_of_what_one_manages(hotels: cast.Hotels) -> None:
    """N17: Ada manages North: of South, and of what others share with the same person, she learns nothing."""
    both = hotels.olivia.share(hotels.rita, hotels.lobby, hotels.deck)
    canary = hotels.xena.share(hotels.rita, hotels.people.xenas)
    assert texts(hotels.ada, both, canary) == ["Rita sees nothing of Lobby any more."]
    assert texts(hotels.vera, both, canary) == []
    assert texts(hotels.olivia, canary) == []


def test_a_share_by_somebody_else_is_named(hotels: cast.Hotels) -> None:
    hotels.ada.share(hotels.rita, hotels.lobby)
    mine = hotels.olivia.share(hotels.rita, hotels.lobby, permissions=BACK)
    assert texts(hotels.olivia, mine) == [
        "Rita loses playback of Lobby, and keeps live view, through the share of Ada."
    ]


def test_nothing_that_is_over_is_kept(people: cast.Cast) -> None:
    share = people.olivia.share(people.rita, people.pool)
    Grant.objects.filter(origin_id=share).update(ends_at=clock.now() - timedelta(seconds=1))
    assert texts(people.olivia, share) == []


# ── The pages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_the_page_before_and_after(hotels: cast.Hotels) -> None:
    share = hotels.olivia.share(hotels.vera, hotels.lobby, permissions=BACK | Permission.EXPORT)
    browser = hotels.olivia.browser()
    address = f"/access/why?account={hotels.vera.id}&camera={hotels.lobby}"
    now, then = browser.get(address), browser.get(f"{address}&without=share:{share}")
    assert "Vera has live view, playback and export of Lobby, because " in text_of(now)
    assert f"/sharing/{share}/terms" in now.content.decode()
    # From there to all that she sees: it is the organization one is in that is looked at.
    browser.post("/organizations/switch", {"organization": hotels.id})
    assert f'href="/view-as/{hotels.vera.id}"' in now.content.decode()
    assert browser.get(f"/view-as/{hotels.vera.id}").status_code == 200
    assert "Would end" in text_of(then)
    assert "Nothing has been changed" in text_of(then)
    assert "It takes a share with playback and export, or the role Admin" in text_of(then)
    for bad in (
        "",
        f"?account={hotels.vera.id}",
        f"?account=&camera={hotels.lobby}",
        f"?account=x@y.zz&camera={share}",
    ):
        assert browser.get(f"/access/why{bad}").status_code == 404
    assert browser.get(f"{address}&without=vera").status_code == 422


def test_it_is_said_where_it_would_be_done(hotels: cast.Hotels) -> None:
    """B-4: on a share's terms, a recipient's page, in the matrix, and before a member goes or becomes less."""
    share = hotels.olivia.share(hotels.vera, hotels.lobby, hotels.deck, permissions=BACK)
    browser = hotels.olivia.browser()
    browser.post("/organizations/switch", {"organization": hotels.id})
    recipient = next(row.id for row in list_recipients(hotels.olivia.actor) if row.address == hotels.vera.email)
    keeps = "Vera keeps live view and playback of Lobby, through the role Viewer."
    loses = "Vera sees nothing of Deck any more."
    for address in (f"/sharing/{share}/terms", f"/sharing/{share}"):
        assert keeps in text_of(browser.get(address))
        assert loses in text_of(browser.get(address))
    everything = "Vera sees nothing of Counter and Deck any more."
    assert everything in text_of(browser.get(f"/recipients/{recipient}"))
    cell = browser.get(f"/sharing/{share}/cameras/{hotels.deck}")
    assert loses in text_of(cell)
    then = f"/sharing/{share}/cameras/{hotels.deck}/then"
    assert "Vera loses playback of Deck" in text_of(browser.get(f"{then}?permission=live_view"))
    assert text_of(browser.get(f"{then}?permission=live_view&permission=playback")) == ""
    assert browser.get(f"/sharing/{share}/cameras/{hotels.people.pool}/then").status_code == 404
    member = hotels.member(hotels.leo)
    assert "Leo sees nothing of Lobby any more." in text_of(browser.get(f"/admin/users/{member}/remove"))
    member = hotels.member(hotels.omar)
    form = {"role": "viewer", "reach": "some", "site": [hotels.north], "step": "review"}
    said = text_of(browser.post(f"/admin/users/{member}", form))
    assert "and keeps live view and playback, through the role Viewer." in said


def test_as_many_questions_for_many(hotels: cast.Hotels) -> None:
    """However many cameras and people a change is about."""

    def count() -> tuple[int, int]:
        member = hotels.member(hotels.ada)
        shares = frozenset(row.id for row in list_given(hotels.olivia.actor))
        with CaptureQueriesContext(connection) as of_shares:
            list_consequences(hotels.olivia.actor, Change(without=shares))
        with CaptureQueriesContext(connection) as of_member:
            foresee_member(hotels.olivia.actor, member)
        return len(of_shares), len(of_member)

    hotels.olivia.share(hotels.rita, hotels.lobby)
    hotels.ada.share(hotels.rita, hotels.lobby)
    before = count()
    for number in range(3):
        camera = hotels.olivia.add_camera(f"More {number}", site=hotels.north)
        person = cast.make(f"more{number}")
        hotels.olivia.share(person, camera, hotels.deck)
        hotels.ada.share(person, camera)
    assert count() == before


def test_what_rests_is_said_and_gives_nothing(people: cast.Cast) -> None:
    pause_share(people.olivia.actor, share=people.veras_share)
    found = why(people.olivia, people.vera.id, people.counter)
    assert (found.paused, found.offered) == (LIVE, NONE)
    assert not any(row.is_allowed for row in found.verdicts)
    said = people.olivia.browser().get(f"/access/why?account={people.vera.id}&camera={people.counter}")
    assert "Paused, and gives nothing until it goes on" in text_of(said)
