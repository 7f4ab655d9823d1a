"""Footage without a picture: what media nodes say of it, and shares that end where the past begins."""

from datetime import timedelta

import cast
from belvedere.contracts import recordings
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant
from belvedere.control.core import clock
from belvedere.control.recordings.services import record_footage
from control.watching import RUN, hello

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
PAST = Permission.LIVE_VIEW | Permission.PLAYBACK
DISK = 1_000_000_000_000


def ago(span: timedelta) -> float:
    """So long ago, in seconds since the epoch."""
    return (clock.now() - span).timestamp()


def holding(camera: str, first: float | None, last: float | None, *, is_recording: bool = False) -> recordings.Holding:
    return recordings.Holding(camera, first, last, 7_000, 1_000, is_recording)


def report(
    *holdings: recordings.Holding, node: str = "local", run: str = RUN, state: str = "ok", volume: str = "disk-1"
) -> None:
    """One whole round of a node."""
    disk = recordings.VolumeState(volume, state, DISK, DISK // 2, 1_000_000)
    record_footage(node, recordings.FootageReport(run, disk, list(holdings), is_last=True))


def place(camera: str, first: float, last: float, *, node: str = "local", is_recording: bool = False) -> None:
    """A node holds footage of a camera."""
    hello(node=node)
    report(holding(camera, first, last, is_recording=is_recording), node=node, volume=f"disk of {node}")


def share_the_last(day: timedelta, giver: cast.Person, to: cast.Person, camera: str, permissions: Permission) -> None:
    """A share whose window reaches so far back."""
    share = giver.share(to, camera, permissions=permissions)
    assert Grant.objects.filter(origin_id=share).update(footage_last_s=int(day.total_seconds()))
