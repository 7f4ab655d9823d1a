"""Ids, as both planes make them."""

from belvedere.contracts.ids import LENGTH, is_id, new_id

__all__ = ["LENGTH", "is_id", "new_id"]
