"""Coming to our own door with somebody's tickets, as any player would, to see what it lets him do.

Nothing is known here that a player could not know: the socket, the lease and their law are those of everybody. What is
seen ends here; told are a word and a time.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import structlog
from aiohttp import ClientSession, ClientTimeout, ClientWebSocketResponse, TCPConnector, WSMsgType
from yarl import URL

from belvedere.bus import Bus, BusError
from belvedere.contracts.sessions import CloseCode
from belvedere.contracts.subjects import SESSION_TRIED, SESSION_TRY, of_node
from belvedere.contracts.trials import (
    AT_ONCE,
    MAX_TRIALS,
    TAKEN_WITHIN_S,
    TRIAL_WITHIN_S,
    Trial,
    Tried,
    TryRequest,
    TryTaken,
)
from belvedere.media.delivery.http_sessions import OPEN_PATH
from belvedere.media.delivery.stream import SOUND_TRACK, VIDEO_TRACK

log = structlog.get_logger()

LIVE_PATH: Final = "/media/v1/live"
TALK_PATH: Final = "/media/v1/talk"
#: A second of film; who sends more has shown what he can.
_MOST: Final = 16 * 1024 * 1024
_TOLD_AT_MOST: Final = 5
_TELL_AGAIN_S: Final = 0.5
#: who sends sound has sent some by then
_SOUND_WITHIN_S: Final = TRIAL_WITHIN_S / 2
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104  where we listen, not bind
#: how a socket was closed → the word for it; all others have failed
_ENDINGS: Final = {
    CloseCode.ENDED: "refused",
    CloseCode.NOT_FOUND: "refused",
    CloseCode.LEASE_LOST: "no_answer",
    CloseCode.BUSY: "busy",
    CloseCode.TOO_MANY: "too_many",
    1001: "offline",
}
_STATUSES: Final = {404: "refused", 429: "too_many", 503: "no_answer"}
#: words of a camera that has no ear
_DEAF: Final = frozenset({"no_backchannel", "unsupported_codec"})

type Way = Callable[[ClientSession, str], Awaitable[str]]


class Trials:
    """Of one node. `door` is where it listens: (host, port)."""

    def __init__(self, bus: Bus, node: str, door: Callable[[], tuple[str, int]]) -> None:
        self._bus = bus
        self._node = node
        self._door = door
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._under_way: set[asyncio.Task[None]] = set()
        #: trials that have no result yet
        self._waiting = 0

    async def start(self) -> None:
        """Be asked. Raises BusError."""
        await self._bus.subscribe(of_node(SESSION_TRY, self._node), TryRequest, self._on_try)

    async def close(self) -> None:
        """Try no more."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _on_try(self, request: TryRequest, subject: str) -> TryTaken:
        del subject
        if self._waiting + len(request.trials) > MAX_TRIALS:
            return TryTaken(accepted=False)
        self._waiting += len(request.trials)
        task = asyncio.create_task(self._try_all(request.trials), name="trials")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return TryTaken(accepted=True)

    async def _try_all(self, trials: Sequence[Trial]) -> None:
        host, port = self._door()
        base = URL.build(scheme="http", host=_EVERYWHERE.get(host, host), port=port)
        try:
            async with ClientSession(
                base,
                connector=TCPConnector(force_close=True, limit=AT_ONCE),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=ClientTimeout(total=None),  # each trial has its own
                trust_env=False,
            ) as client:
                await asyncio.gather(*(self._try(client, trial) for trial in trials))
        finally:
            self._waiting -= len(trials)

    async def _try(self, client: ClientSession, trial: Trial) -> None:
        async with self._turns:
            began = time.monotonic()
            try:
                async with asyncio.timeout(TRIAL_WITHIN_S):
                    why = await WAYS[trial.permission](client, f"{trial.session}.{trial.secret}")
            except TimeoutError:
                why = "no_answer"
            except Exception as error:  # whatever it is, the other trials go on
                # An address with its ticket may stand in the text: the type is enough.
                log.info("trial_failed", session=trial.session, error=type(error).__name__)
                why = "failed"
            took_ms = round((time.monotonic() - began) * 1000)
        await self._tell(Tried(trial.session, worked=not why, why=why[:40], took_ms=took_ms))

    async def _tell(self, tried: Tried) -> None:
        """Say it until it is answered; after a few times it is too late for its test."""
        for _ in range(_TOLD_AT_MOST):
            try:
                await self._bus.request(of_node(SESSION_TRIED, self._node), tried, TryTaken, timeout=TAKEN_WITHIN_S)
            except BusError:
                await asyncio.sleep(_TELL_AGAIN_S)
            else:
                return
        log.warning("trial_not_told", session=tried.session)


class _Closed(Exception):  # noqa: N818  an answer of the door's
    """The socket was closed before it worked. Carries the word."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__()


class _Player:
    """A player's end of a socket, as far as it must understand anything."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket

    async def say(self, **order: Any) -> None:
        """Give an order."""
        await self._socket.send_str(json.dumps(order))

    async def next(self) -> dict[str, Any] | int:
        """The next text; or of a frame, or sound, the number of its track. Raises _Closed."""
        while True:
            message = await self._socket.receive()
            match message.type:
                case WSMsgType.TEXT:
                    text: dict[str, Any] = json.loads(message.data)
                    return text
                case WSMsgType.BINARY if message.data[5:9] == b"moof":
                    return int(message.data[0])
                case WSMsgType.BINARY:
                    continue  # what introduces a track is no frame of it yet
                case _:
                    raise _Closed(_ENDINGS.get(self._socket.close_code or 0, "failed"))


@asynccontextmanager
async def _open(client: ClientSession, path: str, ticket: str) -> AsyncIterator[_Player]:
    async with client.ws_connect(f"{path}?ticket={ticket}", max_msg_size=_MOST, compress=0) as socket:
        yield _Player(socket)


async def _see(client: ClientSession, ticket: str) -> str:
    """The first frame of what the ticket is for, of now or of the past."""
    async with _open(client, LIVE_PATH, ticket) as player:
        try:
            while True:
                match await player.next():
                    case int(track) if track == VIDEO_TRACK:
                        return ""
                    case {"type": "camera", "state": "offline"}:
                        return "offline"
                    case {"type": "end_of_footage" | "live"}:
                        return "no_footage"
        except _Closed as closed:
            return closed.why


async def _listen(client: ClientSession, ticket: str) -> str:
    """The first sound. A camera without any says so by its silence."""
    try:
        async with _open(client, LIVE_PATH, ticket) as player:
            await player.say(type="listen", on=True)
            async with asyncio.timeout(_SOUND_WITHIN_S):
                while True:
                    match await player.next():
                        case int(track) if track == SOUND_TRACK:
                            return ""
                        case {"type": "refused", "what": "listen"}:
                            return "refused"
                        case {"type": "camera", "state": "offline"}:
                            return "offline"
    except _Closed as closed:
        return closed.why
    except TimeoutError:
        return "no_sound"


async def _move(client: ClientSession, ticket: str) -> str:
    """What the motor can, asked of the camera. Nothing moves."""
    async with _open(client, LIVE_PATH, ticket) as player:
        try:
            await player.say(type="ptz", n=1)
            while True:
                match await player.next():
                    case {"type": "ptz", "n": 1}:
                        return ""
                    case {"type": "refused", "what": "ptz", "why": "forbidden"}:
                        return "refused"
                    case {"type": "refused", "what": "ptz", "why": str(why)}:
                        return why
        except _Closed as closed:
            return closed.why


async def _talk(client: ClientSession, ticket: str) -> str:
    """The floor, and an open way to the camera's loudspeaker. Nothing is said."""
    async with _open(client, TALK_PATH, ticket) as player:
        try:
            while True:
                match await player.next():
                    case {"type": "ready"}:
                        return ""
                    case {"type": "busy"}:
                        return "busy"
                    case {"type": "failed", "why": str(why)}:
                        return "no_talk" if why in _DEAF else why
        except _Closed as closed:
            return closed.why


async def _export(client: ClientSession, ticket: str) -> str:
    """A file that begins as a film does, whole."""
    async with client.get(URL(f"{OPEN_PATH}?ticket={ticket}", encoded=True), max_redirects=2) as answer:
        if answer.status != 200:
            return _STATUSES.get(answer.status, "failed")
        size, start = 0, b""
        async for chunk in answer.content.iter_chunked(256 * 1024):
            size += len(chunk)
            start = start or chunk[:8]
            if size > _MOST:
                break
        return "" if start[4:8] == b"ftyp" else "failed"


#: what is tried → how; the names of Permission on the wire
WAYS: Final[dict[str, Way]] = {
    "live_view": _see,
    "playback": _see,
    "listen": _listen,
    "ptz": _move,
    "talk": _talk,
    "export": _export,
}
