"""Packets of a camera → what a browser plays: one init segment, then one fragment for each frame. No I/O.

A fragment stream carries one track. `h264` and `h265` read NAL units, `assembler` turns packets into access units,
`init` writes ftyp+moov, `fragment` writes moof+mdat.
"""

from belvedere.media.fmp4.assembler import CODECS, AccessUnit, Assembler
from belvedere.media.fmp4.fragment import Fragment, write_fragment
from belvedere.media.fmp4.init import Track, write_init

__all__ = ["CODECS", "AccessUnit", "Assembler", "Fragment", "Track", "write_fragment", "write_init"]
