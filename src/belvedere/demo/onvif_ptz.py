"""The motor of a camera: it goes on moving until it is stopped, as real ones do; and what is asked of it by ONVIF."""

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Final

from belvedere.demo import onvif_answers as say
from belvedere.demo.onvif_faults import OnvifFaults
from belvedere.demo.onvif_login import text_in

#: Of the whole way, in a second at full speed.
_SPEED: Final = 0.5

#: What its motors can: the space, the end of its name, the least value.
_SPACES: Final = (
    ("AbsolutePanTiltPositionSpace", "PanTiltSpaces/PositionGenericSpace", -1),
    ("AbsoluteZoomPositionSpace", "ZoomSpaces/PositionGenericSpace", 0),
    ("RelativePanTiltTranslationSpace", "PanTiltSpaces/TranslationGenericSpace", -1),
    ("RelativePanTiltTranslationSpace", "PanTiltSpaces/TranslationSpaceFov", -1),
    ("RelativeZoomTranslationSpace", "ZoomSpaces/TranslationGenericSpace", -1),
    ("ContinuousPanTiltVelocitySpace", "PanTiltSpaces/VelocityGenericSpace", -1),
    ("ContinuousZoomVelocitySpace", "ZoomSpaces/VelocityGenericSpace", -1),
)
#: Of the whole way, half of what is in the picture when nothing is zoomed.
_HALF_PICTURE: Final = 0.2

type Position = tuple[float, float, float]

#: As the camera came from the factory.
HOME: Final[Position] = (0.0, 0.0, 0.0)
_STILL: Final[Position] = (0.0, 0.0, 0.0)


@dataclass
class PtzHead:
    """Pan and tilt from -1 to 1, zoom from 0 to 1."""

    presets: dict[str, tuple[str, Position]] = field(default_factory=lambda: {"1": ("Door", (0.5, 0.0, 0.2))})
    #: how often it was told to move, and to stay
    moves: int = 0
    stops: int = 0
    _from: Position = (0.0, 0.0, 0.0)
    _speed: Position = (0.0, 0.0, 0.0)
    _since: float = 0.0

    @property
    def position(self) -> Position:
        """Where it looks now."""
        went = (time.monotonic() - self._since) * _SPEED
        pan, tilt, zoom = (start + speed * went for start, speed in zip(self._from, self._speed, strict=True))
        return (_within(pan, -1.0), _within(tilt, -1.0), _within(zoom, 0.0))

    @property
    def is_moving(self) -> bool:
        """Whether the motor runs, be it against its stop."""
        return any(self._speed)

    def move(self, pan: float, tilt: float, zoom: float) -> None:
        """Move on and on, at these speeds: -1 to 1."""
        self.moves += 1
        self._run((pan, tilt, zoom))

    def stop(self) -> None:
        """Stay."""
        self.stops += 1
        self._run(_STILL)

    def look_at(self, place: Position) -> None:
        """Look there, at once."""
        self._run(_STILL)
        pan, tilt, zoom = place
        self._from = (_within(pan, -1.0), _within(tilt, -1.0), _within(zoom, 0.0))

    def go_to(self, token: str) -> bool:
        """Look there, at once. False: there is no such preset."""
        if token not in self.presets:
            return False
        self.look_at(self.presets[token][1])
        return True

    def keep(self, name: str, token: str = "") -> str:
        """Remember where it looks; returns the preset's token."""
        token = token or str(max((int(known) for known in self.presets), default=0) + 1)
        self.presets[token] = (name, self.position)
        return token

    def _run(self, speed: Position) -> None:
        self._from, self._speed, self._since = self.position, speed, time.monotonic()


def _within(value: float, low: float) -> float:
    return max(low, min(1.0, value))


class PtzService(ABC):
    """The part of a device that moves its cameras. Each method answers the operation it is named after."""

    faults: OnvifFaults

    @property
    @abstractmethod
    def now(self) -> float:
        """What the device's clock says: seconds since the epoch."""

    @abstractmethod
    def head_of(self, call: Any) -> PtzHead:
        """The motor that a question is about."""

    def _on_get_node(self, _request: Any, call: Any) -> str:
        spaces = [space for space in _SPACES if space[1] not in self.faults.lacks]
        return say.ptz_node(text_in(call, "NodeToken"), presets=16, spaces=spaces)

    def _on_continuous_move(self, _request: Any, call: Any) -> str:
        self.head_of(call).move(*_vector(call))
        return say.response("tptz:ContinuousMove")

    def _on_absolute_move(self, _request: Any, call: Any) -> str:
        self.head_of(call).look_at(_vector(call))
        return say.response("tptz:AbsoluteMove")

    def _on_relative_move(self, _request: Any, call: Any) -> str:
        head, turn = self.head_of(call), call.find(".//{*}PanTilt")
        is_of_picture = turn is not None and (turn.get("space") or "").endswith("TranslationSpaceFov")
        part = _HALF_PICTURE if is_of_picture else 1.0
        (pan, tilt, zoom), (by_pan, by_tilt, by_zoom) = head.position, _vector(call)
        head.look_at((pan + by_pan * part, tilt + by_tilt * part, zoom + by_zoom))
        return say.response("tptz:RelativeMove")

    def _on_goto_home_position(self, _request: Any, call: Any) -> str:
        self.head_of(call).look_at(HOME)
        return say.response("tptz:GotoHomePosition")

    def _on_stop(self, _request: Any, call: Any) -> str:
        self.head_of(call).stop()
        return say.response("tptz:Stop")

    def _on_get_status(self, _request: Any, call: Any) -> str:
        head = self.head_of(call)
        return say.ptz_status(head.position, is_moving=head.is_moving, now=self.now)

    def _on_get_presets(self, _request: Any, call: Any) -> str:
        presets = self.head_of(call).presets
        return say.ptz_presets((token, name, position) for token, (name, position) in presets.items())

    def _on_set_preset(self, _request: Any, call: Any) -> str:
        token = self.head_of(call).keep(text_in(call, "PresetName"), text_in(call, "PresetToken"))
        return say.response("tptz:SetPreset", say.element("tptz:PresetToken", token))

    def _on_remove_preset(self, _request: Any, call: Any) -> str:
        if self.head_of(call).presets.pop(text_in(call, "PresetToken"), None) is None:
            return say.fault("ter:NoToken", "No such preset")
        return say.response("tptz:RemovePreset")

    def _on_goto_preset(self, _request: Any, call: Any) -> str:
        if not self.head_of(call).go_to(text_in(call, "PresetToken")):
            return say.fault("ter:NoToken", "No such preset")
        return say.response("tptz:GotoPreset")


def _vector(call: Any) -> tuple[float, float, float]:
    """Pan, tilt and zoom of a question; what it does not name is 0."""
    turn, zoom = call.find(".//{*}PanTilt"), call.find(".//{*}Zoom")
    pan, tilt = (0.0, 0.0) if turn is None else (float(turn.get("x")), float(turn.get("y")))
    return pan, tilt, 0.0 if zoom is None else float(zoom.get("x"))
