"""A node comes to its own door with tickets: it finds what a player would find, and tells no more than a word of it."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from belvedere.contracts.permissions import NONE, Permission
from belvedere.contracts.sessions import Quality, SessionKind
from belvedere.contracts.subjects import SESSION_TRIED, SESSION_TRY, of_any_node, of_node
from belvedere.contracts.trials import MAX_TRIALS, Trial, Tried, TryRequest, TryTaken
from belvedere.demo.backchannel import Ear
from belvedere.demo.clips import test_clip
from belvedere.demo.onvif import OnvifChannel, OnvifDevice
from belvedere.demo.rtsp import CameraServer
from belvedere.demo.sound import tone
from media.conftest import PASSWORD, StartNode
from media.film import CAMERA
from media.little_control import LOOPBACK, NODE, LittleControl
from media.past import BEGIN_S, DAY, lay, until_indexed

pytestmark = pytest.mark.anyio

SEE = Permission.LIVE_VIEW


class Asker:
    """Control's side: sends trials, and waits for what is told of them."""

    def __init__(self, control: LittleControl) -> None:
        self.control = control
        self.told: dict[str, Tried] = {}

    async def listen(self) -> None:
        await self.control.bus.subscribe(of_any_node(SESSION_TRIED), Tried, self._hear)

    async def _hear(self, tried: Tried, subject: str) -> TryTaken:
        assert subject == f"session.tried.{NODE}"
        self.told[tried.session] = tried
        return TryTaken(accepted=True)

    async def send(self, trials: list[Trial]) -> bool:
        request = TryRequest(trials)
        return (await self.control.bus.request(of_node(SESSION_TRY, NODE), request, TryTaken, timeout=5)).accepted

    def trial(self, permission: str, held: Permission, camera: str = "yard", **fields: Any) -> Trial:
        fields = {"permissions": int(held), "is_probe": True, "why": "" if held else "revoked"} | fields
        session, secret = self.control.ticket(camera, **fields).split(".")
        return Trial(session, secret, permission)

    async def result(self, permission: str, held: Permission, camera: str = "yard", **fields: Any) -> Tried:
        trial = self.trial(permission, held, camera, **fields)
        assert await self.send([trial])
        async with asyncio.timeout(20):
            while trial.session not in self.told:
                await asyncio.sleep(0.01)
        tried = self.told[trial.session]
        assert set(msgspec.to_builtins(tried)) == {
            "session",
            "worked",
            "why",
            "took_ms",
        }  # N17: nothing else comes back
        return tried


@pytest.fixture
async def device(cameras: CameraServer) -> Any:
    channel = OnvifChannel("Yard", cameras.url("/yard"), has_ptz=True)
    async with OnvifDevice([channel], password=PASSWORD) as running:
        yield running


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
async def asker(
    control: LittleControl,
    cameras: CameraServer,
    device: OnvifDevice,
    ear: Ear,
    tmp_path: Path,
    start_node: StartNode,
) -> Asker:
    """A yard with everything, a bare one, one that never answers; and a node with a past of the film's camera."""
    cameras.add("/yard", test_clip(gop=10), audio=tone(), ear=ear, username="admin", password=PASSWORD)
    cameras.add("/bare", test_clip(gop=10))
    control.add("yard", cameras.url("/yard"), username="admin", password=PASSWORD)
    control.sources["yard", Quality.MAIN] = msgspec.structs.replace(
        control.sources["yard", Quality.MAIN], onvif=device.url, channel="source_1", networks=LOOPBACK
    )
    control.add("bare", cameras.url("/bare"))
    control.add("away", cameras.url("/nothing-here"))
    lay(tmp_path, DAY)
    asker = Asker(control)
    await asker.listen()
    await start_node()
    await control.until_online("yard")
    await control.until_online("bare")
    await until_indexed(control)
    return asker


def past(start: float, end: float | None, kind: SessionKind) -> dict[str, Any]:
    return {
        "kind": kind.value,
        "start": BEGIN_S + start,
        "end": None if end is None else BEGIN_S + end,
        "playback_from": 0.0,
        "export_from": 0.0,
    }


async def test_what_may_be_done_works(asker: Asker, device: OnvifDevice, ear: Ear) -> None:
    """VA-14, VA-15 and B-3: each permission, by the sockets that everybody has."""
    assert (await asker.result("live_view", SEE)).worked
    assert (await asker.result("listen", SEE | Permission.LISTEN)).worked
    assert (await asker.result("ptz", SEE | Permission.PTZ)).worked
    assert (await asker.result("talk", SEE | Permission.TALK, kind="talk")).worked
    assert (await asker.result("playback", Permission.PLAYBACK, CAMERA, **past(5, None, SessionKind.PLAYBACK))).worked
    exported = await asker.result("export", Permission.EXPORT, CAMERA, **past(5, 6, SessionKind.EXPORT))
    assert (exported.worked, exported.why) == (True, "")
    assert exported.took_ms >= 0
    # Nothing moved, and nothing was heard, not even the tone that comes before every word.
    assert not device.head(0).moves
    assert ear.heard == b""


async def test_what_may_not_be_done_does_not(asker: Asker, ear: Ear) -> None:
    """VA-15: works if and only if granted; with less than it takes, and with nothing."""
    for permission, fields in {
        "live_view": {},
        "listen": {},
        "ptz": {},
        "talk": {"kind": "talk"},
        "playback": past(5, None, SessionKind.PLAYBACK),
        "export": past(5, 6, SessionKind.EXPORT),
    }.items():
        camera = CAMERA if "start" in fields else "yard"
        tried = await asker.result(permission, NONE, camera, **fields)
        assert (permission, tried.worked, tried.why) == (permission, False, "refused")
    for permission in ("listen", "ptz"):
        assert (await asker.result(permission, SEE)).why == "refused"
    assert ear.heard == b""


async def test_what_the_camera_cannot_is_not_called_a_right(asker: Asker) -> None:
    everything = SEE | Permission.LISTEN | Permission.PTZ | Permission.TALK
    assert (await asker.result("live_view", SEE, "away")).why == "offline"
    assert (await asker.result("listen", everything, "bare")).why == "no_sound"
    assert (await asker.result("ptz", everything, "bare")).why == "no_motor"
    assert (await asker.result("talk", everything, "bare", kind="talk")).why == "no_talk"
    empty = past(5, None, SessionKind.PLAYBACK)
    assert (await asker.result("playback", Permission.PLAYBACK, "bare", **empty)).why == "no_footage"


async def test_a_ticket_opens_once_and_a_wrong_one_never(asker: Asker) -> None:
    trial = asker.trial("live_view", SEE)
    assert await asker.send([trial, Trial("unheard-of", "x" * 22, "live_view")])
    async with asyncio.timeout(20):
        while len(asker.told) < 2:
            await asyncio.sleep(0.01)
    assert asker.told[trial.session].worked
    assert asker.told["unheard-of"].why == "refused"


async def test_a_full_house_is_not_filled_by_trials(asker: Asker) -> None:
    assert not await asker.send([asker.trial("live_view", SEE) for _ in range(MAX_TRIALS + 1)])
    many = [asker.trial("live_view", SEE) for _ in range(MAX_TRIALS)]
    assert await asker.send(many)
    async with asyncio.timeout(30):
        while len(asker.told) < MAX_TRIALS:
            await asyncio.sleep(0.05)
    assert all(tried.worked for tried in asker.told.values())
    assert await asker.send([])
