"""Recorded video over the API: the shapes that others rely on, and refusals by their codes."""

from datetime import timedelta
from typing import Any

import pytest

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.core import clock
from belvedere.control.recordings.services import open_ticket
from belvedere.control.streaming.services import Ticket
from control.footage import DAY, HOUR, PAST, ago, come, finish, place, share_the_last, watched
from control.watching import Node, hello


def at(span: timedelta) -> str:
    """So long ago, as JSON has it."""
    return (clock.now() - span).isoformat()


def between(start: timedelta, end: timedelta) -> dict[str, str]:
    """The range of a body, by one look at the clock."""
    with clock.frozen_at(clock.now()):
        return {"from": at(start), "to": at(end)}


def post(person: cast.Person, camera: str, **body: Any) -> Any:
    return person.api().post(f"/api/v1/cameras/{camera}/tickets", body, "application/json")


def get(person: cast.Person, path: str, **query: Any) -> Any:
    return person.api().get(f"/api/v1/{path}", query_params={key.strip("_"): value for key, value in query.items()})


def ticket_of(answer: Any) -> Ticket:
    url = answer.json()["url"]
    return Ticket(url.rpartition("ticket=")[2].split(".")[0], "", url, clock.now())


def test_tickets_for_the_past(people: cast.Cast, footage: Node) -> None:
    answer = post(people.olivia, people.courtyard, kind="playback", **{"from": at(3 * HOUR)})
    assert answer.status_code == 201, answer.content
    assert set(answer.json()) == {"url", "expires_at"}
    assert answer.json()["url"].startswith("ws://localhost:1/media/v1/live?ticket=")
    answer = post(people.olivia, people.courtyard, kind="export", **between(3 * HOUR, 2 * HOUR))
    assert answer.json()["url"].startswith("http://localhost:1/media/v1/open?ticket=")


@pytest.mark.parametrize(
    ("start", "end", "status", "code"),
    [
        (20 * DAY, 19 * DAY, 404, "nothing_there"),
        (30 * timedelta(minutes=1), timedelta(0), 404, "nothing_there"),
        (9 * HOUR, 2 * HOUR, 403, "reauthentication_required"),
        (2 * HOUR, 3 * HOUR, 422, "invalid"),
    ],
)
def test_exports_are_refused_by_code(
    people: cast.Cast, footage: Node, start: timedelta, end: timedelta, status: int, code: str
) -> None:
    """V7.5: a day long ago is more than an hour too, so it is asked for by an hour of it."""
    end = max(end, start - HOUR) if code == "nothing_there" else end
    answer = post(people.olivia, people.courtyard, kind="export", **between(start, end))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "talk", "from": "2026-11-22T00:00:00Z"},
        {"kind": "playback", "from": "yesterday"},
        {"kind": "playback", "from": "2026-11-22T00:00:00"},
        {"kind": "export", "from": 10**30, "to": 10**31},
        {"kind": "live", "to": "2026-11-22T00:00:00Z"},
        {"kind": "playback", "from": "2026-11-22T00:00:00Z", "origin": "http://evil.example"},
    ],
)
def test_bodies_that_make_no_sense(people: cast.Cast, footage: Node, body: dict[str, Any]) -> None:
    assert post(people.olivia, people.courtyard, **body).status_code == 422


def test_one_refusal_in_a_wall_stops_no_other(people: cast.Cast, footage: Node) -> None:
    items = [{"camera": people.courtyard, "kind": "hls"}, {"camera": people.xenas, "kind": "snapshot"}]
    answer = people.olivia.api().post("/api/v1/tickets", {"items": items}, "application/json").json()
    assert answer["items"][0]["url"].startswith("http://localhost:1/")
    assert answer["items"][1]["code"] == "not_found"


def test_coverage_has_from_and_to(people: cast.Cast, footage: Node) -> None:
    path = f"cameras/{people.courtyard}/recordings"
    answer = get(people.olivia, path, from_=at(3 * HOUR), to=at(2 * HOUR))
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert set(body) == {"blinded", "coverage", "events", "unknown"}
    assert [set(period) for period in body["coverage"]] == [{"from", "to"}]
    assert (body["events"], body["unknown"]) == ([], [])
    footage.answers = False
    silent = get(people.olivia, path, from_=at(3 * HOUR), to=at(2 * HOUR)).json()
    assert (silent["coverage"], len(silent["unknown"])) == ([], 1)


def test_the_window_over_the_api(people: cast.Cast, footage: Node) -> None:
    """N23: two whose windows differ read the same of what both do not see."""
    share_the_last(HOUR, people.olivia, people.rita, people.courtyard, PAST)
    path = f"cameras/{people.courtyard}/recordings"
    hidden = get(people.rita, path, from_=at(5 * DAY), to=at(DAY))
    assert hidden.json() == {"blinded": [], "coverage": [], "events": [], "unknown": []}
    listed = post(people.rita, people.courtyard, kind="hls", **between(5 * HOUR, 4 * HOUR))
    absent = post(people.olivia, people.courtyard, kind="hls", **between(20 * DAY, 20 * DAY - HOUR))
    assert (listed.status_code, listed.content) == (absent.status_code, absent.content)
    assert listed.json()["code"] == "nothing_there"


@pytest.mark.parametrize("query", [{}, {"from": "x", "to": "y"}, {"from": "2026-01-02T00:00:00Z"}])
def test_a_question_without_a_period_is_none(people: cast.Cast, query: dict[str, str]) -> None:
    for path in ("recordings", "viewings"):
        answer = people.olivia.api().get(f"/api/v1/cameras/{people.courtyard}/{path}", query_params=query)
        assert answer.status_code == 422
    turned = {"from_": at(HOUR), "to": at(2 * HOUR)}
    assert get(people.olivia, f"cameras/{people.courtyard}/viewings", **turned).json()["code"] == "invalid"
    assert get(people.olivia, f"cameras/{people.courtyard}/recordings", **turned).json()["code"] == "invalid"


def test_settings_over_the_api(people: cast.Cast) -> None:
    client, path = people.olivia.api(), f"/api/v1/cameras/{people.courtyard}/recording-settings"
    place(people.courtyard, ago(DAY), ago(HOUR), is_recording=True)
    hours = {"zone": "Europe/Madrid", "weekly": {"mon": [["22:00", "24:00"]]}}
    answer = client.patch(path, {"mode": "scheduled", "hours": hours, "with_audio": True}, "application/json")
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["mode"], body["hours"], body["with_audio"], body["keep_days"]) == ("scheduled", hours, True, 7)
    assert body["forecast"] == {"days": 7, "limited_by": "days"}
    assert [set(row) for row in body["volumes"]] == [{"id", "state", "total", "free", "error"}]
    assert client.get(path).json() == body
    for nonsense in ({"mode": "sometimes"}, {"keep_days": 0}, {"keep_bytes": 10**40}, {"hours": {"zone": "x"}}):
        assert client.patch(path, nonsense, "application/json").status_code == 422
    assert client.get(path).json() == body


def test_a_snapshot_is_medias(people: cast.Cast) -> None:
    hello()
    answer = people.vera.api().get(f"/api/v1/cameras/{people.counter}/snapshot.jpg")
    assert answer.status_code == 307
    assert answer["Location"].startswith("http://localhost:1/media/v1/open?ticket=")
    assert "no-store" in answer["Cache-Control"]
    reply = come(Ticket("", "", answer["Location"], clock.now()))
    assert (reply.kind, reply.lease.held) == ("snapshot", Permission.LIVE_VIEW)


def test_an_export_over_the_api(people: cast.Cast, footage: Node) -> None:
    olivia = people.olivia
    ticket = ticket_of(post(olivia, people.courtyard, kind="export", **between(3 * HOUR, 2 * HOUR)))
    assert get(olivia, "exports").json() == {"items": [], "next": None}
    come(ticket)
    [row] = get(olivia, "exports").json()["items"]
    assert (row["session"], row["state"], row["camera_name"], row["sha256"]) == (
        ticket.session,
        "running",
        "Courtyard",
        None,
    )
    assert {"from", "to"} < set(row)
    assert get(olivia, f"exports/{row['id']}/manifest").status_code == 404
    assert finish(ticket.session)
    assert get(olivia, f"exports/{row['id']}").json()["state"] == "done"
    manifest = get(olivia, f"exports/{row['id']}/manifest")
    assert set(manifest.json()) == {"manifest", "signature"}
    assert manifest["Content-Disposition"] == f'attachment; filename="export-{row["id"]}.json"'
    for path in (f"exports/{row['id']}", f"exports/{row['id']}/manifest", "exports/x"):
        assert get(people.rita, path).status_code == 404


def test_the_ledger_over_the_api(people: cast.Cast, footage: Node) -> None:
    people.olivia.share(people.rita, people.courtyard, permissions=PAST)
    for _ in range(2):
        session = ticket_of(post(people.rita, people.courtyard, kind="playback", **{"from": at(3 * HOUR)}))
        come(session)
        watched(session.session, (ago(3 * HOUR), ago(2 * HOUR)))
    path, period = f"cameras/{people.courtyard}/viewings", {"from_": at(HOUR), "to": at(-HOUR)}
    first = get(people.olivia, path, limit=1, **period).json()
    [row] = first["items"]
    assert (row["account"]["name"], row["kind"], row["until"]) == ("Rita", "playback", None)
    assert [set(span) for span in row["watched"]] == [{"from", "to"}]
    [other] = get(people.olivia, path, cursor=first["next"], **period).json()["items"]
    assert other["session"] != row["session"]
    foreign = get(people.olivia, f"cameras/{people.pool}/viewings", cursor=first["next"], **period)
    assert foreign.json()["code"] == "bad_cursor"  # N13
    assert get(people.rita, path, **period).status_code == 403


def test_a_page_gets_tickets_for_its_own_origin(people: cast.Cast, footage: Node) -> None:
    """N18: what another page does with it opens nothing."""
    ticket = open_ticket(
        people.olivia.actor, camera=people.courtyard, start=None, end=None, origin="http://localhost:8000"
    )
    assert come(ticket).lease.is_ended
