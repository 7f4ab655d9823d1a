"""Reads the codes in one picture: a process of its own, started by path, that trusts nothing of what it is given.

Picture on standard input, JSON list of texts on standard output. It starts with an empty environment and, before it
looks at the picture, gives up what it could do with a fault in a decoder: it can open no file and no socket, and has
one gigabyte and two seconds of a processor (N30).
"""

import io
import json
import resource
import sys

from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from zxingcpp import BarcodeFormat, BarcodeFormats, read_barcodes

MAX_PIXELS = 25_000_000
MAX_TEXTS = 8
CODES = BarcodeFormats((BarcodeFormat.QRCode, BarcodeFormat.DataMatrix, BarcodeFormat.Code128))
FORMATS = (
    JpegImagePlugin.JpegImageFile.format,
    PngImagePlugin.PngImageFile.format,
    WebPImagePlugin.WebPImageFile.format,
)


def main() -> None:
    """Exit code 2: no picture, or one that is too large."""
    data = sys.stdin.buffer.read()
    Image.preinit()  # it opens files: afterwards nothing can
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    try:
        picture = Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name])
        if picture.width * picture.height > MAX_PIXELS:
            sys.exit(2)
        grey = picture.convert("L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        sys.exit(2)
    codes = read_barcodes(grey, formats=CODES)
    json.dump([code.text[:500] for code in codes[:MAX_TEXTS]], sys.stdout)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
