from django.apps import AppConfig


class StreamingConfig(AppConfig):
    name = "belvedere.control.streaming"
    label = "streaming"
