"""What a device's label says: an address, a serial number, a hardware address, or nothing that we know. Pure.

Labels can carry the device's password. So what is read is handed to whoever brought it, and is never kept or logged.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

MAX_TEXT: Final = 500
_MAC: Final = re.compile(
    r"(?<![0-9A-Fa-f:-])(?:[0-9A-Fa-f]{2}([:-]?))(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])"
)
_MAC_NAMED: Final = re.compile(r"\bMAC\b[^0-9A-Fa-f]{0,4}([0-9A-Fa-f]{2}(?:[:-]?[0-9A-Fa-f]{2}){5})\b", re.IGNORECASE)
_SERIAL_NAMED: Final = re.compile(
    r"\b(?:S/?N|SERIAL(?: ?N(?:O|UMBER)\.?)?)\b\s*[:=#]?\s*([A-Z0-9-]{5,40})", re.IGNORECASE
)
_SERIAL_ALONE: Final = re.compile(r"(?=.*\d)[A-Z0-9-]{6,40}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What was found; "" for what was not. `text` is all of it, for people to read."""

    text: str
    address: str = ""
    serial: str = ""
    mac: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it leads anywhere."""
        return bool(self.address or self.serial or self.mac)


def parse_label(text: str) -> Label:
    """One code's text, or what somebody typed off a label → what it says."""
    text = "".join(letter if letter.isprintable() else " " for letter in text[:MAX_TEXT]).strip()
    if address := _address(text):
        return Label(text=text, address=address)
    named = _MAC_NAMED.search(text)
    mac = named[1] if named else _alone(_MAC, text)
    serial = _SERIAL_NAMED.search(text)
    number = serial[1] if serial else "" if mac else _alone(_SERIAL_ALONE, text)
    return Label(text=text, serial=number, mac=_plain(mac))


def is_named_by(label: Label, words: str) -> bool:
    """Whether what a device says of itself (its `urn:uuid:` ends in its hardware address, often) fits the label."""
    said = _plain(words)
    return any(len(mark) >= 6 and mark in said for mark in (_plain(label.mac), _plain(label.serial)))


def _address(text: str) -> str:
    """A label's web address is its maker's: only one that is a literal address is the device's own."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        ip_address(parts.hostname or "")
    except ValueError:
        return text if text.lower().startswith("rtsp://") and " " not in text and "@" not in text else ""
    if parts.scheme not in {"http", "rtsp"} or parts.username is not None or " " in text:
        return ""
    return text


def _alone(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.fullmatch(text)
    return found[0] if found else ""


def _plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())
