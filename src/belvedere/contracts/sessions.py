"""A viewing session between the planes: asked for, leased, narrowed, ended.

Control decides, media carries. A ticket is an opaque secret that only control can turn into a lease; a lease only
ever narrows; media's deadlines run on its own monotonic clock from the moment it *asked* (ADR 0003).
"""

from enum import StrEnum

import msgspec

from belvedere.contracts.permissions import Permission

#: The longest a lease may last without being renewed.
MAX_TTL_MS = 15_000
#: How often media renews, give or take a tenth.
RENEW_EVERY_S = 5.0
#: Sessions in one renewal.
RENEW_BATCH = 250
#: A ticket is good for this long, by control's clock.
TICKET_TTL_S = 30.0
#: Media waits this long for the answer to an open.
OPEN_TIMEOUT_S = 2.0
#: Control waits this long for the receipt of a push, and tries again each second until commit + MAX_TTL.
PUSH_TIMEOUT_S = 0.5


class SessionKind(StrEnum):
    """What a ticket opens."""

    LIVE = "live"
    PLAYBACK = "playback"
    TALK = "talk"
    HLS = "hls"
    EXPORT = "export"
    SNAPSHOT = "snapshot"


class Quality(StrEnum):
    """Which of a camera's streams."""

    MAIN = "main"
    SUB = "sub"


class CloseCode:
    """Why a media socket was closed; `interface.md` names them."""

    ENDED = 4403
    NOT_FOUND = 4404
    LEASE_LOST = 4408
    #: of talk: somebody else has the floor
    BUSY = 4409
    #: of talk: the camera cannot be spoken to
    CAMERA_FAILED = 4424
    TOO_MANY = 4429


class LeaseState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything control ever says about one session. No permissions means: ended, for good.

    permissions     bits of `Permission` that hold now
    playback_from   earliest instant of footage, seconds since the epoch; None without playback
    export_from     the same for export
    ttl_ms          how long this holds from the moment media asked; a push never extends
    narrow_in_ms    in so many milliseconds the permissions become `narrow_to` by themselves; None = they do not
    why             a stable word when it ended: revoked, left, expired, signed_out, token_revoked, not_found, …
    by              the name of who ended it, where the viewer may know it
    """

    session: str
    permissions: int
    ttl_ms: int = 0
    playback_from: float | None = None
    export_from: float | None = None
    narrow_in_ms: int | None = None
    narrow_to: int = 0
    why: str = ""
    by: str = ""

    @property
    def held(self) -> Permission:
        """The permissions as flags."""
        return Permission(self.permissions)

    @property
    def is_ended(self) -> bool:
        """Whether nothing is left of it."""
        return self.permissions == 0


class OpenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `session.open.<node>`: somebody came with this ticket."""

    session: str
    secret: str
    run: str
    peer: str
    origin: str | None


class OpenReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lease, and what it is for. An ended lease is a refusal.

    start, end  what an export, or a list of past footage, is of; seconds since the epoch
    holder      of talk: the name of who speaks there already, where this one may know it
    is_probe    it is only tried: of talk, nothing is to be heard, not even the tone
    """

    lease: LeaseState
    camera: str = ""
    kind: SessionKind = SessionKind.LIVE
    quality: Quality = Quality.MAIN
    start: float | None = None
    end: float | None = None
    holder: str = ""
    is_probe: bool = False


class RenewRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `session.renew.<node>`: are these still so? At most RENEW_BATCH ids.

    `full_round` numbers one walk through all of the node's sessions, and `last` marks its last batch:
    a session missing from two full rounds is closed by control.
    """

    run: str
    sessions: list[str]
    full_round: int
    last: bool


class RenewReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One state for each id that was asked for."""

    leases: list[LeaseState]


class SessionClosed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `session.closed.<node>`: the socket ended. `at` is seconds since the epoch."""

    run: str
    session: str
    at: float
    why: str


class LeasePush(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """control → media, `session.lease.<node>`: act on these before the next fragment."""

    leases: list[LeaseState]


class Cut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of one pushed session. `cut_at` is None where the node does not know the session,
    or where it lives on with less. Seconds since the epoch.
    """

    session: str
    state: str  # cut | narrowed | unknown
    cut_at: float | None = None


class LeaseReceipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, the answer to a LeasePush."""

    cuts: list[Cut]
