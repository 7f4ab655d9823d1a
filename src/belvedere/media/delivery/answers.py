"""What the media listener answers when it does not become a WebSocket."""

from collections.abc import Mapping
from typing import Final

#: threats.md, §7: for everything that is no page.
_SECURITY: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=(), display-capture=()",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}
_REASONS: Final = {
    200: "OK",
    206: "Partial Content",
    307: "Temporary Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    416: "Range Not Satisfiable",
    426: "Upgrade Required",
    429: "Too Many Requests",
    503: "Service Unavailable",
}


def answer(
    status: int, body: bytes = b"", *, content_type: str = "text/plain; charset=utf-8", headers: Mapping[str, str] = {}
) -> bytes:
    """A whole response; the connection is to be closed after it."""
    return answer_head(status, len(body), content_type=content_type, headers=headers) + body


def answer_head(status: int, size: int, *, content_type: str, headers: Mapping[str, str] = {}) -> bytes:
    """The head of a response whose body of `size` bytes comes after it, or would."""
    fields = {
        **_SECURITY,
        "Content-Type": content_type,
        "Content-Length": str(size),
        "Connection": "close",
        **headers,
    }
    return _head(f"{status} {_REASONS[status]}", fields)


def switch_protocols(accept: str, protocol: str | None) -> bytes:
    """The head after which the connection speaks WebSocket."""
    fields = {**_SECURITY, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept}
    if protocol is not None:
        fields["Sec-WebSocket-Protocol"] = protocol
    return _head("101 Switching Protocols", fields)


def _head(status: str, fields: Mapping[str, str]) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items()), "\r\n"]).encode()
