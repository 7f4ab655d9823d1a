"""The composition of the control plane: when Django is ready, guard and outbox learn who answers for what."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "belvedere.control.web"
    label = "web"

    def ready(self) -> None:
        """Compose, now that every model is there."""
        from belvedere.control.composition import compose

        compose()
