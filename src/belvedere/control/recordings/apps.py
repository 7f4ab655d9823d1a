from django.apps import AppConfig


class RecordingsConfig(AppConfig):
    name = "belvedere.control.recordings"
    label = "recordings"
