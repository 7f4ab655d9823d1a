"""Devices that answer at another address than they are bound at: found again, and suggested to their owner.

A suggestion, nothing more. Whoever answers a search may say any name, and what proves a device is its password: so
nothing that is kept is sent to where it was found (N26). The owner reads the address and types the password there.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from django.db.models import Exists, OuterRef, Q

from belvedere.contracts import subjects
from belvedere.contracts.devices import Discovered, DiscoverReply, DiscoverRequest
from belvedere.control.access.guard import unguarded
from belvedere.control.core import clock, media
from belvedere.control.core.errors import Invalid, Unavailable
from belvedere.control.devices.addresses import parse_device_address
from belvedere.control.devices.models import Camera, Device, MediaNode
from belvedere.control.devices.selectors import NODE_IS_GONE_AFTER, choose_node
from belvedere.control.organizations.selectors import list_reach

#: A camera that was unplugged for a moment is not looked for.
AWAY_FOR: Final = timedelta(minutes=5)
SEEK_EVERY: Final = timedelta(minutes=10)
#: What a device calls itself is learned while it answers where it is bound; many never say.
LEARN_EVERY: Final = timedelta(days=1)
#: Shorter than a person's search: the worker waits for it.
SEARCH_S: Final = 2.0


@unguarded("the worker's own housekeeping: it looks where the organization may, and changes no address")
def seek_devices() -> None:
    """Search for the ONVIF devices of one organization that are away, or whose name for themselves is not known yet."""
    at = clock.now()
    away = Camera.objects.filter(
        device=OuterRef("pk"), closed_at=None, disabled_at=None, state="offline", state_since__lte=at - AWAY_FOR
    )
    devices = Device.objects.filter(unbound_at=None, is_onvif=True).annotate(is_away=Exists(away))
    devices.filter(is_away=False).exclude(found_address="").update(found_address="")
    due = Q(sought_at=None) | Q(is_away=True, sought_at__lte=at - SEEK_EVERY) | Q(sought_at__lte=at - LEARN_EVERY)
    wanted = devices.filter(due).filter(Q(is_away=True) | Q(endpoint=""))
    organization = wanted.order_by("sought_at", "pk").values_list("organization_id", flat=True).first()
    if organization is None:
        return
    mine = list(devices.filter(organization=organization).filter(Q(is_away=True) | Q(endpoint="")))
    # Claimed before it is done: another worker looks for somebody else's, and what fails is not tried at once again.
    ids = wanted.filter(organization=organization).values_list("pk", flat=True)
    if Device.objects.filter(pk__in=list(ids)).filter(Q(sought_at=None) | Q(sought_at__lt=at)).update(sought_at=at):
        _note(mine, _search(organization))


def _search(organization: str) -> list[Discovered]:
    networks = list_reach(organization)
    nodes = MediaNode.objects.filter(last_seen_at__gt=clock.now() - NODE_IS_GONE_AFTER)
    node = choose_node(organization, list(nodes))
    if node is None or not networks:
        return []
    subject = subjects.of_node(subjects.NODE_DISCOVER, node.pk)
    try:
        return media.ask(subject, DiscoverRequest(networks, SEARCH_S), DiscoverReply, timeout=SEARCH_S + 4).found
    except Unavailable:
        return []


def _note(devices: Iterable[Device], found: list[Discovered]) -> None:
    places = [(_shown(row.address), row) for row in found]
    for device in devices:
        macs = {
            value.removeprefix("mac|")
            for value in device.bindings.filter(value__startswith="mac|").values_list("value", flat=True)
        }
        here = {row.endpoint for place, row in places if place == device.shown_address and row.endpoint}
        if len(here) == 1 and not device.endpoint:
            Device.objects.filter(pk=device.pk, endpoint="").update(endpoint=here.pop())
        if not device.is_away:  # type: ignore[attr-defined]  # annotated
            continue
        by_mac = {place for place, row in places if row.mac and row.mac.replace(":", "") in macs}
        by_name = {place for place, row in places if device.endpoint and row.endpoint == device.endpoint}
        candidates = (by_mac or by_name) - {"", device.shown_address}
        # Two of one name: one of them lies, and nobody can tell which.
        suggested = candidates.pop() if len(candidates) == 1 else ""
        Device.objects.filter(pk=device.pk, unbound_at=None, shown_address=device.shown_address).update(
            found_address=suggested
        )


def _shown(address: str) -> str:
    try:
        return parse_device_address(address).shown
    except Invalid:
        return ""
