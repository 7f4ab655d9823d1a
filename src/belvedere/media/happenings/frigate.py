"""What Frigate says over MQTT, read: topics and payloads in, sightings out. Pure, and believes little.

It says of each object that it tracks when it is new, changes and ends (`<prefix>/events`), and of each camera whether
something moves or sounds there (`<prefix>/<camera>/motion`, `…/audio/all`). Names of people that it recognises
(`sub_label`) are let by unread: who somebody is, no camera of ours keeps.
"""

from collections.abc import Iterable
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from belvedere.contracts.camera_events import MAX_LABEL, EventKind

#: Frigate sends both states of a tracked object in one message, with its path: some kilobytes.
MAX_PAYLOAD: Final = 65_536

_VEHICLES: Final = frozenset(
    {"airplane", "bicycle", "boat", "bus", "car", "motorcycle", "school_bus", "train", "truck", "vehicle"}
)
_ANIMALS: Final = frozenset(
    {
        *("animal", "bear", "bird", "cat", "cow", "deer", "dog", "elephant", "fox", "giraffe", "goat", "horse"),
        *("rabbit", "raccoon", "sheep", "skunk", "squirrel", "zebra"),
    }
)
_ON: Final = {b"ON": True, b"OFF": False}

type _Short = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class _Object(msgspec.Struct):
    id: _Short
    camera: _Short
    label: _Short
    end_time: float | None = None
    stationary: bool = False
    false_positive: bool = False


class _Change(msgspec.Struct):
    type: Literal["new", "update", "end"]
    after: _Object


class Sighting(NamedTuple):
    """Something is so at a camera of the detector's (`name`), or no more. `key` tells one object from another."""

    name: str
    kind: EventKind
    key: str
    is_on: bool
    label: str = ""


def topics_of(prefix: str, names: Iterable[str]) -> list[str]:
    """What to hear for these cameras. No wildcards: nothing else is our business."""
    cameras = [topic for name in names for topic in (f"{prefix}/{name}/motion", f"{prefix}/{name}/audio/all")]
    return [f"{prefix}/available", f"{prefix}/events", *cameras]


def read_available(payload: bytes) -> bool | None:
    """Whether it says that it is there; None: it says neither."""
    return {b"online": True, b"offline": False}.get(payload.strip())


def read_sighting(topic: str, payload: bytes) -> Sighting | None:
    """What a message says, its topic without the prefix; None: nothing that we understand."""
    if topic == "events":
        return _read_change(payload)
    name, _slash, rest = topic.partition("/")
    kind = {"motion": EventKind.MOTION, "audio/all": EventKind.AUDIO}.get(rest)
    is_on = _ON.get(payload.strip())
    return None if kind is None or is_on is None else Sighting(name, kind, rest, is_on)


def _read_change(payload: bytes) -> Sighting | None:
    try:
        said = msgspec.json.decode(payload, type=_Change)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    seen = said.after
    # A car that stands there is tracked for hours; nothing happens until it moves.
    is_on = said.type != "end" and seen.end_time is None and not seen.stationary and not seen.false_positive
    kind, label = _read_label(seen.label)
    return Sighting(seen.camera, kind, seen.id, is_on, label)


def _read_label(text: str) -> tuple[EventKind, str]:
    """`dog` → an animal, “dog”; `package` → an object, “package”; `person` → a person, and no more to say."""
    word = text.strip().lower()
    label = word.replace("_", " ")
    if not label.isprintable() or len(label) > MAX_LABEL:
        label = ""
    if word in {"person", "face"}:
        return EventKind.PERSON, ""
    if word in _VEHICLES:
        return EventKind.VEHICLE, label
    return (EventKind.ANIMAL if word in _ANIMALS else EventKind.OBJECT), label
