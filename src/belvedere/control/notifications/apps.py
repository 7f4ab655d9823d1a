from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "belvedere.control.notifications"
    label = "notifications"
