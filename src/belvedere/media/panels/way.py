"""The way to a broker: the one literal address that was judged, and TLS that knows whom it must meet there (N27)."""

import asyncio
import contextlib
import hashlib
import hmac
import ssl
from collections.abc import Collection
from typing import Final

from belvedere.contracts.events import SourceError
from belvedere.contracts.panels import PanelError, PanelSource
from belvedere.media.panels.failure import PanelFailure
from belvedere.media.panels.mqtt import MqttSession
from belvedere.media.sources.address import resolve_host
from belvedere.media.sources.failure import SourceFailure

_OPEN_WITHIN_S: Final = 5.0


async def open_session(source: PanelSource, own_ports: Collection[int] = ()) -> MqttSession:
    """Resolve, judge every address, connect to the first of them and log in. Raises PanelFailure.

    Not a byte of the login leaves before the broker has shown who it is.
    """
    try:
        ip = await asyncio.to_thread(resolve_host, source.host, source.port, source.networks, own_ports)
    except SourceFailure as failure:
        raise PanelFailure(failure.code) from None
    reader, writer = await _connect(source, ip)
    session = MqttSession(reader, writer)
    try:
        if source.fingerprint:
            _check_fingerprint(writer, source.fingerprint)
        await session.login(source.username, source.password)
    except BaseException:
        writer.close()
        raise
    return session


async def _connect(source: PanelSource, ip: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        context = _tls(source) if source.is_tls else None
        async with asyncio.timeout(_OPEN_WITHIN_S):
            return await asyncio.open_connection(
                ip, source.port, ssl=context, server_hostname=source.host if context else None
            )
    except ssl.SSLCertVerificationError:
        raise PanelFailure(PanelError.UNTRUSTED) from None
    except ssl.SSLError:
        raise PanelFailure(PanelError.NOT_MQTT) from None
    except ConnectionRefusedError:
        raise PanelFailure(SourceError.REFUSED) from None
    except ConnectionError:
        raise PanelFailure(SourceError.DROPPED) from None
    except OSError:  # a timeout is one too
        raise PanelFailure(SourceError.UNREACHABLE) from None


def _tls(source: PanelSource) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=source.ca or None)
    if source.fingerprint:
        # One certificate, known beforehand: stricter than any authority, and good for those that name nobody.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _check_fingerprint(writer: asyncio.StreamWriter, expected: str) -> None:
    connection: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    shown = connection.getpeercert(binary_form=True) if connection else None
    found = hashlib.sha256(shown or b"").hexdigest()
    if not hmac.compare_digest(found, expected):
        with contextlib.suppress(OSError):
            writer.close()
        raise PanelFailure(PanelError.UNTRUSTED)
