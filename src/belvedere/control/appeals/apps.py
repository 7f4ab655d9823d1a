from django.apps import AppConfig


class AppealsConfig(AppConfig):
    name = "belvedere.control.appeals"
    label = "appeals"
