"""A right to arm that is good for one command, or 24 hours, whichever comes first. HC-30."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core import mail

import cast
from belvedere.contracts import events, panels, subjects
from belvedere.contracts.panels import PanelAct, PanelAnswer, PanelAnswerCode, PanelStateWord
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sealing import public_bytes
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Refusal, Unavailable
from belvedere.control.core.principal import Principal
from belvedere.control.devices import uses
from belvedere.control.devices.panels import get_panel, list_panels
from belvedere.control.devices.services import PanelUnreachable, command_panel, record_hello
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing import services
from belvedere.control.sharing.models import Share
from belvedere.control.sharing.selectors import get_given, get_received
from belvedere.control.sharing.services import Item
from control.test_at_once import at_once
from control.test_panels import KEY, Told, bind, say
from control.watching import Node

ARM, NOTIFY = Permission.ARM, Permission.NOTIFY
RUN = "run-1"


@pytest.fixture
def node(people: cast.Cast, bus: Node) -> Told:
    """A node that carries every panel, on a real bus."""
    record_hello("local", events.Hello("local", RUN, "ws://localhost:1", public_bytes(KEY)))
    told = Told()
    bus.answer(subjects.PANEL_COMMAND, panels.PanelCommand, told.hear)
    return told


@pytest.fixture
def panel(people: cast.Cast) -> str:
    return bind(people.olivia, code="never")


def offer(people: cast.Cast, panel: str, **more: Any) -> str:
    """Rita is offered the panel for one time."""
    items = [Item(panel, more.pop("permissions", ARM), "panel")]
    return services.offer_share(people.olivia.actor, recipient=people.rita.email, items=items, is_once=True, **more)


def give(people: cast.Cast, panel: str, **more: Any) -> str:
    pk = offer(people, panel, **more)
    services.accept_share(people.rita.actor, share=pk)
    return pk


def arm(person: cast.Person, panel: str) -> PanelAnswer:
    return command_panel(person.actor, panel=panel, act=PanelAct.ARM_AWAY)


def test_one_command_and_it_is_over(people: cast.Cast, node: Told, panel: str) -> None:
    """HC-30: the second command is nobody's; both read why it ended."""
    share = give(people, panel)
    assert arm(people.rita, panel).code is PanelAnswerCode.OK
    with pytest.raises(NotFound):
        arm(people.rita, panel)
    assert len(node.commands) == 1
    assert list_panels(people.rita.actor) == []
    given, received = get_given(people.olivia.actor, share), get_received(people.rita.actor, share)
    assert (given.state, given.ended_reason, received.ended_reason) == ("revoked", "used", "used")
    assert "Rita used the one time you gave them" in people.olivia.browser().get("/inbox").content.decode()
    assert "You used what Olivia gave you" in people.rita.browser().get("/inbox").content.decode()
    mail.outbox.clear()
    run_due(limit=1000)
    told = [row for row in mail.outbox if row.subject == "Rita used the one time you gave them"]
    assert [row.to for row in told] == [[people.olivia.email]]
    entries = Entry.objects.filter(action="share.used")
    assert [row.thing for row in entries] == [f"share:{share}"]


def test_of_two_commands_at_once_one_goes_out(people: cast.Cast, node: Told, panel: str) -> None:
    """HC-30: the use is claimed before anything is sent."""
    for _round in range(3):
        give(people, panel)
        node.commands.clear()
        found = at_once(*[partial(arm, people.rita, panel)] * 3)
        assert len(node.commands) == 1
        assert [isinstance(one, Refusal) for one in found].count(False) == 1


def test_what_was_not_sent_was_not_used(people: cast.Cast, node: Told, panel: str) -> None:
    """HC-30: a panel that could not be reached costs nothing."""
    share = give(people, panel)
    node.answer = PanelAnswer(PanelAnswerCode.UNREACHABLE)
    with pytest.raises(PanelUnreachable):
        arm(people.rita, panel)
    assert get_given(people.olivia.actor, share).state == "accepted"
    node.answer = PanelAnswer(PanelAnswerCode.OK, PanelStateWord.ARMED_AWAY)
    assert arm(people.rita, panel).code is PanelAnswerCode.OK
    assert get_given(people.olivia.actor, share).state == "revoked"


def test_what_may_have_gone_out_was_used(people: cast.Cast, node: Told, panel: str) -> None:
    """HC-30: an unanswered command may have been taken; nobody gets a second one on the guess that it was not."""
    share = give(people, panel)
    node.answer = PanelAnswer(PanelAnswerCode.UNANSWERED)
    client = people.rita.browser()
    answer = client.post(f"/panels/{panel}/command", {"command": "arm_away"}, follow=True)
    assert b"did not confirm" in answer.content
    assert b"that was it" in answer.content
    assert get_given(people.olivia.actor, share).ended_reason == "used"


def test_what_the_panel_did_not_take_is_given_back(people: cast.Cast, node: Told, panel: str) -> None:
    """HC-30: a wrong code costs nothing, three times; who guesses on has used it up."""
    share = give(people, panel)
    node.answer = PanelAnswer(PanelAnswerCode.NOT_TAKEN, PanelStateWord.ARMED_AWAY)
    client, api = people.rita.browser(), people.rita.api()
    shown = client.post(f"/panels/{panel}/command", {"command": "disarm"})
    assert (shown.status_code, b"Was the code right?" in shown.content, b"Disarm" in shown.content) == (200, True, True)
    body = {"command": "disarm"}
    said = api.post(f"/api/v1/devices/{panel}/panel", body, content_type="application/json")
    assert (said.status_code, said.json()["outcome"]) == (200, "not_taken")
    assert arm(people.rita, panel).code is PanelAnswerCode.NOT_TAKEN
    assert get_given(people.olivia.actor, share).state == "accepted"
    assert arm(people.rita, panel).code is PanelAnswerCode.NOT_TAKEN
    assert get_given(people.olivia.actor, share).ended_reason == "used"
    assert len(node.commands) == 4


def test_after_a_wrong_code_the_right_one_is_the_one_time(people: cast.Cast, node: Told, panel: str) -> None:
    """HC-30: then it is over; page and API say why, to her alone."""
    give(people, panel)
    client, api = people.rita.browser(), people.rita.api()
    node.answer = PanelAnswer(PanelAnswerCode.NOT_TAKEN, PanelStateWord.ARMED_AWAY)
    arm(people.rita, panel)
    node.answer = PanelAnswer(PanelAnswerCode.OK, PanelStateWord.DISARMED)
    arm(people.rita, panel)
    assert len(node.commands) == 2
    said = api.post(f"/api/v1/devices/{panel}/panel", {"command": "disarm"}, content_type="application/json")
    assert (said.status_code, said.json()["code"]) == (403, "used_up")
    assert "for one time, and it was used" in said.json()["detail"]
    for answer in (client.get(f"/panels/{panel}"), client.post(f"/panels/{panel}/command", {"command": "disarm"})):
        assert (answer.status_code, b"for one time, and it was used" in answer.content) == (403, True)
        assert b"act-disarm" not in answer.content
    for stranger in (people.xena, people.vera):
        body = {"command": "disarm"}
        said = stranger.api().post(f"/api/v1/devices/{panel}/panel", body, content_type="application/json")
        assert said.status_code == 404
        assert stranger.browser().get(f"/panels/{panel}").status_code == 404
    assert len(node.commands) == 2


@pytest.mark.parametrize("late", [PanelStateWord.ARMING, PanelStateWord.ARMED_AWAY])
def test_what_the_panel_took_late_was_the_one_time(
    people: cast.Cast, node: Told, panel: str, late: PanelStateWord
) -> None:
    """N33, HC-30: given back, then taken after all: never twice."""
    share = give(people, panel)
    say(panel, PanelStateWord.DISARMED, 1)
    node.answer = PanelAnswer(PanelAnswerCode.NOT_TAKEN, PanelStateWord.DISARMED)
    arm(people.rita, panel)
    say(panel, PanelStateWord.DISARMED, 2)
    say(panel, PanelStateWord.TRIGGERED, 3)
    assert get_given(people.olivia.actor, share).state == "accepted"
    say(panel, late, 4)
    assert get_given(people.olivia.actor, share).ended_reason == "used"
    with pytest.raises(NotFound):
        arm(people.rita, panel)
    assert len(node.commands) == 1


def test_taken_before_it_is_given_back(people: cast.Cast, node: Told, panel: str) -> None:
    """N33: the panel's word overtakes the node's answer: nothing is given back."""
    share = give(people, panel)
    say(panel, PanelStateWord.ARMED_AWAY)
    node.answer = PanelAnswer(PanelAnswerCode.NOT_TAKEN, PanelStateWord.DISARMED)
    arm(people.rita, panel)
    assert get_given(people.olivia.actor, share).ended_reason == "used"


def test_long_after_a_try_it_was_somebody_else(people: cast.Cast, node: Told, panel: str) -> None:
    """HC-30: whoever arms it at its keys an hour later uses nothing of hers up."""
    share = give(people, panel)
    say(panel, PanelStateWord.DISARMED, 1)
    node.answer = PanelAnswer(PanelAnswerCode.NOT_TAKEN, PanelStateWord.DISARMED)
    arm(people.rita, panel)
    with clock.moved_by(timedelta(hours=1)):
        say(panel, PanelStateWord.ARMED_AWAY, 2)
        assert get_given(people.olivia.actor, share).state == "accepted"


def test_a_right_that_ends_after_the_claim_sends_nothing(people: cast.Cast, node: Told, panel: str) -> None:
    """N33: between command and panel."""
    share = give(people, panel)

    def end(actor: Principal, *, panel: str, act: PanelAct) -> None:
        services.end_share(people.olivia.actor, share=share)

    uses.register_claim(end)
    try:
        with pytest.raises(NotFound):
            arm(people.rita, panel)
    finally:
        uses._claims.remove(end)
    assert node.commands == []
    assert get_given(people.olivia.actor, share).ended_reason == "revoked"


def test_without_a_node_nothing_is_claimed(people: cast.Cast, panel: str) -> None:
    share = give(people, panel)
    with pytest.raises((Unavailable, RateLimited)):
        arm(people.rita, panel)
    assert Share.objects.get(pk=share).used_at is None


def test_a_use_that_was_never_settled_is_over(people: cast.Cast, panel: str) -> None:
    """HC-30: of a process that died between claim and answer nobody knows whether the command went out."""
    share = give(people, panel)
    assert services.claim_use(people.rita.actor, panel=panel, act=PanelAct.DISARM) is not None
    with pytest.raises(Forbidden):
        services.claim_use(people.rita.actor, panel=panel, act=PanelAct.DISARM)
    assert services.settle_uses() == 0
    with clock.frozen_at(clock.now() + timedelta(minutes=2)):
        assert services.settle_uses() == 1
    assert get_given(people.olivia.actor, share).ended_reason == "used"
    with pytest.raises(NotFound):
        get_panel(people.rita.actor, panel)


def test_it_lasts_a_day_from_acceptance(people: cast.Cast, node: Told, panel: str) -> None:
    """HC-30, N11: 24 hours less a second, and 24 hours."""
    offered = clock.now()
    with clock.frozen_at(offered):
        share = offer(people, panel)
    accepted = offered + timedelta(days=3)
    with clock.frozen_at(accepted):
        services.accept_share(people.rita.actor, share=share)
        assert get_given(people.olivia.actor, share).ends_at == accepted + timedelta(hours=24)
    with clock.frozen_at(accepted + timedelta(hours=24) - timedelta(seconds=1)):
        assert get_panel(people.rita.actor, panel).may(ARM)
    with clock.frozen_at(accepted + timedelta(hours=24)):
        with pytest.raises(NotFound):
            arm(people.rita, panel)
        assert get_given(people.olivia.actor, share).state == "expired"
    assert node.commands == []


def test_an_earlier_end_stays_and_a_later_one_is_none(people: cast.Cast, panel: str) -> None:
    end = clock.now() + timedelta(hours=2)
    share = give(people, panel, ends_at=end)
    assert get_given(people.olivia.actor, share).ends_at == end
    services.change_share(people.olivia.actor, share=share, terms={"ends_at": end + timedelta(hours=1)})
    for later in (None, end + timedelta(days=2)):
        with pytest.raises(Invalid):
            services.change_share(people.olivia.actor, share=share, terms={"ends_at": later})
    with pytest.raises(Invalid):
        services.extend_shares(people.olivia.actor, additions={share: [Item(people.pool, cast.LIVE)]})
    with pytest.raises(Conflict):
        services.prolong_share(people.olivia.actor, share=share, ends_at=end + timedelta(hours=1))


def test_who_may_anyway_uses_nothing_up(people: cast.Cast, node: Told, panel: str) -> None:
    """HC-30: the owner's commands, and those of who holds it for good besides, are not counted."""
    share = give(people, panel)
    arm(people.olivia, panel)
    assert Share.objects.get(pk=share).used_at is None


def test_only_a_panel_and_only_to_arm(people: cast.Cast, panel: str) -> None:
    """HC-13, HC-30: a camera is watched, not used; and it cannot be armed (422, in words)."""
    api = people.olivia.api()

    def post(**body: Any) -> Any:
        asked = {"recipient": "new@example.org"} | body
        return api.post("/api/v1/shares", asked, content_type="application/json")

    camera = {"camera": people.pool, "permissions": ["live_view"]}
    alarm = {"device": panel, "permissions": ["arm", "notify"]}
    assert post(items=[camera], once=True).status_code == 422
    assert post(items=[camera, alarm], once=True).status_code == 422
    assert post(items=[alarm | {"permissions": ["notify"]}], once=True).status_code == 422
    refused = post(items=[camera | {"permissions": ["live_view", "arm"]}])
    assert (refused.status_code, refused.json()["field"]) == (422, "permissions")
    assert "security panels" in refused.json()["detail"]
    share = people.olivia.share(people.rita, people.pool)
    changed = {"items": [{"camera": people.pool, "permissions": ["arm"]}]}
    answer = api.patch(f"/api/v1/shares/{share}", changed, content_type="application/json")
    assert answer.status_code == 422
    made = post(items=[alarm], once=True)
    assert (made.status_code, made.json()["once"], made.json()["ends_at"]) == (201, True, None)


@pytest.mark.parametrize(
    ("span", "until", "once", "hours"),
    [
        ("once", "", True, None),
        ("day", "", False, 24),
        ("until", "2099-01-01T18:00", False, -1),
        ("always", "", False, 0),
    ],
)
def test_the_panels_page_offers_four_spans(
    people: cast.Cast, panel: str, span: str, until: str, hours: int | None, *, once: bool
) -> None:
    """HC-30, HC-3: once, a day, until, always."""
    client = people.olivia.browser()
    page = client.get(f"/panels/{panel}/share").content.decode()
    assert [page.count(f'value="{one}"') for one in ("once", "day", "until", "always")] == [1] * 4
    fields = {"to": people.rita.email, "permission": ["arm"], "span": span, "until": until}
    with clock.frozen_at(clock.now()):
        assert client.post(f"/panels/{panel}/share", fields).status_code == 302
        row = Share.objects.get(recipient__email=people.rita.email)
        if hours and hours > 0:
            assert row.ends_at == clock.now() + timedelta(hours=hours)
    assert (row.is_once, bool(row.ends_at)) == (once, span in {"day", "until"})
    words = people.rita.browser().get("/inbox").content.decode()
    assert ("For one command, or 24 hours" in words) is once


@pytest.mark.parametrize("fields", [{"span": "until", "until": "soon"}, {"span": "ever"}, {"span": "until"}], ids=str)
def test_a_span_that_is_none_offers_nothing(people: cast.Cast, panel: str, fields: dict[str, str]) -> None:
    before = Share.objects.count()
    body = {"to": people.rita.email, "permission": ["arm"], **fields}
    answer = people.olivia.browser().post(f"/panels/{panel}/share", body)
    assert (answer.status_code, Share.objects.count()) == (422, before)
