"""Making a report from what is so now: a number of queries that does not grow with devices or people."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.db.models import Q
from msgspec import structs

from belvedere.contracts.permissions import Permission, normalize
from belvedere.control.access.decision import GrantFacts
from belvedere.control.access.guard import check
from belvedere.control.access.models import Origin
from belvedere.control.access.roles import Role
from belvedere.control.access.selectors import list_in_force
from belvedere.control.accounts.recovery import list_recovery_contacts
from belvedere.control.accounts.selectors import Person, get_persons
from belvedere.control.audit.heads import read_head
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.names import mask_email
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.panels import SHAREABLE_OF_PANELS
from belvedere.control.devices.selectors import DeviceView, get_device, list_devices
from belvedere.control.guests.selectors import list_open_links
from belvedere.control.handover.models import AccessTestResult, Handover, KeptReport
from belvedere.control.handover.models import Kind as HandoverKind
from belvedere.control.handover.report import (
    AuditHead,
    DeviceLine,
    Holder,
    Kind,
    OpenDoor,
    Party,
    Point,
    Report,
    Right,
    Someone,
    TestLine,
    Told,
)
from belvedere.control.handover.report_seal import SealedReport
from belvedere.control.handover.selectors import get_handover
from belvedere.control.notifications.selectors import get_notification_matrix
from belvedere.control.organizations.selectors import (
    OrganizationView,
    get_organization,
    get_owner,
    get_site,
    get_standings,
    list_invitations,
    list_sites,
)
from belvedere.control.organizations.standing import highest
from belvedere.control.sharing.models import ShareItem, in_states, of_things
from belvedere.control.sharing.selectors.grounds import Thing, list_things
from belvedere.control.sharing.terms import hours_wire

#: every right there is on a panel
_OF_PANELS: Final = SHAREABLE_OF_PANELS | Permission.CONFIGURE | Permission.SHARE | Permission.MANAGE


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a report is about: its things, and what stands above them, by the names that grants and people know."""

    actor: Principal
    kind: Kind
    id: str
    name: str
    organization: OrganizationView
    sites: Mapping[str, str]
    devices: list[DeviceView]
    things: Mapping[str, Thing]

    @property
    def resources(self) -> set[str]:
        """Everything a grant that opens any of it may stand on."""
        return {self.organization.id, *self.sites, *self.things, *(device.id for device in self.devices)}

    def name_of(self, resource: str) -> str:
        """A thing's, or a device's."""
        if resource in self.things:
            return self.things[resource].name
        return next((device.name for device in self.devices if device.id == resource), "")


def make_report(actor: Principal, *, kind: Kind, subject: str) -> Report:
    """Who can see an organization, a site or a device, and why, right now. For who manages all of it.

    Raises NotFound, Forbidden. A constant number of queries.
    """
    check(actor, Permission.MANAGE, on=kind, resource=subject)
    scope = _read_scope(actor, kind, subject)
    at = clock.now()
    owner = get_owner(scope.organization.id)
    holders = _holders(scope, at)
    sequence, digest = read_head(scope.organization.id)
    owners = get_persons([owner])
    return Report(
        kind=kind,
        id=subject,
        name=scope.name,
        organization=scope.organization.id,
        organization_name=scope.organization.name,
        zone=scope.organization.time_zone,
        made_at=at,
        made_by=Someone(name=actor.name, address=actor.email),
        handover="",
        parties=[Party(role="owner", person=_someone(owners[owner])), *_contacts(actor, owner)],
        devices=[_device(view) for view in scope.devices],
        holders=holders,
        doors=[*_links(scope), *_offers(scope, at), *_invitations(scope)],
        told=_told(scope),
        tests=_tests(scope),
        points=_points(scope, holders),
        audit=AuditHead(sequence=sequence, digest=digest),
    )


def _read_scope(actor: Principal, kind: Kind, subject: str) -> _Scope:
    devices = [get_device(actor, subject)] if kind == "device" else list_devices(actor)
    place = devices[0].site if kind == "device" else subject
    site = None if kind == "organization" else get_site(actor, place)
    organization = get_organization(actor, site.organization if site else subject)
    sites = {site.id: site.name} if site else {row.id: row.name for row in list_sites(actor, organization.id)}
    devices = [view for view in devices if view.organization == organization.id and view.site in sites]
    things = {thing.id: thing for thing in list_things(actor, organization.id) if thing.site in sites}
    if kind == "device":
        of_device = {subject, *(camera.id for camera in devices[0].cameras)}
        things = {pk: thing for pk, thing in things.items() if pk in of_device}
    name = devices[0].name if kind == "device" else site.name if site else organization.name
    return _Scope(actor, kind, subject, name, organization, sites, devices, things)


def _someone(found: Person | None) -> Someone:
    return Someone(name=found.name, address=found.email) if found else Someone(name="", address="")


def _device(view: DeviceView) -> DeviceLine:
    return DeviceLine(
        id=view.id,
        name=view.name,
        kind=view.kind,
        site=view.site_name,
        maker=view.manufacturer,
        model=view.model,
        serial=view.serial,
        firmware=view.firmware,
        address=view.shown_address,
        cameras=[camera.name for camera in view.cameras],
        state=view.state if view.is_enabled else "off",
    )


# ── Who holds what ───────────────────────────────────────────────────────────────────────────────────────────────────


def _holders(scope: _Scope, at: datetime) -> list[Holder]:
    """Everybody with a grant in force, or one that will be: guests are told of by their links."""
    now = at.timestamp()
    held = {
        principal: [
            grant
            for grant in grants
            if grant.origin != Origin.GUEST_LINK and (grant.ends_at is None or grant.ends_at > now)
        ]
        for principal, grants in list_in_force(scope.resources).items()
    }
    people = get_persons({*held, *(grant.created_by for grants in held.values() for grant in grants)})
    standings = get_standings(
        {grant.origin_id for grants in held.values() for grant in grants if grant.origin == Origin.MEMBERSHIP}
    )
    found = []
    for principal, grants in held.items():
        rights = []
        for alike in _alike(grants):
            standing = standings.get(alike[0].origin_id)
            role = standing.on(_site_of(scope, alike[0].resource)).value if standing else ""
            giver = people.get(alike[0].created_by) if alike[0].created_by != principal else None
            right = _right(scope, alike, role=role, given_by=giver)
            if right.permissions and right.places:
                rights.append(right)
        if rights and principal in people:
            rights.sort(key=lambda right: (right.origin != Origin.MEMBERSHIP, right.places))
            found.append(Holder(person=_someone(people[principal]), rights=rights))
    return sorted(found, key=lambda row: (not _owns(row), row.person.name.casefold(), row.person.address))


def _owns(row: Holder) -> bool:
    return any(right.role == Role.OWNER for right in row.rights)


def _alike(grants: Iterable[GrantFacts]) -> list[list[GrantFacts]]:
    """Grants that differ by their resource alone: twelve cameras of one share are one line."""
    found: dict[GrantFacts, list[GrantFacts]] = defaultdict(list)
    for grant in grants:
        found[grant._replace(id="", resource="")].append(grant)
    return list(found.values())


def _site_of(scope: _Scope, resource: str) -> str:
    return resource if resource in scope.sites else next(iter(scope.sites), "")


def _right(scope: _Scope, grants: list[GrantFacts], *, role: str, given_by: Person | None) -> Right:
    one, resources = grants[0], {grant.resource for grant in grants}
    if scope.organization.id in resources:
        reach, places = "organization", [scope.organization.name]
    elif resources & scope.sites.keys():
        reach, places = "site", sorted(scope.sites[pk] for pk in resources & scope.sites.keys())
    else:
        reach, places = "things", sorted({scope.name_of(pk) for pk in resources}, key=str.casefold)
    permissions = normalize(Permission(one.permissions))
    if scope.things and all(scope.things[pk].kind == "panel" for pk in resources & scope.things.keys() or scope.things):
        permissions &= _OF_PANELS
    return Right(
        reach=reach,  # type: ignore[arg-type]  # one of the three words above
        places=places,
        permissions=permissions.wire_names,
        origin=one.origin,
        role=role,
        given_by=_someone(given_by) if given_by else None,
        starts_at=_instant(one.starts_at),
        ends_at=_instant(one.ends_at),
        hours=hours_wire(one.hours),
        footage_last_s=one.footage_last_s,
        footage_from=_instant(one.footage_from),
    )


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


# ── What waits, or rests, or stands open ─────────────────────────────────────────────────────────────────────────────


def _links(scope: _Scope) -> list[OpenDoor]:
    return [
        OpenDoor(
            what="guest_link",
            who=link.name,
            given_by=_someone(link.giver),
            places=_names(scope, link.cameras),
            permissions=link.permissions.wire_names,
            ends_at=link.ends_at,
        )
        for link in list_open_links(scope.actor, list(scope.things))
    ]


def _offers(scope: _Scope, at: datetime) -> list[OpenDoor]:
    """Shares in force nowhere: offers that nobody answered, and what its sharer lets rest."""
    waits = in_states([OfferState.PENDING], at, of="share__")
    rests = in_states([OfferState.ACCEPTED], at, of="share__") & Q(share__paused_at__isnull=False)
    rows = (
        ShareItem.objects.filter(of_things(scope.things.keys()), waits | rests, ended_at=None)
        .select_related("share__recipient", "share__sharer")
        .order_by("share__offered_at", "pk")
    )
    found: dict[tuple[str, int], tuple[ShareItem, set[str]]] = {}
    for item in rows:
        found.setdefault((item.share_id, item.permissions), (item, set()))[1].add(item.resource)
    return [
        OpenDoor(
            what="paused" if item.share.paused_at else "offer",
            who=item.share.recipient.address,
            given_by=Someone(name=item.share.sharer.name, address=item.share.sharer.email),
            places=_names(scope, things),
            permissions=Permission(item.permissions).wire_names,
            ends_at=item.share.ends_at,
        )
        for item, things in found.values()
    ]


def _invitations(scope: _Scope) -> list[OpenDoor]:
    if scope.kind == "device":
        return []
    return [
        OpenDoor(
            what="invitation",
            who=row.address,
            given_by=_someone(row.inviter),
            places=[scope.organization.name] if row.standing.sites is None else _sites(scope, row.standing.sites),
            permissions=[],
            role=highest(row.standing).value,
            ends_at=row.expires_at,
        )
        for row in list_invitations(scope.actor, scope.organization.id, states=("pending",))
        if scope.kind == "organization" or row.standing.on(scope.id) is not Role.NO_ACCESS
    ]


def _names(scope: _Scope, things: Collection[str]) -> list[str]:
    return sorted({scope.name_of(pk) for pk in things}, key=str.casefold)


def _sites(scope: _Scope, sites: Collection[str]) -> list[str]:
    return sorted(name for pk, name in scope.sites.items() if pk in sites)


# ── Who is told, and what is left to do ──────────────────────────────────────────────────────────────────────────────


def _told(scope: _Scope) -> list[Told]:
    matrix = get_notification_matrix(scope.actor, organization=scope.organization.id)
    names = {thing.id: thing.name for thing in matrix.things if thing.id in scope.things}
    found = []
    for row in matrix.rows:
        of = {names[pk]: [kind.value for kind in kinds] for pk, kinds in row.kinds.items() if kinds and pk in names}
        if of:
            found.append(Told(person=_someone(row.person), of=of))
    return found


def _tests(scope: _Scope) -> list[TestLine]:
    """The latest result of each person, camera and permission."""
    rows = AccessTestResult.objects.filter(camera__in=scope.things.keys(), worked__isnull=False, at__isnull=False)
    latest = {
        (row.test.account, row.camera_id, row.permission): row
        for row in rows.select_related("test").order_by("at", "pk")
    }
    people = get_persons(account for account, _camera, _permission in latest)
    return [
        TestLine(
            person=_someone(people[account]),
            thing=scope.name_of(camera),
            permission=permission,
            granted=bool(row.granted),
            worked=bool(row.worked),
            network=row.network,
            at=row.at,
        )
        for (account, camera, permission), row in latest.items()
        if account in people and row.at
    ]


def _contacts(actor: Principal, owner: str) -> list[Party]:
    """Who could help the owner back in: his own business, on a report of his own."""
    if actor.id != owner:
        return []
    return [
        Party(role="recovery_contact", person=Someone(name=row.name, address=row.address))
        for row in list_recovery_contacts(actor)
        if row.is_confirmed
    ]


def _points(scope: _Scope, holders: list[Holder]) -> list[Point]:
    points = [
        Point(code=f"device_{line.state}", about=line.name)
        for line in map(_device, scope.devices)
        if line.state != "online"
    ]
    points += [
        Point(code="no_end", about=row.person.name or row.person.address)
        for row in holders
        if any(right.origin != Origin.MEMBERSHIP and right.ends_at is None for right in row.rights)
    ]
    return points


# ── What was kept ────────────────────────────────────────────────────────────────────────────────────────────────────


def report_of_handover(report: Report, row: Handover) -> Report:
    """The same, as what a handover ended in: with both of its sides.

    Both of them read it. That there is somebody who helps the new owner back in is proof enough; who it is, is not the
    business of whoever owned it before.
    """
    helpers = [
        structs.replace(one, person=Someone(name="", address=mask_email(one.person.address)))
        if one.role == "recovery_contact"
        else one
        for one in report.parties
    ]
    sides = [("giver", row.giver), ("receiver", row.receiver)]
    parties = [
        Party(role=role, person=Someone(name=account.name, address=account.email)) for role, account in sides if account
    ]
    return structs.replace(report, handover=row.pk, parties=[*parties, *helpers])


def get_kept_report(actor: Principal, handover: str) -> SealedReport:
    """The report of one of the actor's own handovers, as it was when it was done.

    Where a site or device went to is the new owner's to tell, and so is its report. Raises NotFound.
    """
    view = get_handover(actor, handover)
    row = KeptReport.objects.filter(pk=view.id).first()
    if row is None or not (view.is_received or view.kind == HandoverKind.ORGANIZATION):
        raise NotFound
    return SealedReport(row.text, row.digest, row.key, row.signature)
