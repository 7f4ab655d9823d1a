"""Every subject on the bus, and who may say or hear what. Nothing else is allowed on it.

The node stands in the subject, so that the bus itself holds a node to its own name (N34).
"""

import re
from typing import Final

import msgspec

#: A node's name is one token of a subject: a dot or a wildcard in it would reach into another node's subjects.
_NODE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

ECHO: Final = "echo"

SESSION_OPEN: Final = "session.open"
SESSION_RENEW: Final = "session.renew"
SESSION_CLOSED: Final = "session.closed"
SESSION_LEASE: Final = "session.lease"
SESSION_TRY: Final = "session.try"
SESSION_TRIED: Final = "session.tried"
NODE_HELLO: Final = "node.hello"
NODE_ASSIGNMENTS: Final = "node.assignments"
NODE_CHANGED: Final = "node.changed"
NODE_PROBE: Final = "node.probe"
NODE_DISCOVER: Final = "node.discover"
NODE_INSPECT: Final = "node.inspect"
CAMERA_STATE: Final = "camera.state"
CAMERA_EVENT: Final = "camera.event"
CAMERA_PTZ: Final = "camera.ptz"
CAMERA_HELM: Final = "camera.helm"
EVENT_FEEDS: Final = "event.feeds"
EVENT_DETECTORS: Final = "event.detectors"
DETECTOR_STATE: Final = "detector.state"
PANEL_ASSIGNMENTS: Final = "panel.assignments"
PANEL_STATE: Final = "panel.state"
PANEL_COMMAND: Final = "panel.command"
RECORDING_PLANS: Final = "recording.plans"
FOOTAGE_STATE: Final = "footage.state"
FOOTAGE_COVERAGE: Final = "footage.coverage"
FOOTAGE_ERASE: Final = "footage.erase"
SESSION_WATCHED: Final = "session.watched"
EXPORT_PROGRESS: Final = "export.progress"
EXPORT_FINISHED: Final = "export.finished"

#: said by media, heard by control
FROM_MEDIA: Final = (
    *(SESSION_OPEN, SESSION_RENEW, SESSION_CLOSED, NODE_HELLO, NODE_ASSIGNMENTS, CAMERA_STATE),
    *(PANEL_ASSIGNMENTS, PANEL_STATE, EVENT_FEEDS, CAMERA_EVENT, CAMERA_HELM),
    *(EVENT_DETECTORS, DETECTOR_STATE),
    *(RECORDING_PLANS, FOOTAGE_STATE, SESSION_WATCHED, SESSION_TRIED, EXPORT_PROGRESS, EXPORT_FINISHED),
)
#: said by control or worker, heard by one node
TO_MEDIA: Final = (
    *(SESSION_LEASE, NODE_CHANGED, NODE_PROBE, NODE_DISCOVER, NODE_INSPECT, PANEL_COMMAND),
    *(FOOTAGE_COVERAGE, FOOTAGE_ERASE, CAMERA_PTZ, SESSION_TRY),
)


def of_node(subject: str, node: str) -> str:
    """`session.open` and `north-1` → `session.open.north-1`."""
    return f"{subject}.{node}"


def of_any_node(subject: str) -> str:
    """The subscription that hears every node on `subject`."""
    return f"{subject}.*"


def node_of(subject: str) -> str:
    """`session.open.north-1` → `north-1`: who said it. The bus vouches for it, the message does not."""
    return subject.rsplit(".", 1)[1]


def inbox_prefix(role: str) -> str:
    """Replies go to an inbox of one's own, which nobody else may hear."""
    return f"_INBOX_{role}"


def echo_of(role: str) -> str:
    """The subject on which a role proves to itself that its subscriptions stand."""
    return f"{ECHO}.{role}"


class RoleRights(msgspec.Struct, frozen=True):
    """What one bus user may publish and subscribe to."""

    publish: list[str]
    subscribe: list[str]


def rights_of(role: str) -> RoleRights:
    """Bus permissions of `control`, `worker` or `media-<node>`. Raises ValueError for any other role."""
    own = [echo_of(role), f"{inbox_prefix(role)}.>"]
    if role == "control":
        return RoleRights(
            publish=[*own, *map(of_any_node, TO_MEDIA)],
            subscribe=[*own, *map(of_any_node, FROM_MEDIA)],
        )
    if role == "worker":
        return RoleRights(publish=[*own, *map(of_any_node, TO_MEDIA)], subscribe=own)
    node = role.removeprefix("media-")
    if node != role and _NODE_NAME.fullmatch(node):
        return RoleRights(
            publish=[*own, *(of_node(subject, node) for subject in FROM_MEDIA)],
            subscribe=[*own, *(of_node(subject, node) for subject in TO_MEDIA)],
        )
    message = f"no such bus role: {role}"
    raise ValueError(message)
