"""The command line: the composition root, and the only room that sees both planes.

Every import of a plane stands inside the command that needs it: `serve media` never loads Django, `serve control` never
loads FFmpeg. Exit codes: 0 done · 1 failed · 2 used wrongly, or a setting makes no sense · 3 port taken · 4 data folder
in use · 5 data folder unusable.
"""

# Each adds its commands to the group.
from belvedere.cli import backups, cameras, evidence, incident, keys, machine, people, serving
from belvedere.cli.root import main

__all__ = ["backups", "cameras", "evidence", "incident", "keys", "machine", "main", "people", "serving"]
