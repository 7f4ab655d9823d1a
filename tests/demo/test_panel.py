"""The sample alarm at its own broker, spoken to by the code that speaks to everybody's."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from belvedere.config import free_port
from belvedere.contracts.panels import PanelAct, PanelAnswerCode, PanelSource, PanelStateWord
from belvedere.demo.cameras import serve_alarm
from belvedere.demo.samples import ALARM, USERNAME
from belvedere.media.panels.line import PanelLine

pytestmark = pytest.mark.anyio
PASSWORD = "pä$$ 'w\"ord#"


def source(port: int, *, password: str = PASSWORD) -> PanelSource:
    return PanelSource(
        host="127.0.0.1",
        port=port,
        is_tls=False,
        username=USERNAME,
        password=password,
        state_topic=ALARM.state_topic,
        command_topic=ALARM.command_topic,
        availability_topic=ALARM.availability_topic,
        networks=[("127.0.0.0/8", 1, 65535)],
    )


@contextlib.asynccontextmanager
async def listening(
    found: PanelSource, on_change: Callable[[PanelLine], None] = lambda _line: None
) -> AsyncIterator[PanelLine]:
    line = PanelLine("alarm", "1", found, on_change)
    task = asyncio.create_task(line.run())
    try:
        yield line
    finally:
        task.cancel()


async def until(line: PanelLine, state: PanelStateWord, error: str = "") -> None:
    async with asyncio.timeout(15):
        while (line.state, line.error) != (state, error):
            await asyncio.sleep(0.01)


async def test_it_arms_after_a_while_and_disarms_for_who_knows_the_code(tmp_path: Path) -> None:
    port = free_port()
    async with serve_alarm(tmp_path, port, PASSWORD), listening(source(port)) as line:
        await until(line, PanelStateWord.DISARMED)
        for act in (PanelAct.ARM_HOME, PanelAct.ARM_AWAY, PanelAct.ARM_NIGHT):
            answer = await line.command(act, "")
            assert (answer.code, answer.state) == (PanelAnswerCode.OK, PanelStateWord.ARMING)
        await until(line, PanelStateWord.ARMED_NIGHT)
        wrong = await line.command(PanelAct.DISARM, "9999")
        assert (wrong.code, wrong.state) == (PanelAnswerCode.NOT_TAKEN, PanelStateWord.ARMED_NIGHT)
        right = await line.command(PanelAct.DISARM, ALARM.code)
        assert (right.code, right.state) == (PanelAnswerCode.OK, PanelStateWord.DISARMED)
    assert (tmp_path / "broker.conf").stat().st_mode & 0o077 == 0


async def test_its_broker_lets_nobody_else_in_and_says_when_it_is_away(tmp_path: Path) -> None:
    port = free_port()
    said: list[str] = []
    async with (
        serve_alarm(tmp_path, port, PASSWORD) as panel,
        listening(source(port), lambda line: said.append(line.error)) as line,
    ):
        async with listening(source(port, password="another")) as stranger:
            await until(stranger, PanelStateWord.UNKNOWN, "wrong_password")
        await until(line, PanelStateWord.DISARMED)
        assert panel._writer
        panel._writer.transport.abort()  # it dies without a word: the broker has its last will
        async with asyncio.timeout(15):
            while "panel_offline" not in said:  # for as long as the panel takes to come back
                await asyncio.sleep(0.01)
        await until(line, PanelStateWord.DISARMED)
