"""What hangs on a thing that goes, and what was decided on it: nothing is kept unsaid (HC 25).

A decision is made on facts and keeps their digest. Where the facts have changed since, or something came that nobody
decided on, the row is open again: it is asked anew, never applied.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from belvedere.contracts.permissions import NONE, Permission
from belvedere.control.access.roles import PERMISSIONS
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera, Device
from belvedere.control.guests.models import GuestCamera
from belvedere.control.handover.models import Decision, Handover, Kind, Subject, Verdict
from belvedere.control.handover.selectors.plan_engagements import list_engaged
from belvedere.control.handover.selectors.plan_rows import END, KEEP, PlanRow, digest, settle
from belvedere.control.handover.selectors.transfers import HandoverView, find_handover, get_handover
from belvedere.control.organizations.models import Membership
from belvedere.control.organizations.selectors.members import standing_of
from belvedere.control.organizations.standing import Standing, highest
from belvedere.control.sharing.models import IS_BOUND, THINGS, Share, ShareItem, in_states, of_things


@dataclass(frozen=True, slots=True)
class ThingThatGoes:
    """A device of the plan."""

    id: str
    name: str
    cameras: int
    is_online: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A handover with everything that has to be decided before it is offered. For its giver alone."""

    handover: HandoverView
    goes: list[ThingThatGoes]
    rows: list[PlanRow]

    @property
    def open_rows(self) -> list[PlanRow]:
        """What is not decided yet, or was on other facts."""
        return [row for row in self.rows if row.is_open]


def get_plan(actor: Principal, handover: str) -> Plan:
    """One of the actor's own plans or offers, whole. Raises NotFound, Forbidden for the other side."""
    row = find_handover(actor, handover)
    if row.giver_id != actor.id:
        raise Forbidden
    return Plan(get_handover(actor, handover), list_goes(row), list_rows(row))


def _devices(row: Handover) -> list[Device]:
    rows = Device.objects.filter(organization=row.organization_id, unbound_at=None).order_by("name", "pk")
    if row.kind == Kind.SITE:
        rows = rows.filter(site=row.thing)
    if row.kind == Kind.DEVICE:
        rows = rows.filter(pk=row.thing)
    return list(rows)


def list_goes(row: Handover) -> list[ThingThatGoes]:
    """The devices that go, by name. Two queries."""
    devices = _devices(row)
    states: dict[str, list[str]] = {device.pk: [] for device in devices}
    cameras = Camera.objects.filter(organization=row.organization_id, closed_at=None)
    for device, state in cameras.values_list("device_id", "state"):
        if device in states:
            states[device].append(state)
    return [
        # A panel has no camera, and nothing here that says whether it answers.
        ThingThatGoes(device.pk, device.name, len(states[device.pk]), {*states[device.pk]} <= {"online"})
        for device in devices
    ]


def list_extent(row: Handover) -> list[str]:
    """Ids of the cameras and panels that go. Two queries."""
    devices = {device.pk: device.kind for device in _devices(row)}
    cameras = Camera.objects.filter(device__in=devices, closed_at=None).values_list("pk", flat=True)
    return sorted([*cameras, *(pk for pk, kind in devices.items() if kind == "panel")])


def extent_of(row: Handover) -> str:
    """What goes, as the plan keeps it. Of an organization it is all there is, whatever comes to it meanwhile."""
    return digest([] if row.kind == Kind.ORGANIZATION else list_extent(row))


def list_rows(row: Handover) -> list[PlanRow]:
    """All that has to be decided, with what was. A constant number of queries."""
    decided = {(one.subject, one.subject_id): one for one in row.decisions.all()}
    resources = None if row.kind == Kind.ORGANIZATION else list_extent(row)
    members = _members(row, decided)
    shares = _shares(row, resources, decided)
    links = _links(row, resources, members, decided)
    engagements = list_engaged(row, decided)
    told = _told(row, [*members, *shares, *engagements], decided)
    return [*members, *shares, *links, *engagements, *told]


def _members(row: Handover, decided: dict[tuple[str, str], Decision]) -> list[PlanRow]:
    """Of an organization, each but the two sides. Of less, members lose what leaves it: there is nothing to decide."""
    rows = Membership.objects.filter(organization=row.organization_id, is_active=True).exclude(account=row.giver_id)
    if row.kind == Kind.ORGANIZATION:
        rows = rows.exclude(account=row.receiver_id)
    found = []
    for one in rows.select_related("account").prefetch_related("site_roles").order_by("account__name", "pk"):
        standing = standing_of(one)
        held = _held(row, standing)
        if row.kind != Kind.ORGANIZATION and not held:
            continue
        line = PlanRow(
            subject=Subject.MEMBER,
            id=one.pk,
            who=one.account.name,
            address=one.account.email,
            account=one.account_id,
            permissions=held,
            things=(),
            role=highest(standing).value,
            ends_at=None,
            giver="",
            verdicts=KEEP if row.kind == Kind.ORGANIZATION else END,
            why="" if row.kind == Kind.ORGANIZATION else "moves",
            facts=digest([standing.role, sorted(standing.sites or ()), sorted(standing.overrides.items())]),
        )
        found.append(settle(line, decided))
    return found


def _held(row: Handover, standing: Standing) -> Permission:
    if row.kind == Kind.ORGANIZATION:
        return PERMISSIONS[highest(standing)]
    site = row.thing if row.kind == Kind.SITE else row.device.site_id if row.device else ""
    return PERMISSIONS[standing.on(site)]


def _shares(
    row: Handover, resources: Collection[str] | None, decided: dict[tuple[str, str], Decision]
) -> list[PlanRow]:
    items = ShareItem.objects.filter(
        IS_BOUND,
        in_states(OPEN_STATES, clock.now(), of="share__"),
        share__organization=row.organization_id,
        ended_at=None,
    )
    if resources is not None:
        items = items.filter(of_things(resources))
    grouped: dict[Share, list[ShareItem]] = {}
    people = ("share__recipient__account", "share__sharer")
    for item in items.select_related(*people, *THINGS).order_by("share__recipient__email", "share_id", "pk"):
        grouped.setdefault(item.share, []).append(item)
    return [settle(_share_row(row, share, found), decided) for share, found in grouped.items()]


def _share_row(row: Handover, share: Share, items: list[ShareItem]) -> PlanRow:
    account = share.recipient.account
    is_receivers = account is not None and account.email == row.receiver_email
    verdicts: tuple[Verdict, ...] = KEEP
    why = ""
    if row.kind != Kind.ORGANIZATION and is_receivers:
        # He will own it: a share of one's own would be a second reason to see it.
        verdicts, why = END, "receiver"
    elif row.kind != Kind.ORGANIZATION and share.state == OfferState.PENDING:
        verdicts, why = END, "pending"
    elif share.is_once:
        verdicts = (Verdict.CARRY_OVER, Verdict.END)
    permissions = NONE
    for item in items:
        permissions |= Permission(item.permissions)
    terms = [share.state, share.recipient.address, share.sharer_id, share.starts_at, share.ends_at, share.hours]
    given = sorted([item.resource, item.permissions, item.footage_last_s or 0, item.is_since_grant] for item in items)
    return PlanRow(
        subject=Subject.SHARE,
        id=share.pk,
        who=account.name if account else share.recipient.address,
        address=share.recipient.address,
        account=share.accepted_by,
        permissions=permissions,
        things=tuple(sorted(item.thing.name for item in items)),
        role="",
        ends_at=share.ends_at,
        giver=share.sharer.name,
        verdicts=verdicts,
        why=why,
        facts=digest([terms, bool(share.paused_at), given]),
    )


def _links(
    row: Handover,
    resources: Collection[str] | None,
    members: Iterable[PlanRow],
    decided: dict[tuple[str, str], Decision],
) -> list[PlanRow]:
    """Whom a link was sent to only its giver knows: it goes on with him, or not at all."""
    rows = GuestCamera.objects.filter(
        link__organization=row.organization_id,
        link__ended_at=None,
        link__ends_at__gt=clock.now(),
        ended_at=None,
        camera__closed_at=None,
    )
    if resources is not None:
        rows = rows.filter(camera__in=resources)
    cameras: dict[str, list[GuestCamera]] = {}
    for one in rows.select_related("link__giver", "camera").order_by("link_id", "camera__name"):
        cameras.setdefault(one.link_id, []).append(one)
    ended = {member.account for member in members if member.verdict not in {None, Verdict.CARRY_OVER}}
    found = []
    for pk, held in cameras.items():
        link = held[0].link
        why = "moves" if resources is not None else "member_ends" if link.giver_id in ended else ""
        if not why and row.is_leaving and link.giver_id == row.giver_id:
            why = "giver_leaves"
        line = PlanRow(
            subject=Subject.GUEST_LINK,
            id=pk,
            who=link.name,
            address="",
            account="",
            permissions=Permission(link.permissions),
            things=tuple(one.camera.name for one in held),
            role="",
            ends_at=link.ends_at,
            giver=link.giver.name,
            verdicts=END if why else KEEP,
            why=why,
            facts=digest([link.giver_id, link.permissions, link.ends_at, sorted(one.camera_id for one in held)]),
        )
        found.append(settle(line, decided))
    return found


def _told(row: Handover, rows: Iterable[PlanRow], decided: dict[tuple[str, str], Decision]) -> list[PlanRow]:
    """Everybody but the two sides who is told of what happens there, and by what (VA 17)."""
    grounds: dict[str, list[PlanRow]] = {}
    for ground in rows:
        if ground.account and ground.account != row.giver_id and Permission.NOTIFY in ground.permissions:
            grounds.setdefault(ground.account, []).append(ground)
    found = []
    for account, his in grounds.items():
        stays = [ground for ground in his if ground.verdict is not Verdict.END]
        # What a role tells cannot be taken from it: whoever stays a member with such a role is told.
        by_role = any(ground.subject is Subject.MEMBER and ground.verdict is Verdict.CARRY_OVER for ground in stays)
        verdicts = (Verdict.CARRY_OVER,) if by_role else (Verdict.CARRY_OVER, Verdict.END) if stays else END
        line = PlanRow(
            subject=Subject.NOTIFICATION,
            id=account,
            who=his[0].who,
            address=his[0].address,
            account=account,
            permissions=Permission.NOTIFY,
            things=tuple(sorted({name for ground in his for name in ground.things})),
            role="",
            ends_at=None,
            giver="",
            verdicts=verdicts,
            why="" if stays else "all_ends",
            facts=digest(sorted(ground.key for ground in his)),
        )
        found.append(settle(line, decided))
    return found
