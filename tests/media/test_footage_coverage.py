"""Spans that are kept in memory are those that a fresh look would find, whatever came and went."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from belvedere.contracts.sessions import Quality
from belvedere.media.footage import Index, SegmentRef, Volume
from belvedere.media.footage.coverage import Coverage, clip, coarse, merge
from media.film import CAMERA, OTHER

SECOND = 1_000_000


def seconds(spans: list[tuple[int, int]]) -> list[tuple[float, float]]:
    return [(start / SECOND, end / SECOND) for start, end in spans]


def test_merging() -> None:
    assert merge([]) == []
    times = [(0, 10), (10.9, 20), (21, 30), (22, 25), (29, 31), (40, 41)]
    merged = merge((int(start * SECOND), int(end * SECOND)) for start, end in times)
    assert seconds(merged) == [(0, 20), (21, 31), (40, 41)]


def test_clipping() -> None:
    spans = [(0, 10), (20, 30), (40, 50)]
    assert clip(spans, 0, 100) == spans
    assert clip(spans, 10, 20) == []
    assert clip(spans, 9, 21) == [(9, 10), (20, 21)]
    assert clip(spans, 25, 26) == [(25, 26)]
    assert clip(spans, 30, 5) == []
    assert clip([], 0, 1) == []


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=40), st.integers(1, 40))
def test_never_more_than_so_many(steps: list[tuple[int, int]], most: int) -> None:
    """From pairs of (break before it, length). Nothing that was recorded is left out, and long breaks stay longest."""
    spans, at = [], 0
    for pause, length in steps:
        spans.append((at + pause, at + pause + length))
        at += pause + length
    told = coarse(spans, most)
    assert len(told) <= most
    assert (told == spans) == (len(spans) <= most)
    assert all(any(start <= one and other <= end for start, end in told) for one, other in spans)
    kept = {later[0] - earlier[1] for earlier, later in pairwise(told)}
    hidden = {later[0] - earlier[1] for earlier, later in pairwise(spans)} - kept
    assert not kept or not hidden or max(hidden) <= min(kept)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 40)), max_size=40), st.integers(0, 320), st.integers(0, 90)
)
def test_added_one_by_one_or_read_at_once(times: list[tuple[int, int]], start: int, length: int) -> None:
    made = [(begin * SECOND // 4, (begin + long) * SECOND // 4) for begin, long in times]
    coverage = Coverage()
    assert coverage.between(CAMERA, 0, 1 << 60, list) == []
    for begin, end in made:
        coverage.add(CAMERA, begin, end)
    asked = start * SECOND // 4, (start + length) * SECOND // 4
    wanted = [(max(a, asked[0]), min(b, asked[1])) for a, b in merge(sorted(made)) if b > asked[0] and a < asked[1]]
    assert coverage.between(CAMERA, *asked, lambda: [(0, 1 << 50)]) == wanted


def test_what_changes_while_it_is_read_is_read_again() -> None:
    coverage = Coverage()

    def read_too_early() -> list[tuple[int, int]]:
        coverage.add(CAMERA, 5 * SECOND, 6 * SECOND)
        return []

    assert coverage.between(CAMERA, 0, 1 << 60, read_too_early) == []
    assert seconds(coverage.between(CAMERA, 0, 1 << 60, lambda: [(5 * SECOND, 6 * SECOND)])) == [(5, 6)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([CAMERA, OTHER]), st.integers(0, 30)), max_size=25))
def test_the_index_keeps_it_true(tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[bool, str, int]]) -> None:
    """Segments of two seconds come and go in any order; a cache that was asked all along agrees with a new one."""
    folder = tmp_path_factory.mktemp("coverage")
    volume = Volume.open(folder / "disk", folder / "expected.json")
    index = Index.open(volume)
    for is_new, camera, at in acts:
        index.spans(CAMERA, 0, 1 << 60)
        ref = SegmentRef(camera, Quality.MAIN, at * 2 * SECOND, at, 2 * SECOND, 1)
        if is_new:
            index.add([ref])
        elif at % 2:
            index.bury([ref])
        else:
            index.forget([ref])
        index.flush()
        times = [(ref.start_us, ref.end_us) for ref in index.oldest(CAMERA)]
        assert index.spans(CAMERA, 0, 1 << 60) == merge(times)
    index.close()
    volume.close()
