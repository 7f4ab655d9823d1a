"""Asking the owner: from a dead end, or for more of what one sees; heard or not, the answer is one. VA-2, VA-3, B-8."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant
from belvedere.control.appeals.models import AccessRequest, BlockedRequester
from belvedere.control.appeals.selectors import (
    list_blocked,
    list_received_requests,
    list_sent_requests,
    requests_to,
)
from belvedere.control.appeals.services import (
    Asked,
    approve_request,
    claim_device,
    deny_request,
    expire_requests,
    request_access,
    unblock_requester,
)
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import AlreadyBound, Conflict, Forbidden, Invalid, NotFound, RateLimited
from belvedere.control.core.ids import new_id
from belvedere.control.devices.panel_sources import PanelWish
from belvedere.control.devices.panels import list_panels
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.devices.services import add_device, add_panel, unbind_device
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.selectors import get_received, list_received
from belvedere.control.sharing.services import Item, accept_share

LIVE = Permission.LIVE_VIEW
WEEK = timedelta(days=7)


def device_of(person: cast.Person, camera: str) -> str:
    device = get_camera(person.actor, camera).device
    assert device
    return device


def be_refused(people: cast.Cast, who: cast.Person, name: str = "Pool") -> str:
    """Try to add Olivia's camera; the attempt that the refusal names."""
    with pytest.raises(AlreadyBound) as refused:
        add_device(
            who.actor,
            site=who.site,
            name="Mine",
            address=f"rtsp://127.0.0.1:9/{people.olivia.id}/{name}",
            is_tested=False,
        )
    attempt = refused.value.extra["attempt"]
    assert isinstance(attempt, str)
    return attempt


def ask(who: cast.Person, *, permissions: Permission = LIVE, reason: str = "I look after it", **asked: str) -> None:
    request_access(who.actor, asked=Asked(**asked), permissions=permissions, reason=reason)


def waiting(person: cast.Person) -> list[tuple[str, str]]:
    """(who asks, device) of what waits for somebody's answer."""
    return [(row.requester.name, row.device_name) for row in list_received_requests(person.actor)]


def subjects() -> list[tuple[str, str]]:
    """(address, subject) of mails since the last look."""
    run_due()
    found = [(row.to[0], str(row.subject)) for row in mail.outbox]
    mail.outbox.clear()
    return found


def actions(people: cast.Cast) -> list[str]:
    rows = Entry.objects.filter(chain_id=people.olivia.organization, action__startswith="request.")
    return [row.action for row in rows.order_by("sequence")]


# ── The way it should go ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_dead_end_has_a_door(people: cast.Cast) -> None:
    """VA-2, VA-3: refused, asked, offered otherwise than asked, accepted; nothing opens before that."""
    olivia, xena = people.olivia, people.xena
    attempt = be_refused(people, xena)
    subjects()
    ask(xena, attempt=attempt, permissions=LIVE | Permission.PLAYBACK)
    assert waiting(olivia) == [("Xena", "Pool")]
    assert subjects() == [(olivia.email, "Xena asks you to share Pool")]
    [sent] = list_sent_requests(xena.actor)
    # What it is called and whose it is she knows as little as before.
    assert (sent.state, sent.camera, sent.camera_name) == ("pending", None, "")
    [request] = list_received_requests(olivia.actor)
    assert (request.requester.email, request.reason) == (xena.email, "I look after it")
    share = approve_request(olivia.actor, request=request.id, items=[Item(people.pool, LIVE)])
    assert not Grant.objects.filter(principal=xena.id, resource=people.pool).exists()
    assert subjects() == [(xena.email, "Olivia offers you a camera")] or share
    assert waiting(olivia) == []
    [sent] = list_sent_requests(xena.actor)
    assert (sent.state, sent.share) == ("approved", share)
    accept_share(xena.actor, share=share)
    assert get_camera(xena.actor, people.pool).permissions == LIVE
    assert actions(people) == ["request.made", "request.approved"]


def test_more_of_a_camera_one_sees(people: cast.Cast) -> None:
    """B-8: one camera, one right, for a time, with a reason."""
    until = clock.now() + timedelta(days=2)
    request_access(
        people.vera.actor,
        asked=Asked(camera=people.counter),
        permissions=LIVE | Permission.LISTEN,
        reason="The till",
        ends_at=until,
    )
    [request] = list_received_requests(people.olivia.actor)
    assert (request.wanted, request.permissions, request.ends_at) == (
        [people.counter],
        LIVE | Permission.LISTEN,
        until,
    )
    with pytest.raises(Conflict, match="end that one first"):
        approve_request(people.olivia.actor, request=request.id, items=[Item(people.counter, LIVE)])
    assert waiting(people.olivia) == [("Vera", "Counter")]  # the refusal undid the answer
    share = approve_request(
        people.olivia.actor, request=request.id, items=[Item(people.courtyard, LIVE)], ends_at=until
    )
    assert get_received(people.vera.actor, share).ends_at == until


def test_a_denial_rests_for_a_week(people: cast.Cast) -> None:
    """He is told; asking again for that device is too early, for another it is not."""
    olivia, xena = people.olivia, people.xena
    attempt = be_refused(people, xena)
    ask(xena, attempt=attempt)
    [request] = list_received_requests(olivia.actor)
    subjects()
    deny_request(olivia.actor, request=request.id)
    deny_request(olivia.actor, request=request.id)
    assert subjects() == [(xena.email, "Your request was denied")]
    with pytest.raises(Conflict):
        approve_request(olivia.actor, request=request.id, items=[Item(people.pool, LIVE)])
    with pytest.raises(RateLimited) as refused:
        ask(xena, attempt=attempt)
    assert 6 * 86400 < refused.value.retry_after <= 7 * 86400
    ask(xena, attempt=be_refused(people, xena, "Counter"))
    with clock.moved_by(WEEK + timedelta(minutes=1)):
        ask(xena, attempt=attempt)
    assert sorted(waiting(olivia)) == [("Xena", "Counter"), ("Xena", "Pool")]


def test_asking_twice_is_asking_once(people: cast.Cast) -> None:
    attempt = be_refused(people, people.xena)
    subjects()
    for _ in range(3):
        ask(people.xena, attempt=attempt)
    assert waiting(people.olivia) == [("Xena", "Pool")]
    assert len(subjects()) == 1


def test_it_ends_by_itself(people: cast.Cast) -> None:
    """Unanswered for thirty days; or its device has that owner no more."""
    ask(people.xena, attempt=be_refused(people, people.xena))
    ask(people.vera, camera=people.counter)
    unbind_device(people.olivia.actor, device=device_of(people.olivia, people.counter))
    assert waiting(people.olivia) == [("Xena", "Pool")]
    assert [row.state for row in list_sent_requests(people.vera.actor)] == ["ended"]
    assert expire_requests() == 0
    with clock.moved_by(timedelta(days=31)):
        assert expire_requests() == 1
    assert waiting(people.olivia) == []
    assert actions(people)[-1] == "request.expired"


# ── What it must not be ──────────────────────────────────────────────────────────────────────────────────────────────


def post(client: Any, **body: Any) -> Any:
    body = {"permissions": ["live_view"], "reason": "please"} | body
    return client.post("/api/v1/access-requests", body, content_type="application/json")


def test_it_tells_nobody_what_there_is(people: cast.Cast) -> None:
    """N1, N16: somebody else's camera or attempt, nobody's, and one's own: one answer, and nobody is asked."""
    client = people.xena.api()
    foreign = be_refused(people, people.rita, "Counter")
    visible = be_refused(people, people.xena)
    reference = post(client, camera=new_id())
    assert reference.status_code == 202
    for asked in (
        {"camera": people.pool},
        {"camera": "x"},
        {"camera": people.xenas},
        {"attempt": foreign},
        {"attempt": people.pool},
        {"attempt": new_id()},
        {"attempt": visible},
    ):
        answer = post(client, **asked)
        assert (answer.status_code, answer.content) == (202, reference.content), asked
    assert waiting(people.olivia) == [("Xena", "Pool")]
    assert AccessRequest.objects.count() == 1


def test_there_is_an_end_to_asking(people: cast.Cast) -> None:
    """N1: ten a day, counted alike for what is there and what is not."""
    client = people.xena.api()
    answers = [post(client, camera=new_id() if number % 2 else people.pool).status_code for number in range(12)]
    assert answers == [202] * 10 + [429] * 2


def test_one_owner_hears_five_a_day(people: cast.Cast) -> None:
    cameras = [people.counter, *(people.olivia.add_camera(f"More {number}") for number in range(6))]
    people.olivia.share(people.rita, *cameras)
    for camera in cameras:
        ask(people.rita, camera=camera)
    assert len(waiting(people.olivia)) == 5
    assert len(list_sent_requests(people.rita.actor)) == 7  # which are heard, she is not told


def test_who_is_blocked_is_not_heard_and_not_told(people: cast.Cast) -> None:
    olivia, xena = people.olivia, people.xena
    ask(xena, attempt=be_refused(people, xena))
    [request] = list_received_requests(olivia.actor)
    deny_request(olivia.actor, request=request.id, is_blocked=True)
    assert BlockedRequester.objects.filter(organization=olivia.organization, requester_id=xena.id).exists()
    subjects()
    ask(xena, attempt=be_refused(people, xena, "Counter"))
    assert waiting(olivia) == []
    assert subjects() == []
    assert [row.state for row in list_sent_requests(xena.actor)] == ["pending", "denied"]
    [unheard] = AccessRequest.objects.filter(is_heard=False)
    with pytest.raises(NotFound):
        deny_request(olivia.actor, request=unheard.pk)


def test_who_was_blocked_is_heard_again(people: cast.Cast) -> None:
    """B-8: the owner sees whom he blocked, and changes his mind; whom it concerns is told neither."""
    olivia, xena = people.olivia, people.xena
    ask(xena, attempt=be_refused(people, xena))
    [request] = list_received_requests(olivia.actor)
    deny_request(olivia.actor, request=request.id, is_blocked=True)
    subjects()
    [row] = list_blocked(olivia.actor, olivia.organization)
    assert (row.account.id, row.account.email) == (xena.id, xena.email)
    for who in (people.rita, people.vera, xena):
        with pytest.raises(NotFound):
            list_blocked(who.actor, olivia.organization)
        with pytest.raises(NotFound):
            unblock_requester(who.actor, organization=olivia.organization, account=xena.id)
    client = olivia.browser()
    assert "You hear no more of them" in client.get("/sharing").content.decode()
    path = f"/requests/blocked/{olivia.organization}/{xena.id}/unblock"
    assert client.post(path).status_code == 302
    assert client.post(path).status_code == 404
    assert "You hear no more of them" not in client.get("/sharing").content.decode()
    assert subjects() == []
    assert actions(people)[-1] == "request.unblocked"
    ask(xena, attempt=be_refused(people, xena, "Counter"))
    assert waiting(olivia) == [("Xena", "Counter")]


def test_the_api_lists_and_unblocks(people: cast.Cast, hotels: cast.Hotels) -> None:
    """N12: an Admin of one site sees whom he blocked himself; who may share everything, all."""
    for hotel, who in (("ada", hotels.xena), ("sam", hotels.rita)):
        by = hotels.person(hotel)
        BlockedRequester.objects.create(
            organization_id=hotels.id, requester_id=who.id, blocked_by=by.id, at=clock.now()
        )
    path = f"/api/v1/organizations/{hotels.id}/blocked-requesters"

    def seen(name: str) -> set[str]:
        return {row["account"]["id"] for row in hotels.person(name).api().get(path).json()["items"]}

    assert {name: seen(name) for name in ("sam", "ada", "omar")} == {
        "sam": {hotels.xena.id, hotels.rita.id},
        "ada": {hotels.xena.id},
        "omar": set(),
    }
    assert hotels.ada.api().delete(f"{path}/{hotels.rita.id}").status_code == 404
    left = hotels.sam.api().delete(f"{path}/{hotels.xena.id}")
    assert (left.status_code, [row["account"]["id"] for row in left.json()["items"]]) == (200, [hotels.rita.id])


def test_nobody_else_answers(people: cast.Cast, hotels: cast.Hotels) -> None:
    """N12: who may share the device answers, within what he holds himself; who merely sees it knows of nothing."""
    ask(hotels.omar, camera=hotels.lobby)
    [request] = list_received_requests(hotels.olivia.actor)
    heard = {
        name for name in ("olivia", "sam", "ada", "omar", "vera", "leo", "nora", "xena") if waiting(hotels.person(name))
    }
    assert heard == {"olivia", "sam", "ada"}
    for person in (hotels.omar, hotels.vera, hotels.xena, hotels.rita):
        with pytest.raises(NotFound):
            approve_request(person.actor, request=request.id, items=[Item(hotels.lobby, LIVE)])
        with pytest.raises(NotFound):
            deny_request(person.actor, request=request.id)
        assert not requests_to(person.actor).exists()
    with pytest.raises((NotFound, Forbidden)):
        approve_request(hotels.ada.actor, request=request.id, items=[Item(hotels.deck, LIVE)])  # not Ada's site
    assert AccessRequest.objects.get(pk=request.id).state == "pending"


@pytest.mark.parametrize(
    ("permissions", "reason", "field"),
    [
        (Permission(0), "x", "permissions"),
        (Permission.LISTEN, "x", "permissions"),
        (Permission.SHARE, "x", "permissions"),
        (LIVE, "", "reason"),
        (LIVE, "x" * 281, "reason"),
    ],
)
def test_what_makes_no_sense_is_refused(people: cast.Cast, permissions: Permission, reason: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        ask(people.vera, camera=people.counter, permissions=permissions, reason=reason)
    assert refused.value.field == field


# ── Pages and API ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_is_asked_and_answered_on_pages(people: cast.Cast) -> None:
    xena, olivia = people.xena.browser(), people.olivia.browser()
    attempt = be_refused(people, people.xena)
    assert "Ask the owner" in xena.get(f"/requests/new?attempt={attempt}").content.decode()
    form = {"attempt": attempt, "permission": ["live_view"], "reason": "<i>please", "until": ""}
    assert xena.post("/requests/new", form | {"until": "2026-02-30"}).status_code == 422
    assert xena.post("/requests/new", form).headers["Location"] == "/inbox"
    [request] = list_received_requests(people.olivia.actor)
    inbox = olivia.get("/inbox").content.decode()
    assert f"/requests/{request.id}" in inbox
    assert "<i>please" not in inbox
    page = olivia.get(f"/requests/{request.id}").content.decode()
    assert people.xena.email in page
    assert olivia.post(f"/requests/{request.id}/approve", {"permission": ["live_view"]}).status_code == 422
    answer = olivia.post(f"/requests/{request.id}/approve", {"camera": [people.pool], "permission": ["live_view"]})
    assert answer.headers["Location"] == "/inbox"
    assert "became an offer" in olivia.get(f"/requests/{request.id}").content.decode()
    assert "You were offered" in xena.get("/inbox").content.decode()


def test_the_api_says_the_same(people: cast.Cast) -> None:
    xena, olivia = people.xena.api(), people.olivia.api()
    assert post(xena, attempt=be_refused(people, people.xena)).json() == {"state": "asked"}
    [received] = olivia.get("/api/v1/access-requests").json()["items"]
    assert received["requester"] == {"id": people.xena.id, "name": "Xena", "email": people.xena.email}
    [waiting] = olivia.get("/api/v1/inbox").json()["items"]
    assert waiting == received | {"kind": "request"}
    assert xena.get("/api/v1/inbox").json()["items"] == []
    [sent] = xena.get("/api/v1/access-requests?direction=sent").json()["items"]
    assert set(sent) & {"device", "device_name", "organization", "cameras"} == set()
    assert xena.get("/api/v1/access-requests").json()["items"] == []
    path = f"/api/v1/access-requests/{received['id']}"
    given = olivia.post(f"{path}/approve", {}, content_type="application/json")
    assert (given.status_code, given.json()["state"]) == (201, "pending")
    assert [row["permissions"] for row in given.json()["items"]] == [["live_view"]]
    denied = olivia.post(f"{path}/deny", {"block": True}, content_type="application/json")
    assert (denied.status_code, denied.json()["code"]) == (409, "conflict")
    assert people.pool not in {view.id for view in list_cameras(people.xena.actor)}


# ── Security panels ──────────────────────────────────────────────────────────────────────────────────────────────────

ARM = Permission.ARM


def bind_panel(who: cast.Person) -> str:
    wish = PanelWish(address="mqtts://127.0.0.1:9", state_topic="home/alarm", command_topic="home/alarm/set")
    return add_panel(who.actor, site=who.site, name="Alarm", wish=wish)


def be_refused_panel(who: cast.Person) -> str:
    """Try to add Olivia's panel; the attempt that the refusal names."""
    with pytest.raises(AlreadyBound) as refused:
        bind_panel(who)
    return str(refused.value.extra["attempt"])


def test_a_panel_s_dead_end_has_a_door_too(people: cast.Cast) -> None:
    """VA-2, B-8: who was refused a panel may ask for a share of it, and gets one of the panel, by an offer."""
    panel = bind_panel(people.olivia)
    attempt = be_refused_panel(people.xena)
    with pytest.raises(Invalid):
        ask(people.xena, attempt=attempt)  # it has no picture
    ask(people.xena, attempt=attempt, permissions=ARM)
    [row] = list_received_requests(people.olivia.actor)
    assert (row.device, row.device_name, row.is_panel, row.cameras) == (panel, "Alarm", True, {})
    given = approve_request(people.olivia.actor, request=row.id, items=row.as_asked)
    assert list_panels(people.xena.actor) == []
    accept_share(people.xena.actor, share=given)
    [view] = list_panels(people.xena.actor)
    assert (view.id, view.permissions) == (panel, ARM)


def test_a_panel_is_asked_for_and_answered_on_pages(people: cast.Cast) -> None:
    bind_panel(people.olivia)
    xena, olivia = people.xena.browser(), people.olivia.browser()
    form = {
        "name": "Mine",
        "site": people.xena.site,
        "address": "mqtts://127.0.0.1:9",
        "state_topic": "home/alarm",
        "command_topic": "home/alarm/set",
        "code": "disarm",
    }
    refused = xena.post("/panels/add", form)
    assert refused.status_code == 409
    page = refused.content.decode()
    assert "This panel already has an owner" in page
    attempt = refused.context["attempt"]
    assert f"/requests/new?attempt={attempt}" in page
    # There is no claiming it from afar: a broker's password and a topic are not the panel.
    assert "/claims/new" not in page
    asking = xena.get(f"/requests/new?attempt={attempt}")
    assert [choice["value"] for choice in asking.context["choices"]] == ["arm", "notify"]
    asked = xena.post("/requests/new", {"attempt": attempt, "permission": ["arm"], "reason": "I live there"})
    assert asked.status_code == 302
    [row] = list_received_requests(people.olivia.actor)
    answering = olivia.get(f"/requests/{row.id}")
    assert [choice["value"] for choice in answering.context["request_"]["choices"]] == ["arm", "notify"]
    assert olivia.post(f"/requests/{row.id}/approve", {"permission": ["arm", "notify"]}).status_code == 302
    [offer] = list_received(people.xena.actor)
    assert [(item.kind, item.permissions) for item in offer.items] == [("panel", ARM | Permission.NOTIFY)]


def test_the_api_answers_for_panels(people: cast.Cast) -> None:
    panel = bind_panel(people.olivia)
    xena, olivia = people.xena.api(), people.olivia.api()
    assert post(xena, attempt=be_refused_panel(people.xena), permissions=["arm"]).status_code == 202
    [received] = olivia.get("/api/v1/access-requests").json()["items"]
    assert (received["panel"], received["cameras"]) == (True, [])
    body = {"items": [{"device": panel, "permissions": ["notify"]}]}
    given = olivia.post(f"/api/v1/access-requests/{received['id']}/approve", body, content_type="application/json")
    assert (given.status_code, given.json()["items"]) == (
        201,
        [{"device": panel, "name": "Alarm", "permissions": ["notify"]}],
    )


def test_a_panel_that_is_given_up_ends_what_was_asked(people: cast.Cast) -> None:
    panel = bind_panel(people.olivia)
    ask(people.xena, attempt=be_refused_panel(people.xena), permissions=ARM)
    unbind_device(people.olivia.actor, device=panel)
    assert [row.state for row in list_sent_requests(people.xena.actor)] == ["ended"]


def test_a_panel_is_not_claimed_from_afar(people: cast.Cast) -> None:
    """HC-26: a broker's password and a topic do not show that somebody stands before the panel."""
    bind_panel(people.olivia)
    with pytest.raises(Conflict):
        claim_device(
            people.xena.actor,
            site=people.xena.site,
            attempt=be_refused_panel(people.xena),
            address="mqtts://127.0.0.1:9",
            password="typed",
        )
