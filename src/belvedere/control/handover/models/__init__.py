"""Handover: what changes its owner, and what is proven before and after."""

from belvedere.control.handover.models.transfers import (
    OPEN,
    Afterwards,
    Decision,
    Handover,
    HandoverState,
    Kind,
    Subject,
    Verdict,
)

__all__ = ["OPEN", "Afterwards", "Decision", "Handover", "HandoverState", "Kind", "Subject", "Verdict"]
