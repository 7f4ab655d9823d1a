"""One world for all invariants: the cast, a media node that lives, and an id of everything there is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

import cast
from belvedere.contracts.events import Hello
from belvedere.contracts.ids import new_id
from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import ExportFinished
from belvedere.contracts.sealing import generate_key, public_bytes
from belvedere.control.access.roles import Role
from belvedere.control.accounts.models import ApiToken, SignInPlace
from belvedere.control.accounts.services import add_recovery_contact
from belvedere.control.accounts.sign_ins import Way
from belvedere.control.appeals.models import BlockedRequester, DeviceClaim
from belvedere.control.appeals.selectors import list_received_requests
from belvedere.control.appeals.services import Asked, request_access
from belvedere.control.appeals.services.claims import WAIT
from belvedere.control.core import clock
from belvedere.control.core.errors import AlreadyBound
from belvedere.control.core.matters import Matter
from belvedere.control.devices.brokers import BrokerWish
from belvedere.control.devices.models import BindAttempt
from belvedere.control.devices.panel_sources import PanelWish
from belvedere.control.devices.selectors import get_camera
from belvedere.control.devices.services import add_device, add_panel, record_hello, set_detector
from belvedere.control.events.models import Event
from belvedere.control.guests.services import make_link
from belvedere.control.handover.services.access_tests import make_test_link
from belvedere.control.notifications.models import MatterLine, Notification, PushSubscription
from belvedere.control.notifications.services import create_broker, create_webhook
from belvedere.control.organizations.selectors import MemberFilter, list_members
from belvedere.control.organizations.services import (
    Wish,
    accept_invitation,
    add_site,
    create_organization,
    invite_member,
)
from belvedere.control.providers.services import accept_engagement, ask_for_more, offer_engagement
from belvedere.control.recordings.models import Export
from belvedere.control.recordings.services import sign_export
from belvedere.control.sharing.selectors import get_given, list_recipients
from belvedere.control.sharing.services import (
    Item,
    accept_share,
    end_share,
    make_group,
    make_preset,
    offer_share,
)
from belvedere.control.streaming.models import ViewingSession
from invariants.surface import BODIES, QUERIES, SUCCESS, Method, Path, fill

NODE_KEY = public_bytes(generate_key())


@dataclass
class World:
    """The cast, and ways for each of them to call every operation."""

    people: cast.Cast
    ids: dict[str, str]
    own_token: dict[str, str]

    def person(self, name: str) -> cast.Person:
        """One of the cast by name."""
        found: cast.Person = getattr(self.people, name)
        return found

    def by_token(self, name: str, scopes: list[str] | None = None) -> Client:
        """A program with a token of somebody's; without any header for `anonymous`."""
        return Client() if name == "anonymous" else self.person(name).api(scopes)

    def by_session(self, name: str) -> Client:
        """A signed-in browser of somebody's."""
        return Client() if name == "anonymous" else self.person(name).browser()

    def call(
        self, client: Client, operation: tuple[Method, Path], ids: dict[str, str] | None = None, **more: Any
    ) -> Any:
        """Call one operation with a body and query that are right, and with these ids in place of Olivia's."""
        ids = self.ids | (ids or {})
        body = BODIES.get(operation)
        if operation in QUERIES:
            more["query_params"] = fill(QUERIES[operation], ids)
        return send(client, operation, fill(body, ids) if body is not None else None, ids, **more)


def send(client: Client, operation: tuple[Method, Path], body: Any, ids: dict[str, str], **more: Any) -> Any:
    """One request to the API."""
    method, path = operation
    address = "/api/v1/" + "/".join(fill(part, ids) for part in path.split("/"))
    if method != "GET":
        more = {"data": "" if body is None else body, "content_type": "application/json"} | more
    return getattr(client, method.lower())(address, **more)


def success_of(operation: tuple[Method, Path]) -> int:
    """What it answers when all is well."""
    return SUCCESS.get(operation, 200)


def _invite(giver: cast.Person, to: cast.Person) -> str:
    wish = Wish(role=Role.VIEWER, sites="all")
    return invite_member(giver.actor, organization=giver.organization, address=to.email, wish=wish)


def _bind_panel(owner: cast.Person, armer: cast.Person) -> str:
    """A security panel of one, that another may arm and disarm."""
    wish = PanelWish(address="mqtts://127.0.0.1:9", state_topic="alarm", command_topic="alarm/set")
    panel = add_panel(owner.actor, site=owner.site, name="Alarm", wish=wish)
    share = offer_share(owner.actor, recipient=armer.email, items=[Item(panel, Permission.ARM, "panel")])
    accept_share(armer.actor, share=share)
    return panel


def _set_detector(owner: cast.Person, camera: str) -> None:
    """A Frigate that looks at it, too."""
    broker = BrokerWish(address="mqtts://127.0.0.1:9", username="house", password=cast.CANARY)
    set_detector(owner.actor, camera=camera, broker=broker, prefix="frigate", name="counter")


def _found(giver: cast.Person, to: cast.Person, name: str) -> str:
    """An organization that could be handed over to its Super Admin."""
    organization = create_organization(giver.actor, name=name)
    wish = Wish(role=Role.SUPER_ADMIN)
    invitation = invite_member(giver.actor, organization=organization, address=to.email, wish=wish)
    accept_invitation(to.actor, invitation=invitation)
    return organization


def _refuse(who: cast.Person, owner: cast.Person, path: str) -> str:
    """Somebody tries to add a device of the owner's; the attempt that the refusal names."""
    with pytest.raises(AlreadyBound) as refused:
        add_device(who.actor, site=who.site, name="Mine", address=f"rtsp://127.0.0.1:9{path}", is_tested=False)
    return str(refused.value.extra["attempt"])


def _ask_for(who: cast.Person, owner: cast.Person) -> str:
    """A request that waits for the owner's answer, by who sees nothing of it."""
    asked = Asked(attempt=_refuse(who, owner, f"/{owner.id}/Courtyard"))
    request_access(who.actor, asked=asked, permissions=cast.LIVE, reason="please")
    return list_received_requests(owner.actor)[0].id


def _block(owner: cast.Person, who: cast.Person) -> str:
    """Somebody whose requests the owner hears no more of; his account."""
    BlockedRequester.objects.create(
        organization_id=owner.organization, requester_id=who.id, blocked_by=owner.id, at=clock.now()
    )
    return who.id


def _claim_of(who: cast.Person, owner: cast.Person) -> str:
    """A claim that waits, as if its device had let the claimant in: no node answers in these tests."""
    attempt = BindAttempt.objects.get(pk=_refuse(who, owner, f"/{owner.id}/Pool"))
    at = clock.now()
    return DeviceClaim.objects.create(
        claimant_id=who.id, device=attempt.device, attempt=attempt, site_id=who.site, offered_at=at, due_at=at + WAIT
    ).pk


def export_of(who: cast.Person, camera: str) -> str:
    """An export that is done, as if a node had made it."""
    at = clock.now()
    start, end = at - timedelta(hours=2), at - timedelta(hours=1)
    session = ViewingSession.objects.create(
        principal=who.id,
        camera_id=camera,
        kind="export",
        quality="main",
        start_at=start,
        end_at=end,
        node="local",
        run="run-1",
        issued_at=at,
        opened_at=at - timedelta(seconds=1),
        closed_at=at,
    )
    export = Export.objects.create(session=session, camera_id=camera, by=who.id, start_at=start, end_at=end)
    whole = ExportFinished(run="run-1", session=session.pk, sha256="0" * 64, size=9, spans=[])
    assert sign_export("local", whole).accepted
    return export.pk


@pytest.fixture
def world(put_back: Callable[[str, Callable[[], Any]], Any]) -> World:
    """The cast and everything that has an id. What Olivia ended by a change is an offer to Rita.

    Her member is Mia; Pat is invited and has not answered. She has two organizations more, with Vera as Super Admin:
    the bakery is offered to her, the mill is not.
    """
    people, ids = put_back("world", lambda: _make(put_back("people", cast.gather)))
    record_hello("local", Hello(node="local", run="run-1", url="ws://localhost:8001", public_key=NODE_KEY))
    return World(people, ids, {})


def _make_link(giver: cast.Person, camera: str) -> str:
    """A guest link that nobody opened."""
    return make_link(
        giver.actor,
        name="Gardener",
        cameras=[camera],
        permissions=Permission.LIVE_VIEW,
        ends_at=clock.now() + timedelta(days=1),
        max_uses=3,
    ).id


def _engage(olivia: cast.Person, vera: cast.Person, site: str) -> tuple[str, str]:
    """Vera serves a site with nothing on it, and asks for more; the engagement, and what she asks for."""
    engagement = offer_engagement(
        olivia.actor,
        site=site,
        address=vera.email,
        permissions=Permission.LIVE_VIEW,
        ends_at=clock.now() + timedelta(days=7),
    )
    accept_engagement(vera.actor, engagement=engagement)
    wish = ask_for_more(vera.actor, engagement=engagement, permissions=Permission.LIVE_VIEW, reason="a cable", hours=1)
    return engagement, wish


def _make(people: cast.Cast) -> tuple[cast.Cast, dict[str, str]]:
    olivia = people.olivia
    withdrawn = olivia.offer(people.rita, people.courtyard)
    change = end_share(olivia.actor, share=withdrawn)
    home = olivia.site
    device = get_camera(olivia.actor, people.counter).device
    assert device
    recipient = next(row.id for row in list_recipients(olivia.actor) if row.address == people.vera.email)
    olivia.token()
    annex = add_site(olivia.actor, organization=olivia.organization, name="Paddock")
    mia = cast.make("mia")
    accept_invitation(mia.actor, invitation=_invite(olivia, mia))
    engagement, wish = _engage(olivia, people.vera, annex.pk)
    mill, bakery = (_found(olivia, people.vera, name) for name in ("Mill", "Bakery"))
    panel = _bind_panel(olivia, people.vera)
    _set_detector(olivia, people.counter)
    handover = cast.offer_handover(olivia.actor, thing=bakery, receiver=people.vera.id, afterwards="super_admin")
    ids = {
        "camera_id": people.counter,
        "device_id": device,
        "panel_id": panel,
        "site_id": home,
        "other_site_id": annex.pk,
        "member_id": list_members(olivia.actor, olivia.organization, look_for=MemberFilter(text="mia")).items[0].id,
        "invitation_id": _invite(olivia, people.pat),
        "organization_id": olivia.organization,
        "mill_id": mill,
        "handover_id": handover,
        "contact_id": add_recovery_contact(olivia.actor, address="dora@example.org", name="Dora"),
        "engagement_id": engagement,
        "wish_id": wish,
        "request_id": _ask_for(people.rita, olivia),
        "blocked_id": _block(olivia, people.xena),
        "claim_id": _claim_of(people.rita, olivia),
        "other_camera_id": people.courtyard,
        "share_id": people.veras_share,
        "sharer_id": people.xena.id,
        "recipient_id": recipient,
        "preset_id": make_preset(
            olivia.actor, organization=olivia.organization, name="Guard", permissions=Permission.LIVE_VIEW
        ),
        "group_id": make_group(
            olivia.actor, organization=olivia.organization, name="Shop", cameras=[people.counter, people.pool]
        ),
        "link_id": _make_link(olivia, people.counter),
        "change_id": change,
        "account_id": mia.id,
        "test_id": make_test_link(olivia.actor, account=people.vera.id, cameras=[people.counter])[0],
        "export_id": export_of(olivia, people.counter),
        "event_id": Event.objects.create(
            organization_id=olivia.organization,
            camera_id=people.counter,
            kind="motion",
            source="onvif",
            started_at=clock.now(),
            heard_at=clock.now(),
        ).pk,
        "place_id": SignInPlace.objects.create(
            account_id=olivia.id,
            device="0" * 64,
            network="8.8.8.0/24",
            way=Way.PASSWORD,
            is_told=True,
            first_at=clock.now(),
            last_at=clock.now(),
        ).pk,
        "matter_id": MatterLine.objects.create(
            account_id=olivia.id, kind=Matter.GUESSES, event=new_id(), at=clock.now()
        ).pk,
        "notification_id": Notification.objects.create(
            account_id=olivia.id,
            resource=people.counter,
            kind="motion",
            event=new_id(),
            last_event=new_id(),
            began_at=clock.now(),
            last_at=clock.now(),
        ).pk,
        "subscription_id": PushSubscription.objects.create(
            account_id=olivia.id, digest="0" * 64, created_at=clock.now()
        ).pk,
        "broker_id": create_broker(
            olivia.actor, name="Home", broker=BrokerWish(address="mqtts://127.0.0.1:9", username="", password="")
        ),
        "webhook_id": create_webhook(olivia.actor, name="Lamp", url="http://127.0.0.1:9/lamp")[0],
        # A camera's own name of a place: there is no camera here that could know it.
        "preset": "1",
        "token_id": ApiToken.objects.filter(account_id=olivia.id).values_list("pk", flat=True)[0],
    }
    assert get_given(olivia.actor, withdrawn).change_id == change
    return people, ids
