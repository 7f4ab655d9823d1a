"""Where one is told: one's own browsers and webhooks. What is sealed stays sealed."""

from dataclasses import dataclass
from datetime import datetime

from belvedere.contracts.camera_events import EventKind
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal
from belvedere.control.notifications.models import PushSubscription, Webhook


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
