"""The composition of the control plane: when Django is ready, guard and outbox learn who answers for what."""

import logging

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "belvedere.control.web"
    label = "web"

    def ready(self) -> None:
        """Compose, now that every model is there."""
        from belvedere.control.composition import compose
        from belvedere.control.web.errors import name_route

        compose()
        for name in ("django.request", "django.security.csrf"):
            logging.getLogger(name).addFilter(name_route)
