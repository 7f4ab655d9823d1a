"""Viewing sessions: ticket, then presence, then ledger, in one row. Leases out, receipts in (ADR 0003)."""
