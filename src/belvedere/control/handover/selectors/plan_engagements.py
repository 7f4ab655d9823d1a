"""The service providers in a plan: who sets up what goes, until when, and whether he goes on (HC-27, HC-28)."""

from belvedere.contracts.permissions import Permission
from belvedere.control.core import clock
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.handover.models import Decision, Handover, Kind, Subject
from belvedere.control.handover.selectors.plan_rows import END, KEEP, PlanRow, digest, settle
from belvedere.control.providers.models import Engagement


def list_engaged(row: Handover, decided: dict[tuple[str, str], Decision]) -> list[PlanRow]:
    """A row for each engagement that opens anything of what goes. Three queries."""
    at = clock.now()
    rows = Engagement.objects.filter(organization=row.organization_id, state__in=OPEN_STATES, ends_at__gt=at)
    if row.kind == Kind.SITE:
        rows = rows.filter(site=row.thing)
    elif row.device is not None:
        rows = rows.filter(site=row.device.site_id)
    found = []
    people = rows.select_related("site", "giver", "provider").prefetch_related("devices__device")
    for one in people.order_by("address", "pk"):
        devices = {engaged.device_id: engaged.device.name for engaged in one.devices.all()}
        is_concerned = row.kind != Kind.DEVICE or not devices or row.thing in devices
        if is_concerned and one.state_at(at) != OfferState.EXPIRED:
            found.append(settle(_row(row, one, devices), decided))
    return found


def _row(row: Handover, one: Engagement, devices: dict[str, str]) -> PlanRow:
    why = ""
    if one.address == row.receiver_email:
        # He will own it: who owns needs nobody's leave to set it up.
        why = "receiver"
    elif row.kind != Kind.ORGANIZATION and one.state == OfferState.PENDING:
        why = "pending"
    return PlanRow(
        subject=Subject.ENGAGEMENT,
        id=one.pk,
        who=one.provider.name if one.provider else one.address,
        address=one.address,
        account=one.provider_id or "",
        permissions=Permission(one.permissions),
        things=tuple(sorted(devices.values())) or (one.site.name,),
        role="",
        ends_at=one.ends_at,
        giver=one.giver.name,
        verdicts=END if why else KEEP,
        why=why,
        facts=digest([one.state, one.permissions, one.ends_at, one.giver_id, one.site_id, sorted(devices)]),
    )
