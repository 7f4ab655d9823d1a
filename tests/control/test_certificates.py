"""A device that speaks https with a certificate of its own: met once, known from then on."""

import ssl
from pathlib import Path

import msgspec
import pytest

import cast
from belvedere.contracts import events, subjects
from belvedere.contracts.devices import InspectRequest, InspectResult
from belvedere.contracts.sealing import generate_key, public_bytes, unseal
from belvedere.control.core.errors import Invalid
from belvedere.control.devices import services
from belvedere.control.devices.addresses import parse_device_address
from belvedere.control.devices.models import Device
from belvedere.control.devices.services import TestFailed as Failed
from belvedere.control.devices.services.binding import open_source
from belvedere.demo.onvif import OnvifChannel, OnvifDevice
from belvedere.media.onvif import inspect
from control.watching import Node
from media.broker import make_certificate

pytestmark = pytest.mark.django_db(transaction=True)

USER, PASSWORD = "admin", "s3cret-s3cret"


@pytest.fixture
def node(bus: Node) -> Node:
    """A node that asks devices what they are."""
    key = generate_key()

    async def look(request: InspectRequest, _subject: str) -> InspectResult:
        source = msgspec.json.decode(unseal(key, request.sealed), type=events.StreamSource)
        return await inspect(source, request.timeout_s)

    services.record_hello("local", events.Hello("local", "run-1", "ws://localhost:1", public_bytes(key)))
    bus.answer(subjects.NODE_INSPECT, InspectRequest, look)
    return bus


def device_with(folder: Path, port: int = 0) -> tuple[OnvifDevice, str]:
    folder.mkdir()
    _, fingerprint = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "broker.crt", folder / "broker.key")
    channel = OnvifChannel("Yard", "rtsp://127.0.0.1:8554/yard")
    return OnvifDevice([channel], password=PASSWORD, port=port, tls=context), fingerprint


def test_another_certificate_is_told_nothing_until_its_owner_types_anew(
    people: cast.Cast, node: Node, tmp_path: Path
) -> None:
    """N26: what is kept goes to the certificate it was typed for; the words say what happened."""
    device, first = device_with(tmp_path / "first")
    node.run(device.__aenter__())
    owner = people.olivia.actor
    bound = services.add_device(
        owner,
        site=people.olivia.site,
        name="Yard",
        is_tested=False,
        address=device.url,
        username=USER,
        password=PASSWORD,
    )
    row = Device.objects.get(pk=bound)
    assert (open_source(row).certificate, row.shown_address) == (first, f"https://127.0.0.1:{device.port}")
    assert services.refresh_device(owner, device=bound) == []
    node.run(device.__aexit__(None, None, None))

    renewed, second = device_with(tmp_path / "second", device.port)
    node.run(renewed.__aenter__())
    with pytest.raises(Failed, match="another certificate") as refused:
        services.refresh_device(owner, device=bound)
    assert refused.value.code == "certificate_changed"
    assert not renewed.heard
    services.readdress_device(owner, device=bound, address=device.url, username=USER, password=PASSWORD)
    assert open_source(Device.objects.get(pk=bound)).certificate == second
    node.run(renewed.__aexit__(None, None, None))


def test_addresses_with_tls() -> None:
    found = parse_device_address("https://192.168.1.20")
    assert (found.url, found.port) == ("https://192.168.1.20:443/onvif/device_service", 443)
    assert found.shown == "https://192.168.1.20:443"
    with pytest.raises(Invalid):
        parse_device_address("https://user@192.168.1.20")
