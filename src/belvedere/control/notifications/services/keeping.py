"""How long lines are kept."""

from datetime import timedelta
from typing import Final

from belvedere.control.access.guard import unguarded
from belvedere.control.core import clock
from belvedere.control.notifications.models import Notification

KEEP: Final = timedelta(days=30)


@unguarded("the worker's own housekeeping")
def purge_notifications() -> None:
    """Delete lines that nobody looks for any more."""
    Notification.objects.filter(last_at__lt=clock.now() - KEEP).delete()
