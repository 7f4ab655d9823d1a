"""An offer waits seven days and is brought to mind once; an end is told of before it comes, and put off with one tap.

HC-18, B-5, B-10, N10, N11, rule 5.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core import mail
from django.test import Client

import cast
from belvedere.control.access.models import Grant
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, NotFound, Refusal
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing import services
from belvedere.control.sharing.models import ANSWER_WITHIN, Share
from belvedere.control.sharing.selectors import get_given, list_access, list_received, offers_to
from belvedere.control.sharing.services import Item
from control.test_at_once import at_once
from rows import get_rows

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def sent(*, to: cast.Person | None = None) -> list[str]:
    """Subjects of what goes out now."""
    mail.outbox.clear()
    run_due(limit=1000)
    return sorted(str(row.subject) for row in mail.outbox if to is None or row.to == [to.email])


def give(people: cast.Cast, *, lasts: timedelta) -> tuple[str, datetime]:
    """Rita sees the courtyard for so long from now on; share and end."""
    end = clock.now() + lasts
    items = [Item(people.courtyard, cast.LIVE)]
    share = services.offer_share(people.olivia.actor, recipient=people.rita.email, items=items, ends_at=end)
    services.accept_share(people.rita.actor, share=share)
    run_due(limit=1000)
    return share, end


# ── An offer waits seven days ──


def test_an_offer_can_be_answered_for_seven_days(people: cast.Cast) -> None:
    """N11: a second before, and at the very second; after it everything says expired, and nothing opens."""
    share = people.olivia.offer(people.rita, people.courtyard)
    offered = Share.objects.get(pk=share).offered_at
    with clock.frozen_at(offered + ANSWER_WITHIN - SECOND):
        assert offers_to(people.rita.actor).count() == 1
        assert get_given(people.olivia.actor, share).answer_by == offered + ANSWER_WITHIN
    with clock.frozen_at(offered + ANSWER_WITHIN):
        assert offers_to(people.rita.actor).count() == 0
        given = get_given(people.olivia.actor, share)
        assert (given.state, given.ended_at) == ("expired", offered + ANSWER_WITHIN)
        assert {row.state for row in list_access(people.olivia.actor, people.courtyard)} == {"accepted"}
        with pytest.raises(Conflict):
            services.accept_share(people.rita.actor, share=share)
        with pytest.raises(Conflict):
            services.reject_share(people.rita.actor, share=share)
        with pytest.raises(Conflict):
            services.change_share(people.olivia.actor, share=share, terms={"ends_at": None, "hours": None})
        assert list_cameras(people.rita.actor) == []
        assert list_received(people.rita.actor) == []
        # What ran out is in nobody's way.
        again = people.olivia.offer(people.rita, people.courtyard)
        services.accept_share(people.rita.actor, share=again)
        assert [view.name for view in list_cameras(people.rita.actor)] == ["Courtyard"]


def test_at_the_last_second_it_is_accepted(people: cast.Cast) -> None:
    share = people.olivia.offer(people.rita, people.courtyard)
    with clock.frozen_at(Share.objects.get(pk=share).offered_at + ANSWER_WITHIN - SECOND):
        assert services.accept_share(people.rita.actor, share=share) == "accepted"
    # Once accepted it has no such end.
    with clock.frozen_at(clock.now() + timedelta(days=400)):
        assert get_given(people.olivia.actor, share).state == "accepted"


def test_the_mails_link_is_void_with_the_offer(people: cast.Cast) -> None:
    """N11: the way in for somebody without an account."""
    services.offer_share(people.olivia.actor, recipient="new@example.org", items=[Item(people.courtyard, cast.LIVE)])
    mail.outbox.clear()
    run_due(limit=1000)
    text = next(str(row.body) for row in mail.outbox if row.to == ["new@example.org"])
    path = next(word for word in text.split() if "/join/" in word).partition("//")[2].partition("/")[2]
    client = Client()
    assert client.get(f"/{path}").status_code == 200
    with clock.frozen_at(clock.now() + ANSWER_WITHIN + SECOND):
        assert client.get(f"/{path}").status_code == 404


# ── Reminded of an offer: once ──


def test_one_tap_reminds_once(people: cast.Cast) -> None:
    """HC-18: by the sharer, and never a second time, whoever asks."""
    share = people.olivia.offer(people.rita, people.courtyard)
    assert sent(to=people.rita) == ["Olivia offers you a camera"]
    client = people.olivia.browser()
    assert "Remind them, once" in client.get(f"/sharing/{share}").content.decode()
    assert client.post(f"/sharing/{share}/remind").status_code == 302
    assert sent(to=people.rita) == ["A reminder: Olivia offers you a camera"]
    assert "Remind them, once" not in client.get(f"/sharing/{share}").content.decode()
    said = people.olivia.api().post(f"/api/v1/shares/{share}/remind", content_type="application/json")
    assert (said.status_code, said.json()["code"]) == (409, "conflict")
    with clock.frozen_at(clock.now() + 4 * DAY):
        services.remind_of_offers()
        assert sent(to=people.rita) == []
    assert Entry.objects.filter(action="share.reminded", thing=f"share:{share}").count() == 1


def test_two_taps_at_once_remind_once(people: cast.Cast) -> None:
    share = people.olivia.offer(people.rita, people.courtyard)
    run_due(limit=1000)
    found = at_once(*[partial(services.remind_recipient, people.olivia.actor, share=share)] * 3)
    assert [isinstance(one, Refusal) for one in found].count(False) == 1
    assert sent(to=people.rita) == ["A reminder: Olivia offers you a camera"]


def test_after_three_days_it_reminds_by_itself(people: cast.Cast) -> None:
    """HC-18: once in all; not who has answered, and not of what is over."""
    waiting = people.olivia.offer(people.rita, people.courtyard)
    rejected = people.olivia.offer(people.xena, people.courtyard)
    services.reject_share(people.xena.actor, share=rejected)
    run_due(limit=1000)
    at = Share.objects.get(pk=waiting).offered_at
    with clock.frozen_at(at + 3 * DAY - SECOND):
        services.remind_of_offers()
        assert sent(to=people.rita) == []
    with clock.frozen_at(at + 3 * DAY + HOUR):
        services.remind_of_offers()
        assert services.remind_of_offers() == 0
        assert sent(to=people.rita) == ["A reminder: Olivia offers you a camera"]
        assert sent(to=people.xena) == []
        with pytest.raises(Conflict):
            services.remind_recipient(people.olivia.actor, share=waiting)
    with clock.frozen_at(at + 8 * DAY):
        Share.objects.update(reminded_at=None)
        assert services.remind_of_offers() == 0


def test_nobody_else_reminds(people: cast.Cast) -> None:
    for person in (people.rita, people.vera, people.xena):
        with pytest.raises(NotFound):
            services.remind_recipient(person.actor, share=people.pats_offer)
    with pytest.raises(Conflict):
        services.remind_recipient(people.olivia.actor, share=people.veras_share)


# ── Reminded of an end ──


@pytest.mark.parametrize(
    ("lasts", "before"),
    [
        (timedelta(days=30), DAY),
        (timedelta(days=2, minutes=1), DAY),
        (2 * DAY, HOUR),
        (4 * HOUR, HOUR),
        (3 * HOUR, None),
    ],
    ids=["a month", "over two days", "two days", "four hours", "three hours"],
)
def test_both_hear_of_the_end_before_it_comes(people: cast.Cast, lasts: timedelta, before: timedelta | None) -> None:
    """B-5, B-10: a day before what lasts long, an hour before what lasts a day, and nothing of a visit."""
    with clock.frozen_at(clock.now()):
        share, end = give(people, lasts=lasts)
    if before is None:
        with clock.frozen_at(end - SECOND):
            assert (services.remind_of_ends(), sent()) == (0, [])
        return
    with clock.frozen_at(end - before - SECOND):
        services.remind_of_ends()
        assert sent() == []
    with clock.frozen_at(end - before):
        assert services.remind_of_ends() == 1
        assert services.remind_of_ends() == 0
        sent()
        told = {(row.to[0], row.subject.rpartition(" ends on")[0]) for row in mail.outbox}
    assert told == {
        (people.olivia.email, "What you share with Rita"),
        (people.rita.email, "What Olivia shares with you"),
    }
    assert get_given(people.olivia.actor, share).is_ending


def test_the_reminder_leads_to_where_something_can_be_done(people: cast.Cast) -> None:
    """N10: the sharer to the button, the recipient to the request; looking changes nothing."""
    share, end = give(people, lasts=10 * DAY)
    with clock.frozen_at(end - DAY):
        services.remind_of_ends()
        mail.outbox.clear()
        run_due(limit=1000)
        bodies = {row.to[0]: str(row.body) for row in mail.outbox}
        assert bodies.keys() == {people.olivia.email, people.rita.email}
        assert f"/sharing/{share}" in bodies[people.olivia.email]
        assert f"/requests/new?camera={people.courtyard}" in bodies[people.rita.email]
        olivia, rita = people.olivia.browser(), people.rita.browser()
        assert "What you share with Rita ends soon" in olivia.get("/inbox").content.decode()
        assert "What Olivia shares with you ends soon" in rita.get("/inbox").content.decode()
        before = get_rows()
        assert "Extend by 10 days" in olivia.get(f"/sharing/{share}").content.decode()
        olivia.head(f"/sharing/{share}")
        assert rita.get(f"/requests/new?camera={people.courtyard}").status_code == 200
        assert get_rows() == before


def test_a_changed_end_brings_no_stale_reminder(people: cast.Cast) -> None:
    """B-5: what was asked for before the change says nothing; of the new end both hear in its time."""
    share, end = give(people, lasts=10 * DAY)
    with clock.frozen_at(end - DAY):
        assert services.remind_of_ends() == 1
        later = end + 5 * DAY
        services.change_share(people.olivia.actor, share=share, terms={"ends_at": later})
        assert [subject for subject in sent() if "ends on" in subject] == []
        assert services.remind_of_ends() == 0
        assert "ends soon" not in people.rita.browser().get("/inbox").content.decode()
    with clock.frozen_at(later - DAY):
        assert services.remind_of_ends() == 1
        assert len([subject for subject in sent() if "ends on" in subject]) == 2


def test_of_what_is_over_nobody_is_reminded(people: cast.Cast) -> None:
    share, end = give(people, lasts=10 * DAY)
    with clock.frozen_at(end - DAY):
        assert services.remind_of_ends() == 1
        services.end_share(people.olivia.actor, share=share)
        assert [subject for subject in sent() if "ends on" in subject] == []
    with clock.frozen_at(end + SECOND):
        assert services.remind_of_ends() == 0


# ── One tap ──


def prolong(person: cast.Person, share: str, end: datetime) -> Any:
    return person.browser().post(f"/sharing/{share}/prolong", {"end": end.isoformat()})


def test_one_tap_gives_once_more_what_was_given(people: cast.Cast) -> None:
    """B-10: for as long as it was given for, each time; the recipient is told."""
    at = clock.now()
    with clock.frozen_at(at):
        share, end = give(people, lasts=3 * DAY)
        assert prolong(people.olivia, share, end).status_code == 302
        assert get_given(people.olivia.actor, share).ends_at == end + 3 * DAY
        assert sent(to=people.rita) == ["Olivia lets you do more"]
        # Another tap, on a page that shows the new end: three days, not six.
        assert prolong(people.olivia, share, end + 3 * DAY).status_code == 302
        assert get_given(people.olivia.actor, share).ends_at == end + 6 * DAY
    with clock.frozen_at(end + 6 * DAY - SECOND):
        assert [view.name for view in list_cameras(people.rita.actor)] == ["Courtyard"]
    with clock.frozen_at(end + 6 * DAY):
        assert list_cameras(people.rita.actor) == []


def test_a_second_tap_on_the_same_page_does_nothing(people: cast.Cast) -> None:
    share, end = give(people, lasts=3 * DAY)
    olivia = people.olivia.actor
    found = at_once(*[partial(services.prolong_share, olivia, share=share, ends_at=end)] * 2)
    assert [isinstance(one, Refusal) for one in found].count(False) == 1
    assert prolong(people.olivia, share, end).status_code == 302
    given = get_given(olivia, share)
    assert given.ends_at is not None
    assert end < given.ends_at < end + 4 * DAY
    for nonsense in ("", "soon", "2026-01-01"):
        assert people.olivia.browser().post(f"/sharing/{share}/prolong", {"end": nonsense}).status_code == 302
    assert get_given(olivia, share).ends_at == given.ends_at


def test_only_the_sharer_and_only_while_it_holds(people: cast.Cast) -> None:
    """B-10: the recipient may ask, not take; what is over is shared anew."""
    share, end = give(people, lasts=3 * DAY)
    for person in (people.rita, people.vera, people.xena):
        assert prolong(person, share, end).status_code == 404
    with clock.frozen_at(end), pytest.raises(Conflict):
        services.prolong_share(people.olivia.actor, share=share, ends_at=end)
    assert get_given(people.olivia.actor, share).ends_at == end


def test_nobody_prolongs_beyond_his_own(hotels: cast.Hotels) -> None:
    """Rule 5: an admin whose right to share is gone by then gives no day more."""
    share, end = _by_ada(hotels)
    Grant.objects.filter(principal=hotels.ada.id, ended_at=None).update(ends_at=end + HOUR)
    with pytest.raises(Forbidden):
        services.prolong_share(hotels.ada.actor, share=share, ends_at=end)
    assert get_given(hotels.ada.actor, share).ends_at == end


def _by_ada(hotels: cast.Hotels) -> tuple[str, datetime]:
    end = clock.now() + 3 * DAY
    items = [Item(hotels.lobby, cast.LIVE)]
    share = services.offer_share(hotels.ada.actor, recipient=hotels.rita.email, items=items, ends_at=end)
    services.accept_share(hotels.rita.actor, share=share)
    return share, end


# ── One mail for all ──


def test_ending_everything_is_one_mail(people: cast.Cast) -> None:
    """HC-22: three shares, one act, one mail that names all three cameras."""
    for camera in (people.courtyard, people.pool, people.counter):
        people.olivia.share(people.rita, camera)
    run_due(limit=1000)
    recipient = get_given(people.olivia.actor, Share.objects.filter(accepted_by=people.rita.id)[0].pk).recipient_id
    services.remove_recipient(people.olivia.actor, recipient=recipient)
    mail.outbox.clear()
    run_due(limit=1000)
    [ended] = [row for row in mail.outbox if row.to == [people.rita.email]]
    assert ended.subject == "Olivia ended your access"
    assert all(name in str(ended.body) for name in ("Courtyard", "Pool", "Counter"))
