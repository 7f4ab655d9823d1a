"""The way out: HTTP to one literal address that was judged, and to no other (N27, N28).

Paths may come from the device, hosts and ports may not. No redirects, no proxies, no cookies; five seconds and one
mebibyte for an answer, counted before and after unpacking (N29).

With https, cameras sign their certificates themselves, so none is judged by who signed it: the first that a device
shows is remembered, and from then on it is that one or nobody.
"""

import asyncio
import hashlib
import hmac
import ssl
import zlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

import aiohttp
from aiohttp import ClientTimeout, DigestAuthMiddleware, DummyCookieJar, Fingerprint, TCPConnector
from lxml import etree
from yarl import URL

from belvedere.contracts.events import SourceError
from belvedere.contracts.reach import HTTP_PORT, HTTPS_PORT
from belvedere.media.onvif.bounded_xml import XmlRefused, check_xml
from belvedere.media.onvif.failure import DeviceFailure, NotAuthorized, OnvifError

MAX_ANSWER: Final = 1024 * 1024
ANSWER_WITHIN_S: Final = 5.0
#: At once, to one device: many have a web server of a few workers.
_CONNECTIONS: Final = 4
#: gzip and zlib alike, by their magic.
_ANY_WRAPPER: Final = 32 + zlib.MAX_WBITS
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "Belvedere"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What zeep wants of an answer. No headers: it would look for parcels (MIME) in there."""

    status_code: int
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"


async def meet_certificate(ip: str, port: int, known: str = "") -> str:
    """SHA-256 in hex of the certificate that is shown there. Nothing is said to whoever shows it.

    Raises DeviceFailure: CERTIFICATE_CHANGED where it is not the `known` one, and what ends a connection.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            _, writer = await asyncio.open_connection(ip, port, ssl=context)
    except ConnectionRefusedError:
        raise DeviceFailure(SourceError.REFUSED) from None
    except ssl.SSLError:
        raise DeviceFailure(OnvifError.NOT_ONVIF) from None
    except TimeoutError:
        raise DeviceFailure(SourceError.STALLED) from None
    except ConnectionError:
        raise DeviceFailure(SourceError.DROPPED) from None
    except OSError:
        raise DeviceFailure(SourceError.UNREACHABLE) from None
    connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
    shown = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()
    writer.transport.abort()
    if known and not hmac.compare_digest(shown, known):
        raise DeviceFailure(OnvifError.CERTIFICATE_CHANGED)
    return shown


class PinnedTransport:
    """A context manager around the connections to one device."""

    def __init__(self, ip: str, port: int, host: str, *, username: str, password: str, certificate: str = "") -> None:
        """`ip` was judged; `host` is what the person called it, for the Host header (a bare name or address).

        Must be made in the loop that uses it. The login answers an HTTP digest challenge, never a Basic one. With a
        `certificate` (SHA-256 in hex) it is https, with whoever shows that one.
        """
        self._ip, self._port = ip, port
        self._scheme, usual = ("https", HTTPS_PORT) if certificate else ("http", HTTP_PORT)
        name = f"[{host}]" if ":" in host else host
        self._headers = {**_HEADERS, "Host": name if port == usual else f"{name}:{port}"}
        self._turns = asyncio.Semaphore(_CONNECTIONS)
        self._session = aiohttp.ClientSession(
            connector=TCPConnector(
                limit=_CONNECTIONS,
                use_dns_cache=False,
                # Looked at before anything is sent, at each connection.
                ssl=Fingerprint(bytes.fromhex(certificate)) if certificate else True,
            ),
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            timeout=ClientTimeout(total=None),  # each call has its own
            middlewares=(DigestAuthMiddleware(username, password),) if username else (),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        """Talk inside."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        await self._session.close()

    async def post_xml(
        self, path: str, envelope: "etree._Element", headers: dict[str, str], *, within_s: float = ANSWER_WITHIN_S
    ) -> Answer:
        """Send a SOAP message to `/path?query`, and return what may be parsed. Raises DeviceFailure."""
        message = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        async with self._turns:
            try:
                async with asyncio.timeout(within_s):
                    return await self._post(path, message, headers)
            except TimeoutError:
                raise DeviceFailure(SourceError.STALLED) from None
            except aiohttp.ServerFingerprintMismatch:
                raise DeviceFailure(OnvifError.CERTIFICATE_CHANGED) from None
            except aiohttp.ClientConnectorError as error:
                refused = isinstance(error.os_error, ConnectionRefusedError)
                raise DeviceFailure(SourceError.REFUSED if refused else SourceError.UNREACHABLE) from None
            except (aiohttp.ServerDisconnectedError, ConnectionError):
                raise DeviceFailure(SourceError.DROPPED) from None
            except (aiohttp.ClientError, OSError, ValueError):
                raise DeviceFailure(OnvifError.NOT_ONVIF) from None

    async def _post(self, path: str, message: bytes, headers: dict[str, str]) -> Answer:
        # Put together, never joined: what looks like another host stays a path.
        path, _, query = path.partition("?")
        url = URL.build(
            scheme=self._scheme, host=self._ip, port=self._port, path=path or "/", query_string=query, encoded=True
        )
        async with self._session.post(
            url, data=message, headers={**headers, **self._headers}, allow_redirects=False
        ) as response:
            if 300 <= response.status < 400:
                raise DeviceFailure(OnvifError.NOT_ONVIF)
            content = await _read(response)
        if response.status in {401, 403} and not content.lstrip().startswith(b"<"):
            raise NotAuthorized
        try:
            check_xml(content)
        except XmlRefused:
            raise (NotAuthorized if response.status == 401 else DeviceFailure(OnvifError.NOT_ONVIF)) from None
        return Answer(response.status, content)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    packed = response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}
    unpacker = zlib.decompressobj(_ANY_WRAPPER) if packed else None
    content = bytearray()
    read = 0
    async for chunk in response.content.iter_any():
        read += len(chunk)
        room = MAX_ANSWER + 1 - len(content)
        try:
            content += unpacker.decompress(chunk, room) if unpacker else chunk
        except zlib.error:
            raise DeviceFailure(OnvifError.NOT_ONVIF) from None
        if read > MAX_ANSWER or len(content) > MAX_ANSWER:
            raise DeviceFailure(OnvifError.NOT_ONVIF)
    return bytes(content)
