"""Reading a device's label from a picture of it. It is somebody's upload: a child process looks at it (N30)."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.core import limits
from belvedere.control.core.errors import Invalid
from belvedere.control.core.principal import Principal
from belvedere.control.devices.labels import Label, parse_label

#: by path and not imported: its decoders are loaded where they can do no harm, and nowhere else
_CHILD: Final = Path(__file__).parent.parent / "label_child.py"
MAX_PICTURE: Final = 5 * 1024 * 1024
#: one of many, from a camera that is held before a label
MAX_FRAME: Final = 512 * 1024
#: beside its two seconds of a processor: a machine that is busy with other things may take longer to give them
_WALL_S: Final = 8.0
_STARTS: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")


@unguarded("whoever is signed in may have a picture read; nothing of it is kept, and it opens nothing")
def read_label(actor: Principal, *, picture: bytes, is_frame: bool = False) -> Label:
    """The first code in the picture that leads anywhere, else the first. Raises Invalid, RateLimited.

    is_frame  whether it is one of those that a camera sends twice a second: smaller, and more of them for a while
    """
    if is_frame:
        limits.hit("device.scan", actor.id, limit=360, per_s=600)
    else:
        limits.hit("device.label", actor.id, limit=60, per_s=3600)
    if len(picture) > (MAX_FRAME if is_frame else MAX_PICTURE) or not picture.startswith(_STARTS):
        raise Invalid(_("Choose a PNG, JPEG or WebP picture of at most 5 MiB."), field="picture")
    labels = [parse_label(text) for text in _read(picture)]
    if not labels:
        raise Invalid(_("No code was found in that picture. Come closer, and hold still."), field="picture")
    return next((label for label in labels if label.is_known), labels[0])


def _read(picture: bytes) -> list[str]:
    command = [sys.executable, "-I", str(_CHILD)]
    try:
        done = subprocess.run(
            command, input=picture, capture_output=True, timeout=_WALL_S, check=False, env={}, cwd=Path("/")
        )
    except subprocess.TimeoutExpired:
        done = None
    if done is None or done.returncode:
        # What went wrong in it could quote the picture: the fact is enough.
        raise Invalid(_("That picture could not be read. It may be too large, or broken."), field="picture") from None
    texts: list[str] = json.loads(done.stdout)
    return texts
