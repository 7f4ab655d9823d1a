"""Devices: one owner each, reached only where the operator allowed, credentials sealed."""

import socket
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

import cast
from belvedere.contracts import events
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import Quality
from belvedere.control.core import clock, vault
from belvedere.control.core.errors import AlreadyBound, Forbidden, Invalid, NetworkNotAllowed, NotFound, SwitchedOff
from belvedere.control.devices import services
from belvedere.control.devices.health import get_stability
from belvedere.control.devices.models import Binding, Device
from belvedere.control.devices.selectors import (
    get_camera,
    list_bind_attempts,
    list_cameras,
    list_devices,
)
from belvedere.control.devices.services.probing import Draft, stands_where_bound
from belvedere.control.devices.sources import Source, Streams
from belvedere.control.organizations.networks import list_attached_networks
from belvedere.control.streaming.services import open_ticket

ADDRESS = "rtsp://127.0.0.1:8554/yard"


def bind(person: cast.Person, address: str = ADDRESS, **more: Any) -> str:
    return services.add_device(
        person.actor, site=person.site, name="Yard", address=address, is_tested=False, username="u", **more
    )


@pytest.mark.parametrize(
    "again",
    [
        ADDRESS,
        "rtsp://127.0.0.1:8554/yard ",
        "RTSP://127.0.0.1:8554/yard",
        "rtsp://127.0.0.1:8554/%79ard",
    ],
)
@pytest.mark.parametrize("who", ["xena", "olivia"])
def test_a_second_binding_is_refused(people: cast.Cast, again: str, who: str) -> None:
    """VA-1, VA-2: however it is spelled, by whomever; and the way out is shown."""
    bind(people.olivia)
    person = people.xena if who == "xena" else people.olivia
    before = {view.id for view in list_devices(person.actor)}
    with pytest.raises(AlreadyBound, match="Ask the owner to share"):
        bind(person, again)
    assert {view.id for view in list_devices(person.actor)} == before


def test_the_sub_stream_counts_as_the_same_camera(people: cast.Cast) -> None:
    """VA-1: nobody slips in by the other stream."""
    bind(people.olivia, sub_address="rtsp://127.0.0.1:8554/yard-small")
    with pytest.raises(AlreadyBound):
        bind(people.xena, "rtsp://127.0.0.1:8554/yard-small")


def test_the_owner_learns_of_it_and_the_stranger_of_nothing(people: cast.Cast) -> None:
    """VA-3: no hint without the device's own password; one notice a day."""
    bind(people.olivia)
    attempts = set()
    for _ in range(3):
        with pytest.raises(AlreadyBound) as refused:
            bind(people.xena)
        assert refused.value.extra["hint"] is None
        assert "olivia" not in refused.value.message
        attempts.add(refused.value.extra["attempt"])
    assert len(attempts) == 1
    since = clock.now() - timedelta(days=1)
    assert [name for name, _at in list_bind_attempts(people.olivia.actor, since=since)] == ["Yard"]
    assert list_bind_attempts(people.xena.actor, since=since) == []


def test_unbound_it_can_be_bound_anew(people: cast.Cast) -> None:
    device = bind(people.olivia)
    services.unbind_device(people.olivia.actor, device=device)
    assert Device.objects.get(pk=device).source == ""
    bind(people.xena)


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://192.168.1.10/stream",
        "rtsp://169.254.169.254/latest",
        "rtsp://0.0.0.0:8554/x",
        "rtsp://[::ffff:127.0.0.1]:8554/x",
        "rtsp://[::1]:8554/x",
        "rtsp://no-such-host.invalid/x",
    ],
)
def test_what_lies_outside_the_reach_is_refused(people: cast.Cast, address: str) -> None:
    """VA-25, rule 8, N27: before anything is looked up or sent."""
    with pytest.raises(NetworkNotAllowed):
        bind(people.olivia, address)


@pytest.mark.parametrize(
    "address",
    [
        "ftp://127.0.0.1/x",
        "http://user:secret@127.0.0.1/",
        "rtsp://user:secret@127.0.0.1/x",
        "rtsp://127.1/x",
        "rtsp://2130706433/x",
        "rtsp://0x7f.1/x",
        "",
        "rtsp://",
        "rtsp://127.0.0.1:99999/x",
        "rtsp://[::1",
        "rtsp://[not-an-address]/x",
        "rtsp://127.0.0.1/a b",
        "rtsp://127.0.0.1/" + "x" * 600,
    ],
)
def test_what_is_no_address_is_refused(people: cast.Cast, address: str) -> None:
    """N27: shorthands and numbers are not addresses; a password in the address is told its place."""
    with pytest.raises(Invalid):
        bind(people.olivia, address)


def test_a_bound_camera_outside_the_reach_answers_like_any_other(people: cast.Cast) -> None:
    """N27: reach comes before identity, so it is no oracle of what is bound."""
    bind(people.olivia)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM organizations_reach WHERE organization_id = %s", [people.xena.organization])
    with pytest.raises(NetworkNotAllowed):
        bind(people.xena)


def test_no_packet_before_the_reach_allows_it(people: cast.Cast) -> None:
    """VA-25, N27: the listener sees nobody."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM organizations_reach WHERE organization_id = %s", [people.xena.organization])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        port = listener.getsockname()[1]
        with pytest.raises(NetworkNotAllowed):
            services.add_device(
                people.xena.actor, site=people.xena.site, name="Trap", address=f"rtsp://127.0.0.1:{port}/x"
            )
        with pytest.raises(TimeoutError):
            listener.accept()


def test_both_streams_are_on_one_host(people: cast.Cast) -> None:
    """N26: a password goes to no second host."""
    with pytest.raises(Invalid):
        bind(people.olivia, sub_address="rtsp://127.0.0.2:8554/yard")


def test_credentials_are_sealed_to_their_row(people: cast.Cast) -> None:
    """The database holds no password, and a sealed one opens in no other row."""
    first, second = bind(people.olivia, password="tell nobody"), bind(people.olivia, "rtsp://127.0.0.1:8554/other")
    row = Device.objects.get(pk=first)
    assert "tell nobody" not in row.source
    assert "tell nobody" in vault.unseal(row.source, table="device", row=first, field="source")
    with pytest.raises(vault.SealBroken):
        vault.unseal(row.source, table="device", row=second, field="source")


def test_nobody_else_configures_it(people: cast.Cast) -> None:
    """VA-4: a recipient sees the camera and no device; a stranger neither."""
    people.olivia.share(people.rita, people.courtyard)
    device = get_camera(people.olivia.actor, people.courtyard).device
    assert device
    assert list_devices(people.rita.actor) == []
    for person in (people.rita, people.xena):
        with pytest.raises(NotFound):
            services.unbind_device(person.actor, device=device)
        with pytest.raises(NotFound):
            services.rename_device(person.actor, device=device, name="mine")


def hello(run: str = "run-1") -> None:
    services.record_hello("local", events.Hello("local", run, "ws://localhost:1", "key"))


def say(camera: str, sequence: int, *, online: bool, hours_ago: float, run: str = "run-1") -> None:
    at = clock.now() - timedelta(hours=hours_ago)
    services.record_state(
        "local",
        events.CameraState(run, sequence, camera, Quality.MAIN, online, at.timestamp(), at.timestamp(), codec="h264"),
    )


def test_stability_is_shown_before_sharing(people: cast.Cast) -> None:
    """VA-9: state, last drop, and the part of the last day it was up."""
    hello()
    say(people.courtyard, 1, online=True, hours_ago=30)
    say(people.courtyard, 2, online=False, hours_ago=12)
    say(people.courtyard, 3, online=True, hours_ago=6)
    found = get_stability(people.olivia.actor, people.courtyard)
    assert found.state == "online"
    assert found.last_drop_at
    assert found.last_drop_at == pytest.approx(clock.now() - timedelta(hours=12), abs=timedelta(seconds=5))
    assert found.uptime_day == pytest.approx(0.75, abs=0.01)
    people.olivia.share(people.rita, people.courtyard)
    with pytest.raises(NotFound):
        get_stability(people.rita.actor, people.courtyard)


def test_late_words_and_old_runs_do_not_count(people: cast.Cast) -> None:
    """State arrives late, twice, or from a node that was fenced."""
    hello()
    say(people.courtyard, 5, online=True, hours_ago=1)
    say(people.courtyard, 4, online=False, hours_ago=0.5)
    assert get_camera(people.olivia.actor, people.courtyard).state == "online"
    hello("run-2")
    say(people.courtyard, 9, online=False, hours_ago=0.1)
    assert get_camera(people.olivia.actor, people.courtyard).state == "online"
    say(people.courtyard, 1, online=False, hours_ago=0.1, run="run-2")
    assert get_camera(people.olivia.actor, people.courtyard).state == "offline"


def test_a_silent_node_makes_its_cameras_unknown(people: cast.Cast) -> None:
    hello()
    say(people.courtyard, 1, online=True, hours_ago=0)
    with clock.moved_by(timedelta(seconds=20)):
        services.settle_nodes()
    assert get_camera(people.olivia.actor, people.courtyard).state == "unknown"


def test_any_rtsp_camera_no_vendor_asked(people: cast.Cast) -> None:
    """B-12: an address is all that is needed; names are one's own."""
    device = bind(people.olivia, "rtsp://127.0.0.1:554/cam/realmonitor?channel=1&subtype=0")
    services.rename_device(people.olivia.actor, device=device, name="Hinterhof ☔ 後庭")
    assert "Hinterhof ☔ 後庭" in {view.name for view in list_cameras(people.olivia.actor)}


def test_the_first_owner_reaches_the_servers_own_networks() -> None:
    """Rule 8, VA-25: private networks on our own links; no way out through a gateway, no public network."""
    table = """Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
eth0 00000000 0101A8C0 0003 0 0 0 00000000 0 0 0
eth0 0001A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0
eth1 0000000A 0101A8C0 0003 0 0 0 000000FF 0 0 0
eth2 0000FEA9 00000000 0001 0 0 0 0000FFFF 0 0 0
eth3 00080808 00000000 0001 0 0 0 00FFFFFF 0 0 0
docker0 000011AC 00000000 0001 0 0 0 0000FFFF 0 0 0
"""
    assert list_attached_networks(table) == ["172.17.0.0/16", "192.168.1.0/24"]
    assert list_attached_networks("") == []


def test_a_device_switched_off_is_off_for_everybody_and_says_who_did_it(people: cast.Cast) -> None:
    """Nobody blinds a camera silently: it stays visible, with the mark, and rights stand."""
    device = get_camera(people.olivia.actor, people.counter).device or ""
    services.disable_device(people.olivia.actor, device=device)
    services.disable_device(people.olivia.actor, device=device)
    for who in (people.olivia, people.vera):
        view = get_camera(who.actor, people.counter)
        assert view.disabled_at is not None
        assert view.may(Permission.LIVE_VIEW)
        with pytest.raises(SwitchedOff):
            open_ticket(who.actor, camera=people.counter)
    assert get_camera(people.olivia.actor, people.counter).disabled_by.name == "Olivia"  # type: ignore[union-attr]  # set above
    # Who does what in the owner's house is not the recipient's to know (N14).
    assert get_camera(people.vera.actor, people.counter).disabled_by is None
    for who in (people.vera, people.xena):
        with pytest.raises((NotFound, Forbidden)):
            services.enable_device(who.actor, device=device)
    services.enable_device(people.olivia.actor, device=device)
    assert get_camera(people.vera.actor, people.counter).disabled_at is None


def test_a_fake_that_says_somebody_s_serial_number_learns_and_opens_nothing(people: cast.Cast) -> None:
    """VA-3, HC-26, N39: what a device says of itself refuses a second binding, and proves nothing."""
    device = bind(people.olivia)
    Binding.objects.create(value="serial|acme|ab12345", device_id=device)
    there = list(Binding.objects.filter(device=device, value__startswith="rtsp|").values_list("value", flat=True))

    def draft(*addresses: str) -> Draft:
        return Draft(
            source=Source({"": Streams("rtsp://127.0.0.1:9/x")}),
            channels=[],
            identities=["serial|acme|ab12345", *addresses],
            networks=[],
            shown_address="",
        )

    assert not stands_where_bound(draft("rtsp|10.9.9.9|554|/fake"), device)
    assert stands_where_bound(draft(*there), device)
    assert not stands_where_bound(draft(*there), get_camera(people.xena.actor, people.xenas).device or "")
