"""Days on which a handover goes otherwise: none leaves a thing without an owner, or with two, or somebody with a key.

HC-24, HC-25, VV-31, VV-32, VA-13. Beside these, what is tested where it belongs:

never answers, declines            test_handovers: fourteen days to the second, declining, the worker writes it down
two plans, asked at once           test_handover_plans: one plan for one thing; test_handovers: offers at once leave one
killed in the middle               test_handover_plans: nothing has happened
the installer ends it himself      test_handover_engagements: who leaves meanwhile is in nobody's way
the new owner has a share of it    test_handover_plans: its own share ends with owning
somebody watches at that moment    test_handover_plans: who watches is cut; how fast: bench.handover
older than its facts               test_handover_plans and test_handover_engagements: asked again
"""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail

import cast
from belvedere.control.accounts.services import disable_account
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound
from belvedere.control.core.principal import system
from belvedere.control.devices.models import Binding, Camera, Device
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.handover.selectors import (
    get_handover,
    get_plan,
    list_cautions,
    list_handovers,
    list_received_handovers,
)
from belvedere.control.handover.services import (
    accept_handover,
    decline_handover,
    expire_handovers,
    offer_handover,
    undo_handover,
    withdraw_handover,
)
from belvedere.control.organizations.services import remove_member
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.models import Share
from belvedere.control.sharing.services import leave_share
from control.test_handover_plans import device_of
from control.test_handovers import assert_one_owner


def offer(giver: cast.Person, to: cast.Person, kind: str, thing: str, afterwards: str = "leaves") -> str:
    """Everything that hangs on it goes on where it can; the handover's id."""
    return cast.offer_handover(giver.actor, kind=kind, thing=thing, receiver=to.email, afterwards=afterwards)


def counter(people: cast.Cast) -> str:
    """Olivia offers Xena the counter's camera."""
    return offer(people.olivia, people.xena, "device", device_of(people.counter))


def sees(person: cast.Person) -> set[str]:
    return {view.name for view in list_cameras(person.actor)}


def owners_of(name: str) -> list[str]:
    """The organizations in which a device of this name stands now."""
    return list(Device.objects.filter(name=name, unbound_at=None).values_list("organization", flat=True))


# ── No answer, or a no ───────────────────────────────────────────────────────────────────────────────────────────────


def test_nobody_answers_for_a_device(people: cast.Cast) -> None:
    """After fourteen days it is over, both are told, the shares are as they were, and it can be offered to another."""
    handover = counter(people)
    run_due()
    with clock.moved_by(timedelta(days=14)):
        mail.outbox.clear()
        assert expire_handovers() == 1
        run_due()
        assert {row.to[0] for row in mail.outbox} == {people.olivia.email, people.xena.email}
        # Who has never answered is no side of what is over.
        with pytest.raises(NotFound):
            accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
        assert owners_of("Counter") == [people.olivia.organization]
        assert Share.objects.get(pk=people.veras_share).state == "accepted"
        again = offer(people.olivia, people.rita, "device", device_of(people.counter))
        accept_handover(people.rita.actor, handover=again, site=people.rita.site)
    assert owners_of("Counter") == [people.rita.organization]


def test_a_site_is_declined(hotels: cast.Hotels) -> None:
    """Nothing was founded, closed or ended for it; and who declined cannot take it after all."""
    handover = offer(hotels.olivia, hotels.rita, "site", hotels.north)
    before = {person: sees(hotels.person(person)) for person in ("olivia", "sam", "ada", "vera", "rita")}
    decline_handover(hotels.rita.actor, handover=handover)
    with pytest.raises(Conflict, match="declined"):
        accept_handover(hotels.rita.actor, handover=handover, found="Harbour North")
    assert {person: sees(hotels.person(person)) for person in before} == before
    assert get_handover(hotels.olivia.actor, handover).state == "declined"


# ── Somebody's account is gone ───────────────────────────────────────────────────────────────────────────────────────


def test_the_receivers_account_goes_before_he_answers(people: cast.Cast) -> None:
    """It waits for nobody then, runs out by itself, and can be withdrawn before; the owner stays who he was."""
    handover = counter(people)
    disable_account(system("operator"), account=people.xena.id)
    assert get_handover(people.olivia.actor, handover).state == "pending"
    run_due()
    assert owners_of("Counter") == [people.olivia.organization]
    withdraw_handover(people.olivia.actor, handover=handover)
    again = offer(people.olivia, people.rita, "device", device_of(people.counter))
    accept_handover(people.rita.actor, handover=again, site=people.rita.site)
    assert owners_of("Counter") == [people.rita.organization]


def test_who_no_longer_has_the_address_does_not_get_it(people: cast.Cast) -> None:
    """It was offered to an address: whoever gave that up cannot answer (N11)."""
    handover = counter(people)
    EmailAddress.objects.filter(email=people.xena.email).update(verified=False)
    assert list_received_handovers(people.xena.actor) == []
    with pytest.raises(NotFound):
        accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
    assert owners_of("Counter") == [people.olivia.organization]


@pytest.mark.parametrize("kind", ["organization", "device"])
def test_the_new_owners_account_goes_and_the_old_one_takes_it_back(hotels: cast.Hotels, kind: str) -> None:
    """Within the day: a stolen account that took it over keeps nothing."""
    olivia, sam = hotels.olivia, hotels.sam
    if kind == "organization":
        handover = offer(olivia, sam, kind, hotels.id)
        accept_handover(sam.actor, handover=handover)
    else:
        handover = offer(olivia, sam, kind, device_of(hotels.lobby))
        accept_handover(sam.actor, handover=handover, site=sam.site)
    disable_account(system("operator"), account=sam.id)
    undo_handover(olivia.actor, handover=handover)
    assert assert_one_owner(hotels.id) == olivia.id
    assert owners_of("Lobby") == [hotels.id]
    assert "Lobby" in sees(olivia)


# ── Two plans ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("first", ["device", "site"])
def test_a_device_is_promised_twice(hotels: cast.Hotels, first: str) -> None:
    """Alone to one, with its site to another: whoever accepts first has it; the other's offer is asked again."""
    olivia, rita, xena = hotels.olivia, hotels.rita, hotels.xena
    alone = offer(olivia, xena, "device", device_of(hotels.lobby))
    whole = offer(olivia, rita, "site", hotels.north)
    if first == "device":
        accept_handover(xena.actor, handover=alone, site=xena.site)
        with pytest.raises(Conflict, match="asked again"):
            accept_handover(rita.actor, handover=whole, found="Harbour North")
        winner, loser, late = xena, rita, whole
    else:
        accept_handover(rita.actor, handover=whole, found="Harbour North")
        with pytest.raises(Conflict, match="asked again"):
            accept_handover(xena.actor, handover=alone, site=xena.site)
        winner, loser, late = rita, xena, alone
    assert ("Lobby" in sees(winner), "Lobby" in sees(loser), "Lobby" in sees(olivia)) == (True, False, False)
    assert len(owners_of("Lobby")) == 1
    assert Binding.objects.filter(device__name="Lobby").values("device").distinct().count() == 1
    # It is Olivia's plan again: what is left of it, or nothing, which cannot be offered.
    assert get_handover(olivia.actor, late).state == "draft"
    assert [thing.name for thing in get_plan(olivia.actor, late).goes] == []
    if first == "site":
        with pytest.raises((NotFound, Forbidden)):
            offer_handover(olivia.actor, handover=late)


def test_the_whole_goes_while_a_part_was_offered(hotels: cast.Hotels) -> None:
    """What the old owner had offered of it is over with his owning: nobody takes from the new one."""
    olivia, sam, xena = hotels.olivia, hotels.sam, hotels.xena
    part = offer(olivia, xena, "device", device_of(hotels.lobby))
    accept_handover(sam.actor, handover=offer(olivia, sam, "organization", hotels.id, "super_admin"))
    with pytest.raises(NotFound):
        accept_handover(xena.actor, handover=part, site=xena.site)
    run_due()
    assert "Olivia keeps Lobby" in {str(row.subject) for row in mail.outbox if row.to == [xena.email]}
    assert owners_of("Lobby") == [hotels.id]
    assert assert_one_owner(hotels.id) == sam.id


def test_undone_after_a_part_went_on(hotels: cast.Hotels) -> None:
    """North went to Xena, and its camera on to Rita: what is Rita's stays hers, the rest comes back."""
    olivia, xena, rita = hotels.olivia, hotels.xena, hotels.rita
    olivia.add_camera("Attic", site=hotels.north)
    north = offer(olivia, xena, "site", hotels.north)
    accept_handover(xena.actor, handover=north, found="Harbour North")
    lobby = Device.objects.get(name="Lobby", unbound_at=None).pk
    onward = offer(xena, rita, "device", lobby)
    accept_handover(rita.actor, handover=onward, site=rita.site)
    undo_handover(olivia.actor, handover=north)
    assert owners_of("Lobby") == [rita.organization]
    assert owners_of("Attic") == [hotels.id]
    assert "Attic" not in sees(xena)


@pytest.mark.parametrize("kind", ["site", "device"])
def test_who_was_dismissed_takes_nothing_with_him(hotels: cast.Hotels, kind: str) -> None:
    """Xena’s went to the hotels, by Sam’s hand. Who is no member there any more does not undo it."""
    xena, sam = hotels.xena, hotels.sam
    attic = xena.add_camera("Attic")
    thing = xena.site if kind == "site" else device_of(attic)
    handover = offer(xena, sam, kind, thing)
    accept_handover(sam.actor, handover=handover, organization=hotels.id, site=hotels.south)
    assert owners_of("Attic") == [hotels.id]
    remove_member(hotels.olivia.actor, member=hotels.member(sam))
    with pytest.raises(Forbidden):
        undo_handover(sam.actor, handover=handover)
    assert owners_of("Attic") == [hotels.id]
    undo_handover(xena.actor, handover=handover)
    assert owners_of("Attic") == [xena.organization]


def test_nothing_comes_back_to_who_did_not_give_it(hotels: cast.Hotels) -> None:
    """North went to Xena, then the hotels to Sam: neither she nor Olivia puts North into what is his."""
    olivia, sam, xena = hotels.olivia, hotels.sam, hotels.xena
    north = offer(olivia, xena, "site", hotels.north)
    accept_handover(xena.actor, handover=north, found="Harbour North")
    whole = offer(olivia, sam, "organization", hotels.id, "super_admin")
    accept_handover(sam.actor, handover=whole)
    for person in (olivia, xena):
        with pytest.raises(Conflict):
            undo_handover(person.actor, handover=north)
    assert hotels.id not in owners_of("Lobby")


# ── The thing, and oneself ───────────────────────────────────────────────────────────────────────────────────────────


def test_it_goes_offline_midway(people: cast.Cast) -> None:
    """It is said before, and in nobody's way: a picture that does not come is no reason to keep an owner."""
    handover = counter(people)
    assert "offline" in list_cautions(people.olivia.actor, handover)
    Camera.objects.filter(pk=people.counter).update(state="online")
    assert "offline" not in list_cautions(people.olivia.actor, handover)
    Camera.objects.filter(pk=people.counter).update(state="offline", error="unreachable")
    accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
    new = Camera.objects.get(device=get_handover(people.xena.actor, handover).became)
    # What the old owner's node saw of it says nothing of the new one's.
    assert (new.state, new.error) == ("unknown", "")


def test_to_another_address_of_ones_own(people: cast.Cast) -> None:
    """Transfer to oneself: by any address that one has proven."""
    EmailAddress.objects.create(user_id=people.olivia.id, email="o.marin@example.net", verified=True, primary=False)
    for address in (people.olivia.email, people.olivia.email.upper(), " o.marin@example.net "):
        with pytest.raises(Invalid, match="your own address"):
            cast.offer_handover(
                people.olivia.actor,
                kind="device",
                thing=device_of(people.counter),
                receiver=address,
                afterwards="leaves",
            )
    assert list_handovers(people.olivia.actor) == []


@pytest.mark.parametrize("kind", ["site", "device"])
def test_into_where_it_stands_already(hotels: cast.Hotels, kind: str) -> None:
    """A Super Admin takes it over into the very organization: it would end every right for nothing."""
    thing = hotels.north if kind == "site" else device_of(hotels.lobby)
    handover = offer(hotels.olivia, hotels.sam, kind, thing)
    where = {"organization": hotels.id} if kind == "site" else {"site": hotels.south}
    with pytest.raises(Invalid, match="there already"):
        accept_handover(hotels.sam.actor, handover=handover, **where)
    assert "Lobby" in sees(hotels.ada)
    assert get_handover(hotels.sam.actor, handover).state == "pending"


def test_the_installer_gives_up_his_warranty(people: cast.Cast) -> None:
    """HC-29: who handed it over and may look on for a while leaves earlier: nothing is left of him."""
    handover = offer(people.olivia, people.xena, "device", device_of(people.counter), "warranty")
    accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
    look = Share.objects.get(sharer=people.xena.id, accepted_by=people.olivia.id)
    leave_share(people.olivia.actor, share=look.pk)
    assert "Counter" not in sees(people.olivia)
    # And undone after that, it is his again with no trace of it.
    undo_handover(people.xena.actor, handover=handover)
    assert "Counter" in sees(people.olivia)
    assert not Share.objects.filter(accepted_by=people.olivia.id, state="accepted").exists()
