"""What is wrong with an ONVIF device, and what a hostile one would say."""

from dataclasses import dataclass, field
from typing import Final

_HEAD: Final = b'<?xml version="1.0"?>\n'
_OPEN: Final = b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>'
_CLOSE: Final = b"</e:Body></e:Envelope>"


@dataclass
class OnvifFaults:
    """Set and unset at any time; the default is: nothing."""

    #: Its clock is off by so many seconds, and it judges signatures by it.
    clock_off_s: float = 0.0
    #: What it says its clock is off by, if it says something else than it goes by.
    says_clock_off_s: float | None = None
    #: 401 whatever the password; it would like to have that in clear.
    is_unauthorized: bool = False
    #: HTTP's own login instead of WS-Security's.
    asks_http_digest: bool = False
    #: Take the request, never answer.
    is_silent: bool = False
    #: Begin an answer that has no end.
    is_endless: bool = False
    #: Answers are packed with gzip, wanted or not.
    is_packed: bool = False
    #: 302 to this address.
    redirect_to: str = ""
    #: Every address it names (services, streams, snapshots, subscriptions) is on this `host:port`.
    foreign: str = ""
    #: Say this, whatever was asked.
    says: bytes | None = None
    #: Every profile is listed twice.
    repeats_itself: bool = False
    #: H.265 is told by the second media service alone, which has a word for it.
    hides_h265: bool = False
    #: The second media service says this, whatever it was asked: the body of an answer.
    media2_says: str = ""
    #: Questions for events are held for ever.
    holds_pulls: bool = False
    #: To questions for events it says this.
    pulls_say: bytes | None = None
    #: So long it thinks before it does anything about its motor, in seconds; and then does it.
    ptz_takes_s: float = 0.0
    #: Operations at which it hangs up without a word.
    hangs_up_at: set[str] = field(default_factory=set)
    #: Operations it does not know, and services, by their prefixes in onvif_answers.
    lacks: set[str] = field(default_factory=set)


def with_dtd() -> bytes:
    """A document type nobody asked for."""
    return _HEAD + b'<!DOCTYPE e:Envelope SYSTEM "http://127.0.0.1:9/x.dtd">' + _OPEN + _CLOSE


def with_entities() -> bytes:
    """A billion laughs."""
    lines = [b'<!ENTITY l0 "ha">']
    lines += [b'<!ENTITY l%d "%s">' % (i, b"&l%d;" % (i - 1) * 10) for i in range(1, 10)]
    return _HEAD + b"<!DOCTYPE e [" + b"".join(lines) + b"]>" + _OPEN + b"<a>&l9;</a>" + _CLOSE


def with_levels(count: int = 100_000) -> bytes:
    """Boxes in boxes."""
    return _HEAD + _OPEN + b"<a>" * count + b"</a>" * count + _CLOSE


def of_size(size: int) -> bytes:
    """A well-formed answer of about so many bytes."""
    return _HEAD + _OPEN + b"<a>" + b"x" * size + b"</a>" + _CLOSE


def with_many(count: int) -> bytes:
    """So many small elements."""
    return _HEAD + _OPEN + b"<a/>" * count + _CLOSE
