"""What the two planes say to each other, and nothing else: frozen, typed, strict.

Control and media import this room and never each other. Every message is idempotent state that may arrive
twice, late or never. Unknown fields are refused on arrival (msgspec, `forbid_unknown_fields`).
"""
