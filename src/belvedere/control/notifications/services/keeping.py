"""How long lines are kept, and how somebody's own things are forgotten."""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Count

from belvedere.control.access.guard import unguarded
from belvedere.control.core import clock
from belvedere.control.notifications.models import (
    Broker,
    Delivery,
    Notification,
    Preference,
    PushSubscription,
    Quiet,
    Webhook,
)

KEEP: Final = timedelta(days=30)
#: For each webhook: who mends its receiver looks at the last ones.
KEEP_DELIVERIES: Final = 50


@unguarded("the worker's own housekeeping")
def purge_notifications() -> None:
    """Delete lines and deliveries that nobody looks for any more."""
    Notification.objects.filter(last_at__lt=clock.now() - KEEP).delete()
    many = Delivery.objects.values("webhook").annotate(n=Count("pk")).filter(n__gt=KEEP_DELIVERIES)
    for webhook in many.order_by("webhook").values_list("webhook", flat=True):
        rows = Delivery.objects.filter(webhook=webhook)
        oldest = rows.order_by("-tried_at").values_list("tried_at", flat=True)[KEEP_DELIVERIES - 1]
        rows.filter(tried_at__lt=oldest).delete()


@unguarded("accounts are erased by the worker, once nobody can bring them back")
@transaction.atomic
def forget_account(payload: dict[str, str]) -> None:
    """Delete what an account that is no more was told, and where and how. Handler of `account.erased`."""
    for model in (Notification, Preference, Quiet, PushSubscription, Webhook, Broker):
        model.objects.filter(account_id=payload["account"]).delete()
