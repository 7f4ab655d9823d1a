"""Snapshots: of now, or of what was recorded last, by the rules of each (N22, N24)."""

import asyncio
import io
import time
import urllib.error
import urllib.request

import pytest
from PIL import Image

from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import RecordingPlan, RecordMode
from belvedere.contracts.sessions import SessionKind
from belvedere.demo.clips import test_clip
from belvedere.demo.rtsp import CameraServer
from belvedere.media.node import MediaNode
from media.conftest import StartNode
from media.little_control import LittleControl

pytestmark = pytest.mark.anyio

YARD = f"{'0' * 25}1"


@pytest.fixture
async def node(control: LittleControl, cameras: CameraServer, start_node: StartNode) -> MediaNode:
    """A node that has recorded a camera for two seconds."""
    cameras.add("/yard", test_clip(gop=10))
    control.add(YARD, cameras.url("/yard"))
    control.plans[YARD] = RecordingPlan(YARD, RecordMode.CONTINUOUS)
    started = await start_node()
    await control.until_online(YARD)
    async with asyncio.timeout(15):
        while started.footage.archive is None or not started.footage.archive.spans(YARD, 0, 2**62):
            await asyncio.sleep(0.05)
    return started


async def get(url: str) -> tuple[int, bytes, str]:
    """(status, body, where it was found): redirects are followed."""

    def ask() -> tuple[int, bytes, str]:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  loopback
                return answer.status, answer.read(), answer.url
        except urllib.error.HTTPError as error:
            return error.code, b"", error.url or ""

    return await asyncio.to_thread(ask)


def ticket(control: LittleControl, node: MediaNode, permissions: Permission) -> str:
    found = control.ticket(YARD, kind=SessionKind.SNAPSHOT, permissions=permissions)
    return f"http://127.0.0.1:{node.port}/media/v1/open?ticket={found}"


async def test_the_picture_of_now(control: LittleControl, node: MediaNode) -> None:
    status, body, url = await get(ticket(control, node, Permission.LIVE_VIEW))
    assert status == 200
    with Image.open(io.BytesIO(body)) as picture:
        assert picture.size == (320, 180)
    status, body, _ = await get(url.replace("snapshot.jpg", "snapshot-160.jpg"))
    with Image.open(io.BytesIO(body)) as picture:
        assert picture.size == (160, 90)
    assert (await get(url.replace("snapshot.jpg", "index.m3u8")))[0] == 404


async def test_a_camera_that_is_away(control: LittleControl, node: MediaNode, cameras: CameraServer) -> None:
    """N22: whoever sees live only gets nothing older; whoever may look back gets the last there is, and its time."""
    await cameras.refuse()
    await cameras.drop()
    await control.until_online(YARD, online=False)
    assert (await get(ticket(control, node, Permission.LIVE_VIEW)))[0] == 404
    both = Permission.LIVE_VIEW | Permission.PLAYBACK
    url = ticket(control, node, both)
    for row in control.rows.values():
        row.playback_from = 0.0
    status, body, _ = await get(url)
    assert status == 200
    assert body.startswith(b"\xff\xd8\xff")
    # N23: what lies before his window is not there.
    url = ticket(control, node, both)
    for row in control.rows.values():
        row.playback_from = time.time() + 60
    assert (await get(url))[0] == 404


def past_ticket(control: LittleControl, node: MediaNode, at: float, permissions: Permission) -> str:
    found = control.ticket(YARD, kind=SessionKind.SNAPSHOT, permissions=permissions, start=at, playback_from=0.0)
    return f"http://127.0.0.1:{node.port}/media/v1/open?ticket={found}"


async def test_a_picture_of_an_instant(control: LittleControl, node: MediaNode) -> None:
    """Small at first, whole if asked for; it is a look into the past, and stands in the ledger (B-2)."""
    assert node.footage.archive is not None
    start_us, _ = node.footage.archive.spans(YARD, 0, 2**62)[0]
    status, body, url = await get(past_ticket(control, node, start_us / 1e6, Permission.PLAYBACK))
    assert (status, url.rpartition("/")[2]) == (200, "snapshot-320.jpg")
    with Image.open(io.BytesIO(body)) as picture:
        assert picture.width == 320
    assert (await get(url.replace("snapshot-320.jpg", "snapshot.jpg")))[0] == 200
    session = next(session for session, row in control.rows.items() if row.opened_by)
    await control.revoke(session)
    assert (await get(url))[0] == 404  # N24
    async with asyncio.timeout(20):
        while not control.watched:
            await asyncio.sleep(0.02)
    (span,) = control.watched[0].spans
    assert abs(span.start - start_us / 1e6) < 5


async def test_no_picture_of_what_one_may_not_see(control: LittleControl, node: MediaNode) -> None:
    """N22, N23: live view alone is none; nor is what was before the window, or far from all footage."""
    assert node.footage.archive is not None
    start_us, _ = node.footage.archive.spans(YARD, 0, 2**62)[0]
    at = start_us / 1e6
    assert (await get(past_ticket(control, node, at, Permission.LIVE_VIEW)))[0] == 404
    assert (await get(past_ticket(control, node, at - 3600, Permission.PLAYBACK)))[0] == 404
    url = past_ticket(control, node, at, Permission.PLAYBACK)
    for row in control.rows.values():
        row.playback_from = time.time() + 60
    assert (await get(url))[0] == 404


async def test_the_right_ends(control: LittleControl, node: MediaNode) -> None:
    """N24: the address that was good is a 404 like any other."""
    status, _, url = await get(ticket(control, node, Permission.LIVE_VIEW))
    assert status == 200
    session = next(session for session, row in control.rows.items() if row.opened_by)
    await control.revoke(session)
    assert (await get(url))[0] == 404
