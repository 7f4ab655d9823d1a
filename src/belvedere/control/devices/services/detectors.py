"""Detectors of cameras: naming one, letting it go, which node listens to it, and what that node says of it."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from django.db import transaction
from django.db.models import Q

from belvedere.contracts import detectors
from belvedere.contracts.brokers import BrokerLogin
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sealing import seal as seal_to_node
from belvedere.control.access.guard import requires, unguarded
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, vault
from belvedere.control.core.errors import NotFound
from belvedere.control.core.limits import hit
from belvedere.control.core.principal import Principal
from belvedere.control.devices.addresses import resolve
from belvedere.control.devices.brokers import BrokerWish, check_topic
from belvedere.control.devices.models import Blinding, Camera, Detector, MediaNode
from belvedere.control.devices.selectors import NODE_IS_GONE_AFTER, choose_node
from belvedere.control.devices.services.blinding import mark_blinded, mark_seeing
from belvedere.control.organizations.selectors import list_reach
from belvedere.control.outbox.services import enqueue

DETECTORS_PAGE: Final = 100
#: of a prefix and of a name: with what stands between and after them they make a topic
_MAX_PART: Final = 90
#: for so long after a change its node may still hear what was set before
_SETTLES: Final = timedelta(seconds=15)


@requires(Permission.CONFIGURE, on="camera")
def set_detector(actor: Principal, *, camera: str, broker: BrokerWish, prefix: str, name: str) -> None:
    """Hear of a camera what a detector says of it, in place of any other: at `broker`, below `prefix`, as `name`.

    Where one spoke before, whatever changes is a mark until the camera is heard of again: a name that nobody ever says
    blinds as well as a switch. A kept password goes to no other broker (N26).

    Raises Invalid, NetworkNotAllowed (no packet sent), RateLimited.
    """
    hit("detector.address", actor.id, limit=30, per_s=3600)
    row = Camera.objects.get(pk=camera)
    kept = Detector.objects.filter(camera=camera).first()
    address, login = broker.fill_in(_open(kept) if kept else None)
    prefix = check_topic(prefix, "prefix", longest=_MAX_PART, is_part=True)
    name = check_topic(name, "name", longest=_MAX_PART, is_part=True)
    resolve(address, list_reach(row.organization_id))
    is_same = kept is not None and (kept.prefix, kept.name, _open(kept)) == (prefix, name, login)
    source = vault.seal(msgspec.json.encode(login).decode(), table="detector", row=camera, field="source")
    with transaction.atomic():
        # Locked, so that a camera that is being closed gets none.
        if not Camera.objects.select_for_update().filter(pk=camera, closed_at=None).exists():
            raise NotFound
        Detector.objects.update_or_create(
            camera=row,
            defaults={
                "source": source,
                "shown_address": address.shown,
                "prefix": prefix,
                "name": name,
                "error": "",
                "heard_at": kept.heard_at if kept and is_same else None,
                "told_at": None,
            },
        )
        if kept and kept.heard_at and not is_same:
            mark_blinded(actor, cameras=[camera], kind=Blinding.Kind.ALERTS)
        _write(actor, row, "camera.detector_set")
        enqueue("assignments.changed", {"withdrawn": []})


@requires(Permission.CONFIGURE, on="camera", of_member=True)
@transaction.atomic
def remove_detector(actor: Principal, *, camera: str) -> None:
    """Hear of it no more; its credentials are gone. Raises NotFound where there is none."""
    deleted, _each = Detector.objects.filter(camera=camera).delete()
    if not deleted:
        raise NotFound
    mark_blinded(actor, cameras=[camera], kind=Blinding.Kind.ALERTS)
    _write(actor, Camera.objects.get(pk=camera), "camera.detector_removed")
    enqueue("assignments.changed", {"withdrawn": []})


@unguarded("what became of closed cameras: their credentials go with them")
def drop_detectors(payload: dict[str, list[str]]) -> None:
    """Forget the detectors of cameras that were closed. Handler of `cameras.closed`."""
    Detector.objects.filter(camera__in=payload["cameras"]).delete()


@unguarded("asked by the media node itself, which the bus holds to its own name")
def list_detectors(node: str, request: detectors.DetectorsRequest) -> detectors.DetectorsReply | None:
    """The detectors of the cameras that this node carries, sealed to its key; one page.

    A run that we do not know gets no answer, so that it goes on as it was told.
    """
    nodes = list(MediaNode.objects.filter(last_seen_at__gt=clock.now() - NODE_IS_GONE_AFTER))
    me = next((row for row in nodes if (row.pk, row.run) == (node, request.run)), None)
    if me is None:
        return None
    rows = Detector.objects.filter(camera__closed_at=None, camera__disabled_at=None, pk__gt=request.after)
    page = list(rows.select_related("camera").order_by("pk")[:DETECTORS_PAGE])
    return detectors.DetectorsReply(
        [detectors.DetectorAssignment(row.pk, _box(row, me)) for row in page if choose_node(row.pk, nodes) is me],
        page[-1].pk if len(page) == DETECTORS_PAGE else "",
    )


def _box(row: Detector, node: MediaNode) -> str:
    source = detectors.DetectorSource(
        **msgspec.to_builtins(_open(row)),
        networks=list_reach(row.camera.organization_id),
        prefix=row.prefix,
        name=row.name,
    )
    return seal_to_node(node.public_key, msgspec.json.encode(source))


def _open(row: Detector) -> BrokerLogin:
    return msgspec.json.decode(vault.unseal(row.source, table="detector", row=row.pk, field="source"), type=BrokerLogin)


@unguarded("said by the media node itself, which the bus holds to its own name")
def record_detector_state(node: str, state: detectors.DetectorState) -> None:
    """How the line to a camera's detector is now. Older words than the last are dropped."""
    if not MediaNode.objects.filter(pk=node, run=state.run).exists():
        return
    at = clock.now()
    is_old = Q(state_run=state.run, state_sequence__gte=state.sequence)
    rows = Detector.objects.filter(pk=state.camera).exclude(is_old)
    rows.update(state_run=state.run, state_sequence=state.sequence, error=state.error[:40], told_at=at)
    if state.heard_at is not None:
        heard_at = min(datetime.fromtimestamp(state.heard_at, UTC), at)
        rows = Detector.objects.filter(pk=state.camera, state_run=state.run, state_sequence=state.sequence)
        if rows.update(heard_at=heard_at):
            mark_seeing(
                cameras=[state.camera],
                kind=Blinding.Kind.ALERTS,
                at=heard_at,
                begun_before=heard_at - _SETTLES,
            )


def _write(actor: Principal, camera: Camera, action: str) -> None:
    write_entry(
        actor=actor,
        action=action,
        thing=f"camera:{camera.pk}",
        organization=camera.organization_id,
        site=camera.site_id,
        name=camera.name,
    )
