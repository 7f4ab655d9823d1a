"""What browsers show of one's account and of rights is taken back as what happens at cameras is (N33)."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.roles import Role
from belvedere.control.accounts.models import SignInPlace
from belvedere.control.accounts.services import confirm_sign_in, dismiss_many_places, notice_many_places
from belvedere.control.core import clock
from belvedere.control.core.matters import Matter
from belvedere.control.notifications.selectors import list_matters
from belvedere.control.notifications.services import take_back_stale, tell_of_own_rights
from belvedere.control.notifications.services.matters import ONE_SITTING
from belvedere.control.organizations.services import Wish, change_member
from belvedere.control.organizations.services.freezing import freeze_organization
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.services import Item, accept_share, end_share, extend_shares, offer_share
from control.test_notifications_sent import subscribe
from control.test_sign_ins import AWAY, IPHONE, sign_in
from control.test_taken_back import closed
from control.told import Listener, Phone, carry, listening

NEWS = Permission.LIVE_VIEW | Permission.NOTIFY


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


def deliver() -> None:
    """All that waits is told and sent."""
    while run_due():
        pass
    carry()


def tags(phone: Phone) -> list[str]:
    """Under which browsers show what was pushed."""
    return [said["tag"] for said in phone.read() if "tag" in said]


def test_a_sign_in_that_was_answered(people: cast.Cast, listener: Listener) -> None:
    """Answered in one browser, it is asked in none any more."""
    phone = subscribe(people.olivia, listener)
    sign_in(people.olivia, agent=IPHONE, address=AWAY)
    deliver()
    place = SignInPlace.objects.get(account=people.olivia.id, is_told=True, browser="Safari, iPhone")
    tag = f"{place.pk}.sign_in"
    assert tag in tags(phone)
    assert closed(phone) == []
    confirm_sign_in(people.olivia.actor, place=place.pk)
    deliver()
    assert closed(phone) == [tag]


def test_many_places_that_were_put_away(people: cast.Cast, listener: Listener) -> None:
    phone = subscribe(people.olivia, listener)
    notice_many_places(people.olivia.id, places=4)
    deliver()
    [tag] = tags(phone)
    dismiss_many_places(people.olivia.actor)
    deliver()
    assert closed(phone) == [tag]


def test_what_was_opened_here_leaves_the_other_screens(people: cast.Cast, listener: Listener) -> None:
    """By the page's own word, and not because something followed the link (N10)."""
    phone = subscribe(people.olivia, listener)
    notice_many_places(people.olivia.id, places=4)
    deliver()
    [line] = list_matters(people.olivia.actor, since=clock.now() - timedelta(days=1))
    browser = people.olivia.browser()
    assert browser.get(f"/notifications/matters/{line.id}")["Location"] == f"/account#told=matters/{line.id}"
    deliver()
    assert closed(phone) == []
    assert people.rita.browser().post(f"/notifications/matters/{line.id}/seen").status_code == 404
    assert browser.post(f"/notifications/matters/{line.id}/seen").status_code == 204
    deliver()
    assert closed(phone) == tags(phone)
    # It stands in the inbox until it is answered.
    assert list_matters(people.olivia.actor, since=clock.now() - timedelta(days=1)) == [line]


def test_who_manages_no_more_is_shown_no_more(hotels: cast.Hotels, listener: Listener) -> None:
    """N33: what another one changed is for who manages there."""
    sams, olivias = (subscribe(person, listener) for person in (hotels.sam, hotels.olivia))
    hotels.ada.offer(hotels.rita, hotels.lobby)
    deliver()
    assert len(tags(sams)) == len(tags(olivias)) == 1
    wish = Wish(role=Role.VIEWER, sites=[hotels.north], overrides=None)
    change_member(hotels.olivia.actor, member=hotels.member(hotels.sam), wish=wish)
    deliver()
    assert closed(sams) == tags(sams)[:1]
    assert closed(olivias) == []


def test_what_stands_of_a_frozen_organization(hotels: cast.Hotels, listener: Listener) -> None:
    """As nobody reads it, no screen shows it."""
    phone = subscribe(hotels.olivia, listener)
    hotels.ada.offer(hotels.rita, hotels.lobby)
    deliver()
    [tag] = tags(phone)
    freeze_organization(hotels.sam.actor, organization=hotels.id)
    deliver()
    assert tag in closed(phone)


def test_a_share_that_ended_takes_what_was_said_of_it_along(people: cast.Cast, listener: Listener) -> None:
    """N33: by its sharer, or by itself on its last day; what waits to be pushed then is not."""
    ends_at = clock.now() + timedelta(hours=6)
    phone = subscribe(people.rita, listener)
    ended = people.olivia.share(people.rita, people.courtyard)
    ending = offer_share(
        people.olivia.actor,
        recipient=people.rita.email,
        items=[Item(people.pool, NEWS)],
        ends_at=ends_at,
    )
    accept_share(people.rita.actor, share=ending)
    extend_shares(people.olivia.actor, additions={ended: [Item(people.counter, NEWS)]})
    deliver()
    assert tags(phone) == [f"{ended}.rights"]
    end_share(people.olivia.actor, share=ended)
    deliver()
    assert closed(phone) == [f"{ended}.rights"]
    tell_of_own_rights(people.rita.id, event=ending, by=people.olivia.id, at=clock.now())
    deliver()
    assert tags(phone) == [f"{ended}.rights", f"{ending}.rights"]
    with clock.moved_by(ends_at - clock.now() + timedelta(seconds=1)):
        take_back_stale()
        deliver()
    assert closed(phone) == [f"{ended}.rights", f"{ending}.rights"]


def test_a_share_that_ended_on_the_way(people: cast.Cast, listener: Listener) -> None:
    phone = subscribe(people.rita, listener)
    share = people.olivia.share(people.rita, people.courtyard)
    extend_shares(people.olivia.actor, additions={share: [Item(people.counter, NEWS)]})
    while run_due():
        pass
    end_share(people.olivia.actor, share=share)
    deliver()
    assert phone.read() == []


def test_the_same_line_says_what_changed_last(people: cast.Cast, listener: Listener) -> None:
    """What led to it leads there still. Told again of the same change, nothing is pushed again; of another, it is."""
    phone = subscribe(people.rita, listener)
    share = people.olivia.share(people.rita, people.courtyard)
    first = clock.now()

    def tell(at: timedelta) -> None:
        tell_of_own_rights(people.rita.id, event=share, by=people.olivia.id, at=first + at)
        deliver()

    tell(timedelta(0))
    [line] = list_matters(people.rita.actor, since=first - timedelta(days=1))
    browser = people.rita.browser()
    # An hour of tries later the mail server is back: the change is the same.
    for minutes in (1, 20, 68):
        with clock.moved_by(timedelta(minutes=minutes)):
            tell(timedelta(0))
    assert len(phone.read()) == 1
    # In one sitting once; later it is news.
    with clock.moved_by(ONE_SITTING / 2):
        tell(ONE_SITTING / 2)
    assert len(phone.read()) == 1
    with clock.moved_by(ONE_SITTING * 3):
        tell(ONE_SITTING * 3)
    assert [said["url"] for said in phone.read()] == [f"/notifications/matters/{line.id}"] * 2
    assert browser.get(f"/notifications/matters/{line.id}").status_code == 302
    [now] = list_matters(people.rita.actor, since=first - timedelta(days=1))
    assert (now.kind, now.id, now.at) == (Matter.RIGHTS, line.id, first + ONE_SITTING * 3)
