"""Security panels: one owner each, commands decided when they are sent, the right to arm shared like any other."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.core import mail
from django.db import connection

import cast
from belvedere.contracts import events, panels, subjects
from belvedere.contracts.panels import PanelAct, PanelAnswer, PanelAnswerCode, PanelStateWord
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sealing import generate_key, public_bytes, unseal
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import (
    AlreadyBound,
    Forbidden,
    Invalid,
    NetworkNotAllowed,
    NotFound,
    RateLimited,
    Unavailable,
)
from belvedere.control.devices import services
from belvedere.control.devices.brokers import BrokerWish
from belvedere.control.devices.models import PanelChange
from belvedere.control.devices.panel_sources import PanelWish
from belvedere.control.devices.panels import get_panel, list_panels
from belvedere.control.devices.selectors import list_bind_attempts, list_devices
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.selectors import get_given, get_received, list_panel_access
from belvedere.control.sharing.services import Item, accept_share, end_share, offer_share
from control.watching import Node
from rows import get_rows

ADDRESS = "mqtts://127.0.0.1:8883"
#: typed at every command; found anywhere it is a leak
CODE = "canary-code-90417"
ARM, NOTIFY = Permission.ARM, Permission.NOTIFY
KEY = generate_key()
RUN = "run-1"


def wish(**more: Any) -> PanelWish:
    fields = {
        "address": ADDRESS,
        "username": "house",
        "password": cast.CANARY,
        "state_topic": "home/alarm",
        "command_topic": "home/alarm/set",
    }
    return PanelWish(**(fields | more))


def bind(person: cast.Person, **more: Any) -> str:
    return services.add_panel(person.actor, site=more.pop("site", person.site), name="Alarm", wish=wish(**more))


def say(panel: str, state: PanelStateWord, sequence: int = 1, *, run: str = RUN, error: str = "") -> None:
    at = clock.now().timestamp()
    services.record_panel_state("local", panels.PanelState(run, sequence, panel, state, at, at, error))


def share(people: cast.Cast, panel: str, permissions: Permission = ARM, *, to: cast.Person | None = None) -> str:
    rita = to or people.rita
    pk = offer_share(people.olivia.actor, recipient=rita.email, items=[Item(panel, permissions, "panel")])
    accept_share(rita.actor, share=pk)
    return pk


@pytest.fixture
def hello(transactional_db: None) -> None:
    """Asked for after the cast, whose rows replace all others."""
    services.record_hello("local", events.Hello("local", RUN, "ws://localhost:1", public_bytes(KEY)))


class Told:
    """What a node was told, and what it answers."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, str, str]] = []
        self.answer = PanelAnswer(PanelAnswerCode.OK, PanelStateWord.DISARMED)

    async def hear(self, command: panels.PanelCommand, _subject: str) -> PanelAnswer:
        code = msgspec.json.decode(unseal(KEY, command.sealed), type=panels.PanelCode).code
        self.commands.append((command.panel, command.act.value, code))
        return self.answer


@pytest.fixture
def node(hello: None, bus: Node) -> Told:
    """A node that carries every panel, on a real bus."""
    told = Told()
    listening = bus._bus.subscribe(subjects.of_node(subjects.PANEL_COMMAND, "local"), panels.PanelCommand, told.hear)
    asyncio.run_coroutine_threadsafe(listening, bus._loop).result(10)
    return told


# ── One owner ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "again", [{}, {"address": "127.0.0.1"}, {"address": "MQTTS://127.0.0.1"}, {"state_topic": "other/topic"}], ids=str
)
@pytest.mark.parametrize("who", ["xena", "olivia"])
def test_a_second_binding_is_refused(people: cast.Cast, again: dict[str, str], who: str) -> None:
    """VA-1, VA-3, HC-23: the panel is what hears the commands, whatever its address is called."""
    panel = bind(people.olivia)
    person = people.olivia if who == "olivia" else people.xena
    with pytest.raises(AlreadyBound) as refused:
        bind(person, **again)
    assert refused.value.extra["hint"] == (None if who == "xena" else "o•••@e•••.org")
    assert [view.id for view in list_panels(people.xena.actor)] == []
    assert [view.id for view in list_panels(people.olivia.actor)] == [panel]
    attempts = list_bind_attempts(people.olivia.actor, since=clock.now() - timedelta(hours=1))
    assert [name for name, _at in attempts] == (["Alarm"] if who == "xena" else [])


def test_a_broker_may_carry_many_panels(people: cast.Cast) -> None:
    bind(people.olivia)
    bind(people.xena, command_topic="neighbour/alarm/set")
    assert len(list_panels(people.xena.actor)) == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"address": "mqtt://127.0.0.1"}, "address"),  # without TLS, and nobody said that he knows
        ({"address": "mqtts://user:secret@127.0.0.1"}, "address"),
        ({"address": "mqtts://127.1"}, "address"),
        ({"address": "mqtts://127.0.0.1/path"}, "address"),
        ({"address": "https://127.0.0.1"}, "address"),
        ({"address": "mqtts://127.0.0.1:0"}, "address"),
        ({"state_topic": "home/+/alarm"}, "state_topic"),
        ({"state_topic": "#"}, "state_topic"),
        ({"command_topic": "$SYS/broker"}, "command_topic"),
        ({"command_topic": "home/alarm"}, "command_topic"),  # the same as the state's
        ({"command_topic": "x" * 201}, "command_topic"),
        ({"availability_topic": "a\0b"}, "availability_topic"),
        ({"username": "a\nb"}, "username"),
        ({"username": ""}, "username"),
        ({"ca": "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----"}, "ca"),
        ({"fingerprint": "abc"}, "fingerprint"),
        ({"code": "sometimes"}, "code"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(people: cast.Cast, wrong: dict[str, str], field: str) -> None:
    before = get_rows()
    with pytest.raises(Invalid) as refused:
        bind(people.olivia, **wrong)
    assert refused.value.field == field
    assert get_rows() == before


@pytest.mark.parametrize("host", ["192.0.2.7", "169.254.169.254", "[::1]", "nobody.invalid"])
def test_outside_the_reach(people: cast.Cast, host: str) -> None:
    """N27: nothing is looked up, sent or kept; a name that nobody knows answers the same."""
    with pytest.raises(NetworkNotAllowed):
        bind(people.xena, address=f"mqtts://{host}:8883")


def test_who_may_not_configure_a_site_binds_nothing_there(people: cast.Cast) -> None:
    with pytest.raises(NotFound):
        bind(people.xena, site=people.olivia.site)


# ── Another broker ───────────────────────────────────────────────────────────────────────────────────────────────────

ELSEWHERE = "mqtts://127.0.0.2:8883"


def source_of(panel: str) -> panels.PanelSource:
    """What a node would get."""
    rows = services.list_panel_assignments("local", panels.PanelsRequest(RUN)).panels
    box = next(row.sealed for row in rows if row.panel == panel)
    return msgspec.json.decode(unseal(KEY, box), type=panels.PanelSource)


def test_another_broker_keeps_everything_but_the_way_there(people: cast.Cast, hello: None) -> None:
    """VA-23: its shares stay. What was heard at the old one is forgotten, and the old one is free for others."""
    panel = bind(people.olivia, fingerprint="ab" * 32)
    share(people, panel)
    say(panel, PanelStateWord.ARMED_AWAY)
    revision = services.list_panel_assignments("local", panels.PanelsRequest(RUN)).panels[0].revision
    new = BrokerWish(address=ELSEWHERE, username="barn", password="another")
    services.readdress_panel(people.olivia.actor, device=panel, wish=new)
    (row,) = services.list_panel_assignments("local", panels.PanelsRequest(RUN)).panels
    assert row.revision != revision
    found = source_of(panel)
    assert (found.host, found.username, found.password, found.fingerprint) == ("127.0.0.2", "barn", "another", "")
    assert (found.state_topic, found.command_topic) == ("home/alarm", "home/alarm/set")
    assert get_panel(people.rita.actor, panel).state is PanelStateWord.UNKNOWN
    assert next(view.shown_address for view in list_devices(people.olivia.actor)) == ELSEWHERE
    assert Entry.objects.filter(action="device.readdressed").count() == 1
    services.readdress_panel(people.olivia.actor, device=panel, wish=new)  # nothing new: nothing is written
    assert Entry.objects.filter(action="device.readdressed").count() == 1
    bind(people.xena)


@pytest.mark.parametrize(
    "change",
    [
        {"address": ELSEWHERE},
        {"address": "mqtts://127.0.0.1:8884"},
        {"address": "mqtt://127.0.0.1:8883", "is_plain_ok": True},
        {"address": ADDRESS, "username": "another"},
        {"address": ADDRESS, "fingerprint": "ab" * 32},
        {"address": ADDRESS, "fingerprint": ""},
    ],
    ids=str,
)
def test_a_kept_password_goes_to_no_other_broker(people: cast.Cast, hello: None, change: dict[str, Any]) -> None:
    """N26: nor to one that is taken for it by another certificate, nor past TLS."""
    panel = bind(people.olivia, fingerprint="cd" * 32)
    before = get_rows()
    with pytest.raises(Invalid) as refused:
        services.readdress_panel(people.olivia.actor, device=panel, wish=BrokerWish(**change))
    assert refused.value.field == "password"
    assert get_rows() == before
    assert (source_of(panel).host, source_of(panel).password) == ("127.0.0.1", cast.CANARY)


def test_a_kept_user_goes_to_no_other_broker(people: cast.Cast, hello: None) -> None:
    """N26: a user without a password is often a token."""
    panel = bind(people.olivia, username="secret-token", password="")
    services.readdress_panel(people.olivia.actor, device=panel, wish=BrokerWish(address=ELSEWHERE))
    assert (source_of(panel).host, source_of(panel).username) == ("127.0.0.2", "")


def test_a_password_alone_is_changed_at_the_same_broker(people: cast.Cast, hello: None) -> None:
    panel = bind(people.olivia, fingerprint="cd" * 32)
    services.readdress_panel(people.olivia.actor, device=panel, wish=BrokerWish(address=ADDRESS, password="new"))
    found = source_of(panel)
    assert (found.username, found.password, found.fingerprint) == ("house", "new", "cd" * 32)
    services.readdress_panel(
        people.olivia.actor, device=panel, wish=BrokerWish(address=ELSEWHERE, username="", password="")
    )
    assert (source_of(panel).username, source_of(panel).password) == ("", "")


def test_another_broker_by_the_api_is_refused_where_it_must_be(people: cast.Cast, node: Told) -> None:
    """N26, N27, VA-1: 422 without the password, 403 outside the reach, 409 where another panel is bound."""
    panel = bind(people.olivia)
    bind(people.xena, address=ELSEWHERE)

    def patch(person: cast.Person, **broker: Any) -> tuple[int, str]:
        body = {"broker": broker}
        answer = person.api().patch(f"/api/v1/devices/{panel}", body, content_type="application/json")
        return answer.status_code, answer.json().get("code", "")

    login = {"username": "house", "password": cast.CANARY}
    before = source_of(panel)
    assert patch(people.olivia, address="mqtts://127.0.0.3") == (422, "invalid")
    assert patch(people.olivia, address="mqtts://192.0.2.7", **login) == (403, "network_not_allowed")
    assert patch(people.olivia, address=ELSEWHERE, **login) == (409, "already_bound")
    assert patch(people.olivia, address="mqtt://127.0.0.3", **login) == (422, "invalid")
    for stranger in (people.rita, people.xena):
        assert patch(stranger, address="mqtts://127.0.0.3", **login)[0] == 404
    assert source_of(panel) == before
    assert patch(people.olivia, address="mqtt://127.0.0.3", trust={"plain": True}, **login) == (200, "")
    assert (source_of(panel).host, source_of(panel).port, source_of(panel).is_tls) == ("127.0.0.3", 1883, False)
    both = {"name": "Siren", "broker": {"address": ADDRESS}}
    answer = people.olivia.api().patch(f"/api/v1/devices/{panel}", both, content_type="application/json")
    assert answer.status_code == 422
    # A camera is none: its address is a page of its own.
    camera = next(view.id for view in list_devices(people.olivia.actor) if view.kind == "camera")
    answer = people.olivia.api().patch(
        f"/api/v1/devices/{camera}", {"broker": {"address": ADDRESS}}, content_type="application/json"
    )
    assert answer.status_code == 422


def test_another_broker_on_the_page(people: cast.Cast, hello: None) -> None:
    panel = bind(people.olivia)
    client = people.olivia.browser()
    page = f"/panels/{panel}/address"
    assert page in client.get(f"/devices/{panel}").content.decode()
    shown = client.get(page).content.decode()
    assert ADDRESS in shown
    assert cast.CANARY not in shown
    refused = client.post(page, {"address": ELSEWHERE})
    assert (refused.status_code, b"Type the password again" in refused.content) == (422, True)
    assert client.post(page, {"address": ELSEWHERE, "username": "u", "password": "p"}).status_code == 302
    assert (source_of(panel).host, source_of(panel).username) == ("127.0.0.2", "u")
    assert client.post(page, {"address": ADDRESS, "is_open": "on"}).status_code == 302
    assert (source_of(panel).host, source_of(panel).username, source_of(panel).password) == ("127.0.0.1", "", "")


# ── What a node carries and says ─────────────────────────────────────────────────────────────────────────────────────


def test_a_node_gets_the_source_sealed_to_its_key(people: cast.Cast, hello: None) -> None:
    panel = bind(people.olivia, availability_topic="home/alarm/up", fingerprint="AB:" * 31 + "AB")
    assert services.list_panel_assignments("local", panels.PanelsRequest("an older run")).panels == []
    (row,) = services.list_panel_assignments("local", panels.PanelsRequest(RUN)).panels
    source = msgspec.json.decode(unseal(KEY, row.sealed), type=panels.PanelSource)
    assert (row.panel, source.host, source.port, source.is_tls) == (panel, "127.0.0.1", 8883, True)
    assert (source.password, source.fingerprint) == (cast.CANARY, "ab" * 32)
    assert source.availability_topic == "home/alarm/up"
    assert source.networks
    # Cameras have their own pages of assignments; a panel is none.
    streams = services.list_assignments("local", events.AssignmentsRequest(RUN)).streams
    assert panel not in {stream.camera for stream in streams}


def test_the_last_word_of_the_live_run_counts(people: cast.Cast, hello: None) -> None:
    panel = bind(people.olivia)
    actor = people.olivia.actor
    assert get_panel(actor, panel).state is PanelStateWord.UNKNOWN
    say(panel, PanelStateWord.ARMED_AWAY, 5)
    say(panel, PanelStateWord.DISARMED, 4)
    say(panel, PanelStateWord.DISARMED, 9, run="an older run")
    assert get_panel(actor, panel).state is PanelStateWord.ARMED_AWAY
    assert next(view.state for view in list_devices(actor) if view.id == panel) == "online"
    # What nobody speaks of for a minute may be anything by now.
    with clock.moved_by(timedelta(seconds=61)):
        assert get_panel(actor, panel).state is PanelStateWord.UNKNOWN
    say(panel, PanelStateWord.UNKNOWN, 10, error="wrong_password")
    assert (get_panel(actor, panel).state, get_panel(actor, panel).error) == (PanelStateWord.UNKNOWN, "wrong_password")


# ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_command_goes_out_with_its_code_and_leaves_only_its_entry(
    people: cast.Cast, node: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    """HC-13, N37: who, what and from where is written; the code stands in no row, no log, no entry."""
    panel = bind(people.olivia)
    answer = services.command_panel(people.olivia.actor, panel=panel, act=PanelAct.DISARM, code=CODE)
    assert answer == node.answer
    assert node.commands == [(panel, "disarm", CODE)]
    entry = Entry.objects.filter(action="panel.commanded").get()
    assert (entry.thing, entry.chain_id) == (f"device:{panel}", people.olivia.organization)
    client = people.olivia.browser()
    assert client.post(f"/panels/{panel}/command", {"command": "disarm", "code": CODE}).status_code == 302
    body = {"command": "disarm", "code": CODE}
    said = people.olivia.api().post(f"/api/v1/devices/{panel}/panel", body, content_type="application/json")
    assert said.json() == {"outcome": "ok", "state": "disarmed"}
    node.answer = PanelAnswer(PanelAnswerCode.UNANSWERED)
    shown = client.post(f"/panels/{panel}/command", {"command": "disarm", "code": CODE})
    assert b"did not confirm" in shown.content
    assert CODE not in shown.content.decode()
    assert len(node.commands) == 4
    run_due(limit=1000)
    written = str(get_rows()) + "".join(capsys.readouterr())
    assert CODE not in written
    assert str(CODE.encode().hex()) not in written
    assert Entry.objects.filter(action="panel.commanded").count() == 4
    assert Entry.objects.filter(action="panel.not_confirmed").count() == 1


def test_a_code_is_asked_for_where_one_is_needed(people: cast.Cast, node: Told) -> None:
    panel = bind(people.olivia)
    actor = people.olivia.actor
    services.command_panel(actor, panel=panel, act=PanelAct.ARM_NIGHT)
    for code in ("", "x" * 33, "12\n34"):
        with pytest.raises(Invalid) as refused:
            services.command_panel(actor, panel=panel, act=PanelAct.DISARM, code=code)
        assert refused.value.field == "code"
    assert [act for _, act, _ in node.commands] == ["arm_night"]


def test_what_was_not_sent_is_said_to_be_not_sent(people: cast.Cast, node: Told) -> None:
    panel = bind(people.olivia)
    node.answer = PanelAnswer(PanelAnswerCode.UNREACHABLE)
    for answer in (PanelAnswerCode.UNREACHABLE, PanelAnswerCode.REFUSED):
        node.answer = PanelAnswer(answer)
        with pytest.raises(services.PanelUnreachable, match="will not be sent later"):
            services.command_panel(people.olivia.actor, panel=panel, act=PanelAct.ARM_AWAY)


def test_without_a_node_nothing_is_written(people: cast.Cast) -> None:
    panel = bind(people.olivia)
    before = get_rows()
    with pytest.raises(Unavailable):
        services.command_panel(people.olivia.actor, panel=panel, act=PanelAct.ARM_AWAY)
    assert get_rows() == before


def test_codes_are_not_guessed(people: cast.Cast, node: Told) -> None:
    """What the panel did not take counts, ten times in ten minutes."""
    panel = bind(people.olivia)
    node.answer = PanelAnswer(PanelAnswerCode.UNANSWERED, PanelStateWord.ARMED_AWAY)

    def guess_on() -> None:
        for number in range(21):  # a window may close in between
            services.command_panel(people.olivia.actor, panel=panel, act=PanelAct.DISARM, code=str(number))

    with pytest.raises(RateLimited):
        guess_on()
    assert len(node.commands) < 21


def test_roles_say_who_arms(hotels: cast.Hotels, node: Told) -> None:
    """HC-2: watching is no right to arm, nor to read whether it is armed."""
    panel = bind(hotels.olivia, site=hotels.north)
    for person in (hotels.olivia, hotels.sam, hotels.ada):
        services.command_panel(person.actor, panel=panel, act=PanelAct.ARM_HOME)
        assert get_panel(person.actor, panel).mine
    for person in (hotels.omar, hotels.vera, hotels.leo):
        with pytest.raises(Forbidden):
            services.command_panel(person.actor, panel=panel, act=PanelAct.ARM_HOME)
    for person in (hotels.nora, hotels.rita, hotels.xena):
        with pytest.raises(NotFound):
            services.command_panel(person.actor, panel=panel, act=PanelAct.ARM_HOME)
    assert len(node.commands) == 3
    for person in (hotels.vera, hotels.leo, hotels.nora, hotels.rita, hotels.xena):
        assert list_panels(person.actor) == []
        with pytest.raises(NotFound):
            get_panel(person.actor, panel)


# ── Sharing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_rita_arms_until_it_ends(people: cast.Cast, node: Told) -> None:
    """HC-3, HC-13, HC-32, N33: the command after the end is nobody's; the node never hears it."""
    panel = bind(people.olivia)
    say(panel, PanelStateWord.DISARMED)
    given = share(people, panel)
    rita = people.rita
    view = get_panel(rita.actor, panel)
    assert (view.mine, view.permissions, view.organization, view.error) == (False, ARM, None, "")
    assert view.shared_by is not None
    assert view.shared_by.email == people.olivia.email
    services.command_panel(rita.actor, panel=panel, act=PanelAct.ARM_AWAY)
    assert [row.address for row in list_panel_access(people.olivia.actor, panel)] == [
        people.olivia.email,
        rita.email,
    ]
    client = rita.browser()
    assert b"Alarm" in client.get("/").content
    end_share(people.olivia.actor, share=given)
    answer = client.post(f"/panels/{panel}/command", {"command": "disarm", "code": CODE})
    assert answer.status_code == 404
    body = {"command": "disarm", "code": CODE}
    said = rita.api().post(f"/api/v1/devices/{panel}/panel", body, content_type="application/json")
    assert said.status_code == 404
    assert client.get(f"/panels/{panel}").status_code == 404
    assert len(node.commands) == 1
    assert list_panels(rita.actor) == []


def test_being_told_is_not_arming(people: cast.Cast, node: Told) -> None:
    panel = bind(people.olivia)
    share(people, panel, NOTIFY)
    assert get_panel(people.rita.actor, panel).permissions == NOTIFY
    with pytest.raises(Forbidden):
        services.command_panel(people.rita.actor, panel=panel, act=PanelAct.ARM_AWAY)
    with pytest.raises(Forbidden):
        list_panel_access(people.rita.actor, panel)
    assert node.commands == []


@pytest.mark.parametrize("permissions", [Permission.LIVE_VIEW | ARM, Permission.PLAYBACK, Permission.CONFIGURE])
def test_a_panel_has_no_picture_to_give(people: cast.Cast, permissions: Permission) -> None:
    panel = bind(people.olivia)
    with pytest.raises(Invalid):
        offer_share(people.olivia.actor, recipient="new@example.org", items=[Item(panel, permissions, "panel")])


def test_nobody_gives_on_what_he_was_given(people: cast.Cast) -> None:
    panel = bind(people.olivia)
    share(people, panel)
    with pytest.raises(Forbidden):
        offer_share(people.rita.actor, recipient="new@example.org", items=[Item(panel, ARM, "panel")])
    with pytest.raises(NotFound):
        offer_share(people.xena.actor, recipient="new@example.org", items=[Item(panel, ARM, "panel")])


def test_a_panel_and_cameras_in_one_share(people: cast.Cast) -> None:
    """HC-14: each keeps its own set. The API says which is which; the mail names both."""
    panel = bind(people.olivia)
    body = {
        "recipient": people.rita.email,
        "items": [
            {"device": panel, "permissions": ["arm", "notify"]},
            {"camera": people.courtyard, "permissions": ["live_view"]},
        ],
    }
    offered = people.olivia.api().post("/api/v1/shares", body, content_type="application/json").json()
    assert offered["items"] == [
        {"camera": people.courtyard, "name": "Courtyard", "permissions": ["live_view"], "footage": None},
        {"device": panel, "name": "Alarm", "permissions": ["notify", "arm"]},
    ]
    run_due(limit=100)
    assert "arm and disarm" in mail.outbox[-1].body
    inbox = people.rita.browser().get("/inbox").content.decode()
    assert "Arm and disarm" in inbox
    accept_share(people.rita.actor, share=offered["id"])
    listed = people.rita.api().get("/api/v1/panels").json()["items"]
    assert [(row["id"], row["permissions"], row["site"]) for row in listed] == [(panel, ["notify", "arm"], None)]
    assert people.xena.api().get(f"/api/v1/panels/{panel}").status_code == 404


def test_a_move_takes_it_out_of_a_giver_s_hands(hotels: cast.Hotels) -> None:
    """Rule 5: what Ada gave as Admin of North is not hers to give in South."""
    panel = bind(hotels.olivia, site=hotels.north)
    pk = offer_share(hotels.ada.actor, recipient=hotels.rita.email, items=[Item(panel, ARM, "panel")])
    accept_share(hotels.rita.actor, share=pk)
    services.move_device(hotels.olivia.actor, device=panel, site=hotels.south)
    assert list_panels(hotels.rita.actor) == []
    assert list_panels(hotels.ada.actor) == []
    assert get_received(hotels.rita.actor, pk).state == "revoked"


def test_unbinding_ends_everything(people: cast.Cast, node: Told) -> None:
    """VA-21, VA-23: the recipients are told, the node lets go, and another may bind it."""
    panel = bind(people.olivia)
    given = share(people, panel)
    services.unbind_device(people.olivia.actor, device=panel)
    run_due(limit=100)
    for person in (people.olivia, people.rita):
        assert list_panels(person.actor) == []
        with pytest.raises(NotFound):
            services.command_panel(person.actor, panel=panel, act=PanelAct.ARM_AWAY)
    assert get_given(people.olivia.actor, given).state == "revoked"
    assert any(people.rita.email in message.to for message in mail.outbox)
    assert services.list_panel_assignments("local", panels.PanelsRequest(RUN)).panels == []
    bind(people.xena)


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_adding_and_sharing_on_the_page(people: cast.Cast, hello: None) -> None:
    olivia = people.olivia
    client = olivia.browser()
    form = {
        "name": "House alarm",
        "site": olivia.site,
        "address": "mqtt://127.0.0.1",
        "state_topic": "home/alarm",
        "command_topic": "home/alarm/set",
        "code": "disarm",
        "username": "house",
        "password": cast.CANARY,
    }
    assert b"Without TLS" in client.get("/panels/add").content
    refused = client.post("/panels/add", form)
    assert (refused.status_code, b"everybody on the way reads" in refused.content) == (422, True)
    assert cast.CANARY not in refused.content.decode()
    made = client.post("/panels/add", form | {"is_plain_ok": "on"})
    page = made.headers["Location"]
    say(page.rsplit("/", 1)[1], PanelStateWord.TRIGGERED)
    shown = client.get(page).content.decode()
    assert "House alarm" in shown
    assert "Alarm</strong>" in shown
    assert cast.CANARY not in shown
    assert page in client.get("/devices").content.decode()
    empty = client.post(f"{page}/share", {"to": people.rita.email})
    assert empty.status_code == 422
    sent = client.post(f"{page}/share", {"to": people.rita.email, "permission": ["arm"], "remark": "sister"})
    assert sent.status_code == 302
    assert people.rita.email in client.get(page).content.decode()
    assert people.rita.email in client.get("/sharing").content.decode()
    assert client.get(f"/devices/{page.rsplit('/', 1)[1]}/unbind").status_code == 200
    assert people.xena.browser().post("/panels/add", form | {"is_plain_ok": "on"}).status_code == 422


def test_the_list_asks_equally_often(people: cast.Cast, hello: None, django_assert_num_queries: Any) -> None:
    def count() -> int:
        with_log = len(connection.queries_log)
        connection.force_debug_cursor = True
        try:
            list_panels(people.olivia.actor)
            return len(connection.queries_log) - with_log
        finally:
            connection.force_debug_cursor = False

    bind(people.olivia)
    first = count()
    for number in range(5):
        bind(people.olivia, command_topic=f"home/{number}/set")
    assert count() == first


# ── History ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_told_it_what_and_what_it_said(people: cast.Cast, node: Told) -> None:
    """HC-30, HC-13: page and API, the latest first; what it says again, or that we do not hear it, is no news."""
    panel = bind(people.olivia)
    say(panel, PanelStateWord.DISARMED, 1)
    services.command_panel(people.olivia.actor, panel=panel, act=PanelAct.ARM_AWAY)
    say(panel, PanelStateWord.ARMED_AWAY, 2)
    say(panel, PanelStateWord.UNKNOWN, 3, error="unreachable")
    say(panel, PanelStateWord.ARMED_AWAY, 4)
    share(people, panel)
    node.answer = PanelAnswer(PanelAnswerCode.NOT_TAKEN, PanelStateWord.ARMED_AWAY)
    services.command_panel(people.rita.actor, panel=panel, act=PanelAct.DISARM, code=CODE)

    said = people.olivia.api().get(f"/api/v1/panels/{panel}/history").json()
    found = [(row["kind"], row["by"], row["command"], row["outcome"], row["state"]) for row in said["items"]]
    assert found == [
        ("not_confirmed", "Rita", "disarm", "not_taken", None),
        ("commanded", "Rita", "disarm", None, None),
        ("state", None, None, None, "armed_away"),
        ("commanded", "Olivia", "arm_away", None, None),
        ("state", None, None, None, "disarmed"),
    ]
    shown = people.olivia.browser().get(f"/panels/{panel}").content.decode()
    assert shown.count('class="audit-entry"') == 5
    assert CODE not in shown
    # Rita may arm it. Its past is for those who set it up.
    assert "panel-history" not in people.rita.browser().get(f"/panels/{panel}").content.decode()
    assert people.rita.api().get(f"/api/v1/panels/{panel}/history").status_code == 403
    assert people.xena.api().get(f"/api/v1/panels/{panel}/history").status_code == 404


def test_the_history_has_pages(people: cast.Cast, node: Told) -> None:
    """N13: each line stands on one page, and a cursor is good for its reader and panel alone."""
    panel, other = bind(people.olivia), bind(people.olivia, command_topic="barn/set")
    words = [PanelStateWord.DISARMED, PanelStateWord.ARMED_HOME]
    for number in range(25):
        with clock.moved_by(timedelta(seconds=number)):
            say(panel, words[number % 2], number + 1)
    client, api = people.olivia.browser(), people.olivia.api()
    first = client.get(f"/panels/{panel}").content.decode()
    (earlier,) = re.findall(r'href="([^"]*\?before=[^"#]*)', first)
    second = client.get(earlier).content.decode()
    assert [page.count('class="audit-entry"') for page in (first, second)] == [20, 5]
    assert client.get(f"/panels/{panel}?before=soon").status_code == 422

    found: list[str] = []
    cursor = ""
    while True:
        asked = f"/api/v1/panels/{panel}/history?limit=7" + (f"&cursor={cursor}" if cursor else "")
        page = api.get(asked).json()
        found += [row["at"] for row in page["items"]]
        if not page["next"]:
            break
        cursor = page["next"]
    assert (len(found), found) == (25, sorted(set(found), reverse=True))
    assert api.get(f"/api/v1/panels/{other}/history?cursor={cursor}").status_code == 400
    assert people.rita.api().get(f"/api/v1/panels/{panel}/history?cursor={cursor}").status_code in {400, 404}


def test_a_panel_that_flaps_fills_no_disk(people: cast.Cast, hello: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its state is told all the same; what is older than 90 days goes."""
    monkeypatch.setattr("belvedere.control.devices.services.panels.CHANGES_PER_H", 4)
    panel = bind(people.olivia)
    words = [PanelStateWord.DISARMED, PanelStateWord.ARMED_HOME]
    for number in range(9):
        say(panel, words[number % 2], number + 1)
    assert PanelChange.objects.filter(panel=panel).count() == 4
    assert get_panel(people.olivia.actor, panel).state is PanelStateWord.DISARMED
    with clock.moved_by(timedelta(days=91)):
        services.purge_panel_changes()
    assert not PanelChange.objects.exists()


def test_news_brings_the_history_along(people: cast.Cast, hello: None) -> None:
    """A change shows without a reload, with its line; where nothing changed nothing is sent."""
    panel = bind(people.olivia)
    say(panel, PanelStateWord.ARMED_AWAY)
    client = people.olivia.browser()
    news = client.get(f"/panels/{panel}?seen=disarmed", headers={"HX-Request": "true"})
    assert (news.status_code, "Armed, away" in news.content.decode()) == (200, True)
    assert 'id="panel-history"' in news.content.decode()
    assert client.get(f"/panels/{panel}?seen=armed_away", headers={"HX-Request": "true"}).status_code == 204
