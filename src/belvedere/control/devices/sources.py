"""Where a device's streams are and how to get in: the one thing that is kept sealed. Pure.

Text in, text out; sealing and unsealing are the services'. Nothing here is ever logged or shown whole.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from belvedere.contracts import events
from belvedere.contracts.reach import Network
from belvedere.contracts.sessions import Quality


@dataclass(frozen=True, slots=True)
class Streams:
    """One channel's: rtsp addresses without userinfo; sub "" if there is none."""

    main: str
    sub: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A device's way in. `streams` by channel: "" is the only one of a camera. `onvif` "" where it speaks none.

    certificate  SHA-256 in hex of the one that it showed when it was bound, by https
    """

    streams: Mapping[str, Streams]
    username: str = ""
    password: str = field(default="", repr=False)
    onvif: str = ""
    transport: Literal["tcp", "udp"] = "tcp"
    certificate: str = ""

    def __repr__(self) -> str:
        """Keep credentials out of tracebacks."""
        return "Source(…)"

    def of(self, channel: str, quality: Quality, networks: list[Network]) -> events.StreamSource | None:
        """What a node gets for one stream; None where there is none of that quality."""
        streams = self.streams.get(channel)
        url = streams and (streams.sub if quality is Quality.SUB else streams.main)
        if not url:
            return None
        return events.StreamSource(
            *(url, self.username, self.password, networks, self.transport),
            certificate=self.certificate,
            onvif=self.onvif,
            channel=channel,
        )

    def device(self, networks: list[Network]) -> events.StreamSource:
        """What a node gets to ask the device itself."""
        return events.StreamSource(self.onvif, self.username, self.password, networks, certificate=self.certificate)


def write_source(source: Source) -> str:
    """As it is sealed."""
    return json.dumps(
        {
            "streams": {channel: [row.main, row.sub] for channel, row in source.streams.items()},
            "username": source.username,
            "password": source.password,
            "onvif": source.onvif,
            "transport": source.transport,
            "certificate": source.certificate,
        },
        sort_keys=True,
    )


def read_source(text: str) -> Source:
    """As it was sealed, by us or by the first versions, which knew one channel."""
    row = json.loads(text)
    streams = row.get("streams") or {"": [row["main"], row["sub"]]}
    return Source(
        {channel: Streams(*pair) for channel, pair in streams.items()},
        row["username"],
        row["password"],
        row.get("onvif", ""),
        row.get("transport", "tcp"),
        row.get("certificate", ""),
    )
