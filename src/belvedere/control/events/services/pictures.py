"""A picture of an event: what was recorded when it began. It is a look into the past, decided as any other."""

from belvedere.control.access.guard import unguarded
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal
from belvedere.control.events.selectors import get_event
from belvedere.control.recordings.services import open_past_picture
from belvedere.control.streaming.services import Ticket


@unguarded("the event is found by the rule of its selector, and the ticket asks for playback on its camera")
def open_picture(actor: Principal, *, event: str, origin: str | None = None) -> Ticket:
    """A ticket for one picture, good once. Raises NotFound, NothingThere, RateLimited, Unavailable."""
    view = get_event(actor, event)
    if view.camera is None:
        raise NotFound
    return open_past_picture(actor, camera=view.camera, at=view.start, origin=origin)
