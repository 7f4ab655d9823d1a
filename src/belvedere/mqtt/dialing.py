"""The way to a broker: the one literal address that was judged, and TLS that knows whom it must meet there (N27)."""

import asyncio
import contextlib
import hashlib
import hmac
import ssl
from typing import Final

from belvedere.contracts.brokers import BrokerError, BrokerLogin
from belvedere.contracts.events import SourceError
from belvedere.mqtt.failure import MqttFailure
from belvedere.mqtt.session import MAX_PAYLOAD, MqttSession, hang_up

_OPEN_WITHIN_S: Final = 5.0


async def dial(broker: BrokerLogin, ip: str, *, max_payload: int = MAX_PAYLOAD) -> MqttSession:
    """Connect to `ip`, which the caller resolved and judged, and log in. Raises MqttFailure.

    Not a byte of the login leaves before the broker has shown who it is.
    """
    reader, writer = await _connect(broker, ip)
    session = MqttSession(reader, writer, max_payload=max_payload)
    try:
        if broker.fingerprint:
            _check_fingerprint(writer, broker.fingerprint)
        await session.login(broker.username, broker.password)
    except BaseException:
        await hang_up(writer)
        raise
    return session


async def _connect(broker: BrokerLogin, ip: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        context = _tls(broker) if broker.is_tls else None
        async with asyncio.timeout(_OPEN_WITHIN_S):
            return await asyncio.open_connection(
                ip, broker.port, ssl=context, server_hostname=broker.host if context else None
            )
    except ssl.SSLCertVerificationError:
        raise MqttFailure(BrokerError.UNTRUSTED) from None
    except ssl.SSLError:
        raise MqttFailure(BrokerError.NOT_MQTT) from None
    except ConnectionRefusedError:
        raise MqttFailure(SourceError.REFUSED) from None
    except ConnectionError:
        raise MqttFailure(SourceError.DROPPED) from None
    except OSError:  # a timeout is one too
        raise MqttFailure(SourceError.UNREACHABLE) from None


def _tls(broker: BrokerLogin) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=broker.ca or None)
    if broker.fingerprint:
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
        raise MqttFailure(BrokerError.UNTRUSTED)
