"""Why a camera cannot be spoken to, as one stable word. What the camera said ends here."""

from enum import StrEnum

from belvedere.contracts.events import SourceError


class TalkError(StrEnum):
    """What can be wrong besides a SourceError."""

    NO_BACKCHANNEL = "no_backchannel"
    #: it offers sounds that we do not make
    UNSUPPORTED_CODEC = "unsupported_codec"
    #: the camera says that somebody talks through it already, past us
    CAMERA_BUSY = "camera_busy"


class TalkFailure(Exception):  # noqa: N818  an answer of the camera's, not an error of ours
    """A way to a camera never was, or broke. Carries the word, and nothing else."""

    def __init__(self, code: SourceError | TalkError) -> None:
        super().__init__(code.value)
        self.code = code
