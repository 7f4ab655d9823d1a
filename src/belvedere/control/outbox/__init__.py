"""The one queue: message, retry and schedule. Rows are written with the change and run after the commit (ADR 0011)."""
