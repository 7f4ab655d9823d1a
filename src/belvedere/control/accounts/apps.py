from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "belvedere.control.accounts"
    label = "accounts"
