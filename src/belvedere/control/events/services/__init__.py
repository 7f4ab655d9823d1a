"""Keeping what happened: said by nodes, by panels, or seen by ourselves; and forgetting it in time."""

from belvedere.control.events.services.keeping import end_unheard_events, purge_events
from belvedere.control.events.services.noticing import note_panel_state, notice_events
from belvedere.control.events.services.pictures import open_picture
from belvedere.control.events.services.reports import record_events

__all__ = [
    "end_unheard_events",
    "note_panel_state",
    "notice_events",
    "open_picture",
    "purge_events",
    "record_events",
]
