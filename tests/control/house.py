"""Somebody's home: a mosquitto that any topic may be said on, and all that is said there. No event loop needed."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from belvedere.control.devices.brokers import BrokerWish
from media.broker import PASSWORD, USER, Broker

READY = "ready"


class House:
    """A mosquitto, and all that is said on it."""

    def __init__(self, folder: Path) -> None:
        self.broker = Broker(folder / "broker")
        self.broker.prepare()
        (self.broker.folder / "acl").write_text(f"user {USER}\ntopic readwrite #\n", encoding="utf-8")
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it; returns when it answers."""
        with (self.broker.folder / "log").open("ab") as log:
            command = ["mosquitto", "-v", "-c", str(self.broker.folder / "mosquitto.conf")]
            self._server = subprocess.Popen(command, stdout=log, stderr=log)
        until(lambda: self._publish("ping", "") == 0)

    def stop(self) -> None:
        """End it at once."""
        if self._server:
            self._server.kill()
            self._server.wait()

    def say(self, topic: str, said: str | dict[str, Any], *, is_retained: bool = False) -> None:
        """Publish something: JSON, or a word."""
        text = said if isinstance(said, str) else json.dumps(said)
        assert self._publish(topic, text, *(["-r"] if is_retained else [])) == 0

    def wish(self, **more: Any) -> BrokerWish:
        """How a person types it."""
        fields = {
            "address": f"mqtts://localhost:{self.broker.tls_port}",
            "username": USER,
            "password": PASSWORD,
            "ca": self.broker.ca,
        }
        return BrokerWish(**(fields | more))

    def retained(self) -> dict[str, Any]:
        """Topic → what stands there for whoever comes."""
        command = ["mosquitto_sub", *self.broker.login(), "-t", "#", "--retained-only", "-W", "1", "-F", "%t %p"]
        lines = subprocess.run(command, capture_output=True, check=False).stdout.decode().splitlines()
        return {topic: json.loads(text) for topic, _space, text in (line.partition(" ") for line in lines)}

    @contextmanager
    def hearing(self) -> Iterator[list[tuple[str, str, Any]]]:
        """(topic, `retained qos`, said) of all that is said during the block, once it is over."""
        path = self.broker.folder / "heard"
        with path.open("wb") as file:
            command = ["mosquitto_sub", *self.broker.login(), "-q", "1", "-t", "#", "-F", "%t|%r %q|%p"]
            ear = subprocess.Popen(command, stdout=file)
            heard: list[tuple[str, str, Any]] = []
            try:
                self._mark(path, READY)
                yield heard
                self._mark(path, "over")
            finally:
                ear.kill()
                ear.wait()
        for line in path.read_text().splitlines():
            topic, flags, text = line.split("|", 2)
            # What was retained before comes first; of that nothing was said now.
            if topic not in {READY, "over", "ping"} and not flags.startswith("1"):
                heard.append((topic, flags, json.loads(text) if text else None))

    def _mark(self, path: Path, topic: str) -> None:
        def is_heard() -> bool:
            self._publish(topic, "x")
            return f"{topic}|" in path.read_text()

        until(is_heard)

    def _publish(self, topic: str, text: str, *more: str) -> int:
        command = ["mosquitto_pub", *self.broker.login(), "-t", topic, "-m", text, *more]
        return subprocess.run(command, check=False, capture_output=True).returncode


def until(is_so: Callable[[], object]) -> None:
    """Wait for it, twenty seconds at most."""
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)
