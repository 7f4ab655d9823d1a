"""How long lines are kept, and how somebody's own things are forgotten."""

from datetime import timedelta
from typing import Final

from django.db import transaction

from belvedere.control.access.guard import unguarded
from belvedere.control.core import clock
from belvedere.control.notifications.models import Notification, Preference, PushSubscription, Quiet, Webhook

KEEP: Final = timedelta(days=30)


@unguarded("the worker's own housekeeping")
def purge_notifications() -> None:
    """Delete lines that nobody looks for any more."""
    Notification.objects.filter(last_at__lt=clock.now() - KEEP).delete()


@unguarded("accounts are erased by the worker, once nobody can bring them back")
@transaction.atomic
def forget_account(payload: dict[str, str]) -> None:
    """Delete what an account that is no more was told, and where and how. Handler of `account.erased`."""
    for model in (Notification, Preference, Quiet, PushSubscription, Webhook):
        model.objects.filter(account_id=payload["account"]).delete()
