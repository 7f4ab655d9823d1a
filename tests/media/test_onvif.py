"""What a device says of itself: recorders as they are, clocks that are wrong, and answers meant to hurt."""

import asyncio
import base64
import http.server
import json
import ssl
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Self

import msgspec
import pytest
from ipycam.config import CameraConfig
from ipycam.http import IPCameraHTTPHandler
from ipycam.onvif import ONVIFService
from lxml import etree

from belvedere.contracts.devices import InspectRequest, InspectResult
from belvedere.contracts.events import StreamSource
from belvedere.contracts.reach import Network
from belvedere.contracts.sealing import generate_key, public_bytes, seal
from belvedere.contracts.subjects import NODE_INSPECT, of_node
from belvedere.demo import onvif_answers as say
from belvedere.demo.clips import test_clip
from belvedere.demo.onvif import OnvifChannel, OnvifDevice, OnvifFaults
from belvedere.demo.onvif_faults import of_size, with_dtd, with_entities, with_levels, with_many
from belvedere.demo.rtsp import CameraServer
from belvedere.media.node import MediaNode
from belvedere.media.onvif import inspect
from belvedere.media.onvif.addresses import Site
from belvedere.media.onvif.bounded_xml import XmlRefused, check_xml
from belvedere.media.onvif.client import OnvifClient
from belvedere.media.onvif.failure import DeviceFailure
from belvedere.media.onvif.reading import mac_of, words
from belvedere.media.onvif.transport import PinnedTransport
from belvedere.media.sources import probe
from media.broker import make_certificate
from media.conftest import PASSWORD
from media.little_control import NODE, LittleControl

pytestmark = pytest.mark.anyio

LOOPBACK: list[Network] = [("127.0.0.0/8", 1, 65535)]
EIGHT = [
    OnvifChannel(
        f"Channel {number}",
        f"rtsp://127.0.0.1:8554/{number}/main",
        f"rtsp://127.0.0.1:8554/{number}/sub",
        has_audio=number < 3,
        has_ptz=number == 1,
        has_talk=number == 2,
    )
    for number in range(1, 9)
]


@pytest.fixture
async def device() -> AsyncIterator[OnvifDevice]:
    async with OnvifDevice(list(EIGHT), password=PASSWORD) as running:
        yield running


def source_of(device: OnvifDevice, password: str = PASSWORD, networks: list[Network] = LOOPBACK) -> StreamSource:
    return StreamSource(url=device.url, username="admin", password=password, networks=networks)


async def ask(device: OnvifDevice, password: str = PASSWORD, timeout_s: float = 20) -> InspectResult:
    return await inspect(source_of(device, password), timeout_s)


class Victim:
    """A service on another address of this machine that nobody has any business with."""

    def __init__(self) -> None:
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._hear, "127.0.0.9", 0)
        self.address = f"127.0.0.9:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def _hear(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


# VA-21 B-12
@pytest.mark.parametrize("lacks", [set(), {"tr2"}, {"trt"}], ids=["both", "media1", "media2"])
async def test_a_recorder_tells_its_channels(device: OnvifDevice, lacks: set[str]) -> None:
    device.faults.lacks = lacks
    result = await ask(device)
    assert (result.code, result.manufacturer, result.model) == ("ok", "Belvedere", "Demo recorder")
    assert (result.serial, result.mac, result.hardware_id) == ("BV-2026-0001", "00:00:5e:00:53:01", "BV1")
    assert result.has_events
    assert result.clock_drift_s is not None
    assert abs(result.clock_drift_s) < 5
    assert [channel.name for channel in result.channels] == [f"Channel {number}" for number in range(1, 9)]
    assert len({channel.token for channel in result.channels}) == 8
    first = result.channels[0]
    assert (first.main.url, first.main.codec) == ("rtsp://127.0.0.1:8554/1/main", "h264")
    assert (first.main.width, first.main.height, first.main.fps) == (1280, 720, 25.0)
    assert first.sub is not None
    assert (first.sub.url, first.sub.width) == ("rtsp://127.0.0.1:8554/1/sub", 640)
    assert first.snapshot_url == f"http://127.0.0.1:{device.port}/snapshot?channel=0"
    abilities = [(channel.has_ptz, channel.has_audio, channel.has_talk) for channel in result.channels[:3]]
    assert abilities == [(True, True, False), (False, True, True), (False, False, False)]
    assert set(device.hosts) == {f"127.0.0.1:{device.port}"}


async def test_from_a_device_to_its_picture(cameras: CameraServer) -> None:
    cameras.add("/yard", test_clip(gop=10), username="admin", password=PASSWORD)
    async with OnvifDevice([OnvifChannel("Yard", cameras.url("/yard"))], password=PASSWORD) as device:
        result = await ask(device)
    (yard,) = result.channels
    assert yard.sub is None
    found = await probe(msgspec.structs.replace(source_of(device), url=yard.main.url), timeout_s=8)
    assert (found.code, found.codec, found.width) == ("ok", "h264", 320)


async def test_one_speaker_on_one_camera_is_that_camera_s(device: OnvifDevice) -> None:
    device.channels = [replace(EIGHT[0], has_talk=True)]
    assert [channel.has_talk for channel in (await ask(device)).channels] == [True]


async def test_codecs_have_their_usual_names_and_stills_come_last(device: OnvifDevice) -> None:
    device.channels = [replace(EIGHT[0], encoding="H265"), replace(EIGHT[1], encoding="JPEG", sub="")]
    assert [channel.main.codec for channel in (await ask(device)).channels] == ["hevc", "mjpeg"]


@pytest.fixture
def tls(tmp_path: Path) -> Callable[[str], tuple[ssl.SSLContext, str]]:
    """A device's own certificate, by any name, and its SHA-256."""

    def make(name: str) -> tuple[ssl.SSLContext, str]:
        folder = tmp_path / name
        folder.mkdir()
        _, fingerprint = make_certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "broker.crt", folder / "broker.key")
        return context, fingerprint

    return make


async def test_a_device_with_a_certificate_of_its_own(tls: Callable[[str], tuple[ssl.SSLContext, str]]) -> None:
    """The first one is remembered; another is told nothing, not even a digest (N26)."""
    first, known = tls("first")
    async with OnvifDevice(list(EIGHT), password=PASSWORD, tls=first) as device:
        met = await ask(device)
        assert (met.code, met.certificate, len(met.channels)) == ("ok", known, 8)
        assert met.channels[0].main.url == "rtsp://127.0.0.1:8554/1/main"
        again = msgspec.structs.replace(source_of(device), certificate=known)
        assert (await inspect(again, 20)).code == "ok"
    other, _ = tls("other")
    async with OnvifDevice(list(EIGHT), password=PASSWORD, tls=other, port=device.port) as impostor:
        result = await inspect(again, 20)
        assert (result.code, result.certificate, result.serial) == ("certificate_changed", "", "")
        assert not impostor.heard
        async with PinnedTransport("127.0.0.1", impostor.port, "x", username="", password="", certificate=known) as way:
            with pytest.raises(DeviceFailure, match="certificate_changed"):
                await way.post_xml("/onvif/device_service", etree.Element("x"), {})
        assert not impostor.heard


async def test_no_tls_where_it_was_asked_for() -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        source = StreamSource(url=f"https://127.0.0.1:{port}/x", username="u", password=PASSWORD, networks=LOOPBACK)
        assert (await inspect(source, 20)).code == "not_onvif"


async def test_h265_that_only_the_second_media_service_knows(device: OnvifDevice) -> None:
    device.channels = [replace(EIGHT[0], encoding="H265"), EIGHT[1]]
    device.faults.hides_h265 = True
    assert [channel.main.codec for channel in (await ask(device)).channels] == ["hevc", "h264"]
    device.faults.lacks = {"tr2"}
    assert [channel.main.codec for channel in (await ask(device)).channels] == ["h264"]


async def test_a_second_media_service_that_is_broken_leaves_the_first(device: OnvifDevice) -> None:
    """Named, but it answers with a fault, or with nothing that it should."""
    unknown = say.fault("ter:ActionNotSupported", "Action not supported", blames_sender=False)
    for said in (unknown, "<tr2:GetProfilesResponse/>", "<tr2:Nonsense>x</tr2:Nonsense>", "no element"):
        device.faults.media2_says = said
        assert len((await ask(device)).channels) == 8


async def test_an_old_device_that_knows_get_capabilities_alone(device: OnvifDevice) -> None:
    device.faults.lacks = {"GetServices", "GetAudioOutputs", "GetSnapshotUri", "GetNetworkInterfaces"}
    result = await ask(device)
    assert (result.code, len(result.channels), result.mac, result.has_events) == ("ok", 8, "", True)
    assert {channel.snapshot_url for channel in result.channels} == {""}


# -- logging in -------------------------------------------------------------------------------------------------------


async def test_a_wrong_password_is_called_one(device: OnvifDevice) -> None:
    result = await ask(device, "wrong")
    assert (result.code, result.serial, result.channels) == ("wrong_password", "", [])
    device.faults.is_unauthorized = True
    assert (await ask(device)).code == "wrong_password"


async def test_http_s_own_login_does_as_well(device: OnvifDevice) -> None:
    device.faults.asks_http_digest = True
    assert (await ask(device)).code == "ok"
    assert (await ask(device, "wrong")).code == "wrong_password"


async def test_the_password_is_never_said(device: OnvifDevice, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    secret = "canary-5b1e"
    clear = base64.b64encode(f"admin:{secret}".encode()).decode()
    for faults in (OnvifFaults(), OnvifFaults(is_unauthorized=True), OnvifFaults(asks_http_digest=True)):
        device.faults = faults
        assert (await ask(device, secret)).code == "wrong_password"
    said = "\n".join([*device.heard, caplog.text])
    assert "UsernameToken" in said
    assert "Digest username" in said
    assert not any(word in said for word in (secret, clear, "Basic "))


@pytest.mark.parametrize("off_s", [-3600, 400 * 86_400, 20])
async def test_a_wrong_clock_is_met_in_its_own_time_and_told(device: OnvifDevice, off_s: float) -> None:
    device.faults.clock_off_s = off_s
    result = await ask(device)
    assert (result.code, len(result.channels)) == ("ok", 8)
    assert result.clock_drift_s is not None
    assert abs(result.clock_drift_s - off_s) < 3


async def test_a_clock_that_says_one_thing_and_goes_by_another(device: OnvifDevice) -> None:
    device.faults.says_clock_off_s = 7200  # summer time, twice: it goes by the right one
    assert (await ask(device)).code == "ok"
    device.faults.clock_off_s = 3600
    result = await ask(device)
    assert (result.code, result.channels) == ("clock_wrong", [])
    assert result.clock_drift_s is not None
    assert abs(result.clock_drift_s - 7200) < 3


# -- how many ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "code", "found"), [(0, "ok", 0), (1, "ok", 1), (64, "ok", 64), (65, "too_many_channels", 0)]
)
async def test_channels_are_counted_and_never_cut_in_silence(
    device: OnvifDevice, count: int, code: str, found: int
) -> None:
    device.channels = [
        OnvifChannel(f"C{number}", f"rtsp://127.0.0.1/{number}/m", f"rtsp://127.0.0.1/{number}/s", has_audio=True)
        for number in range(count)
    ]
    result = await ask(device, timeout_s=30)
    assert (result.code, len(result.channels), result.serial) == (code, found, "BV-2026-0001")


async def test_what_is_listed_twice_is_one(device: OnvifDevice) -> None:
    device.faults.repeats_itself = True
    device.channels = [*EIGHT, replace(EIGHT[0], name="Channel 1 again")]
    assert [channel.name for channel in (await ask(device)).channels] == [channel.name for channel in EIGHT]


async def test_a_stream_on_a_port_outside_the_reach_is_none(device: OnvifDevice) -> None:
    networks: list[Network] = [("127.0.0.0/8", device.port, device.port), ("127.0.0.0/8", 8554, 8554)]
    device.channels = [
        EIGHT[0],
        replace(EIGHT[1], sub="rtsp://127.0.0.1:9/s"),
        OnvifChannel("X", "rtsp://127.0.0.1:9/m"),
    ]
    result = await inspect(source_of(device, networks=networks), 20)
    assert [(channel.name, channel.sub is None) for channel in result.channels] == [
        ("Channel 1", False),
        ("Channel 2", True),
    ]


# -- addresses --------------------------------------------------------------------------------------------------------


# N28
async def test_addresses_of_others_are_never_contacted(device: OnvifDevice) -> None:
    async with Victim() as victim:
        device.faults.foreign = victim.address
        result = await ask(device)
        port = victim.address.partition(":")[2]
        assert (result.code, len(result.channels)) == ("ok", 8)
        assert {channel.main.url.rpartition(":")[0] for channel in result.channels} == {"rtsp://127.0.0.1"}
        assert result.channels[0].main.url == f"rtsp://127.0.0.1:{port}/1/main"
        assert result.channels[0].snapshot_url == f"http://127.0.0.1:{device.port}/snapshot?channel=0"
        device.faults = OnvifFaults(redirect_to=f"http://{victim.address}/")
        assert (await ask(device)).code == "not_onvif"
        assert victim.connections == 0


# N28
@pytest.mark.parametrize(
    ("named", "stream", "snapshot"),
    [
        ("rtsp://10.0.0.9/a?b=c&d", "rtsp://cam.lan/a?b=c&d", ""),
        ("rtsp://u:p@10.0.0.9:8554/a", "rtsp://cam.lan:8554/a", ""),
        ("rtsp://10.0.0.9:70000/a", "rtsp://cam.lan/a", ""),
        ("rtsp://10.0.0.9:9999/a", "", ""),
        ("rtsp://10.0.0.9//evil.example/a", "rtsp://cam.lan//evil.example/a", ""),
        ("http://evil.example:8080/snap?x", "", "http://cam.lan:81/snap?x"),
        ("http://192.168.1.20:8554/snap", "", "http://cam.lan:8554/snap"),
        ("http://192.168.1.20/snap", "", "http://cam.lan/snap"),
        ("http://192.168.1.20:9999/snap", "", ""),
        ("https://192.168.1.20/snap", "", ""),
        ("file:///etc/passwd", "", ""),
        ("rtsp://cam.lan/a\r\nX: y", "rtsp://cam.lan/aX: y", ""),
        ("rtsp://cam.lan/ä", "", ""),
        ("rtsp://[::1/a", "", ""),
        ("", "", ""),
    ],
)
def test_a_path_is_the_device_s_word_and_a_host_never(named: str, stream: str, snapshot: str) -> None:
    networks: list[Network] = [("192.168.1.0/24", 80, 81), ("192.168.1.0/24", 554, 554), ("192.168.1.0/24", 8554, 8554)]
    site = Site("cam.lan", "192.168.1.20", 81, networks)
    assert " " in stream or (site.stream_url(named), site.snapshot_url(named)) == (stream, snapshot)
    assert "\r" not in site.stream_url(named)


# N27
@pytest.mark.parametrize(
    "url",
    [
        "http://127.1/",
        "http://[::1]/",
        "http://0.0.0.0/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://user:secret@127.0.0.1/",
        "https://127.0.0.1/",
        "rtsp://127.0.0.1/",
        "http://localhost/",
        "http://192.168.1.20/",
        "ftp://127.0.0.1/",
    ],
)
async def test_addresses_outside_are_refused_before_a_packet(url: str) -> None:
    source = StreamSource(url=url, username="admin", password="x", networks=[("127.0.0.1/32", 8080, 8080)])
    result = await inspect(source, 5)
    assert (result.code, result.channels) == ("network_not_allowed", [])


async def test_a_device_is_called_by_the_name_it_was_given(device: OnvifDevice) -> None:
    async with PinnedTransport("127.0.0.1", device.port, "camera.lan", username="", password="") as transport:
        client = OnvifClient(transport, "/onvif/device_service", username="", password="")
        await client.call("devicemgmt", "GetSystemDateAndTime", signed=False)
    assert list(device.hosts) == [f"camera.lan:{device.port}"]


async def test_an_inspection_nobody_waits_for_any_more_is_given_up(device: OnvifDevice) -> None:
    device.faults.is_silent = True
    waiting = asyncio.create_task(ask(device))
    async with asyncio.timeout(15):
        while not device.hosts:
            await asyncio.sleep(0.01)
        waiting.cancel()
        while device.open_connections:
            await asyncio.sleep(0.01)


# N27
async def test_our_own_ports_are_no_devices(device: OnvifDevice) -> None:
    assert (await inspect(source_of(device), 5, own_ports={device.port})).code == "network_not_allowed"
    outside: list[Network] = [("192.168.1.0/24", 1, 65535), ("0.0.0.0/0", 1, 65535)]
    assert (await inspect(source_of(device, networks=outside), 5)).code == "network_not_allowed"
    assert not device.hosts


async def test_what_is_not_there_or_something_else(device: OnvifDevice, cameras: CameraServer) -> None:
    device.faults.says = b"<!doctype html><title>Router</title>"
    assert (await ask(device)).code == "not_onvif"
    device.faults.says = b'<a xmlns="urn:x"/>'
    assert (await ask(device)).code == "not_onvif"
    source = source_of(device)
    elsewhere = msgspec.structs.replace(source, url=f"http://127.0.0.1:{device.port}/elsewhere")
    device.faults = OnvifFaults()
    assert (await inspect(elsewhere, 5)).code == "not_onvif"
    rtsp = msgspec.structs.replace(source, url=f"http://127.0.0.1:{cameras.port}/")
    assert (await inspect(rtsp, 5)).code in {"not_onvif", "dropped"}
    await device.__aexit__(None, None, None)
    assert (await ask(device)).code == "connection_refused"


# -- answers meant to hurt --------------------------------------------------------------------------------------------

HOSTILE = {
    "dtd": OnvifFaults(says=with_dtd()),
    "entities": OnvifFaults(says=with_entities()),
    "levels": OnvifFaults(says=with_levels(100_000)),
    "3 MiB": OnvifFaults(says=of_size(3 * 1024 * 1024)),
    "10 MB": OnvifFaults(says=of_size(10_000_000)),
    "many": OnvifFaults(says=with_many(200_000)),
    "gzip bomb": OnvifFaults(says=of_size(64 * 1024 * 1024), is_packed=True),
    "no end": OnvifFaults(is_endless=True),
    "silence": OnvifFaults(is_silent=True),
}
#: As much as passes, in the shape that costs most; said as the answer to GetProfiles.
HEAVY = "<trt:GetProfilesResponse>" + '<trt:Profiles token="x"/>' * 14_900 + "</trt:GetProfilesResponse>"

#: Inspects one device after the other in a process of its own, and says how far its memory grew (KiB) at the worst.
WITNESS = """
import asyncio, json, sys
from pathlib import Path
from belvedere.contracts.events import StreamSource
from belvedere.media.onvif import inspect

def memory(kind):
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if kind in line)

async def main(first, *urls):
    def ask(url):
        return inspect(StreamSource(url=url, username="admin", password="x", networks=[("127.0.0.0/8", 1, 65535)]), 8)
    await ask(first)
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    results = [(result.code, result.took_ms) for result in [await ask(url) for url in urls]]
    print(json.dumps([results, memory("VmHWM") - before]))

asyncio.run(main(*sys.argv[1:]))
"""


# N29
async def test_hostile_answers_are_refused_in_time_and_within_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    async with AsyncExitStack() as stack:
        names = ["none", *HOSTILE, "heavy"]
        devices = [await stack.enter_async_context(OnvifDevice(list(EIGHT), password="x")) for _ in names]
        for device, name in zip(devices, names, strict=True):
            device.faults = HOSTILE.get(name, OnvifFaults())
        monkeypatch.setattr(devices[-1], "_on_get_profiles", lambda *_: HEAVY)
        witness = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WITNESS, *(device.url for device in devices)), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await witness.communicate()
    results, grown_kib = json.loads(output)
    codes = {name: code for name, (code, _) in zip(names[1:], results, strict=True)}
    assert codes == dict.fromkeys(HOSTILE, "not_onvif") | {"no end": "stalled", "silence": "stalled", "heavy": "ok"}
    assert max(took_ms for _, took_ms in results) < 8000
    assert grown_kib < 32 * 1024


# N29
async def test_a_device_that_drips_ends_with_the_question_s_time(device: OnvifDevice) -> None:
    device.faults.is_endless = True
    began = time.monotonic()
    assert (await ask(device, timeout_s=1)).code == "stalled"
    assert time.monotonic() - began < 4


# N29
@pytest.mark.parametrize(
    "document",
    [
        with_dtd(),
        with_entities(),
        with_levels(65),
        with_many(30_001),
        b"",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<?xml-stylesheet href='x'?><a/>",
        b"<a>&nbsp;</a>",
        b"\x1f\x8b\x08",
        b'<?xml version="1.0" encoding="utf-7"?><a/>',
        b'<a x="1" x="2"/>',
    ],
)
def test_documents_no_device_sends(document: bytes) -> None:
    with pytest.raises(XmlRefused):
        check_xml(document)


def test_documents_that_may_pass() -> None:
    check_xml(b'<a b="c"><undeclared:d/>\xc3\xa4&lt;</a>')
    check_xml(with_levels(60))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (None, ""),
        ("  Front\r\n door ", "Front door"),
        ("a\u202eb\u200bc\x07\x1b[31m", "abc[31m"),
        ("x" * 300, "x" * 80),
        (17, "17"),
    ],
)
def test_words_of_strangers_are_one_short_line(said: object, shown: str) -> None:
    assert words(said) == shown


@pytest.mark.parametrize(
    ("said", "mac"),
    [
        ("00-1A-2b-3c-4D-5e", "00:1a:2b:3c:4d:5e"),
        ("001a2b3c4d5e", "00:1a:2b:3c:4d:5e"),
        ("00:00:00:00:00:00", ""),
        ("ff:ff:ff:ff:ff:ff", ""),
        ("00:1a:2b", ""),
        (None, ""),
    ],
)
def test_hardware_addresses_in_one_form(said: object, mac: str) -> None:
    assert mac_of(said) == mac


# -- over the bus, and somebody else's device -------------------------------------------------------------------------


async def test_an_inspection_comes_sealed(node: MediaNode, control: LittleControl, device: OnvifDevice) -> None:
    assert node.run
    box = msgspec.json.encode(source_of(device))
    for key, code, found in ((control.hellos[-1].public_key, "ok", 8), (public_bytes(generate_key()), "failed", 0)):
        question = InspectRequest(sealed=seal(key, box), timeout_s=20)
        result = await control.bus.request(of_node(NODE_INSPECT, NODE), question, InspectResult, timeout=60)
        assert (result.code, len(result.channels)) == (code, found)


@contextmanager
def somebody_else_s() -> Iterator[CameraConfig]:
    """The ONVIF service of ipycam, on loopback."""
    config = CameraConfig(local_ip="127.0.0.1", username="admin", password=PASSWORD)
    camera = SimpleNamespace(config=config, onvif=ONVIFService(config))
    handler = type("Handler", (IPCameraHTTPHandler,), {"camera": camera})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        config.onvif_port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield config
        finally:
            server.shutdown()
            thread.join()


async def test_a_device_that_is_not_ours() -> None:
    with somebody_else_s() as config:
        source = StreamSource(url=config.onvif_url, username="admin", password=PASSWORD, networks=LOOPBACK)
        result = await inspect(source, 20)
        assert (result.code, result.manufacturer, result.serial) == ("ok", "PythonCam", "PY-000001")
        (channel,) = result.channels
        assert (channel.main.url, channel.main.codec) == ("rtsp://127.0.0.1:8554/video_main", "h264")
        assert (channel.main.width, channel.main.height, channel.has_ptz) == (1920, 1080, True)
        assert channel.sub is not None
        assert channel.sub.url == "rtsp://127.0.0.1:8554/video_sub"
        assert channel.snapshot_url == f"http://127.0.0.1:{config.onvif_port}/snapshot.jpg"
        wrong = msgspec.structs.replace(source, password="wrong")
        assert (await inspect(wrong, 20)).code == "wrong_password"
