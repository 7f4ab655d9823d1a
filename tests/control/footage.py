"""Footage without a picture: what media nodes say of it, and shares that end where the past begins."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec

import cast
from belvedere.contracts import recordings, sessions
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant
from belvedere.control.consumers import BUS
from belvedere.control.core import clock
from belvedere.control.recordings.models import Export
from belvedere.control.recordings.services import record_footage, sign_export
from belvedere.control.streaming.services import Ticket, record_watched
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


def come(ticket: Ticket, *, origin: str | None = None) -> sessions.OpenReply:
    """What media is told when somebody comes with it."""
    session, secret = ticket.url.rpartition("ticket=")[2].split(".")
    reply = BUS["session.open"].answer("local", sessions.OpenRequest(session, secret, RUN, "10.0.0.9", origin))
    assert isinstance(reply, sessions.OpenReply)
    return reply


def finish(session: str, body: bytes = b"mp4", **changes: Any) -> bool:
    """What media says when the last byte was sent."""
    row = Export.objects.get(session=session)
    spans = [recordings.Span(row.start_at.timestamp() - 9, row.end_at.timestamp())]
    said = recordings.ExportFinished(RUN, session, sha256(body).hexdigest(), len(body), spans)
    return sign_export("local", msgspec.structs.replace(said, **changes)).accepted


def watched(session: str, *spans: tuple[float, float], run: str = RUN) -> None:
    """What media says went to the viewer of a session."""
    record_watched("local", recordings.SessionWatched(run, session, [recordings.Span(*span) for span in spans]))
