"""The pictures of a device: its profiles, put together by the video source that they show."""

import asyncio
from typing import Any, Final

from belvedere.contracts.devices import MAX_CHANNELS, Channel, OnvifStream
from belvedere.media.onvif.addresses import Site
from belvedere.media.onvif.client import OnvifClient
from belvedere.media.onvif.failure import Declined, DeviceFailure, NotAuthorized, OnvifError
from belvedere.media.onvif.reading import dig, many, rate, whole, words

#: ONVIF's names of codecs → FFmpeg's.
_CODECS: Final = {"H264": "h264", "H265": "hevc", "JPEG": "mjpeg", "MPEG4": "mpeg4"}
_TO_RTSP: Final = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
_MAX_TOKEN: Final = 64


async def list_channels(client: OnvifClient, site: Site) -> list[Channel]:
    """One for each video source that can be watched, as the device orders them; none is a valid answer.

    Raises DeviceFailure: TOO_MANY_CHANNELS, and whatever ends the conversation.
    """
    try:
        profiles = many(await client.call("media", "GetProfiles"))
    except Declined:
        return []
    sources = _by_source(profiles)
    if len(sources) > MAX_CHANNELS:
        raise DeviceFailure(OnvifError.TOO_MANY_CHANNELS)
    speaks = await _has_speaker(client)
    found = await asyncio.gather(
        *(_channel(client, site, token, shown, speaks=speaks and len(sources) == 1) for token, shown in sources)
    )
    by_address: dict[str, Channel] = {}
    for channel in found:
        if channel is not None:
            by_address.setdefault(channel.main.url, channel)
    return list(by_address.values())


def _by_source(profiles: list[Any]) -> list[tuple[str, list[Any]]]:
    """(token of the video source, its profiles, the largest first). A profile without a source shows nothing."""
    order: dict[str, dict[str, Any]] = {}
    for profile in profiles:
        source = words(dig(profile, "VideoSourceConfiguration", "SourceToken"), _MAX_TOKEN)
        token = str(dig(profile, "token") or "")
        if source and 0 < len(token) <= _MAX_TOKEN:
            order.setdefault(source, {}).setdefault(token, profile)
    return [(source, sorted(known.values(), key=_rank, reverse=True)) for source, known in order.items()]


def _rank(profile: Any) -> tuple[bool, int]:
    """Film before stills, then by size."""
    stream = _stream_of(profile, "")
    return stream.codec != "mjpeg", stream.width * stream.height


def _stream_of(profile: Any, url: str) -> OnvifStream:
    encoder = dig(profile, "VideoEncoderConfiguration")
    return OnvifStream(
        url=url,
        codec=_CODECS.get(str(dig(encoder, "Encoding")).upper().replace(".", ""), ""),
        width=whole(dig(encoder, "Resolution", "Width")),
        height=whole(dig(encoder, "Resolution", "Height")),
        fps=rate(dig(encoder, "RateControl", "FrameRateLimit")),
    )


async def _channel(client: OnvifClient, site: Site, token: str, profiles: list[Any], *, speaks: bool) -> Channel | None:
    """The largest profile and the smallest; None if neither can be watched."""
    first, last = profiles[0], profiles[-1]
    streams = [
        stream for one in ([first] if first is last else [first, last]) if (stream := await _watch(client, site, one))
    ]
    if not streams:
        return None
    sub = streams[1] if len(streams) > 1 and streams[1].url != streams[0].url else None
    return Channel(
        token=token,
        name=words(dig(first, "VideoSourceConfiguration", "Name")) or token,
        main=streams[0],
        sub=sub,
        snapshot_url=await _snapshot(client, site, first),
        has_ptz=any(dig(profile, "PTZConfiguration") is not None for profile in profiles),
        has_audio=any(dig(profile, "AudioEncoderConfiguration") is not None for profile in profiles),
        has_talk=speaks or any(_has_output(profile) for profile in profiles),
    )


def _has_output(profile: Any) -> bool:
    """Whether sound can be sent to it. zeep files the configuration under "any element", which it also is."""
    extension = dig(profile, "Extension")
    parts = [dig(extension, "AudioOutputConfiguration"), *many(dig(extension, "_value_1"))]
    return any(dig(part, "OutputToken") for part in parts)


async def _watch(client: OnvifClient, site: Site, profile: Any) -> OnvifStream | None:
    try:
        said = await client.call("media", "GetStreamUri", StreamSetup=_TO_RTSP, ProfileToken=profile.token)
    except (Declined, NotAuthorized):
        return None
    url = site.stream_url(str(dig(said, "Uri") or "").strip())
    return _stream_of(profile, url) if url else None


async def _snapshot(client: OnvifClient, site: Site, profile: Any) -> str:
    try:
        said = await client.call("media", "GetSnapshotUri", ProfileToken=profile.token)
    except (Declined, NotAuthorized):
        return ""
    return site.snapshot_url(str(dig(said, "Uri") or "").strip())


async def _has_speaker(client: OnvifClient) -> bool:
    """Whether it has an audio output at all; which channel it belongs to is known only where there is one."""
    try:
        return bool(many(await client.call("media", "GetAudioOutputs")))
    except (Declined, NotAuthorized):
        return False
