"""Installations: what somebody set up or serves for others, where each stands, and what he may do there (HC-28)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from belvedere.control.access.roles import Role
from belvedere.control.accounts.selectors import Person
from belvedere.control.core import clock
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.handover.models import Handover, HandoverState, KeptReport, Kind
from belvedere.control.handover.report_seal import SealedReport
from belvedere.control.handover.selectors import HandoverView, list_handovers
from belvedere.control.organizations.models import Invitation
from belvedere.control.organizations.selectors import list_organizations
from belvedere.control.providers.selectors import EngagementView, list_engagements

#: state → what the installer may do in it
ACTS: Final = {
    "not_invited": ("set_up", "invite"),
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
    """Organizations that he owns for others, has handed over, or serves; those that want an act of his first.

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
    owned = {pk: view.name for pk, view in mine.items() if view.is_owned and not view.is_personal}
    kept = list(
        KeptReport.objects.filter(
            handover__giver=actor.id, handover__kind=Kind.ORGANIZATION, handover__state=HandoverState.ACCEPTED
        )
        .select_related("handover__receiver")
        .order_by("made_at")
    )
    planned = {row.organization: row for row in reversed(list_handovers(actor)) if _is_planned(row)}
    invited = _list_invited(owned)
    rows = []
    # Whoever owns one place, and neither serves nor hands over, is its owner and no installer.
    if len(owned) > 1 or served or kept or planned:
        rows = [_own(pk, name, planned.get(pk), invited.get(pk, ""), served.get(pk, [])) for pk, name in owned.items()]
    for one in kept:
        place = one.handover.organization_id
        if place not in owned:
            rows.append(_done(one.handover, one, served.get(place, []), is_member=place in mine))
    return rows


def _is_planned(row: HandoverView) -> bool:
    return not row.is_received and row.kind == Kind.ORGANIZATION and row.state in {"draft", "pending"}


def _list_invited(organizations: Iterable[str]) -> dict[str, str]:
    """Organization → who is asked to be its Super Admin, which its next owner is first."""
    rows = Invitation.objects.filter(
        organization__in=list(organizations),
        state=OfferState.PENDING,
        role=Role.SUPER_ADMIN,
        expires_at__gt=clock.now(),
    )
    return dict(rows.order_by("offered_at").values_list("organization", "address"))


def _own(
    organization: str, name: str, plan: HandoverView | None, address: str, engagements: list[EngagementView]
) -> Installation:
    owner: Person | None
    if plan and plan.state == "pending":
        state, owner = "invited", plan.receiver
    elif address:
        # Whether they have an account is theirs to show (N1): who has not answered has none as far as anybody knows.
        state, owner = "not_registered", Person("", address, address)
    else:
        state, owner = "not_invited", plan.receiver if plan else None
    return Installation(
        organization=organization,
        name=name,
        state=state,
        owner=owner,
        handover=plan.id if plan else "",
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
