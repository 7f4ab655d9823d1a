"""Who may speak through a camera: tickets, leases, who is told who speaks, and what the audit says of it."""

from datetime import timedelta

import pytest

import cast
from belvedere.contracts import events, sessions, subjects
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import OpenReply, Quality
from belvedere.control.audit.models import Entry
from belvedere.control.consumers import BUS
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, NotFound, SwitchedOff
from belvedere.control.devices.models import Camera
from belvedere.control.devices.selectors import get_camera
from belvedere.control.devices.services import disable_device, record_state
from belvedere.control.sharing import services as sharing
from belvedere.control.streaming import services
from belvedere.control.streaming.models import ViewingSession
from belvedere.control.streaming.selectors import count_watching, list_viewers
from control.watching import RUN, hello, renew, with_token

BOTH = Permission.LIVE_VIEW | Permission.TALK


@pytest.fixture(autouse=True)
def node(people: cast.Cast) -> None:
    """A node that lives."""
    hello()


def come(person: cast.Person, camera: str) -> OpenReply:
    """Ask for a ticket, and come to the node with it: as the bus has it."""
    url = services.open_talk(with_token(person), camera=camera).url
    session, secret = url.rpartition("ticket=")[2].split(".")
    reply = BUS[subjects.SESSION_OPEN].answer("local", sessions.OpenRequest(session, secret, RUN, "192.0.2.7", None))
    assert isinstance(reply, OpenReply)
    return reply


def test_a_ticket_leads_to_the_talk_socket_and_carries_talk(people: cast.Cast) -> None:
    assert "/media/v1/talk?ticket=" in services.open_talk(with_token(people.olivia), camera=people.courtyard).url
    reply = come(people.olivia, people.courtyard)
    assert (reply.kind, reply.camera) == (sessions.SessionKind.TALK, people.courtyard)
    assert reply.lease.held == BOTH  # nothing that has no use there


@pytest.mark.parametrize(
    ("permissions", "may"),
    [
        (BOTH, True),
        (BOTH | Permission.LISTEN, True),
        (Permission.LIVE_VIEW, False),
        (Permission.LIVE_VIEW | Permission.LISTEN | Permission.PLAYBACK | Permission.PTZ, False),
    ],
)
def test_talk_is_a_right_of_its_own(people: cast.Cast, permissions: Permission, *, may: bool) -> None:
    """HC-2, HC-13, VA-19."""
    people.olivia.share(people.rita, people.courtyard, permissions=permissions)
    if may:
        assert not come(people.rita, people.courtyard).lease.is_ended
        return
    with pytest.raises(Forbidden):
        services.open_talk(people.rita.actor, camera=people.courtyard)


def test_to_others_there_is_no_such_camera(people: cast.Cast) -> None:
    """N16."""
    with pytest.raises(NotFound):
        services.open_talk(people.xena.actor, camera=people.courtyard)


def test_a_camera_that_is_off_is_spoken_through_by_nobody(people: cast.Cast) -> None:
    reply = come(people.olivia, people.courtyard)
    device = get_camera(people.olivia.actor, people.courtyard).device
    assert device
    disable_device(people.olivia.actor, device=device)
    assert renew(reply.lease.session)[reply.lease.session].why == "disabled"
    with pytest.raises(SwitchedOff):
        services.open_talk(people.olivia.actor, camera=people.courtyard)


def test_the_right_that_ended_is_gone_at_the_next_renewal(people: cast.Cast) -> None:
    """VV-33, B-1: also where only talk was taken away, and the picture stays."""
    share = people.olivia.share(people.rita, people.courtyard, permissions=BOTH)
    session = come(people.rita, people.courtyard).lease.session
    assert not renew(session)[session].is_ended
    items = [sharing.Item(people.courtyard, Permission.LIVE_VIEW)]
    sharing.change_share(people.olivia.actor, share=share, items=items)
    assert renew(session)[session].is_ended


def test_it_stands_in_the_ledger_and_in_the_audit(people: cast.Cast) -> None:
    """B-2: whoever watches the watchers sees that somebody speaks; the audit says who, and from where."""
    people.olivia.share(people.rita, people.courtyard, permissions=BOTH)
    come(people.rita, people.courtyard)
    assert [(row.account.name, row.kind) for row in list_viewers(people.olivia.actor, people.courtyard)] == [
        ("Rita", "talk")
    ]
    [entry] = Entry.objects.filter(action="camera.spoken_through")
    assert entry.thing == f"camera:{people.courtyard}"


def test_a_conversation_is_one_entry(people: cast.Cast) -> None:
    for _ in range(3):
        come(people.olivia, people.courtyard)
    assert Entry.objects.filter(action="camera.spoken_through").count() == 1
    with clock.moved_by(services.CONVERSATION + timedelta(seconds=1)):
        hello()
        come(people.olivia, people.courtyard)
    assert Entry.objects.filter(action="camera.spoken_through").count() == 2


def test_who_talks_is_not_counted_as_watching(people: cast.Cast) -> None:
    """B-2: the eye counts eyes."""
    come(people.olivia, people.courtyard)
    assert count_watching([get_camera(people.olivia.actor, people.courtyard)]) == {people.courtyard: 0}
    page = people.olivia.browser().get(f"/cameras/{people.courtyard}/access").content.decode()
    assert "Talking since" in page
    assert "Nobody is watching now" in page


def test_the_page_has_a_button_where_there_is_a_way_and_a_right(people: cast.Cast) -> None:
    """HC-2: absent, not dead."""
    people.olivia.share(people.rita, people.courtyard)

    def button(person: cast.Person) -> bool:
        return "<talk-button" in person.browser().get(f"/cameras/{people.courtyard}").content.decode()

    assert not button(people.olivia)
    Camera.objects.filter(pk=people.courtyard).update(has_talk=True)
    assert button(people.olivia)
    assert not button(people.rita)


def test_a_ticket_nobody_came_with_is_no_entry(people: cast.Cast) -> None:
    services.open_talk(people.olivia.actor, camera=people.courtyard)
    assert not Entry.objects.filter(action="camera.spoken_through").exists()
    assert not ViewingSession.objects.filter(opened_at__isnull=False).exists()


def test_who_speaks_is_named_to_who_may_share(people: cast.Cast) -> None:
    """N14: recipients never learn of each other; the node says "somebody" to them."""
    for other in (people.rita, people.vera):
        people.olivia.share(other, people.courtyard, permissions=BOTH)
    assert come(people.rita, people.courtyard).holder == ""  # nobody does
    assert come(people.olivia, people.courtyard).holder == "Rita"
    services.record_closed(
        "local",
        sessions.SessionClosed(RUN, ViewingSession.objects.get(principal=people.olivia.id).pk, 0.0, "left"),
    )
    assert come(people.vera, people.courtyard).holder == ""


def test_a_token_that_only_watches_does_not_speak(people: cast.Cast) -> None:
    """N9."""
    address = f"/api/v1/cameras/{people.courtyard}/tickets"
    answers = {
        scope: people.olivia.api(["watch", scope]).post(address, {"kind": "talk"}, "application/json")
        for scope in ("read", "devices")
    }
    assert {scope: answer.status_code for scope, answer in answers.items()} == {"read": 403, "devices": 201}
    several = {"items": [{"camera": people.courtyard, "kind": "talk"}]}
    answer = people.olivia.api(["watch"]).post("/api/v1/tickets", several, "application/json")
    assert answer.json()["items"][0]["code"] == "forbidden"


def test_the_past_is_not_spoken_to(people: cast.Cast) -> None:
    body = {"kind": "talk", "from": "2026-11-20T00:00:00Z"}
    answer = people.olivia.api().post(f"/api/v1/cameras/{people.courtyard}/tickets", body, "application/json")
    assert answer.status_code == 422


def test_what_a_camera_has_is_what_its_node_found(people: cast.Cast) -> None:
    """HC-12: All permissions means those that the device has."""

    def say(sequence: int, *, has_talk: bool | None) -> list[str]:
        at = clock.now().timestamp()
        record_state(
            "local",
            events.CameraState(RUN, sequence, people.courtyard, Quality.MAIN, True, at, at, has_talk=has_talk),
        )
        return get_camera(people.olivia.actor, people.courtyard).has

    assert say(1, has_talk=None) == []
    assert say(2, has_talk=True) == ["talk"]
    assert say(3, has_talk=None) == ["talk"]  # not asked again yet: what was found stands
    assert say(4, has_talk=False) == []
