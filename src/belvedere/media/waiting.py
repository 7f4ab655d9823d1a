"""Waiting for a nudge, but not for ever: how everything here that asks from time to time is told to ask now."""

import asyncio
import contextlib


async def wait_for_nudge(event: asyncio.Event, within_s: float) -> bool:
    """Whether it was set in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await event.wait()
            return True
    return False
