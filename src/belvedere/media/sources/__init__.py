"""One supervised connection to each camera stream: RTSP by PyAV, in a thread of its own.

`reader` supervises, `connection` talks to the camera, `gate` and `remux` turn what comes into tracks and fragments,
`mailbox` hands them to the event loop. Nothing is decoded. Error texts of FFmpeg hold the camera's password, so nothing
but a SourceError leaves this room.
"""

from belvedere.media.sources.failure import SourceFailure
from belvedere.media.sources.probe import probe
from belvedere.media.sources.reader import CameraReader, Lost, Opened, SourceEvent

__all__ = ["CameraReader", "Lost", "Opened", "SourceEvent", "SourceFailure", "probe"]
