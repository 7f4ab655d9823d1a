from django.apps import AppConfig


class HandoverConfig(AppConfig):
    name = "belvedere.control.handover"
    label = "handover"
