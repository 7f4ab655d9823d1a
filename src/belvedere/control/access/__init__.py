"""Rights. Every right is a Grant; nothing else gives access; no grant means nothing (ADR 0002).

Resources are opaque ids here: callers bring a resource *path* (camera, site, organization), and this room reads no
table above its own.
"""
