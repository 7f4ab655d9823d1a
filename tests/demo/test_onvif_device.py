"""The ONVIF device of the demo, before a client that is not ours: onvif-zeep-async's own, whole."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, DigestAuthMiddleware
from onvif import ONVIFCamera
from zeep.exceptions import Fault

from belvedere.demo.onvif import OnvifChannel, OnvifDevice

pytestmark = pytest.mark.anyio

PASSWORD = "p@ss & <wörd>"
CHANNELS = [
    OnvifChannel("Yard", "rtsp://127.0.0.1:8554/yard/main", "rtsp://127.0.0.1:8554/yard/sub", has_ptz=True),
    OnvifChannel("Door", "rtsp://127.0.0.1:8554/door/main", has_talk=True),
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def device() -> AsyncIterator[OnvifDevice]:
    async with OnvifDevice(CHANNELS, password=PASSWORD) as running:
        yield running


@pytest.fixture
async def client(device: OnvifDevice) -> AsyncIterator[Any]:
    connected = ONVIFCamera("127.0.0.1", device.port, "admin", PASSWORD, no_cache=True)
    await connected.update_xaddrs()
    yield connected
    await connected.close()


async def test_it_says_what_it_is(client: Any) -> None:
    service = await client.create_devicemgmt_service()
    information = await service.GetDeviceInformation()
    assert (information.Manufacturer, information.SerialNumber) == ("Belvedere", "BV-2026-0001")
    (interface,) = await service.GetNetworkInterfaces()
    assert interface.Info.HwAddress == "00:00:5e:00:53:01"
    capabilities = await client.get_capabilities()
    assert capabilities["PTZ"]["XAddr"].endswith("/onvif/ptz")


async def test_profiles_streams_and_a_snapshot(device: OnvifDevice, client: Any) -> None:
    media = await client.create_media_service()
    profiles = await media.GetProfiles()
    assert [profile.token for profile in profiles] == ["source_1_main", "source_1_sub", "source_2_main"]
    assert [profile.PTZConfiguration is not None for profile in profiles] == [True, True, False]
    stream = await media.GetStreamUri(
        {
            "StreamSetup": {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}},
            "ProfileToken": "source_1_sub",
        }
    )
    assert stream.Uri == "rtsp://127.0.0.1:8554/yard/sub"
    uri = await client.get_snapshot_uri("source_2_main")
    async with ClientSession() as stranger, stranger.get(uri) as refused:
        assert refused.status == 401
    login = DigestAuthMiddleware("admin", PASSWORD)
    async with ClientSession(middlewares=(login,)) as known, known.get(uri) as answer:
        assert (answer.status, (await answer.read())[:2]) == (200, b"\xff\xd8")


async def test_it_turns_until_it_is_stopped(device: OnvifDevice, client: Any) -> None:
    ptz = await client.create_ptz_service()
    profile = {"ProfileToken": "source_1_main"}
    await ptz.ContinuousMove({**profile, "Velocity": {"PanTilt": {"x": 0.5, "y": -0.5}, "Zoom": {"x": 1}}})
    assert device.head(0).is_moving
    await asyncio.sleep(0.1)
    moving = await ptz.GetStatus(profile)
    assert moving.MoveStatus.PanTilt == "MOVING"
    assert moving.Position.PanTilt.x > 0 > moving.Position.PanTilt.y
    assert moving.Position.Zoom.x > 0
    await ptz.Stop({**profile, "PanTilt": True, "Zoom": True})
    stopped = await ptz.GetStatus(profile)
    assert stopped.MoveStatus.PanTilt == "IDLE"
    assert not device.head(0).is_moving
    assert not device.head(1).is_moving
    assert (await ptz.GetStatus(profile)).Position.PanTilt.x == stopped.Position.PanTilt.x


async def test_presets(device: OnvifDevice, client: Any) -> None:
    ptz = await client.create_ptz_service()
    profile = {"ProfileToken": "source_1_main"}
    assert [preset.Name for preset in await ptz.GetPresets(profile)] == ["Door"]
    await ptz.GotoPreset({**profile, "PresetToken": "1"})
    assert device.head(0).position == (0.5, 0.0, 0.2)
    assert await ptz.SetPreset({**profile, "PresetName": "Gate"}) == "2"
    presets = await ptz.GetPresets(profile)
    assert [(preset.token, preset.Name) for preset in presets] == [("1", "Door"), ("2", "Gate")]
    await ptz.RemovePreset({**profile, "PresetToken": "2"})
    with pytest.raises(Fault):
        await ptz.GotoPreset({**profile, "PresetToken": "2"})


async def test_events_are_pulled(device: OnvifDevice, client: Any) -> None:
    manager = await client.create_pullpoint_manager(dt.timedelta(seconds=60), lambda: None)
    assert device.subscriptions == 1
    device.see(0)
    device.see(1, is_seen=False)
    pulled = await manager.get_service().PullMessages({"Timeout": dt.timedelta(seconds=5), "MessageLimit": 10})
    seen = [
        (message.Message._value_1.Source.SimpleItem[0].Value, message.Message._value_1.Data.SimpleItem[0].Value)
        for message in pulled.NotificationMessage
    ]
    assert seen == [("source_1", "true"), ("source_2", "false")]
    empty = await manager.get_service().PullMessages({"Timeout": dt.timedelta(seconds=0), "MessageLimit": 10})
    assert not empty.NotificationMessage
    await manager.shutdown()
    assert device.subscriptions == 0


async def test_who_is_let_in(device: OnvifDevice) -> None:
    for password, off_s, adjust, is_let_in in (
        (PASSWORD, 0, False, True),
        ("wrong", 0, False, False),
        (PASSWORD, 3600, False, False),
        (PASSWORD, 3600, True, True),
    ):
        device.faults.clock_off_s = off_s
        client = ONVIFCamera("127.0.0.1", device.port, "admin", password, no_cache=True, adjust_time=adjust)
        try:
            if is_let_in:
                await client.update_xaddrs()
            else:
                with pytest.raises(Fault, match="not authorized"):
                    await client.update_xaddrs()
        finally:
            await client.close()
