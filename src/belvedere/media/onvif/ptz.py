"""The motor of one camera, in ONVIF's words: what it can, learned once, and orders made into questions.

Written and read by hand, without zeep: a button that is pressed waits for this.
"""

from collections.abc import Mapping
from typing import Final, Self, assert_never

from lxml import etree

from belvedere.contracts.ptz import (
    MAX_NAME,
    MAX_PRESETS,
    MAX_TOKEN,
    Aim,
    DropPreset,
    GoTo,
    Home,
    KeepPreset,
    Move,
    MoveBy,
    MoveTo,
    Preset,
    PtzAbilities,
    Stop,
)
from belvedere.media.onvif.client import OnvifClient
from belvedere.media.onvif.failure import Declined, DeviceFailure, NotAuthorized, OnvifError
from belvedere.media.onvif.profiles import Media1, Media2, Profile
from belvedere.media.onvif.reading import words

_PTZ: Final = "http://www.onvif.org/ver20/ptz/wsdl"
_TT: Final = "http://www.onvif.org/ver10/schema"
#: Moves by parts of what is in the picture: at 1 its edge comes to the middle.
_FIELD_OF_VIEW: Final = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/TranslationSpaceFov"
#: A camera that keeps to it stops by itself, should we be gone. Many don't: that is what Stop is for.
_TIMEOUT: Final = "PT1S"
_MEET_WITHIN_S: Final = 3.0
#: Orders that are a name, and what they are about.
_NAMED: Final[Mapping[type, str]] = {
    GoTo: "GotoPreset",
    Home: "GotoHomePosition",
    Stop: "Stop",
    KeepPreset: "SetPreset",
    DropPreset: "RemovePreset",
}

#: What a motor is told; a Look is a question of its own.
type Order = Move | MoveTo | MoveBy | Aim | GoTo | Home | Stop | KeepPreset | DropPreset


class Motor:
    """Of one video source, over a conversation that stands. Made by `find`."""

    def __init__(self, client: OnvifClient, profile: str, abilities: PtzAbilities) -> None:
        self._client = client
        self._profile = profile
        self._abilities = abilities

    @classmethod
    async def find(cls, client: OnvifClient, channel: str) -> Self:
        """The motor behind a video source, "" the only one. Raises DeviceFailure: NO_MOTOR, or what ends it all."""
        if "ptz" not in client.paths:
            raise DeviceFailure(OnvifError.NO_MOTOR)
        for service in (Media2(client), Media1(client)):
            try:
                profiles = await service.profiles()
            except Declined:
                continue
            found = next((one for one in profiles if one.has_ptz and one.source == (channel or one.source)), None)
            if found is not None:
                return cls(client, found.token, await _abilities(client, found))
        raise DeviceFailure(OnvifError.NO_MOTOR)

    async def look(self) -> PtzAbilities:
        """What it can, and the presets that it has now. Raises DeviceFailure."""
        held = self._abilities
        return PtzAbilities(held.turn, held.zoom, held.to, held.by, held.aim, held.home, await self._presets())

    async def obey(self, order: Order, *, within_s: float) -> None:
        """Tell it, and wait until it has heard. Raises Declined, DeviceFailure."""
        if isinstance(order, Move | MoveTo | MoveBy | Aim):
            message = self._moving(order)
        else:
            message = self._ask(_NAMED[type(order)])
            for field in order.__struct_fields__:
                _add(message, {"preset": "PresetToken", "name": "PresetName"}[field], getattr(order, field))
            for axis in ("PanTilt", "Zoom") if isinstance(order, Stop) else ():
                _add(message, axis, "true")
        await self._client.ask("ptz", message, within_s=within_s)

    def _moving(self, order: Move | MoveTo | MoveBy | Aim) -> "etree._Element":
        match order:
            case Move():
                message = self._ask("ContinuousMove")
                self._vector(message, "Velocity", (order.pan, order.tilt), order.zoom)
                _add(message, "Timeout", _TIMEOUT)
            case MoveTo():
                message = self._ask("AbsoluteMove")
                self._vector(message, "Position", (order.pan, order.tilt), order.zoom)
            case MoveBy():
                message = self._ask("RelativeMove")
                self._vector(message, "Translation", (order.pan, order.tilt), order.zoom)
            case Aim():
                if not self._abilities.aim:
                    raise Declined
                message = self._ask("RelativeMove")
                self._vector(message, "Translation", (order.x, order.y), None, space=_FIELD_OF_VIEW)
            case _:
                assert_never(order)
        return message

    async def _presets(self) -> list[Preset]:
        """None is a valid answer, and so is not knowing the question."""
        try:
            answer = await self._client.ask("ptz", self._ask("GetPresets"), within_s=_MEET_WITHIN_S)
        except (Declined, NotAuthorized):
            return []
        rows = [(row.get("token") or "", row.findtext("{*}Name")) for row in answer.iterfind("{*}Preset")]
        # A token that does not fit is no token of ours to send back.
        return [
            Preset(token, words(name, MAX_NAME) or token)
            for token, name in rows[:MAX_PRESETS]
            if 0 < len(token) <= MAX_TOKEN and token.isprintable()
        ]

    def _ask(self, operation: str, **arguments: str) -> "etree._Element":
        message = etree.Element(f"{{{_PTZ}}}{operation}", nsmap={"tptz": _PTZ, "tt": _TT})
        for name, value in {"ProfileToken": self._profile, **arguments}.items():
            _add(message, name, value)
        return message

    def _vector(
        self, message: "etree._Element", name: str, turn: tuple[float, float], zoom: float | None, space: str = ""
    ) -> None:
        """Only what it has: told of a zoom that is not there, some refuse the whole."""
        vector = _add(message, name)
        if self._abilities.turn:
            place = {"x": _number(turn[0]), "y": _number(turn[1])} | ({"space": space} if space else {})
            etree.SubElement(vector, f"{{{_TT}}}PanTilt", place)
        if self._abilities.zoom and zoom is not None:
            etree.SubElement(vector, f"{{{_TT}}}Zoom", {"x": _number(zoom)})


async def _abilities(client: OnvifClient, profile: Profile) -> PtzAbilities:
    """From the spaces of its node. One that has no word for them turns and zooms: it would not be called PTZ else."""
    question = etree.Element(f"{{{_PTZ}}}GetNode", nsmap={"tptz": _PTZ})
    _add(question, "NodeToken", profile.motor)
    try:
        node = await client.ask("ptz", question, within_s=_MEET_WITHIN_S)
    except (Declined, NotAuthorized):
        return PtzAbilities(turn=True, zoom=True)

    def has(space: str) -> bool:
        return node.find(f".//{{*}}{space}") is not None

    spaces = {(uri.text or "").strip() for uri in node.iterfind(".//{*}RelativePanTiltTranslationSpace/{*}URI")}
    return PtzAbilities(
        turn=has("ContinuousPanTiltVelocitySpace"),
        zoom=has("ContinuousZoomVelocitySpace"),
        to=has("AbsolutePanTiltPositionSpace"),
        by=bool(spaces - {_FIELD_OF_VIEW}),
        aim=_FIELD_OF_VIEW in spaces,
        home=(node.findtext(".//{*}HomeSupported") or "").strip() in {"true", "1"},
    )


def _add(parent: "etree._Element", name: str, text: str = "") -> "etree._Element":
    element = etree.SubElement(parent, f"{{{_PTZ}}}{name}")
    element.text = text or None
    return element


def _number(value: float) -> str:
    """In digits: some read no exponents."""
    return f"{value:.4f}"
