"""Whose turn it is to speak at each camera of this node: one at a time, for as long as he holds it."""

from typing import Protocol


class Speaker(Protocol):
    """Whoever may hold the floor."""


class Floor:
    """Of one node. A camera is on one node at a time, so its floor is, too."""

    def __init__(self) -> None:
        self._holders: dict[str, Speaker] = {}

    def take(self, camera: str, speaker: Speaker) -> bool:
        """Have the turn at a camera. False: somebody else has it."""
        return self._holders.setdefault(camera, speaker) is speaker

    def leave(self, camera: str, speaker: Speaker) -> None:
        """Give it up; nothing happens to who does not have it."""
        if self._holders.get(camera) is speaker:
            del self._holders[camera]

    def __len__(self) -> int:
        """How many speak now."""
        return len(self._holders)
