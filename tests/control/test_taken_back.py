"""What browsers show is taken back, by its tag: it was opened elsewhere, or is not for its reader any more."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

import cast
from belvedere.control.accounts.services import end_session
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id
from belvedere.control.notifications.models import Notification, PushSubscription
from belvedere.control.notifications.selectors import Choice, list_lines
from belvedere.control.notifications.services import choose_channels, subscribe_browser, take_back_stale
from belvedere.control.notifications.services.taking_back import SHOWN_FOR, see_line
from belvedere.control.notifications.web_push import Browser
from belvedere.control.outbox.models import Message
from belvedere.control.sharing.services import Item, accept_share, end_share, offer_share
from control.test_notifications_sent import LIVE_AND_NEWS, signed_in, subscribe
from control.told import Listener, Phone, carry, happen, listening, tell


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


def closed(phone: Phone) -> list[str]:
    return [said["close"] for said in phone.read() if "close" in said]


def test_what_was_opened_here_leaves_the_other_screens(people: cast.Cast, listener: Listener) -> None:
    """On all of one's browsers, and on nobody else's; each once."""
    people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    phone, tablet, ritas = (subscribe(person, listener) for person in (people.olivia, people.olivia, people.rita))
    happen(people.courtyard)
    happen(people.pool)
    carry()
    line = next(line for line in list_lines(people.olivia.actor).items if line.name == "Courtyard")
    browser = people.olivia.browser()
    for _again in range(2):
        assert browser.get(f"/notifications/{line.id}")["Location"].startswith(f"/cameras/{people.courtyard}#at=")
        carry()
    assert (closed(phone), closed(tablet), closed(ritas)) == ([f"{people.courtyard}.motion"],) * 2 + ([],)


def test_a_right_that_ended_takes_what_it_showed_along(people: cast.Cast, listener: Listener) -> None:
    """N33: also where nobody was told of the end, because it came by itself."""
    share = people.olivia.share(people.rita, people.courtyard, people.pool, permissions=LIVE_AND_NEWS)
    ends_at = clock.now() + timedelta(hours=1)
    items = [Item(people.counter, LIVE_AND_NEWS)]
    ending = offer_share(people.olivia.actor, recipient=people.pat.email, items=items, ends_at=ends_at)
    accept_share(people.pat.actor, share=ending)
    olivias, ritas, pats = (subscribe(person, listener) for person in (people.olivia, people.rita, people.pat))
    happen(people.courtyard, people.pool, people.counter)
    carry()
    take_back_stale()
    carry()
    assert (closed(olivias), closed(ritas), closed(pats)) == ([], [], [])
    end_share(people.olivia.actor, share=share)
    carry()
    assert sorted(closed(ritas)) == sorted(f"{camera}.motion" for camera in (people.courtyard, people.pool))
    with clock.moved_by(timedelta(hours=2)):
        take_back_stale()
        carry()
    assert closed(pats) == [f"{people.counter}.motion"]
    assert closed(olivias) == []


def test_one_that_is_signed_out_closes_it_still(people: cast.Cast, listener: Listener) -> None:
    """It is pushed nothing new, and keeps nothing old."""
    share = people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    actor = signed_in(people.rita)
    phone = Phone(listener)
    given = phone.subscription
    subscribe_browser(actor, browser=Browser(given["endpoint"], *given["keys"].values()))
    happen(people.courtyard)
    carry()
    end_session(actor, session=actor.credential.removeprefix("session:"))
    end_share(people.olivia.actor, share=share)
    carry()
    assert [said.get("close", "") for said in phone.read()] == ["", f"{people.courtyard}.motion"]


def test_what_was_seen_is_not_pushed_any_more(people: cast.Cast, listener: Listener) -> None:
    """The push service was away, and its reader read it in the inbox meanwhile."""
    phone = subscribe(people.olivia, listener)
    listener.answers(503)
    happen(people.courtyard)
    carry()
    [line] = list_lines(people.olivia.actor).items
    see_line(people.olivia.actor, notification=line.id)
    listener.answers(201)
    heard = len(listener.heard)
    with clock.moved_by(timedelta(minutes=5)):
        carry()
    assert len(listener.heard) == heard
    assert not Message.objects.filter(kind__startswith="notification.", done_at=None).exists()
    assert closed(phone) == []


def test_who_must_show_each_push_is_not_asked(people: cast.Cast, listener: Listener) -> None:
    """Safari ends a subscription that shows nothing when it is pushed to."""
    subscribe(people.olivia, listener)
    happen(people.courtyard)
    carry()
    PushSubscription.objects.update(host="web.push.apple.com")
    [line] = list_lines(people.olivia.actor).items
    see_line(people.olivia.actor, notification=line.id)
    assert not Message.objects.filter(kind="notification.close").exists()


def test_what_nobody_was_shown_is_not_closed(people: cast.Cast, listener: Listener) -> None:
    """Neither what stood in the inbox alone, nor what is days old."""
    phone = subscribe(people.olivia, listener)
    choose_channels(people.olivia.actor, choices=[Choice(people.pool, "", frozenset())])
    happen(people.courtyard, people.pool)
    carry()
    [line] = list_lines(people.olivia.actor).items
    with clock.moved_by(SHOWN_FOR + timedelta(minutes=1)):
        take_back_stale()
        assert not Notification.objects.filter(pushed_at__isnull=False).exists()
        see_line(people.olivia.actor, notification=line.id)
        carry()
    assert closed(phone) == []


def test_somebody_elses_line_is_none(people: cast.Cast) -> None:
    happen(people.courtyard)
    tell()
    [line] = list_lines(people.olivia.actor).items
    assert people.vera.browser().get(f"/notifications/{line.id}").status_code == 404
    assert people.olivia.browser().get(f"/notifications/{new_id()}").status_code == 404
    assert Notification.objects.get().seen_at is None
