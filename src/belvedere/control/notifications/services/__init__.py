"""Telling, and being told as one likes."""

from belvedere.control.notifications.services.brokers import (
    change_broker,
    create_broker,
    remove_broker,
    send_broker_test,
    take_back_announced,
)
from belvedere.control.notifications.services.browsers import subscribe_browser, unsubscribe_browser
from belvedere.control.notifications.services.keeping import forget_account, purge_notifications
from belvedere.control.notifications.services.matters import (
    forget_matters,
    purge_matters,
    tell_of_matter,
    tell_of_own_rights,
    tell_of_rights,
)
from belvedere.control.notifications.services.preferences import (
    AS_IS,
    change_preferences,
    choose_channels,
    send_test,
    set_quiet_hours,
    snooze,
    stop_mails,
)
from belvedere.control.notifications.services.taking_back import (
    see_line,
    see_matter,
    take_back_changed,
    take_back_frozen,
    take_back_lost,
    take_back_of_account,
    take_back_stale,
)
from belvedere.control.notifications.services.telling import tell_of_events
from belvedere.control.notifications.services.webhooks import (
    change_webhook,
    create_webhook,
    remove_webhook,
    renew_webhook_secret,
    send_webhook_test,
)

__all__ = [
    "AS_IS",
    "change_broker",
    "change_preferences",
    "change_webhook",
    "choose_channels",
    "create_broker",
    "create_webhook",
    "forget_account",
    "forget_matters",
    "purge_matters",
    "purge_notifications",
    "remove_broker",
    "remove_webhook",
    "renew_webhook_secret",
    "see_line",
    "see_matter",
    "send_broker_test",
    "send_test",
    "send_webhook_test",
    "set_quiet_hours",
    "snooze",
    "stop_mails",
    "subscribe_browser",
    "take_back_announced",
    "take_back_changed",
    "take_back_frozen",
    "take_back_lost",
    "take_back_of_account",
    "take_back_stale",
    "tell_of_events",
    "tell_of_matter",
    "tell_of_own_rights",
    "tell_of_rights",
    "unsubscribe_browser",
]
