"""Handover: what changes its owner, and what is proven before and after."""

from belvedere.control.handover.models.access_tests import AccessTest, AccessTestResult, Way
from belvedere.control.handover.models.reports import KeptReport
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

__all__ = [
    "OPEN",
    "AccessTest",
    "AccessTestResult",
    "Afterwards",
    "Decision",
    "Handover",
    "HandoverState",
    "KeptReport",
    "Kind",
    "Subject",
    "Verdict",
    "Way",
]
