"""Profiles of a device, by either of ONVIF's media services.

The second (ver20, ONVIF's profile T) is asked where there is one: the first has no word for H.265, so that there such
encoders are missing, or called something else. No description of it comes with the library, and three questions with
plain answers need none: they are written and read here.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from lxml import etree

from belvedere.media.onvif.client import MEDIA2, OnvifClient
from belvedere.media.onvif.failure import Declined, NotAuthorized
from belvedere.media.onvif.reading import dig, many, rate, whole, words

#: ONVIF's names of codecs → FFmpeg's.
_CODECS: Final = {"H264": "h264", "H265": "hevc", "JPEG": "mjpeg", "MPEG4": "mpeg4"}
_TO_RTSP: Final = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
_MAX_TOKEN: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One way to see a video source. `source` is its token, `name` what the device calls it, `motor` its motor's."""

    token: str
    source: str
    name: str
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    has_ptz: bool = False
    has_audio: bool = False
    has_output: bool = False
    motor: str = ""


class MediaService(Protocol):
    """What both can be asked. Whatever the device does not answer is "", and ends nothing."""

    async def profiles(self) -> list[Profile]:
        """All, in the device's order. Raises Declined, DeviceFailure."""

    async def stream_address(self, token: str) -> str:
        """Where a profile's stream is, in the device's own words."""

    async def snapshot_address(self, token: str) -> str:
        """Where its still picture is."""


async def has_speaker(client: OnvifClient) -> bool:
    """Whether it has an audio output at all; which channel it belongs to is known only where there is one."""
    try:
        return bool(many(await client.call("media", "GetAudioOutputs")))
    except (Declined, NotAuthorized):
        return False


class Media1:
    """The first one: every device has it, but for the newest."""

    def __init__(self, client: OnvifClient) -> None:
        self._client = client

    async def profiles(self) -> list[Profile]:
        """See MediaService."""
        found = many(await self._client.call("media", "GetProfiles"))
        return [profile for one in found if (profile := _read(one)) is not None]

    async def stream_address(self, token: str) -> str:
        """See MediaService."""
        return await self._address("GetStreamUri", StreamSetup=_TO_RTSP, ProfileToken=token)

    async def snapshot_address(self, token: str) -> str:
        """See MediaService."""
        return await self._address("GetSnapshotUri", ProfileToken=token)

    async def _address(self, operation: str, **arguments: Any) -> str:
        try:
            said = await self._client.call("media", operation, **arguments)
        except (Declined, NotAuthorized):
            return ""
        return str(dig(said, "Uri") or "").strip()


def _read(profile: Any) -> Profile | None:
    token = str(dig(profile, "token") or "")
    if not 0 < len(token) <= _MAX_TOKEN:
        return None
    encoder = dig(profile, "VideoEncoderConfiguration")
    return Profile(
        token=token,
        source=words(dig(profile, "VideoSourceConfiguration", "SourceToken"), _MAX_TOKEN),
        name=words(dig(profile, "VideoSourceConfiguration", "Name")),
        codec=_codec(dig(encoder, "Encoding")),
        width=whole(dig(encoder, "Resolution", "Width")),
        height=whole(dig(encoder, "Resolution", "Height")),
        fps=rate(dig(encoder, "RateControl", "FrameRateLimit")),
        has_ptz=dig(profile, "PTZConfiguration") is not None,
        has_audio=dig(profile, "AudioEncoderConfiguration") is not None,
        has_output=_has_output(profile),
        motor=words(dig(profile, "PTZConfiguration", "NodeToken"), _MAX_TOKEN),
    )


def _codec(said: object) -> str:
    return _CODECS.get(str(said).upper().replace(".", ""), "")


def _has_output(profile: Any) -> bool:
    """Whether sound can be sent to it. zeep files the configuration under "any element", which it also is."""
    extension = dig(profile, "Extension")
    parts = [dig(extension, "AudioOutputConfiguration"), *many(dig(extension, "_value_1"))]
    return any(dig(part, "OutputToken") for part in parts)


class Media2:
    """The second one."""

    def __init__(self, client: OnvifClient) -> None:
        self._client = client

    async def profiles(self) -> list[Profile]:
        """See MediaService."""
        said = await self._ask("GetProfiles", Type="All")
        return [profile for one in said if (profile := _read2(one)) is not None]

    async def stream_address(self, token: str) -> str:
        """See MediaService."""
        return await self._address("GetStreamUri", Protocol="RTSP", ProfileToken=token)

    async def snapshot_address(self, token: str) -> str:
        """See MediaService."""
        return await self._address("GetSnapshotUri", ProfileToken=token)

    async def _address(self, operation: str, **arguments: str) -> str:
        try:
            return _text(await self._ask(operation, **arguments), "Uri")
        except (Declined, NotAuthorized):
            return ""

    async def _ask(self, operation: str, **arguments: str) -> "etree._Element":
        message = etree.Element(f"{{{MEDIA2}}}{operation}", nsmap={"m": MEDIA2})
        for name, value in arguments.items():
            etree.SubElement(message, f"{{{MEDIA2}}}{name}").text = value
        return await self._client.ask("media2", message)


def _read2(profile: "etree._Element") -> Profile | None:
    token = profile.get("token", "")
    if etree.QName(profile).localname != "Profiles" or not 0 < len(token) <= _MAX_TOKEN:
        return None
    return Profile(
        token=token,
        source=words(_text(profile, "VideoSource", "SourceToken"), _MAX_TOKEN),
        name=words(_text(profile, "VideoSource", "Name")),
        codec=_codec(_text(profile, "VideoEncoder", "Encoding")),
        width=whole(_number(_text(profile, "VideoEncoder", "Resolution", "Width"))),
        height=whole(_number(_text(profile, "VideoEncoder", "Resolution", "Height"))),
        fps=rate(_number(_text(profile, "VideoEncoder", "RateControl", "FrameRateLimit"))),
        has_ptz=_find(profile, "PTZ") is not None,
        has_audio=_find(profile, "AudioEncoder") is not None,
        has_output=bool(_text(profile, "AudioOutput", "OutputToken")),
        motor=_text(profile, "PTZ", "NodeToken")[:_MAX_TOKEN],
    )


def _find(element: "etree._Element", *names: str) -> "etree._Element | None":
    """By local names, at any depth for the first: what stands around them differs between devices."""
    return element.find(".//" + "/".join(f"{{*}}{name}" for name in names))


def _text(element: "etree._Element", *names: str) -> str:
    found = _find(element, *names)
    return "" if found is None else (found.text or "").strip()


def _number(said: str) -> int | float | None:
    """`"25"` → 25, `"12.5"` → 12.5; None for what is none."""
    try:
        return int(said) if said.isascii() and said.isdigit() else float(said)
    except ValueError:
        return None
