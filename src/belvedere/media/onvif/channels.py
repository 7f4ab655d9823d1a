"""The pictures of a device: its profiles, put together by the video source that they show."""

import asyncio

from belvedere.contracts.devices import MAX_CHANNELS, Channel, OnvifStream
from belvedere.media.onvif.addresses import Site
from belvedere.media.onvif.client import OnvifClient
from belvedere.media.onvif.failure import Declined, DeviceFailure, OnvifError
from belvedere.media.onvif.profiles import Media1, Media2, MediaService, Profile, has_speaker


async def list_channels(client: OnvifClient, site: Site) -> list[Channel]:
    """One for each video source that can be watched, as the device orders them; none is a valid answer.

    Raises DeviceFailure: TOO_MANY_CHANNELS, and whatever ends the conversation.
    """
    for service in (Media2(client), Media1(client)):
        try:
            sources = _by_source(await service.profiles())
        except Declined:
            continue
        if sources:
            return await _list_channels(client, service, site, sources)
    return []


async def _list_channels(
    client: OnvifClient, service: MediaService, site: Site, sources: list[list[Profile]]
) -> list[Channel]:
    if len(sources) > MAX_CHANNELS:
        raise DeviceFailure(OnvifError.TOO_MANY_CHANNELS)
    speaks = await has_speaker(client) and len(sources) == 1
    found = await asyncio.gather(*(_channel(service, site, shown, speaks=speaks) for shown in sources))
    by_address: dict[str, Channel] = {}
    for channel in found:
        if channel is not None:
            by_address.setdefault(channel.main.url, channel)
    return list(by_address.values())


def _by_source(profiles: list[Profile]) -> list[list[Profile]]:
    """The profiles of each video source, the largest first. A profile without a source shows nothing."""
    order: dict[str, dict[str, Profile]] = {}
    for profile in profiles:
        if profile.source:
            order.setdefault(profile.source, {}).setdefault(profile.token, profile)
    return [sorted(known.values(), key=_rank, reverse=True) for known in order.values()]


def _rank(profile: Profile) -> tuple[bool, int]:
    """Film before stills, then by size."""
    return profile.codec != "mjpeg", profile.width * profile.height


async def _channel(service: MediaService, site: Site, profiles: list[Profile], *, speaks: bool) -> Channel | None:
    """The largest profile and the smallest; None if neither can be watched."""
    first, last = profiles[0], profiles[-1]
    streams = [
        stream for one in ([first] if first is last else [first, last]) if (stream := await _watch(service, site, one))
    ]
    if not streams:
        return None
    sub = streams[1] if len(streams) > 1 and streams[1].url != streams[0].url else None
    return Channel(
        token=first.source,
        name=first.name or first.source,
        main=streams[0],
        sub=sub,
        snapshot_url=site.snapshot_url(await service.snapshot_address(first.token)),
        has_ptz=any(profile.has_ptz for profile in profiles),
        has_audio=any(profile.has_audio for profile in profiles),
        has_talk=speaks or any(profile.has_output for profile in profiles),
    )


async def _watch(service: MediaService, site: Site, profile: Profile) -> OnvifStream | None:
    url = site.stream_url(await service.stream_address(profile.token))
    if not url:
        return None
    return OnvifStream(url=url, codec=profile.codec, width=profile.width, height=profile.height, fps=profile.fps)
