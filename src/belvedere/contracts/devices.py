"""Finding devices and asking what they are: control asks, the media node that stands in their network answers.

What a device says of itself is hostile input: everything here is cut to size by the node before it is sent.
"""

import msgspec

from belvedere.contracts.reach import Network

#: Of a recorder, so many channels become cameras; one that lists more is told so, not cut in silence.
MAX_CHANNELS = 64
#: Answers to one search; a network with more is searched in parts.
MAX_FOUND = 512


class DiscoverRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """control → media, `node.discover.<node>`: who is there? Only what lies inside the reach is told."""

    networks: list[Network]
    timeout_s: float = 4.0


class Discovered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device that answered. `address` is its ONVIF device service, on the host that the answer came from.

    endpoint   what it calls itself across address changes (`urn:uuid:…`); its word, no proof
    mac        by which it is known in the node's own network; "" where a router stands between
    """

    endpoint: str
    address: str
    host: str
    name: str = ""
    hardware: str = ""
    location: str = ""
    mac: str = ""


class DiscoverReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was heard in time. `is_cut`: there was more than MAX_FOUND."""

    found: list[Discovered]
    is_cut: bool = False


class InspectRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """control → media, `node.inspect.<node>`: log in to a device by ONVIF and say what it is; nothing is kept.

    `sealed` is a base64 HPKE box for the node's key around a StreamSource, whose url is `http://host:port/path`.
    """

    sealed: str
    timeout_s: float = 10.0


class OnvifStream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One profile of a channel. `url` is rtsp:// on the host that was asked, without userinfo."""

    url: str
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0


class Channel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One video source: what becomes a camera. `token` names it for good, within its device."""

    token: str
    name: str
    main: OnvifStream
    sub: OnvifStream | None = None
    snapshot_url: str = ""
    has_ptz: bool = False
    has_audio: bool = False
    has_talk: bool = False


class InspectResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a device is. `code` is `ok`, a word of SourceError, `not_onvif`, `clock_wrong`, `too_many_channels` or
    `certificate_changed`.

    serial, mac       as the device says, trimmed; "" if it does not. Together with manufacturer they are its identity
    clock_drift_s     its clock minus ours, in seconds; None if it did not tell
    certificate       SHA-256 in hex of the one it showed; "" over plain HTTP
    """

    code: str
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    hardware_id: str = ""
    mac: str = ""
    clock_drift_s: float | None = None
    channels: list[Channel] = []
    has_events: bool = False
    certificate: str = ""
    took_ms: int = 0
