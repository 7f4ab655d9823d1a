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
from belvedere.contracts.events import ASSIGNMENTS_EVERY_S, AssignmentsReply
from belvedere.contracts.panels import PanelsReply
from belvedere.contracts.recordings import PlansReply
from belvedere.media.waiting import wait_for_nudge

#: Control answers within that, or is away.
ANSWER_WITHIN_S: Final = 2.0
#: What did not come whole is asked for again so soon.
ASK_AGAIN_S: Final = 1.0


class Assignments[P: (AssignmentsReply, DetectorsReply, EventFeedsReply, PanelsReply, PlansReply)]:
    """One kind of them. `serve` until cancelled; nothing is asked before the first `pull_soon`."""

    def __init__(
        self,
        bus: Bus,
        subject: str,
        question: Callable[[str], msgspec.Struct],
        kind: type[P],
        apply: Callable[[list[P]], Awaitable[None]],
        *,
        every_s: float = ASSIGNMENTS_EVERY_S,
    ) -> None:
        """`apply` gets every page of control's answer to `question(after)`, the last of which has no `next`."""
        self._bus = bus
        self._subject = subject
        self._question = question
        self._kind: type[P] = kind
        self._apply: Callable[[list[P]], Awaitable[None]] = apply
        self._every_s = every_s
        self._now = asyncio.Event()
        self._withdrawals = 0

    def pull_soon(self) -> None:
        """Ask again."""
        self._now.set()

    def withdraw(self) -> None:
        """Something is not ours any more: an answer that is on its way may still name it, and does not count."""
        self._withdrawals += 1

    async def serve(self) -> None:
        """Pull once it is wanted for the first time, then every so often; sooner what did not come whole."""
        await self._now.wait()
        while True:
            self._now.clear()
            done = await self._pull()
            await wait_for_nudge(self._now, self._every_s if done else ASK_AGAIN_S)

    async def _pull(self) -> bool:
        """Ask for all pages and do as they say. False: nothing was changed."""
        withdrawals = self._withdrawals
        pages = await self._ask()
        if pages is None or withdrawals != self._withdrawals:
            return False
        await self._apply(pages)
        return True

    async def _ask(self) -> list[P] | None:
        """Every page; None: one did not come."""
        pages: list[P] = []
        after = ""
        while True:
            try:
                page = await self._bus.request(self._subject, self._question(after), self._kind, ANSWER_WITHIN_S)
            except BusError:
                return None
            pages.append(page)
            if not page.next:
                return pages
            after = page.next
