"""What nodes and cameras are doing, and which cameras a node has to carry."""

from enum import StrEnum
from typing import Literal

import msgspec

from belvedere.contracts.sessions import Quality

#: A node says hello at the start, on every reconnect and every so often; silent for thrice that it counts as gone.
HELLO_EVERY_S = 5.0
#: A node asks again for its assignments at least this often: a lost nudge costs no more.
ASSIGNMENTS_EVERY_S = 30.0


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `node.hello.<node>`. A fresh `run` means: everything of an older run is over.

    url          where browsers reach this node: `ws://localhost:8001`
    public_key   X25519, raw, base64: camera credentials are sealed to it
    """

    node: str
    run: str
    url: str
    public_key: str


class HelloReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Control has fenced every older run of this node.

    is_key_unwanted   the key that it said is to be used no more: it makes another one, and says hello with that
    """

    accepted: bool
    is_key_unwanted: bool = False


class AssignmentsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `node.assignments.<node>`: what am I to carry? Paged by `after`."""

    run: str
    after: str = ""


class StreamAssignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One stream of one camera. `sealed` is a base64 HPKE box for the node's public key around a StreamSource."""

    camera: str
    quality: Quality
    #: changes whenever address or credentials do; the same revision means: leave the connection alone
    revision: str
    sealed: str


class AssignmentsReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One page. `next` is empty on the last one."""

    streams: list[StreamAssignment]
    next: str = ""


class StreamSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is inside the seal: where the camera is and how to get in. Never logged, never repr'd whole.

    url        rtsp://host:port/path?query, without userinfo; to inspect a device http://host:port/path
    networks   the organization's reach: (CIDR, first port, last port). The host is resolved at each connect, *every*
               address must lie inside, and the connection goes to that literal address (ADR: rebinding)
    transport  how pictures travel. UDP only where the operator chose it for this device: a camera that is bad at TCP
    certificate  SHA-256 in hex of the one that an https:// device showed before: that one and no other; "" at first
    onvif      of a stream: where its device speaks ONVIF, "" if it does not
    channel    … and what the device calls the video source; "" for the only one
    """

    url: str
    username: str
    password: str
    networks: list[tuple[str, int, int]]
    transport: Literal["tcp", "udp"] = "tcp"
    certificate: str = ""
    onvif: str = ""
    channel: str = ""

    def __repr__(self) -> str:
        """Keep credentials out of tracebacks and logs."""
        return "StreamSource(…)"


class ProbeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """control → media, `node.probe.<node>`: try this address, save nothing. `sealed` as in StreamAssignment."""

    sealed: str
    timeout_s: float = 8.0


class ProbeResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a try found. `code` is `ok` or what is wrong: see SourceError.

    codec is FFmpeg's name (h264, hevc, …); audio likewise, or empty. fps is measured or announced, 0 if unknown.
    """

    code: str
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    audio: str = ""
    took_ms: int = 0

    @property
    def is_playable(self) -> bool:
        """Whether a browser will show it."""
        return self.code == "ok"


class SourceError(StrEnum):
    """Everything that can be wrong with a camera's address, in one stable word each."""

    WRONG_PASSWORD = "wrong_password"  # noqa: S105  the name of an error, not a password
    REFUSED = "connection_refused"
    UNREACHABLE = "unreachable"
    NOT_RTSP = "not_rtsp"
    NO_SUCH_STREAM = "no_such_stream"
    NO_VIDEO = "no_video"
    UNSUPPORTED_CODEC = "unsupported_codec"
    STALLED = "stalled"
    DROPPED = "dropped"
    NOT_ALLOWED = "network_not_allowed"
    UNKNOWN_HOST = "unknown_host"
    FAILED = "failed"


class CameraState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `camera.state.<node>`: what a stream does now. State, not event: the last one wins.

    `since` and `at` are seconds since the epoch; `sequence` rises within a run. `has_talk` is None until the camera was
    asked: it is what an ONVIF device says of its profiles, or nothing, until then.
    """

    run: str
    sequence: int
    camera: str
    quality: Quality
    online: bool
    since: float
    at: float
    error: str = ""
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    has_audio: bool = False
    has_talk: bool | None = None
    bitrate: int = 0


class AssignmentsChanged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """control → media, `node.changed.<node>`: ask for your assignments again. May come twice, late or never.

    `withdrawn` cameras are to be dropped at once, without asking: their rights are gone.
    """

    withdrawn: list[str] = []
