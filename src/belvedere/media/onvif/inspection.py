"""Log in to a device and say what it is: who made it, what it carries, where its pictures are."""

import asyncio
import time
from collections.abc import Collection
from typing import Any

from belvedere.contracts.devices import InspectResult
from belvedere.contracts.events import SourceError, StreamSource
from belvedere.media.onvif.channels import list_channels
from belvedere.media.onvif.client import OnvifClient
from belvedere.media.onvif.conversation import converse
from belvedere.media.onvif.failure import Declined, DeviceFailure, NotAuthorized
from belvedere.media.onvif.reading import dig, mac_of, many
from belvedere.media.sources.failure import SourceFailure


async def inspect_device(source: StreamSource, timeout_s: float, own_ports: Collection[int] = ()) -> InspectResult:
    """Ask the device at `source.url` what it is. What was learned before something went wrong is told, too."""
    started = time.monotonic()
    found: dict[str, Any] = {}
    code = "ok"
    try:
        async with asyncio.timeout(timeout_s):
            await _look(source, own_ports, found)
    except (DeviceFailure, SourceFailure) as failure:
        code = failure.code.value
    except TimeoutError:
        code = SourceError.STALLED.value
    return InspectResult(code=code, took_ms=int((time.monotonic() - started) * 1000), **found)


async def _look(source: StreamSource, own_ports: Collection[int], found: dict[str, Any]) -> None:
    async with converse(source, own_ports, found) as (client, site):
        found["has_events"] = "events" in client.paths
        found["mac"] = await _mac(client, site.ip)
        found["channels"] = await list_channels(client, site)


async def _mac(client: OnvifClient, ip: str) -> str:
    """Hardware address of the interface we talk to, else of the first; "" where the device keeps it to itself."""
    try:
        interfaces = many(await client.call("devicemgmt", "GetNetworkInterfaces"))
    except (Declined, NotAuthorized):
        return ""
    found = [(mac, one) for one in interfaces if (mac := mac_of(dig(one, "Info", "HwAddress")))]
    for mac, one in found:
        config = dig(one, "IPv4", "Config")
        addresses = [*many(dig(config, "Manual")), dig(config, "FromDHCP"), dig(config, "LinkLocal")]
        if ip in {dig(address, "Address") for address in addresses}:
            return mac
    return found[0][0] if found else ""
