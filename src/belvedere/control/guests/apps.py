from django.apps import AppConfig


class GuestsConfig(AppConfig):
    name = "belvedere.control.guests"
    label = "guests"
