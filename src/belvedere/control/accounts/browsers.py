"""What a browser is called by a person, from what it says of itself. Coarse on purpose: it tells two devices apart."""

from typing import Final

#: The order matters: most claim to be Safari too.
_PROGRAMS: Final = {
    "Firefox/": "Firefox",
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
#: Android says Linux, too.
_SYSTEMS: Final = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS": "Mac",
    "Linux": "Linux",
}


def browser_of(agent: str) -> str:
    """A User-Agent header as “Firefox, Linux”; "" where it names no browser that we know."""
    program = next((name for mark, name in _PROGRAMS.items() if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS.items() if mark in agent), "")
    return ", ".join(filter(None, (program, system))) if program else ""
