"""Moving devices between sites, and giving up a site with what stands on it. Who sees a camera changes at once."""

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import check, requires, unguarded
from belvedere.control.access.services import end_grants
from belvedere.control.core.errors import Conflict, Invalid, NotFound
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera, Device
from belvedere.control.organizations.dependents import settle_dependents
from belvedere.control.organizations.models import Site
from belvedere.control.organizations.services import close_site, hold_organization, touch_site
from belvedere.control.outbox.services import enqueue

LISTED = 20


@requires(Permission.MANAGE, on="device")
@transaction.atomic
def move_device(actor: Principal, *, device: str, site: str) -> str:
    """Put a device and its cameras on another site of the same organization. The change id.

    Needs `manage` on both sites. Members who see the one site and not the other lose or gain it at once; shares go on
    as long as who gave them may share there too. Raises NotFound, Forbidden, Invalid, Conflict.
    """
    check(actor, Permission.MANAGE, on="site", resource=site)
    row = Device.objects.get(pk=device)
    if row.site_id == site:
        raise Conflict(_("It stands on that site already. Nothing was changed."))
    change_id = new_id()
    _move(actor, [row], row.organization_id, site, change_id)
    return change_id


@unguarded("a restored backup: where it stood last, those decided who see to it (D3)")
@transaction.atomic
def stand_where_it_stood(actor: Principal, *, device: str, site: str) -> bool:
    """Put a device on the site where it stood before a restore; whether it stood on another one.

    Raises NotFound (it is given up, or that site is not there), Invalid (the site is another organization's).
    """
    row = Device.objects.filter(pk=device, unbound_at=None).first()
    if row is None:
        raise NotFound
    if row.site_id == site:
        return False
    _move(actor, [row], row.organization_id, site, new_id())
    return True


def _move(actor: Principal, rows: Iterable[Device], organization: str, site: str, change_id: str) -> None:
    touch_site(site)
    if not Site.objects.filter(pk=site, organization_id=organization).exists():
        raise Invalid(_("A device moves within its organization. To give it away, hand it over."), field="site")
    for row in rows:
        if not Device.objects.filter(pk=row.pk, unbound_at=None, site_id=row.site_id).update(site_id=site):
            raise NotFound
        cameras = list(Camera.objects.filter(device=row, closed_at=None).values_list("pk", flat=True))
        Camera.objects.filter(pk__in=cameras).update(site_id=site)
        # A panel's id is its device's: shares of it are settled like those of cameras.
        stale = settle_dependents(actor, cameras=[*cameras, row.pk], change_id=change_id)
        end_grants(
            actor,
            organization=organization,
            reason="moved",
            action="device.moved",
            thing=f"device:{row.pk}",
            grants=stale,
            change_id=change_id,
            details={"name": row.name, "before": row.site_id, "site": site},
        )
        # Members hold their grants on sites: those stay, but what they open has moved.
        enqueue("cameras.moved", {"change_id": change_id, "cameras": cameras, "why": "moved"})
        enqueue("lost.place", {"device": row.pk})


@requires(Permission.MANAGE, on="site")
@transaction.atomic
def remove_site(actor: Principal, *, site: str, move_devices_to: str = "") -> str:
    """Give a site up: empty, or its devices move along to another one. The change id.

    Needs `manage` on the whole organization: it is the organization that loses a place. Raises NotFound, Forbidden,
    Conflict (devices are left; the message names them), Invalid.
    """
    organization = Site.objects.values_list("organization_id", flat=True).get(pk=site)
    check(actor, Permission.MANAGE, on="organization", resource=organization)
    hold_organization(organization)
    touch_site(site)  # nobody binds a device here while we look
    rows = list(Device.objects.filter(site_id=site, unbound_at=None).order_by("name", "pk"))
    if rows and not move_devices_to:
        names = ", ".join(row.name for row in rows[:LISTED]) + (", …" if len(rows) > LISTED else "")
        raise Conflict(
            _("Devices stand on this site: %(names)s. Choose a site they move to. Nothing was changed.")
            % {"names": names},
            devices=[row.pk for row in rows],
        )
    if rows:
        check(actor, Permission.MANAGE, on="site", resource=move_devices_to)
        if move_devices_to == site:
            raise Invalid(_("Choose another site for the devices."), field="move_devices_to")
    change_id = new_id()
    if rows:
        _move(actor, rows, organization, move_devices_to, change_id)
    close_site(actor, site=site, change_id=change_id)
    return change_id
