"""HLS playlists (RFC 8216), as text. No I/O."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

CONTENT_TYPE: Final = "application/vnd.apple.mpegurl"
#: EXT-X-MAP outside of I-frame playlists wants 6; fragmented MP4 is 7.
_VERSION: Final = 7


@dataclass(frozen=True, slots=True)
class Listed:
    """One segment of a list. `utc` is seconds since the epoch; with `is_break` its clock or codec is another one."""

    name: str
    init: str
    seconds: float
    utc: float
    is_break: bool


@dataclass(frozen=True, slots=True)
class Variant:
    """What a player wants to know before it chooses. Bits a second; codecs as in RFC 6381."""

    bandwidth: int
    average: int
    codecs: Sequence[str]
    width: int
    height: int


def write_multivariant(uri: str, variant: Variant) -> bytes:
    """A list of one list."""
    attributes = [
        f"BANDWIDTH={variant.bandwidth}",
        f"AVERAGE-BANDWIDTH={variant.average}",
        f'CODECS="{",".join(variant.codecs)}"',
        f"RESOLUTION={variant.width}x{variant.height}",
    ]
    lines = ["#EXT-X-INDEPENDENT-SEGMENTS", f"#EXT-X-STREAM-INF:{','.join(attributes)}", uri]
    return _text(lines)


def write_list(listed: Sequence[Listed], *, first: int, breaks: int, target: int, is_whole: bool) -> bytes:
    """A list of segments; not empty.

    first    number of the first one, of all there ever were
    breaks   breaks before and at it
    target   no segment is longer, in whole seconds
    is_whole nothing will be added: video on demand
    """
    lines = [
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f"#EXT-X-TARGETDURATION:{target}",
        f"#EXT-X-MEDIA-SEQUENCE:{first}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{breaks}",
    ]
    if is_whole:
        lines.append("#EXT-X-PLAYLIST-TYPE:VOD")
    init = ""
    for place, segment in enumerate(listed):
        if segment.is_break and place:
            lines.append("#EXT-X-DISCONTINUITY")
        if segment.init != init:
            init = segment.init
            lines.append(f'#EXT-X-MAP:URI="{init}"')
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_instant(segment.utc)}")
        lines += [f"#EXTINF:{segment.seconds:.5f},", segment.name]
    if is_whole:
        lines.append("#EXT-X-ENDLIST")
    return _text(lines)


def target_of(listed: Sequence[Listed], at_least: int = 1) -> int:
    """Whole seconds that none of these exceeds."""
    return max(at_least, *(math.ceil(segment.seconds) for segment in listed))


def _text(lines: Sequence[str]) -> bytes:
    return "\n".join(["#EXTM3U", f"#EXT-X-VERSION:{_VERSION}", *lines, ""]).encode()


def _instant(utc: float) -> str:
    return datetime.fromtimestamp(utc, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
