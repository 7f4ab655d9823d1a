"""The past as HLS: a list of pieces of some seconds, each made of the very fragments on disk.

The list is made once for each session and clipped at every request, because the window of the one who asks slides on.
A piece is asked for by its number in that list; sound is in it for those who may listen, and only for them.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import JOIN_S, Span
from belvedere.media.delivery.http_sessions import Answer, Grant
from belvedere.media.delivery.ledger import Ledger
from belvedere.media.delivery.playlists import (
    CONTENT_TYPE,
    Listed,
    Variant,
    target_of,
    write_list,
    write_multivariant,
)
from belvedere.media.delivery.request_head import RequestHead
from belvedere.media.fmp4.splitting import split_init
from belvedere.media.footage import Archive, FootageGone
from belvedere.media.footage.export import choose
from belvedere.media.footage.segment import AUDIO, VIDEO, SegmentRef, SegmentTable
from belvedere.media.footage.slices import SlicedFile, Slices

#: Pieces end at the first key frame after so long.
PIECE_S: Final = 6.0
#: Control issues no ticket for more.
_MAX_RANGE_US: Final = 86_400_000_000 + 1_000_000
_TELL_EVERY_S: Final = 10.0
#: Others want the interpreter too: after each segment's table it is theirs.
_YIELD_S: Final = 0.001
_MP4: Final = "video/mp4"

_makers: Final = ThreadPoolExecutor(2, "past-list")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some seconds of one segment: rows `first` up to, not including, `end`.

    offset, size  of all of them in the file, sound included
    earliest_us   the instant of the earliest of them; start_us that of the first picture
    is_break      what came before is of another run, or not next to it
    """

    ref: SegmentRef
    run: str
    first: int
    end: int
    offset: int
    size: int
    start_us: int
    earliest_us: int
    duration_us: int
    is_break: bool


@dataclass(frozen=True, slots=True)
class _Run:
    """What the pieces of one codec run share."""

    init: bytes
    codecs: dict[int, str]
    width: int
    height: int


class PastList:
    """One list of past footage."""

    entry = "index.m3u8"

    def __init__(self, grant: Grant, archive: Archive, report: Callable[[list[Span]], None]) -> None:
        """`report` is told what was watched."""
        self._grant = grant
        self._archive = archive
        self._report = report
        self._ledger = Ledger()
        self._told_at = grant.clock()
        self._runs: dict[str, _Run] = {}
        self._building: asyncio.Task[list[Piece]] | None = None

    async def find(self, name: str, head: RequestHead) -> Answer | None:
        """A list, an init or a piece, as far as the lease allows it now."""
        del head
        if self._building is None:
            self._building = asyncio.get_running_loop().create_task(self._build())
        pieces = await asyncio.shield(self._building)
        if not self._grant.allows(Permission.PLAYBACK):
            return None
        match name.rpartition("."):
            case [("index" | "media") as which, ".", "m3u8"]:
                return self._list(which, pieces)
            case [run, ".", "mp4"] if run in self._runs:
                return Answer(_MP4, self._init_of(self._runs[run]))
            case [number, ".", "m4s"] if number.isdigit() and int(number) < len(pieces):
                return await self._piece(pieces[int(number)])
        return None

    def sent(self, answer: Answer, upto: int) -> None:
        """Note what was watched."""
        del upto
        if isinstance(answer.body, _PieceBody):
            piece = answer.body.piece
            self._ledger.add(piece.start_us, piece.start_us + piece.duration_us)
            if self._grant.clock() - self._told_at >= _TELL_EVERY_S:
                self._tell()

    def close(self) -> None:
        """Tell the rest."""
        self._tell()

    # -- inside -------------------------------------------------------------------------------------------------

    async def _build(self) -> list[Piece]:
        lease, reply = self._grant.lease, self._grant.reply
        if lease.playback_from is None or reply.start is None or reply.end is None:
            return []
        earliest = _us(lease.playback_from)
        start, end = max(_us(reply.start), earliest), min(_us(reply.end), _us(time.time()))
        if not start < end <= start + _MAX_RANGE_US:
            return []
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_makers, self._cut, start, end, earliest)

    def _cut(self, start_us: int, end_us: int, earliest_us: int) -> list[Piece]:
        """All pieces of a range, in a thread."""
        pieces: list[Piece] = []
        last: tuple[str, int] | None = None
        for ref in choose(self._archive, self._grant.reply.camera, self._grant.reply.quality, start_us, end_us):
            try:
                table = self._archive.table(ref)
            except FootageGone:
                continue
            for first, end in cut(table, start_us, end_us, earliest_us):
                begins = table.rows[first].ticks
                is_next = last is not None and last[0] == table.head.run and _is_close(begins - last[1], table)
                pieces.append(_piece_of(ref, table, first, end, is_break=not is_next))
                last = table.head.run, max(row.ticks for row in table.rows[first:end] if row.track == VIDEO)
            head = table.head
            codecs = {track.number: track.codec for track in head.tracks}
            self._runs.setdefault(head.run, _Run(table.init, codecs, head.width, head.height))
            time.sleep(_YIELD_S)
        return pieces

    def _list(self, which: str, pieces: list[Piece]) -> Answer | None:
        allowed = [(number, piece) for number, piece in enumerate(pieces) if self._may_see(piece)]
        if not allowed:
            return None
        # A clock that was set back may leave holes; what is listed has none.
        listed = [
            Listed(
                f"{number}.m4s",
                f"{piece.run}.mp4",
                piece.duration_us / 1e6,
                piece.start_us / 1e6,
                piece.is_break or (place > 0 and allowed[place - 1][0] != number - 1),
            )
            for place, (number, piece) in enumerate(allowed)
        ]
        if which == "index":
            return Answer(CONTENT_TYPE, write_multivariant("media.m3u8", self._variant([p for _, p in allowed])))
        first = allowed[0][0]
        breaks = sum(piece.is_break for piece in pieces[: first + 1])
        return Answer(
            CONTENT_TYPE, write_list(listed, first=first, breaks=breaks, target=target_of(listed), is_whole=True)
        )

    def _variant(self, pieces: list[Piece]) -> Variant:
        runs = [self._runs[run] for run in dict.fromkeys(piece.run for piece in pieces)]
        tracks = {VIDEO, AUDIO} if self._grant.allows(Permission.LISTEN) else {VIDEO}
        codecs = dict.fromkeys(codec for run in runs for number, codec in run.codecs.items() if number in tracks)
        seconds = sum(piece.duration_us for piece in pieces) / 1e6
        return Variant(
            max(int(piece.size * 8e6 / max(piece.duration_us, 1)) for piece in pieces),
            int(sum(piece.size for piece in pieces) * 8 / max(seconds, 1e-6)),
            list(codecs),
            max(run.width for run in runs),
            max(run.height for run in runs),
        )

    def _init_of(self, run: _Run) -> bytes:
        if AUDIO not in run.codecs or self._grant.allows(Permission.LISTEN):
            return run.init
        return split_init(run.init)[VIDEO]

    async def _piece(self, piece: Piece) -> Answer | None:
        if not self._may_see(piece):
            return None
        with_sound = self._grant.allows(Permission.LISTEN)
        slices = Slices()
        slices.begin_file(piece.ref)
        if with_sound or AUDIO not in self._runs[piece.run].codecs:
            slices.add(piece.offset, piece.size)
        else:
            loop = asyncio.get_running_loop()
            table = await loop.run_in_executor(_makers, self._archive.table, piece.ref)
            for row in table.rows[piece.first : piece.end]:
                if row.track == VIDEO:
                    slices.add(row.offset, row.size)
        body = _PieceBody(piece, SlicedFile(self._archive, b"", slices), self, with_sound=with_sound)
        return Answer(_MP4, body)

    def _may_see(self, piece: Piece) -> bool:
        """By the lease of now: what has slid out of the window is not there."""
        earliest = self._grant.lease.playback_from
        return self._grant.allows(Permission.PLAYBACK) and earliest is not None and piece.earliest_us >= _us(earliest)

    def may_send(self, piece: Piece, *, with_sound: bool) -> bool:
        """The same, for each chunk."""
        return self._may_see(piece) and (not with_sound or self._grant.allows(Permission.LISTEN))

    def _tell(self) -> None:
        self._told_at = self._grant.clock()
        if spans := self._ledger.take():
            self._report(spans)


class _PieceBody:
    """The bytes of one piece, as one session may have them."""

    def __init__(self, piece: Piece, file: SlicedFile, past: PastList, *, with_sound: bool) -> None:
        self.piece = piece
        self.size = file.size
        self.read = file.read
        self.close = file.close
        self._past = past
        self._with_sound = with_sound

    def may_send(self, offset: int) -> bool:
        del offset
        return self._past.may_send(self.piece, with_sound=self._with_sound)


def cut(table: SegmentTable, start_us: int, end_us: int, earliest_us: int) -> Iterator[tuple[int, int]]:
    """(first row, row after the last) of the pieces of one segment.

    They begin at key frames: the last one up to `start_us`, but none before `earliest_us`, and so on; the last piece
    ends before the first picture at or after `end_us`.
    """
    keys = [
        place
        for place, row in enumerate(table.rows)
        if row.track == VIDEO and row.is_key and earliest_us <= table.utc_us(row) < end_us
    ]
    led_in = [place for place in keys if table.utc_us(table.rows[place]) <= start_us]
    keys = keys[max(0, len(led_in) - 1) :]
    if not keys:
        return
    begins = keys[:1]
    scale = table.head.track(VIDEO).timescale
    for place in keys[1:]:
        if table.rows[place].ticks - table.rows[begins[-1]].ticks >= PIECE_S * scale:
            begins.append(place)
    end = next(
        (
            place
            for place, row in enumerate(table.rows[begins[-1] :], begins[-1])
            if row.track == VIDEO and table.utc_us(row) >= end_us
        ),
        len(table.rows),
    )
    yield from pairwise([*begins, end])


def _piece_of(ref: SegmentRef, table: SegmentTable, first: int, end: int, *, is_break: bool) -> Piece:
    rows = table.rows[first:end]
    pictures = [row for row in rows if row.track == VIDEO]
    start, last = pictures[0], pictures[-1]
    scale = table.head.track(VIDEO).timescale
    return Piece(
        ref=ref,
        run=table.head.run,
        first=first,
        end=end,
        offset=rows[0].offset,
        size=rows[-1].offset + rows[-1].size - rows[0].offset,
        start_us=table.utc_us(start),
        earliest_us=min(map(table.utc_us, rows)),
        duration_us=(last.ticks + last.duration - start.ticks) * 1_000_000 // scale,
        is_break=is_break,
    )


def _is_close(step: int, table: SegmentTable) -> bool:
    return 0 < step <= JOIN_S * table.head.track(VIDEO).timescale


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)
