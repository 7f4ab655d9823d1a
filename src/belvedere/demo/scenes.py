"""What the sample cameras look at: plates, people who walk through, what hides them and what glimmers.

Read from `assets/scenes.json`. Pixels are those of the 1280x720 plate, with the origin at the top left.
"""

import functools
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Final, Literal

import msgspec

ASSETS: Final = FilePath(__file__).parent / "assets"

#: (x, y)
type Point = tuple[float, float]


class Step(msgspec.Struct, frozen=True):
    """A stretch of a path, walking or standing. Points are (x, y of the feet, height), equally spaced in time."""

    pose: Literal["walk", "stand"]
    set: str
    seconds: float
    points: list[tuple[float, float, float]]
    lean_deg: list[float]
    #: how long eight cells of a walk last
    cycle_s: float = 1.0


class Path(msgspec.Struct, frozen=True):
    """A person's way through a scene: out of sight at both ends or, if closed, standing where it began."""

    name: str
    steps: list[Step]
    seconds: float
    closed: bool = False


class Occluder(msgspec.Struct, frozen=True):
    """Something that hides whoever stands further back: has feet above `base_y`."""

    name: str
    base_y: float
    polygon: list[Point]


class Flicker(msgspec.Struct, frozen=True):
    """Light that is not still: around a centre, or inside a polygon; `period_s` are the two periods it is mixed of."""

    kind: str
    amplitude: float
    period_s: tuple[float, float]
    centre: Point | None = None
    radius: float = 0.0
    polygon: list[Point] = []
    wave_px: float = 0.0


class Scene(msgspec.Struct, frozen=True):
    """One camera's view."""

    id: str
    file: str
    monochrome: bool
    grain: float
    paths: list[Path]
    occluders: list[Occluder]
    flicker: list[Flicker]


class SunShadow(msgspec.Struct, frozen=True):
    """Cast shadows, one for each cell of the walker."""

    file: str
    cell: tuple[int, int]
    anchor: Point


class SpriteSet(msgspec.Struct, frozen=True):
    """One person, one direction, one light: eight cells of a walk and one of standing, side by side."""

    file: str
    cell: tuple[int, int]
    stand: int
    anchor: Point
    figure_h: float
    shadow: str
    sun_shadow: SunShadow | None = None


class ContactShadow(msgspec.Struct, frozen=True):
    """The soft shadow under the feet; its measures are in figure heights."""

    file: str
    width: float
    height: float
    dy: float


class Catalogue(msgspec.Struct, frozen=True):
    """All of `scenes.json`."""

    scenes: list[Scene]
    sets: dict[str, SpriteSet]
    shadows: dict[str, ContactShadow]

    def scene(self, scene_id: str) -> Scene:
        """The scene of that id. Raises StopIteration if there is none."""
        return next(scene for scene in self.scenes if scene.id == scene_id)


@functools.cache
def read_catalogue() -> Catalogue:
    """Read it once per process."""
    return msgspec.json.decode((ASSETS / "scenes.json").read_bytes(), type=Catalogue)


def clip_path(scene_id: str, quality: str) -> FilePath:
    """Where the encoded loop of a scene is kept; quality is `main` or `sub`."""
    return ASSETS / "clips" / f"{scene_id}-{quality}.clip"


class Figure(msgspec.Struct, frozen=True):
    """A person at one moment: where the feet are, how tall, leaning how far clockwise, in which cell of which set."""

    set: str
    cell: int
    x: float
    y: float
    height: float
    lean_deg: float


def figure_at(path: Path, sets: dict[str, SpriteSet], seconds: float) -> Figure | None:
    """Where the path's walker is `seconds` after setting out; None when gone. On a closed path nobody goes."""
    if seconds >= path.seconds:
        if not path.closed:
            return None
        step, within = path.steps[-1], path.steps[-1].seconds
    else:
        starts = list(_starts(path))
        index = bisect_right(starts, seconds) - 1
        step, within = path.steps[index], seconds - starts[index]
    place = within / step.seconds * (len(step.points) - 1)
    before = min(int(place), max(len(step.points) - 2, 0))
    after, share = min(before + 1, len(step.points) - 1), place - before
    x, y, height = (a + (b - a) * share for a, b in zip(step.points[before], step.points[after], strict=True))
    lean = step.lean_deg[before] + (step.lean_deg[after] - step.lean_deg[before]) * share
    # The cell follows the clock of its own step: the path was made so that the feet then stay where they touch.
    cell = int(within / step.cycle_s * 8) % 8 if step.pose == "walk" else sets[step.set].stand
    return Figure(step.set, cell, x, y, height, lean)


def _starts(path: Path) -> Iterator[float]:
    at = 0.0
    for step in path.steps:
        yield at
        at += step.seconds
