"""Rights that changed: told to whom they are of, and to whoever manages the organization where somebody else did it."""

from datetime import timedelta

import pytest
from django.core import mail

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.roles import Role
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.matters import Matter
from belvedere.control.notifications.channels import Channel
from belvedere.control.notifications.selectors import Choice, MatterView, get_matter, list_matters
from belvedere.control.notifications.services import choose_channels
from belvedere.control.notifications.services.matters import ONE_SITTING
from belvedere.control.organizations.services import Wish, change_member, edit_organization, remove_member
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.services import Item, extend_shares, mute_share
from control.told import carry

#: The cast comes from an hour ahead.
LATER = timedelta(hours=2)
NOTIFY = Permission.LIVE_VIEW | Permission.NOTIFY


def told(person: cast.Person) -> list[MatterView]:
    """What his inbox says of rights, the latest first."""
    while run_due():
        pass
    return list_matters(person.actor, since=clock.now() - timedelta(days=30))


def lines(person: cast.Person) -> list[tuple[str, str]]:
    return [(view.title, view.text) for view in told(person)]


def test_who_manages_the_organization_hears_what_another_one_changed(hotels: cast.Hotels) -> None:
    """Ada manages North alone: she does it, and the owner and Sam hear of it; nobody else, and not she."""
    for person in (hotels.olivia, hotels.sam):
        told(person)
    with clock.moved_by(LATER):
        hotels.ada.offer(hotels.rita, hotels.lobby)
        told(hotels.olivia)
        for person in (hotels.olivia, hotels.sam):
            assert ("Ada changed who may see what", "Harbour Hotels") in lines(person)
        for person in (hotels.ada, hotels.omar, hotels.vera, hotels.rita, hotels.xena):
            assert ("Ada changed who may see what", "Harbour Hotels") not in lines(person)
        [view] = [view for view in told(hotels.olivia) if view.title.startswith("Ada")]
        page = hotels.olivia.browser().get(f"/notifications/matters/{view.id}")
        assert page["Location"] == f"/admin/audit?organization={hotels.id}#told=matters/{view.id}"
        assert hotels.olivia.browser().get(page["Location"]).status_code in {200, 302}


def test_what_one_does_in_a_sitting_is_told_once(hotels: cast.Hotels) -> None:
    told(hotels.olivia)
    with clock.moved_by(LATER):
        before = len(told(hotels.olivia))
        for number in range(5):
            hotels.ada.offer(f"guest{number}@example.org", hotels.lobby)
        assert len(told(hotels.olivia)) == before + 1
    with clock.moved_by(LATER + 2 * ONE_SITTING):
        hotels.ada.offer("late@example.org", hotels.lobby)
        assert len(told(hotels.olivia)) == before + 2


def test_a_line_goes_with_the_right_to_manage(hotels: cast.Hotels) -> None:
    """Whoever manages no more reads no more of it."""  # N33, VA-18
    hotels.ada.offer(hotels.rita, hotels.lobby)
    [view, *_older] = [view for view in told(hotels.sam) if view.title.startswith("Ada")]
    change_member(
        hotels.olivia.actor,
        member=hotels.member(hotels.sam),
        wish=Wish(role=Role.VIEWER, sites=[hotels.north], overrides=None),
    )
    assert not any(line.title == view.title for line in told(hotels.sam))
    with pytest.raises(NotFound):
        get_matter(hotels.sam.actor, view.id)


def test_an_owner_may_have_it_mailed(hotels: cast.Hotels) -> None:
    told(hotels.olivia)
    choose_channels(hotels.olivia.actor, choices=[Choice("", Matter.RIGHTS, frozenset({Channel.INBOX, Channel.MAIL}))])
    with clock.moved_by(LATER):
        hotels.ada.offer(hotels.rita, hotels.lobby)
        told(hotels.olivia)
        mail.outbox.clear()
        carry()
        [letter] = mail.outbox
        assert (letter.to, letter.subject) == ([hotels.olivia.email], "Ada changed who may see what: Harbour Hotels")


def test_more_right_is_announced_to_whom_it_is_given(people: cast.Cast) -> None:  # HC-32
    share = people.olivia.share(people.rita, people.courtyard)
    assert lines(people.rita) == []
    mail.outbox.clear()
    extend_shares(people.olivia.actor, additions={share: [Item(people.pool, NOTIFY)]})
    assert lines(people.rita) == [("Olivia changed what you may see", "")]
    assert [letter.to for letter in mail.outbox] == [[people.rita.email]]
    [view] = told(people.rita)
    led = people.rita.browser().get(f"/notifications/matters/{view.id}")
    assert led["Location"] == f"/shared#told=matters/{view.id}"
    assert lines(people.olivia) == []


def test_whoever_wants_no_mail_of_rights_gets_none(people: cast.Cast) -> None:
    share = people.olivia.share(people.rita, people.courtyard)
    told(people.rita)
    mail.outbox.clear()
    choose_channels(people.rita.actor, choices=[Choice("", Matter.RIGHTS, frozenset({Channel.INBOX}))])
    extend_shares(people.olivia.actor, additions={share: [Item(people.pool, NOTIFY)]})
    assert len(told(people.rita)) == 1
    assert mail.outbox == []


def test_of_a_muted_share_nothing_is_said(people: cast.Cast) -> None:
    share = people.olivia.share(people.rita, people.courtyard)
    mute_share(people.rita.actor, share=share, is_muted=True)
    extend_shares(people.olivia.actor, additions={share: [Item(people.pool, NOTIFY)]})
    assert lines(people.rita) == []


def test_a_member_hears_what_he_is_and_that_he_is_none(hotels: cast.Hotels) -> None:
    leo = hotels.member(hotels.leo)
    change_member(hotels.olivia.actor, member=leo, wish=Wish(role=Role.VIEWER, sites=[hotels.north], overrides=None))
    assert lines(hotels.leo) == [("Olivia changed what you may see", "Harbour Hotels")]
    remove_member(hotels.olivia.actor, member=leo)
    # The same membership is the same line, at a later time.
    assert lines(hotels.leo) == [("Olivia changed what you may see", "Harbour Hotels")]


def test_who_is_gone_does_not_read_what_it_is_called_later(hotels: cast.Hotels) -> None:
    remove_member(hotels.olivia.actor, member=hotels.member(hotels.leo))
    assert lines(hotels.leo) == [("Olivia changed what you may see", "Harbour Hotels")]
    hotels.sam.offer(hotels.rita, hotels.lobby)
    told(hotels.olivia)
    edit_organization(hotels.olivia.actor, organization=hotels.id, name="Cliff Hotels")
    assert lines(hotels.leo) == [("Olivia changed what you may see", "Harbour Hotels")]
    # Whoever manages it reads its own name.
    assert ("Sam changed who may see what", "Cliff Hotels") in lines(hotels.olivia)
