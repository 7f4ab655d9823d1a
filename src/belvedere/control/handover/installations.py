"""Installations: what somebody set up or serves for others, where each stands, and what he may do there (HC-28)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from belvedere.control.accounts.selectors import Person
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.handover.models import Handover, HandoverState, KeptReport, Kind
from belvedere.control.handover.report_seal import SealedReport
from belvedere.control.handover.selectors import HandoverView, list_handovers
from belvedere.control.organizations.selectors import list_organizations
from belvedere.control.providers.selectors import EngagementView, list_engagements

#: state → what the installer may do in it
ACTS: Final = {
    "not_invited": ("set_up", "invite"),
    # Whether they have an account is theirs to show (N1): whoever has not answered has none as far as he knows.
    "not_registered": ("set_up", "withdraw"),
    "invited": ("set_up", "withdraw"),
    "accepted": ("set_up", "ask", "leave"),
    "ended": ("ask",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One of them, as its installer sees it.

    owner         whom it was offered to, or who owns it; None while nobody was invited
    rights_until  when the installer's rights end; None: they do not, or are over
    """

    organization: str
    name: str
    state: str
    owner: Person | None
    handover: str
    rights_until: datetime | None
    engagements: list[EngagementView]

    @property
    def acts(self) -> tuple[str, ...]:
        """What he may do; to ask for more, he was engaged there once."""
        return tuple(act for act in ACTS[self.state] if self.engagements or act not in {"ask", "leave"})


def list_installations(actor: Principal) -> list[Installation]:
    """Organizations that he owns and hands over, has handed over, or serves; those that want an act of his first.

    A constant number of queries.
    """
    served: dict[str, list[EngagementView]] = {}
    for view in list_engagements(actor, "received"):
        if view.state in {"accepted", "expired", "left", "ended"}:
            served.setdefault(view.organization, []).append(view)
    found = {row.organization: row for row in _handed_over(actor, served)}
    for organization, views in served.items():
        if organization not in found:
            found[organization] = _served(views)
    order = list(ACTS)
    return sorted(found.values(), key=lambda row: (order.index(row.state), row.name.casefold()))


def _handed_over(actor: Principal, served: dict[str, list[EngagementView]]) -> list[Installation]:
    mine = {view.id: view for view in list_organizations(actor)}
    rows = []
    planned = {row.organization: row for row in reversed(list_handovers(actor)) if _is_mine(row)}
    for organization, row in planned.items():
        place = mine.get(organization)
        if row.state in {"draft", "pending"} and place and place.is_owned:
            rows.append(_waiting(row, served.get(organization, [])))
    kept = KeptReport.objects.filter(
        handover__giver=actor.id, handover__kind=Kind.ORGANIZATION, handover__state=HandoverState.ACCEPTED
    ).select_related("handover__receiver")
    for one in kept.order_by("made_at"):
        handover = one.handover
        if handover.organization_id not in mine or not mine[handover.organization_id].is_owned:
            rows.append(
                _done(
                    handover, one, served.get(handover.organization_id, []), is_member=handover.organization_id in mine
                )
            )
    return rows


def _is_mine(row: HandoverView) -> bool:
    return not row.is_received and row.kind == Kind.ORGANIZATION


def _waiting(row: HandoverView, engagements: list[EngagementView]) -> Installation:
    is_known = bool(row.receiver.id)
    state = "not_invited" if row.state == "draft" else "invited" if is_known else "not_registered"
    return Installation(
        organization=row.organization,
        name=row.organization_name,
        state=state,
        owner=None if row.state == "draft" else row.receiver,
        handover=row.id,
        rights_until=None,
        engagements=engagements,
    )


def _done(row: Handover, kept: KeptReport, engagements: list[EngagementView], *, is_member: bool) -> Installation:
    """By the name that it had then: what it is called now is its members' to know (VV 34)."""
    report = SealedReport(kept.text, kept.digest, kept.key, kept.signature).report
    until = [view.ends_at for view in engagements if view.state == "accepted"]
    if row.warranty_until and row.warranty_until > clock.now():
        until.append(row.warranty_until)
    owner = row.receiver
    return Installation(
        organization=row.organization_id,
        name=report.name,
        state="accepted" if until or is_member else "ended",
        owner=Person(owner.pk, owner.name, owner.email) if owner else None,
        handover=row.pk,
        rights_until=None if is_member else max(until, default=None),
        engagements=engagements,
    )


def _served(views: list[EngagementView]) -> Installation:
    until = [view.ends_at for view in views if view.state == "accepted"]
    latest = views[0]
    return Installation(
        organization=latest.organization,
        name=latest.organization_name,
        state="accepted" if until else "ended",
        owner=latest.giver,
        handover="",
        rights_until=max(until, default=None),
        engagements=views,
    )
