"""What the API's one PATCH of a device can mean: exactly one of its services."""

from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.core.errors import Invalid
from belvedere.control.core.principal import Principal
from belvedere.control.devices.brokers import BrokerWish
from belvedere.control.devices.services.binding import rename_device
from belvedere.control.devices.services.moving import move_device
from belvedere.control.devices.services.panels import readdress_panel
from belvedere.control.devices.services.switching import disable_device, enable_device


@unguarded("each of the services it calls is guarded by itself")
def edit_device(
    actor: Principal,
    *,
    device: str,
    name: str | None = None,
    site: str | None = None,
    is_enabled: bool | None = None,
    broker: BrokerWish | None = None,
) -> str:
    """Rename, move, switch off or on, or give a panel another broker: one of them. The change id, or "".

    There is one where something can have ended. Raises Invalid for none or several at once, and as the services do.
    """
    if sum(value is not None for value in (name, site, is_enabled, broker)) != 1:
        raise Invalid(_("Change one thing at a time: the name, the site, whether it is on, or a panel’s broker."))
    if name is not None:
        rename_device(actor, device=device, name=name)
        return ""
    if site is not None:
        return move_device(actor, device=device, site=site)
    if broker is not None:
        readdress_panel(actor, device=device, wish=broker)
        return ""
    if is_enabled:
        enable_device(actor, device=device)
        return ""
    return disable_device(actor, device=device)
