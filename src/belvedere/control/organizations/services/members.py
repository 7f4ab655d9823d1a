"""Changing what a member is, and removing him. Every change acts on running streams (VV 33, 34)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.access.roles import Role
from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.core import clock, sql
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.offers import OPEN_STATES, OfferState, move
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.models import Deputy, Invitation, Membership
from belvedere.control.organizations.selectors.members import (
    Management,
    Tenure,
    get_management,
    is_seen_by,
    list_tenures,
)
from belvedere.control.organizations.services.founding import hold_organization
from belvedere.control.organizations.services.projection import list_open_sites, project, write_standing
from belvedere.control.organizations.standing import NOBODY, WHOLE, Standing, may_change
from belvedere.control.outbox.services import enqueue

type Sites = Iterable[str] | Literal["all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A standing as somebody typed it. None = as it is now."""

    role: Role | None = None
    sites: Sites | None = None
    overrides: Mapping[str, Role] | None = None


def touch_membership(membership: str) -> None:
    """Hold this membership for the rest of the transaction. Raises Conflict if it is no longer in force.

    Called first by whatever rests on it, so that of *ending it* and *resting on it* whoever comes second sees the
    other (rule 5).
    """
    held = sql.change(
        "UPDATE organizations_membership SET version = version WHERE id = %s AND is_active = %s", membership, True
    )
    if not held:
        raise Conflict(_("The membership this rests on has ended."))


def read_wish(wish: Wish, *, before: Standing | None, sites: Collection[str]) -> Standing:
    """What a wish means to somebody who may know of these sites. `before` is what it changes; None: a new member.

    Raises Invalid; NotFound for any other site.
    """
    role = wish.role or (before.role if before else None)
    if role is None or role is Role.OWNER:
        raise Invalid(_("Choose a role. The owner is made by handing the organization over."), field="role")
    overrides = wish.overrides if wish.overrides is not None else {}
    if role in WHOLE:
        if wish.sites not in (None, "all") or overrides:
            raise Invalid(_("A Super Admin has every site: there is nothing to choose."), field="sites")
        return Standing(role)
    chosen = wish.sites
    if chosen is None and before:
        chosen = "all" if before.sites is None else before.sites
    if wish.overrides is None and before:
        overrides = before.overrides
    if any(held in WHOLE for held in overrides.values()):
        raise Invalid(_("That role holds on every site, or on none."), field="overrides")
    named = None if chosen == "all" else frozenset(chosen or ())
    if not ({*(named or ()), *overrides} <= {*sites}):
        raise NotFound
    if named is not None and not (named or overrides):
        raise Invalid(_("Choose all sites, or at least one."), field="sites")
    return Standing.of(role, named, overrides)


def resolve_wish(management: Management, wish: Wish, *, before: Standing | None) -> Standing:
    """What becomes of `before` if this manager has his wish. Who manages some sites alone leaves the rest as it is.

    Raises Invalid, NotFound, Forbidden.
    """
    if management.is_whole:
        return read_wish(wish, before=before, sites=management.sites)
    shown = before.seen_from(management.sites) if before else None
    asked = read_wish(wish, before=shown, sites=management.sites)
    if asked.sites is None:
        raise Forbidden(_("You manage some sites: you cannot give more than those. Nothing was changed."))
    return asked if before is None else before.with_roles({site: asked.on(site) for site in management.sites})


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two memberships, held: who acts and where he manages, and on whom. `sites` are all that the organization has."""

    management: Management
    target: Tenure
    sites: Collection[str]


def _hold(actor: Principal, member: str, version: int | None) -> _Pair:
    """Hold both memberships, in one order for everybody, then read what they are. Raises NotFound, Conflict."""
    found = list_tenures([member] if is_id(member) else ())
    if member not in found:
        raise NotFound
    organization, account = found[member].organization, found[member].account
    hold_organization(organization)
    try:
        management = get_management(actor, organization)
    except Forbidden:
        # Of the other members a plain one knows nothing.
        if account == actor.id:
            raise
        raise NotFound from None
    if account != actor.id and not is_seen_by(management, member):
        raise NotFound
    for pk in sorted({management.membership, member}):
        touch_membership(pk)
    claim = "UPDATE organizations_membership SET version = version + 1 WHERE id = %s"
    claimed = sql.change(claim, member) if version is None else sql.change(f"{claim} AND version = %s", member, version)
    if not claimed:
        raise Conflict(
            _("Somebody else changed this member in the meantime. Look again, then decide. Nothing was changed.")
        )
    sites = management.sites if management.is_whole else list_open_sites(organization)
    return _Pair(management, list_tenures([member])[member], sites)


@unguarded("decided by `may_change` on both standings: nobody gives above or beyond himself, nor to himself")
@transaction.atomic
def change_member(
    actor: Principal, *, member: str, wish: Wish, version: int | None = None, adopt_shares: bool = False
) -> str:
    """Give a member another role, other sites, other roles on single sites. The change id.

    Who manages some sites alone changes what the member is on those; the rest stays. `version` is the one that was
    looked at: Conflict if it is not the latest. With `adopt_shares` the actor takes over what the member shared and
    may not any more; else that ends. Raises NotFound, Forbidden, Invalid, Conflict, ReauthenticationRequired (Super
    Admins).
    """
    pair = _hold(actor, member, version)
    organization = pair.target.organization
    if pair.target.account == actor.id:
        raise Forbidden(_("Nobody changes his own role. Ask somebody who manages members. Nothing was changed."))
    after = resolve_wish(pair.management, wish, before=pair.target.standing)
    if not may_change(pair.management.standing, pair.target.standing, after, pair.sites):
        raise Forbidden(_("That reaches above or beyond what you are yourself. Nothing was changed."))
    if Role.SUPER_ADMIN in {pair.target.standing.role, after.role}:
        require_fresh(actor)
    if after == pair.target.standing:
        raise Conflict(_("They are that already. Nothing was changed."))
    write_standing(member, after)
    if after.role is not Role.SUPER_ADMIN:
        _end_deputizing(actor, pair.target)
    enqueue("mail.member_changed", {"membership": member, "by": actor.id, "at": clock.now().isoformat()})
    return project(
        actor,
        [replace(pair.target, standing=after)],
        organization=organization,
        reason="role_changed",
        action="member.changed",
        thing=f"member:{member}",
        adopt=adopt_shares,
        details={"account": pair.target.account, "before": describe(pair.target.standing), "after": describe(after)},
    )


@unguarded("decided by `may_change` on both standings; or one's own leaving, which needs nobody's consent")
@transaction.atomic
def remove_member(
    actor: Principal,
    *,
    member: str,
    version: int | None = None,
    adopt_shares: bool = False,
    change_id: str = "",
    is_silent: bool = False,
) -> str:
    """End a membership: everything of it ends at once, the account and its other organizations live on. The change id.

    One's own membership: leaving. Bring `change_id` where it ends with other things. `is_silent`: he is told nothing,
    by mail, on his screen or in his log. Raises NotFound, Forbidden, Conflict, ReauthenticationRequired (Super Admins).
    """
    if is_id(member) and Membership.objects.filter(pk=member, account_id=actor.id, is_active=True).exists():
        return _leave(actor, member, change_id=change_id, is_silent=is_silent)
    pair = _hold(actor, member, version)
    if not may_change(pair.management.standing, pair.target.standing, NOBODY, pair.sites):
        raise Forbidden(_("They are more than you are, or on sites that are not yours. Nothing was changed."))
    if pair.target.standing.role is Role.SUPER_ADMIN:
        require_fresh(actor)
    if not is_silent:
        enqueue("mail.member_removed", {"membership": member, "by": actor.id, "at": clock.now().isoformat()})
    return _end(
        actor,
        pair.target,
        reason="removed",
        action="member.removed",
        adopt=adopt_shares,
        change_id=change_id,
        is_silent=is_silent,
    )


@unguarded("the actor's own memberships, which end with his account; `sharing` has decided that it may be closed")
@transaction.atomic
def leave_all(actor: Principal) -> None:
    """Leave every organization that somebody else owns, and take back what waits for an answer in one's own."""
    mine = Membership.objects.filter(account_id=actor.id, is_active=True).order_by("organization_id")
    for row in list(mine.exclude(role=Role.OWNER)):
        _leave(actor, row.pk, reason="account_closed")
    sent = Invitation.objects.filter(organization__owner_id=actor.id, state=OfferState.PENDING)
    for invitation in sent.order_by("pk"):
        move(invitation, OfferState.REVOKED, at=clock.now(), ended_by=actor.id, ended_reason="account_closed")


def _leave(actor: Principal, member: str, *, reason: str = "left", change_id: str = "", is_silent: bool = False) -> str:
    # Held before it is read: who becomes the owner at this moment cannot leave any more.
    hold_organization(Membership.objects.values_list("organization_id", flat=True).get(pk=member))
    touch_membership(member)
    tenure = list_tenures([member])[member]
    if tenure.standing.role is Role.OWNER:
        raise Forbidden(_("The owner cannot leave. Hand the organization over first. Nothing was changed."))
    return _end(
        actor, tenure, reason=reason, action="member.left", adopt=False, change_id=change_id, is_silent=is_silent
    )


@unguarded("the new owner's, whose predecessor decided it; `handover` has seen that both agreed")
@transaction.atomic
def end_memberships(actor: Principal, *, members: Iterable[str], change_id: str) -> None:
    """End these, with what rests on them; what they shared becomes the actor's. All by one change."""
    for tenure in list_tenures(members).values():
        enqueue("mail.member_removed", {"membership": tenure.id, "by": actor.id, "at": clock.now().isoformat()})
        _end(actor, tenure, reason="removed", action="member.removed", adopt=True, change_id=change_id)


def _end(
    actor: Principal,
    tenure: Tenure,
    *,
    reason: str,
    action: str,
    adopt: bool,
    change_id: str = "",
    is_silent: bool = False,
) -> str:
    ended = Membership.objects.filter(pk=tenure.id, is_active=True).update(
        is_active=False, ended_at=clock.now(), version=F("version") + 1
    )
    if not ended:
        raise NotFound
    _end_deputizing(actor, tenure)
    return project(
        actor,
        [replace(tenure, standing=NOBODY)],
        organization=tenure.organization,
        reason=reason,
        action=action,
        # His own log has what is about his membership.
        thing=f"organization:{tenure.organization}" if is_silent else f"member:{tenure.id}",
        change_id=change_id,
        adopt=adopt,
        details={"account": tenure.account, "before": describe(tenure.standing)},
        is_silent=is_silent,
    )


def _end_deputizing(actor: Principal, tenure: Tenure) -> None:
    """Who is no Super Admin any more is no deputy, nor one again without a word when he is raised again."""
    rows = Deputy.objects.filter(organization=tenure.organization, account=tenure.account, state__in=OPEN_STATES)
    for row in rows:
        if move(row, OfferState.REVOKED, at=clock.now(), ended_by=actor.id, ended_reason="no_super_admin"):
            enqueue("lost.helper", {"deputy": row.pk})


def describe(standing: Standing) -> dict[str, Any]:
    """A standing as the audit and the API write it: `{"role", "sites": "all" | [id], "overrides": {id: role}}`."""
    return {
        "role": standing.role.value,
        "sites": "all" if standing.sites is None else sorted(standing.sites),
        "overrides": {site: role.value for site, role in sorted(standing.overrides.items())},
    }
