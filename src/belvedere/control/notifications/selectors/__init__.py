"""Reading what one is told, how, where; and who is told of what."""

from belvedere.control.notifications.selectors.choices import Choice, PreferencesView, get_preferences
from belvedere.control.notifications.selectors.lines import Line, LinePage, get_line, list_lines

__all__ = ["Choice", "Line", "LinePage", "PreferencesView", "get_line", "get_preferences", "list_lines"]
