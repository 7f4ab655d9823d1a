from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    name = "belvedere.control.organizations"
    label = "organizations"
