"""Whom a media node listens to: the devices that can say what happens, with whose events are whose."""

import hashlib
from typing import Final

import msgspec

from belvedere.contracts.camera_events import EventFeed, EventFeedAssignment, EventFeedsReply, EventFeedsRequest
from belvedere.contracts.sealing import seal as seal_to_node
from belvedere.control.access.guard import unguarded
from belvedere.control.core import clock
from belvedere.control.devices.models import Camera, Device, Kind, MediaNode
from belvedere.control.devices.selectors import NODE_IS_GONE_AFTER, choose_node
from belvedere.control.devices.services.binding import open_source
from belvedere.control.organizations.selectors import list_reach

FEEDS_PAGE: Final = 100


@unguarded("asked by the media node itself, which the bus holds to its own name")
def list_event_feeds(node: str, request: EventFeedsRequest) -> EventFeedsReply | None:
    """The ONVIF devices that this node listens to, sealed to its key; one page.

    A device is listened to once: by the node that carries the first of its cameras. A run that we do not know gets no
    answer, so that it goes on as it was told.
    """
    nodes = list(MediaNode.objects.filter(last_seen_at__gt=clock.now() - NODE_IS_GONE_AFTER))
    me = next((row for row in nodes if (row.pk, row.run) == (node, request.run)), None)
    if me is None:
        return None
    rows = Device.objects.filter(unbound_at=None, is_onvif=True, pk__gt=request.after)
    page = list(rows.exclude(kind=Kind.PANEL).order_by("pk")[:FEEDS_PAGE])
    cameras: dict[str, list[Camera]] = {}
    for camera in Camera.objects.filter(device__in=page, closed_at=None, disabled_at=None).order_by("pk"):
        cameras.setdefault(camera.device_id, []).append(camera)
    feeds = [
        _feed(device, cameras[device.pk], me)
        for device in page
        if device.pk in cameras and choose_node(cameras[device.pk][0].pk, nodes) is me
    ]
    return EventFeedsReply(feeds, page[-1].pk if len(page) == FEEDS_PAGE else "")


def _feed(device: Device, cameras: list[Camera], node: MediaNode) -> EventFeedAssignment:
    by_source = {camera.channel: camera.pk for camera in cameras}
    if device.kind == Kind.CAMERA:
        # It has one picture: whatever it says is about that.
        by_source[""] = cameras[0].pk
    feed = EventFeed(open_source(device).device(list_reach(device.organization_id)), by_source)
    known = hashlib.sha256(msgspec.json.encode([device.revision, sorted(by_source.items())])).hexdigest()
    return EventFeedAssignment(device.pk, known, seal_to_node(node.public_key, msgspec.json.encode(feed)))
