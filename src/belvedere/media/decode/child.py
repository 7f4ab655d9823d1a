"""Decodes one key frame after another into small JPEGs: a process of its own, started by path, trusted with nothing.

Requests on standard input, answers on standard output: four bytes of length, then as much. A request is one byte of
codec, two of width, four of the length of the configuration, configuration, access unit. An answer is a JPEG, or empty.

Before the first of them it gives up what it could do with a fault in a decoder: it can open no file and no socket, get
no new rights, and has a gigabyte (N30). How long it may take, its parent says: by killing it.
"""

import contextlib
import ctypes
import io
import resource
import struct
import sys
from typing import Final

import av
from PIL import Image

_REQUEST: Final = struct.Struct(">BHI")
_CODECS: Final = ("h264", "hevc")
MAX_PIXELS: Final = 8192 * 8192
_JPEG_QUALITY: Final = 80
_PR_SET_NO_NEW_PRIVS: Final = 38


def main() -> None:
    """Serve until standard input ends."""
    warm_up()
    give_up_rights()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while len(size := source.read(4)) == 4:
        picture = b""
        with contextlib.suppress(av.FFmpegError, ValueError, OSError, struct.error, IndexError, MemoryError):
            picture = decode(source.read(int.from_bytes(size)))
        sink.write(len(picture).to_bytes(4) + picture)
        sink.flush()


def warm_up() -> None:
    """Whatever is loaded late is loaded now: afterwards no file can be opened."""
    Image.init()
    Image.new("RGB", (16, 16)).save(io.BytesIO(), "JPEG")
    for name in _CODECS:
        av.CodecContext.create(name, "r")
    Image.fromarray(av.VideoFrame(16, 16, "yuv420p").to_ndarray(format="rgb24"))


def give_up_rights() -> None:
    """For good."""
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def decode(request: bytes) -> bytes:
    """One request → a JPEG without any metadata; empty when there is no picture in it. Raises what decoders raise."""
    codec, width, size = _REQUEST.unpack_from(request)
    at = _REQUEST.size
    context = av.CodecContext.create(_CODECS[codec], "r")
    assert isinstance(context, av.VideoCodecContext)  # noqa: S101  both are video
    context.thread_count = 1
    context.extradata = request[at : at + size]
    packet = av.Packet(request[at + size :])
    frames = [*context.decode(packet), *context.decode(None)]
    if not frames or frames[0].width * frames[0].height > MAX_PIXELS:
        return b""
    frame = frames[0]
    if width and width < frame.width:
        height = max(2, round(frame.height * width / frame.width / 2) * 2)
        frame = frame.reformat(width=width, height=height)
    out = io.BytesIO()
    Image.fromarray(frame.to_ndarray(format="rgb24")).save(out, "JPEG", quality=_JPEG_QUALITY)
    return out.getvalue()


if __name__ == "__main__":
    main()
