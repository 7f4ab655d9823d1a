"""Append-only: who did what to which thing, when, from where. One hash chain per organization (ADR in docs/decisions).

Only services of other apps write here; nothing edits or deletes an entry.
"""
