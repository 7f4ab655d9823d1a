"""A security panel changes hands: alone, with its site, with the whole organization; and comes back.

VA-1, HC-3, HC-13, HC-24, HC-25, HC-30. Who could arm it can only if that was decided; who had it hears nothing of it.
"""

import json
from datetime import timedelta
from typing import Any

import pytest

import cast
from belvedere.contracts.panels import PanelAct, PanelStateWord
from belvedere.contracts.permissions import Permission
from belvedere.control.core import clock, vault
from belvedere.control.core.errors import NotFound
from belvedere.control.devices.models import Binding, Device, Panel, PanelChange
from belvedere.control.devices.panels import get_panel, list_panels
from belvedere.control.devices.services import command_panel, move_device
from belvedere.control.handover.selectors import get_handover, get_plan
from belvedere.control.handover.services import (
    Choice,
    accept_handover,
    change_plan,
    offer_handover,
    plan_handover,
    undo_handover,
)
from belvedere.control.organizations.services import add_site
from belvedere.control.sharing.models import Share
from belvedere.control.sharing.services import Item, accept_share, offer_share
from control.test_handover_plans import device_of, rows
from control.test_panels import ARM, CODE, NOTIFY, Told, bind, hello, node, say

__all__ = ["hello", "node"]


def share(
    giver: cast.Person, to: cast.Person, panel: str, *cameras: str, permissions: Permission = ARM, **more: Any
) -> str:
    """The panel, and live view of cameras with it; the share's id."""
    items = [Item(panel, permissions, "panel"), *(Item(pk, Permission.LIVE_VIEW) for pk in cameras)]
    pk = offer_share(giver.actor, recipient=to.email, items=items, **more)
    accept_share(to.actor, share=pk)
    return pk


def hand(giver: cast.Person, to: cast.Person, kind: str, thing: str, verdicts: dict[str, str], **where: str) -> str:
    """Each share as told by its holder's name, and whatever is open goes on; the handover's id."""
    handover = plan_handover(giver.actor, kind=kind, thing=thing, receiver=to.email, afterwards="leaves")
    choices = [
        Choice(key=row.key, verdict=verdicts[row.who], facts=row.facts)
        for row in get_plan(giver.actor, handover).rows
        if row.subject == "share" and row.who in verdicts
    ]
    change_plan(giver.actor, handover=handover, choices=choices)
    for rest in ("carry_over", "carry_over", "end"):
        change_plan(giver.actor, handover=handover, rest=rest)
    offer_handover(giver.actor, handover=handover)
    accept_handover(to.actor, handover=handover, **where)
    return handover


def arms(person: cast.Person) -> set[str]:
    """Ids of what he could arm."""
    return {view.id for view in list_panels(person.actor) if Permission.ARM in view.permissions}


# ── Alone ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_panel_alone(people: cast.Cast, hello: None) -> None:
    """HC-24, HC-25: the giver has nothing, one goes on arming it, another does not; its history stays where it was."""
    olivia, xena, rita, vera = people.olivia, people.xena, people.rita, people.vera
    panel = bind(olivia, code="always")
    share(olivia, rita, panel, permissions=ARM | NOTIFY)
    share(olivia, vera, panel)
    say(panel, PanelStateWord.ARMED_AWAY)
    assert PanelChange.objects.filter(panel=panel).exists()
    plan = hand(olivia, xena, "device", panel, {"Rita": "carry_over", "Vera": "end"}, site=xena.site)
    became = get_handover(xena.actor, plan).became
    assert (arms(olivia), arms(vera)) == (set(), set())
    assert arms(xena) == arms(rita) == {became}
    assert became != panel
    for person in (olivia, vera):
        with pytest.raises(NotFound):
            get_panel(person.actor, became)
    new = get_panel(rita.actor, became)
    assert new.permissions == ARM | NOTIFY
    assert (new.shared_by.name if new.shared_by else "") == "Xena"
    # Rule 7: what it said before is the old owner's; whether it asks for a code is a fact of the panel.
    assert new.state is PanelStateWord.UNKNOWN
    assert not PanelChange.objects.filter(panel=became).exists()
    assert (Panel.objects.get(pk=became).code, Panel.objects.get(pk=became).closed_at) == ("always", None)
    assert Panel.objects.get(pk=panel).closed_at is not None
    # VA-1: one owner all the while.
    assert {row.device_id for row in Binding.objects.filter(device__in=[panel, became])} == {became}


@pytest.mark.parametrize("passes", [False, True])
def test_its_brokers_password_stays_behind_unless_told(people: cast.Cast, *, passes: bool) -> None:
    """threats.md §8: where it listens goes along, how to get in only if its giver says so."""
    panel = bind(people.olivia)
    handover = cast.offer_handover(
        people.olivia.actor,
        kind="device",
        thing=panel,
        receiver=people.xena.email,
        afterwards="leaves",
        passes_credentials=passes,
    )
    accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
    row = Device.objects.get(pk=get_handover(people.xena.actor, handover).became)
    source = json.loads(vault.unseal(row.source, table="device", row=row.pk, field="source"))
    assert (source["username"], source["password"]) == (("house", cast.CANARY) if passes else ("", ""))
    assert source["command_topic"] == "home/alarm/set"
    assert Device.objects.get(pk=panel).source == ""


def test_the_old_side_commands_nothing_any_more(people: cast.Cast, node: Told) -> None:
    """B-1: a command of the old owner, or of whom he gave the right, is refused before it goes anywhere."""
    olivia, xena, rita = people.olivia, people.xena, people.rita
    panel = bind(olivia)
    share(olivia, rita, panel)
    say(panel, PanelStateWord.ARMED_AWAY)
    command_panel(rita.actor, panel=panel, act=PanelAct.DISARM, code=CODE)
    assert len(node.commands) == 1
    plan = hand(olivia, xena, "device", panel, {"Rita": "end"}, site=xena.site)
    became = get_handover(xena.actor, plan).became
    for person in (olivia, rita):
        for pk in (panel, became):
            with pytest.raises(NotFound):
                command_panel(person.actor, panel=pk, act=PanelAct.DISARM, code=CODE)
    assert len(node.commands) == 1


def test_a_right_for_one_time_stays_one(people: cast.Cast) -> None:
    """HC-30: what was good for one command is good for one command of the new owner's, and for no day longer."""
    olivia, xena, rita = people.olivia, people.xena, people.rita
    panel = bind(olivia)
    end = clock.now() + timedelta(hours=24)
    old = share(olivia, rita, panel)
    Share.objects.filter(pk=old).update(is_once=True, ends_at=end)
    handover = plan_handover(olivia.actor, kind="device", thing=panel, receiver=xena.email, afterwards="leaves")
    assert [one.value for one in rows(olivia, handover)["share", "Rita"].verdicts] == ["carry_over", "end"]
    for rest in ("carry_over", "carry_over"):
        change_plan(olivia.actor, handover=handover, rest=rest)
    offer_handover(olivia.actor, handover=handover)
    accept_handover(xena.actor, handover=handover, site=xena.site)
    new = Share.objects.get(sharer=xena.id, accepted_by=rita.id)
    assert (new.is_once, new.ends_at) == (True, end)


def test_it_comes_back(people: cast.Cast) -> None:
    """Within a day: to who had it, with who kept the right; what had ended stays ended."""
    olivia, xena, rita, vera = people.olivia, people.xena, people.rita, people.vera
    panel = bind(olivia)
    share(olivia, rita, panel)
    share(olivia, vera, panel)
    plan = hand(olivia, xena, "device", panel, {"Rita": "carry_over", "Vera": "end"}, site=xena.site)
    undo_handover(xena.actor, handover=plan)
    [back] = list_panels(olivia.actor)
    assert back.mine
    assert back.permissions & ARM
    assert (arms(rita), arms(vera), arms(xena)) == ({back.id}, set(), set())
    assert Binding.objects.get(device__name="Alarm").device_id == back.id
    assert not Share.objects.filter(sharer=xena.id, state="accepted").exists()


# ── With what it stands in ───────────────────────────────────────────────────────────────────────────────────────────


def test_with_its_site_and_back(hotels: cast.Hotels) -> None:
    """HC-24, HC-25: one share of a camera and the panel goes on with both rights; undone, both come back."""
    olivia, xena, rita = hotels.olivia, hotels.xena, hotels.rita
    panel = bind(olivia, site=hotels.north)
    share(olivia, rita, panel, hotels.lobby, hotels.deck)
    plan = hand(olivia, xena, "site", hotels.north, {"Rita": "carry_over"}, found="Harbour North")
    [hers] = list_panels(xena.actor)
    assert arms(rita) == {hers.id}
    assert arms(hotels.sam) == arms(olivia) == set()
    new = Share.objects.get(sharer=xena.id, accepted_by=rita.id)
    assert {(bool(item.panel_id), Permission(item.permissions)) for item in new.items.all()} == {
        (True, ARM),
        (False, Permission.LIVE_VIEW),
    }
    # Of the share with Olivia what stayed is left: the camera of the other site.
    old = Share.objects.get(sharer=olivia.id, accepted_by=rita.id, state="accepted")
    assert [item.camera_id for item in old.items.filter(ended_at=None)] == [hotels.deck]
    undo_handover(olivia.actor, handover=plan)
    [back] = list_panels(olivia.actor)
    assert arms(rita) == {back.id}
    assert arms(xena) == set()
    assert back.id in arms(hotels.sam)


def test_what_the_new_owner_bound_himself_stays_his(hotels: cast.Hotels) -> None:
    """Undone while he has added a panel and a camera to that site, and moved one that came to another of his.

    What came goes back, wherever it stands by now; his own, and who may see it, stay where they are.
    """
    olivia, xena, rita, vera = hotels.olivia, hotels.xena, hotels.rita, hotels.vera
    panel = bind(olivia, site=hotels.north)
    share(olivia, rita, panel)
    attic = olivia.add_camera("Attic", site=hotels.north)
    plan = hand(olivia, xena, "site", hotels.north, {"Rita": "carry_over"}, found="Harbour North")
    view = get_handover(xena.actor, plan)
    own = bind(xena, site=view.became, address="mqtts://127.0.0.1:8884", command_topic="hers/set")
    porch = xena.add_camera("Porch", site=view.became)
    share(xena, vera, own, porch)
    other = add_site(xena.actor, organization=view.destination, name="Annex").pk
    came = device_of_name("Attic", view.destination)
    move_device(xena.actor, device=came, site=other)
    undo_handover(olivia.actor, handover=plan)
    assert attic != came
    assert {row.name for row in Device.objects.filter(organization=view.destination, unbound_at=None)} == {
        "Alarm",
        "Porch",
    }
    assert arms(xena) == arms(vera) == {own}
    [back] = list_panels(olivia.actor)
    assert arms(rita) == {back.id}
    assert {row.name for row in Device.objects.filter(site=hotels.north, unbound_at=None)} == {
        "Alarm",
        "Attic",
        "Lobby",
    }
    assert device_of(porch) == Device.objects.get(name="Porch").pk


def device_of_name(name: str, organization: str) -> str:
    return Device.objects.get(name=name, organization=organization, unbound_at=None).pk


def test_with_the_whole_organization_and_back(hotels: cast.Hotels) -> None:
    """HC-25: nothing closes: it is the same panel, and who goes on arming it never stopped; the giver has nothing."""
    olivia, sam, rita, xena = hotels.olivia, hotels.sam, hotels.rita, hotels.xena
    panel = bind(olivia, site=hotels.north)
    kept = share(olivia, rita, panel)
    share(olivia, xena, panel)
    plan = hand(olivia, sam, "organization", hotels.id, {"Rita": "carry_over", "Xena": "end"})
    assert arms(rita) == arms(sam) == {panel}
    assert arms(olivia) == arms(xena) == set()
    assert Share.objects.get(pk=kept).sharer_id == sam.id
    undo_handover(sam.actor, handover=plan)
    assert arms(olivia) == arms(rita) == {panel}
    assert arms(xena) == set()


# ── The page ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_plan_shows_what_a_panels_right_is(people: cast.Cast) -> None:
    """HC-13: two slots where there is a panel alone; the seven of cameras and one more where there are both."""
    olivia = people.olivia
    panel = bind(olivia)
    share(olivia, people.rita, panel, permissions=ARM | NOTIFY)
    handover = plan_handover(olivia.actor, kind="device", thing=panel, receiver=people.xena.email, afterwards="leaves")
    page = olivia.browser().get(f"/handovers/{handover}").content.decode()
    assert "#arm" in page
    assert 'aria-label="Arm and disarm. Notifications. "' in page
