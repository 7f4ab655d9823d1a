"""Devices and cameras: bound to exactly one owner, reachable, sealed, carried by a media node."""
