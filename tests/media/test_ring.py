"""Where viewers start, and how little of the past there is (N22)."""

from belvedere.media.fmp4 import Fragment
from belvedere.media.ring import MAX_GOP_S, Ring

RATE = 90_000


def fill(ring: Ring, pattern: str, *, seconds: float = 0.04, size: int = 10, start: int = 0) -> None:
    """`K` is a key frame, anything else is not."""
    for index, letter in enumerate(pattern, start):
        fragment = Fragment(b"x" * size, letter == "K", int(index * seconds * RATE), 3600)
        ring.append(fragment, bytes(size), RATE)


def held(ring: Ring) -> str:
    items = [ring.get(position) for position in range(ring.end)]
    return "".join("." if item is None else "K" if item.is_key else "d" for item in items)


# N22
def test_the_current_gop_and_the_one_before_it_and_nothing_older() -> None:
    ring = Ring()
    fill(ring, "KddKddKdd")
    assert held(ring) == "...KddKdd"
    assert ring.start == 6
    fill(ring, "K", start=9)
    assert held(ring) == "......KddK"
    assert ring.size == 40


def test_a_camera_that_is_gone_leaves_nothing() -> None:
    ring = Ring()
    fill(ring, "KddKd")
    ring.clear()
    assert held(ring) == "....."
    assert (ring.start, ring.newest, ring.size, ring.end) == (None, None, 0, 5)
    fill(ring, "dd", start=5)
    assert ring.start is None  # nothing to start from before the next key frame
    fill(ring, "K", start=7)
    assert ring.start == 7


def test_memory_has_an_end() -> None:
    ring = Ring(max_bytes=100)
    fill(ring, "KdddKddd", size=16)
    assert ring.size <= 100
    assert held(ring) == "....Kddd"  # the older GOP went first
    fill(ring, "ddddd", size=16, start=8)
    assert ring.size <= 100
    assert ring.start is None


def test_a_gop_without_end_is_no_place_to_start() -> None:
    ring = Ring()
    fill(ring, "Kdd", seconds=MAX_GOP_S / 2.5)
    assert ring.start == 0
    fill(ring, "d", seconds=MAX_GOP_S / 2.5, start=3)
    assert ring.start is None
