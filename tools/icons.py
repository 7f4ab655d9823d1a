"""Draws the app's icons from our own mark, the arch with its keyhole, as `img/icon-*.png`. No file of anybody else's.

.venv/bin/python tools/icons.py
"""

from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

FOLDER: Final = Path(__file__).resolve().parents[1] / "src/belvedere/control/web/static/belvedere/img"
VERDIGRIS, PAPER, CLEAR = (0x1F, 0x7A, 0x6D, 255), (0xF7, 0xF6, 0xF2, 255), (0, 0, 0, 0)
#: drawn so much larger, then made smaller: smooth edges
FINE: Final = 8
WIDTH, HEIGHT = 24.0, 27.0  # of the mark, as in icons.svg

type Colour = tuple[int, int, int, int]


def mark(size: int, *, share: float, ground: Colour, ink: Colour, corner: float = 0.0) -> Image.Image:
    """The mark in the middle of a square, `share` of it high; `corner` is the radius of the ground's corners, of 1."""
    side = size * FINE
    picture = Image.new("RGBA", (side, side), CLEAR)
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((0, 0, side - 1, side - 1), radius=corner * side, fill=ground)
    unit = side * share / HEIGHT
    left, top = (side - WIDTH * unit) / 2, (side - HEIGHT * unit) / 2

    def at(*places: tuple[float, float]) -> list[tuple[float, float]]:
        return [(left + x * unit, top + y * unit) for x, y in places]

    draw.ellipse(at((0, 0), (24, 24)), fill=ink)
    draw.rounded_rectangle(at((0, 12), (24, 27)), radius=2 * unit, fill=ink)
    draw.rectangle(at((0, 12), (24, 20)), fill=ink)
    draw.ellipse(at((7.1, 5.9), (16.9, 15.7)), fill=ground)
    draw.polygon(at((9.5, 15), (8, 22.5), (16, 22.5), (14.5, 15), (12, 12)), fill=ground)
    return picture.resize((size, size), Image.Resampling.LANCZOS)


def main() -> None:
    """Draw them all."""
    drawn = {
        "icon-192": mark(192, share=0.6, ground=VERDIGRIS, ink=PAPER, corner=0.22),
        "icon-512": mark(512, share=0.6, ground=VERDIGRIS, ink=PAPER, corner=0.22),
        # Cut to whatever shape a phone likes: nothing of it stands outside of the middle four fifths.
        "icon-maskable-512": mark(512, share=0.5, ground=VERDIGRIS, ink=PAPER),
        "icon-touch-180": mark(180, share=0.56, ground=VERDIGRIS, ink=PAPER),
        # Of a notification: a phone takes its shape and colours it itself.
        "icon-badge-96": mark(96, share=0.84, ground=CLEAR, ink=(255, 255, 255, 255)),
    }
    for name, picture in drawn.items():
        picture.save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
