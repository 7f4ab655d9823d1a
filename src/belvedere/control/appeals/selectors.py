"""Reading requests and claims: one's own, and those about devices that one may answer for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q, QuerySet

from belvedere.contracts.permissions import Permission
from belvedere.control.access.selectors import ResourcePath, decision_of, grants_of
from belvedere.control.accounts.selectors import Person
from belvedere.control.appeals.models import AccessRequest, BlockedRequester, DeviceClaim
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.names import mask_email
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import BindAttempt, Camera, Device, Kind
from belvedere.control.organizations.selectors import get_organization
from belvedere.control.sharing.items import Item

#: how an offer's state is called on a request, and on a claim
REQUEST_STATES: Final = {
    OfferState.PENDING: "pending",
    OfferState.ACCEPTED: "approved",
    OfferState.REJECTED: "denied",
    OfferState.REVOKED: "ended",
    OfferState.EXPIRED: "expired",
}
CLAIM_STATES: Final = {
    OfferState.PENDING: "waiting",
    OfferState.ACCEPTED: "released",
    OfferState.REJECTED: "refused",
    OfferState.REVOKED: "ended",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRequest:
    """A request as its requester sees it: what he knew before, and what became of it."""

    id: str
    state: str
    camera: str | None
    camera_name: str
    permissions: Permission
    ends_at: datetime | None
    reason: str
    asked_at: datetime
    decided_at: datetime | None
    share: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """A request as those see it who may answer. Who asks shows himself: that is why he is asked for a reason."""

    id: str
    state: str
    requester: Person
    device: str
    device_name: str
    #: the device's cameras, id → name, and those that are asked for; a security panel is asked for itself, and has none
    cameras: dict[str, str]
    wanted: list[str]
    is_panel: bool
    permissions: Permission
    ends_at: datetime | None
    reason: str
    asked_at: datetime
    decided_at: datetime | None

    @property
    def as_asked(self) -> list[Item]:
        """What a plain yes would offer."""
        if self.is_panel:
            return [Item(self.device, self.permissions, "panel")]
        return [Item(camera, self.permissions) for camera in self.wanted]


@dataclass(frozen=True, slots=True)
class BlockedView:
    """Somebody whose requests are heard no more, and since when. He showed himself when he asked."""

    account: Person
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimView:
    """A claim. `device` and `device_name` are None and "" for the claimant; `claimant` is masked for everybody."""

    id: str
    state: str
    is_mine: bool
    claimant: str
    device: str | None
    device_name: str
    claimed_at: datetime
    due_at: datetime
    ended_at: datetime | None
    ended_reason: str


def list_sent_requests(actor: Principal) -> list[SentRequest]:
    """What the actor asked for, newest first. One query."""
    rows = AccessRequest.objects.filter(requester_id=actor.id).select_related("camera").order_by("-offered_at", "-pk")
    return [
        SentRequest(
            id=row.pk,
            state=REQUEST_STATES[OfferState(row.state)],
            camera=row.camera_id,
            camera_name=row.camera.name if row.camera else "",
            permissions=Permission(row.permissions),
            ends_at=row.ends_at,
            reason=row.reason,
            asked_at=row.offered_at,
            decided_at=row.decided_at or row.ended_at,
            share=row.share_id,
        )
        for row in rows
    ]


def _heard_by(actor: Principal, permission: Permission) -> Q:
    """Whatever is about a device that the actor holds `permission` on, by its site or organization, unless frozen."""
    grants = grants_of(actor)
    held = [pk for pk in grants.resources if permission in grants.decide(ResourcePath(pk, "", "")).permissions]
    return (Q(device__site__in=held) | Q(device__organization__in=held)) & ~Q(device__organization__in=grants.frozen)


def _requests_heard_by(actor: Principal) -> QuerySet[AccessRequest]:
    return AccessRequest.objects.filter(_heard_by(actor, Permission.SHARE), is_heard=True, device__unbound_at=None)


def requests_to(actor: Principal) -> QuerySet[AccessRequest]:
    """Requests that wait for the actor's answer, to be counted."""
    return _requests_heard_by(actor).filter(state=OfferState.PENDING)


def list_received_requests(actor: Principal, *, is_open: bool = True) -> list[ReceivedRequest]:
    """Requests for devices that the actor may share, newest first; with `is_open` only those that wait."""
    rows = requests_to(actor) if is_open else _requests_heard_by(actor)
    found = list(rows.select_related("requester", "device").order_by("-offered_at", "-pk")[:200])
    cameras: dict[str, dict[str, str]] = {}
    of_devices = Camera.objects.filter(device__in={row.device_id for row in found}, closed_at=None)
    for device, camera, name in of_devices.order_by("name", "pk").values_list("device_id", "pk", "name"):
        cameras.setdefault(device, {})[camera] = name
    return [_received(row, cameras.get(row.device_id, {})) for row in found]


def _received(row: AccessRequest, cameras: dict[str, str]) -> ReceivedRequest:
    return ReceivedRequest(
        id=row.pk,
        state=REQUEST_STATES[OfferState(row.state)],
        requester=Person(row.requester.pk, row.requester.name, row.requester.email),
        device=row.device_id,
        device_name=row.device.name,
        cameras=cameras,
        wanted=[pk for pk in cameras if row.camera_id in {None, pk}],
        is_panel=row.device.kind == Kind.PANEL,
        permissions=Permission(row.permissions),
        ends_at=row.ends_at,
        reason=row.reason,
        asked_at=row.offered_at,
        decided_at=row.decided_at or row.ended_at,
    )


def get_received_request(actor: Principal, request: str) -> ReceivedRequest:
    """One of them, answered or not. Raises NotFound."""
    for view in list_received_requests(actor, is_open=False) if is_id(request) else []:
        if view.id == request:
            return view
    raise NotFound


def list_blocked(actor: Principal, organization: str) -> list[BlockedView]:
    """Whose requests an organization of the actor's hears no more of, the latest first.

    Who may share all of it reads all of them; others those whom they blocked themselves. Raises NotFound.
    """
    get_organization(actor, organization)
    rows = BlockedRequester.objects.filter(organization=organization).select_related("requester").order_by("-at", "-pk")
    if not decision_of(actor, ResourcePath(organization, "", "")).allows(Permission.SHARE):
        rows = rows.filter(blocked_by=actor.id)
    return [BlockedView(Person(row.requester.pk, row.requester.name, row.requester.email), row.at) for row in rows]


def is_requester_blocked(account: str, organization: str) -> bool:
    """Whether an organization hears nothing of what this account asks for. For services: it is not told."""
    return BlockedRequester.objects.filter(organization=organization, requester=account).exists()


def find_attempt_device(actor: Principal, attempt: str) -> str | None:
    """The device that the actor was refused; None for anybody else's attempt, or one that has an owner no more."""
    rows = BindAttempt.objects.filter(pk=attempt, account_id=actor.id, device__unbound_at=None)
    row = rows.first() if is_id(attempt) else None
    return row.device_id if row else None


def is_panel_attempt(actor: Principal, attempt: str) -> bool:
    """Whether what the actor was refused is a security panel, as he said himself when he tried to add it."""
    device = find_attempt_device(actor, attempt)
    return device is not None and Device.objects.filter(pk=device, kind=Kind.PANEL).exists()


def list_claims(actor: Principal, *, is_open: bool = True) -> list[ClaimView]:
    """The actor's own claims, and those on devices that he may configure, newest first."""
    rows = DeviceClaim.objects.filter(_heard_by(actor, Permission.CONFIGURE) | Q(claimant_id=actor.id))
    if is_open:
        rows = rows.filter(state=OfferState.PENDING)
    return [
        _claim(row, actor) for row in rows.select_related("claimant", "device").order_by("-offered_at", "-pk")[:200]
    ]


def claims_to(actor: Principal) -> QuerySet[DeviceClaim]:
    """Claims of others that wait for the actor's word, to be counted."""
    rows = DeviceClaim.objects.filter(_heard_by(actor, Permission.CONFIGURE), state=OfferState.PENDING)
    return rows.exclude(claimant_id=actor.id)


def _claim(row: DeviceClaim, actor: Principal) -> ClaimView:
    is_mine = row.claimant_id == actor.id
    return ClaimView(
        id=row.pk,
        state=CLAIM_STATES[OfferState(row.state)],
        is_mine=is_mine,
        claimant=mask_email(row.claimant.email),
        device=None if is_mine else row.device_id,
        device_name="" if is_mine else row.device.name,
        claimed_at=row.offered_at,
        due_at=row.due_at,
        ended_at=row.decided_at or row.ended_at,
        ended_reason=row.ended_reason,
    )


def get_claim(actor: Principal, claim: str) -> ClaimView:
    """One of them, over or not. Raises NotFound."""
    for view in list_claims(actor, is_open=False) if is_id(claim) else []:
        if view.id == claim:
            return view
    raise NotFound
