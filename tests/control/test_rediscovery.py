"""A device that comes back at another address: found, suggested, and told nothing."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import timedelta

import pytest

import cast
from belvedere.contracts import subjects
from belvedere.contracts.devices import DiscoverReply, DiscoverRequest
from belvedere.control.core import clock
from belvedere.control.devices import services
from belvedere.control.devices.models import Binding, Camera, Device
from belvedere.control.devices.selectors import get_camera, get_device
from belvedere.control.devices.services import rediscovery
from belvedere.demo.onvif import OnvifDevice
from belvedere.demo.onvif_discovery import Announcement, DiscoveryResponder
from belvedere.media.onvif import discover
from control.watching import Node, hello

pytestmark = pytest.mark.django_db(transaction=True)


class Street:
    """The network as a node finds it: devices that announce themselves."""

    def __init__(self, node: Node) -> None:
        self.searches = 0
        self._node = node
        self._responders: list[DiscoveryResponder] = []
        node.answer(subjects.NODE_DISCOVER, DiscoverRequest, self._search)

    async def _search(self, request: DiscoverRequest, _subject: str) -> DiscoverReply:
        self.searches += 1
        return await discover(request.networks, 0.3, ask=[row.asked_at for row in self._responders])

    @contextmanager
    def answering(self, *names: str) -> Iterator[list[OnvifDevice]]:
        """Devices that call themselves so, each on a host of its own."""
        opened = self._open(names)
        yield self._node.run(opened.__aenter__())
        self._node.run(opened.__aexit__(None, None, None))

    @asynccontextmanager
    async def _open(self, names: tuple[str, ...]) -> AsyncIterator[list[OnvifDevice]]:
        async with AsyncExitStack() as stack:
            devices = [
                await stack.enter_async_context(OnvifDevice([], password="other", host=f"127.0.0.{number}"))
                for number in range(1, len(names) + 1)
            ]
            self._responders = [
                await stack.enter_async_context(
                    DiscoveryResponder(Announcement(device.url, endpoint=name), host=device.host)
                )
                for device, name in zip(devices, names, strict=True)
            ]
            yield devices


@pytest.fixture
def street(bus: Node) -> Street:
    hello()
    return Street(bus)


def place(device: OnvifDevice) -> str:
    return f"http://{device.host}:{device.port}"


def bind_at(person: cast.Person, camera: str, address: str) -> str:
    """Make a bound device one that was asked by ONVIF there."""
    device = get_camera(person.actor, camera).device
    assert device
    Device.objects.filter(pk=device).update(is_onvif=True, shown_address=address)
    return device


def seek(device: str, *, away_min: int | None = None) -> str:
    """A search that is due; what is suggested then."""
    at = clock.now()
    Device.objects.update(sought_at=at - timedelta(days=2))
    if away_min is not None:
        since = at - timedelta(minutes=away_min)
        Camera.objects.filter(device=device).update(state="offline", state_since=since)
    services.seek_devices()
    found: str = Device.objects.values_list("found_address", flat=True).get(pk=device)
    return found


def test_a_device_with_a_new_address_is_suggested_and_told_nothing(people: cast.Cast, street: Street) -> None:
    """N26: found by the name it had; nobody signs in there until its owner types the password."""
    with street.answering("urn:uuid:cam-1") as [before]:
        device = bind_at(people.olivia, people.pool, place(before))
        assert seek(device) == ""
    assert Device.objects.get(pk=device).endpoint == "urn:uuid:cam-1"
    with street.answering("urn:uuid:cam-1", "urn:uuid:cam-2") as [after, _other]:
        assert seek(device, away_min=2) == ""  # it may come back by itself
        assert seek(device, away_min=6) == place(after)
        assert not after.heard
    client = people.olivia.browser()
    page = client.get(f"/devices/{device}").content.decode()
    assert place(after) in page
    form = client.get(f"/devices/{device}/address?from=found").content.decode()
    assert f'value="{place(after)}"' in form
    assert cast.CANARY not in form
    assert place(after) not in client.get(f"/devices/{device}/address").content.decode()
    assert people.olivia.api().get(f"/api/v1/devices/{device}").json()["found_at"] == place(after)
    assert get_device(people.olivia.actor, device).shown_address == place(before)
    Camera.objects.filter(device=device).update(state="online")
    assert seek(device) == ""  # it is back where it was


def test_two_of_one_name_are_nobody(people: cast.Cast, street: Street) -> None:
    """N1: whoever takes its name makes the suggestion go away, and gets nothing."""
    device = bind_at(people.olivia, people.pool, "http://127.0.0.1:9")
    Device.objects.filter(pk=device).update(endpoint="urn:uuid:cam-1")
    with street.answering("urn:uuid:cam-1", "urn:uuid:cam-1"):
        assert seek(device, away_min=6) == ""


def test_a_search_is_made_once_in_ten_minutes_and_only_where_something_is_away(
    people: cast.Cast, street: Street
) -> None:
    device = bind_at(people.olivia, people.pool, "http://127.0.0.1:9")
    Device.objects.filter(pk=device).update(endpoint="urn:uuid:cam-1")
    seek(device)
    assert street.searches == 0
    seek(device, away_min=6)
    services.seek_devices()
    assert street.searches == 1
    Device.objects.filter(pk=device).update(sought_at=clock.now() - rediscovery.SEEK_EVERY)
    services.seek_devices()
    assert street.searches == 2


def test_without_a_node_nothing_is_found(people: cast.Cast) -> None:
    device = bind_at(people.olivia, people.pool, "http://127.0.0.1:9")
    Binding.objects.create(value="mac|00005e005301", device_id=device)
    assert seek(device, away_min=6) == ""
