from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "belvedere.control.audit"
    label = "audit"
