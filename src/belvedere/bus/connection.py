"""One connection to the bus: typed publish, request and subscribe, and a reconnect that can be trusted.

nats-py's own reconnect is switched off. It gives up for good on some server errors, leaves questions hanging when the
connection breaks, and its `flush()` is no barrier (the PING overtakes buffered SUBs: seen). Here each connection is a
fresh client: all subscriptions are made anew and *proven* by a message to oneself before anybody is told.
"""

import asyncio
import contextlib
import random
import re
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from belvedere.contracts.subjects import echo_of, inbox_prefix

log = structlog.get_logger()

#: A handler gets the message and the subject it came on, and may return the answer.
type Handler[T] = Callable[[T, str], Awaitable[msgspec.Struct | None]]

_CONNECT_TIMEOUT_S: Final = 2.0
_PROOF_TIMEOUT_S: Final = 2.0
_PING_S: Final = 2
_PINGS_LOST: Final = 2
_RECONNECT_WAIT_S: Final = 0.1
#: How often a connection that ended without a word is noticed.
_LOOK_S: Final = 0.25
#: Messages of one subscription that wait for a free handler; more are dropped, and said so.
_BACKLOG: Final = 4096
_REFUSED = re.compile(r'permissions violation for (subscription|publish) to "([^"]+)"')


class BusError(Exception):
    """The bus did not do what was asked of it."""


class BusTimeout(BusError):  # noqa: N818  the contract's name
    """No usable answer in time; nobody listening counts as such, at once."""


class BusLost(BusError):  # noqa: N818  the contract's name
    """Not connected, or the connection broke meanwhile. The message may or may not have arrived."""


class BusRefused(BusError):  # noqa: N818  reads like its siblings
    """The bus does not allow this user that."""


class BusUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the bus is and how to get in. Travels in a 0600 file (`BELVEDERE_BUS_FILE`), never in argv."""

    url: str
    user: str
    password: str

    @classmethod
    def read(cls, path: Path) -> "BusUser":
        """Read a file written by `BusServer.write_user_file`. Raises BusError, never showing what stands in it."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except OSError as error:
            message = f"the bus file cannot be read: {error.strerror}"
        except msgspec.DecodeError:
            message = "the bus file is damaged"
        raise BusError(message)

    def __repr__(self) -> str:
        """Keep the password out of tracebacks and logs."""
        return f"BusUser(user={self.user!r})"


@dataclass(eq=False)
class _Subscription:
    subject: str
    message_type: type[Any]
    handler: Handler[Any]
    queue: str
    slots: asyncio.Semaphore


@dataclass(eq=False)
class _Question:
    subject: str
    answer: asyncio.Future[Msg] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Bus:
    """A connection that stays: made by `connect`, lost and regained by itself, ended by `close`."""

    def __init__(self, user: BusUser, role: str) -> None:
        """Use `Bus.connect`."""
        self._user = user
        self._role = role
        self._inbox = f"{inbox_prefix(role)}.{secrets.token_hex(8)}"
        self._client: Client | None = None
        self._lost = asyncio.Event()
        self._subscriptions: list[_Subscription] = []
        self._questions: dict[str, _Question] = {}
        self._proofs: dict[bytes, asyncio.Future[None]] = {}
        self._refused: set[str] = set()
        self._callbacks: list[Callable[[], Awaitable[None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, url: str, user: str, password: str, role: str, *, timeout: float = 10.0) -> "Bus":
        """Connect as `role` (`control`, `worker`, `media-<node>`), trying for `timeout` seconds.

        Raises BusRefused when the bus does not know this user, BusLost when it cannot be reached in time.
        """
        bus = cls(BusUser(url=url, user=user, password=password), role)
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            try:
                bus._client = await bus._open()
                break
            except BusLost:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await _pause()
        bus._keeper = asyncio.create_task(bus._keep(), name=f"bus {role}")
        return bus

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands and every subscription on it has been proven."""
        return self._client is not None and self._client.is_connected

    async def publish(self, subject: str, message: msgspec.Struct) -> None:
        """Say it once, to whoever listens. Raises BusLost when not connected: nothing is kept for later."""
        await self._send(subject, message)

    async def request[T: msgspec.Struct](
        self, subject: str, message: msgspec.Struct, reply_type: type[T], timeout: float
    ) -> T:
        """Ask, and wait `timeout` seconds for the answer.

        Raises BusTimeout without a usable answer, BusLost as soon as the connection is gone, BusRefused when this
        user may not ask that.
        """
        token = secrets.token_hex(8)
        question = self._questions[token] = _Question(subject)
        try:
            await self._send(subject, message, reply=f"{self._inbox}.{token}")
            async with asyncio.timeout(timeout):
                answer = await question.answer
        except TimeoutError:
            failure = f"no answer on {subject} in {timeout} s"
            raise BusTimeout(failure) from None
        finally:
            del self._questions[token]
        if answer.headers and answer.headers.get("Status") == "503":
            failure = f"nobody listens on {subject}"
            raise BusTimeout(failure)
        try:
            return msgspec.json.decode(answer.data, type=reply_type)
        except msgspec.DecodeError:
            log.warning("bus_answer_dropped", subject=subject, expected=reply_type.__name__, bytes=len(answer.data))
            failure = f"the answer on {subject} is no {reply_type.__name__}"
            raise BusTimeout(failure) from None

    async def subscribe[T: msgspec.Struct](
        self,
        subject: str,
        message_type: type[T],
        handler: Handler[T],
        *,
        queue: str = "",
        concurrency: int = 64,
    ) -> None:
        """Hear `subject` from now on and after every reconnect; returns once that is proven.

        handler      `await handler(message, subject)`; a returned struct is the answer. A task for each message, so
                     order is kept with `concurrency=1` alone. What it raises is logged, and the question goes
                     unanswered.
        queue        processes that subscribe with the same word share the messages among themselves
        concurrency  handlers at work at once

        Raises BusRefused when this user may not hear it, BusLost when the connection broke meanwhile.
        """
        client = self._connected()
        subscription = _Subscription(subject, message_type, handler, queue, asyncio.Semaphore(concurrency))
        self._subscriptions.append(subscription)
        try:
            await self._listen(client, subscription)
            await self._prove(client)
        except BusError:
            self._subscriptions.remove(subscription)
            raise
        if subject.lower() in self._refused:
            self._subscriptions.remove(subscription)
            failure = f"{self._role} may not hear {subject}"
            raise BusRefused(failure)

    def on_reconnect(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Call this after each reconnect, once all subscriptions are proven. Cancelled if the bus is lost again."""
        self._callbacks.append(callback)

    async def close(self) -> None:
        """End it. Questions still open raise BusLost, handlers at work are cancelled."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        client, self._client = self._client, None
        self._fail_questions()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2.0)
        if client is not None:
            await _close(client)

    # -- the connection -----------------------------------------------------------------------------------------

    def _connected(self) -> Client:
        if self._client is None or not self._client.is_connected:
            failure = "the bus is not connected"
            raise BusLost(failure)
        return self._client

    async def _send(self, subject: str, message: msgspec.Struct, reply: str = "") -> None:
        client = self._connected()
        try:
            await client.publish(subject, msgspec.json.encode(message), reply=reply)
        except (NatsError, OSError) as error:
            if not client.is_connected:
                failure = "the bus went away"
                raise BusLost(failure) from None
            failure = f"{subject} could not be sent: {type(error).__name__}"
            raise BusError(failure) from None

    async def _open(self) -> Client:
        """A fresh client, everything subscribed and proven. Raises BusLost or BusRefused."""
        client = Client()

        async def closed() -> None:
            if self._client is client:
                self._lost.set()

        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S * 2):
                await client.connect(
                    servers=[self._user.url],
                    user=self._user.user,
                    password=self._user.password,
                    name=self._role,
                    allow_reconnect=False,
                    max_reconnect_attempts=1,  # 0 and less mean "for ever" here
                    reconnect_time_wait=0,
                    connect_timeout=int(_CONNECT_TIMEOUT_S),
                    ping_interval=_PING_S,
                    max_outstanding_pings=_PINGS_LOST,
                    error_cb=self._on_error,
                    closed_cb=closed,
                )
            await client.subscribe(echo_of(self._role), cb=self._on_echo)
            await client.subscribe(f"{self._inbox}.*", cb=self._on_answer)
            for subscription in self._subscriptions:
                await self._listen(client, subscription)
            await self._prove(client)
        except Exception as error:  # nats-py stumbles over what is no nats-server in ways of its own
            await _close(client)
            if "authorization violation" in str(error).lower():
                failure = f"the bus does not know the user {self._user.user}, or not with this password"
                raise BusRefused(failure) from None
            failure = f"the bus cannot be reached: {type(error).__name__}"
            raise BusLost(failure) from None
        except asyncio.CancelledError:
            await _close(client)
            raise
        return client

    async def _keep(self) -> None:
        """Notice a loss, connect again, tell the callbacks; for ever."""
        told: asyncio.Task[None] | None = None
        while True:
            # A frozen peer can hold nats-py inside its close() for long, before it calls back: look as well as listen.
            while not self._lost.is_set() and self.is_connected:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._lost.wait(), _LOOK_S)
            old, self._client = self._client, None
            if told is not None:
                told.cancel()
            self._fail_questions()
            log.warning("bus_lost", role=self._role)
            if old is not None:
                self._spawn(_close(old))
            self._client = await self._reopen()
            log.info("bus_back", role=self._role)
            told = self._spawn(self._tell())

    async def _reopen(self) -> Client:
        complained = False
        while True:
            await _pause()
            try:
                self._lost.clear()
                return await self._open()
            except BusLost:
                continue
            except BusRefused:
                # Users may be about to be reloaded; giving up would need a person to notice.
                if not complained:
                    log.exception("bus_refuses_us", role=self._role)
                complained = True

    async def _tell(self) -> None:
        for callback in self._callbacks:
            try:
                await callback()
            except Exception:
                log.exception("bus_callback_failed", role=self._role)

    def _fail_questions(self) -> None:
        failure = "the bus went away"
        for question in self._questions.values():
            if not question.answer.done():
                question.answer.set_exception(BusLost(failure))
        for proof in self._proofs.values():
            if not proof.done():
                proof.set_exception(BusLost(failure))

    async def _prove(self, client: Client) -> None:
        """Return once a message to oneself, sent behind everything before it, came back. Raises BusLost."""
        token = secrets.token_bytes(8)
        proof = self._proofs[token] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(_PROOF_TIMEOUT_S):
                await client.publish(echo_of(self._role), token)
                await proof
        except (TimeoutError, NatsError, OSError):
            failure = "the bus does not answer"
            raise BusLost(failure) from None
        finally:
            del self._proofs[token]

    # -- what comes in ------------------------------------------------------------------------------------------

    async def _listen(self, client: Client, subscription: _Subscription) -> None:
        async def arrived(raw: Msg) -> None:
            await subscription.slots.acquire()
            self._spawn(self._handle(subscription, raw))

        try:
            await client.subscribe(
                subscription.subject, queue=subscription.queue, cb=arrived, pending_msgs_limit=_BACKLOG
            )
        except (NatsError, OSError):
            failure = "the bus went away"
            raise BusLost(failure) from None

    async def _handle(self, subscription: _Subscription, raw: Msg) -> None:
        try:
            message = msgspec.json.decode(raw.data, type=subscription.message_type)
            answer = await subscription.handler(message, raw.subject)
            if answer is not None and raw.reply:
                await raw.respond(msgspec.json.encode(answer))
        except msgspec.DecodeError:
            # Never its content: it may be a secret, and it may be an attack on whoever reads the log.
            log.warning("bus_message_dropped", subject=raw.subject, bytes=len(raw.data))
        except NatsError as error:
            log.warning("bus_answer_lost", subject=raw.subject, error=type(error).__name__)
        except Exception:
            log.exception("bus_handler_failed", subject=raw.subject)
        finally:
            subscription.slots.release()

    async def _on_echo(self, raw: Msg) -> None:
        proof = self._proofs.get(raw.data)
        if proof is not None and not proof.done():
            proof.set_result(None)

    async def _on_answer(self, raw: Msg) -> None:
        question = self._questions.get(raw.subject.rsplit(".", 1)[1])
        if question is not None and not question.answer.done():
            question.answer.set_result(raw)

    async def _on_error(self, error: Exception) -> None:
        """nats-py's word on what went wrong aside: refusals reach whoever asked, the rest is logged by its kind."""
        refusal = _REFUSED.search(str(error).lower())  # nats-py lowers the server's words, the subject included
        if refusal is None:
            log.debug("bus_error", role=self._role, error=type(error).__name__)
            return
        act, subject = refusal.groups()
        log.warning("bus_refused", role=self._role, subject=subject, act=act)
        if act == "subscription":
            self._refused.add(subject)
            return
        for question in self._questions.values():
            if question.subject.lower() == subject and not question.answer.done():
                question.answer.set_exception(BusRefused(f"{self._role} may not say {question.subject}"))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _pause() -> None:
    """Between attempts: 0.1 s and up to as much again, so that many do not come at once."""
    await asyncio.sleep(_RECONNECT_WAIT_S * (1 + random.random()))  # noqa: S311  jitter, no secret


async def _close(client: Client) -> None:
    """Close, without waiting for a peer that no longer reads."""
    with contextlib.suppress(Exception):
        await asyncio.wait_for(client.close(), 1.0)
