"""What a row of a plan is: one thing that hangs on what goes, with what may be decided on it, and what was."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from belvedere.contracts.permissions import Permission
from belvedere.control.handover.models import Decision, Subject, Verdict

KEEP: Final = (Verdict.CARRY_OVER, Verdict.END, Verdict.END_ON)
END: Final = (Verdict.END,)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One thing that hangs on what goes."""

    subject: Subject
    id: str
    #: whose: a person's name, or of a link what its giver calls it; and his address, if he has one
    who: str
    address: str
    account: str
    #: what it gives, in all, on which cameras and panels (names), until when
    permissions: Permission
    things: tuple[str, ...]
    role: str
    ends_at: datetime | None
    #: whose share or link it is
    giver: str
    #: what may be decided; END alone is what will be, and needs no decision
    verdicts: tuple[Verdict, ...]
    #: why nothing but the end is possible: `receiver`, `moves`, `link`, `pending`, `giver_leaves`, `member_ends`, …
    why: str = ""
    facts: str
    verdict: Verdict | None = None
    until: datetime | None = None
    #: it was decided, on what is not so any more
    is_changed: bool = False

    @property
    def key(self) -> str:
        """How forms and the API name it."""
        return f"{self.subject.value}:{self.id}"

    @property
    def is_open(self) -> bool:
        """Whether it keeps the plan from being offered."""
        return self.verdict is None


def digest(facts: Any) -> str:
    """SHA-256 of what was so, in hex."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def settle(found: PlanRow, decided: dict[tuple[str, str], Decision]) -> PlanRow:
    """With what was decided, if it was on these facts and is still possible."""
    if found.verdicts == END:
        return replace(found, verdict=Verdict.END)
    one = decided.get((found.subject, found.id))
    if one is None:
        return found
    if one.facts != found.facts or one.verdict not in found.verdicts:
        return replace(found, is_changed=True)
    return replace(found, verdict=Verdict(one.verdict), until=one.ends_at)
