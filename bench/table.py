"""What every measurement ends in: a row of percentiles, and a table of rows."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def row(what: str, taken: Sequence[float]) -> dict[str, Any]:
    """Median, 99th percentile and maximum of durations in milliseconds."""
    ordered = sorted(taken)
    return {
        "what": what,
        "n": len(ordered),
        "p50_ms": round(statistics.median(ordered), 1),
        "p99_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 1),
        "max_ms": round(ordered[-1], 1),
    }


def print_table(rows: Iterable[Mapping[str, Any]]) -> None:
    """For the eye."""
    print(f"{'':34} {'n':>5} {'p50 ms':>9} {'p99 ms':>9} {'max ms':>9}")
    for line in rows:
        print(f"{line['what']:34} {line['n']:>5} {line['p50_ms']:>9} {line['p99_ms']:>9} {line['max_ms']:>9}")
