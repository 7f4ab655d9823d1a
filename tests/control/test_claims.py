"""Freeing what an owner left behind: by the device's own password, in the open, and slowly. HC-26, N4, N39."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.core import mail

import cast
from belvedere.bus.connection import Bus
from belvedere.bus.server import BusServer
from belvedere.contracts import events, subjects
from belvedere.contracts.sealing import generate_key, public_bytes, unseal
from belvedere.contracts.sessions import Quality
from belvedere.control.access.models import Grant
from belvedere.control.appeals.models import DeviceClaim
from belvedere.control.appeals.selectors import list_claims
from belvedere.control.appeals.services import claim_device, refuse_claim, settle_claims
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import AlreadyBound, Conflict, Invalid, NetworkNotAllowed, NotFound, RateLimited
from belvedere.control.core.ids import new_id
from belvedere.control.devices import services
from belvedere.control.devices.models import Device
from belvedere.control.devices.selectors import get_camera
from belvedere.control.devices.services import add_device, record_hello, record_state
from belvedere.control.outbox.services import run_due
from belvedere.demo.clips import test_clip
from belvedere.demo.rtsp import CameraServerThread
from belvedere.media.sources import probe
from control.watching import Node

PASSWORD = "p@ss:w/ö?#% é"
RUN = "run-1"
THREE_DAYS = timedelta(hours=72)
DAY = timedelta(days=1)


class LittleNode:
    """Answers tries as a node does: it opens what was sealed to its key, and asks the camera itself."""

    def __init__(self, server: BusServer) -> None:
        self.key = generate_key()
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    async def _listen(self) -> None:
        self._bus = await Bus.connect(self._server.url, *self._server.user_of("media-local"), "media-local")
        subject = subjects.of_node(subjects.NODE_PROBE, "local")
        await self._bus.subscribe(subject, events.ProbeRequest, self._probe)

    async def _probe(self, request: events.ProbeRequest, _subject: str) -> events.ProbeResult:
        source = msgspec.json.decode(unseal(self.key, request.sealed), type=events.StreamSource)
        return await probe(source, request.timeout_s)

    def hello(self) -> None:
        """It lives, now."""
        record_hello("local", events.Hello("local", RUN, "ws://localhost:1", public_bytes(self.key)))

    def stop(self) -> None:
        """Hang up."""
        asyncio.run_coroutine_threadsafe(self._bus.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@dataclass
class Yard:
    """Olivia's camera with a password of its own, shared with Vera and offline for two days; Xena was refused it."""

    people: cast.Cast
    server: CameraServerThread
    node: LittleNode
    camera: str
    device: str
    attempt: str
    said: int = 0

    @property
    def address(self) -> str:
        return self.server.url("/yard")

    def say(self, *, online: bool, since: timedelta) -> None:
        """What its node says of the camera."""
        self.node.hello()
        self.said += 1
        at = (clock.now() - since).timestamp()
        record_state(
            "local",
            events.CameraState(
                camera=self.camera, quality=Quality.MAIN, online=online, since=at, at=at, run=RUN, sequence=self.said
            ),
        )

    def claim(self, who: cast.Person | None = None, **more: Any) -> str:
        """Xena claims it, with the right password unless told."""
        self.node.hello()
        person = who or self.people.xena
        typed = {"address": self.address, "username": "demo", "password": PASSWORD, "attempt": self.attempt} | more
        return claim_device(person.actor, site=person.site, **typed)


@pytest.fixture
def yard(people: cast.Cast, bus: Node) -> Iterator[Yard]:
    node = LittleNode(bus._server)
    with CameraServerThread() as server:
        server.add("/yard", test_clip(gop=10), username="demo", password=PASSWORD)
        server.add("/open", test_clip(gop=10))
        olivia, xena = people.olivia, people.xena
        device = add_device(
            olivia.actor, site=olivia.site, name="Yard", address=server.url("/yard"), username="old", is_tested=False
        )
        camera = next(view.pk for view in Device.objects.get(pk=device).cameras.all())
        olivia.share(people.vera, camera)
        with pytest.raises(AlreadyBound) as refused:
            add_device(xena.actor, site=xena.site, name="Yard", address=server.url("/yard"), is_tested=False)
        made = Yard(people, server, node, camera, device, refused.value.extra["attempt"])
        made.say(online=False, since=timedelta(days=2))
        run_due()
        mail.outbox.clear()
        yield made
    node.stop()


def subjects_of_mails() -> list[tuple[str, str]]:
    """(address, subject) of mails since the last look."""
    run_due()
    found = [(row.to[0], str(row.subject)) for row in mail.outbox]
    mail.outbox.clear()
    return found


def state(claim: str) -> tuple[str, str]:
    """(state, why it ended) of a claim."""
    row = DeviceClaim.objects.get(pk=claim)
    return row.state, row.ended_reason


def is_bound(yard: Yard) -> bool:
    return Device.objects.get(pk=yard.device).unbound_at is None


def test_after_three_days_of_silence_it_is_free(yard: Yard) -> None:
    """HC-26: told at once, freed not a minute early; what was shared of it ends, and the claimant may bind it."""
    people = yard.people
    claim = yard.claim()
    assert subjects_of_mails() == [(people.olivia.email, "Somebody claims Yard: refuse, or it is freed")]
    assert people.xena.email not in str(mail.outbox)
    with clock.moved_by(THREE_DAYS - timedelta(minutes=1)):
        assert settle_claims() == 0
    assert is_bound(yard)
    assert Grant.objects.filter(principal=people.vera.id, resource=yard.camera, ended_at=None).exists()
    with clock.moved_by(THREE_DAYS + timedelta(minutes=1)):
        assert settle_claims() == 1
        assert settle_claims() == 0
    assert not is_bound(yard)
    assert Device.objects.get(pk=yard.device).source == ""
    assert not Grant.objects.filter(resource=yard.camera, ended_at=None).exists()
    with pytest.raises(NotFound):
        get_camera(people.vera.actor, yard.camera)
    with clock.moved_by(THREE_DAYS + timedelta(minutes=2)):
        told = subjects_of_mails()
    # Everybody reads the true reason: neither did Olivia take it back, nor did she give the device up.
    vera = people.vera.browser()
    assert "was released to somebody who stood at the device" in vera.get(f"/cameras/{yard.camera}").content.decode()
    assert "Released to somebody who stood at the device" in vera.get("/inbox").content.decode()
    assert sorted(told) == [
        (people.olivia.email, "Yard is no longer yours"),
        (people.vera.email, "What Olivia shared with you is no longer theirs"),
        (people.xena.email, "The device you claimed is free"),
    ]
    rows = Entry.objects.filter(chain_id=people.olivia.organization).order_by("sequence")
    assert [row.action for row in rows if row.action in {"claim.made", "device.released"}] == [
        "claim.made",
        "device.released",
    ]
    assert state(claim)[0] == "accepted"
    yard.node.hello()
    xena = people.xena
    assert add_device(xena.actor, site=xena.site, name="Yard", address=yard.address, username="demo", password=PASSWORD)


def test_the_owner_refuses_with_one_click(yard: Yard) -> None:
    """HC-26: who claims is masked; a refusal rests for thirty days."""
    olivia, xena = yard.people.olivia, yard.people.xena
    claim = yard.claim()
    [seen] = list_claims(olivia.actor)
    assert (seen.device_name, seen.claimant) == ("Yard", "x•••@e•••.org")
    [own] = list_claims(xena.actor)
    assert (own.device, own.device_name) == (None, "")
    for person in (yard.people.vera, yard.people.pat, xena):
        with pytest.raises(NotFound):
            refuse_claim(person.actor, claim=claim)
    subjects_of_mails()
    refuse_claim(olivia.actor, claim=claim)
    refuse_claim(olivia.actor, claim=claim)
    assert subjects_of_mails() == [(xena.email, "Your claim came to nothing")]
    with clock.moved_by(THREE_DAYS + DAY):
        assert settle_claims() == 0
    assert is_bound(yard)
    with pytest.raises(Conflict, match="refused"):
        yard.claim()


def test_a_sign_in_of_the_owner_ends_it(yard: Yard) -> None:
    """N4: whoever is there has not left."""
    claim = yard.claim()
    yard.people.vera.browser()
    assert settle_claims() == 0
    page = yard.people.olivia.browser().get("/inbox").content.decode()
    assert "Somebody claims" in page
    assert settle_claims() == 1
    assert state(claim) == ("revoked", "owner_signed_in")
    with clock.moved_by(THREE_DAYS + DAY):
        assert settle_claims() == 0
    assert is_bound(yard)


def test_what_still_streams_was_not_left_behind(yard: Yard) -> None:
    """HC-26: online, online within a day, or switched off by its owner; then, and while the claim waits."""
    yard.say(online=True, since=timedelta(hours=1))
    with pytest.raises(Conflict, match="still uses"):
        yard.claim()
    yard.say(online=False, since=timedelta(hours=23))
    with pytest.raises(Conflict, match="still uses"):
        yard.claim()
    yard.say(online=True, since=timedelta(0))
    yard.say(online=False, since=timedelta(days=3))
    claim = yard.claim()
    yard.say(online=True, since=timedelta(0))
    assert settle_claims() == 1
    assert state(claim) == ("revoked", "in_use")


def test_only_what_was_typed_opens_it(yard: Yard) -> None:
    """N39: neither the stored credentials nor a device without a password prove anything."""
    with pytest.raises(services.TestFailed) as refused:
        yard.claim(password="wrong")
    assert refused.value.code == "wrong_password"
    with pytest.raises(Invalid):
        yard.claim(password="")
    with pytest.raises(Conflict, match="Another device"):
        yard.claim(address=yard.server.url("/open"))
    assert DeviceClaim.objects.count() == 0


def test_an_open_device_proves_nothing(yard: Yard) -> None:
    """N39: it would let in whoever stands in the same network."""
    olivia, xena = yard.people.olivia, yard.people.xena
    yard.node.hello()
    address = yard.server.url("/open")
    add_device(olivia.actor, site=olivia.site, name="Gate", address=address, is_tested=False)
    with pytest.raises(AlreadyBound) as refused:
        add_device(xena.actor, site=xena.site, name="Gate", address=address, is_tested=False)
    with pytest.raises(Conflict, match="everybody in"):
        yard.claim(address=address, attempt=refused.value.extra["attempt"])


def test_it_starts_from_ones_own_refusal_inside_ones_own_reach(yard: Yard) -> None:
    """N39, N16: nobody's attempt, somebody else's; an address that one's organization does not reach."""
    for attempt in (new_id(), "x", yard.device):
        with pytest.raises(NotFound):
            yard.claim(attempt=attempt)
    with pytest.raises(NotFound):
        yard.claim(yard.people.rita)
    with pytest.raises(NetworkNotAllowed):
        yard.claim(address="rtsp://192.168.1.10/stream")
    assert yard.claim()
    with pytest.raises(RateLimited):
        yard.claim()  # the sixth of this day
    with pytest.raises(NotFound):
        claim_device(
            yard.people.rita.actor, site=yard.people.xena.site, attempt=yard.attempt, address=yard.address, password="x"
        )


def test_one_claim_at_a_time(yard: Yard) -> None:
    """A second time is harmless; somebody else's waits for nothing."""
    claim = yard.claim()
    assert yard.claim() == claim
    rita = yard.people.rita
    with pytest.raises(AlreadyBound) as refused:
        add_device(rita.actor, site=rita.site, name="Yard", address=yard.address, is_tested=False)
    with pytest.raises(Conflict, match="already"):
        yard.claim(rita, attempt=refused.value.extra["attempt"])


def test_pages_and_api_say_the_same(yard: Yard) -> None:
    people = yard.people
    yard.node.hello()
    xena = people.xena.browser()
    page = xena.get(f"/claims/new?attempt={yard.attempt}")
    assert page.status_code == 200
    form = {
        "attempt": yard.attempt,
        "site": people.xena.site,
        "address": yard.address,
        "username": "demo",
        "password": "wrong",
    }
    wrong = xena.post("/claims/new", form)
    assert (wrong.status_code, "wrong" in wrong.content.decode()) == (422, False)
    answer = xena.post("/claims/new", form | {"password": PASSWORD})
    claim = answer.headers["Location"]
    assert "Its owner was told" in xena.get(claim).content.decode()
    assert people.rita.browser().get(claim).status_code == 404
    [row] = people.olivia.api().get("/api/v1/device-claims").json()["items"]
    assert (row["state"], row["mine"], row["device"], row["claimant"]) == (
        "waiting",
        False,
        yard.device,
        "x•••@e•••.org",
    )
    [waiting] = people.olivia.api().get("/api/v1/inbox").json()["items"]
    assert (waiting["kind"], waiting["id"]) == ("claim", row["id"])
    assert people.xena.api().get("/api/v1/inbox").json()["items"] == []  # her own waits for somebody else's word
    body = {key: value for key, value in form.items() if key != "password"} | {"password": PASSWORD}
    again = people.xena.api().post("/api/v1/device-claims", body, content_type="application/json")
    assert (again.status_code, again.json()["id"]) == (202, row["id"])
    refused = people.olivia.browser().post(f"{claim}/refuse")
    assert refused.headers["Location"] == claim
    assert "The claim was refused" in xena.get(claim).content.decode()
