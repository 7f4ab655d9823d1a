"""Moving a camera's head: what is ordered, what becomes of it, and who has the helm.

Directions are a person's before the picture: pan to the right, tilt up, zoom in are positive. Speeds and places are
parts of what the camera can: -1 to 1, whatever its makers count in.
"""

from typing import Annotated, Final

import msgspec

#: A move ends so long after the last order of it: who holds the button says so again, sooner than this.
DEAD_MAN_S: Final = 0.8
#: The helm stays with somebody for so long after his last order.
HELD_S: Final = 3.0
#: Orders of one operator in a second; a stop is none of them.
ORDERS_PER_S: Final = 10
#: A node answers to an order within this, or its camera has failed.
ANSWER_WITHIN_S: Final = 6.0
MAX_PRESETS: Final = 256
MAX_TOKEN: Final = 64
MAX_NAME: Final = 64

type Part = Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)]
type Token = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TOKEN)]


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="move"):
    """Go on at these speeds until something else is said, or nothing (DEAD_MAN_S)."""

    pan: Part = 0.0
    tilt: Part = 0.0
    zoom: Part = 0.0

    @property
    def is_rest(self) -> bool:
        """Whether it says to stay."""
        return not (self.pan or self.tilt or self.zoom)


class MoveTo(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="to"):
    """Look there: a place of the camera's whole way."""

    pan: Part
    tilt: Part
    zoom: Part | None = None


class MoveBy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="by"):
    """So much further from where it looks, in parts of its whole way."""

    pan: Part = 0.0
    tilt: Part = 0.0
    zoom: Part = 0.0


class Aim(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="aim"):
    """Bring this point of the picture to its middle: 0, 0 is there, 1, 1 the corner up on the right."""

    x: Part
    y: Part


class GoTo(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="preset"):
    """Look where a preset does."""

    preset: Token


class Home(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="home"):
    """Look where it looks by itself."""


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="stop"):
    """Stay."""


class Look(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="look"):
    """Say what you can, and which presets you have; nothing moves."""


class KeepPreset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="keep"):
    """Remember where it looks."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]


class DropPreset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="drop"):
    """Forget a preset."""

    preset: Token


type PtzOrder = Move | MoveTo | MoveBy | Aim | GoTo | Home | Stop | Look | KeepPreset | DropPreset


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place that a camera remembers."""

    preset: str
    name: str


class PtzAbilities(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a camera's head can do, as the camera has it.

    turn    pan and tilt        zoom  zoom
    to, by  by places, by steps  aim  by points of its picture
    """

    turn: bool = False
    zoom: bool = False
    to: bool = False
    by: bool = False
    aim: bool = False
    home: bool = False
    presets: list[Preset] = []


class PtzRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """control → media, `camera.ptz.<node>`: a program's order, decided just now.

    `operator` is control's name for who gives it; the same one has the helm already, if he has.
    """

    camera: str
    operator: str
    order: PtzOrder


class PtzAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of it. `code`: `ok`; `busy`: `holder` has the helm; `too_many` in a second; `declined` by the camera;
    `not_here`; or a word of OnvifError (`no_motor`) and SourceError.
    """

    code: str
    holder: str = ""
    abilities: PtzAbilities | None = None


class HelmTaken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `camera.helm.<node>`: somebody moves a camera; said until it is answered, and again when others
    come to look. `holder` and `watchers` are sessions, or what control called the operator of a PtzRequest.
    """

    run: str
    camera: str
    holder: str
    watchers: list[str] = []


class HelmNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The holder's name, for those of the watchers who may know it."""

    names: dict[str, str]
