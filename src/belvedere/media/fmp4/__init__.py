"""Packets of a camera → what a browser plays: one init segment, then one fragment for each frame. No I/O.

A fragment stream carries one track. `h264` reads NAL units, `assembler` turns packets into access units, `init` writes
ftyp+moov, `fragment` writes moof+mdat.
"""

from belvedere.media.fmp4.assembler import AccessUnit, H264Assembler
from belvedere.media.fmp4.fragment import Fragment, write_fragment
from belvedere.media.fmp4.init import Track, write_init

__all__ = ["AccessUnit", "Fragment", "H264Assembler", "Track", "write_fragment", "write_init"]
