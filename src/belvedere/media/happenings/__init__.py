"""What cameras say happens: whom to listen to, what makes one event of many words, and telling control."""

from belvedere.media.happenings.keeper import EventKeeper

__all__ = ["EventKeeper"]
