"""The beginning of every conversation with a device: its address judged, its clock asked, signed in, services found."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Collection
from datetime import timedelta
from typing import Any, Final

from belvedere.contracts.events import SourceError, StreamSource
from belvedere.contracts.reach import is_secure, parse_service_url
from belvedere.media.onvif.addresses import Site, path_of
from belvedere.media.onvif.client import NAMESPACES, OnvifClient
from belvedere.media.onvif.failure import Declined, DeviceFailure, NotAuthorized, OnvifError
from belvedere.media.onvif.reading import dig, instant, many, words
from belvedere.media.onvif.transport import PinnedTransport, meet_certificate
from belvedere.media.sources.address import resolve_host
from belvedere.media.sources.failure import SourceFailure

#: Devices allow a signature to be some seconds old; past this their clock is to blame when they refuse it.
CLOCK_TOLERANCE_S: Final = 5.0


@contextlib.asynccontextmanager
async def converse(
    source: StreamSource, own_ports: Collection[int], found: dict[str, Any]
) -> AsyncIterator[tuple[OnvifClient, Site]]:
    """Somebody to talk to, signed in, with the paths of its services; and where it is.

    What it says of itself is put into `found` as it comes, fields of an InspectResult: also where it ends too early.
    Raises DeviceFailure, SourceFailure.
    """
    try:
        host, port = parse_service_url(source.url)
    except ValueError:
        raise SourceFailure(SourceError.NOT_ALLOWED) from None
    ip = await asyncio.to_thread(resolve_host, host, port, source.networks, own_ports)
    login = {"username": source.username, "password": source.password}
    if is_secure(source.url):
        found["certificate"] = await meet_certificate(ip, port, source.certificate)
    async with PinnedTransport(ip, port, host, certificate=found.get("certificate", ""), **login) as transport:
        client = OnvifClient(transport, path_of(source.url, "http", "https"), **login)
        found["clock_drift_s"] = drift = await _drift(client)
        found |= await _sign_in(client, drift)
        await _learn_paths(client)
        yield client, Site(host, ip, port, source.networks, own_ports)


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
