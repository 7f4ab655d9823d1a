"""What control wants of this node: asked for again and again, sooner when nudged, page by page.

Streams, panels, recording plans, event feeds and detectors are all learned this way, none of them from half an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from belvedere.bus import Bus, BusError
from belvedere.contracts.camera_events import EventFeedsReply
from belvedere.contracts.detectors import DetectorsReply
from belvedere.contracts.events import AssignmentsReply
from belvedere.contracts.panels import PanelsReply
from belvedere.contracts.recordings import PlansReply
from belvedere.media.waiting import wait_for_nudge

#: Control answers within that, or is away.
ANSWER_WITHIN_S: Final = 2.0
#: What did not come whole is asked for again so soon.
ASK_AGAIN_S: Final = 1.0


async def pull_for_ever(now: asyncio.Event, pull: Callable[[], Awaitable[bool]], every_s: float) -> None:
    """Pull once `now` is set for the first time, then every so often and whenever it is set; sooner after False."""
    await now.wait()
    while True:
        now.clear()
        done = await pull()
        await wait_for_nudge(now, every_s if done else ASK_AGAIN_S)


async def ask_pages[P: (AssignmentsReply, DetectorsReply, EventFeedsReply, PanelsReply, PlansReply)](
    bus: Bus, subject: str, question: Callable[[str], msgspec.Struct], kind: type[P]
) -> list[P] | None:
    """Every page of control's answer to `question(after)`, the last of which has no `next`; None: one did not come."""
    pages: list[P] = []
    after = ""
    while True:
        try:
            page = await bus.request(subject, question(after), kind, ANSWER_WITHIN_S)
        except BusError:
            return None
        pages.append(page)
        if not page.next:
            return pages
        after = page.next
