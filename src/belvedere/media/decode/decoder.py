"""Keeps the decode child: starts it when it is first needed, gives it one key frame at a time, kills it when it hangs.

A camera whose frames kill it three times is left alone for an hour; the others go on with a fresh child.
"""

import asyncio
import contextlib
import struct
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger()

#: by path and not imported: decoders are loaded where they can do no harm, and nowhere else
_CHILD: Final = Path(__file__).with_name("child.py")
_REQUEST: Final = struct.Struct(">BHI")
_CODECS: Final = {"avc1": (0, b"avcC"), "hvc1": (1, b"hvcC")}
MAX_WIDTH: Final = 8192
#: for one picture; the child that takes longer is killed
WITHIN_S: Final = 5.0
#: starting means loading FFmpeg, on a busy machine
_START_WITHIN_S: Final = 20.0
CRASHES: Final = 3
QUARANTINE_S: Final = 3600.0
_BACKOFF_S: Final = 1.0
_MAX_BACKOFF_S: Final = 60.0
_MAX_WAITING: Final = 64
#: Pictures kept: a wall of people who ask for the same one costs one decoding.
_KEPT: Final = 256
_KEPT_BYTES: Final = 16 * 1024 * 1024


class Undecodable(Exception):  # noqa: N818  what the frame is
    """There is no picture to be had of this, now."""


class Decoder:
    """Made without cost; `close` ends the child."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._crashes: dict[str, tuple[int, float]] = {}
        self._rest_until = 0.0
        self._backoff = _BACKOFF_S
        self._kept: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._kept_bytes = 0

    @property
    def pid(self) -> int | None:
        """The child's, while there is one."""
        return self._child.pid if self._child and self._child.returncode is None else None

    async def picture(self, camera: str, at_us: int, init: bytes, codec: str, unit: bytes, width: int = 0) -> bytes:
        """The JPEG of a key frame, not wider than `width` pixels (0: as it is).

        camera, at_us  whose it is and of which instant: the same question is answered from memory
        init           ftyp and moov of its run; codec: as RFC 6381 has it
        unit           the access unit, NAL units behind four bytes of length

        Raises Undecodable.
        """
        key = (camera, at_us, width)
        if (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return kept
        if self._is_quarantined(camera) or self._waiting >= _MAX_WAITING:
            raise Undecodable
        request = _request(init, codec, unit, min(width, MAX_WIDTH))
        self._waiting += 1
        try:
            async with self._turn:
                made = await self._ask(camera, request)
        finally:
            self._waiting -= 1
        if not made:
            raise Undecodable
        self._keep(key, made)
        return made

    def forget(self, camera: str) -> None:
        """Keep no picture of this camera."""
        for key in [key for key in self._kept if key[0] == camera]:
            self._kept_bytes -= len(self._kept.pop(key))

    async def close(self) -> None:
        """End the child."""
        await self._kill()

    def _is_quarantined(self, camera: str) -> bool:
        count, since = self._crashes.get(camera, (0, 0.0))
        if count >= CRASHES and self._clock() - since > QUARANTINE_S:
            del self._crashes[camera]
            return False
        return count >= CRASHES

    async def _ask(self, camera: str, request: bytes) -> bytes:
        child = await self._running()
        assert child.stdin is not None  # noqa: S101  it was started with pipes
        assert child.stdout is not None  # noqa: S101  as above
        try:
            async with asyncio.timeout(WITHIN_S):
                child.stdin.write(len(request).to_bytes(4) + request)
                await child.stdin.drain()
                size = int.from_bytes(await child.stdout.readexactly(4))
                answer = await child.stdout.readexactly(size)
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            await self._kill()
            count, _ = self._crashes.get(camera, (0, 0.0))
            self._crashes[camera] = (count + 1, self._clock())
            self._rest_until = self._clock() + self._backoff
            self._backoff = min(self._backoff * 2, _MAX_BACKOFF_S)
            log.warning("decode_child_died", camera=camera, count=count + 1, error=type(error).__name__)
            raise Undecodable from None
        except asyncio.CancelledError:
            await self._kill()  # its answer would be taken for that of the next question
            raise
        self._backoff = _BACKOFF_S
        self._crashes.pop(camera, None)
        return answer

    async def _running(self) -> asyncio.subprocess.Process:
        if self._child is not None and self._child.returncode is None:
            return self._child
        if self._clock() < self._rest_until:
            raise Undecodable
        try:
            async with asyncio.timeout(_START_WITHIN_S):
                self._child = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-I",
                    str(_CHILD),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.DEVNULL,
                    env={},
                    cwd="/",
                    limit=64 * 1024 * 1024,
                )
                # The first answer comes when all is loaded and given up: an empty question has an empty answer.
                assert self._child.stdin is not None  # noqa: S101  it was started with pipes
                assert self._child.stdout is not None  # noqa: S101  as above
                self._child.stdin.write(bytes(4))
                await self._child.stdout.readexactly(4)
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            await self._kill()
            self._rest_until = self._clock() + self._backoff
            self._backoff = min(self._backoff * 2, _MAX_BACKOFF_S)
            log.warning("decode_child_unstarted", error=type(error).__name__)
            raise Undecodable from None
        except asyncio.CancelledError:
            await self._kill()  # its first answer is still to come: all that follow would go to the wrong question
            raise
        return self._child

    async def _kill(self) -> None:
        child, self._child = self._child, None
        if child is not None and child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()

    def _keep(self, key: tuple[str, int, int], picture: bytes) -> None:
        self._kept[key] = picture
        self._kept_bytes += len(picture)
        while len(self._kept) > _KEPT or self._kept_bytes > _KEPT_BYTES:
            self._kept_bytes -= len(self._kept.popitem(last=False)[1])


def _request(init: bytes, codec: str, unit: bytes, width: int) -> bytes:
    number, box = _CODECS.get(codec[:4], (-1, b""))
    at = init.find(box) if box else -1
    if at < 4:
        raise Undecodable
    configuration = init[at + 4 : at - 4 + int.from_bytes(init[at - 4 : at])]
    return _REQUEST.pack(number, width, len(configuration)) + configuration + unit
