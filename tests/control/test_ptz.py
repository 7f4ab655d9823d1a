"""Who may move a camera: leases, orders of programs, who is told who moves it, and what the audit says of it."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

import cast
from belvedere.contracts import subjects
from belvedere.contracts.permissions import Permission
from belvedere.contracts.ptz import HelmNames, HelmTaken, Move, Preset, PtzAbilities, PtzAnswer, PtzRequest, Stop
from belvedere.contracts.sessions import Quality, SessionKind
from belvedere.control.audit.models import Entry
from belvedere.control.consumers import BUS
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, NotFound, SwitchedOff, Unavailable
from belvedere.control.devices.models import Camera
from belvedere.control.devices.selectors import get_camera
from belvedere.control.devices.services import disable_device
from belvedere.control.devices.sources import Source, Streams
from belvedere.control.sharing import services as sharing
from belvedere.control.streaming.leases import CARRIES
from belvedere.control.streaming.services import steering
from control.watching import RUN, Node, hello, renew, watch

BOTH = Permission.LIVE_VIEW | Permission.PTZ


@pytest.fixture(autouse=True)
def _living_node(people: cast.Cast) -> None:
    hello()


def taken(holder: str, camera: str, *watchers: str, node: str = "local", run: str = RUN) -> HelmNames:
    """A node says who has the helm."""
    names = BUS[subjects.CAMERA_HELM].answer(node, HelmTaken(run, camera, holder, list(watchers)))
    assert isinstance(names, HelmNames)
    return names


def moves() -> int:
    return Entry.objects.filter(action="camera.moved_about").count()


# -- the live socket ---------------------------------------------------------------------------------------------------


def test_who_may_move_it_may_do_so_where_he_watches(people: cast.Cast) -> None:
    """HC-13: PTZ is a right of its own (VA-19), carried by live sessions alone."""
    people.olivia.share(people.rita, people.courtyard, permissions=BOTH)
    people.olivia.share(people.vera, people.courtyard, permissions=Permission.LIVE_VIEW)
    rita, vera = watch(people.rita, people.courtyard), watch(people.vera, people.courtyard)
    leases = renew(rita, vera)
    assert (leases[rita].held, leases[vera].held) == (BOTH, Permission.LIVE_VIEW)
    assert [kind for kind, (carried, _) in CARRIES.items() if Permission.PTZ in carried] == [SessionKind.LIVE]


def test_the_right_that_ended_is_gone_at_the_next_renewal(people: cast.Cast) -> None:
    """VV-33: also where only moving was taken away, and the picture stays."""
    share = people.olivia.share(people.rita, people.courtyard, permissions=BOTH)
    session = watch(people.rita, people.courtyard)
    items = [sharing.Item(people.courtyard, Permission.LIVE_VIEW)]
    sharing.change_share(people.olivia.actor, share=share, items=items)
    assert renew(session)[session].held == Permission.LIVE_VIEW


def test_a_node_learns_the_way_to_the_motor_with_that_to_the_picture() -> None:
    source = Source({"source_2": Streams("rtsp://10.0.0.9/2")}, onvif="https://10.0.0.9/onvif", certificate="ab")
    sent = source.of("source_2", Quality.MAIN, [])
    assert sent is not None
    assert (sent.onvif, sent.channel, sent.certificate) == ("https://10.0.0.9/onvif", "source_2", "ab")


# -- who has it --------------------------------------------------------------------------------------------------------


def test_who_moves_it_is_named_to_who_may_share(people: cast.Cast) -> None:
    """N14: recipients never learn of each other."""
    for other in (people.rita, people.vera):
        people.olivia.share(other, people.courtyard, permissions=BOTH)
    rita, vera, olivia = (watch(one, people.courtyard) for one in (people.rita, people.vera, people.olivia))
    assert taken(rita, people.courtyard, vera, olivia).names == {olivia: "Rita"}
    assert taken(people.rita.id, people.courtyard, vera, olivia).names == {olivia: "Rita"}  # by a program


def test_a_node_learns_no_name_it_does_not_carry(people: cast.Cast) -> None:
    """D2: neither that of somebody who may not move the camera, nor for a session of another node, run or camera."""
    olivia = watch(people.olivia, people.courtyard)
    assert taken(people.xena.id, people.courtyard, olivia).names == {}
    people.olivia.share(people.rita, people.courtyard, permissions=BOTH)
    rita = watch(people.rita, people.courtyard)
    assert taken(rita, people.courtyard, olivia, node="other").names == {}
    assert taken(rita, people.courtyard, olivia, run="old").names == {}
    assert taken(rita, "nowhere", olivia).names == {}


def test_moving_about_is_one_entry(people: cast.Cast) -> None:
    """B-11: of a stretch of it, by whatever way; not of each order, and said twice it is as true as said once."""
    session = watch(people.olivia, people.courtyard)
    for _ in range(3):
        taken(session, people.courtyard)
    assert moves() == 1
    [entry] = Entry.objects.filter(action="camera.moved_about")
    assert entry.thing == f"camera:{people.courtyard}"
    assert entry.fields
    assert entry.fields["actor"] == people.olivia.id
    with clock.moved_by(steering.ONE_USE + timedelta(seconds=1)):
        taken(session, people.courtyard)
    assert moves() == 2


# -- programs ----------------------------------------------------------------------------------------------------------


class Motor:
    """What a node does with orders, as the test tells it."""

    def __init__(self, node: Node) -> None:
        self.orders: list[PtzRequest] = []
        self.answer = PtzAnswer("ok")
        node.answer(subjects.CAMERA_PTZ, PtzRequest, self._hear)

    async def _hear(self, request: PtzRequest, _subject: str) -> PtzAnswer:
        self.orders.append(request)
        return self.answer


@pytest.fixture
def motor(bus: Node) -> Motor:
    return Motor(bus)


def test_an_order_goes_to_the_node_of_the_camera(people: cast.Cast, motor: Motor) -> None:
    answer = people.olivia.api(["devices"]).post(
        f"/api/v1/cameras/{people.courtyard}/ptz", {"move": {"pan": 0.5, "tilt": -1}}, "application/json"
    )
    assert answer.status_code == 204, answer.content
    assert motor.orders == [PtzRequest(people.courtyard, people.olivia.id, Move(0.5, -1.0, 0.0))]
    assert moves() == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"move": {"pan": 1.5}},
        {"move": {"pan": 0.5}, "stop": True},
        {"stop": False},
        {"preset": ""},
        {"move": {"pan": "fast"}},
        {"aim": {"x": 0}},
        {"stop": True, "owner": "me"},
    ],
)
def test_what_is_no_order_is_refused(people: cast.Cast, motor: Motor, body: dict[str, object]) -> None:
    """N12."""
    answer = people.olivia.api(["devices"]).post(f"/api/v1/cameras/{people.courtyard}/ptz", body, "application/json")
    assert answer.status_code == 422
    assert not motor.orders


def test_without_the_right_nothing_is_sent(people: cast.Cast, motor: Motor) -> None:
    """HC-2, N16: Vera sees it and may not move it; to Xena there is nothing."""
    people.olivia.share(people.vera, people.courtyard, permissions=Permission.LIVE_VIEW)
    with pytest.raises(Forbidden):
        steering.steer_camera(people.vera.actor, camera=people.courtyard, order=Stop())
    with pytest.raises(NotFound):
        steering.steer_camera(people.xena.actor, camera=people.courtyard, order=Stop())
    people.olivia.share(people.rita, people.courtyard, permissions=BOTH)
    with pytest.raises(Forbidden):  # who moves it does not set it up
        steering.keep_preset(people.rita.actor, camera=people.courtyard, name="Gate")
    assert not motor.orders
    assert not moves()


def test_an_order_after_the_end_is_nobodys(people: cast.Cast, motor: Motor) -> None:
    """N33: the node never hears it."""
    share = people.olivia.share(people.rita, people.courtyard, permissions=BOTH)
    steering.steer_camera(people.rita.actor, camera=people.courtyard, order=Move(pan=1.0))
    sharing.end_share(people.olivia.actor, share=share)
    with pytest.raises(NotFound):
        steering.steer_camera(people.rita.actor, camera=people.courtyard, order=Move(pan=1.0))
    assert len(motor.orders) == 1


def test_a_camera_that_is_off_is_moved_by_nobody(people: cast.Cast, motor: Motor) -> None:
    disable_device(people.olivia.actor, device=get_camera(people.olivia.actor, people.courtyard).device or "")
    with pytest.raises(SwitchedOff):
        steering.steer_camera(people.olivia.actor, camera=people.courtyard, order=Stop())
    assert not motor.orders


def test_who_is_second_reads_by_whom(people: cast.Cast, motor: Motor) -> None:
    """N14."""
    for other in (people.rita, people.vera):
        people.olivia.share(other, people.courtyard, permissions=BOTH)
    motor.answer = PtzAnswer("busy", holder=watch(people.rita, people.courtyard))
    said = {}
    for person in (people.olivia, people.vera):
        answer = person.api(["devices"]).post(
            f"/api/v1/cameras/{people.courtyard}/ptz", {"home": True}, "application/json"
        )
        said[person.name] = (answer.status_code, answer.json()["code"], answer.json()["holder"])
    assert said == {"Olivia": (409, "busy", "Rita"), "Vera": (409, "busy", None)}


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [("declined", 409, "cannot_move"), ("no_motor", 409, "cannot_move"), ("stalled", 503, "camera_unreachable")],
)
def test_a_camera_that_does_not_is_said_so(people: cast.Cast, motor: Motor, code: str, status: int, said: str) -> None:
    motor.answer = PtzAnswer(code)
    answer = people.olivia.api(["devices"]).post(
        f"/api/v1/cameras/{people.courtyard}/ptz", {"preset": "7"}, "application/json"
    )
    assert (answer.status_code, answer.json()["code"], answer.json()["why"]) == (status, said, code)


def test_what_it_can_and_its_presets(people: cast.Cast, motor: Motor) -> None:
    motor.answer = PtzAnswer("ok", abilities=PtzAbilities(turn=True, home=True, presets=[Preset("1", "Door")]))
    answer = people.olivia.api(["watch"]).get(f"/api/v1/cameras/{people.courtyard}/ptz")
    assert answer.json()["presets"] == [{"preset": "1", "name": "Door"}]
    steering.keep_preset(people.olivia.actor, camera=people.courtyard, name="Gate")
    steering.drop_preset(people.olivia.actor, camera=people.courtyard, preset="1")
    actions = set(Entry.objects.values_list("action", flat=True))
    assert {"camera.preset_kept", "camera.preset_dropped"} <= actions


def test_a_flood_is_refused_and_a_stop_never(people: cast.Cast, motor: Motor) -> None:
    """N40's kind: ten a second."""
    client = people.olivia.api(["devices"])

    def send(body: dict[str, object]) -> int:
        return client.post(f"/api/v1/cameras/{people.courtyard}/ptz", body, "application/json").status_code

    # However slow this machine is, some second of these holds more than ten.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("belvedere.control.core.limits.time", SimpleNamespace(time=lambda: 1_000_000.5))
        answers = [send({"move": {"pan": 0.1}}) for _ in range(12)]
        assert answers == [204] * 10 + [429] * 2
        assert send({"stop": True}) == 204


def test_without_a_node_nothing_is_kept_for_later(people: cast.Cast) -> None:
    with pytest.raises(Unavailable):
        steering.steer_camera(people.olivia.actor, camera=people.courtyard, order=Stop())


# -- the page ----------------------------------------------------------------------------------------------------------


def test_the_page_has_a_pad_where_there_is_a_motor_and_a_right(people: cast.Cast) -> None:
    """HC-2: absent, not dead."""
    people.olivia.share(people.rita, people.courtyard, permissions=Permission.LIVE_VIEW)

    def pad(person: cast.Person) -> bool:
        return "<ptz-pad" in person.browser().get(f"/cameras/{people.courtyard}").content.decode()

    assert not pad(people.olivia)
    Camera.objects.filter(pk=people.courtyard).update(has_ptz=True)
    assert pad(people.olivia)
    assert not pad(people.rita)
    disable_device(people.olivia.actor, device=get_camera(people.olivia.actor, people.courtyard).device or "")
    assert not pad(people.olivia)
