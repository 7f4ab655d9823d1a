"""MQTT brokers: how to get in, and what can be wrong with one."""

from enum import StrEnum
from typing import Final

import msgspec

from belvedere.contracts.reach import Network

MAX_TOPIC: Final = 200


class BrokerError(StrEnum):
    """What can be wrong with a broker beside the words of SourceError."""

    NOT_MQTT = "not_mqtt"
    UNTRUSTED = "certificate_untrusted"
    TOPIC_REFUSED = "topic_refused"


class BrokerLogin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a broker is and how to get in. Never logged, never repr'd whole.

    host          as the person wrote it: the name that TLS verifies. It is resolved and judged at each connect
    ca            PEM of the authorities to trust in place of the system's; "" for the system's
    fingerprint   SHA-256 of the broker's certificate in hex: where it stands, this one is trusted and no other
    """

    host: str
    port: int
    is_tls: bool
    username: str = ""
    password: str = ""
    ca: str = ""
    fingerprint: str = ""

    def __repr__(self) -> str:
        """Keep credentials out of tracebacks and logs."""
        return f"{type(self).__name__}(…)"


class BrokerSource(BrokerLogin, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One that a node is to listen to. `networks` is the organization's reach, asked again at each connect."""

    networks: list[Network]
