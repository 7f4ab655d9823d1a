"""One supervised process, with small real ones: started, relayed, restarted, ended whole."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
import structlog

from belvedere.config import free_port
from belvedere.supervisor.child import Child, answers, listens, run_to_end
from belvedere.supervisor.premises import StartError

pytestmark = pytest.mark.anyio

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def until_restarted(child: Child, old: int | None) -> int:
    async with asyncio.timeout(5):
        while child.pid is None or child.pid == old:
            await asyncio.sleep(0.01)
    return child.pid


async def test_a_killed_process_is_back_soon() -> None:
    child = Child("sleeper", SLEEP, os.environ)
    await child.start()
    keeper = asyncio.create_task(child.keep())
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    second = await until_restarted(child, first)
    os.kill(second, signal.SIGKILL)
    third = await until_restarted(child, second)
    await child.stop()
    await keeper
    assert not is_alive(third)


async def test_one_that_ignores_the_term_signal_is_killed_with_all_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("belvedere.supervisor.child._STOP_TIMEOUT_S", 0.3)  # deaf is deaf: waiting longer shows no more
    note = tmp_path / "grandchild"
    script = (
        "import pathlib, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(grandchild.pid))\n"
        "time.sleep(60)\n"
    )
    child = Child("deaf", [sys.executable, "-c", script], os.environ)
    await child.start()
    async with asyncio.timeout(5):
        while not (note.exists() and note.read_text()):
            await asyncio.sleep(0.02)
    pid = child.pid
    assert pid is not None
    await child.stop()
    assert not is_alive(pid)
    async with asyncio.timeout(2):
        while is_alive(int(note.read_text())):
            await asyncio.sleep(0.01)


async def test_ready_is_what_the_probe_says() -> None:
    port = free_port()
    script = (
        f"import http.server; http.server.test(http.server.SimpleHTTPRequestHandler, port={port}, bind='127.0.0.1')"
    )
    child = Child("web", [sys.executable, "-c", script], os.environ, probe=answers("127.0.0.1", port, "/"))
    assert not await listens("127.0.0.1", port)()
    await child.start()
    await child.wait_ready(10)
    assert await listens("127.0.0.1", port)()
    assert not await answers("127.0.0.1", port, "/absent")()
    await child.stop()


async def test_one_that_ends_before_it_is_ready_stops_the_start() -> None:
    probe = answers("127.0.0.1", free_port(), "/")
    child = Child("brief", [sys.executable, "-c", "raise SystemExit(7)"], os.environ, probe=probe)
    await child.start()
    with pytest.raises(StartError, match="brief ended"):
        await child.wait_ready(10)
    await child.stop()
    slow = Child("slow", SLEEP, os.environ, probe=probe)
    await slow.start()
    with pytest.raises(StartError, match="not ready"):
        await slow.wait_ready(0.2)
    await slow.stop()


async def test_its_lines_arrive_in_our_log() -> None:
    event = {"event": "camera_offline", "level": "warning", "role": "media", "camera": "c1", "timestamp": "then"}
    script = f"print({json.dumps(json.dumps(event))}); print('[h264 @ 0x1] native words'); print('{{broken')"
    with structlog.testing.capture_logs() as logs:
        await run_to_end("media", [sys.executable, "-c", f"import sys; sys.stdout = sys.stderr\n{script}"], os.environ)
    assert logs == [
        {"event": "camera_offline", "log_level": "warning", "role": "media", "camera": "c1"},
        {"event": "output", "log_level": "info", "role": "media", "line": "[h264 @ 0x1] native words"},
        {"event": "output", "log_level": "info", "role": "media", "line": "{broken"},
    ]


async def test_run_to_end_gives_the_output_and_refuses_failure() -> None:
    assert await run_to_end("echo", [sys.executable, "-c", "print(6 * 7)"], os.environ) == b"42\n"
    with pytest.raises(StartError, match="bad failed"):
        await run_to_end("bad", [sys.executable, "-c", "raise SystemExit(1)"], os.environ)


async def test_a_cancelled_command_is_not_left_running(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"import os, pathlib, time; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); time.sleep(60)"
    task = asyncio.create_task(run_to_end("long", [sys.executable, "-c", script], os.environ))
    async with asyncio.timeout(5):
        while not (note.exists() and note.read_text()):
            await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_alive(int(note.read_text()))
