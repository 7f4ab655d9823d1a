"""What can go wrong with a camera, as one stable word. FFmpeg's texts contain the password and end here."""

from typing import Final

import av

from belvedere.contracts.events import SourceError


class SourceFailure(Exception):  # noqa: N818  an event in a camera's life, not an error of ours
    """A camera stream ended, or never began. Carries the word, and nothing else."""

    def __init__(self, code: SourceError) -> None:
        super().__init__(code.value)
        self.code = code


#: The first that fits; what fits none is FAILED.
_MEANINGS: Final[tuple[tuple[type[Exception], SourceError], ...]] = (
    (av.error.HTTPUnauthorizedError, SourceError.WRONG_PASSWORD),
    (av.error.HTTPForbiddenError, SourceError.WRONG_PASSWORD),
    (av.error.HTTPNotFoundError, SourceError.NO_SUCH_STREAM),
    (av.error.ConnectionRefusedError, SourceError.REFUSED),
    (av.error.ConnectionResetError, SourceError.DROPPED),
    (av.error.ConnectionAbortedError, SourceError.DROPPED),
    (av.error.BrokenPipeError, SourceError.DROPPED),
    (av.error.EOFError, SourceError.DROPPED),
    (av.error.ExitError, SourceError.STALLED),
    (av.error.TimeoutError, SourceError.UNREACHABLE),
    (av.error.InvalidDataError, SourceError.NOT_RTSP),
    (av.error.OSError, SourceError.UNREACHABLE),
)


def failure_of(error: Exception, *, took_s: float = 0.0, timeout_s: float = float("inf")) -> SourceFailure:
    """Put FFmpeg's error into one of our words.

    A server that never answers looks like one that talks nonsense (InvalidDataError), but only after the timeout.
    """
    code = next((code for kind, code in _MEANINGS if isinstance(error, kind)), SourceError.FAILED)
    if code is SourceError.NOT_RTSP and took_s >= timeout_s:
        code = SourceError.STALLED
    return SourceFailure(code)
