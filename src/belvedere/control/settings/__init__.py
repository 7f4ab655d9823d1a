"""Django settings: base, and what tests change. Everything an operator sets comes from `belvedere.config`."""
