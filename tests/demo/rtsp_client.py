"""What looks at the cameras: FFmpeg, as PyAV brings it, and a plain socket for what FFmpeg never says."""

import hashlib
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Self
from urllib.parse import quote

import av
import numpy as np
from av.container import InputContainer

from belvedere.demo.clips import read_barcode, test_clip
from belvedere.demo.rtsp import CameraServer

#: Twice the usual speed, so that tests wait half as long: 50 pictures, a key frame every tenth of a second.
quick_clip = partial(test_clip, seconds=1, fps=50, gop=5)


@dataclass
class Seen:
    """What a player got: barcodes of pictures, their sizes, time stamps in seconds, packets of sound."""

    codes: list[int] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    sounds: int = 0
    ended: bool = False


@contextmanager
def opened(
    server: CameraServer, path: str, *, username: str = "", password: str = "", transport: str = "tcp"
) -> Iterator[InputContainer]:
    """Open a mount as media does: quickly, and with little patience."""
    userinfo = f"{quote(username, safe='')}:{quote(password, safe='')}@" if username else ""
    url = server.url(path).replace("://", f"://{userinfo}", 1)
    options = {"rtsp_transport": transport, "analyzeduration": "100000"}
    with av.open(url, options=options, timeout=(1.0, 0.5)) as container:
        for stream in container.streams.video:
            stream.codec_context.thread_count = 1  # several would hold pictures back
        yield container


def code_of(frame: av.VideoFrame) -> int:
    """The barcode of a decoded picture."""
    return read_barcode(frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False))


def watch(container: InputContainer, pictures: int, during: Callable[[], object] | None = None) -> Seen:
    """Read so many pictures, from the first key frame on, or to the end. `during` happens after a quarter of them."""
    seen = Seen()
    came = 0
    for packet in container.demux():
        if packet.stream.type == "audio":
            seen.sounds += packet.size > 0
            continue
        if packet.size == 0:  # FFmpeg's way to say: no more
            break
        if came == 0 and not packet.is_keyframe:
            continue
        came += 1
        if packet.pts is not None and packet.time_base:
            seen.times.append(float(packet.pts * packet.time_base))
        for frame in packet.decode():
            if isinstance(frame, av.VideoFrame):
                seen.codes.append(code_of(frame))
                seen.sizes.append((frame.width, frame.height))
        if came == pictures // 4 and during:
            during()
        if came >= pictures:
            return seen
    seen.ended = True
    return seen


class PlainClient:
    """RTSP word by word."""

    def __init__(self, server: CameraServer) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        self._file = self._socket.makefile("rb")
        self._sequence = 0
        self.session = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()
        self._socket.close()

    def send(self, raw: bytes) -> None:
        self._socket.sendall(raw)

    def ask(self, method: str, url: str, **headers: str) -> tuple[int, dict[str, list[str]], str]:
        """Send a request; status, headers (lower case; each may come often) and body of its answer."""
        self._sequence += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._sequence}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if self.session:
            lines.append(f"Session: {self.session}")
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self.answer()

    def answer(self) -> tuple[int, dict[str, list[str]], str]:
        """Read the next answer, past all packets."""
        while (first := self._file.read(1)) == b"$":
            self._file.read(int.from_bytes(self._file.read(3)[1:]))
        status = (first + self._file.readline()).split(b" ")[1]
        headers: dict[str, list[str]] = {}
        while line := self._file.readline().decode().strip():
            name, _, value = line.partition(":")
            headers.setdefault(name.lower(), []).append(value.strip())
        body = self._file.read(int(headers.get("content-length", ["0"])[0])).decode()
        if "session" in headers:
            self.session = headers["session"][0].partition(";")[0]
        return int(status), headers, body

    def packet(self) -> tuple[int, bytes]:
        """The next interleaved packet: channel, content."""
        assert self._file.read(1) == b"$"
        channel, *length = self._file.read(3)
        return channel, self._file.read(int.from_bytes(length))

    def hung_up(self) -> bool:
        """Read to the end; True once the server closed."""
        try:
            while self._file.read(65536):
                pass
        except ConnectionResetError:
            pass
        return True


def sha256_answer(challenge: str, *, username: str, password: str, method: str, uri: str) -> str:
    """`Authorization` to a Digest challenge with SHA-256 and qop (RFC 7616), worked out by hand."""

    def h(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    given = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
    a1, a2 = h(f"{username}:{given['realm']}:{password}"), h(f"{method}:{uri}")
    response = h(f"{a1}:{given['nonce']}:00000001:c0ffee:auth:{a2}")
    return (
        f'Digest username="{username}", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{uri}", '
        f'algorithm=SHA-256, qop=auth, nc=00000001, cnonce="c0ffee", response="{response}"'
    )
