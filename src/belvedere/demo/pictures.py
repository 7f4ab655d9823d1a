"""Composes the moving pictures of the sample cameras, and encodes them into the loops that the demo ships.

A frame is a plate, with lights that flicker, people who walk through, behind and in front of things, and then
everything a real lens and a real sensor would add. All of it repeats after the take's seconds, without a seam.

    python -m belvedere.demo.pictures            makes all clips anew (some minutes)
    python -m belvedere.demo.pictures courtyard  only these
"""

import argparse
import functools
import math
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from belvedere.demo.clips import Clip, ClipEncoder, Picture
from belvedere.demo.scenes import (
    ASSETS,
    Figure,
    Flicker,
    Occluder,
    Point,
    Scene,
    clip_path,
    figure_at,
    read_catalogue,
)

#: height x width x 3, or x 1, or height x width: 0…1
type Layer = NDArray[np.float32]

FPS: Final = 12
WIDTH, HEIGHT = 1280, 720
_MAIN: Final = (WIDTH, HEIGHT)
_SUB: Final = (WIDTH // 2, HEIGHT // 2)
#: a key frame every two seconds
_GOP: Final = 2 * FPS
_GRAIN_FIELDS: Final = 6
#: How much of a scene's grain is left after the camera's own noise reduction. All of it would cost eight times the
#: bits: 2.5 Mbit/s a camera instead of 0.3, and the clips come with every copy of the program.
_GRAIN_LEFT: Final = 0.42
_QUANTIZER: Final = 28


@dataclass(frozen=True)
class Take:
    """One round of a scene: how long, and at which second each of its paths begins.

    Negative: somebody is in sight already when the loop begins, having set out before it ended.
    """

    scene: str
    seconds: int
    starts: dict[int, float]


#: Each loop holds its paths one after the other and a breath of nobody; each begins at a different point of the story.
TAKES: Final = (
    Take("courtyard", 30, {0: -5.0, 1: 12.5}),
    Take("frontdoor", 30, {0: -7.0}),
    Take("pool", 26, {0: -4.0}),
    Take("shop", 16, {0: -3.0, 1: 0.0}),
    Take("driveway", 28, {0: -3.0}),
    Take("corridor", 28, {0: -6.0}),
    Take("carpark", 32, {0: -7.0}),
)


class Composer:
    """Draws the frames of one take. What never changes is made once."""

    def __init__(self, take: Take) -> None:
        """Read the plate and prepare masks, lights, lens and grain."""
        catalogue = read_catalogue()
        scene = catalogue.scene(take.scene)
        self.take = take
        self._paths = scene.paths
        self._sets = catalogue.sets
        plate = Image.open(ASSETS / scene.file).convert("L" if scene.monochrome else "RGB").convert("RGB")
        self._plate: Layer = np.asarray(plate, np.float32) / np.float32(255)
        self._lights = [Light(flicker, take.seconds, number) for number, flicker in enumerate(scene.flicker)]
        self._occluders = Occlusion(scene.occluders)
        self._walkers = Walkers(scene.monochrome)
        self._vignette = vignette()
        self._grain = Grain(scene)

    @property
    def frames(self) -> int:
        """How many there are before the first comes again."""
        return self.take.seconds * FPS

    def figures(self, seconds: float) -> list[Figure]:
        """Who is in the picture, the furthest first."""
        found = [
            figure_at(self._paths[number], self._sets, (seconds - start) % self.take.seconds)
            for number, start in self.take.starts.items()
        ]
        return sorted((figure for figure in found if figure), key=lambda figure: figure.y)

    def scene_at(self, seconds: float, figures: list[Figure]) -> Layer:
        """What the lens looks at: the plate in the light of this moment, with these figures in it."""
        picture = self._plate.copy()
        for light in self._lights:
            light.shine(picture, seconds)
        for figure in figures:
            self._walkers.draw(picture, figure, hidden=self._occluders.in_front_of(figure.y))
        return picture

    def frame(self, index: int) -> Picture:
        """Draw frame `index` as the sensor saw it, 1280x720, without the clock."""
        seconds = index / FPS
        picture = self.scene_at(seconds, self.figures(seconds))
        picture *= self._vignette
        picture += self._grain.field(picture, index)
        image = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
        return np.asarray(image.filter(ImageFilter.UnsharpMask(radius=1.2, percent=30, threshold=0)))


class Light:
    """A lamp, a tube, a fridge or water: one region, brighter and darker, and for water also in motion."""

    def __init__(self, flicker: Flicker, loop_seconds: float, number: int) -> None:
        """`number` sets lights apart from each other, which would else breathe together."""
        # Whole periods fit the loop, so that the last frame leads to the first.
        self._periods = [loop_seconds / max(1, round(loop_seconds / period)) for period in flicker.period_s]
        self._phases = [2.4 * number, 4.1 * number]
        self._amplitude = flicker.amplitude
        self._wave_px = flicker.wave_px
        if flicker.centre:
            strength = _glow(flicker.centre, flicker.radius)
        else:
            strength = polygon_mask([flicker.polygon], feather_px=9)
        rows, columns = np.nonzero(strength > 0.002)
        self._box = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
        self._strength = strength[self._box][..., None]

    def shine(self, picture: Layer, seconds: float) -> None:
        """Change `picture` in its region."""
        region = picture[self._box]
        if self._wave_px:
            region = self._displaced(region, seconds)
        (a, b), (p, q) = self._periods, self._phases
        turn = 2 * math.pi * seconds
        level = self._amplitude * (0.6 * math.sin(turn / a + p) + 0.4 * math.sin(turn / b + q))
        picture[self._box] = region * (1 + level * self._strength)

    def _displaced(self, region: Layer, seconds: float) -> Layer:
        """Look at each pixel through two small waves that cross, weaker towards the rim."""
        height, width, _ = region.shape
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        turn = 2 * math.pi * seconds
        a, b = self._periods
        reach = self._wave_px * self._strength[..., 0]
        dx = reach * np.sin(x / 23 + y / 13 + turn / a)
        dy = 0.6 * reach * np.sin(x / 31 - y / 11 + turn / b)
        return bilinear(region, np.clip(x + dx, 0, width - 1), np.clip(y + dy, 0, height - 1))


class Occlusion:
    """Masks of what stands in front of a walker, by the walker's y."""

    def __init__(self, occluders: list[Occluder]) -> None:
        """Masks are drawn when first asked for: most heights of a scene are never walked at."""
        self._occluders = occluders
        self._drawn: dict[int, Layer | None] = {}

    def in_front_of(self, y: float) -> Layer | None:
        """1 where something hides whoever has feet at `y`; None if nothing does."""
        nearer = [occluder for occluder in self._occluders if occluder.base_y > y]
        if len(nearer) not in self._drawn:  # sorted by base_y, the count says which
            self._drawn[len(nearer)] = polygon_mask([o.polygon for o in nearer]) if nearer else None
        return self._drawn[len(nearer)]


class Walkers:
    """People and their shadows."""

    def __init__(self, monochrome: bool) -> None:
        """Night cameras see no colour, in people neither."""
        catalogue = read_catalogue()
        self._sets = catalogue.sets
        self._shadows = catalogue.shadows
        self._monochrome = monochrome

    def draw(self, picture: Layer, figure: Figure, hidden: Layer | None) -> None:
        """Put a figure and its shadows into `picture`, behind what hides it."""
        sprites = self._sets[figure.set]
        scale = figure.height / sprites.figure_h
        if sun := sprites.sun_shadow:
            strip = _strip(sun.file, self._monochrome)
            self._put(picture, _cell(strip, sun.cell, figure.cell), sun.anchor, (figure.x, figure.y), scale, 0, hidden)
        contact = self._shadows[sprites.shadow]
        image = _strip(contact.file, self._monochrome)
        size = (max(1, round(contact.width * figure.height)), max(1, round(contact.height * figure.height)))
        small = image.resize(size, Image.Resampling.BICUBIC)
        centre = (figure.x, figure.y + contact.dy * figure.height)
        self._put(picture, small, (size[0] / 2, size[1] / 2), centre, 1, 0, hidden)
        strip = _strip(sprites.file, self._monochrome)
        self._put(
            picture,
            _cell(strip, sprites.cell, figure.cell),
            sprites.anchor,
            (figure.x, figure.y),
            scale,
            figure.lean_deg,
            hidden,
        )

    def _put(
        self,
        picture: Layer,
        sprite: Image.Image,
        anchor: Point,
        at: Point,
        scale: float,
        lean_deg: float,
        hidden: Layer | None,
    ) -> None:
        """Scale and turn `sprite` (premultiplied) about `anchor`, which comes to lie on `at`.

        Between pixels, if need be: a figure that snaps to whole ones trembles as it walks.
        """
        size = (max(1, round(sprite.width * scale)), max(1, round(sprite.height * scale)))
        shrunk = sprite.resize(size, Image.Resampling.BICUBIC)
        ax, ay = anchor[0] * size[0] / sprite.width, anchor[1] * size[1] / sprite.height
        reach = math.hypot(*size) + 4
        left, top = math.floor(at[0] - reach), math.floor(at[1] - reach)
        extent = math.ceil(2 * reach) + 1
        fx, fy = at[0] - left, at[1] - top
        cos, sin = math.cos(math.radians(lean_deg)), math.sin(math.radians(lean_deg))
        turned = shrunk.transform(
            (extent, extent),
            Image.Transform.AFFINE,
            (cos, sin, ax - cos * fx - sin * fy, -sin, cos, ay + sin * fx - cos * fy),
            Image.Resampling.BICUBIC,
        ).filter(ImageFilter.GaussianBlur(0.4))
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + extent, WIDTH), min(top + extent, HEIGHT)
        if x0 >= x1 or y0 >= y1:
            return
        layer = np.asarray(turned, np.float32)[y0 - top : y1 - top, x0 - left : x1 - left] / 255
        if hidden is not None:
            layer = layer * (1 - hidden[y0:y1, x0:x1, None])
        region = picture[y0:y1, x0:x1]
        region *= 1 - layer[..., 3:]
        region += layer[..., :3]


@functools.cache
def _strip(file: str, monochrome: bool) -> Image.Image:
    """All cells of a set, premultiplied, so that its edges mix with the plate alone and not with what lies under."""
    image = Image.open(ASSETS / file).convert("RGBA")
    if monochrome:
        image = Image.merge("RGBA", (*[image.convert("L")] * 3, image.getchannel("A")))
    return image.convert("RGBa")


def _cell(strip: Image.Image, size: tuple[int, int], number: int) -> Image.Image:
    width, height = size
    return strip.crop((number * width, 0, (number + 1) * width, height))


class Grain:
    """Noise of the sensor: half of it fine, half twice as coarse, stronger where it is dark."""

    def __init__(self, scene: Scene) -> None:
        """Make a few fields; rolled by a new offset in every frame they look like ever new ones."""
        self._sigma = scene.grain * _GRAIN_LEFT
        self._seed = list(scene.id.encode())
        random = np.random.default_rng(self._seed)
        self._fields = [_noise(random) for _ in range(_GRAIN_FIELDS)]

    def field(self, picture: Layer, index: int) -> Layer:
        """The noise of frame `index`: the same for the same frame, so that the loop closes.

        And the same for all key frames: the encoder keeps their noise until the next one, and new noise would be seen
        to jump every two seconds.
        """
        field = self._fields[0]
        if index % _GOP:
            random = np.random.default_rng([*self._seed, index])
            offset = (int(random.integers(HEIGHT)), int(random.integers(WIDTH)))
            field = np.roll(self._fields[index % _GRAIN_FIELDS], offset, (0, 1))
        luminance = (picture * np.array([0.299, 0.587, 0.114], np.float32)).sum(axis=2, keepdims=True)
        return np.asarray(field * (self._sigma * (1.15 - luminance)), np.float32)


def _noise(random: np.random.Generator) -> Layer:
    fine = random.standard_normal((HEIGHT, WIDTH), np.float32)
    coarse = random.standard_normal((HEIGHT // 2, WIDTH // 2), np.float32).repeat(2, 0).repeat(2, 1)
    return ((fine + coarse) * np.float32(math.sqrt(0.5)))[..., None]


def vignette() -> Layer:
    """Corners get less light than the middle."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    r2 = ((x + 0.5 - WIDTH / 2) ** 2 + (y + 0.5 - HEIGHT / 2) ** 2) / (WIDTH / 2) ** 2
    return np.asarray(1 - 0.28 * (r2 / 1.3) ** 1.4, np.float32)[..., None]


def _glow(centre: Point, radius: float) -> Layer:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    d2 = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
    return np.asarray(np.exp(-1.2 * d2 / radius**2), np.float32)


def polygon_mask(polygons: list[list[Point]], feather_px: float = 0) -> Layer:
    """1 inside any of the polygons, 0 outside, the edge smooth: drawn at four times the size, and made small."""
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    for polygon in polygons:
        large = Image.new("L", (4 * WIDTH, 4 * HEIGHT))
        ImageDraw.Draw(large).polygon([(4 * x, 4 * y) for x, y in polygon], fill=255)
        small = large.reduce(4).filter(ImageFilter.GaussianBlur(feather_px))
        mask = np.maximum(mask, np.asarray(small, np.float32) / 255)
    return mask


def bilinear(layer: Layer, x: Layer, y: Layer) -> Layer:
    """Values of `layer` at places between its pixels; x and y must lie inside."""
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    right, bottom = np.minimum(left + 1, layer.shape[1] - 1), np.minimum(top + 1, layer.shape[0] - 1)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    upper = layer[top, left] * (1 - fx) + layer[top, right] * fx
    lower = layer[bottom, left] * (1 - fx) + layer[bottom, right] * fx
    return np.asarray(upper * (1 - fy) + lower * fy, np.float32)


def with_clock(picture: Picture, seconds: float) -> Picture:
    """Burn the seconds since the loop began into the top left corner, as HH:MM:SS."""
    minutes, second = divmod(int(seconds), 60)
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    size = image.height // 26
    font = ImageFont.load_default(size)
    left = image.width / 54
    for character in f"{minutes // 60:02}:{minutes % 60:02}:{second:02}":
        # Every digit in a cell of one width: else the clock would twitch.
        advance = size * (0.3 if character == ":" else 0.6)
        draw.text(
            (left + advance / 2, image.height / 30),
            character,
            font=font,
            anchor="ma",
            fill=(240, 240, 236),
            stroke_width=max(1, size // 14),
            stroke_fill=(16, 16, 16),
        )
        left += advance
    return np.asarray(image)


def make_clips(take: Take) -> dict[str, Clip]:
    """Compose a take once and encode it twice: `main` at 1280x720, `sub` at half of that, key frames every 2 s."""
    composer = Composer(take)
    main = ClipEncoder(_MAIN, fps=FPS, gop=_GOP, qp=_QUANTIZER)
    sub = ClipEncoder(_SUB, fps=FPS, gop=_GOP, qp=_QUANTIZER)
    for index in range(composer.frames):
        picture = composer.frame(index)
        small = np.asarray(Image.fromarray(picture).reduce(2))
        main.add(with_clock(picture, index / FPS))
        sub.add(with_clock(small, index / FPS))
    return {"main": main.finish(), "sub": sub.finish()}


def _remake(take: Take) -> str:
    sizes: list[str] = []
    for quality, clip in make_clips(take).items():
        path = clip_path(take.scene, quality)
        path.parent.mkdir(exist_ok=True)
        clip.save(path)
        sizes.append(f"{quality} {path.stat().st_size / 1e6:.2f} MB")
    return f"{take.scene:10} {take.seconds} s  {', '.join(sizes)}"


def main() -> None:
    """Make the named clips anew, or all."""
    parser = argparse.ArgumentParser(description="Make the clips of the sample cameras anew.")
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=", ".join(take.scene for take in TAKES))
    wanted = parser.parse_args().scenes
    takes = [take for take in TAKES if not wanted or take.scene in wanted]
    with ProcessPoolExecutor(max_workers=2) as pool:
        for line in pool.map(_remake, takes):
            sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
