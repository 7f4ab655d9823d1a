"""Where cameras of known brands keep their streams: a host and a channel become two addresses. Pure.

Only what the brands themselves document; whoever has another model types the address. `{n}` is the channel, from 1.
"""

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from belvedere.contracts.devices import MAX_CHANNELS
from belvedere.control.core.errors import Invalid


@dataclass(frozen=True, slots=True)
class Template:
    """One brand's way. `note` says what to look up on the device first."""

    key: str
    label: str
    main: str
    sub: str
    port: int = 554
    #: the paths of its recorders, if they are known; else recorders of it are added by ONVIF
    recorder_main: str = ""
    recorder_sub: str = ""
    note: str | Promise = ""


_DAHUA: Final = "/cam/realmonitor?channel={n}&subtype="

TEMPLATES: Final = {
    template.key: template
    for template in (
        Template(
            "vigi", "VIGI", "/stream1", "/stream2", note=gettext_lazy("Use the user and password of the camera itself.")
        ),
        Template(
            "hikvision",
            "Hikvision",
            "/Streaming/Channels/101",
            "/Streaming/Channels/102",
            recorder_main="/Streaming/Channels/{n}01",
            recorder_sub="/Streaming/Channels/{n}02",
        ),
        Template(
            "dahua",
            "Dahua",
            f"{_DAHUA}0".format(n=1),
            f"{_DAHUA}1".format(n=1),
            recorder_main=f"{_DAHUA}0",
            recorder_sub=f"{_DAHUA}1",
        ),
        Template(
            "amcrest",
            "Amcrest",
            f"{_DAHUA}0".format(n=1),
            f"{_DAHUA}1".format(n=1),
            recorder_main=f"{_DAHUA}0",
            recorder_sub=f"{_DAHUA}1",
        ),
        Template(
            "reolink",
            "Reolink",
            "/h264Preview_01_main",
            "/h264Preview_01_sub",
            recorder_main="/h264Preview_{n:02d}_main",
            recorder_sub="/h264Preview_{n:02d}_sub",
            note=gettext_lazy("Switch RTSP on in the camera's settings, under Network → Advanced → Port."),
        ),
        Template(
            "axis",
            "Axis",
            "/axis-media/media.amp?videocodec=h264",
            "/axis-media/media.amp?videocodec=h264&resolution=640x360",
        ),
        Template(
            "unifi",
            "UniFi Protect",
            "/{token}",
            "",
            port=7447,
            note=gettext_lazy(
                "Switch RTSP on for the camera in Protect, and copy the last part of the address it shows."
            ),
        ),
    )
}


def _host(text: str) -> str:
    """A bare host or literal address; an IPv6 one gets its brackets. Judged later, like every address."""
    text = text.strip().strip("[]")
    return f"[{text}]" if ":" in text else text


def fill_template(key: str, *, host: str, port: int = 0, channel: int = 0, token: str = "") -> tuple[str, str]:
    """(main, sub) addresses; sub "" where the brand has none. `channel` from 1 for a recorder, 0 for a camera.

    Raises Invalid for an unknown brand, a channel out of range, or a missing token.
    """
    template = TEMPLATES.get(key)
    if template is None:
        raise Invalid(_("Choose one of: %(names)s.") % {"names": ", ".join(TEMPLATES)}, field="template")
    if not 0 <= channel <= MAX_CHANNELS:
        raise Invalid(_("Channels go from 1 to %(count)d.") % {"count": MAX_CHANNELS}, field="channel")
    if channel and not template.recorder_main:
        raise Invalid(_("Recorders of this brand are added by ONVIF: type its address alone."), field="template")
    paths = (template.recorder_main, template.recorder_sub) if channel else (template.main, template.sub)
    if "{token}" in paths[0] and not (token.isalnum() and token.isascii()):
        raise Invalid(str(template.note), field="token")
    base = f"rtsp://{_host(host)}:{port or template.port}"
    main, sub = (path.format(n=channel, token=token) if path else "" for path in paths)
    return base + main, base + sub if sub else ""
