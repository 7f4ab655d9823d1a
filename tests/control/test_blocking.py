"""Hearing no more of somebody, and being told less: the recipient's own wishes, of which the sharer learns nothing."""

import re
from typing import Any

import pytest
from django.core import mail

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.audit.models import Entry
from belvedere.control.core.errors import NotFound
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.models import BlockedSharer
from belvedere.control.sharing.selectors import (
    is_muted,
    list_blocked_sharers,
    list_muted_things,
    list_received,
    offers_to,
)
from belvedere.control.sharing.services import (
    Item,
    accept_share,
    block_sharer,
    change_share,
    end_share,
    extend_shares,
    mute_share,
    reject_share,
    unblock_sharer,
)

BOTH = Permission.LIVE_VIEW | Permission.PLAYBACK
#: what differs from one answer to the next whatever happens: secrets of forms, and who is signed in since when
_NEW = re.compile(rb'csrfmiddlewaretoken" value="[^"]*"|csrf-token" content="[^"]*"|nonce="[^"]*"|nonce-[^\']*')


def seen_by(sharer: cast.Person) -> list[bytes]:
    """Everything in which a sharer could read what became of his offer."""
    browser, api = sharer.browser(), sharer.api()
    pages = ("/", "/sharing", "/sharing/matrix", "/inbox", "/admin/audit")
    calls = ("shares", "recipients", "inbox", f"audit?organization={sharer.organization}", "shares?state=all")
    found = [_NEW.sub(b"", browser.get(path).content) for path in pages]
    return found + [api.get(f"/api/v1/{call}").content for call in calls]


# ── Blocking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_is_blocked_sees_what_he_would_see_of_silence(people: cast.Cast) -> None:
    """N1, N15: the same bytes before and after, and for one more offer the same as to an address that nobody has."""
    share = people.olivia.offer(people.rita, people.courtyard)
    run_due()
    before = seen_by(people.olivia)
    block_sharer(people.rita.actor, share=share)
    assert seen_by(people.olivia) == before
    answers = [
        people.olivia.api().post(
            "/api/v1/shares",
            {"recipient": to, "items": [{"camera": people.counter, "permissions": ["live_view"]}]},
            content_type="application/json",
        )
        for to in (people.rita.email, "nobody@example.org")
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    known, unknown = (
        re.sub(rb'"(id|email|offered_at|answer_by)": ?"[^"]*"', rb'"\1"', answer.content) for answer in answers
    )
    assert known == unknown


def test_nothing_of_his_reaches_who_blocked_him(people: cast.Cast) -> None:
    """No mail, no line in the inbox, no number on it; neither the offer that waits nor the next, nor by its address."""
    share = people.olivia.offer(people.rita, people.courtyard)
    run_due()
    mail.outbox.clear()
    block_sharer(people.rita.actor, share=share)
    block_sharer(people.rita.actor, share=share)
    later = people.olivia.offer(people.rita, people.pool)
    run_due()
    assert mail.outbox == []
    assert (list_received(people.rita.actor), offers_to(people.rita.actor).count()) == ([], 0)
    browser = people.rita.browser()
    for pk in (share, later):
        assert people.olivia.name not in browser.get(f"/inbox?offer={pk}").content.decode()
        assert people.rita.api().get(f"/api/v1/shares/{pk}").status_code == 404
        for act in (accept_share, reject_share):
            with pytest.raises(NotFound):
                act(people.rita.actor, share=pk)
    # Others' offers do.
    theirs = people.xena.offer(people.rita, people.xenas)
    run_due()
    assert [row.id for row in list_received(people.rita.actor)] == [theirs]
    assert len(mail.outbox) == 1


def test_what_was_accepted_stays_and_unblocking_lets_what_waits_in(people: cast.Cast) -> None:
    people.olivia.share(people.rita, people.courtyard)
    waiting = people.olivia.offer(people.rita, people.pool)
    block_sharer(people.rita.actor, share=waiting)
    assert [row.state for row in list_received(people.rita.actor)] == ["accepted"]
    browser = people.rita.browser()
    page = browser.get("/account/blocked").content.decode()
    assert f"<bdi>{people.olivia.email}</bdi>" in page
    [row] = list_blocked_sharers(people.rita.actor)
    assert row.sharer.id == people.olivia.id
    with pytest.raises(NotFound):
        unblock_sharer(people.vera.actor, sharer=people.olivia.id)
    assert browser.post(f"/account/blocked/{people.olivia.id}/unblock").status_code == 302
    assert list_blocked_sharers(people.rita.actor) == []
    assert waiting in {row.id for row in list_received(people.rita.actor)}
    with pytest.raises(NotFound):
        unblock_sharer(people.rita.actor, sharer=people.olivia.id)


def test_only_who_was_offered_something_blocks(people: cast.Cast) -> None:
    """Of another's share nobody learns who made it."""
    for person in (people.xena, people.vera, people.olivia):
        with pytest.raises(NotFound):
            block_sharer(person.actor, share=people.pats_offer)
        assert (
            person.api().post(f"/api/v1/shares/{people.pats_offer}/block", content_type="application/json").status_code
            == 404
        )
    assert BlockedSharer.objects.count() == 0


def test_the_log_of_it_is_ones_own(people: cast.Cast) -> None:
    """Not in the chain of the sharer's organization, which he reads."""
    last = Entry.objects.filter(chain=people.olivia.organization).count()
    api = people.pat.api()
    assert api.post(f"/api/v1/shares/{people.pats_offer}/block", content_type="application/json").status_code == 204
    assert [row["account"]["id"] for row in api.get("/api/v1/me/blocked").json()["items"]] == [people.olivia.id]
    assert api.delete(f"/api/v1/me/blocked/{people.olivia.id}").status_code == 204
    assert Entry.objects.filter(chain=people.olivia.organization).count() == last
    rows = Entry.objects.filter(action__startswith="sharer.").order_by("sequence")
    assert [(row.action, row.chain_id, row.thing) for row in rows] == [
        ("sharer.blocked", "installation", f"account:{people.pat.id}"),
        ("sharer.unblocked", "installation", f"account:{people.pat.id}"),
    ]


def test_from_the_inbox(people: cast.Cast) -> None:
    browser = people.pat.browser()
    page = browser.get("/inbox").content.decode()
    assert f"/shared/{people.pats_offer}/block" in page
    answer = browser.post(f"/shared/{people.pats_offer}/block", follow=True)
    assert "They are not told" in answer.content.decode()
    assert "Nothing waits for you" in browser.get("/inbox").content.decode()


# ── Muting ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def told(person: cast.Person) -> list[str]:
    """Subjects of what went to somebody by now."""
    run_due()
    found = [str(message.subject) for message in mail.outbox if message.to == [person.email]]
    mail.outbox.clear()
    return found


def widen(person: cast.Person, share: str, camera: str) -> None:
    change_share(person.actor, share=share, items=[Item(camera, BOTH)])


def test_a_muted_share_says_nothing_but_that_it_ends(people: cast.Cast) -> None:
    """HC-32 is the sharer's wish to tell; hearing it is the recipient's."""
    share = people.olivia.share(people.rita, people.courtyard)
    told(people.rita)
    browser = people.rita.browser()
    assert browser.post(f"/shared/{share}/mute", {"muted": "1"}).status_code == 302
    assert is_muted(people.rita.id, share)
    assert "Quiet" in browser.get("/shared").content.decode()
    widen(people.olivia, share, people.courtyard)
    extend_shares(people.olivia.actor, additions={share: [Item(people.pool, cast.LIVE)]})
    assert told(people.rita) == []
    assert browser.post(f"/shared/{share}/mute", {"muted": "0"}).status_code == 302
    extend_shares(people.olivia.actor, additions={share: [Item(people.counter, cast.LIVE)]})
    assert len(told(people.rita)) == 1
    mute_share(people.rita.actor, share=share, is_muted=True)
    end_share(people.olivia.actor, share=share)
    assert len(told(people.rita)) == 1
    with pytest.raises(NotFound):
        mute_share(people.rita.actor, share=share, is_muted=False)


def test_only_the_recipient_mutes_and_the_sharer_reads_nothing_of_it(people: cast.Cast) -> None:
    """N15."""
    share = people.olivia.share(people.rita, people.courtyard)
    run_due()
    before = seen_by(people.olivia)
    answer = people.rita.api().post(f"/api/v1/shares/{share}/mute", content_type="application/json")
    assert (answer.status_code, answer.json()["muted"]) == (200, True)
    assert seen_by(people.olivia) == before
    assert b"muted" not in people.olivia.api().get(f"/api/v1/shares/{share}").content
    for person in (people.olivia, people.vera, people.xena):
        with pytest.raises(NotFound):
            mute_share(person.actor, share=share, is_muted=False)
    assert (
        people.rita.api().post(f"/api/v1/shares/{share}/unmute", content_type="application/json").json()["muted"]
        is False
    )


def test_a_camera_is_quiet_where_every_share_of_it_is(people: cast.Cast, hotels: cast.Hotels) -> None:
    """What notifications will ask."""
    first = hotels.olivia.share(people.rita, hotels.lobby, hotels.deck)
    second = hotels.sam.share(people.rita, hotels.lobby)
    mute_share(people.rita.actor, share=first, is_muted=True)
    assert list_muted_things(people.rita.id) == {hotels.deck}
    mute_share(people.rita.actor, share=second, is_muted=True)
    assert list_muted_things(people.rita.id) == {hotels.deck, hotels.lobby}
    end_share(hotels.olivia.actor, share=first)
    assert list_muted_things(people.rita.id) == {hotels.lobby}


def test_the_page_of_what_is_shared_with_one(people: cast.Cast) -> None:
    """HC-19, HC-20: whose it is, what it gives, and the ways out of it; nothing of anybody else."""
    share = people.olivia.share(people.rita, people.courtyard)
    browser: Any = people.rita.browser()
    page = browser.get("/shared").content.decode()
    assert f"<bdi>{people.olivia.email}</bdi>" in page
    assert "Courtyard" in page
    assert "Pool" not in page
    assert people.vera.name not in page
    assert browser.post(f"/sharing/{share}/leave").status_code == 302
    assert "Nobody shares anything with you" in browser.get("/shared").content.decode()
