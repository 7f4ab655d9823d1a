"""What an ONVIF device says by its second media service (ver20): the same profiles, in other words, and H.265."""

from typing import Any, Final

from belvedere.demo.onvif_answers import element, response, wrap

NAMESPACE: Final = "http://www.onvif.org/ver20/media/wsdl"


def profile(
    token: str,
    source: str,
    name: str,
    *,
    encoding: str,
    size: tuple[int, int],
    fps: float,
    has_audio: bool,
    has_ptz: bool,
    has_talk: bool,
) -> str:
    """A `tr2:Profiles` of a video source."""
    resolution = wrap("tt:Resolution", element("tt:Width", size[0]) + element("tt:Height", size[1]))
    limits = element("tt:FrameRateLimit", float(fps)) + element("tt:BitrateLimit", 2048)
    parts = [
        _configuration(
            "VideoSource",
            f"vsc_{source}",
            name,
            element("tt:SourceToken", source) + wrap("tt:Bounds", x=0, y=0, width=size[0], height=size[1]),
        ),
        _configuration(
            "VideoEncoder",
            f"vec_{token}",
            f"{token} encoder",
            element("tt:Encoding", encoding)
            + resolution
            + wrap("tt:RateControl", limits, ConstantBitRate="false")
            + element("tt:Quality", 4.0),
            GovLength=50,
            Profile="Main",
        ),
    ]
    if has_audio:
        sound = element("tt:Encoding", "MP4A-LATM") + element("tt:Bitrate", 64) + element("tt:SampleRate", 16)
        parts.append(_configuration("AudioEncoder", f"aec_{source}", "audio", sound))
    if has_ptz:
        parts.append(_configuration("PTZ", f"ptz_{source}", "ptz", element("tt:NodeToken", f"node_{source}")))
    if has_talk:
        speaker = element("tt:OutputToken", f"out_{source}") + element("tt:OutputLevel", 50)
        parts.append(_configuration("AudioOutput", f"aoc_{source}", "speaker", speaker))
    inside = element("tr2:Name", token) + wrap("tr2:Configurations", "".join(parts))
    return wrap("tr2:Profiles", inside, token=token, fixed="true")


def _configuration(kind: str, token: str, name: str, inside: str, **attributes: Any) -> str:
    common = element("tt:Name", name) + element("tt:UseCount", 1)
    return wrap(f"tr2:{kind}", common + inside, token=token, **attributes)


def uri(operation: str, address: str) -> str:
    """GetStreamUri's and GetSnapshotUri's."""
    return response(f"tr2:{operation}", element("tr2:Uri", address))
