"""What media nodes say and ask: that they live, what they carry, how cameras are."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from django.db import transaction
from django.db.models import Q

from belvedere.contracts import events, subjects
from belvedere.contracts.sealing import seal as seal_to_node
from belvedere.contracts.sessions import Quality
from belvedere.control.access.guard import unguarded
from belvedere.control.core import clock, media
from belvedere.control.devices.models import Camera, MediaNode, StateChange
from belvedere.control.devices.selectors import NODE_IS_GONE_AFTER, choose_node
from belvedere.control.devices.services.binding import open_source
from belvedere.control.organizations.selectors import list_reach
from belvedere.control.outbox.services import Again

ASSIGNMENTS_PAGE: Final = 100
KEEP_STATE_CHANGES: Final = timedelta(days=8)


@unguarded("said by the media node itself, which the bus holds to its own name")
def record_hello(node: str, hello: events.Hello) -> bool:
    """Note that a node lives. True if this is a new run: every session of older runs is over."""
    at = clock.now()
    MediaNode.objects.filter(pk=node).exclude(public_key=hello.public_key).update(key_since=at)
    seen = MediaNode.objects.filter(pk=node, run=hello.run).update(
        last_seen_at=at, url=hello.url, public_key=hello.public_key
    )
    if seen:
        return False
    said = {"run": hello.run, "url": hello.url, "public_key": hello.public_key, "last_seen_at": at}
    MediaNode.objects.update_or_create(pk=node, defaults=said, create_defaults=said | {"key_since": at})
    return True


@unguarded("asked by the media node itself, which the bus holds to its own name")
def list_assignments(node: str, request: events.AssignmentsRequest) -> events.AssignmentsReply:
    """The streams this node has to carry, sealed to its key; one page."""
    at = clock.now()
    nodes = list(MediaNode.objects.filter(last_seen_at__gt=at - NODE_IS_GONE_AFTER))
    me = next((row for row in nodes if (row.pk, row.run) == (node, request.run)), None)
    if me is None:
        return events.AssignmentsReply([])
    rows = Camera.objects.filter(closed_at=None, disabled_at=None, device__unbound_at=None, pk__gt=request.after)
    page = list(rows.select_related("device").order_by("pk")[:ASSIGNMENTS_PAGE])
    streams = [
        stream
        for camera in page
        if len(nodes) == 1 or choose_node(camera.pk, nodes) is me
        for stream in _assignments_of(camera, me)
    ]
    return events.AssignmentsReply(streams, page[-1].pk if len(page) == ASSIGNMENTS_PAGE else "")


def _assignments_of(camera: Camera, node: MediaNode) -> list[events.StreamAssignment]:
    device = camera.device
    source = open_source(device)
    networks = list_reach(device.organization_id)
    found = []
    for quality in (Quality.MAIN, Quality.SUB):
        if opened := source.of(camera.channel, quality, networks):
            sealed = seal_to_node(node.public_key, msgspec.json.encode(opened))
            found.append(events.StreamAssignment(camera.pk, quality, device.revision, sealed))
    return found


@unguarded("said by the media node itself, which the bus holds to its own name")
@transaction.atomic
def record_state(node: str, state: events.CameraState) -> None:
    """What a camera's main stream does now. Older words than the last are dropped."""
    if state.quality is not Quality.MAIN or not MediaNode.objects.filter(pk=node, run=state.run).exists():
        return
    # The conditional UPDATE comes first: words of one run may arrive at once, and the camera may be closing.
    rows = Camera.objects.filter(pk=state.camera, closed_at=None)
    is_old = Q(state_run=state.run, state_sequence__gte=state.sequence)
    if not rows.exclude(is_old).update(state_run=state.run, state_sequence=state.sequence):
        return
    before, known_since = rows.values_list("state", "state_since").get()
    changes: dict[str, Any] = {"state": "online" if state.online else "offline", "error": state.error}
    if state.online:
        changes |= {"codec": state.codec, "width": state.width, "height": state.height, "fps": state.fps}
        changes["bitrate"] = state.bitrate
        changes["has_audio"] = state.has_audio
        if state.has_talk is not None:
            changes["has_talk"] = state.has_talk
    was_online = before == "online"
    if was_online != state.online or known_since is None:
        since = datetime.fromtimestamp(state.since, UTC)
        changes["state_since"] = since
        StateChange.objects.create(camera_id=state.camera, at=since, is_online=state.online)
        if was_online and not state.online:
            changes["last_drop_at"] = since
    rows.update(**changes)


@unguarded("the worker's own housekeeping")
def settle_nodes() -> None:
    """Cameras of nodes that fell silent are unknown, not online; old state changes go."""
    at = clock.now()
    live = MediaNode.objects.filter(last_seen_at__gt=at - NODE_IS_GONE_AFTER).values_list("run", flat=True)
    Camera.objects.exclude(state="unknown").exclude(state_run__in=list(live)).update(state="unknown", state_since=at)
    StateChange.objects.filter(at__lt=at - KEEP_STATE_CHANGES).delete()


def announce_assignments(payload: dict[str, list[str]]) -> None:
    """Nudge every live node to ask for its assignments again. Handler of `assignments.changed`.

    Raises Again in a process that has no line to the nodes, so that the worker does it.
    """
    if not media.has_line():
        raise Again(in_s=0.25)
    nodes = MediaNode.objects.filter(last_seen_at__gt=clock.now() - NODE_IS_GONE_AFTER)
    for node in nodes.values_list("pk", flat=True):
        media.tell(
            subjects.of_node(subjects.NODE_CHANGED, node), events.AssignmentsChanged(withdrawn=payload["withdrawn"])
        )
