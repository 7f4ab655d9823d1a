"""What a camera announces (SDP, RFC 8866): the tracks we may receive, and those on which it listens. Pure."""

import re
from dataclasses import dataclass, field
from typing import Final

_MAX_TRACKS: Final = 8
_RTPMAP: Final = re.compile(r"(\d{1,3}) ([A-Za-z0-9_.-]{1,40})/(\d{1,6})(?:/(\d))?")
#: payload types that need no rtpmap (RFC 3551)
_STATIC: Final = {0: ("PCMU", 8000), 8: ("PCMA", 8000)}


@dataclass(frozen=True, slots=True)
class Track:
    """One medium, with one of its formats. `control` as the camera wrote it; "" where it has none.

    parameters  of the format, names in lower case
    """

    kind: str
    control: str
    is_ours_to_send: bool
    payload_type: int
    codec: str
    rate: int
    channels: int = 1
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Section:
    kind: str
    payload_types: list[int]
    control: str = ""
    direction: str = ""
    maps: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    formats: dict[int, dict[str, str]] = field(default_factory=dict)


def parse_description(text: str) -> list[list[Track]]:
    """For each medium its formats, the camera's favourite first. What cannot be read is left out; at most eight media.

    Which way is told by ONVIF's Streaming Specification, 5.3: `sendonly` is said from our side.
    """
    sections: list[_Section] = []
    direction = ""
    for line in text.splitlines():
        name, _, value = line.strip().partition("=")
        if name == "m":
            sections.append(_open_section(value))
        elif name == "a" and sections:
            _read_attribute(sections[-1], value)
        elif name == "a" and value in {"sendonly", "recvonly", "sendrecv"}:
            direction = value
    return [tracks for section in sections[:_MAX_TRACKS] if (tracks := _tracks(section, direction))]


def _open_section(value: str) -> _Section:
    kind, _, rest = value.partition(" ")
    return _Section(kind, [int(word) for word in rest.split()[2:] if word.isdecimal() and len(word) <= 3])


def _read_attribute(section: _Section, value: str) -> None:
    name, _, said = value.partition(":")
    match name:
        case "control":
            section.control = said.strip()
        case "sendonly" | "recvonly" | "sendrecv":
            section.direction = name
        case "rtpmap" if found := _RTPMAP.fullmatch(said.strip()):
            section.maps[int(found[1])] = found[2].upper(), int(found[3]), int(found[4] or 1)
        case "fmtp":
            number, _, parameters = said.strip().partition(" ")
            if number.isdecimal():
                pairs = [part.strip().partition("=") for part in parameters.split(";") if "=" in part]
                section.formats[int(number)] = {key.strip().lower(): given.strip() for key, _, given in pairs}


def _tracks(section: _Section, direction: str) -> list[Track]:
    found = []
    for number in section.payload_types:
        known = section.maps.get(number)
        if known is None and number in _STATIC:
            known = (*_STATIC[number], 1)
        codec, rate, channels = known or ("", 0, 1)
        found.append(
            Track(
                section.kind,
                section.control,
                (section.direction or direction) == "sendonly",
                number,
                codec,
                rate,
                channels,
                section.formats.get(number, {}),
            )
        )
    return found
