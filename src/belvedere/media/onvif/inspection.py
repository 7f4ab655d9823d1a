"""Log in to a device and say what it is: who made it, what it carries, where its pictures are."""

import asyncio
import time
from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

from belvedere.contracts.devices import InspectResult
from belvedere.contracts.events import SourceError, StreamSource
from belvedere.contracts.reach import is_secure, parse_service_url
from belvedere.media.onvif.addresses import Site, path_of
from belvedere.media.onvif.channels import list_channels
from belvedere.media.onvif.client import NAMESPACES, OnvifClient
from belvedere.media.onvif.failure import Declined, DeviceFailure, NotAuthorized, OnvifError
from belvedere.media.onvif.reading import dig, instant, mac_of, many, words
from belvedere.media.onvif.transport import PinnedTransport, meet_certificate
from belvedere.media.sources.address import resolve_host
from belvedere.media.sources.failure import SourceFailure

#: Devices allow a signature to be some seconds old; past this their clock is to blame when they refuse it.
CLOCK_TOLERANCE_S: Final = 5.0


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
    try:
        host, port = parse_service_url(source.url)
    except ValueError:
        raise SourceFailure(SourceError.NOT_ALLOWED) from None
    ip = await asyncio.to_thread(resolve_host, host, port, source.networks, own_ports)
    site = Site(host, ip, port, source.networks, own_ports)
    login = {"username": source.username, "password": source.password}
    if is_secure(source.url):
        found["certificate"] = await meet_certificate(ip, port, source.certificate)
    async with PinnedTransport(ip, port, host, certificate=found.get("certificate", ""), **login) as transport:
        client = OnvifClient(transport, path_of(source.url, "http", "https"), **login)
        found["clock_drift_s"] = drift = await _drift(client)
        found |= await _sign_in(client, drift)
        await _learn_paths(client)
        found["has_events"] = "events" in client.paths
        found["mac"] = await _mac(client, site.ip)
        found["channels"] = await list_channels(client, site)


async def _drift(client: OnvifClient) -> float | None:
    """Its clock minus ours in seconds, asked without a login, as ONVIF has it; None if it does not tell."""
    asked = time.time()
    try:
        theirs = instant(dig(await client.call("devicemgmt", "GetSystemDateAndTime", signed=False), "UTCDateTime"))
    except (Declined, NotAuthorized):
        return None
    return None if theirs is None else round(theirs - (asked + time.time()) / 2, 1)


async def _sign_in(client: OnvifClient, drift: float | None) -> dict[str, str]:
    """Who it is. Where its clock is wrong the signature is dated by it; if that is refused, once by ours."""
    is_off = drift is not None and abs(drift) > CLOCK_TOLERANCE_S
    client.date_signatures(timedelta(seconds=drift or 0.0) if is_off else timedelta())
    try:
        return await _identity(client)
    except NotAuthorized:
        if not is_off:
            raise
    client.date_signatures(timedelta())
    try:
        return await _identity(client)
    except NotAuthorized:
        raise DeviceFailure(OnvifError.CLOCK_WRONG) from None


async def _identity(client: OnvifClient) -> dict[str, str]:
    try:
        said = await client.call("devicemgmt", "GetDeviceInformation")
    except Declined:
        raise DeviceFailure(OnvifError.NOT_ONVIF) from None
    return {
        "manufacturer": words(dig(said, "Manufacturer")),
        "model": words(dig(said, "Model")),
        "firmware": words(dig(said, "FirmwareVersion")),
        "serial": words(dig(said, "SerialNumber")),
        "hardware_id": words(dig(said, "HardwareId")),
    }


async def _learn_paths(client: OnvifClient) -> None:
    """Where on this device the services are. Old devices know GetCapabilities alone."""
    try:
        named = [
            (NAMESPACES.get(str(dig(service, "Namespace"))), dig(service, "XAddr"))
            for service in many(await client.call("devicemgmt", "GetServices", IncludeCapability=False))
        ]
    except (Declined, NotAuthorized):
        named = []
    if not any(name in {"media", "media2"} for name, _ in named):
        try:
            said = await client.call("devicemgmt", "GetCapabilities", Category="All")
        except (Declined, NotAuthorized):
            return
        parts = {"media": "Media", "ptz": "PTZ", "events": "Events"}
        named = [(name, dig(said, part, "XAddr")) for name, part in parts.items()]
    for name, address in named:
        path = path_of(str(address or ""), "http", "https")
        if name and name != "devicemgmt" and path:
            client.paths.setdefault(name, path)


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
