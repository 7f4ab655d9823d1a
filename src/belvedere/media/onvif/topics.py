"""What devices call the things that happen, and what we do.

Topics are a tree that every maker grows his own branches on; so the word for the state is looked at, too, and says more
where a maker puts several things under one topic. What is in neither table is not an event of ours.
"""

from typing import Final, NamedTuple

from lxml import etree

from belvedere.contracts.camera_events import EventKind
from belvedere.media.onvif.reading import words

#: Without prefixes, in lower case.
TOPICS: Final[dict[str, EventKind]] = {
    "ruleengine/cellmotiondetector/motion": EventKind.MOTION,
    "ruleengine/motionregiondetector/motion": EventKind.MOTION,
    "videosource/motionalarm": EventKind.MOTION,
    "videoanalytics/motion": EventKind.MOTION,
    "ruleengine/linedetector/crossed": EventKind.LINE,
    "ruleengine/fielddetector/objectsinside": EventKind.INTRUSION,
    "ruleengine/loiteringdetector/objectisloitering": EventKind.INTRUSION,
    "ruleengine/tamperdetector/tamper": EventKind.TAMPER,
    "videosource/globalscenechange/analyticsservice": EventKind.TAMPER,
    "videosource/globalscenechange/imagingservice": EventKind.TAMPER,
    "videosource/signalloss": EventKind.TAMPER,
    "device/trigger/digitalinput": EventKind.DIGITAL_INPUT,
    "audioanalytics/audio/detectedsound": EventKind.AUDIO,
    "ruleengine/myruledetector/peopledetect": EventKind.PERSON,
    "ruleengine/myruledetector/facedetect": EventKind.PERSON,
    "ruleengine/myruledetector/vehicledetect": EventKind.VEHICLE,
    "ruleengine/myruledetector/dogcatdetect": EventKind.ANIMAL,
    "useralarm/iva/humanshapedetect": EventKind.PERSON,
}
#: By the name of the state itself.
STATES: Final[dict[str, EventKind]] = {
    "ismotion": EventKind.MOTION,
    "isinside": EventKind.INTRUSION,
    "isintrusion": EventKind.INTRUSION,
    "islinecross": EventKind.LINE,
    "istamper": EventKind.TAMPER,
    "issounddetected": EventKind.AUDIO,
    "ispeople": EventKind.PERSON,
    "isperson": EventKind.PERSON,
    "isvehicle": EventKind.VEHICLE,
    "ispet": EventKind.ANIMAL,
    "isanimal": EventKind.ANIMAL,
}
_ON: Final = frozenset({"true", "1", "active", "on"})
_OFF: Final = frozenset({"false", "0", "inactive", "off"})
#: One message says one thing; what has more parts is no message.
_MAX_ITEMS: Final = 16
_MAX_KEY: Final = 200


class Notice(NamedTuple):
    """One thing that a device said.

    tokens      what it named as the place: a video source, its configuration, an input, in its order
    key         tells this rule at this place from others of the same kind
    is_on       whether it is so now; None for what is over as it is said
    is_initial  it was so before we listened: told to everybody who begins to
    """

    kind: EventKind
    tokens: tuple[str, ...]
    key: str
    is_on: bool | None
    is_initial: bool


def read_notices(answer: "etree._Element") -> list[Notice]:
    """All of a PullMessages' answer that we have a word for."""
    found = (_read(message) for message in answer.iter("{*}NotificationMessage"))
    return [notice for notice in found if notice is not None]


def _read(message: "etree._Element") -> Notice | None:
    topic = _plain(words(message.findtext("{*}Topic"), _MAX_KEY))
    said = message.find("{*}Message/{*}Message")
    if said is None:
        return None
    places = tuple(value for _, value in _items(said, "Source"))
    states = {name.lower(): value.lower() for name, value in _items(said, "Data")}
    named = next((name for name in states if name in STATES), None)
    kind = STATES[named] if named else TOPICS.get(topic)
    if kind is None:
        return None
    known = (state for state in ([states[named]] if named else states.values()) if state in _ON | _OFF)
    state = next(known, None)
    operation = said.get("PropertyOperation", "Changed")
    is_on = None if state is None else state in _ON and operation != "Deleted"
    return Notice(kind, places, "|".join((topic, *places))[:_MAX_KEY], is_on, operation == "Initialized")


def _items(said: "etree._Element", part: str) -> list[tuple[str, str]]:
    rows = said.findall(f"{{*}}{part}/{{*}}SimpleItem")[:_MAX_ITEMS]
    return [(words(row.get("Name")), words(row.get("Value"))) for row in rows]


def _plain(topic: str) -> str:
    """`tns1:RuleEngine/tnsx:Line/Crossed` → `ruleengine/line/crossed`."""
    return "/".join(part.rpartition(":")[2] for part in topic.split("/")).lower()
