"""Which codecs this build of FFmpeg brings."""

from typing import Final

import av.codec

#: what cameras send and browsers play, by FFmpeg's names
NEEDED: Final = ("h264", "hevc", "aac", "pcm_alaw", "pcm_mulaw")


def list_missing_codecs() -> list[str]:
    """Those of `NEEDED` that cannot be read here."""
    return [name for name in NEEDED if name not in av.codec.codecs_available]
