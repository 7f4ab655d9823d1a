"""Events in words."""

from datetime import datetime
from typing import TypedDict

from django.utils.functional import Promise

from belvedere.control.events.selectors import EventGlance
from belvedere.control.events.words import KINDS

__all__ = ["KINDS", "Activity", "activity_line"]


class Activity(TypedDict):
    """What happened last, for a tile."""

    words: Promise
    at: datetime


def activity_line(glance: EventGlance | None) -> Activity | None:
    """What happened last at a camera; None where nothing did lately."""
    return Activity(words=KINDS[glance.kind], at=glance.at) if glance else None
