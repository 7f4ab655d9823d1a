from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "belvedere.control.access"
    label = "access"
