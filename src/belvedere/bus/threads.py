"""The bus for code that blocks: the control plane's threads, which know no event loop."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any

import msgspec

from belvedere.bus.connection import Bus


class BusThread:
    """A Bus on a thread and a loop of its own; every method blocks and may be called from any other thread."""

    def __init__(self) -> None:
        """Use `BusThread.connect`."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bus", daemon=True)
        self._bus: Bus | None = None

    @classmethod
    def connect(cls, url: str, user: str, password: str, role: str, *, timeout: float = 10.0) -> "BusThread":
        """As `Bus.connect`; raises the same."""
        facade = cls()
        facade._thread.start()
        try:
            facade._bus = facade._wait(Bus.connect(url, user, password, role, timeout=timeout))
        except BaseException:
            facade.close()
            raise
        return facade

    @property
    def is_connected(self) -> bool:
        """Whether messages would go out just now."""
        return self._bus is not None and self._bus.is_connected

    def publish(self, subject: str, message: msgspec.Struct) -> None:
        """As `Bus.publish`."""
        self._wait(self._connection.publish(subject, message))

    def request[T: msgspec.Struct](
        self, subject: str, message: msgspec.Struct, reply_type: type[T], timeout: float
    ) -> T:
        """As `Bus.request`."""
        return self._wait(self._connection.request(subject, message, reply_type, timeout))

    def subscribe[T: msgspec.Struct](
        self,
        subject: str,
        message_type: type[T],
        handler: Callable[[T, str], msgspec.Struct | None],
        executor: Executor,
        *,
        queue: str = "",
        concurrency: int = 64,
    ) -> None:
        """As `Bus.subscribe`; `handler(message, subject)` is an ordinary function and runs in `executor`."""

        async def in_executor(message: T, at: str) -> msgspec.Struct | None:
            return await self._loop.run_in_executor(executor, handler, message, at)

        self._wait(self._connection.subscribe(subject, message_type, in_executor, queue=queue, concurrency=concurrency))

    def on_reconnect(self, callback: Callable[[], None], executor: Executor) -> None:
        """As `Bus.on_reconnect`; the ordinary function `callback` runs in `executor`."""

        async def in_executor() -> None:
            await self._loop.run_in_executor(executor, callback)

        self._loop.call_soon_threadsafe(self._connection.on_reconnect, in_executor)

    def close(self) -> None:
        """End the connection and the thread. Harmless when called again."""
        if self._loop.is_closed():
            return
        if self._bus is not None:
            self._wait(self._bus.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def _connection(self) -> Bus:
        if self._bus is None:
            message = "BusThread.connect makes one"
            raise RuntimeError(message)
        return self._bus

    def _wait[T](self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
