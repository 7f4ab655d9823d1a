"""Moving out: everything between two people ends in one step, and nobody is left with a key (B 10, threats §5)."""

from datetime import timedelta

import pytest
from django.core import mail

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant
from belvedere.control.access.roles import Role
from belvedere.control.accounts.models import RecoveryContact
from belvedere.control.accounts.services import add_recovery_contact, issue_token
from belvedere.control.appeals.models import AccessRequest
from belvedere.control.appeals.services import Asked, request_access
from belvedere.control.audit.models import Entry
from belvedere.control.audit.verification import verify_chains
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, NotFound, ReauthenticationRequired
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Camera
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.guests.models import GuestLink
from belvedere.control.handover.models import Handover
from belvedere.control.handover.services import move_out, plan_handover
from belvedere.control.handover.ties import get_ties, list_people
from belvedere.control.organizations.models import Deputy, Invitation, Membership
from belvedere.control.organizations.selectors import list_organizations
from belvedere.control.organizations.services import (
    Wish,
    agree_to_deputize,
    change_member,
    invite_member,
    name_deputy,
    remove_member,
)
from belvedere.control.outbox.models import Message
from belvedere.control.outbox.services import run_due
from belvedere.control.providers.models import Engagement
from belvedere.control.providers.services import accept_engagement, offer_engagement
from belvedere.control.sharing.models import Share
from belvedere.control.sharing.selectors import MyEntry, MyViewing, get_received, list_activity, list_received
from belvedere.control.streaming.selectors import list_cuts
from control.test_guest_links import make as make_link
from control.watching import Node, hello, renew, watch


def _settle() -> None:
    while run_due():
        pass


def _whats(rows: object) -> list[str]:
    return sorted({tie.what for tie in rows})  # type: ignore[attr-defined]  # a list of ties


@pytest.fixture
def firm(hotels: cast.Hotels) -> cast.Hotels:
    """Leo is an Admin of Harbour Hotels with something of every kind there, and shares with Olivia at home."""
    leo, olivia = hotels.leo, hotels.olivia
    change_member(olivia.actor, member=hotels.member(leo), wish=Wish(role=Role.ADMIN, sites="all"))
    leo.share(hotels.rita, hotels.lobby)
    make_link(leo, hotels.deck)
    olivia.share(leo, hotels.people.pool)
    home = leo.add_camera("Leo's door")
    leo.share(olivia, home)
    invite_member(
        leo.actor, organization=hotels.id, address="new@example.org", wish=Wish(role=Role.VIEWER, sites=[hotels.north])
    )
    leo.add_camera("Bar", site=hotels.south)
    return hotels


# ── Somebody else leaves ─────────────────────────────────────────────────────────────────────────────────────────────


def test_one_step_ends_everything_of_his(firm: cast.Hotels, bus: Node) -> None:
    """B-10: memberships, shares both ways, links, invitations; one receipt; nobody else loses anything of his own."""
    hello()
    leo, olivia = firm.leo, firm.olivia
    before = get_ties(olivia.actor, leo.id)
    assert _whats(before.loses) == ["given_on", "invitation", "link", "role", "share"]
    assert _whats(before.gives_back) == ["share"]
    assert [device.name for device in before.devices] == ["Bar", "Deck", "Lobby"]
    leos, ritas, sams = watch(leo, firm.deck), watch(firm.rita, firm.lobby), watch(firm.sam, firm.deck)
    change_id = move_out(olivia.actor, account=leo.id)
    # N4: what ran on it has stopped, and only that.
    cuts = {cut.session for cut in list_cuts(change_id)}
    assert cuts == {leos, ritas}
    assert {row.session for row in bus.heard if row.is_ended} == {leos, ritas}
    assert not renew(sams)[sams].is_ended
    assert firm.id not in {view.id for view in list_organizations(leo.actor)}
    assert {view.name for view in list_cameras(leo.actor)} == {"Leo's door"}
    assert not list_received(firm.rita.actor)
    assert GuestLink.objects.get(giver_id=leo.id).ended_at
    assert Invitation.objects.get(inviter_id=leo.id).state == OfferState.REVOKED
    # Not asked to, she keeps what he shares with her.
    assert [row.sharer.id for row in list_received(olivia.actor)] == [leo.id]
    mine = [leo.organization]
    assert set(Grant.objects.filter(principal=leo.id, ended_at=None).values_list("resource", flat=True)) == {*mine}
    assert all(not verdict.faults for verdict in verify_chains())
    _settle()
    assert {to for sent in mail.outbox for to in sent.to} >= {leo.email}


def test_nothing_is_left_to_end_twice(firm: cast.Hotels) -> None:
    """Resumable: what was ended before is not in the way, and the second time there is nothing."""
    firm.olivia.offer("pat@example.org", firm.people.courtyard)
    remove_member(firm.olivia.actor, member=firm.member(firm.leo))
    change_id = move_out(firm.olivia.actor, account=firm.leo.id, gives_back=True)
    assert Entry.objects.filter(change_id=change_id, action="person.moved_out").count() == 1
    assert not Share.objects.filter(state=OfferState.ACCEPTED, accepted_by__in=[firm.leo.id, firm.olivia.id]).exists()
    with pytest.raises(NotFound):
        move_out(firm.olivia.actor, account=firm.leo.id)


def test_what_is_asked_of_us_waits_no_more(hotels: cast.Hotels) -> None:
    """Requests of his are heard no more, an organization offered to him cannot be taken any more."""
    hotels.olivia.share(hotels.rita, hotels.lobby)
    request_access(
        hotels.rita.actor,
        asked=Asked(camera=hotels.lobby),
        permissions=Permission.LIVE_VIEW | Permission.PLAYBACK,
        reason="More",
    )
    cast.offer_handover(hotels.olivia.actor, thing=hotels.id, receiver=hotels.sam.id, afterwards="leaves")
    move_out(hotels.olivia.actor, account=hotels.rita.id)
    assert not AccessRequest.objects.get(requester_id=hotels.rita.id).is_heard
    move_out(hotels.olivia.actor, account=hotels.sam.id)
    assert Handover.objects.get(receiver_id=hotels.sam.id).state == OfferState.REVOKED
    assert not Membership.objects.filter(account_id=hotels.sam.id, organization=hotels.id, is_active=True).exists()


def test_who_is_above_one_stays_and_it_is_said(hotels: cast.Hotels) -> None:
    """Nobody removes his owner. His own shares of that person end all the same."""
    sam, olivia = hotels.sam, hotels.olivia
    ties = get_ties(sam.actor, olivia.id)
    assert [(tie.what, tie.names) for tie in ties.stays] == [("role", ("owner",))]
    assert _whats(ties.gives_back) == ["role"]
    move_out(sam.actor, account=olivia.id)
    assert Membership.objects.filter(account_id=olivia.id, organization=hotels.id, is_active=True).exists()
    assert get_camera(olivia.actor, hotels.lobby).permissions


# ── Staying silent ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_staying_silent_says_nothing(firm: cast.Hotels, bus: Node) -> None:
    """Threats §5: no mail to him, the bare word "ended" on his socket, and what an unbound camera shows."""
    hello()
    leo, olivia = firm.leo, firm.olivia
    share = Share.objects.get(sharer_id=olivia.id, accepted_by=leo.id).pk
    _settle()
    mail.outbox.clear()
    at_home, at_work = watch(leo, firm.people.pool), watch(leo, firm.deck)
    page = leo.browser()
    move_out(olivia.actor, account=leo.id, gives_back=True, is_silent=True)
    said = {row.session: (row.why, row.by) for row in bus.heard if row.is_ended}
    assert said[at_home] == said[at_work] == ("ended", "")
    _settle()
    assert leo.email not in {to for sent in mail.outbox for to in sent.to}
    received = get_received(leo.actor, share)
    assert (received.state, received.ended_reason) == ("revoked", "unbound")
    for camera in (firm.people.pool, firm.deck):
        answer = page.get(f"/cameras/{camera}")
        assert answer.status_code == 404
        assert 'class="ended"' in answer.content.decode()
    # His own log holds what he did, and nothing of this.
    log = list_activity(leo.actor).items
    assert {row.viewing.camera for row in log if isinstance(row, MyViewing)} == {firm.people.pool, firm.deck}
    actions = {row.entry.action for row in log if isinstance(row, MyEntry)}
    assert not actions & {"member.removed", "person.shares_ended", "person.moved_out", "share.revoked"}
    # What he offers later reaches her no more, and he cannot tell.
    offer = leo.offer(olivia, leo.add_camera("Another door"))
    assert offer not in {row.id for row in list_received(olivia.actor, states=["pending"])}


# ── Whoever leaves ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_leaves_gives_everything_back(firm: cast.Hotels) -> None:
    """The leaver's own side needs nobody's consent: out of his organization, and his cameras back."""
    leo, olivia = firm.leo, firm.olivia
    assert _whats(get_ties(leo.actor, olivia.id).gives_back) == ["role", "share"]
    move_out(leo.actor, account=olivia.id, gives_back=True)
    assert {view.name for view in list_cameras(leo.actor)} == {"Leo's door"}
    assert firm.id not in {view.id for view in list_organizations(leo.actor)}
    assert not [row for row in list_received(olivia.actor) if row.state == "accepted"]


# ── Who may not ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_a_person_with_a_fresh_proof_moves_out(firm: cast.Hotels) -> None:
    """N9: by no token, and by nobody who sat down at an open laptop."""
    olivia = firm.olivia
    token, _secret = issue_token(olivia.id, name="t", scopes=["manage", "share"], days=1, by=olivia.actor)
    program = Principal(olivia.id, olivia.name, olivia.email, f"token:{token.pk}", frozenset({"manage"}))
    with pytest.raises(Forbidden):
        move_out(program, account=firm.leo.id)
    stale = Principal(olivia.id, olivia.name, olivia.email, proved_at=clock.now() - timedelta(minutes=11))
    with pytest.raises(ReauthenticationRequired):
        move_out(stale, account=firm.leo.id)
    assert get_camera(firm.leo.actor, firm.deck).permissions


def test_strangers_are_nobody(firm: cast.Hotels) -> None:
    """N16, N17: an account with which nothing ties one is not there, and what others give it is not counted."""
    for account in (firm.xena.id, firm.olivia.id, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "no id"):
        with pytest.raises(NotFound):
            get_ties(firm.olivia.actor, account)
    assert firm.xena.id not in {row.person.id for row in list_people(firm.olivia.actor)}
    # Vera manages nobody: of Leo, who is in the same organization, she learns nothing.
    with pytest.raises(NotFound):
        get_ties(firm.vera.actor, firm.leo.id)
    assert firm.leo.id not in {row.person.id for row in list_people(firm.vera.actor)}


def test_all_of_it_or_nothing(firm: cast.Hotels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails on the way leaves everything as it was, messages too."""
    before = Message.objects.count()

    def fail(*_args: object, **_more: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("belvedere.control.handover.services.moving_out.hear_no_more", fail)
    with pytest.raises(RuntimeError):
        move_out(firm.olivia.actor, account=firm.leo.id)
    assert get_camera(firm.leo.actor, firm.deck).permissions
    assert Message.objects.count() == before


def test_what_somebody_was_trusted_with_ends(hotels: cast.Hotels) -> None:
    """Setting up as a service provider, standing in for the owner, helping back in."""
    olivia, sam, rita = hotels.olivia, hotels.sam, hotels.rita
    engagement = offer_engagement(
        olivia.actor,
        site=hotels.north,
        address=rita.email,
        permissions=Permission.LIVE_VIEW | Permission.CONFIGURE,
        ends_at=clock.now() + timedelta(days=14),
    )
    accept_engagement(rita.actor, engagement=engagement)
    name_deputy(olivia.actor, organization=hotels.id, account=sam.id)
    agree_to_deputize(sam.actor, organization=hotels.id)
    add_recovery_contact(olivia.actor, address=sam.email, name="Sam")
    assert _whats(get_ties(olivia.actor, rita.id).loses) == ["service"]
    assert _whats(get_ties(olivia.actor, sam.id).loses) == ["contact", "deputy", "role"]
    for person in (rita, sam):
        move_out(olivia.actor, account=person.id, is_silent=True)
        with pytest.raises(NotFound):
            get_camera(person.actor, hotels.lobby)
    assert Engagement.objects.get(pk=engagement).state == OfferState.REVOKED
    assert Deputy.objects.get(account_id=sam.id).state == OfferState.REVOKED
    assert not RecoveryContact.objects.filter(account_id=olivia.id).exists()
    _settle()
    assert not [sent for sent in mail.outbox if sent.to == [rita.email] and "ended" in str(sent.body)]


def test_what_the_other_offers_ends_and_what_he_plans_stays_his(hotels: cast.Hotels) -> None:
    """By address alone, too. A plan nobody was told of is not known, and its giver learns nothing by it."""
    olivia, rita, sam = hotels.olivia, hotels.rita, hotels.sam
    device = Camera.objects.values_list("device_id", flat=True).get(pk=hotels.people.counter)
    olivia.share(rita, hotels.people.pool)
    offered = cast.offer_handover(olivia.actor, thing=device, receiver=rita.email, afterwards="leaves", kind="device")
    assert "handover" in _whats(get_ties(rita.actor, olivia.id).loses)
    move_out(rita.actor, account=olivia.id, gives_back=True)
    assert Handover.objects.get(pk=offered).state == "rejected"
    planned = plan_handover(olivia.actor, kind="organization", thing=hotels.id, receiver=sam.email, afterwards="leaves")
    ties = get_ties(sam.actor, olivia.id)
    assert "handover" not in _whats([*ties.loses, *ties.gives_back])
    move_out(sam.actor, account=olivia.id, gives_back=True, is_silent=True)
    assert Handover.objects.get(pk=planned).state == "draft"
