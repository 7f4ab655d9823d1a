"""Closing one's own account, bringing it back, and what is left of it afterwards (issue 6, threats §6)."""

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

import cast
from belvedere.control.access.roles import Role
from belvedere.control.accounts.models import Account, AccountQr, ApiToken, Phone, Session
from belvedere.control.accounts.selectors import RETURN_FOR, find_verified, list_alive_credentials
from belvedere.control.accounts.services import (
    add_phone,
    disable_account,
    erase_closed_accounts,
    reopen_account,
    show_qr,
)
from belvedere.control.audit.models import Entry
from belvedere.control.audit.verification import verify_chains
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, ReauthenticationRequired
from belvedere.control.core.principal import Principal, system
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.devices.services import unbind_device
from belvedere.control.guests.models import GuestLink
from belvedere.control.notifications.channels import Channel
from belvedere.control.notifications.models import Preference, Quiet
from belvedere.control.notifications.selectors.choices import Choice
from belvedere.control.notifications.services import choose_channels, set_quiet_hours
from belvedere.control.organizations.models import Invitation, Membership, Organization, Site
from belvedere.control.organizations.services import Wish, invite_member
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.models import Recipient
from belvedere.control.sharing.selectors import get_given, list_obstacles, list_received
from belvedere.control.sharing.services import Item, accept_share, close_account, offer_share
from control.test_guest_links import make as make_link
from control.watching import hello, renew, watch


def _sign_in(person: cast.Person) -> Client:
    client = Client()
    client.post("/sign-in", {"login": person.email, "password": cast.PASSWORD})
    return client


def _settle() -> None:
    while run_due():
        pass


# ── What stands in the way ───────────────────────────────────────────────────────────────────────────────────────────


def test_who_owns_devices_is_told_which(people: cast.Cast) -> None:
    """Nothing is left without an owner; refused, and nothing changed."""
    found = [(one.kind, one.name) for one in list_obstacles(people.olivia.actor)]
    assert found == [("device", "Counter"), ("device", "Courtyard"), ("device", "Pool")]
    with pytest.raises(Conflict):
        close_account(people.olivia.actor)
    browser = people.olivia.browser()
    page = browser.get("/account/close").content.decode()
    assert "Courtyard" in page
    assert "Close my account" not in page
    answer = browser.post("/account/close")
    assert answer.status_code == 409
    assert "Nothing was changed" in answer.content.decode()
    assert browser.get("/api/v1/me").status_code == 200
    assert get_given(people.olivia.actor, people.veras_share).state == "accepted"


def test_who_owns_an_organization_with_others_hands_it_over_first(hotels: cast.Hotels) -> None:
    for camera in (hotels.lobby, hotels.deck, hotels.people.courtyard, hotels.people.pool, hotels.people.counter):
        unbind_device(hotels.olivia.actor, device=get_camera(hotels.olivia.actor, camera).device or "")
    [obstacle] = list_obstacles(hotels.olivia.actor)
    assert (obstacle.kind, obstacle.name, obstacle.others) == ("organization", "Harbour Hotels", 6)
    with pytest.raises(Conflict):
        close_account(hotels.olivia.actor)
    assert f"/handovers/new?organization={hotels.id}" in hotels.olivia.browser().get("/account/close").content.decode()


def test_only_a_person_who_just_proved_it_closes_an_account(people: cast.Cast) -> None:
    """N9: no program does, whatever its scopes; nor a browser that somebody left open."""
    rita = people.rita
    stale = Principal(id=rita.id, name=rita.name, email=rita.email, proved_at=clock.now() - timedelta(minutes=11))
    with pytest.raises(ReauthenticationRequired):
        close_account(stale)
    with pytest.raises(Forbidden):
        close_account(Principal(id=rita.id, name=rita.name, scopes=frozenset({"account:write"}), proved_at=clock.now()))
    assert rita.api().post("/account/close").status_code != 200
    browser = rita.browser()
    with clock.frozen_at(clock.now() + timedelta(minutes=11)):
        for answer in (browser.get("/account/close"), browser.post("/account/close")):
            assert answer.headers["Location"].startswith("/account/reauthenticate?")
    assert Account.objects.get(pk=rita.id).is_active


# ── Closing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_of_a_closed_account_ends_at_once(people: cast.Cast) -> None:
    """N6: pages, tokens, pictures and sign-in; the sharer reads why."""
    hello()
    share = people.olivia.share(people.rita, people.courtyard)
    waits = people.olivia.offer(people.rita, people.pool)
    session = watch(people.rita, people.courtyard)
    program, elsewhere, browser = people.rita.api(), people.rita.browser(), people.rita.browser()
    names = [f"session:{pk}" for pk in Session.objects.filter(account_id=people.rita.id).values_list("pk", flat=True)]
    mail.outbox.clear()

    answer = browser.post("/account/close")
    page = answer.content.decode()
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "Your account is closed" in page
    assert "What you were watching has stopped." in page  # B 1: the receipt
    assert renew(session)[session].is_ended
    assert program.get("/api/v1/me").status_code == 401
    assert elsewhere.get("/api/v1/me").status_code == 401
    assert browser.get("/").headers["Location"].startswith("/sign-in")
    assert list_alive_credentials(names) == set()
    assert find_verified(people.rita.email) is None

    _settle()
    given = get_given(people.olivia.actor, share)
    assert (given.state, given.ended_reason) == ("left", "account_closed")
    # N1: whether there was an account behind the address of an offer, nobody learns.
    assert get_given(people.olivia.actor, waits).state == "pending"
    assert list_cameras(people.rita.actor) == []
    told = {tuple(one.to): one.subject for one in mail.outbox}
    assert told[people.rita.email,] == "Your account was closed"
    assert told[people.olivia.email,] == "The account of Rita was closed"
    assert Entry.objects.filter(action="account.closed", thing=f"account:{people.rita.id}").count() == 1


def test_what_a_member_shared_ends_with_his_account(hotels: cast.Hotels) -> None:
    """HC 22, from the giver's side, and rule 5: shares, offers, guest links and the membership; each says why."""
    hello()
    sam, rita = hotels.sam, hotels.rita
    accepted, offered = sam.share(rita, hotels.lobby), sam.offer(hotels.xena, hotels.deck)
    link = make_link(sam, hotels.lobby).id
    session = watch(rita, hotels.lobby)
    invite_member(
        sam.actor, organization=sam.organization, address="new@example.org", wish=Wish(role=Role.VIEWER, sites="all")
    )
    mail.outbox.clear()
    close_account(sam.actor)
    assert renew(session)[session].is_ended
    _settle()
    assert list_cameras(rita.actor) == []
    [ended] = list_received(rita.actor, states=["revoked"])
    assert (ended.id, ended.ended_reason) == (accepted, "account_closed")
    assert list_received(hotels.xena.actor, states=["pending"]) == []
    assert "Sam closed the account that shared with you" in rita.browser().get("/inbox").content.decode()
    assert GuestLink.objects.get(pk=link).ended_at is not None
    assert not Membership.objects.filter(organization_id=hotels.id, account_id=sam.id, is_active=True).exists()
    assert Invitation.objects.get(address="new@example.org").state == "revoked"
    [told] = [one for one in mail.outbox if one.to == [rita.email]]
    assert told.subject == "What Sam shared with you has ended"
    assert "has closed the account" in str(told.body)
    about = Entry.objects.filter(thing__in=[f"share:{accepted}", f"share:{offered}"], action="share.giver_closed")
    assert about.count() == 2
    assert not [fault for verdict in verify_chains([]) for fault in verdict.faults]


# ── Bringing it back ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_account_comes_back_and_nothing_else(people: cast.Cast) -> None:
    """Closing only narrows: within fourteen days the password offers the account, without its rights."""
    share = people.olivia.share(people.rita, people.courtyard)
    close_account(people.rita.actor)
    _settle()
    guess = Client().post("/sign-in", {"login": people.rita.email, "password": "wrong horse battery"})
    assert guess.status_code == 200  # as to anybody: the form, and no word of a closed account
    client = _sign_in(people.rita)
    page = client.get("/account/return").content.decode()
    assert "Bring it back" in page
    assert client.get("/api/v1/me").status_code == 401  # nobody is signed in by it
    assert client.post("/account/return").headers["Location"] == "/sign-in"
    again = people.rita.browser()
    assert again.get("/api/v1/me").status_code == 200
    assert list_cameras(people.rita.actor) == []
    assert get_given(people.olivia.actor, share).state == "left"
    assert Entry.objects.filter(action="account.reopened").count() == 1
    _settle()
    assert mail.outbox[-1].subject == "Your account is back"


def test_what_is_accepted_after_the_return_stays(people: cast.Cast) -> None:
    """The end of the old shares may come later than the return; it takes nothing that is new."""
    old = people.olivia.share(people.rita, people.courtyard)
    close_account(people.rita.actor)
    reopen_account(people.rita.actor)
    new = offer_share(people.olivia.actor, recipient=people.rita.email, items=[Item(people.pool, cast.LIVE)])
    accept_share(people.rita.actor, share=new)
    _settle()
    assert get_given(people.olivia.actor, old).state == "left"
    assert get_given(people.olivia.actor, new).state == "accepted"


def test_nobody_brings_back_what_is_not_his(people: cast.Cast) -> None:
    """Not without the password, not after an operator disabled it, not on the fifteenth day, not after ten minutes."""
    close_account(people.rita.actor)
    assert Client().post("/account/return").headers["Location"] == "/sign-in"
    client = _sign_in(people.rita)
    with clock.frozen_at(clock.now() + timedelta(minutes=11)):
        assert client.post("/account/return").headers["Location"] == "/sign-in"
    with clock.frozen_at(clock.now() + RETURN_FOR), pytest.raises(Conflict):
        reopen_account(people.rita.actor)
    disable_account(system("operator"), account=people.rita.id)
    client.post("/account/return")
    with pytest.raises(Conflict):
        reopen_account(people.rita.actor)
    assert not Account.objects.get(pk=people.rita.id).is_active
    answer = Client().post("/sign-in", {"login": people.rita.email, "password": cast.PASSWORD})
    assert answer.headers["Location"] == "/account/inactive"


# ── After fourteen days ──────────────────────────────────────────────────────────────────────────────────────────────


def test_after_fourteen_days_nobody_reads_who_it_was(people: cast.Cast) -> None:
    """Threats §6, Art. 17: fields are erased, the row and the audit's chains stay whole. The address is free again."""
    rita = people.rita
    show_qr(rita.actor)
    add_phone(rita.actor, number="+34 600 123 456")
    rita.share(people.vera, rita.add_camera("Study"))
    camera = list_cameras(rita.actor)[0]
    Recipient.objects.filter(sharer_id=rita.id).update(remark="my neighbour")
    unbind_device(rita.actor, device=camera.device or "")
    choose_channels(rita.actor, choices=[Choice("", "motion", frozenset({Channel.MAIL}))])
    set_quiet_hours(rita.actor, hours={"zone": "Europe/Madrid", "weekly": {"mon": [["22:00", "23:00"]]}})
    close_account(rita.actor)
    _settle()
    at = clock.now()
    with clock.frozen_at(at + RETURN_FOR - timedelta(seconds=5)):
        assert erase_closed_accounts() == 0
    with clock.frozen_at(at + RETURN_FOR + timedelta(seconds=5)):
        assert erase_closed_accounts() == 1
        assert erase_closed_accounts() == 0
        _settle()
        assert _sign_in(rita).get("/api/v1/me").status_code == 401
    row = Account.objects.get(pk=rita.id)
    assert (row.name, row.has_usable_password()) == ("Closed account", False)
    assert row.email.endswith("@erased.invalid")
    for rows in (EmailAddress.objects.filter(user_id=rita.id), Phone.objects, AccountQr.objects):
        assert not rows.exists()
    for own in (ApiToken, Preference, Quiet):
        assert not own.objects.filter(account_id=rita.id).exists()
    assert not Recipient.objects.exclude(remark="").filter(sharer_id=rita.id).exists()
    assert set(Organization.objects.filter(owner_id=rita.id).values_list("name", flat=True)) == {"Closed"}
    assert set(Site.objects.filter(organization__owner_id=rita.id).values_list("name", flat=True)) == {"Closed"}
    assert not [fault for verdict in verify_chains([]) for fault in verdict.faults]
    cast.make("rita", "Another Rita")


def test_the_page_says_what_ends_and_until_when(hotels: cast.Hotels) -> None:
    browser = hotels.sam.browser()
    assert 'href="/account/close"' in browser.get("/account").content.decode()
    page = browser.get("/account/close").content.decode()
    assert "Harbour Hotels" in page
    assert re.search(r"you can bring the account back", page)
    assert "Close my account" in page
