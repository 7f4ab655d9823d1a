"""Two at the same moment, each on a connection of its own: one wins, the other learns, no right is left over.

Rule 5: giving and ending first touch the same row, so that whoever comes second sees the other.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from inspect import unwrap
from typing import Any

import pytest
from django.db import connection, transaction

import cast
from belvedere.contracts.events import CameraState, Hello
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sealing import generate_key, public_bytes
from belvedere.contracts.sessions import OpenRequest, Quality
from belvedere.control.access.models import Grant, Origin
from belvedere.control.access.services import end_grants
from belvedere.control.accounts.models import ApiToken
from belvedere.control.accounts.selectors import find_principal_of_token
from belvedere.control.accounts.services import disable_account
from belvedere.control.core.errors import AlreadyBound, NotFound, Refusal
from belvedere.control.core.principal import Principal, system
from belvedere.control.devices.brokers import BrokerWish
from belvedere.control.devices.models import Binding, Camera
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.devices.services import (
    add_channels,
    add_device,
    readdress_device,
    readdress_panel,
    record_hello,
    record_state,
    refresh_device,
    unbind_device,
)
from belvedere.control.organizations.models import Membership
from belvedere.control.sharing.models import Share
from belvedere.control.sharing.services import accept_share, end_share, leave_share, reject_share
from belvedere.control.streaming.models import ViewingSession
from belvedere.control.streaming.services import claim_session, open_ticket

ROUNDS = 6


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run each in a thread of its own, started together. Results, or the Refusal each ended in."""
    start = threading.Barrier(len(acts))
    found: list[Any] = [None] * len(acts)

    def run(place: int, act: Callable[[], Any]) -> None:
        start.wait()
        try:
            found[place] = act()
        except Exception as error:
            found[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    faults = [result for result in found if isinstance(result, Exception) and not isinstance(result, Refusal)]
    assert faults == []
    return found


def end_membership(membership: str, actor: Principal) -> None:
    """What removing a member does: the membership first, then, in a second statement, what rests on it."""
    with transaction.atomic():
        Membership.objects.filter(pk=membership).update(is_active=False)
        shares = Share.objects.filter(membership=membership).values_list("pk", flat=True)
        end_grants(
            actor,
            organization=Membership.objects.get(pk=membership).organization_id,
            reason="removed",
            action="member.removed",
            thing=f"membership:{membership}",
            origin_ids=[membership, *shares],
        )


def test_accepting_while_the_giver_goes(people: cast.Cast) -> None:
    """Rule 5: no grant of a share survives the membership under which it was given."""
    olivia, rita = people.olivia, people.rita
    share = olivia.offer(rita, people.courtyard)
    membership = Share.objects.get(pk=share).membership_id
    at_once(lambda: accept_share(rita.actor, share=share), lambda: end_membership(membership, olivia.actor))
    assert not Grant.objects.filter(origin=Origin.SHARE, created_by=olivia.id, ended_at=None).exists()
    assert list_cameras(rita.actor) == []


def test_offering_while_the_giver_goes(people: cast.Cast) -> None:
    """Rule 5: an offer made at that moment cannot be accepted afterwards."""
    olivia, rita = people.olivia, people.rita
    membership = Membership.objects.get(account_id=olivia.id).pk
    share, _ = at_once(lambda: olivia.offer(rita, people.courtyard), lambda: end_membership(membership, olivia.actor))
    if isinstance(share, str):
        with pytest.raises(Refusal):
            accept_share(rita.actor, share=share)
    assert list_cameras(rita.actor) == []


def test_accepting_twice_gives_once(people: cast.Cast) -> None:
    for camera in (people.courtyard, people.pool):
        share = people.olivia.offer(people.rita, camera)
        at_once(*[partial(accept_share, people.rita.actor, share=share)] * 3)
        assert Grant.objects.filter(origin_id=share, ended_at=None).count() == 1


@pytest.mark.parametrize("other", [reject_share, leave_share, end_share], ids=lambda act: act.__name__)
def test_accepting_and_its_opposite(
    people: cast.Cast, other: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever comes second, grants and state agree."""
    monkeypatch.setattr("belvedere.control.sharing.services.offers.UNANSWERED_A_DAY", 1000)
    monkeypatch.setattr("belvedere.control.sharing.services.offers.REST_AFTER_REJECTION", timedelta(days=-1))
    actor = people.olivia.actor if other is end_share else people.rita.actor
    for _ in range(ROUNDS):
        share = people.olivia.offer(people.rita, people.courtyard)
        at_once(partial(accept_share, people.rita.actor, share=share), partial(other, actor, share=share))
        state = Share.objects.get(pk=share).state
        assert Grant.objects.filter(origin_id=share, ended_at=None).exists() == (state == "accepted")
        if state == "accepted":
            end_share(people.olivia.actor, share=share)


def test_one_device_gets_one_owner(people: cast.Cast) -> None:
    """VA-1: five people add the same camera at once; one has it, four read `already_bound`."""
    everybody = (people.olivia, people.rita, people.vera, people.pat, people.xena)

    def add(person: cast.Person) -> str:
        address = "rtsp://127.0.0.1:9/the-same"
        return add_device(person.actor, site=person.site, name="Mine", address=address, is_tested=False)

    found = at_once(*[partial(add, person) for person in everybody])
    assert sum(isinstance(result, str) for result in found) == 1
    assert sum(isinstance(result, AlreadyBound) for result in found) == 4
    assert Binding.objects.filter(value__endswith="|/the-same").count() == 1


def test_a_camera_that_goes_stays_gone(people: cast.Cast) -> None:
    """Rule 6: what its node says of it at that moment, or a new address, brings neither camera nor identity back."""
    raise_node()
    words = [
        CameraState(run="run-1", sequence=n, camera=people.courtyard, quality=Quality.MAIN, online=True, since=0, at=0)
        for n in range(1, 4)
    ]
    olivia = people.olivia.actor
    device = get_camera(olivia, people.courtyard).device
    assert device
    at_once(
        *[partial(record_state, "local", word) for word in words],
        partial(unbind_device, olivia, device=device),
        partial(readdress_device, olivia, device=device, address="rtsp://127.0.0.1:9/elsewhere"),
    )
    assert Camera.objects.get(pk=people.courtyard).closed_at is not None
    assert people.courtyard not in {view.id for view in list_cameras(olivia)}
    assert not Binding.objects.filter(device=device).exists()


def test_what_is_unbound_behind_the_guard_is_not_there(people: cast.Cast) -> None:
    """Rule 6: let in, and unbound before it is read: as if it had never been there, whatever was wanted of it."""
    olivia = people.olivia.actor
    device = get_camera(olivia, people.courtyard).device
    assert device
    unbind_device(olivia, device=device)
    for act in (
        partial(unwrap(readdress_device), address="rtsp://127.0.0.1:9/elsewhere"),
        unwrap(refresh_device),
        partial(unwrap(add_channels), channels=[]),
        partial(unwrap(readdress_panel), wish=BrokerWish(address="mqtt://127.0.0.1:9")),
    ):
        with pytest.raises(NotFound):
            act(olivia, device=device)


def test_words_that_come_at_once_leave_the_last(people: cast.Cast) -> None:
    """Four threads hear the bus: whichever is first, the highest sequence is what stays."""
    raise_node()
    for start in range(0, 40, 8):
        words = [
            CameraState(
                run="run-1",
                sequence=start + n,
                camera=people.courtyard,
                quality=Quality.MAIN,
                online=n % 2 == 1,
                since=start + n,
                at=0,
            )
            for n in range(1, 8)
        ]
        at_once(*[partial(record_state, "local", word) for word in words])
        row = Camera.objects.get(pk=people.courtyard)
        assert (row.state, row.state_sequence) == ("online", start + 7)


def raise_node() -> None:
    """A media node that lives."""
    record_hello(
        "local", Hello(node="local", run="run-1", url="ws://localhost:1", public_key=public_bytes(generate_key()))
    )


def test_a_ticket_opens_one_socket(people: cast.Cast) -> None:
    """N18: on two nodes, or twice on one, at the same moment."""
    raise_node()
    token = f"token:{_token_of(people.olivia)}"
    actor = Principal(id=people.olivia.id, name="Olivia", credential=token)
    for _ in range(ROUNDS):
        session, secret = open_ticket(actor, camera=people.courtyard).url.rpartition("ticket=")[2].split(".")
        asks = [
            OpenRequest(session=session, secret=secret, run=f"run-{number}", peer="127.0.0.1", origin=None)
            for number in range(3)
        ]
        replies = at_once(*[partial(claim_session, "local", ask) for ask in asks])
        assert sum(not reply.lease.is_ended for reply in replies) == 1


def test_claiming_while_the_right_ends(people: cast.Cast) -> None:
    """Claim, commit, then look — against — end, commit, then look: never an open session without a right."""
    raise_node()
    share = people.olivia.share(people.rita, people.courtyard)
    token = f"token:{_token_of(people.rita)}"
    actor = Principal(id=people.rita.id, name="Rita", credential=token)
    sessions = []
    asks = []
    for number in range(3):
        session, secret = open_ticket(actor, camera=people.courtyard).url.rpartition("ticket=")[2].split(".")
        asks.append(OpenRequest(session=session, secret=secret, run="run-1", peer=f"127.0.0.{number}", origin=None))
        sessions.append(session)
    *replies, change = at_once(
        *[partial(claim_session, "local", ask) for ask in asks],
        lambda: end_share(people.olivia.actor, share=share),
    )
    assert isinstance(change, str)
    for row, reply in zip(sessions, replies, strict=True):
        found = ViewingSession.objects.get(pk=row)
        is_open = found.opened_at is not None and found.closed_at is None
        # It was refused at the claim, or the loss has seen it: there is no third way.
        assert reply.lease.is_ended or found.change_id == change
        assert not is_open or found.change_id == change


def test_signing_in_somewhere_while_the_account_is_disabled(people: cast.Cast) -> None:
    """N6: a token made at that moment is as dead as the others."""
    token = people.rita.token()
    at_once(people.rita.token, lambda: disable_account(system("operator"), account=people.rita.id))
    assert find_principal_of_token(token) is None


def _token_of(person: cast.Person) -> str:
    person.token()
    return ApiToken.objects.filter(account_id=person.id).latest("created_at").pk


def test_permissions_are_the_least_of_what_was_offered_and_is_held(people: cast.Cast) -> None:
    """Rule 5: accepting decides again what its giver may give."""
    share = people.olivia.offer(people.rita, people.courtyard, permissions=Permission.LIVE_VIEW | Permission.PLAYBACK)
    Grant.objects.filter(principal=people.olivia.id, ended_at=None).update(
        permissions=int(Permission.LIVE_VIEW | Permission.SHARE)
    )
    accept_share(people.rita.actor, share=share)
    assert [view.permissions for view in list_cameras(people.rita.actor)] == [Permission.LIVE_VIEW]
