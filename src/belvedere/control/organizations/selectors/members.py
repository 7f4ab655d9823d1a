"""Reading members: who they are and where, as far as the asker manages. Nobody else sees who belongs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant, Origin
from belvedere.control.access.roles import PERMISSIONS, Role
from belvedere.control.access.selectors import ResourcePath, grants_of
from belvedere.control.accounts.selectors import Person, list_last_seen
from belvedere.control.core import sql
from belvedere.control.core.errors import Forbidden, Frozen, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.models import Membership, SiteRole
from belvedere.control.organizations.standing import FUTURE, Standing, may_take, may_touch


@dataclass(frozen=True, slots=True)
class Management:
    """Where somebody manages members: the sites, by id and name; and whether that is the whole organization."""

    organization: str
    sites: Mapping[str, str]
    is_whole: bool
    #: what he is himself
    standing: Standing
    membership: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """A member as one manager may see him: of the standing, what concerns the manager's own sites."""

    id: str
    organization: str
    account: Person
    standing: Standing
    since: datetime
    last_seen_at: datetime | None
    version: int
    is_me: bool
    #: whether the reader may change what he is on the reader's sites, and end his membership
    may_change: bool
    may_remove: bool


@dataclass(frozen=True, slots=True)
class MemberFilter:
    """What to look for: part of a name or address, a role held on some site, a site."""

    text: str = ""
    role: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True)
class MemberPage:
    """A page of members; `after` is where the next one starts, "" at the end. `total` counts what may be seen."""

    items: list[MemberView] = field(default_factory=list)
    after: str = ""
    total: int = 0


def standing_of(membership: Membership) -> Standing:
    """A membership's rows as the law reads them. Uses prefetched `site_roles` where they are."""
    role = Role(membership.role)
    roles = {row.site_id: Role(row.role) for row in membership.site_roles.all()}
    return Standing.of(role, None if membership.is_everywhere else (), roles)


@dataclass(frozen=True, slots=True)
class Tenure:
    """A membership in force: whose, where, and what he is by it. What services change and project into grants."""

    id: str
    organization: str
    account: str
    standing: Standing


_TENURES: Final = (
    "SELECT m.id, m.organization_id, m.account_id, m.role, m.is_everywhere, r.site_id, r.role "
    "FROM organizations_membership m LEFT JOIN organizations_siterole r ON r.membership_id = m.id "
    "WHERE m.is_active = %s AND "
)


def _fetch_tenures(where: str, *values: Any) -> dict[str, Tenure]:
    """By membership id. One statement by hand: what a member is stands between a change and the end of a picture."""
    heads: dict[str, tuple[str, str, str, bool]] = {}
    roles: dict[str, dict[str, Role]] = {}
    for pk, organization, account, role, is_everywhere, site, site_role in sql.fetch(_TENURES + where, True, *values):
        heads[pk] = (organization, account, role, bool(is_everywhere))
        held = roles.setdefault(pk, {})
        if site:
            held[site] = Role(site_role)
    return {
        pk: Tenure(pk, organization, account, Standing.of(Role(role), None if is_everywhere else (), roles[pk]))
        for pk, (organization, account, role, is_everywhere) in heads.items()
    }


def list_tenures(memberships: Iterable[str]) -> dict[str, Tenure]:
    """Those of these memberships that are in force. One query."""
    asked = list(memberships)
    return _fetch_tenures(f"m.id IN ({sql.marks(asked)})", *asked) if asked else {}


def find_tenure(account: str, organization: str) -> Tenure | None:
    """What an account is in an organization. One query."""
    found = _fetch_tenures("m.organization_id = %s AND m.account_id = %s", organization, account)
    return next(iter(found.values()), None)


def find_tenure_in_force(account: str, organization: str) -> Tenure | None:
    """The same for what a role alone decides: none while it waits for an owner's word after a restore. One query."""
    where = (
        "m.organization_id = %s AND m.account_id = %s AND NOT EXISTS (SELECT 1 FROM access_grant g "
        "WHERE g.origin_id = m.id AND g.ended_at IS NULL AND g.suspended_at IS NOT NULL)"
    )
    return next(iter(_fetch_tenures(where, organization, account).values()), None)


def list_tenures_on_sites(organization: str, site: str = "") -> list[Tenure]:
    """Those whose grants stand on single sites: on every site if `site` is "", else those that name this one."""
    named = "EXISTS (SELECT 1 FROM organizations_siterole s WHERE s.membership_id = m.id"
    if site:
        found = _fetch_tenures(f"m.organization_id = %s AND {named} AND s.site_id = %s)", organization, site)
    else:
        found = _fetch_tenures(f"m.organization_id = %s AND m.is_everywhere = %s AND {named})", organization, True)
    return list(found.values())


_SITES: Final = (
    "SELECT id, name FROM organizations_site WHERE organization_id = %s AND closed_at IS NULL ORDER BY name, id"
)


def get_membership_place(membership: str) -> tuple[str, str]:
    """Account and organization of a membership, past ones too. The caller acts for the server."""
    return Membership.objects.values_list("account_id", "organization_id").get(pk=membership)


def get_management(actor: Principal, organization: str) -> Management:
    """Where the actor manages members. Raises NotFound for who is no member, Forbidden for who manages nothing,
    Frozen.
    """
    tenure = find_tenure(actor.id, organization) if is_id(organization) else None
    if tenure is None:
        raise NotFound
    grants, path = grants_of(actor), ResourcePath(organization, organization, organization)
    if grants.frozen_until(path):
        raise Frozen
    is_whole = grants.decide(path).allows(Permission.MANAGE)
    # Five hundred sites are not decided one by one for who holds something on one of them.
    held = frozenset(grants.resources)
    sites = {
        pk: name
        for pk, name in sql.fetch(_SITES, organization)
        if is_whole or (pk in held and grants.decide(ResourcePath(pk, pk, organization)).allows(Permission.MANAGE))
    }
    if not (is_whole or sites):
        raise Forbidden
    return Management(organization, sites, is_whole, tenure.standing, tenure.id)


def may_manage(actor: Principal, organization: str) -> bool:
    """Whether *Admin* is there for the actor at all (VV 1)."""
    try:
        get_management(actor, organization)
    except (NotFound, Forbidden, Frozen):
        return False
    return True


def _seen_by(management: Management) -> QuerySet[Membership]:
    """Members that a manager may know of: all, or those who are anything on his sites, or were set to nothing there."""
    rows = Membership.objects.filter(organization_id=management.organization, is_active=True)
    if management.is_whole:
        return rows
    holds = Grant.objects.filter(
        origin=Origin.MEMBERSHIP,
        origin_id=OuterRef("pk"),
        ended_at=None,
        resource__in=[management.organization, *management.sites],
    )
    named = SiteRole.objects.filter(membership=OuterRef("pk"), site__in=list(management.sites))
    return rows.filter(Q(Exists(holds)) | Q(Exists(named)))


def is_seen_by(management: Management, member: str) -> bool:
    """Whether this manager may know of this member of the organization."""
    return management.is_whole or _seen_by(management).filter(pk=member).exists()


def list_members(
    actor: Principal,
    organization: str,
    *,
    look_for: MemberFilter | None = None,
    after: str = "",
    limit: int = 50,
    management: Management | None = None,
) -> MemberPage:
    """Members whom the actor may manage or at least know, by name. A constant number of queries.

    `after` is the `after` of the page before; `management` the actor's own there, if it was just read. Raises NotFound,
    Forbidden.
    """
    management = management or get_management(actor, organization)
    rows = _filtered(_seen_by(management), look_for or MemberFilter(), management)
    total = rows.count()
    if after:
        name, _colon, pk = after.rpartition(":")
        rows = rows.filter(Q(account__name__gt=name) | Q(account__name=name, pk__gt=pk))
    page = list(
        rows.select_related("account").prefetch_related("site_roles").order_by("account__name", "pk")[: limit + 1]
    )
    views = _views(actor, page[:limit], management)
    last = page[limit - 1] if len(page) > limit else None
    return MemberPage(views, f"{last.account.name}:{last.pk}" if last else "", total)


def _filtered(rows: QuerySet[Membership], look_for: MemberFilter, management: Management) -> QuerySet[Membership]:
    for word in look_for.text.split():
        rows = rows.filter(Q(account__name__icontains=word) | Q(account__email__icontains=word))
    if look_for.site and look_for.site not in management.sites:
        return rows.none()
    here = SiteRole.objects.filter(membership=OuterRef("pk"))
    if look_for.site or not management.is_whole:
        here = here.filter(site__in=[look_for.site] if look_for.site else list(management.sites))
    everywhere = Q(is_everywhere=True)
    if look_for.site:
        # On one site, what stands there hides what is held everywhere.
        everywhere &= ~Q(Exists(here))
    if look_for.role:
        return rows.filter(Q(Exists(here.filter(role=look_for.role))) | everywhere & Q(role=look_for.role))
    if look_for.site:
        return rows.filter(Q(Exists(here.exclude(role=Role.NO_ACCESS))) | everywhere)
    return rows


def _views(actor: Principal, rows: Iterable[Membership], management: Management) -> list[MemberView]:
    rows = list(rows)
    seen = list_last_seen(row.account_id for row in rows)
    return [_view(actor, row, management, seen.get(row.account_id)) for row in rows]


def _view(actor: Principal, row: Membership, management: Management, last_seen_at: datetime | None) -> MemberView:
    standing = standing_of(row)
    is_me = row.account_id == actor.id
    sites = [*management.sites, FUTURE] if management.is_whole else [*management.sites]
    return MemberView(
        id=row.pk,
        organization=row.organization_id,
        account=Person(row.account.pk, row.account.name, row.account.email),
        standing=_shown(standing, management),
        since=row.created_at,
        last_seen_at=last_seen_at,
        version=row.version,
        is_me=is_me,
        may_change=not is_me and may_touch(management.standing, standing, sites),
        may_remove=not is_me and may_take(management.standing, standing),
    )


def _shown(standing: Standing, management: Management) -> Standing:
    return standing if management.is_whole else standing.seen_from(management.sites)


def get_member(actor: Principal, member: str) -> MemberView:
    """One member, for who manages him or knows him. Raises NotFound, and Forbidden for fellow members."""
    row = (
        Membership.objects.filter(pk=member, is_active=True)
        .select_related("account")
        .prefetch_related("site_roles")
        .first()
        if is_id(member)
        else None
    )
    if row is None:
        raise NotFound
    try:
        management = get_management(actor, row.organization_id)
    except Forbidden:
        # Of the other members a plain one knows nothing; himself he may read of.
        if row.account_id != actor.id:
            raise NotFound from None
        management = Management(row.organization_id, {}, True, standing_of(row), row.pk)
    if row.account_id != actor.id and not _seen_by(management).filter(pk=row.pk).exists():
        raise NotFound
    return _views(actor, [row], management)[0]


def find_membership(account: str, organization: str, *, needs: Permission) -> Tenure | None:
    """The membership in force under which `account` may use `needs` somewhere; roles are what memberships hold."""
    tenure = find_tenure(account, organization)
    if tenure is None:
        return None
    roles = {tenure.standing.role, *tenure.standing.overrides.values()}
    return tenure if any(needs in PERMISSIONS[role] for role in roles) else None


def get_standings(memberships: Iterable[str]) -> dict[str, Standing]:
    """Membership id → standing, of those in force. One query."""
    return {pk: tenure.standing for pk, tenure in list_tenures(memberships).items()}
