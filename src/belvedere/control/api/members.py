"""`/organizations/{id}/members` and `/members`: who belongs, as what, and where."""

from collections import Counter
from datetime import datetime
from typing import Literal, Self

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router
from pydantic import Field

from belvedere.control.access.roles import Role
from belvedere.control.api.auth import actor_of
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, seal, unseal
from belvedere.control.api.schemas import Id, In, Out, PersonOut, ReceiptOut, problems
from belvedere.control.core.errors import Invalid
from belvedere.control.organizations import services
from belvedere.control.organizations.selectors import MemberFilter, MemberView, get_member, list_members
from belvedere.control.organizations.services import Wish
from belvedere.control.organizations.standing import Standing
from belvedere.control.streaming.selectors import list_cuts

router = Router(tags=["members"])
MAX_SITES = 500


class OverrideIn(In):
    """Another role on one site."""

    site: Id
    role: Role


class StandingIn(In):
    """A role, the sites it holds on, and other roles on single sites; null leaves what is."""

    role: Role | None = None
    sites: Literal["all"] | list[Id] | None = Field(default=None, max_length=MAX_SITES)
    overrides: list[OverrideIn] | None = Field(default=None, max_length=MAX_SITES)

    def to_wish(self) -> Wish:
        """As services take it. Raises Invalid for a site that stands twice among the overrides."""
        rows = self.overrides
        if rows and max(Counter(row.site for row in rows).values()) > 1:
            raise Invalid(_("A site stands here twice."), field="overrides")
        overrides = None if rows is None else {row.site: row.role for row in rows}
        return Wish(role=self.role, sites=self.sites, overrides=overrides)


class MemberPatch(StandingIn):
    """What a member is to be from now on.

    `version` is the one that was looked at; `adopt_shares` takes over what the member shared and may not any more.
    """

    version: int | None = None
    adopt_shares: bool = False


class OverrideOut(Out):
    """Another role on one site."""

    site: str
    role: Role


class StandingOut(Out):
    """A role, the sites it holds on, and other roles on single sites: as far as the caller manages them."""

    role: Role
    sites: Literal["all"] | list[str]
    overrides: list[OverrideOut]

    @classmethod
    def of_standing(cls, standing: Standing) -> Self:
        """From what selectors return."""
        return cls(
            role=standing.role,
            sites="all" if standing.sites is None else sorted(standing.sites),
            overrides=[OverrideOut(site=site, role=role) for site, role in sorted(standing.overrides.items())],
        )


class MemberOut(StandingOut):
    """A member, as one may see him who manages some of his sites; or oneself."""

    id: str
    organization: str
    account: PersonOut
    since: datetime
    last_seen_at: datetime | None
    version: int
    may_change: bool
    may_remove: bool

    @classmethod
    def of(cls, view: MemberView) -> "MemberOut":
        """From what selectors return."""
        return cls(
            **dict(StandingOut.of_standing(view.standing)),
            id=view.id,
            organization=view.organization,
            account=PersonOut.of(view.account),
            since=view.since,
            last_seen_at=view.last_seen_at,
            version=view.version,
            may_change=view.may_change,
            may_remove=view.may_remove,
        )


class MembersOut(Out):
    """A page of members."""

    items: list[MemberOut]
    next: str | None = None


@router.get("/organizations/{organization_id}/members", response={200: MembersOut, **problems(400, 401, 403, 404, 422)})
def members(
    request: HttpRequest,
    organization_id: str,
    text: str = "",
    role: Role | None = None,
    site: str = "",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> MembersOut:
    """Who belongs, by name, for those who manage members: part of a name or address, a role, a site to look for."""
    actor = actor_of(request)
    look_for = MemberFilter(text=text, role=role or "", site=site)
    listing = f"members:{organization_id}:{look_for}"
    page = list_members(
        actor,
        organization_id,
        look_for=look_for,
        after=unseal(cursor, actor=actor, listing=listing) if cursor else "",
        limit=max(1, min(limit, MAX_LIMIT)),
    )
    return MembersOut(
        items=[MemberOut.of(row) for row in page.items],
        next=seal(page.after, actor=actor, listing=listing) if page.after else None,
    )


@router.get("/members/{member_id}", response={200: MemberOut, **problems(401, 404)})
def member(request: HttpRequest, member_id: str) -> MemberOut:
    """One member."""
    return MemberOut.of(get_member(actor_of(request), member_id))


@router.patch("/members/{member_id}", response={200: ReceiptOut, **problems(401, 403, 404, 409, 422)})
def change_member(request: HttpRequest, member_id: str, body: MemberPatch) -> ReceiptOut:
    """Another role, other sites. It acts at once, on running streams too; the receipt says on which."""
    change_id = services.change_member(
        actor_of(request),
        member=member_id,
        wish=body.to_wish(),
        version=body.version,
        adopt_shares=body.adopt_shares,
    )
    return ReceiptOut.of("changed", change_id, list_cuts(change_id))


@router.delete("/members/{member_id}", response={200: ReceiptOut, **problems(401, 403, 404, 409, 422)})
def remove_member(
    request: HttpRequest, member_id: str, version: int | None = None, adopt_shares: bool = False
) -> ReceiptOut:
    """Remove a member, or leave: everything of the membership ends at once. The account lives on."""
    actor = actor_of(request)
    state = "left" if get_member(actor, member_id).is_me else "removed"
    change_id = services.remove_member(actor, member=member_id, version=version, adopt_shares=adopt_shares)
    return ReceiptOut.of(state, change_id, list_cuts(change_id))
