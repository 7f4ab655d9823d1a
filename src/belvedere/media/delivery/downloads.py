"""An export under the secret of its session: one file, in one piece or resumed, and its digest to be signed."""

import asyncio
import hashlib
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog

from belvedere.contracts.permissions import Permission
from belvedere.contracts.recordings import MAX_SPANS, Span
from belvedere.media.delivery.http_sessions import Answer, Grant
from belvedere.media.delivery.reports import Reports
from belvedere.media.delivery.request_head import RequestHead
from belvedere.media.footage import Archive, FootageGone
from belvedere.media.footage.coverage import coarse
from belvedere.media.footage.export import Export, ExportTooLong, Question, build_export

log = structlog.get_logger()

#: What was within the window when the export was opened stays so for as long, by the clock alone: a window that slides
#: must not overtake a slow line. Other narrowing counts at once.
SLIDES_S: Final = 600.0
_PROGRESS_EVERY_S: Final = 1.0
_DIGEST_CHUNK: Final = 1024 * 1024
_MP4: Final = "video/mp4"
_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII)
_NAME: Final = re.compile(r"[0-9a-z-]{1,64}", re.ASCII)

#: Layouts are made, and digests taken, by few: viewers' cameras want the processor too.
_makers: Final = ThreadPoolExecutor(2, "export")


class Download:
    """One export. Laid out when it is first asked for, once."""

    entry = "export.mp4"

    def __init__(self, grant: Grant, archive: Archive, reports: Reports) -> None:
        self._grant = grant
        self._archive = archive
        self._reports = reports
        self._opened_at = grant.clock()
        self._with_sound = grant.allows(Permission.LISTEN)
        self._building: asyncio.Task[Export | None] | None = None
        self._digesting: asyncio.Task[None] | None = None
        self._sent = 0
        self._told_at: float | None = None
        self._told = 0

    async def find(self, name: str, head: RequestHead) -> Answer | None:
        """The file, or the part of it that is asked for."""
        if name != self.entry:
            return None
        if self._building is None:
            self._building = asyncio.get_running_loop().create_task(self._build())
        try:
            export = await asyncio.shield(self._building)
        except ExportTooLong:
            return Answer("text/plain; charset=utf-8", b"too long for one file\n", status=413)
        if export is None:
            return None
        found = self._answer(export, head)
        if not isinstance(found.body, bytes):
            if not found.body.may_send(found.start):
                return None
            if head.method == "GET" and self._digesting is None:
                self._digesting = asyncio.get_running_loop().create_task(self._digest(export))
        return found

    def sent(self, answer: Answer, upto: int) -> None:
        """Tell control, once a second."""
        self._sent = max(self._sent, upto)
        if isinstance(answer.body, bytes) or self._sent == self._told:
            return
        now = self._grant.clock()
        if self._told_at is None or now - self._told_at >= _PROGRESS_EVERY_S or self._sent == answer.body.size:
            self._told_at, self._told = now, self._sent
            self._reports.progress(self._grant.session, self._sent, answer.body.size)

    def close(self) -> None:
        """Let go of the files. A digest that is not signed by now never is."""
        building = self._building
        if self._digesting is not None:
            self._digesting.cancel()
        if building is None or not building.done():
            return
        if not building.cancelled() and building.exception() is None and (export := building.result()) is not None:
            _makers.submit(export.close)  # it waits for a read that is under way

    # -- inside -------------------------------------------------------------------------------------------------

    async def _build(self) -> Export | None:
        lease, reply = self._grant.lease, self._grant.reply
        if lease.export_from is None or reply.start is None or reply.end is None:
            return None
        earliest = _us(lease.export_from)
        start, end = max(_us(reply.start), earliest), min(_us(reply.end), _us(time.time()))
        if start >= end:
            return None
        question = Question(reply.camera, reply.quality.value, start, end, earliest, self._with_sound)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_makers, build_export, self._archive, question)

    def _answer(self, export: Export, head: RequestHead) -> Answer:
        headers = {
            "Accept-Ranges": "bytes",
            "ETag": export.etag,
            "Content-Disposition": f'attachment; filename="{_name_of(self._grant.reply.camera, export)}"',
        }
        asked = head.one("range")
        condition = head.one("if-range")
        found = None if asked is None or condition not in {None, export.etag} else _RANGE.fullmatch(asked)
        body = _File(export, self)
        if found is None or not (found[1] or found[2]):
            return Answer(_MP4, body, headers=headers)
        span = _span_of(found[1], found[2], export.size)
        if span is None:
            return Answer(_MP4, b"", status=416, headers={**headers, "Content-Range": f"bytes */{export.size}"})
        start, end = span
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{export.size}"
        return Answer(_MP4, body, status=206, headers=headers, start=start, end=end)

    def may_send(self, export: Export, offset: int) -> bool:
        """By the lease of now: the right, the sound that is in the file, and how far back it goes."""
        grant = self._grant
        if not grant.allows(Permission.EXPORT) or grant.lease.export_from is None:
            return False
        if self._with_sound and not grant.allows(Permission.LISTEN):
            return False
        slid_s = min(grant.clock() - self._opened_at, SLIDES_S)
        return export.earliest_from(offset) >= _us(grant.lease.export_from - slid_s)

    async def _digest(self, export: Export) -> None:
        """Read it all once more, at half the speed there is, and have it signed."""
        loop = asyncio.get_running_loop()
        digest = hashlib.sha256()
        at = 0
        try:
            while at < export.size:
                began = time.monotonic()
                at += await loop.run_in_executor(_makers, _feed, digest, export, at)
                await asyncio.sleep(time.monotonic() - began)
        except (FootageGone, OSError):
            log.info("footage_gone", session=self._grant.session)
            return
        spans = [Span(start / 1e6, end / 1e6) for start, end in coarse(list(export.spans), MAX_SPANS)]
        await self._reports.finished(self._grant.session, digest.hexdigest(), export.size, spans)


class _File:
    """The bytes of an export, as one download may have them."""

    def __init__(self, export: Export, download: Download) -> None:
        self.size = export.size
        self.read = export.read
        self._export = export
        self._download = download

    def may_send(self, offset: int) -> bool:
        return self._download.may_send(self._export, offset)

    def close(self) -> None:
        """The files stay open for the next request, until the session ends."""


def _feed(digest: "hashlib._Hash", export: Export, at: int) -> int:
    data = export.read(at, _DIGEST_CHUNK)
    digest.update(data)
    return len(data)


def _span_of(first: str, last: str, size: int) -> tuple[int, int] | None:
    """(from, up to) of a range, cut to what there is; None: nothing of it is."""
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    return (start, end) if start < end else None


def _name_of(camera: str, export: Export) -> str:
    """From ids and times alone: nothing in it could end a header (threats V5.4)."""
    begun = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(export.spans[0][0] / 1e6))
    return f"{camera if _NAME.fullmatch(camera) else 'camera'}-{begun}.mp4"


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)
