"""Fixtures of the browser tests; what they hand out stands in `running`."""

from e2e.running import chromium, demo, sign_in

__all__ = ["chromium", "demo", "sign_in"]
