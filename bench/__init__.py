"""Measurements, beside the peers they are held against. Never asserted in tests: see docs/reference/performance.md."""
