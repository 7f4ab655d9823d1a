"""Who is there? Devices by the book, sloppy ones, floods, and silence beyond the reach."""

import asyncio
import itertools
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
from ipycam.config import CameraConfig
from ipycam.onvif import ONVIFService

from belvedere.contracts.devices import MAX_FOUND, DiscoverReply, DiscoverRequest
from belvedere.contracts.reach import Network
from belvedere.contracts.subjects import NODE_DISCOVER, of_node
from belvedere.demo.onvif_discovery import Announcement, DiscoveryResponder
from belvedere.demo.onvif_faults import with_dtd, with_entities, with_levels
from belvedere.media.node import MediaNode
from belvedere.media.onvif import discover
from belvedere.media.onvif.bounded_xml import XmlRefused
from belvedere.media.onvif.discovery import neighbours, read_matches
from media.little_control import NODE, LittleControl

pytestmark = pytest.mark.anyio

LOOPBACK: list[Network] = [("127.0.0.0/8", 1, 65535)]
WAIT_S = 1.2


def at(host: str, port: int = 8080, path: str = "/onvif/device_service") -> str:
    return f"http://{host}:{port}{path}"


async def search(*responders: DiscoveryResponder, networks: list[Network] = LOOPBACK) -> DiscoverReply:
    """Ask them by unicast, all at once."""
    async with AsyncExitStack() as stack:
        for responder in responders:
            await stack.enter_async_context(responder)
        return await discover(networks, WAIT_S, ask=[responder.asked_at for responder in responders])


async def test_hardware_addresses_are_those_the_kernel_knows(tmp_path: Path) -> None:
    table = tmp_path / "arp"
    table.write_text(
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "192.168.1.57     0x1         0x2         00:1A:2b:3c:4d:5e     *        eth0\n"
        "192.168.1.58     0x1         0x0         00:00:00:00:00:00     *        eth0\n"
        "torn"
    )
    assert neighbours(str(table)) == {"192.168.1.57": "00:1a:2b:3c:4d:5e"}
    assert neighbours(str(tmp_path / "none")) == {}


# B-12
async def test_a_device_by_the_book() -> None:
    said = Announcement(at("127.0.0.1"), name="Front door", hardware="BV 1", location="House/Hall")
    reply = await search(DiscoveryResponder(said))
    (found,) = reply.found
    assert not reply.is_cut
    assert (found.address, found.host, found.endpoint) == (at("127.0.0.1"), "127.0.0.1", said.endpoint)
    assert (found.name, found.hardware, found.location) == ("Front door", "BV 1", "House/Hall")


async def test_a_sloppy_device_counts_as_well() -> None:
    reply = await search(DiscoveryResponder(Announcement(at("127.0.0.1"), name="Cheap", is_sloppy=True)))
    assert [(found.name, found.address) for found in reply.found] == [("Cheap", at("127.0.0.1"))]


async def test_a_sloppy_device_that_is_not_ours() -> None:
    config = CameraConfig(name="Virtual", local_ip="127.0.0.1", onvif_port=8081)
    answer = ONVIFService(config).create_probe_match("urn:uuid:x").encode()
    assert b"ProbeMatches>" not in answer
    reply = await search(DiscoveryResponder(Announcement("", says=[answer])))
    assert [(found.name, found.address) for found in reply.found] == [("Virtual", at("127.0.0.1", 8081))]


async def test_each_device_is_told_once_however_often_it_answers() -> None:
    twice = Announcement(at("127.0.0.1"))
    wandering = Announcement(at("127.0.0.1", 81))
    wandering.says = [
        *wandering.answers("x"),
        *Announcement(at("127.0.0.1", 82), endpoint=wandering.endpoint).answers("x"),
    ]
    reply = await search(DiscoveryResponder(twice), DiscoveryResponder(wandering))
    assert sorted(found.address for found in reply.found) == [at("127.0.0.1"), at("127.0.0.1", 81)]


async def test_a_device_cannot_hide_another_by_taking_its_name() -> None:
    honest = Announcement(at("127.0.0.1"))
    thief = Announcement(at("127.0.0.66"), endpoint=honest.endpoint)
    reply = await search(DiscoveryResponder(thief, host="127.0.0.66"), DiscoveryResponder(honest))
    assert {found.host for found in reply.found} == {"127.0.0.1", "127.0.0.66"}


# N28
@pytest.mark.parametrize(
    ("named", "address"),
    [
        ("http://10.0.0.9/onvif/device_service", "http://127.0.0.5/onvif/device_service"),
        ("http://10.0.0.9:8080/x http://127.0.0.5:81/y", "http://127.0.0.5:81/y"),
        ("http://[fe80::1]/a http://192.168.0.2:82/b?c", "http://127.0.0.5:82/b?c"),
        ("https://127.0.0.5/onvif", "https://127.0.0.5/onvif"),
        ("https://127.0.0.9:8443/x", "https://127.0.0.5:8443/x"),
        ("https://127.0.0.5/a http://127.0.0.5:81/b", "http://127.0.0.5:81/b"),
        ("http://u:p@127.0.0.5/x", "http://127.0.0.5/onvif/device_service"),
        ("", "http://127.0.0.5/onvif/device_service"),
    ],
)
async def test_the_host_is_where_the_answer_came_from(named: str, address: str) -> None:
    reply = await search(DiscoveryResponder(Announcement(named), host="127.0.0.5"))
    assert [found.address for found in reply.found] == [address]


# N27
async def test_what_lies_outside_the_reach_is_not_told() -> None:
    near = DiscoveryResponder(Announcement(at("127.0.0.1")), host="127.0.0.1")
    far = DiscoveryResponder(Announcement(at("127.0.0.1")), host="127.0.0.7")
    wrong_port = DiscoveryResponder(Announcement(at("127.0.0.1", 23)), host="127.0.0.1")
    reply = await search(near, far, wrong_port, networks=[("127.0.0.1/32", 80, 8080)])
    assert [found.host for found in reply.found] == ["127.0.0.1"]
    assert (await search(near, networks=[("0.0.0.0/0", 1, 65535)])).found == []
    assert (await search(near, networks=[])).found == []


async def test_printers_and_noise_are_no_cameras() -> None:
    (by_the_book,) = Announcement(at("127.0.0.1", path="/WebServices/Device"), name="LaserJet").answers("x")
    printer = re.sub(rb"onvif://www.onvif.org", b"ldap:", by_the_book).replace(
        b"NetworkVideoTransmitter", b"PrintDevice"
    )
    reply = await search(DiscoveryResponder(Announcement("", says=[printer, b"\x00" * 100, b"", b"<a/>"])))
    assert reply.found == []


async def test_words_of_devices_are_cut_to_size() -> None:
    said = Announcement(at("127.0.0.1"), name="a\u202e\x07" + "x" * 500, endpoint="e" * 900)
    (found,) = (await search(DiscoveryResponder(said))).found
    assert (len(found.name), len(found.endpoint), found.name.isprintable()) == (80, 80, True)


# N29
@pytest.mark.parametrize("datagram", [with_dtd(), with_entities(), with_levels(70), b"<a/>" * 600, b"<a>" * 20])
def test_answers_that_are_not_read(datagram: bytes) -> None:
    with pytest.raises(XmlRefused):
        read_matches(datagram)


# B-12
async def test_fifty_devices_by_multicast_within_five_seconds() -> None:
    async with AsyncExitStack() as stack:
        hosts = [f"127.0.1.{number}" for number in range(1, 51)]
        responders = [
            DiscoveryResponder(Announcement(at(host, 80), is_sloppy=number % 5 == 0), host=host, in_group=True)
            for number, host in enumerate(hosts)
        ]
        for responder in responders:
            await stack.enter_async_context(responder)
        began = time.monotonic()
        reply = await discover(LOOPBACK, 4.0)
        assert time.monotonic() - began < 5
        assert {found.host for found in reply.found} >= set(hosts)
        heard = sum(responder.probes for responder in responders)
        assert (await discover([("192.168.77.0/24", 1, 65535)], WAIT_S)).found == []
        assert sum(responder.probes for responder in responders) == heard  # a network without an interface is not asked


async def test_a_search_over_the_bus(node: MediaNode, control: LittleControl) -> None:
    assert node.run
    async with DiscoveryResponder(Announcement(at("127.0.0.3", 80)), host="127.0.0.3", in_group=True):
        question = DiscoverRequest(networks=LOOPBACK, timeout_s=WAIT_S)
        reply = await control.bus.request(of_node(NODE_DISCOVER, NODE), question, DiscoverReply, timeout=10)
    assert "127.0.0.3" in {found.host for found in reply.found}


# -- floods -----------------------------------------------------------------------------------------------------------


@contextmanager
def flood(answers: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, int]]:
    """Waits for a question, and answers with (host, datagram) until there are no more."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hearing:
        hearing.bind(("127.0.0.1", 0))

        def answer() -> None:
            asker = hearing.recvfrom(65_535)[1]
            for host, group in itertools.groupby(answers, key=lambda one: one[0]):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                    sock.bind((host, 0))
                    for _, datagram in group:
                        sock.sendto(datagram, asker)
                time.sleep(0.001)  # hosts do not answer all at once: what the kernel drops proves nothing

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield hearing.getsockname()
        finally:
            thread.join()


def many_hosts(count: int, each: int) -> Iterator[tuple[str, bytes]]:
    for number in range(count):
        host = f"127.2.{number // 250}.{number % 250 + 1}"
        for port in range(each):
            (answer,) = Announcement(at(host, 8000 + port)).answers("x")
            yield host, answer


#: Searches in a process of its own, and says what was found and how far its memory grew (KiB) at the worst.
WITNESS = """
import asyncio, json, sys, time
from pathlib import Path
from belvedere.media.onvif import discover

def memory(kind):
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if kind in line)

async def main(port):
    networks = [("127.0.0.0/8", 1, 65535)]
    await discover(networks, 0.1, ask=[])
    Path("/proc/self/clear_refs").write_text("5")
    before, began = memory("VmRSS"), time.monotonic()
    reply = await discover(networks, 4, ask=[("127.0.0.1", int(port))])
    took = time.monotonic() - began
    hosts = [found.host for found in reply.found]
    of_one = max(map(hosts.count, hosts), default=0)
    print(json.dumps([len(hosts), of_one, reply.is_cut, took, memory("VmHWM") - before]))

asyncio.run(main(sys.argv[1]))
"""


async def searched(port: int) -> tuple[int, int, bool, float, int]:
    witness = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WITNESS, str(port)), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await witness.communicate()
    found, of_one, is_cut, took_s, grown_kib = json.loads(output)
    assert took_s < 5
    assert grown_kib < 32 * 1024
    return found, of_one, is_cut, took_s, grown_kib


# N29
async def test_ten_thousand_answers_of_a_thousand_hosts_are_cut_and_said_to_be() -> None:
    with flood(many_hosts(1000, 10)) as (_, port):
        found, _, is_cut, *_ = await searched(port)
    assert (found, is_cut) == (MAX_FOUND, True)


# N29
async def test_one_host_does_not_crowd_out_the_others() -> None:
    loud = (("127.0.0.66", answer) for port in range(10_000) for answer in Announcement(at("x", port + 1)).answers("x"))
    quiet = [("127.0.0.67", answer) for answer in Announcement(at("127.0.0.67")).answers("x")] * 20
    with flood(itertools.chain(loud, quiet)) as (_, port):
        found, of_one, is_cut, *_ = await searched(port)
    assert (of_one <= 64, found <= 65, is_cut) == (True, True, False)


# N29
async def test_ten_megabytes_of_answers_leave_nothing_behind() -> None:
    big = b"<a>" + b"x" * 60_000 + b"</a>"
    with flood(("127.0.0.66", big) for _ in range(170)) as (_, port):
        assert (await searched(port))[0] == 0
