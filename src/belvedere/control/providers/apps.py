from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    name = "belvedere.control.providers"
    label = "providers"
