"""Listening to a broker that somebody named: judged by his organization's reach at each connect (D1, N27)."""

import asyncio
from collections.abc import Collection

from belvedere.contracts.brokers import BrokerSource
from belvedere.media.sources.address import resolve_host
from belvedere.media.sources.failure import SourceFailure
from belvedere.mqtt import MqttFailure, MqttSession, dial
from belvedere.mqtt.session import MAX_PAYLOAD


async def open_session(
    source: BrokerSource, own_ports: Collection[int] = (), *, max_payload: int = MAX_PAYLOAD
) -> MqttSession:
    """Resolve, judge every address, connect to the first of them and log in. Raises MqttFailure."""
    try:
        ip = await asyncio.to_thread(resolve_host, source.host, source.port, source.networks, own_ports)
    except SourceFailure as failure:
        raise MqttFailure(failure.code) from None
    return await dial(source, ip, max_payload=max_payload)
