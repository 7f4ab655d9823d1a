"""Security panels: the connections to their brokers, what they say of themselves, and what they are told."""

from belvedere.media.panels.keeper import PanelKeeper

__all__ = ["PanelKeeper"]
