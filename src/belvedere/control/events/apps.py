from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "belvedere.control.events"
    label = "events"
