"""Backups, and the journal that keeps what ended from coming back with one (ADR 0031). No tables of its own."""
