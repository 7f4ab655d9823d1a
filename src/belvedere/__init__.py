"""Belvedere: a self-hosted cloud for cameras. The owner keeps the keys and shares the view."""

__version__ = "0.1.0"
