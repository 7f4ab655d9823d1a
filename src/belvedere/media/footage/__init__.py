"""Footage on disk: written once, found by what it says of itself, deleted in order (ADR 0006).

`segment` is the file format, pure. `disk` is every system call that changes something, `volume` one disk with its
identity and its folders. `index` is a cache of the listing, `repair` makes the two agree at start. `writer` writes,
`retention` deletes, `archive` reads. Nothing here knows an event loop; what blocks says so.
"""

from belvedere.media.footage.archive import Archive, FootageGone
from belvedere.media.footage.index import Index, IndexFailed
from belvedere.media.footage.repair import Repaired, repair
from belvedere.media.footage.retention import Retention
from belvedere.media.footage.segment import Row, SegmentError, SegmentHead, SegmentRef, SegmentTable, Timing, TrackHead
from belvedere.media.footage.volume import Volume, VolumeRefused, find_fault
from belvedere.media.footage.writer import OpenSegment, Writer

__all__ = [
    "Archive",
    "FootageGone",
    "Index",
    "IndexFailed",
    "OpenSegment",
    "Repaired",
    "Retention",
    "Row",
    "SegmentError",
    "SegmentHead",
    "SegmentRef",
    "SegmentTable",
    "Timing",
    "TrackHead",
    "Volume",
    "VolumeRefused",
    "Writer",
    "find_fault",
    "repair",
]
