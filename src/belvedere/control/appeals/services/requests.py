"""Asking the owner. A request gives nothing, and tells nothing: it becomes an offer like any other, or it does not.

Whoever asks for what he may not see gets the answer that all others get, and nothing happens (N1, N16).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import SHAREABLE, Permission, normalize
from belvedere.control.access.guard import unguarded
from belvedere.control.access.selectors import get_decision
from belvedere.control.appeals.models import AccessRequest, BlockedRequester, DeviceClaim
from belvedere.control.appeals.selectors import get_received_request, list_blocked
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits
from belvedere.control.core.errors import Conflict, Invalid, NotFound, RateLimited
from belvedere.control.core.ids import is_id
from belvedere.control.core.names import clean_name
from belvedere.control.core.offers import OfferState, move
from belvedere.control.core.principal import Principal, system
from belvedere.control.devices.models import BindAttempt, Camera, Kind
from belvedere.control.devices.panels import SHAREABLE_OF_PANELS
from belvedere.control.devices.selectors import path_of
from belvedere.control.organizations.selectors import get_owner
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.services import Item, offer_share

#: of one person, whomever he asks, so that nobody learns what exists by counting
REQUESTS_A_DAY: Final = 10
#: of one person to one organization; what goes beyond waits unheard
HEARD_A_DAY: Final = 5
REST_AFTER_DENIAL: Final = timedelta(days=7)
VALID: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request is for: a device that somebody was refused (`attempt`), or a camera that he sees."""

    attempt: str = ""
    camera: str = ""


@dataclass(frozen=True, slots=True)
class _Target:
    device: str
    organization: str
    site: str
    camera: str | None
    is_panel: bool = False


@unguarded("anybody may ask; who is heard is decided here, and the answer is the same")
def request_access(
    actor: Principal, *, asked: Asked, permissions: Permission, reason: str, ends_at: datetime | None = None
) -> None:
    """Ask the owner of a device, or of a camera, for a share of it. What the actor may not see is asked of nobody.

    A second time while the first one waits changes nothing. Raises Invalid, RateLimited.
    """
    if permissions & ~SHAREABLE:
        raise Invalid(_("Only members of an organization can hold that permission."), field="permissions")
    if not permissions or normalize(permissions) != permissions:
        raise Invalid(
            _("Say what you want to do. Listening, talking and moving need live view; export needs playback."),
            field="permissions",
        )
    reason = clean_name(reason, field="reason", max_length=280)
    if ends_at is not None and ends_at <= clock.now():
        raise Invalid(_("That end lies in the past."), field="ends_at")
    # Counted before anything is looked up: for what is there and what is not alike.
    limits.hit("request", actor.id, limit=REQUESTS_A_DAY, per_s=86400)
    target = _find_target(actor, asked)
    if target is None or get_owner(target.organization) == actor.id:
        return
    if target.is_panel and permissions & ~SHAREABLE_OF_PANELS:
        raise Invalid(
            _("A panel can be armed and disarmed, and tell of alarms. It has no picture."), field="permissions"
        )
    _refuse_within_rest(actor, target)
    _ask(actor, target, permissions=permissions, reason=reason, ends_at=ends_at)


def _find_target(actor: Principal, asked: Asked) -> _Target | None:
    if is_id(asked.attempt):
        attempt = BindAttempt.objects.filter(pk=asked.attempt, account_id=actor.id, device__unbound_at=None)
        row = attempt.select_related("device").first()
        if row is None:
            return None
        device = row.device
        return _Target(device.pk, device.organization_id, device.site_id, None, is_panel=device.kind == Kind.PANEL)
    camera = Camera.objects.filter(pk=asked.camera, closed_at=None).first() if is_id(asked.camera) else None
    if camera is None or not get_decision(actor.id, path_of(camera)).permissions:
        return None
    return _Target(camera.device_id, camera.organization_id, camera.site_id, camera.pk)


def _refuse_within_rest(actor: Principal, target: _Target) -> None:
    """One no is an answer for a week, for that device: he was told it, so he may be told of it again."""
    rows = AccessRequest.objects.filter(requester_id=actor.id, device=target.device, state=OfferState.REJECTED)
    last = rows.order_by("-decided_at").values_list("decided_at", flat=True).first()
    if last and clock.now() < last + REST_AFTER_DENIAL:
        raise RateLimited(retry_after=int((last + REST_AFTER_DENIAL - clock.now()).total_seconds()))


def _ask(actor: Principal, target: _Target, *, permissions: Permission, reason: str, ends_at: datetime | None) -> None:
    at = clock.now()
    row = AccessRequest(
        requester_id=actor.id,
        organization_id=target.organization,
        device_id=target.device,
        camera_id=target.camera,
        permissions=int(permissions),
        ends_at=ends_at,
        reason=reason,
        is_heard=_is_heard(actor, target, at),
        offered_at=at,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            if row.is_heard:
                _write(actor, row, action="request.made")
                enqueue("mail.request_made", {"request": row.pk})
    except IntegrityError:
        return  # one waits already


def _is_heard(actor: Principal, target: _Target, at: datetime) -> bool:
    if BlockedRequester.objects.filter(organization=target.organization, requester_id=actor.id).exists():
        return False
    today = AccessRequest.objects.filter(
        requester_id=actor.id, organization=target.organization, offered_at__gt=at - timedelta(days=1)
    )
    return today.count() < HEARD_A_DAY


def _write(actor: Principal, row: AccessRequest, *, action: str, **details: str) -> None:
    write_entry(
        actor=actor,
        action=action,
        thing=f"request:{row.pk}",
        organization=row.organization_id,
        site=row.device.site_id,
        name=row.device.name,
        **details,
    )


@unguarded("the selector finds it for those alone who hold `share` on the device; `offer_share` checks each camera")
@transaction.atomic
def approve_request(actor: Principal, *, request: str, items: list[Item], ends_at: datetime | None = None) -> str:
    """Offer the requester these cameras, which may be more or fewer than he asked for; the share's id.

    It is an offer like any other: nothing opens before he accepts it, under the limits of any other. Raises NotFound,
    Forbidden, Invalid, Conflict (answered, or he has a share of one of these already), RateLimited.
    """
    view = get_received_request(actor, request)
    row = AccessRequest.objects.select_related("device").get(pk=view.id)
    # The conditional UPDATE comes first: of two who answer at once one sends an offer. What fails after it undoes it.
    if not move(row, OfferState.ACCEPTED, at=clock.now(), decided_by=actor.id):
        raise _answered()
    share = offer_share(actor, recipient=view.requester.email, items=items, ends_at=ends_at)
    AccessRequest.objects.filter(pk=row.pk).update(share=share)
    _write(actor, row, action="request.approved", recipient=view.requester.email)
    return share


def _answered() -> Conflict:
    return Conflict(_("This request was already answered, or has ended. Nothing was changed."))


@unguarded("the selector finds it for those alone who hold `share` on the device")
@transaction.atomic
def deny_request(actor: Principal, *, request: str, is_blocked: bool = False) -> None:
    """Say no; the requester is told, and may ask again for this device in a week. A second time is harmless.

    With `is_blocked` the organization hears no more of him, which he is not told. Raises NotFound, Conflict.
    """
    view = get_received_request(actor, request)
    row = AccessRequest.objects.select_related("device").get(pk=view.id)
    if not move(row, OfferState.REJECTED, at=clock.now(), decided_by=actor.id):
        row.refresh_from_db()
        if row.state != OfferState.REJECTED:
            raise _answered()
        return
    if is_blocked:
        BlockedRequester.objects.get_or_create(
            organization_id=row.organization_id,
            requester_id=row.requester_id,
            defaults={"blocked_by": actor.id, "at": clock.now()},
        )
    _write(actor, row, action="request.denied", recipient=view.requester.email)
    enqueue("mail.request_denied", {"request": row.pk})


@unguarded("the selector finds him for those alone who may share, or who blocked him themselves")
@transaction.atomic
def unblock_requester(actor: Principal, *, organization: str, account: str) -> None:
    """Hear somebody's requests again, from now on; he is not told, as he was not before. Raises NotFound."""
    view = next((row for row in list_blocked(actor, organization) if row.account.id == account), None)
    if view is None or not BlockedRequester.objects.filter(organization=organization, requester=account).delete()[0]:
        raise NotFound
    write_entry(
        actor=actor,
        action="request.unblocked",
        thing=f"organization:{organization}",
        organization=organization,
        recipient=view.account.email,
    )


@unguarded("cameras are closed by unbinding, whose guard has decided")
@transaction.atomic
def end_requests_of_closed(payload: dict[str, Any]) -> None:
    """Requests for a device that has this owner no more are over. Handler of `cameras.closed`."""
    closed = payload["cameras"]  # panels among them, whose ids are their devices'
    rows = AccessRequest.objects.filter(Q(device__cameras__in=closed) | Q(device__in=closed), state=OfferState.PENDING)
    rows = rows.distinct()
    for row in rows.exclude(device__unbound_at=None):
        move(row, OfferState.REVOKED, at=clock.now(), ended_reason=payload["why"])


@unguarded("the worker's own housekeeping")
def expire_requests() -> int:
    """Requests that nobody answered for thirty days are over: how many."""
    rows = AccessRequest.objects.filter(state=OfferState.PENDING, offered_at__lte=clock.now() - VALID)
    due = list(rows.select_related("device")[:500])
    for row in due:
        with transaction.atomic():
            if move(row, OfferState.EXPIRED, at=clock.now()) and row.is_heard:
                _write(system("server"), row, action="request.expired")
    return len(due)


@unguarded("asked by moving out, whose selector has found the organizations that the actor manages whole")
@transaction.atomic
def end_requests_with(actor: Principal, *, account: str, organizations: Collection[str]) -> int:
    """What an account asks of these organizations waits no more, nor does its claim on a device of theirs: how many.

    Nothing that it asks later is heard. It is not told, as nobody is whose requests are heard no more.
    """
    at = clock.now()
    asked = AccessRequest.objects.filter(requester_id=account, organization__in=organizations, is_heard=True)
    ended = asked.filter(state=OfferState.PENDING).update(is_heard=False)
    claims = DeviceClaim.objects.filter(claimant_id=account, device__organization__in=organizations)
    for claim in claims.filter(state=OfferState.PENDING).order_by("pk"):
        ended += move(claim, OfferState.REVOKED, at=at, ended_by=actor.id, ended_reason="refused")
    for organization in sorted(organizations):
        BlockedRequester.objects.get_or_create(
            organization_id=organization, requester_id=account, defaults={"blocked_by": actor.id, "at": at}
        )
    return ended
