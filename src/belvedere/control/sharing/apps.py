from django.apps import AppConfig


class SharingConfig(AppConfig):
    name = "belvedere.control.sharing"
    label = "sharing"
