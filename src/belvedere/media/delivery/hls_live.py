"""What is now as HLS: a list for each session, of the segments that one segmenter cuts for all.

A session sees no segment that began before it did, but for the GOP that a socket would have begun with, too: who may
see live only must not see the past (N22).

Who may listen gets both in one segment, everybody else the picture alone, under the same name; who loses the right goes
on without, behind a break.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Final

from belvedere.contracts.permissions import Permission
from belvedere.media.delivery.http_sessions import Answer, Grant
from belvedere.media.delivery.playlists import (
    CONTENT_TYPE,
    Listed,
    Variant,
    target_of,
    write_list,
    write_multivariant,
)
from belvedere.media.delivery.request_head import RequestHead
from belvedere.media.delivery.segmenter import LISTED, LiveSegment, Segmenter
from belvedere.media.delivery.stream import LiveStream

#: It must not change, so it is what GOPs of up to four seconds need.
_TARGET_S: Final = 6
#: Who comes before there is a segment waits for it so long.
_WAIT_S: Final = 12.0
#: Where a camera's sound does not come at all, the list begins without it.
_SOUND_WITHIN_S: Final = 6.0
_WITH_SOUND: Final = "-sound"
_MP4: Final = "video/mp4"


class LiveList:
    """One session's list of what is now."""

    entry = "index.m3u8"

    def __init__(self, grant: Grant, stream: LiveStream) -> None:
        self._grant = grant
        #: what a socket would begin with
        self._since = stream.ring.end if stream.ring.start is None else stream.ring.start
        self._segmenter = Segmenter.of(stream)
        self._is_begun = False
        self._hears = stream.has_sound and grant.allows(Permission.LISTEN)
        #: the first segment without sound, where there were some with it
        self._silent_from: int | None = None
        if self._hears:
            self._segmenter.listen(self)

    async def find(self, name: str, head: RequestHead) -> Answer | None:
        """A list, an init or a segment, while live view holds."""
        del head
        match name.rpartition("."):
            case ["index" | "media" as which, ".", "m3u8"]:
                return await self._list(which)
            case [number, ".", "mp4"] if self._may_see():
                return self._init(number)
            case [number, ".", "m4s"] if self._may_see() and number.isdigit():
                found = next((segment for segment in self._mine() if segment.number == int(number)), None)
                if found is None:
                    return None
                # The sound first: it is small, and so a player has both from the first picture on.
                return Answer(_MP4, found.sound + found.data if self._may_hear() else found.data)
        return None

    def sent(self, answer: Answer, upto: int) -> None:
        """Nothing to tell: what is now is no past."""

    def close(self) -> None:
        """Follow no more."""
        self._segmenter.unlisten(self)
        self._segmenter.leave()

    def _may_see(self) -> bool:
        return self._grant.allows(Permission.LIVE_VIEW)

    def _may_hear(self) -> bool:
        """Whether sound is in what it gets, by the lease of now; once it is not, for good."""
        if self._hears and not self._grant.allows(Permission.LISTEN):
            self._silent_from = self._segmenter.number
            self._be_silent()
        return self._hears

    def _be_silent(self) -> None:
        self._hears = False
        self._segmenter.unlisten(self)

    def _init(self, name: str) -> Answer | None:
        number = name.removesuffix(_WITH_SOUND)
        run = self._segmenter.runs.get(int(number)) if number.isdigit() else None
        with_sound = number != name
        if run is None or (with_sound and not self._may_hear()):
            return None
        return Answer(_MP4, run.init(with_sound=with_sound))

    def _mine(self) -> Iterator[LiveSegment]:
        return (segment for segment in self._segmenter.segments if segment.position >= self._since)

    async def _begin(self) -> None:
        """Wait for the first segment: one with sound, where there will be any. Raises TimeoutError."""
        if self._may_hear():
            with contextlib.suppress(TimeoutError):
                await self._until(lambda segment: bool(segment.sound), _SOUND_WITHIN_S)
            first = next((segment for segment in self._mine() if segment.sound), None)
            if first is None:
                self._be_silent()
            else:
                self._since = first.position
        await self._until(lambda _: True, _WAIT_S)
        self._is_begun = True

    async def _until(self, is_it: Callable[[LiveSegment], bool], within_s: float) -> None:
        async with asyncio.timeout(within_s):
            while not any(map(is_it, self._mine())) and not self._segmenter.is_over:
                await self._segmenter.news()

    async def _list(self, which: str) -> Answer | None:
        try:
            if not self._is_begun:
                await self._begin()
            await self._until(lambda _: True, _WAIT_S)
        except TimeoutError:
            return Answer("text/plain; charset=utf-8", b"no picture yet\n", status=503, headers={"Retry-After": "2"})
        mine = list(self._mine())[-LISTED:]
        if not mine or not self._may_see():
            return None
        if which == "index":
            return Answer(CONTENT_TYPE, write_multivariant("media.m3u8", self._variant(mine)))
        self._may_hear()
        listed = [
            Listed(
                f"{segment.number}.m4s",
                self._init_name(segment),
                segment.seconds,
                segment.utc,
                is_break=place > 0 and self._breaks_at(mine[place - 1]) != self._breaks_at(segment),
            )
            for place, segment in enumerate(mine)
        ]
        text = write_list(
            listed,
            first=mine[0].number,
            breaks=self._breaks_at(mine[0]),
            target=target_of(listed, at_least=_TARGET_S),
            is_whole=False,
        )
        return Answer(CONTENT_TYPE, text)

    def _breaks_at(self, segment: LiveSegment) -> int:
        """Before and at it: those of the stream, and the end of the sound."""
        return segment.breaks + (self._silent_from is not None and segment.number >= self._silent_from)

    def _init_name(self, segment: LiveSegment) -> str:
        has_sound = self._hears and self._segmenter.runs[segment.run].sound is not None
        return f"{segment.run}{_WITH_SOUND if has_sound else ''}.mp4"

    def _variant(self, mine: list[LiveSegment]) -> Variant:
        with_sound = self._may_hear()
        runs = [self._segmenter.runs[number] for number in dict.fromkeys(segment.run for segment in mine)]
        sizes = [segment.size if with_sound else len(segment.data) for segment in mine]
        codecs = [run.current.track.codec for run in runs]
        if with_sound:
            codecs += [run.sound.codec for run in runs if run.sound is not None]
        return Variant(
            # Of what is yet to come nobody knows: half as much again.
            int(max(size * 8 / segment.seconds for size, segment in zip(sizes, mine, strict=True)) * 1.5),
            int(sum(sizes) * 8 / sum(segment.seconds for segment in mine)),
            list(dict.fromkeys(codecs)),
            max(run.current.track.width for run in runs),
            max(run.current.track.height for run in runs),
        )
