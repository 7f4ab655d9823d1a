"""Viewing sessions: tickets, claims, renewals, losses, receipts; on a real bus where a node has to answer."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

import cast
from belvedere.contracts import sessions
from belvedere.contracts.permissions import Permission
from belvedere.control.accounts import services as accounts
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, NotFound, Refusal, Unavailable
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import get_camera
from belvedere.control.devices.services import disable_device, enable_device, unbind_device
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing import services as sharing
from belvedere.control.sharing.models import Share
from belvedere.control.streaming import services
from belvedere.control.streaming.models import ViewingSession
from belvedere.control.streaming.selectors import count_watching, list_cuts, list_viewers
from control.watching import LIVE, Node, claim, hello, renew, ticket, watch, with_token


@pytest.fixture(autouse=True)
def node(people: cast.Cast) -> None:
    """A node that lives."""
    hello()


def test_a_ticket_carries_no_right_and_opens_once(people: cast.Cast) -> None:
    """N18: used twice it opens nothing."""
    session, secret = ticket(people.olivia, people.courtyard)
    assert claim(session, secret).permissions & LIVE
    assert claim(session, secret).is_ended


@pytest.mark.parametrize("fault", ["late", "forged", "other node", "flipped id", "foreign origin", "no origin"])
def test_a_bad_ticket_opens_nothing(people: cast.Cast, fault: str) -> None:
    """N18: at 30 s, forged, for another node, flipped, from a foreign page."""
    origin = "http://localhost:8000" if "origin" in fault else None
    session, secret = ticket(people.olivia, people.courtyard, origin=origin)
    match fault:
        case "late":
            with clock.moved_by(timedelta(seconds=sessions.TICKET_TTL_S)):
                assert claim(session, secret).is_ended
        case "forged":
            assert claim(session, "A" * len(secret)).is_ended
        case "other node":
            assert claim(session, secret, node="elsewhere").is_ended
        case "flipped id":
            assert claim(session[:-1] + ("0" if session[-1] != "0" else "1"), secret).is_ended
        case "foreign origin":
            assert claim(session, secret, origin="http://evil.example").is_ended
        case _:
            assert claim(session, secret, origin=None).is_ended
    assert count_watching([get_camera(people.olivia.actor, people.courtyard)]) == {people.courtyard: 0}


def test_who_may_not_watch_gets_no_ticket(people: cast.Cast) -> None:
    """HC-2, N16."""
    with pytest.raises(NotFound):
        ticket(people.xena, people.courtyard)
    people.olivia.share(people.rita, people.courtyard, permissions=Permission.NOTIFY)
    with pytest.raises(Forbidden):
        ticket(people.rita, people.courtyard)


def test_the_shape_others_rely_on(people: cast.Cast) -> None:
    """The body as the contract has it, and its answer."""
    body = {"kind": "live", "quality": "sub", "from": None, "to": None}
    answer = people.olivia.api().post(f"/api/v1/cameras/{people.courtyard}/tickets", body, "application/json")
    assert answer.status_code == 201, answer.content
    assert set(answer.json()) == {"url", "expires_at"}
    assert answer.json()["url"].startswith("ws://localhost:1/media/v1/live?ticket=")


def test_no_node_no_ticket(people: cast.Cast) -> None:
    with clock.moved_by(timedelta(minutes=1)), pytest.raises(Unavailable):
        services.open_ticket(with_token(people.olivia), camera=people.courtyard)


def test_a_right_that_ends_between_ticket_and_claim_opens_nothing(people: cast.Cast) -> None:
    """B-1: claim, commit, then look: whoever comes second sees the other."""
    share = people.olivia.share(people.rita, people.courtyard)
    session, secret = ticket(people.rita, people.courtyard)
    sharing.end_share(people.olivia.actor, share=share)
    assert claim(session, secret).is_ended


def test_presence_is_the_sharers_to_know(people: cast.Cast) -> None:
    """B-2: who watches, since when; nobody without `share` learns it."""
    people.olivia.share(people.rita, people.courtyard)
    watch(people.rita, people.courtyard)
    assert [row.account.name for row in list_viewers(people.olivia.actor, people.courtyard)] == ["Rita"]
    with pytest.raises(Forbidden):
        list_viewers(people.rita.actor, people.courtyard)
    with pytest.raises(NotFound):
        list_viewers(people.xena.actor, people.courtyard)
    assert count_watching([get_camera(people.rita.actor, people.courtyard)]) == {}


def test_every_renewal_decides_anew(people: cast.Cast) -> None:
    """VV-33, and a lost push: the next renewal finds out."""
    share = people.olivia.share(people.rita, people.courtyard)
    session, other = watch(people.rita, people.courtyard), watch(people.olivia, people.courtyard)
    assert not renew(session)[session].is_ended
    sharing.end_share(people.olivia.actor, share=share)  # no bus here: the push is lost
    found = renew(session, other, "0" * 26)
    assert found[session].is_ended
    assert not found[other].is_ended
    assert found["0" * 26].is_ended


def test_an_expiry_needs_no_message(people: cast.Cast) -> None:
    """Rule 3: the lease itself says when it narrows."""
    end = clock.now() + timedelta(seconds=9)
    share = sharing.offer_share(
        people.olivia.actor,
        recipient=people.rita.email,
        items=[sharing.Item(people.courtyard, Permission.LIVE_VIEW)],
        ends_at=end,
    )
    sharing.accept_share(people.rita.actor, share=share)
    session, secret = ticket(people.rita, people.courtyard)
    lease = claim(session, secret)
    assert lease.narrow_in_ms
    assert 0 < lease.narrow_in_ms <= 9000
    assert lease.narrow_to == 0
    with clock.frozen_at(end):
        assert renew(session)[session].is_ended


@pytest.mark.parametrize("loss", ["token", "account"])
def test_a_dead_credential_ends_what_it_opened(people: cast.Cast, loss: str) -> None:
    """N6: token revoked, account disabled."""
    session = watch(people.olivia, people.courtyard)
    credential = ViewingSession.objects.get(pk=session).credential.removeprefix("token:")
    if loss == "token":
        accounts.revoke_token(people.olivia.actor, token=credential)
    else:
        accounts.disable_account(people.xena.actor, account=people.olivia.id)
    assert renew(session)[session].is_ended


def test_an_unbound_camera_is_watched_by_nobody(people: cast.Cast) -> None:
    """Rule 6: not even by its owner."""
    session = watch(people.olivia, people.counter)
    device = get_camera(people.olivia.actor, people.counter).device
    assert device
    unbind_device(people.olivia.actor, device=device)
    assert renew(session)[session].is_ended


def test_a_camera_switched_off_is_watched_by_nobody_until_it_is_on_again(people: cast.Cast) -> None:
    """Rights stand, pictures end; and a ticket from before opens nothing."""
    session = watch(people.olivia, people.counter)
    waiting = ticket(people.vera, people.counter)
    device = get_camera(people.olivia.actor, people.counter).device or ""
    disable_device(people.olivia.actor, device=device)
    assert renew(session)[session].is_ended
    assert claim(*waiting).is_ended
    enable_device(people.olivia.actor, device=device)
    assert not claim(*ticket(people.vera, people.counter)).is_ended


def test_a_new_run_fences_the_old(people: cast.Cast) -> None:
    """A restarted node: sessions of older runs are over; spent tickets stay spent; fresh ones work."""
    session, secret = ticket(people.olivia, people.courtyard)
    claim(session, secret)
    fresh = ticket(people.olivia, people.courtyard)
    hello("run-2")
    assert ViewingSession.objects.get(pk=session).closed_why == "node_restarted"
    assert renew(session, run="run-2")[session].is_ended
    assert claim(session, secret, run="run-2").is_ended
    assert not claim(*fresh, run="run-2").is_ended


def test_who_is_missing_from_two_rounds_is_gone(people: cast.Cast) -> None:
    session, other = watch(people.olivia, people.courtyard), watch(people.olivia, people.pool)
    for seconds in (5, 10, 15):
        with clock.moved_by(timedelta(seconds=seconds)):
            renew(other)
    assert ViewingSession.objects.get(pk=session).closed_why == "lost"
    assert ViewingSession.objects.get(pk=other).closed_at is None


def test_the_receipt_says_what_was_cut_and_when(people: cast.Cast, bus: Node) -> None:
    """B-1, VV-33: in the same call, on the node's word; nobody else's session is touched."""
    share = people.olivia.share(people.rita, people.courtyard)
    session, other = watch(people.rita, people.courtyard), watch(people.vera, people.counter)
    change = sharing.end_share(people.olivia.actor, share=share)
    cuts = list_cuts(change)
    assert [(cut.session, cut.account.name, cut.ends_by) for cut in cuts] == [(session, "Rita", None)]
    assert cuts[0].cut_at
    assert [(lease.session, lease.permissions, lease.why, lease.by) for lease in bus.heard] == [
        (session, 0, "revoked", "Olivia")
    ]
    assert ViewingSession.objects.get(pk=other).closed_at is None


def test_a_node_that_does_not_answer_is_asked_again(people: cast.Cast, bus: Node) -> None:
    """B-1: until then the receipt says by when it ends; the worker goes on asking."""
    share = people.olivia.share(people.rita, people.courtyard)
    session = watch(people.rita, people.courtyard)
    bus.answers = False
    change = sharing.end_share(people.olivia.actor, share=share)
    (cut,) = list_cuts(change)
    assert cut.cut_at is None
    assert cut.ends_by
    bus.answers = True
    with clock.moved_by(timedelta(seconds=2)):
        run_due()
    (cut,) = list_cuts(change)
    assert cut.cut_at
    assert {lease.session for lease in bus.heard} == {session}


def test_a_node_that_never_answers_is_over_with_its_leases(people: cast.Cast) -> None:
    """B-1: past commit + 15 s no lease can run; the receipt says so, and the queue comes to rest."""
    share = people.olivia.share(people.rita, people.courtyard)
    watch(people.rita, people.courtyard)
    change = sharing.end_share(people.olivia.actor, share=share)
    with clock.moved_by(timedelta(seconds=16)):
        run_due()
        (cut,) = list_cuts(change)
        assert cut.cut_at
    with clock.moved_by(timedelta(seconds=40)):
        assert [kind for kind in _pending() if kind == "access.lost"] == []


def _pending() -> list[str]:
    from belvedere.control.outbox.models import Message  # looked at from outside, here alone

    run_due()
    return list(Message.objects.filter(done_at=None, failed_at=None).values_list("kind", flat=True))


def test_signing_out_cuts_what_that_browser_opened(people: cast.Cast, bus: Node) -> None:
    """N6: on the page too."""
    browser = people.olivia.browser()
    answer = browser.get("/api/v1/me")
    assert answer.status_code == 200
    credential = f"session:{_only_session(people.olivia)}"
    actor = Principal(id=people.olivia.id, name="Olivia", email=people.olivia.email, credential=credential)
    url = services.open_ticket(actor, camera=people.courtyard).url
    session, secret = url.rpartition("ticket=")[2].split(".")
    assert not claim(session, secret).is_ended
    browser.post("/sign-out")
    assert [lease.session for lease in bus.heard] == [session]
    assert browser.get("/api/v1/me").status_code == 401


def _only_session(person: cast.Person) -> str:
    from belvedere.control.accounts.models import Session  # looked at from outside, here alone

    return Session.objects.get(account_id=person.id).pk


def test_accepting_and_revoking_at_once_leaves_nothing(people: cast.Cast) -> None:
    """Two people at the same moment: whoever wins, a revoked share holds no grant."""
    for _ in range(5):
        share = people.olivia.offer(people.rita, people.courtyard)
        with ThreadPoolExecutor(2) as pool:
            accepting = pool.submit(_accept, people, share)
            ending = pool.submit(_end, people, share)
            accepting.result(20)
            ending.result(20)
        with pytest.raises(NotFound):
            get_camera(people.rita.actor, people.courtyard)
        ViewingSession.objects.all().delete()
        Share.objects.filter(pk=share).update(accepted_by="x")  # not an unanswered one, for the limit


def _accept(people: cast.Cast, share: str) -> None:
    from django.db import connection  # this thread's own

    try:
        sharing.accept_share(people.rita.actor, share=share)
    except Refusal:
        return  # it came second
    finally:
        connection.close()


def _end(people: cast.Cast, share: str) -> None:
    from django.db import connection  # this thread's own

    try:
        sharing.end_share(people.olivia.actor, share=share)
    finally:
        connection.close()
