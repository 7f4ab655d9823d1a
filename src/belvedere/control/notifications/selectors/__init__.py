"""Reading what one is told, how, where; and who is told of what."""

from belvedere.control.notifications.selectors.choices import Choice, PreferencesView, get_preferences
from belvedere.control.notifications.selectors.endpoints import (
    BrokerView,
    BrowserView,
    DeliveryView,
    WebhookView,
    get_broker,
    get_webhook,
    list_brokers,
    list_browsers,
    list_deliveries,
    list_webhooks,
)
from belvedere.control.notifications.selectors.lines import Line, LinePage, get_line, list_lines
from belvedere.control.notifications.selectors.matrix import (
    MatrixRow,
    MatrixThing,
    NotificationMatrix,
    get_notification_matrix,
)
from belvedere.control.notifications.selectors.matters import MatterView, get_matter, list_matters

__all__ = [
    "BrokerView",
    "BrowserView",
    "Choice",
    "DeliveryView",
    "Line",
    "LinePage",
    "MatrixRow",
    "MatrixThing",
    "MatterView",
    "NotificationMatrix",
    "PreferencesView",
    "WebhookView",
    "get_broker",
    "get_line",
    "get_matter",
    "get_notification_matrix",
    "get_preferences",
    "get_webhook",
    "list_brokers",
    "list_browsers",
    "list_deliveries",
    "list_lines",
    "list_matters",
    "list_webhooks",
]
