"""What an ONVIF device says: bodies of SOAP 1.2 answers, as text. Values are escaped here."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape

_NAMESPACES: Final = {
    "env": "http://www.w3.org/2003/05/soap-envelope",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "ter": "http://www.onvif.org/ver10/error",
    "tt": "http://www.onvif.org/ver10/schema",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tr2": "http://www.onvif.org/ver20/media/wsdl",
    "tptz": "http://www.onvif.org/ver20/ptz/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "tns1": "http://www.onvif.org/ver10/topics",
    "xs": "http://www.w3.org/2001/XMLSchema",
}
_DECLARED: Final = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _NAMESPACES.items())
_CONCRETE: Final = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"


def envelope(body: str) -> bytes:
    """The whole answer."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<env:Envelope {_DECLARED}><env:Body>{body}</env:Body></env:Envelope>'
    ).encode()


def fault(subcode: str, reason: str, *, blames_sender: bool = True) -> str:
    """`ter:NotAuthorized` and why."""
    code = "env:Sender" if blames_sender else "env:Receiver"
    return (
        f"<env:Fault><env:Code><env:Value>{code}</env:Value><env:Subcode><env:Value>{subcode}</env:Value></env:Subcode>"
        f'</env:Code><env:Reason><env:Text xml:lang="en">{escape(reason)}</env:Text></env:Reason></env:Fault>'
    )


def element(name: str, text: object = "", **attributes: object) -> str:
    """`<name key="value">text</name>`, the text escaped."""
    return wrap(name, escape(str(text)), **attributes)


def wrap(name: str, inside: str = "", **attributes: object) -> str:
    """The same around what is XML already."""
    given = "".join(f' {key}="{escape(str(value), {chr(34): "&quot;"})}"' for key, value in attributes.items())
    return f"<{name}{given}>{inside}</{name}>"


def response(name: str, inside: str = "") -> str:
    """`tds:GetServices` → the body of its answer."""
    return wrap(f"{name}Response", inside)


# -- device -----------------------------------------------------------------------------------------------------------


def system_date_and_time(now: float) -> str:
    """`now`: what its clock says, seconds since the epoch."""
    at = datetime.fromtimestamp(now, UTC)
    time = wrap(
        "tt:Time", element("tt:Hour", at.hour) + element("tt:Minute", at.minute) + element("tt:Second", at.second)
    )
    date = wrap("tt:Date", element("tt:Year", at.year) + element("tt:Month", at.month) + element("tt:Day", at.day))
    inside = (
        element("tt:DateTimeType", "Manual")
        + element("tt:DaylightSavings", "false")
        + wrap("tt:TimeZone", element("tt:TZ", "UTC0"))
        + wrap("tt:UTCDateTime", time + date)
    )
    return response("tds:GetSystemDateAndTime", wrap("tds:SystemDateAndTime", inside))


def services(addresses: dict[str, str]) -> str:
    """Prefix of a namespace → address."""
    version = wrap("tds:Version", element("tt:Major", 2) + element("tt:Minor", 60))
    return response(
        "tds:GetServices",
        "".join(
            wrap("tds:Service", element("tds:Namespace", _NAMESPACES[prefix]) + element("tds:XAddr", address) + version)
            for prefix, address in addresses.items()
        ),
    )


def capabilities(addresses: dict[str, str]) -> str:
    """The same, as devices said it before GetServices."""
    subscriptions = "".join(
        element(f"tt:{name}", "true")
        for name in (
            "WSSubscriptionPolicySupport",
            "WSPullPointSupport",
            "WSPausableSubscriptionManagerInterfaceSupport",
        )
    )
    parts = {"tds": ("Device", ""), "tev": ("Events", subscriptions), "trt": ("Media", ""), "tptz": ("PTZ", "")}
    inside = "".join(
        wrap(f"tt:{parts[prefix][0]}", element("tt:XAddr", address) + parts[prefix][1])
        for prefix, address in sorted(
            ((prefix, address) for prefix, address in addresses.items() if prefix in parts),
            key=lambda one: list(parts).index(one[0]),
        )
    )
    return response("tds:GetCapabilities", wrap("tds:Capabilities", inside))


def network_interfaces(mac: str, ip: str) -> str:
    """One, by cable."""
    address = wrap("tt:Manual", element("tt:Address", ip) + element("tt:PrefixLength", 24))
    inside = (
        element("tt:Enabled", "true")
        + wrap("tt:Info", element("tt:Name", "eth0") + element("tt:HwAddress", mac) + element("tt:MTU", 1500))
        + wrap(
            "tt:IPv4",
            element("tt:Enabled", "true") + wrap("tt:Config", address + element("tt:DHCP", "false")),
        )
    )
    return response("tds:GetNetworkInterfaces", wrap("tds:NetworkInterfaces", inside, token="eth0"))  # noqa: S106  ONVIF's word for an id


# -- media ------------------------------------------------------------------------------------------------------------


def profile(
    token: str,
    source: str,
    name: str,
    *,
    encoding: str,
    size: tuple[int, int],
    fps: int,
    has_audio: bool,
    has_ptz: bool,
    has_talk: bool,
) -> str:
    """A `trt:Profiles` of a video source."""
    parts = [
        element("tt:Name", token),
        wrap(
            "tt:VideoSourceConfiguration",
            element("tt:Name", name)
            + element("tt:UseCount", 2)
            + element("tt:SourceToken", source)
            + wrap("tt:Bounds", x=0, y=0, width=size[0], height=size[1]),
            token=f"vsc_{source}",
        ),
    ]
    if has_audio:
        parts.append(
            wrap(
                "tt:AudioEncoderConfiguration",
                element("tt:Name", "audio")
                + element("tt:UseCount", 1)
                + element("tt:Encoding", "AAC")
                + element("tt:Bitrate", 64)
                + element("tt:SampleRate", 16)
                + _multicast()
                + element("tt:SessionTimeout", "PT60S"),
                token=f"aec_{source}",
            )
        )
    parts.insert(
        2,
        wrap(
            "tt:VideoEncoderConfiguration",
            element("tt:Name", f"{token} encoder")
            + element("tt:UseCount", 1)
            + element("tt:Encoding", encoding)
            + wrap("tt:Resolution", element("tt:Width", size[0]) + element("tt:Height", size[1]))
            + element("tt:Quality", 4)
            + wrap(
                "tt:RateControl",
                element("tt:FrameRateLimit", fps)
                + element("tt:EncodingInterval", 1)
                + element("tt:BitrateLimit", 2048),
            )
            + _multicast()
            + element("tt:SessionTimeout", "PT60S"),
            token=f"vec_{token}",
        ),
    )
    if has_ptz:
        parts.append(
            wrap(
                "tt:PTZConfiguration",
                element("tt:Name", "ptz") + element("tt:UseCount", 1) + element("tt:NodeToken", f"node_{source}"),
                token=f"ptz_{source}",
            )
        )
    if has_talk:
        parts.append(
            wrap(
                "tt:Extension",
                wrap(
                    "tt:AudioOutputConfiguration",
                    element("tt:Name", "speaker")
                    + element("tt:UseCount", 1)
                    + element("tt:OutputToken", f"out_{source}")
                    + element("tt:OutputLevel", 50),
                    token=f"aoc_{source}",
                ),
            )
        )
    return wrap("trt:Profiles", "".join(parts), token=token, fixed="true")


def _multicast() -> str:
    address = wrap("tt:Address", element("tt:Type", "IPv4") + element("tt:IPv4Address", "0.0.0.0"))  # noqa: S104  what devices say, nothing listens
    return wrap(
        "tt:Multicast",
        address + element("tt:Port", 0) + element("tt:TTL", 1) + element("tt:AutoStart", "false"),
    )


def media_uri(operation: str, uri: str) -> str:
    """GetStreamUri's and GetSnapshotUri's."""
    inside = (
        element("tt:Uri", uri)
        + element("tt:InvalidAfterConnect", "false")
        + element("tt:InvalidAfterReboot", "false")
        + element("tt:Timeout", "PT0S")
    )
    return response(f"trt:{operation}", wrap("trt:MediaUri", inside))


# -- PTZ --------------------------------------------------------------------------------------------------------------


def ptz_vectors(position: tuple[float, float, float]) -> str:
    """Pan, tilt and zoom."""
    pan, tilt, zoom = (round(value, 4) for value in position)
    return wrap("tt:PanTilt", x=pan, y=tilt) + wrap("tt:Zoom", x=zoom)


_SPACES: Final = "http://www.onvif.org/ver10/tptz"


def ptz_node(token: str, *, presets: int, spaces: Iterable[tuple[str, str, int]]) -> str:
    """GetNode's. Spaces: which one (`RelativePanTiltTranslationSpace`), the end of its name, the least value."""
    described = "".join(
        wrap(
            f"tt:{name}",
            element("tt:URI", f"{_SPACES}/{uri}")
            + "".join(
                wrap(f"tt:{axis}Range", element("tt:Min", low) + element("tt:Max", 1))
                for axis in ("XY" if "PanTilt" in name else "X")
            ),
        )
        for name, uri, low in spaces
    )
    inside = (
        element("tt:Name", token)
        + wrap("tt:SupportedPTZSpaces", described)
        + element("tt:MaximumNumberOfPresets", presets)
        + element("tt:HomeSupported", "true")
    )
    return response("tptz:GetNode", wrap("tptz:PTZNode", inside, token=token))


def ptz_status(position: tuple[float, float, float], *, is_moving: bool, now: float) -> str:
    """GetStatus's."""
    state = "MOVING" if is_moving else "IDLE"
    inside = (
        wrap("tt:Position", ptz_vectors(position))
        + wrap("tt:MoveStatus", element("tt:PanTilt", state) + element("tt:Zoom", state))
        + element("tt:UtcTime", zulu(now))
    )
    return response("tptz:GetStatus", wrap("tptz:PTZStatus", inside))


def ptz_presets(presets: Iterable[tuple[str, str, tuple[float, float, float]]]) -> str:
    """GetPresets's: (token, name, position)."""
    return response(
        "tptz:GetPresets",
        "".join(
            wrap("tptz:Preset", element("tt:Name", name) + wrap("tt:PTZPosition", ptz_vectors(position)), token=token)
            for token, name, position in presets
        ),
    )


# -- events -----------------------------------------------------------------------------------------------------------


def subscription(address: str, now: float, until: float) -> str:
    """CreatePullPointSubscription's."""
    return response(
        "tev:CreatePullPointSubscription",
        wrap("tev:SubscriptionReference", element("wsa:Address", address))
        + element("wsnt:CurrentTime", zulu(now))
        + element("wsnt:TerminationTime", zulu(until)),
    )


def video_source_configurations(sources: Iterable[str]) -> str:
    """GetVideoSourceConfigurations's: what events name as their place, and the video source there."""
    rows = (
        wrap(
            "trt:Configurations",
            element("tt:Name", source)
            + element("tt:UseCount", 2)
            + element("tt:SourceToken", source)
            + wrap("tt:Bounds", x=0, y=0, width=1280, height=720),
            token=f"vsc_{source}",
        )
        for source in sources
    )
    return response("trt:GetVideoSourceConfigurations", "".join(rows))


def notification(topic: str, place: str, data: dict[str, str], *, at: float, operation: str = "Changed") -> str:
    """A `wsnt:NotificationMessage` about a place, a video source's configuration or something else of the device."""
    items = "".join(wrap("tt:SimpleItem", Name=name, Value=value) for name, value in data.items())
    said = wrap("tt:Source", wrap("tt:SimpleItem", Name="VideoSourceConfigurationToken", Value=place))
    message = wrap("tt:Message", said + wrap("tt:Data", items), UtcTime=zulu(at), PropertyOperation=operation)
    return wrap(
        "wsnt:NotificationMessage",
        element("wsnt:Topic", f"tns1:{topic}", Dialect=_CONCRETE) + wrap("wsnt:Message", message),
    )


def zulu(at: float) -> str:
    """Seconds since the epoch → `2026-11-22T12:00:00Z`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
