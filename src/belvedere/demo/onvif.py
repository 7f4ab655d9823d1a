"""An ONVIF device: camera or recorder, as the standard has it, with faults on demand.

Device, media, PTZ and PullPoint events over HTTP on loopback; the pictures are those of a CameraServer. It asks for a
WS-Security digest and has a clock of its own, which may be wrong.

    async with OnvifDevice([OnvifChannel("Yard", cameras.url("/yard/main"))], password="secret") as device:
        print(device.url)
"""

import asyncio
import gzip
import io
import re
import secrets
import ssl
import time
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from lxml import etree
from PIL import Image

from belvedere.demo import onvif_answers as say
from belvedere.demo import onvif_media2
from belvedere.demo.onvif_events import PullPoints
from belvedere.demo.onvif_faults import OnvifFaults
from belvedere.demo.onvif_login import WsSecurity, local_name, text_in
from belvedere.demo.onvif_ptz import PtzHead, PtzService
from belvedere.demo.rtsp_auth import Login

__all__ = ["OnvifChannel", "OnvifDevice", "OnvifFaults"]

_SERVICES: Final = {
    "tds": "/onvif/device_service",
    "trt": "/onvif/media",
    "tr2": "/onvif/media2",
    "tptz": "/onvif/ptz",
    "tev": "/onvif/events",
}
_SUBSCRIPTION: Final = "/onvif/subscription/"
_SUBSCRIBED_S: Final = 60.0
#: GetStreamUri is answered by _on_get_stream_uri.
_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")
_REMEMBERED: Final = 1000
_MAX_REQUEST: Final = 256 * 1024
_REASONS: Final = {200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


@dataclass(frozen=True)
class OnvifChannel:
    """One video source. `main` and `sub` are rtsp:// addresses; an empty `sub` means: no second profile."""

    name: str
    main: str
    sub: str = ""
    encoding: str = "H264"
    size: tuple[int, int] = (1280, 720)
    sub_size: tuple[int, int] = (640, 360)
    fps: int = 25
    has_audio: bool = False
    has_ptz: bool = False
    has_talk: bool = False


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class OnvifDevice(PtzService):
    """A device on loopback. `port` 0 takes any free one, and keeps it until the device ends."""

    def __init__(
        self,
        channels: list[OnvifChannel],
        *,
        username: str = "admin",
        password: str = "",
        port: int = 0,
        host: str = "127.0.0.1",
        serial: str = "BV-2026-0001",
        mac: str = "00:00:5e:00:53:01",
        manufacturer: str = "Belvedere",
        model: str = "Demo recorder",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Listen from `async with` on. Changes of `channels` and `faults` count from the next request on."""
        self.channels = channels
        self.faults = OnvifFaults()
        self.host, self.port = host, port
        self.serial, self.mac = serial, mac
        self.manufacturer, self.model = manufacturer, model
        self.tls = tls
        #: of the last requests: the operation, the Host header, and everything as it came
        self.asked: deque[str] = deque(maxlen=_REMEMBERED)
        self.hosts: deque[str] = deque(maxlen=_REMEMBERED)
        self.heard: deque[str] = deque(maxlen=_REMEMBERED)
        self._login = WsSecurity(username, password)
        self._digest = Login(username, password)
        self._nonce = secrets.token_hex(8)
        self._heads: dict[str, PtzHead] = {}
        self.events = PullPoints(lambda: self.now)
        self._listener: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError if the port is taken."""
        self._listener = await asyncio.start_server(self._converse, self.host, self.port, ssl=self.tls)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up on everybody and free the port."""
        if self._listener is not None:
            self._listener.close()
        for writer in list(self._open):
            writer.transport.abort()

    @property
    def url(self) -> str:
        """Its device service."""
        return f"{self._scheme}://{self.host}:{self.port}{_SERVICES['tds']}"

    @property
    def _scheme(self) -> str:
        return "https" if self.tls else "http"

    @property
    def now(self) -> float:
        """What its clock says: seconds since the epoch."""
        return time.time() + self.faults.clock_off_s

    @property
    def open_connections(self) -> int:
        """TCP connections there are now."""
        return len(self._open)

    @property
    def subscriptions(self) -> int:
        """PullPoints that stand."""
        return len(self.events)

    def head(self, index: int) -> PtzHead:
        """The motor behind a channel."""
        return self._heads.setdefault(_source(index), PtzHead())

    def see(self, index: int, *, is_seen: bool = True) -> None:
        """Motion on a channel begins, or ends: all subscriptions hear of it."""
        self.events.change(_source(index), is_so=is_seen)

    # -- HTTP -------------------------------------------------------------------------------------------------------

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while (request := await _read(reader)) is not None:
                self.hosts.append(request.headers.get("host", ""))
                self.heard.append(f"{request.headers}\n{request.body.decode(errors='replace')}")
                if self.faults.is_silent:
                    await reader.read()  # until they hang up
                if self.faults.is_endless:
                    await _say_for_ever(writer)
                status, headers, body = await self._answer(request)
                if writer.is_closing():  # it was held for long
                    break
                if self.faults.is_packed:
                    body, headers = gzip.compress(body), {**headers, "Content-Encoding": "gzip"}
                head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                start = (
                    f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}\r\n{head}Content-Length: {len(body)}\r\n\r\n"
                )
                writer.write(start.encode() + body)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass  # it hung up, or does not speak HTTP
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, request: _Request) -> tuple[int, dict[str, str], bytes]:
        faults = self.faults
        soap = {"Content-Type": "application/soap+xml; charset=utf-8"}
        if faults.redirect_to:
            return 302, {"Location": faults.redirect_to}, b""
        if faults.is_unauthorized:
            return 401, {"WWW-Authenticate": 'Basic realm="me"'}, b""
        if faults.says is not None:
            return 200, soap, faults.says
        if faults.pulls_say is not None and request.path.startswith(_SUBSCRIPTION):
            return 200, soap, faults.pulls_say
        asks_digest = faults.asks_http_digest or request.path.startswith("/snapshot")
        if asks_digest and not self._digest.accepts(
            request.headers.get("authorization", ""), method=request.method, nonce=self._nonce
        ):
            return 401, {"WWW-Authenticate": self._digest.challenges(self._nonce)[0]}, b""
        if request.path.startswith("/snapshot"):
            return 200, {"Content-Type": "image/jpeg"}, _snapshot()
        if request.method != "POST" or not request.path.startswith("/onvif/"):
            return 404, {}, b""
        body = await self._soap(request, is_known=asks_digest)
        return 400 if "<env:Fault>" in body else 200, soap, say.envelope(body)

    # -- SOAP -------------------------------------------------------------------------------------------------------

    async def _soap(self, request: _Request, *, is_known: bool) -> str:
        try:
            root = etree.fromstring(request.body, etree.XMLParser(resolve_entities=False, no_network=True))
            call = next(iter(root.find("{*}Body")))
        except (etree.XMLSyntaxError, StopIteration, TypeError):
            return say.fault("ter:WellFormed", "That is no SOAP")
        operation = local_name(call)
        self.asked.append(operation)
        if operation in self.faults.hangs_up_at:
            raise ConnectionResetError
        if operation == "GetSystemDateAndTime":
            said = self.faults.says_clock_off_s
            return say.system_date_and_time(self.now if said is None else time.time() + said)
        if not is_known and not self._login.accepts(root, self.now):
            return say.fault("ter:NotAuthorized", "Sender not authorized")
        handler = getattr(self, f"_on_{_CAPITAL.sub('_', operation).lower()}", None)
        if _is_media2(call) and self.faults.media2_says:
            return self.faults.media2_says
        if handler is None or operation in self.faults.lacks:
            return say.fault("ter:ActionNotSupported", "Action not supported", blames_sender=False)
        if self.faults.ptz_takes_s and request.path == _SERVICES["tptz"]:
            await asyncio.sleep(self.faults.ptz_takes_s)
        said = handler(request, call)
        return str(await said if asyncio.iscoroutine(said) else said)

    def _address(self, path: str) -> str:
        return f"{self._scheme}://{self.faults.foreign or f'{self.host}:{self.port}'}{path}"

    def _on_get_device_information(self, *_: Any) -> str:
        return say.response(
            "tds:GetDeviceInformation",
            say.element("tds:Manufacturer", self.manufacturer)
            + say.element("tds:Model", self.model)
            + say.element("tds:FirmwareVersion", "1.0.4")
            + say.element("tds:SerialNumber", self.serial)
            + say.element("tds:HardwareId", "BV1"),
        )

    def _on_get_services(self, *_: Any) -> str:
        known = {prefix: path for prefix, path in _SERVICES.items() if prefix not in self.faults.lacks}
        return say.services({prefix: self._address(path) for prefix, path in known.items()})

    def _on_get_capabilities(self, *_: Any) -> str:
        return say.capabilities({prefix: self._address(path) for prefix, path in _SERVICES.items()})

    def _on_get_network_interfaces(self, *_: Any) -> str:
        return say.network_interfaces(self.mac, self.host)

    def _on_get_profiles(self, _request: _Request, call: Any) -> str:
        is_second = _is_media2(call)
        describe = onvif_media2.profile if is_second else say.profile
        profiles = []
        for index, channel in enumerate(self.channels):
            if channel.encoding == "H265" and self.faults.hides_h265 and not is_second:
                continue
            abilities: dict[str, Any] = {
                "encoding": channel.encoding,
                "fps": channel.fps,
                "has_audio": channel.has_audio,
                "has_ptz": channel.has_ptz,
                "has_talk": channel.has_talk,
            }
            source = _source(index)
            profiles.append(describe(f"{source}_main", source, channel.name, size=channel.size, **abilities))
            if channel.sub:
                profiles.append(describe(f"{source}_sub", source, channel.name, size=channel.sub_size, **abilities))
        prefix = "tr2" if is_second else "trt"
        return say.response(f"{prefix}:GetProfiles", "".join(profiles * (2 if self.faults.repeats_itself else 1)))

    def _on_get_video_source_configurations(self, *_: Any) -> str:
        return say.video_source_configurations(_source(index) for index in range(len(self.channels)))

    def _on_get_stream_uri(self, _request: _Request, call: Any) -> str:
        index, quality = _profile_of(call)
        channel = self.channels[index]
        url = channel.sub if quality == "sub" else channel.main
        if self.faults.foreign:
            url = f"rtsp://{self.faults.foreign}{urlsplit(url).path}"
        return (onvif_media2.uri if _is_media2(call) else say.media_uri)("GetStreamUri", url)

    def _on_get_snapshot_uri(self, _request: _Request, call: Any) -> str:
        address = self._address(f"/snapshot?channel={_profile_of(call)[0]}")
        return (onvif_media2.uri if _is_media2(call) else say.media_uri)("GetSnapshotUri", address)

    def _on_get_audio_outputs(self, *_: Any) -> str:
        speakers = [index for index, channel in enumerate(self.channels) if channel.has_talk]
        return say.response(
            "trt:GetAudioOutputs",
            "".join(say.wrap("trt:AudioOutputs", token=f"out_{_source(index)}") for index in speakers),
        )

    def _on_create_pull_point_subscription(self, *_: Any) -> str:
        address = self._address(_SUBSCRIPTION + self.events.subscribe())
        return say.subscription(address, self.now, self.now + _SUBSCRIBED_S)

    async def _on_pull_messages(self, request: _Request, call: Any) -> str:
        name = request.path.removeprefix(_SUBSCRIPTION)
        if not self.events.has(name):
            return say.fault("ter:InvalidArgVal", "No such subscription")
        if self.faults.holds_pulls:
            await asyncio.Event().wait()
        limit = int(text_in(call, "MessageLimit") or 1)
        messages = await self.events.pull(name, _seconds(text_in(call, "Timeout")), limit)
        times = say.element("tev:CurrentTime", say.zulu(self.now)) + say.element(
            "tev:TerminationTime", say.zulu(self.now + _SUBSCRIBED_S)
        )
        return say.response("tev:PullMessages", times + "".join(messages))

    def _on_renew(self, request: _Request, _call: Any) -> str:
        if not self.events.has(request.path.removeprefix(_SUBSCRIPTION)):
            return say.fault("ter:InvalidArgVal", "No such subscription")
        return say.response("wsnt:Renew", say.element("wsnt:TerminationTime", say.zulu(self.now + _SUBSCRIBED_S)))

    def _on_unsubscribe(self, request: _Request, _call: Any) -> str:
        self.events.end(request.path.removeprefix(_SUBSCRIPTION))
        return say.response("wsnt:Unsubscribe")

    def head_of(self, call: Any) -> PtzHead:
        """The motor behind the profile that a question names."""
        return self.head(_profile_of(call)[0])


def _source(index: int) -> str:
    return f"source_{index + 1}"


def _is_media2(call: Any) -> bool:
    return str(call.tag).startswith(f"{{{onvif_media2.NAMESPACE}}}")


def _profile_of(call: Any) -> tuple[int, str]:
    """`source_3_sub` → (2, "sub")."""
    _, number, quality = text_in(call, "ProfileToken").split("_")
    return int(number) - 1, quality


def _seconds(duration: str) -> float:
    """`PT5S` → 5.0; at most a minute."""
    try:
        return min(60.0, float(duration.removeprefix("PT").removesuffix("S")))
    except ValueError:
        return 1.0


def _snapshot() -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (320, 180), (40, 90, 120)).save(picture, "JPEG")
    return picture.getvalue()


async def _read(reader: asyncio.StreamReader) -> _Request | None:
    """One request; None when they hung up."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(min(int(headers.get("content-length", 0)), _MAX_REQUEST))
    return _Request(method, path, headers, body)


async def _say_for_ever(writer: asyncio.StreamWriter) -> None:
    """A little now and a little then: no single read takes long."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n\r\n<a>")
    while True:
        writer.write(b"<b/>")
        await writer.drain()
        await asyncio.sleep(0.05)
