"""Where one is told: one's own browsers, webhooks and brokers. What is sealed stays sealed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from belvedere.contracts.camera_events import EventKind
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal
from belvedere.control.notifications.models import Broker, Delivery, PushSubscription, Webhook

#: of one webhook: enough to see what is the matter
LAST_DELIVERIES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserView:
    """A browser of one's own that is pushed to."""

    id: str
    agent: str
    host: str
    is_discreet: bool
    is_this: bool
    is_failing: bool
    created_at: datetime
    last_sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookView:
    """A program of one's own. `kinds` empty: of all."""

    id: str
    name: str
    shown_url: str
    kinds: list[EventKind]
    is_enabled: bool
    is_failing: bool
    created_at: datetime
    last_sent_at: datetime | None
    former_until: datetime | None

    @property
    def is_rotating(self) -> bool:
        """Whether the secret before this one is still good."""
        return self.former_until is not None and self.former_until > clock.now()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """One message to a webhook, and its last try. `kind` None: a test. `status` None: no answer came, see `why`."""

    id: str
    kind: EventKind | None
    status: int | None
    why: str
    attempts: int
    tried_at: datetime

    @property
    def is_taken(self) -> bool:
        """Whether it was told that all is well."""
        return self.status is not None and 200 <= self.status < 300


def list_browsers(actor: Principal) -> list[BrowserView]:
    """The latest first."""
    return [
        BrowserView(
            id=row.pk,
            agent=row.agent,
            host=row.host,
            is_discreet=row.is_discreet,
            is_this=row.credential == actor.credential,
            is_failing=row.failures > 0,
            created_at=row.created_at,
            last_sent_at=row.last_sent_at,
        )
        for row in PushSubscription.objects.filter(account=actor.id).order_by("-created_at")
    ]


def list_webhooks(actor: Principal) -> list[WebhookView]:
    """The latest first."""
    return [_view(row) for row in Webhook.objects.filter(account=actor.id).order_by("-created_at")]


def get_webhook(actor: Principal, webhook: str) -> WebhookView:
    """One of them. Raises NotFound."""
    row = Webhook.objects.filter(pk=webhook, account=actor.id).first()
    if row is None:
        raise NotFound
    return _view(row)


def list_deliveries(actor: Principal, webhook: str) -> list[DeliveryView]:
    """What was sent to one of them of late, the latest first. Raises NotFound."""
    view = get_webhook(actor, webhook)
    return [
        DeliveryView(
            id=row.pk,
            kind=EventKind(row.kind) if row.kind else None,
            status=row.status,
            why=row.why,
            attempts=row.attempts,
            tried_at=row.tried_at,
        )
        for row in Delivery.objects.filter(webhook=view.id).order_by("-tried_at")[:LAST_DELIVERIES]
    ]


def _view(row: Webhook) -> WebhookView:
    return WebhookView(
        id=row.pk,
        name=row.name,
        shown_url=row.shown_url,
        kinds=[EventKind(name) for name in row.kinds.split(",") if name],
        is_enabled=row.disabled_at is None,
        is_failing=row.failures > 0,
        created_at=row.created_at,
        last_sent_at=row.last_sent_at,
        former_until=row.former_until,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerView:
    """A broker of one's own, without its login."""

    id: str
    name: str
    shown_address: str
    prefix: str
    is_announced: bool
    is_enabled: bool
    is_failing: bool
    created_at: datetime
    last_sent_at: datetime | None


def list_brokers(actor: Principal) -> list[BrokerView]:
    """The latest first."""
    return [_broker(row) for row in Broker.objects.filter(account=actor.id).order_by("-created_at")]


def get_broker(actor: Principal, broker: str) -> BrokerView:
    """One of them. Raises NotFound."""
    row = Broker.objects.filter(pk=broker, account=actor.id).first()
    if row is None:
        raise NotFound
    return _broker(row)


def _broker(row: Broker) -> BrokerView:
    return BrokerView(
        id=row.pk,
        name=row.name,
        shown_address=row.shown_address,
        prefix=row.prefix,
        is_announced=row.is_announced,
        is_enabled=row.disabled_at is None,
        is_failing=row.failures > 0,
        created_at=row.created_at,
        last_sent_at=row.last_sent_at,
    )
