"""Closing what gives nothing any more, so that its rows say what its grants say and nothing is projected anew."""

from collections.abc import Collection

from django.db.models import F, QuerySet

from belvedere.control.core import clock
from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.devices.models import Camera, Device
from belvedere.control.organizations.models import Membership, Organization, Site
from belvedere.control.providers.engaged import keep_names
from belvedere.control.providers.models import Engagement
from belvedere.control.sharing.models import Share


def organizations_of(resources: Collection[str]) -> dict[str, str]:
    """Resource → the organization it belongs to. Four queries, whatever is asked for."""
    found = {pk: pk for pk in Organization.objects.values_list("pk", flat=True)}
    for model in (Site, Camera, Device):
        found |= dict(model._default_manager.values_list("pk", "organization_id"))  # noqa: SLF001  Django's public spelling
    return {resource: found[resource] for resource in resources if resource in found}


def close_origins(origins: Collection[str], *, reason: str) -> None:
    """End memberships, shares and engagements by id. An owner stays what he is: there is always exactly one."""
    at = clock.now()
    memberships = Membership.objects.filter(pk__in=origins, is_active=True)
    leaving = list(memberships.exclude(account=F("organization__owner")).values_list("pk", flat=True))
    Membership.objects.filter(pk__in=leaving).update(is_active=False, ended_at=at)
    keep_names_of(Engagement.objects.filter(pk__in=origins, state__in=OPEN_STATES))
    for kind in (Share, Engagement):
        rows = kind._default_manager.filter(pk__in=origins, state__in=OPEN_STATES)  # noqa: SLF001  Django's public spelling
        rows.update(state=OfferState.REVOKED, ended_at=at, ended_reason=reason, change_id=new_id())


def keep_names_of(engagements: QuerySet[Engagement]) -> None:
    """What it is all called today: called before these end, for what it is called later is not their providers'."""
    for row in engagements.select_related("organization", "site", "giver", "provider"):
        keep_names(row)
