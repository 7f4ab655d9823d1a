"""Handover: what changes its owner, and what is proven before and after."""

from belvedere.control.handover.models.transfers import Afterwards, Handover, Kind

__all__ = ["Afterwards", "Handover", "Kind"]
