"""Tickets for the past, what their leases carry, exports and their manifests, and the ledger of what was watched."""

import io
import json
from base64 import b64decode
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

import cast
from belvedere.contracts import recordings
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import SessionKind
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock, signing
from belvedere.control.core.errors import (
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    ReauthenticationRequired,
    SwitchedOff,
    Unavailable,
)
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import get_camera
from belvedere.control.devices.services import disable_device
from belvedere.control.recordings.manifests import KEY, NotGenuine, verify
from belvedere.control.recordings.models import Export
from belvedere.control.recordings.selectors import get_export, get_manifest, list_exports
from belvedere.control.recordings.services import NothingThere, open_ticket, record_export_progress
from belvedere.control.sharing import services as sharing
from belvedere.control.streaming.models import ViewingSession
from belvedere.control.streaming.selectors import list_viewings
from belvedere.control.streaming.services import Ticket, purge_sessions
from control.footage import DAY, HOUR, PAST, ago, come, finish, place, share_the_last, watched
from control.watching import RUN, Node, hello, renew, with_token

P = Permission
MINUTE = timedelta(minutes=1)


def ask(
    who: Principal, camera: str, kind: SessionKind, start: timedelta | None = None, end: timedelta | None = None
) -> Ticket:
    """A ticket for what was so long ago."""
    now = clock.now()
    since, until = (now - span if span is not None else None for span in (start, end))
    return open_ticket(who, camera=camera, kind=kind, start=since, end=until)


@pytest.mark.parametrize(
    ("kind", "start", "end", "address", "carries"),
    [
        (SessionKind.LIVE, None, None, "ws://localhost:1/media/v1/live?", P.LIVE_VIEW | P.LISTEN | P.PLAYBACK | P.PTZ),
        (SessionKind.PLAYBACK, 3 * HOUR, None, "ws://localhost:1/media/v1/live?", P.LIVE_VIEW | P.LISTEN | P.PLAYBACK),
        (SessionKind.HLS, None, None, "http://localhost:1/media/v1/open?", P.LIVE_VIEW | P.LISTEN),
        (SessionKind.HLS, 3 * HOUR, 2 * HOUR, "http://localhost:1/media/v1/open?", P.PLAYBACK | P.LISTEN),
        (SessionKind.EXPORT, 3 * HOUR, 2 * HOUR, "http://localhost:1/media/v1/open?", P.EXPORT | P.LISTEN),
        (SessionKind.SNAPSHOT, None, None, "http://localhost:1/media/v1/open?", P.LIVE_VIEW | P.PLAYBACK),
    ],
)
def test_each_kind_carries_what_it_is_for(
    people: cast.Cast,
    footage: Node,
    kind: SessionKind,
    start: timedelta | None,
    end: timedelta | None,
    address: str,
    carries: Permission,
) -> None:
    with clock.frozen_at(clock.now()):
        ticket = ask(with_token(people.olivia), people.courtyard, kind, start, end)
        assert ticket.url.startswith(address)
        reply = come(ticket)
        assert (reply.kind, reply.camera, reply.lease.held) == (kind, people.courtyard, carries)
        assert reply.start == (None if start is None else ago(start))
        assert reply.end == (None if end is None else ago(end))
        assert come(ticket).lease.is_ended  # N18


@pytest.mark.parametrize(
    ("kind", "start", "end"),
    [
        (SessionKind.LIVE, HOUR, None),
        (SessionKind.SNAPSHOT, None, HOUR),
        (SessionKind.PLAYBACK, None, None),
        (SessionKind.PLAYBACK, 2 * HOUR, HOUR),
        (SessionKind.EXPORT, 2 * HOUR, None),
        (SessionKind.EXPORT, None, HOUR),
        (SessionKind.EXPORT, HOUR, 2 * HOUR),
        (SessionKind.EXPORT, 2 * HOUR, 2 * HOUR),
        (SessionKind.EXPORT, 40 * DAY, HOUR),
        (SessionKind.HLS, None, HOUR),
        (SessionKind.HLS, HOUR, 2 * HOUR),
        (SessionKind.HLS, 2 * DAY, None),
        (SessionKind.TALK, HOUR, None),
    ],
)
def test_ranges_that_make_no_sense_are_refused(
    people: cast.Cast, footage: Node, kind: SessionKind, start: timedelta | None, end: timedelta | None
) -> None:
    with clock.frozen_at(clock.now()), pytest.raises(Invalid):
        ask(people.olivia.actor, people.courtyard, kind, start, end)


PAST_KINDS = [(SessionKind.PLAYBACK, None), (SessionKind.HLS, HOUR), (SessionKind.EXPORT, HOUR)]


@pytest.mark.parametrize(("kind", "end"), PAST_KINDS)
def test_live_only_opens_no_past(people: cast.Cast, footage: Node, kind: SessionKind, end: timedelta | None) -> None:
    """N22, HC: and a right to the past alone opens nothing of now."""
    people.olivia.share(people.vera, people.courtyard)
    people.olivia.share(people.rita, people.courtyard, permissions=P.PLAYBACK)
    with pytest.raises(Forbidden):
        ask(people.vera.actor, people.courtyard, kind, 2 * HOUR, end)
    with pytest.raises(NotFound):
        ask(people.xena.actor, people.courtyard, kind, 2 * HOUR, end)
    for now in (SessionKind.LIVE, SessionKind.HLS, SessionKind.SNAPSHOT):
        with pytest.raises(Forbidden):
            ask(people.rita.actor, people.courtyard, now)
    lease = come(ask(with_token(people.rita), people.courtyard, SessionKind.PLAYBACK, 2 * HOUR)).lease
    assert lease.held == P.PLAYBACK
    assert come(ask(with_token(people.vera), people.courtyard, SessionKind.LIVE)).lease.playback_from is None


@pytest.mark.parametrize(("kind", "end"), PAST_KINDS)
def test_what_is_before_the_window_is_not_there(
    people: cast.Cast, footage: Node, kind: SessionKind, end: timedelta | None
) -> None:
    """N23: a range that begins too early begins with the window; one that ends before it finds nothing at all."""
    share_the_last(DAY, people.olivia, people.rita, people.courtyard, PAST | P.EXPORT)
    with clock.frozen_at(clock.now()):
        rita = Principal(**{**_fields(with_token(people.rita)), "proved_at": clock.now()})
        reply = come(ask(rita, people.courtyard, kind, DAY + MINUTE, DAY - HOUR if end else None))
        assert reply.start == ago(DAY)
        assert (reply.lease.playback_from if kind is not SessionKind.EXPORT else reply.lease.export_from) == ago(DAY)
        asked = len(footage.asked)
        nothing = []
        for since, until in ((2 * DAY, DAY + timedelta(milliseconds=1)), (30 * DAY, 29 * DAY)):
            if kind is SessionKind.PLAYBACK:
                continue  # it has no end: it begins with the window
            with pytest.raises(NothingThere) as refused:
                ask(rita, people.courtyard, kind, min(since, until + HOUR), until)
            nothing.append(str(refused.value))
        assert len(footage.asked) == asked  # nobody was asked about it
        # Of a time without footage the answer is the same.
        with pytest.raises(NothingThere) as empty:
            ask(rita, people.courtyard, kind, 30 * MINUTE, 20 * MINUTE if end else None)
        assert set(nothing) <= {str(empty.value)}


def _fields(who: Principal) -> dict[str, Any]:
    return {name: getattr(who, name) for name in Principal.__slots__}


def test_the_future_has_no_footage(people: cast.Cast, footage: Node) -> None:
    for kind, end in PAST_KINDS:
        with pytest.raises(NothingThere):
            ask(people.olivia.actor, people.courtyard, kind, -HOUR, -2 * HOUR if end else None)


def test_footage_that_nobody_answers_for_is_unavailable_not_absent(people: cast.Cast, footage: Node) -> None:
    place(people.pool, ago(DAY), ago(HOUR), node="attic")
    with clock.moved_by(MINUTE):
        hello()  # the attic fell silent
        for kind, end in PAST_KINDS:
            with pytest.raises(Unavailable):
                ask(people.olivia.actor, people.pool, kind, 3 * HOUR, 2 * HOUR if end else None)


def test_playback_goes_to_the_node_that_holds_that_time(people: cast.Cast, footage: Node) -> None:
    place(people.courtyard, ago(HOUR), ago(timedelta(0)), node="attic")
    for start, node in ((3 * HOUR, "local"), (30 * MINUTE, "attic"), (20 * DAY, "local")):
        ticket = ask(people.olivia.actor, people.courtyard, SessionKind.PLAYBACK, start)
        assert ViewingSession.objects.get(pk=ticket.session).node == node


def test_a_camera_that_is_off_still_has_its_past(people: cast.Cast, footage: Node) -> None:
    """What is switched off is the present: a session of it ends, one of the past goes on without."""
    olivia = with_token(people.olivia)
    live = come(ask(olivia, people.courtyard, SessionKind.LIVE)).lease
    past = come(ask(olivia, people.courtyard, SessionKind.PLAYBACK, 3 * HOUR)).lease
    device = get_camera(people.olivia.actor, people.courtyard).device
    assert device
    disable_device(people.olivia.actor, device=device)
    found = renew(live.session, past.session)
    assert found[live.session].is_ended
    assert found[past.session].held == P.PLAYBACK | P.LISTEN
    for kind in (SessionKind.LIVE, SessionKind.HLS, SessionKind.SNAPSHOT):
        with pytest.raises(SwitchedOff):
            ask(olivia, people.courtyard, kind)
    assert come(ask(olivia, people.courtyard, SessionKind.HLS, 3 * HOUR, HOUR)).lease.held == P.PLAYBACK | P.LISTEN


@pytest.mark.parametrize(
    ("asked_from", "came_from", "opens"),
    [
        ("http://localhost:8000", None, True),  # a picture, a download, a player's own fetch
        ("http://localhost:8000", "http://localhost:8000", True),
        ("http://localhost:8000", "http://evil.example", False),
        (None, None, True),
        (None, "http://localhost:8000", False),
    ],
)
def test_what_is_fetched_by_http_knows_its_page(
    people: cast.Cast, footage: Node, asked_from: str | None, came_from: str | None, opens: bool
) -> None:
    """N18, N19: a ticket of a page works on no other page; one of a program in no browser."""
    ticket = open_ticket(
        with_token(people.olivia), camera=people.courtyard, kind=SessionKind.SNAPSHOT, origin=asked_from
    )
    assert come(ticket, origin=came_from).lease.is_ended != opens


def test_a_right_that_ends_ends_export_and_playback(people: cast.Cast, footage: Node) -> None:
    """N6, N21, N24: what runs is cut, an old ticket opens nothing, there is no new one."""
    share = people.olivia.share(people.rita, people.courtyard, permissions=PAST | P.EXPORT)
    rita = with_token(people.rita)
    running = [come(ask(rita, people.courtyard, kind, 2 * HOUR, end)).lease.session for kind, end in PAST_KINDS]
    waiting = ask(rita, people.courtyard, SessionKind.EXPORT, 2 * HOUR, HOUR)
    sharing.end_share(people.olivia.actor, share=share)
    assert {lease.session for lease in footage.heard if lease.is_ended} >= set(running)
    assert come(waiting).lease.is_ended
    with pytest.raises(NotFound):
        ask(rita, people.courtyard, SessionKind.EXPORT, 2 * HOUR, HOUR)
    assert Entry.objects.filter(action="camera.exported").count() == 1
    # Who was refused has seen nothing.
    now = clock.now()
    rows = list_viewings(people.olivia.actor, people.courtyard, start=now - HOUR, end=now + HOUR)
    assert {row.session for row in rows} == set(running)
    assert [row.session for row in list_exports(rita)] == [running[-1]]


# ── Exports ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_export_from_ticket_to_manifest(people: cast.Cast, footage: Node) -> None:
    olivia = with_token(people.olivia)
    with clock.frozen_at(clock.now()):
        ticket = ask(olivia, people.courtyard, SessionKind.EXPORT, 3 * HOUR, 2 * HOUR)
        assert list_exports(olivia) == []  # nobody came with it yet
        assert come(ticket).end == ago(2 * HOUR)
        [entry] = Entry.objects.filter(action="camera.exported")
        assert entry.fields is not None
        assert (entry.fields["actor"], entry.fields["address"]) == (people.olivia.id, "10.0.0.9")
        assert entry.fields["start"] == (clock.now() - 3 * HOUR).isoformat(timespec="microseconds")[:-6] + "Z"
        [running] = list_exports(olivia)
        assert (running.state, running.camera_name, running.sent) == ("running", "Courtyard", 0)
        record_export_progress("local", recordings.ExportProgress(RUN, ticket.session, 5, 10))
        record_export_progress("elsewhere", recordings.ExportProgress(RUN, ticket.session, 9, 10))
        assert (get_export(olivia, running.id).sent, get_export(olivia, running.id).total) == (5, 10)
        with pytest.raises(NotFound):
            get_manifest(olivia, running.id)
        assert finish(ticket.session, b"a film")
        assert finish(ticket.session, b"a film")  # said twice
        assert not finish(ticket.session, b"another film")
        assert get_export(olivia, running.id).state == "done"
    found = get_manifest(olivia, running.id)
    manifest = verify(io.BytesIO(b"a film"), json.dumps(found), signing.public_key(KEY))
    assert manifest["camera"] == {"id": people.courtyard, "name": "Courtyard"}
    assert manifest["exporter"]["email"] == "olivia@example.org"
    assert manifest["spans"] == [{"from": manifest["from"], "to": manifest["to"]}]  # never more than was asked for
    for other in (people.xena, people.rita):
        with pytest.raises(NotFound):
            get_export(other.actor, running.id)
        assert list_exports(other.actor) == []


@pytest.mark.parametrize("fault", ["file", "size", "manifest", "signature", "key", "nonsense", "version", "no dict"])
def test_what_is_not_genuine_is_told(people: cast.Cast, footage: Node, fault: str) -> None:
    olivia = with_token(people.olivia)
    ticket = ask(olivia, people.courtyard, SessionKind.EXPORT, 3 * HOUR, 2 * HOUR)
    come(ticket)
    assert finish(ticket.session, b"a film")
    found = get_manifest(olivia, list_exports(olivia)[0].id)
    body, key = b"a film", signing.public_key(KEY)
    match fault:
        case "file":
            body = b"a filn"
        case "size":
            body = b"a film "
        case "manifest":
            found["manifest"]["exporter"]["name"] = "Xena"
        case "version":
            found["manifest"]["version"] = 2
        case "signature":
            found["signature"] = "A" * 88
        case "key":
            key = signing.public_key("another")
        case "no dict":
            found["manifest"] = ["sha256"]
        case _:
            found = {"manifest": None, "signature": 7}
    with pytest.raises(NotGenuine):
        verify(io.BytesIO(body), json.dumps(found), key)


@pytest.mark.parametrize("changes", [{"sha256": "x"}, {"sha256": "A" * 64}, {"size": -1}, {"run": "zombie"}])
def test_nothing_is_signed_that_makes_no_sense(people: cast.Cast, footage: Node, changes: dict[str, Any]) -> None:
    ticket = ask(with_token(people.olivia), people.courtyard, SessionKind.EXPORT, 3 * HOUR, 2 * HOUR)
    assert not finish(ticket.session)  # nobody came with the ticket
    come(ticket)
    assert not finish(ticket.session, **changes)
    assert finish(ticket.session)


def test_more_than_an_hour_needs_a_fresh_identity(people: cast.Cast, footage: Node) -> None:
    """V7.5: a token has none at all."""
    token, page = with_token(people.olivia), people.olivia.actor
    ask(token, people.courtyard, SessionKind.EXPORT, 3 * HOUR, 2 * HOUR)
    with pytest.raises(ReauthenticationRequired):
        ask(token, people.courtyard, SessionKind.EXPORT, 3 * HOUR + MINUTE, 2 * HOUR)
    ask(page, people.courtyard, SessionKind.EXPORT, 9 * HOUR, 2 * HOUR)
    with clock.moved_by(timedelta(minutes=11)):
        hello()
        with pytest.raises(ReauthenticationRequired):
            ask(page, people.courtyard, SessionKind.EXPORT, 9 * HOUR, 2 * HOUR)


def test_three_exports_at_once(people: cast.Cast, footage: Node) -> None:
    olivia = with_token(people.olivia)
    tickets = [ask(olivia, people.courtyard, SessionKind.EXPORT, 3 * HOUR, 2 * HOUR) for _ in range(3)]
    come(tickets[0])
    with pytest.raises(RateLimited):
        ask(olivia, people.courtyard, SessionKind.EXPORT, 3 * HOUR, 2 * HOUR)
    assert finish(tickets[0].session)
    ask(olivia, people.courtyard, SessionKind.EXPORT, 3 * HOUR, 2 * HOUR)
    with clock.moved_by(31 * timedelta(seconds=1)):  # nobody came
        hello()
        ask(olivia, people.courtyard, SessionKind.EXPORT, 3 * HOUR, 2 * HOUR)


def test_a_gap_is_no_export(people: cast.Cast, footage: Node) -> None:
    footage.footage[people.courtyard] = [(ago(10 * DAY), ago(9 * DAY))]
    with pytest.raises(NothingThere):
        ask(people.olivia.actor, people.courtyard, SessionKind.EXPORT, 3 * HOUR, 2 * HOUR)


def test_an_unused_ticket_takes_its_export_along(people: cast.Cast, footage: Node) -> None:
    ask(people.olivia.actor, people.courtyard, SessionKind.EXPORT, 3 * HOUR, 2 * HOUR)
    with clock.moved_by(timedelta(minutes=6)):
        purge_sessions()
    assert not Export.objects.exists()


def test_names_of_all_kinds_are_signed_as_they_are(people: cast.Cast, footage: Node) -> None:
    """N32."""
    camera = people.olivia.add_camera("Hof „Süd“ 庭 🏡", "/yard")
    place(camera, ago(DAY), ago(HOUR))
    footage.footage[camera] = [(ago(DAY), ago(HOUR))]
    ticket = ask(with_token(people.olivia), camera, SessionKind.EXPORT, 3 * HOUR, 2 * HOUR)
    come(ticket)
    assert finish(ticket.session, b"")
    found = json.dumps(get_manifest(people.olivia.actor, list_exports(people.olivia.actor)[0].id))
    assert verify(io.BytesIO(), found, signing.public_key(KEY))["camera"]["name"] == "Hof „Süd“ 庭 🏡"


# ── The ledger ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_watched_which_period(people: cast.Cast, footage: Node) -> None:
    """B: account, kind, from, to, and the parts of the past; said twice it is as true as once."""
    people.olivia.share(people.rita, people.courtyard, permissions=PAST)
    session = come(ask(with_token(people.rita), people.courtyard, SessionKind.PLAYBACK, 3 * HOUR)).lease.session
    first = ago(3 * HOUR)
    watched(session, (first, first + 10), (first + 10.5, first + 20))
    watched(session, (first, first + 10), (first + 100, first + 110))
    watched(session, (first + 50, first + 40), (-5.0, -1.0), (ago(-HOUR), ago(-2 * HOUR)))
    watched(session, (first + 200, first + 300), run="zombie")
    now = clock.now()
    [row] = list_viewings(people.olivia.actor, people.courtyard, start=now - HOUR, end=now + HOUR)
    assert (row.account.name, row.kind, row.until) == ("Rita", "playback", None)
    seconds = [(start.timestamp() - first, end.timestamp() - first) for start, end in row.watched]
    assert seconds == [pytest.approx((0, 20), abs=1e-3), pytest.approx((100, 110), abs=1e-3)]
    assert list_viewings(people.olivia.actor, people.courtyard, start=now - DAY, end=now - HOUR) == []
    assert list_viewings(people.olivia.actor, people.pool, start=now - DAY, end=now + HOUR) == []
    with pytest.raises(Forbidden):
        list_viewings(people.rita.actor, people.courtyard, start=now - HOUR, end=now)
    with pytest.raises(NotFound):
        list_viewings(people.xena.actor, people.courtyard, start=now - HOUR, end=now)


def test_an_export_counts_as_watched_from_end_to_end(people: cast.Cast, footage: Node) -> None:
    with clock.frozen_at(clock.now()):
        come(ask(with_token(people.olivia), people.courtyard, SessionKind.EXPORT, 3 * HOUR, 2 * HOUR))
        now = clock.now()
        [row] = list_viewings(people.olivia.actor, people.courtyard, start=now - HOUR, end=now + HOUR)
        assert row.watched == [(now - 3 * HOUR, now - 2 * HOUR)]


def test_a_session_of_many_pieces_is_bounded(people: cast.Cast, footage: Node) -> None:
    session = come(ask(with_token(people.olivia), people.courtyard, SessionKind.PLAYBACK, 3 * HOUR)).lease.session
    first = ago(9 * DAY)
    watched(session, *((first + 10 * n, first + 10 * n + 1) for n in range(1500)))
    assert ViewingSession.objects.get(pk=session).watched_spans.count() == 1000


def test_the_public_keys_are_there_for_whoever_verifies(people: cast.Cast) -> None:
    found = Client().get("/.well-known/belvedere-keys.json").json()["keys"]
    assert {row["use"] for row in found} == {"export", "audit-head", "report"}
    [key] = [row for row in found if row["use"] == "export"]
    assert b64decode(key["public_key"]) == signing.public_key(KEY)
    assert key["id"] == signing.key_id(KEY)
