"""The composed pictures: walkers come, go and are hidden, nothing else moves, and the loop has no seam."""

import functools
import math
from itertools import pairwise

import numpy as np
import pytest

from belvedere.demo.clips import Clip
from belvedere.demo.pictures import FPS, TAKES, Composer, Layer, polygon_mask, with_clock
from belvedere.demo.scenes import ASSETS, clip_path, figure_at, read_catalogue

TAKE = {take.scene: take for take in TAKES}


@functools.cache
def composer(scene: str) -> Composer:
    return Composer(TAKE[scene])


@pytest.mark.parametrize("scene", TAKE)
def test_each_path_fits_its_loop(scene: str) -> None:
    paths = read_catalogue().scene(scene).paths
    for number in TAKE[scene].starts:
        assert paths[number].seconds <= TAKE[scene].seconds, "else the walker would vanish in mid-step"


@pytest.mark.parametrize("scene", TAKE)
def test_nobody_jumps_and_nobody_comes_or_goes_in_sight(scene: str) -> None:
    take, shown = TAKE[scene], composer(scene)
    assert shown.figures(0), "a wall of empty rooms is no welcome"
    for number, start in take.starts.items():
        path = read_catalogue().scene(scene).paths[number]
        # One frame more than the loop has: from the last to the first is a step like any other.
        moments = [(index / FPS - start) % take.seconds for index in range(shown.frames + 1)]
        places = [figure_at(path, read_catalogue().sets, moment) for moment in moments]
        for index, (before, after) in enumerate(pairwise(places)):
            if before and after:
                assert math.hypot(after.x - before.x, after.y - before.y) < after.height / 4
            elif here := before or after:
                seconds = index / FPS
                seen = np.abs(shown.scene_at(seconds, [here]) - shown.scene_at(seconds, []))
                assert seen.max() < 0.03, f"{path.name}: in sight at {seconds:.1f} s"


def difference_by(shown: Composer, seconds: float) -> Layer:
    """How much the people of this moment change the picture, at each pixel."""
    change = np.abs(shown.scene_at(seconds, shown.figures(seconds)) - shown.scene_at(seconds, []))
    return np.asarray(change.max(axis=2), np.float32)


def test_a_walker_changes_the_picture_where_it_is_and_nowhere_else() -> None:
    shown = composer("courtyard")
    (figure,) = shown.figures(18)
    rows, columns = np.nonzero(difference_by(shown, 18) > 0.02)
    assert rows.min() == pytest.approx(figure.y - figure.height, abs=figure.height / 10)
    assert rows.max() == pytest.approx(figure.y, abs=figure.height / 10)
    assert np.abs(columns - figure.x).max() < figure.height / 2


def test_what_stands_nearer_hides_the_walker() -> None:
    shown = composer("driveway")
    car = read_catalogue().scene("driveway").occluders[0]
    seconds = next(t for t in range(28) for figure in shown.figures(t) if 680 < figure.x < 760)
    assert shown.figures(seconds)[0].y < car.base_y
    change = difference_by(shown, seconds)
    assert change.max() > 0.1
    assert change[polygon_mask([car.polygon]) > 0.99].max() < 0.01


def test_the_same_frame_is_the_same_picture() -> None:
    assert np.array_equal(composer("corridor").frame(30), Composer(TAKE["corridor"]).frame(30))


def test_lights_end_where_they_began() -> None:
    shown = composer("pool")
    assert np.allclose(shown.scene_at(5, []), shown.scene_at(5 + TAKE["pool"].seconds, []), atol=1e-4)


def test_the_clock_changes_once_a_second_and_only_in_its_corner() -> None:
    black = np.zeros((360, 640, 3), np.uint8)
    assert np.array_equal(with_clock(black, 5.0), with_clock(black, 5.9))
    changed = np.nonzero((with_clock(black, 5.0) != with_clock(black, 6.0)).any(axis=2))
    assert changed[0].max() < 40
    assert changed[1].max() < 120


@pytest.mark.parametrize("scene", TAKE)
def test_the_shipped_clips_are_those_of_the_takes(scene: str) -> None:
    for quality, size in (("main", (1280, 720)), ("sub", (640, 360))):
        clip = Clip.load(clip_path(scene, quality))
        assert (clip.codec, clip.width, clip.height, clip.fps) == ("h264", *size, FPS)
        assert clip.seconds == TAKE[scene].seconds
        assert [index for index, unit in enumerate(clip.units) if unit.is_key] == list(range(0, len(clip.units), 24))


def test_the_assets_stay_small() -> None:
    assert sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file()) < 16_000_000
