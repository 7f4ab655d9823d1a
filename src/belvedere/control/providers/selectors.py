"""Reading engagements: the provider's own, and those of sites whose people one manages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from django.db.models import Q, QuerySet

from belvedere.contracts.permissions import Permission
from belvedere.control.access.selectors import ResourcePath, grants_of
from belvedere.control.accounts.models import digest_of
from belvedere.control.accounts.selectors import Person, addresses_proven_by
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal, once
from belvedere.control.devices.models import Device
from belvedere.control.providers.models import ANSWER_WITHIN, Engagement, Wish
from belvedere.control.sharing.selectors.blocking import sharers_blocked_by

#: how an offer's state is called on an engagement, and on a wish
STATES: Final = {
    OfferState.PENDING: "pending",
    OfferState.ACCEPTED: "accepted",
    OfferState.REJECTED: "declined",
    OfferState.REVOKED: "ended",
    OfferState.LEFT: "left",
    OfferState.EXPIRED: "expired",
}
WISH_STATES: Final = STATES | {OfferState.ACCEPTED: "approved", OfferState.REJECTED: "denied"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WishView:
    """What a provider asks for: for some hours from the answer on, or until a date."""

    id: str
    engagement: str
    site_name: str
    #: in which its dates are meant: the site's
    zone: str
    #: who asks
    provider: Person
    permissions: Permission
    hours: int | None
    until: datetime | None
    reason: str
    state: str
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagementView:
    """An engagement, as the provider and those who manage its site see it.

    `provider` is no more than an address until he accepts. `devices`: id → name; None = the whole site.
    """

    id: str
    organization: str
    organization_name: str
    site: str
    site_name: str
    #: in which its dates are meant: the site's
    zone: str
    giver: Person
    provider: Person
    permissions: Permission
    message: str
    devices: dict[str, str] | None
    state: str
    offered_at: datetime
    accepted_at: datetime | None
    ends_at: datetime
    #: since when it is over, and by which side: "" = by itself
    ended_at: datetime | None
    ended_reason: str
    change_id: str
    is_mine: bool
    #: what the provider asks for on top of it, and nobody has answered
    wish: WishView | None

    @property
    def is_open(self) -> bool:
        """Whether it waits or is in force."""
        return self.state in {"pending", "accepted"}


def _rows() -> QuerySet[Engagement]:
    return (
        Engagement.objects.select_related("organization", "site", "giver", "provider")
        .prefetch_related("devices__device", "wishes")
        .order_by("-offered_at", "-pk")
    )


def _waits_for(actor: Principal) -> Q:
    """What waits is whoever's who has proven the address."""
    asked = Q(provider=None, state=OfferState.PENDING, address__in=addresses_proven_by(actor.id))
    return asked & ~Q(giver__in=sharers_blocked_by(actor.id))


def _offered_to(actor: Principal) -> Q:
    """What he answered is his."""
    return Q(provider_id=actor.id) | _waits_for(actor)


def _managed_by(actor: Principal) -> Q:
    grants = grants_of(actor)
    held = [pk for pk in grants.resources if grants.decide(ResourcePath(pk, "", "")).allows(Permission.MANAGE)]
    return Q(site__in=held) | Q(organization__in=held)


@once
def list_engagements(
    actor: Principal, side: Literal["given", "received"], *, organization: str = "", is_open: bool = False
) -> list[EngagementView]:
    """The provider's own, or those of sites that the actor manages; newest first. A constant number of queries."""
    rows = _rows().filter(_offered_to(actor) if side == "received" else _managed_by(actor))
    if organization:
        rows = rows.filter(organization=organization)
    views = [_view(row, is_mine=side == "received") for row in rows[:500]]
    return [view for view in views if view.is_open or not is_open]


def get_engagement(actor: Principal, engagement: str) -> EngagementView:
    """One of the actor's own, or of a site that he manages. Raises NotFound."""
    return _view(*_find(actor, engagement))


def find_engagement(actor: Principal, engagement: str, side: Literal["given", "received"]) -> Engagement:
    """The row, from the side whose act it is: for services. Raises NotFound."""
    row, is_mine = _find(actor, engagement)
    if is_mine is not (side == "received"):
        raise NotFound
    return row


def _find(actor: Principal, engagement: str) -> tuple[Engagement, bool]:
    if is_id(engagement):
        for where, is_mine in ((_offered_to(actor), True), (_managed_by(actor), False)):
            row = _rows().filter(where, pk=engagement).first()
            if row is not None:
                return row, is_mine
    raise NotFound


def get_wish(actor: Principal, wish: str) -> WishView:
    """One for a site that the actor manages, answered or not. Raises NotFound."""
    row = find_wish(actor, wish)
    engagement = find_engagement(actor, row.engagement_id, "given")
    return _wish(row, engagement, _provider(engagement))


def find_wish(actor: Principal, wish: str) -> Wish:
    """The row of a wish for a site that the actor manages: for services. Raises NotFound."""
    row = Wish.objects.select_related("engagement").filter(pk=wish).first() if is_id(wish) else None
    if row is None:
        raise NotFound
    find_engagement(actor, row.engagement_id, "given")
    return row


def find_engagement_address(secret: str) -> str:
    """The address whose mail carried this secret, while its offer waits; "" otherwise. Leads through sign-up."""
    row = Engagement.objects.filter(join_digest=digest_of(secret), provider=None).first() if secret else None
    return row.address if row and row.state_at(clock.now()) == OfferState.PENDING else ""


def list_wishes(actor: Principal) -> list[WishView]:
    """What waits for the actor's answer, newest first. A constant number of queries."""
    return [view.wish for view in list_engagements(actor, "given") if view.wish]


def list_waiting_engagements(actor: Principal) -> list[EngagementView]:
    """Offers that wait for the actor's answer, newest first. A constant number of queries."""
    return [_view(row, is_mine=True) for row in engagements_to(actor)]


def engagements_to(actor: Principal) -> QuerySet[Engagement]:
    """The same as rows, to be counted."""
    at = clock.now()
    return _rows().filter(_waits_for(actor), ends_at__gt=at, offered_at__gt=at - ANSWER_WITHIN)


def wishes_to(actor: Principal) -> QuerySet[Wish]:
    """Wishes that the actor may answer, to be counted."""
    at = clock.now()
    given = Engagement.objects.filter(_managed_by(actor)).values("pk")
    rows = Wish.objects.filter(engagement__in=given, state=OfferState.PENDING, offered_at__gt=at - ANSWER_WITHIN)
    return rows.exclude(until__lte=at).exclude(engagement__state=OfferState.REVOKED)


def list_site_devices(site: str) -> dict[str, str]:
    """Id → name of what stands there, for who manages it: the caller has decided."""
    rows = Device.objects.filter(site=site, unbound_at=None).order_by("name", "pk")
    return dict(rows.values_list("pk", "name"))


def _view(row: Engagement, is_mine: bool) -> EngagementView:
    at = clock.now()
    state = row.state_at(at)
    # Once it is over: of that day.
    names = row.names
    devices = names.get("devices") or {one.device_id: one.device.name for one in row.devices.all()}
    wishes = row.wishes.all() if row.state != OfferState.REVOKED else ()
    wish = next((one for one in wishes if one.state_at(at) == OfferState.PENDING), None)
    who = _provider(row)
    ran_out = row.ends_at if state == OfferState.EXPIRED else None
    return EngagementView(
        id=row.pk,
        organization=row.organization_id,
        organization_name=names.get("organization") or row.organization.name,
        site=row.site_id,
        site_name=names.get("site") or row.site.name,
        zone=row.site.time_zone,
        giver=Person(row.giver.pk, names.get("giver") or row.giver.name, row.giver.email),
        provider=who,
        permissions=Permission(row.permissions),
        message=row.message,
        devices=devices or None,
        state=STATES[state],
        offered_at=row.offered_at,
        accepted_at=row.decided_at if row.provider and row.state in {*OPEN_STATES, "revoked", "left"} else None,
        ends_at=row.ends_at,
        ended_at=row.ended_at or ran_out,
        ended_reason=row.ended_reason,
        change_id=row.change_id,
        is_mine=is_mine,
        wish=_wish(wish, row, who) if wish else None,
    )


def _provider(row: Engagement) -> Person:
    one = row.provider
    if one is None:
        return Person("", row.address, row.address)
    return Person(one.pk, row.names.get("provider") or one.name, one.email)


def _wish(row: Wish, engagement: Engagement, provider: Person) -> WishView:
    return WishView(
        id=row.pk,
        engagement=engagement.pk,
        site_name=engagement.site.name,
        zone=engagement.site.time_zone,
        provider=provider,
        permissions=Permission(row.permissions),
        hours=row.hours,
        until=row.until,
        reason=row.reason,
        state=WISH_STATES[row.state_at(clock.now())],
        asked_at=row.offered_at,
    )
