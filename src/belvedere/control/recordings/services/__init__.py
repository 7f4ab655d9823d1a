"""Changing how cameras are recorded; tickets for the past; what media nodes ask and say of footage and exports."""

from belvedere.control.recordings.services.erasing import erase_footage
from belvedere.control.recordings.services.exports import record_export_opened, record_export_progress, sign_export
from belvedere.control.recordings.services.reports import list_plans, record_footage
from belvedere.control.recordings.services.settings import change_recording_settings
from belvedere.control.recordings.services.tickets import (
    NothingThere,
    open_export,
    open_past_list,
    open_past_picture,
    open_playback,
    open_ticket,
)

__all__ = [
    "NothingThere",
    "change_recording_settings",
    "erase_footage",
    "list_plans",
    "open_export",
    "open_past_list",
    "open_past_picture",
    "open_playback",
    "open_ticket",
    "record_export_opened",
    "record_export_progress",
    "record_footage",
    "sign_export",
]
