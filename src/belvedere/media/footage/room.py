"""Room for the index: on a disk without a byte left SQLite opens nothing, and nobody would know what to delete."""

import contextlib
import os
from collections.abc import Iterator
from typing import Final

import structlog

from belvedere.contracts.sessions import Quality
from belvedere.media.footage.volume import Volume, day_start, is_camera, parse_name

log = structlog.get_logger()

#: Enough for an index and its log.
_WANTED: Final = 16 * 1024 * 1024
_WANTED_SHARE: Final = 1 / 16


def make_room(volume: Volume) -> None:
    """Before the index is opened: delete the oldest footage, found by its names, until it fits.

    The rows of what goes are dropped by repair. Raises OSError.
    """
    free, total = volume.free()
    wanted = min(_WANTED, int(total * _WANTED_SHARE))
    if free >= wanted:
        return
    log.error("footage_goes_early", path=str(volume.path), free_mb=free // 1_000_000)
    for begin_us, camera, quality in sorted(_days(volume)):
        with volume.folder(camera, quality, begin_us) as folder:
            for entry in volume.entries(folder):
                name = parse_name(entry.name)
                if name is None or name.duration_ms is None or not entry.is_file(follow_symlinks=False):
                    continue
                volume.disk.unlink(entry.name, folder)
                if volume.free()[0] >= wanted:
                    return


def _days(volume: Volume) -> Iterator[tuple[int, str, Quality]]:
    """(its beginning, camera, quality) of each day's folder."""
    for entry in volume.entries(volume.fd):
        if not is_camera(entry.name):
            continue
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            camera = volume.disk.open_folder(entry.name, volume.fd)
            held.callback(os.close, camera)
            for quality in Quality:
                with contextlib.suppress(OSError), contextlib.ExitStack() as inner:
                    folder = volume.disk.open_folder(quality.value, camera)
                    inner.callback(os.close, folder)
                    for day in volume.entries(folder):
                        begin_us = day_start(day.name)
                        if begin_us is not None and day.is_dir(follow_symlinks=False):
                            yield begin_us, entry.name, quality
