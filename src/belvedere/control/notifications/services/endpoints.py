"""How endpoints fare: who is gone is dropped, who does not answer for days is given up."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from belvedere.control.access.guard import unguarded
from belvedere.control.core import clock
from belvedere.control.notifications.channels import Channel
from belvedere.control.notifications.models import Broker, BrokerThing, Delivery, PushSubscription, Webhook

MAX_FAILURES: Final = 50
MAX_FAILING: Final = timedelta(days=3)
_ROWS: Final = {
    Channel.PUSH: PushSubscription.objects,
    Channel.WEBHOOK: Webhook.objects,
    Channel.MQTT: Broker.objects,
}


@dataclass(frozen=True, slots=True)
class Tried:
    """One message to one webhook, and how it went: `status`, or why there is none."""

    message: str
    webhook: str
    kind: str
    attempts: int
    status: int | None = None
    why: str = ""


@unguarded("what an endpoint answered, kept for whose it is")
@transaction.atomic
def note_tried(tried: Collection[Tried]) -> None:
    """Keep how it went last; what was tried again is still one delivery."""
    # Held until the end: a webhook that is removed meanwhile takes its deliveries along.
    webhooks = Webhook.objects.select_for_update().filter(pk__in={one.webhook for one in tried})
    kept = set(webhooks.values_list("pk", flat=True)) if tried else set()
    rows = [
        Delivery(
            id=one.message,
            webhook_id=one.webhook,
            kind=one.kind,
            status=one.status,
            why=one.why,
            attempts=one.attempts,
            tried_at=clock.now(),
        )
        for one in tried
        if one.webhook in kept
    ]
    Delivery.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["id"], update_fields=["status", "why", "attempts", "tried_at"]
    )


@unguarded("what an endpoint answered")
def note_answered(targets: Collection[tuple[Channel, str]]) -> None:
    """They took what was sent. A broker that was away is asked at once what it is to forget still."""
    brokers = [target for kind, target in targets if kind is Channel.MQTT]
    back = BrokerThing.objects.filter(broker__in=brokers, broker__failures__gt=0, taken_back_at__isnull=False)
    if brokers:
        back.update(look_at=clock.now())
    for channel, rows in _ROWS.items():
        if named := [target for kind, target in targets if kind is channel]:
            rows.filter(pk__in=named).update(last_sent_at=clock.now(), failures=0, failing_since=None)


@unguarded("what an endpoint answered")
def note_gone(channel: Channel, target: str, status: int) -> None:
    """It says that it is no more. A webhook says so by 410 alone: a 404 may be a mistake that is mended."""
    if channel is Channel.PUSH:
        PushSubscription.objects.filter(pk=target).delete()
    elif channel is Channel.WEBHOOK and status == 410:
        Webhook.objects.filter(pk=target, disabled_at=None).update(disabled_at=clock.now())
    else:
        note_failed(channel, target)


@unguarded("what an endpoint did not answer")
@transaction.atomic
def note_failed(channel: Channel, target: str) -> None:
    """Once more nothing, or nothing good. After fifty times or three days it is given up."""
    if channel not in _ROWS:
        return
    at = clock.now()
    row = _ROWS[channel].filter(pk=target)
    row.filter(failing_since=None).update(failing_since=at)
    row.update(failures=F("failures") + 1)
    tired = Q(failures__gte=MAX_FAILURES) | Q(failing_since__lte=at - MAX_FAILING)
    if channel is Channel.PUSH:
        row.filter(tired).delete()
    else:
        row.filter(tired, disabled_at=None).update(disabled_at=at)
