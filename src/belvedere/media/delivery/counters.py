"""What this node has done, in plain numbers: counted on the hot path, read by /metrics."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Since the start of the process."""

    fragments_in: int = 0
    fragments_out: int = 0
    bytes_out: int = 0
    #: fragments that slow readers were spared
    skipped: int = 0
    #: readers that took nothing for too long
    stuck: int = 0
    #: sessions ended by control
    cuts: int = 0
    #: sessions whose lease ran out
    lapses: int = 0
    opened: int = 0
    refused: int = 0
    bad_requests: int = 0
