"""`/cameras/{id}/ptz`: moving a camera's head, for programs. Pages do it by the live socket, which is faster."""

from typing import Annotated, Self

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import Field, StringConstraints, model_validator

from belvedere.contracts.ptz import (
    MAX_NAME,
    MAX_TOKEN,
    Aim,
    GoTo,
    Home,
    Move,
    MoveBy,
    MoveTo,
    PtzAbilities,
    PtzOrder,
    Stop,
)
from belvedere.control.api.auth import actor_of
from belvedere.control.api.schemas import In, Out, problems
from belvedere.control.streaming.services import steering

router = Router(tags=["cameras"])

type PartIn = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
type TokenIn = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TOKEN)]

ORDERS = ("move", "to", "by", "aim", "preset", "home", "stop")
PROBLEMS = problems(401, 403, 404, 409, 429, 503)


class VectorIn(In):
    """Right, up and nearer are positive; 1 is all that the camera has of it."""

    pan: PartIn = 0.0
    tilt: PartIn = 0.0
    zoom: PartIn = 0.0


class PlaceIn(In):
    """A place of the camera's whole way; without `zoom` it stays zoomed as it is."""

    pan: PartIn
    tilt: PartIn
    zoom: PartIn | None = None


class PointIn(In):
    """A point of the picture: 0, 0 is its middle, 1, 1 its corner up on the right."""

    x: PartIn
    y: PartIn


class SteerIn(In):
    """One of them. A `move` goes on for 0.8 s: send it again until then to go on, and `stop` to stay."""

    move: VectorIn | None = None
    to: PlaceIn | None = None
    by: VectorIn | None = None
    aim: PointIn | None = None
    preset: TokenIn | None = None
    home: bool = False
    stop: bool = False

    @model_validator(mode="after")
    def is_one(self) -> Self:
        """Exactly one of them."""
        if sum(bool(getattr(self, name)) for name in ORDERS) != 1:
            message = f"exactly one of {', '.join(ORDERS)}"
            raise ValueError(message)
        return self

    def order(self) -> PtzOrder:
        """As services take it."""
        if self.move:
            return Move(**self.move.model_dump())
        if self.to:
            return MoveTo(**self.to.model_dump())
        if self.by:
            return MoveBy(**self.by.model_dump())
        if self.aim:
            return Aim(**self.aim.model_dump())
        if self.preset:
            return GoTo(self.preset)
        return Home() if self.home else Stop()


class PresetIn(In):
    """What to call the place that the camera looks at now."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]


class PtzPresetOut(Out):
    """A place that the camera remembers."""

    preset: str
    name: str


class PtzOut(Out):
    """What the camera's head can do: `to` places, `by` steps, `aim` at points of its picture."""

    turn: bool
    zoom: bool
    to: bool
    by: bool
    aim: bool
    home: bool
    presets: list[PtzPresetOut]

    @classmethod
    def of(cls, can: PtzAbilities) -> "PtzOut":
        """From what services return."""
        return cls(
            turn=can.turn,
            zoom=can.zoom,
            to=can.to,
            by=can.by,
            aim=can.aim,
            home=can.home,
            presets=[PtzPresetOut(preset=one.preset, name=one.name) for one in can.presets],
        )


@router.get("/cameras/{camera_id}/ptz", response={200: PtzOut, **PROBLEMS})
def look_up_motor(request: HttpRequest, camera_id: str) -> PtzOut:
    """What the camera can, and its presets. Needs `ptz`. 409 `cannot_move`: it has no motor."""
    return PtzOut.of(steering.look_up_motor(actor_of(request), camera=camera_id))


@router.post("/cameras/{camera_id}/ptz", response={204: None, **problems(422), **PROBLEMS})
def steer_camera(request: HttpRequest, camera_id: str, body: SteerIn) -> Status[None]:
    """Move it, now or not at all. Needs `ptz`; ten orders a second, stops uncounted.

    409 `busy`: somebody else moves it, `holder` for who may know his name; `cannot_move`: the camera can't. 503
    `camera_unreachable`: nothing will be sent later.
    """
    steering.steer_camera(actor_of(request), camera=camera_id, order=body.order())
    return Status(204, None)


@router.post("/cameras/{camera_id}/ptz/presets", response={204: None, **problems(422), **PROBLEMS})
def keep_preset(request: HttpRequest, camera_id: str, body: PresetIn) -> Status[None]:
    """Have the camera remember where it looks. Needs `configure`."""
    steering.keep_preset(actor_of(request), camera=camera_id, name=body.name)
    return Status(204, None)


@router.delete("/cameras/{camera_id}/ptz/presets/{preset}", response={204: None, **problems(422), **PROBLEMS})
def drop_preset(request: HttpRequest, camera_id: str, preset: TokenIn) -> Status[None]:
    """Have the camera forget a preset. Needs `configure`."""
    steering.drop_preset(actor_of(request), camera=camera_id, preset=preset)
    return Status(204, None)
