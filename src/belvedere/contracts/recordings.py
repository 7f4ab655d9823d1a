"""Footage between the planes: what is to be recorded, what is there, who watched which part of it, what was exported.

Instants are seconds since the epoch, UTC; spans are half open. Control never opens a file of footage, media never
decides who may see it: a question about coverage is clipped to the asker's window before it is asked.
"""

from enum import StrEnum

import msgspec

from belvedere.contracts.sessions import Quality

#: A node tells what it holds at least this often, and at once when a camera's recording begins, ends or fails.
REPORT_EVERY_S = 30.0
#: A node asks again for its plans at least this often; the nudge of assignments makes it ask at once.
PLANS_EVERY_S = 60.0
#: Plans, or cameras of a report, in one message.
PLANS_BATCH = 250
#: The longest span one question about coverage may have.
MAX_COVERAGE_S = 366 * 86_400.0
#: Coverage that is closer together than this is one span: a rotation, a drift of the camera's clock.
JOIN_S = 1.0
#: Spans in one message, which the bus bounds. Where there are more, those that lie closest together are told as one.
MAX_SPANS = 4000


class RecordMode(StrEnum):
    """When a camera is recorded."""

    OFF = "off"
    CONTINUOUS = "continuous"
    SCHEDULED = "scheduled"


class RecordingPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to become of one camera's footage. Known for every camera with footage, recorded now or not.

    hours       weekly windows in a zone, as stored in a grant: JSON; with SCHEDULED only
    keep_days   older footage is deleted
    keep_bytes  the oldest goes when there is more; 0 = no bound but the volume's
    """

    camera: str
    mode: RecordMode
    quality: Quality = Quality.MAIN
    with_audio: bool = True
    keep_days: int = 7
    keep_bytes: int = 0
    hours: str = ""


class PlansRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `recording.plans.<node>`: what am I to record, and what to keep? Paged by `after`."""

    run: str
    after: str = ""


class PlansReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One page. `next` is empty on the last one."""

    plans: list[RecordingPlan]
    next: str = ""


class VolumeState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a disk is. `state`: ok, filling (the oldest footage goes early), full, slow, refused (wrong or unmounted
    disk), failed. Sizes in bytes.
    """

    id: str
    state: str
    total: int = 0
    free: int = 0
    footage: int = 0
    error: str = ""


class Holding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a node holds of one camera. `rate` is bytes a day over the last day of recording; `error` is a stable word
    (disk_full, disk_slow, disk_failed, no_picture, unsupported_codec) or empty.
    """

    camera: str
    first: float | None
    last: float | None
    bytes: int
    rate: int
    is_recording: bool
    error: str = ""


class FootageReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `footage.state.<node>`: state, not event. `is_last` ends one round through all cameras."""

    run: str
    volume: VolumeState
    holdings: list[Holding]
    is_last: bool


class CoverageRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """control → media, `footage.coverage.<node>`: when there is footage between these instants."""

    camera: str
    start: float
    end: float


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """From `start` up to, not including, `end`."""

    start: float
    end: float


class CoverageReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In order, merged, clipped to the question."""

    spans: list[Span]


class EraseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """control → media, `footage.erase.<node>`: delete what touches this span, whole segments; it leaves a gap."""

    camera: str
    start: float
    end: float


class EraseReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is gone. Bytes."""

    segments: int
    bytes: int


class SessionWatched(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `session.watched.<node>`: these spans of footage went to the viewer of a session."""

    run: str
    session: str
    spans: list[Span]


class ExportProgress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `export.progress.<node>`: bytes of an export that were sent, of how many. The last one wins."""

    run: str
    session: str
    sent: int
    total: int


class ExportFinished(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `export.finished.<node>`, a request: the digest of a whole export, to be signed and kept.

    sha256  of the file, hex; segments: (start, end) of each piece of footage in it
    """

    run: str
    session: str
    sha256: str
    size: int
    spans: list[Span]


class ExportSigned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Control keeps the signed manifest; False: it knows no such export."""

    accepted: bool
