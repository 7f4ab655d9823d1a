"""Addresses of known brands: each is one that the product itself would accept."""

import pytest

from belvedere.control.core.errors import Invalid
from belvedere.control.devices.addresses import parse_address
from belvedere.control.devices.templates import TEMPLATES, fill_template


@pytest.mark.parametrize("key", list(TEMPLATES))
@pytest.mark.parametrize("host", ["192.168.1.20", "cam.lan", "fd00::20", "[fd00::20]"])
def test_every_brand_gives_addresses_that_we_accept(key: str, host: str) -> None:
    main, sub = fill_template(key, host=host, token="aB3dE")
    for address in filter(None, (main, sub)):
        parsed = parse_address(address)
        assert parsed.host == host.strip("[]")
        assert "{" not in address


@pytest.mark.parametrize("key", [key for key, template in TEMPLATES.items() if template.recorder_main])
def test_recorders_have_an_address_for_each_channel(key: str) -> None:
    """VA-21: each channel its own, and none twice."""
    found = {fill_template(key, host="10.0.0.5", channel=number) for number in range(1, 65)}
    assert len({address for pair in found for address in pair}) == 128


@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("nobody", {}),
        ("hikvision", {"channel": 65}),
        ("hikvision", {"channel": -1}),
        ("axis", {"channel": 1}),
        ("unifi", {}),
        ("unifi", {"token": "a/../b"}),
    ],
)
def test_what_makes_no_sense_is_said(key: str, more: dict[str, int]) -> None:
    with pytest.raises(Invalid):
        fill_template(key, host="10.0.0.5", **more)  # type: ignore[arg-type]  # channels and tokens alike
