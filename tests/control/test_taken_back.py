"""What browsers show is taken back, by its tag: it was opened elsewhere, or is not for its reader any more."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

import cast
from belvedere.control.accounts.services import disable_account, end_session
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import system
from belvedere.control.devices.models import Camera
from belvedere.control.devices.services import unbind_device
from belvedere.control.notifications.models import Notification, PushSubscription
from belvedere.control.notifications.selectors import Choice, list_lines
from belvedere.control.notifications.services import choose_channels, subscribe_browser, take_back_stale
from belvedere.control.notifications.services.taking_back import SHOWN_FOR, note_pushed, see_line
from belvedere.control.notifications.services.telling import COOL_DOWN
from belvedere.control.notifications.web_push import Browser
from belvedere.control.outbox.models import Message
from belvedere.control.outbox.services import run_due
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
    # Where a push, a mail or the inbox leads is one thing; that somebody reads it there, another (N10).
    assert browser.get(f"/notifications/{line.id}")["Location"].startswith(f"/cameras/{people.courtyard}#at=")
    carry()
    assert closed(phone) == []
    for _again in range(2):
        assert browser.post(f"/notifications/{line.id}/seen").status_code == 204
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
    assert people.vera.browser().post(f"/notifications/{line.id}/seen").status_code == 404
    assert people.olivia.browser().post(f"/notifications/{new_id()}/seen").status_code == 404
    assert Notification.objects.get().seen_at is None


def test_a_right_that_ended_while_it_was_under_way(people: cast.Cast, listener: Listener) -> None:
    """N33: the push service has it, and says so a moment after the end: it is taken back at once."""
    share = people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    phone = subscribe(people.rita, listener)
    happen(people.courtyard)
    tell()
    end_share(people.olivia.actor, share=share)
    with transaction.atomic():
        note_pushed(list(Notification.objects.filter(account=people.rita.id).values_list("pk", flat=True)))
    carry()
    assert closed(phone) == [f"{people.courtyard}.motion"]


@pytest.mark.parametrize("end", ["unbound", "account"])
def test_what_ends_in_another_way(people: cast.Cast, listener: Listener, end: str) -> None:
    """N33: without a grant that ends, and without waiting for the next look."""
    people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    phone = subscribe(people.rita, listener)
    happen(people.courtyard)
    carry()
    device = Camera.objects.get(pk=people.courtyard).device_id
    if end == "unbound":
        unbind_device(people.olivia.actor, device=device)
    else:
        disable_account(system("operator"), account=people.rita.id)
    run_due()
    carry()
    assert closed(phone) == [f"{people.courtyard}.motion"]


def test_a_close_that_is_late_closes_nothing_newer(people: cast.Cast, listener: Listener) -> None:
    """The push service was away when it was to be closed; then something moved again, under the same tag."""
    phone = subscribe(people.olivia, listener)
    happen(people.courtyard)
    carry()
    [line] = list_lines(people.olivia.actor).items
    listener.answers(503)
    see_line(people.olivia.actor, notification=line.id)
    carry()
    # It heard, and answered that it could not.
    heard = len(closed(phone))
    listener.answers(201)
    with clock.moved_by(COOL_DOWN + timedelta(minutes=1)):
        Message.objects.filter(kind="notification.close").update(due_at=clock.now() + timedelta(minutes=1))
        happen(people.courtyard)
        carry()
    with clock.moved_by(COOL_DOWN + timedelta(minutes=5)):
        carry()
    assert not Message.objects.filter(kind="notification.close", done_at=None).exists()
    assert len(closed(phone)) == heard
    assert Notification.objects.filter(pushed_at__isnull=False).count() == 1


def test_what_stands_for_long_costs_nothing(people: cast.Cast) -> None:
    """However many are shown, the look of each minute is one question by an index, and what is due is what changed."""
    ends_at = clock.now() + timedelta(hours=1)
    items = [Item(people.counter, LIVE_AND_NEWS)]
    share = offer_share(people.olivia.actor, recipient=people.pat.email, items=items, ends_at=ends_at)
    accept_share(people.pat.actor, share=share)
    asked: list[str] = []
    for count in (3, 300):
        for person in (people.olivia, people.pat):
            _show(person, people.counter, count)
        take_back_stale()
        with CaptureQueriesContext(connection) as queries:
            take_back_stale()
        assert len(queries) == 2
        asked += [row["sql"] for row in queries.captured_queries]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for statement in asked:
                cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
                assert "to_look_at" in str(cursor.fetchall())
    # Olivia's are looked at when they are old, Pat's when he may not know any more.
    next_looks = dict(Notification.objects.values_list("account", "look_at"))
    assert next_looks[people.pat.id] == ends_at
    assert (next_looks[people.olivia.id] or ends_at) > ends_at + timedelta(days=2)


def _show(person: cast.Person, camera: str, count: int) -> None:
    at = clock.now()
    rows = [
        Notification(
            account_id=person.id,
            resource=camera,
            kind="motion",
            event=new_id(),
            last_event=new_id(),
            began_at=at,
            last_at=at,
            pushed_at=at,
            look_at=at,
        )
        for _number in range(count)
    ]
    Notification.objects.bulk_create(rows)
