from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "belvedere.control.outbox"
    label = "outbox"
