"""HTTP/1.1 request heads, read strictly: what two parsers could read in two ways is refused (N19, N20).

There are no bodies here, no transfer encodings, no folded headers, no second request on a connection.
"""

import re
from dataclasses import dataclass
from typing import Final

MAX_HEAD: Final = 8 * 1024
_MAX_HEADERS: Final = 64
_END: Final = b"\r\n\r\n"
_BARE: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)")
#: RFC 9110: tokens; field values of visible ASCII, spaces and tabs.
_REQUEST_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([!-~]{1,4096}) HTTP/1\.1")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}):[ \t]*((?:[!-~](?:[ \t!-~]*[!-~])?)?)[ \t]*")


class BadRequest(Exception):  # noqa: N818  what HTTP calls it
    """This is no request we answer. The connection is to be closed."""


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request: path exactly as it came, query apart, header values by lower-case name."""

    method: str
    path: str
    query: str
    headers: dict[str, list[str]]

    def one(self, name: str) -> str | None:
        """The value of a header, None when there is none. Raises BadRequest when there are several."""
        values = self.headers.get(name, [])
        if len(values) > 1:
            message = f"{name} came {len(values)} times"
            raise BadRequest(message)
        return values[0] if values else None

    def tokens(self, name: str) -> list[str]:
        """The elements of a list-valued header, as they came."""
        return [token.strip() for value in self.headers.get(name, []) for token in value.split(",") if token.strip()]


def parse_head(data: bytes) -> RequestHead | None:
    """Read a head that may not be complete yet: None = more to come. Raises BadRequest as soon as it is one."""
    end = data.find(_END)
    head = data if end < 0 else data[:end]
    # The last byte of an incomplete head may be the first half of a line end.
    if _BARE.search(head[:-1] if end < 0 and head.endswith(b"\r") else head):
        message = "a line must end in CR LF"
        raise BadRequest(message)
    if len(head) > MAX_HEAD:
        message = "the head is too long"
        raise BadRequest(message)
    if end < 0:
        return None
    if len(data) > end + len(_END):
        message = "nothing may follow the head"
        raise BadRequest(message)
    return _parse(head)


def _parse(head: bytes) -> RequestHead:
    first, *lines = head.split(b"\r\n")
    request = _REQUEST_LINE.fullmatch(first)
    if request is None or len(lines) > _MAX_HEADERS:
        message = "not an HTTP/1.1 request"
        raise BadRequest(message)
    headers: dict[str, list[str]] = {}
    for line in lines:
        parsed = _FIELD.fullmatch(line)
        if parsed is None:
            message = "not a header"
            raise BadRequest(message)
        headers.setdefault(parsed[1].decode().lower(), []).append(parsed[2].decode())
    path, _, query = request[2].decode().partition("?")
    found = RequestHead(request[1].decode(), path, query, headers)
    if "transfer-encoding" in headers or (found.one("content-length") or "0") != "0":
        message = "a body is not expected here"
        raise BadRequest(message)
    if not found.one("host"):
        message = "exactly one Host is needed"
        raise BadRequest(message)
    return found
