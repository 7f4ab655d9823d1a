from django.apps import AppConfig


class DevicesConfig(AppConfig):
    name = "belvedere.control.devices"
    label = "devices"
