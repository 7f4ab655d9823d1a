"""Addresses that are no cameras are refused before a packet goes out (N27)."""

import pytest

from belvedere.contracts.reach import Network, check_address, parse_camera_url

LAN: list[Network] = [("192.168.1.0/24", 554, 8554)]
ANYWHERE: list[Network] = [("0.0.0.0/0", 1, 65535), ("::/0", 1, 65535)]
LOOPBACK: list[Network] = [("127.0.0.0/8", 1, 65535), ("::1/128", 1, 65535)]


@pytest.mark.parametrize(
    ("ip", "port", "inside"),
    [
        ("192.168.1.20", 554, True),
        ("192.168.1.20", 8554, True),
        ("192.168.1.20", 553, False),
        ("192.168.2.20", 554, False),
        ("10.0.0.1", 554, False),
        ("fd00::1", 554, False),
    ],
)
def test_inside_and_outside_the_reach(ip: str, port: int, inside: bool) -> None:
    assert check_address(ip, port, LAN) is inside


# N27
@pytest.mark.parametrize(
    "ip",
    [
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:192.168.1.20",
        "::127.0.0.1",
        "::ffff:0:7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1%eth0",
        "fec0::1",
        "ff02::1",
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "localhost",
        "",
    ],
)
def test_what_is_no_camera_wherever_the_reach_goes(ip: str) -> None:
    assert not check_address(ip, 554, ANYWHERE)


def test_loopback_has_to_be_named_and_our_own_ports_stay_ours() -> None:
    assert check_address("127.0.0.1", 8554, LOOPBACK)
    assert check_address("::1", 8554, LOOPBACK)
    assert not check_address("127.0.0.1", 8001, LOOPBACK, own_ports={8000, 8001})
    assert not check_address("0.0.0.0", 8554, LOOPBACK)


def test_an_entry_that_cannot_be_read_allows_nothing() -> None:
    assert not check_address("192.168.1.20", 554, [("192.168.1.7/24", 1, 65535), ("nonsense", 1, 65535)])


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("rtsp://camera.lan/stream", ("camera.lan", 554)),
        ("rtsp://192.168.1.20:8554/h264?channel=1&subtype=0", ("192.168.1.20", 8554)),
        ("rtsp://[fd00::20]:554/", ("fd00::20", 554)),
        ("rtsp://cam_1", ("cam_1", 554)),
        ("RTSP://Camera.LAN./x", ("camera.lan.", 554)),
    ],
)
def test_addresses_as_people_have_them(url: str, found: tuple[str, int]) -> None:
    assert parse_camera_url(url) == found


# N27
@pytest.mark.parametrize(
    "url",
    [
        "",
        "camera.lan",
        "http://camera.lan/",
        "file:///etc/passwd",
        "rtsp://user:secret@camera.lan/",
        "rtsp://@camera.lan/",
        "rtsp://127.1/",
        "rtsp://2130706433/",
        "rtsp://0x7f.1/",
        "rtsp://0x7f000001/",
        "rtsp://0177.0.0.1/",
        "rtsp://1.2.3.4.5/",
        "rtsp://[fe80::1%25eth0]/",
        "rtsp://camera.lan:0/",
        "rtsp://camera.lan:65536/",
        "rtsp://camera.lan:x/",
        "rtsp:///path",
        "rtsp://-/\r\nDESCRIBE",
        "rtsp://camera.lan/ x",
        "rtsp://camera.lan\\@evil/",
        "rtsp://camera.lan/#fragment",
        "rtsp://a..b/",
        "rtsp://" + "a" * 64 + "/",
        "rtsp://ſtreet.lan/",
        "rtsp://camera.lan/" + "x" * 3000,
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|fields") as error:
        parse_camera_url(url)
    assert "secret" not in str(error.value)
