"""How the planes talk: a NATS connection with typed messages, and the server when we bring our own.

Control, worker and media come in here; nobody else. Video never crosses the bus. Every message is state that may come
twice, late or never; a subscription counts only once a message to oneself came back over it.
"""

from belvedere.bus.connection import Bus, BusError, BusLost, BusRefused, BusTimeout, BusUser
from belvedere.bus.threads import BusThread

__all__ = ["Bus", "BusError", "BusLost", "BusRefused", "BusThread", "BusTimeout", "BusUser"]
