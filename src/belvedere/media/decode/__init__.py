"""Pictures out of footage: the only place where what a camera sent is decoded, and it happens in a child process.

The child has no network, no keys, no footage and no files (N30). `decoder` keeps it, `child` is it.
"""

from belvedere.media.decode.decoder import Decoder, Undecodable

__all__ = ["Decoder", "Undecodable"]
