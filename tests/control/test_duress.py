"""Ending everything with a recovery code, signed out; the operator's panic, and his ways to let an owner in again."""

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal import auth
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.conf import settings
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import cast
from belvedere.control import incident
from belvedere.control.access.models import Grant
from belvedere.control.access.roles import Role
from belvedere.control.accounts import services
from belvedere.control.accounts.factor_adapter import FactorAdapter
from belvedere.control.accounts.models import Account, ApiToken, Session
from belvedere.control.accounts.selectors import find_verified
from belvedere.control.accounts.services import factors
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Frozen, Invalid, NotFound, RateLimited
from belvedere.control.core.principal import Principal, nobody, system
from belvedere.control.guests.models import GuestLink
from belvedere.control.guests.services import end_all_links
from belvedere.control.operate import OperatorError
from belvedere.control.organizations import services as organizations
from belvedere.control.organizations.models import Invitation, Organization
from belvedere.control.organizations.selectors import get_owner, list_organizations
from belvedere.control.outbox.services import run_due
from belvedere.control.streaming.selectors import list_cuts
from control.test_factors import set_up_app
from control.test_guest_links import come, make
from control.test_guest_links import watch as watch_as_guest
from control.watching import Node, hello, watch

OPERATOR = Principal(id="", name="operator", kind="system", address="command line, root")


@pytest.fixture(autouse=True)
def _told_nothing_yet() -> None:
    mail.outbox.clear()


def told(to: str) -> list[str]:
    """Subjects of the mails to somebody."""
    run_due()
    return [str(row.subject) for row in mail.outbox if row.to == [to]]


def cancel(email: str, code: str, client: Client | None = None) -> Any:
    return (client or Client()).post("/cancel-all", {"email": email, "code": code})


def test_a_recovery_code_ends_everything_without_signing_in(people: cast.Cast, bus: Node) -> None:
    """Threats §5: sessions, tokens, guest links, and what was open by any of them; nobody else's. It opens nothing."""
    hello()
    olivia, vera = people.olivia, people.vera
    _seed, codes = set_up_app(olivia.browser())
    browser, hers = vera.browser(), watch(vera, people.counter)
    link = make(olivia, people.pool)
    sessions = {watch(olivia, people.pool), watch_as_guest(come(link), people.pool)}
    signed_out = Client()
    answer = cancel(olivia.email, f"{codes[4][:4]} {codes[4][4:8]} {codes[4][8:]}", signed_out)
    assert (answer.status_code, "_auth_user_id" in signed_out.session) == (200, False)
    assert not Session.objects.filter(account=olivia.id).exists()
    assert not ApiToken.objects.filter(account=olivia.id, revoked_at=None).exists()
    assert not GuestLink.objects.filter(pk=link.id, ended_at=None).exists()
    assert {lease.session for lease in bus.heard if lease.is_ended} == sessions
    # What she shares stays shared, and others stay as they are.
    assert browser.get("/account").status_code == 200
    assert hers not in {lease.session for lease in bus.heard}
    assert told(olivia.email)[1:] == ["Everything of Olivia’s account was ended"]
    entry = Entry.objects.get(action="account.cancelled")
    assert ((entry.fields or {})["actor"], entry.thing) == (olivia.id, f"account:{olivia.id}")
    # Spent, and she signs in again as always.
    assert cancel(olivia.email, codes[4]).status_code == 422
    assert Account.objects.get(pk=olivia.id).is_active


def test_unknown_and_wrong_read_the_same(people: cast.Cast) -> None:
    """N1: whether there is such an account, or such codes, nobody learns here. Nor is anybody kept from it."""
    _seed, codes = set_up_app(people.olivia.browser())
    pages = set()
    for email in (people.olivia.email, people.rita.email, "nobody@example.org", "Olivia"):
        answer = cancel(email, "123456789012")
        assert answer.status_code == 422
        words = re.sub(r'(value|content)="[^"]*"|nonce(=|-)"?[^"\' ]*', "", answer.content.decode())
        pages.add(words.replace(email, ""))
    assert len(pages) == 1
    assert Session.objects.filter(account=people.olivia.id).exists()
    for _ in range(6):
        cancel("nobody@example.org", "123456789012")
    for email in (people.olivia.email, "nobody@example.org"):
        assert cancel(email, codes[0]).status_code == 429
    with pytest.raises(RateLimited):
        services.cancel_all(nobody("127.0.0.1"), email=people.olivia.email, code=codes[0])
    # From elsewhere, she is not kept from it; and her codes of the app were never tried.
    services.cancel_all(nobody("192.0.2.9"), email=people.olivia.email, code=codes[0])
    with pytest.raises(Invalid):
        services.cancel_all(nobody("192.0.2.9"), email=people.olivia.email, code=codes[0])


def test_a_wrong_code_costs_the_same_whoever_has_codes(people: cast.Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """N1: with codes, without, and no account: as many hashes, seals and questions. Time would tell what words hide."""
    set_up_app(people.olivia.browser())
    work: list[str] = []

    def noting(thing: Any, name: str) -> None:
        original = getattr(thing, name)

        def note(*args: Any, **kwargs: Any) -> Any:
            work.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(thing, name, note)

    for name in ("generate_seed", "generate_codes"):
        noting(RecoveryCodes, name)
    for name in ("encrypt", "decrypt"):
        noting(FactorAdapter, name)
    noting(auth, "compare_user_code")
    noting(factors, "compare_user_code")
    done = []
    for email in (people.olivia.email, people.rita.email, "nobody@example.org"):
        work.clear()
        with CaptureQueriesContext(connection) as queries, pytest.raises(Invalid):
            services.cancel_all(nobody("192.0.2.8"), email=email, code="123456789012")
        done.append((sorted(work), len(queries)))
    assert done[0] == done[1] == done[2]
    assert (done[0][0].count("generate_codes"), done[0][0].count("compare_user_code")) == (1, 10)


def test_panic_ends_what_signs_in_and_keeps_what_is_given(hotels: cast.Hotels, bus: Node) -> None:
    """Threats §7: sessions, tokens, tickets, links, invitations. Grants stay."""
    hello()
    olivia, leo = hotels.olivia, hotels.leo
    browser = leo.browser()
    make(olivia, hotels.lobby)
    wish = organizations.Wish(role=Role.VIEWER, sites="all")
    organizations.invite_member(olivia.actor, organization=hotels.id, address=hotels.rita.email, wish=wish)
    session = watch(leo, hotels.lobby)
    grants = set(Grant.objects.filter(ended_at=None, origin__in=["membership", "share"]).values_list("pk", flat=True))
    run_due()
    mail.outbox.clear()
    ended = {
        "accounts": services.end_every_credential(OPERATOR, why="panic"),
        "guest_links": end_all_links(OPERATOR),
        "invitations": organizations.cancel_all_invitations(OPERATOR),
    }
    services.announce_panic(OPERATOR, **ended)
    assert ended["guest_links"] == ended["invitations"] == 1
    assert ended["accounts"] == 1
    assert not Session.objects.exclude(account=None).exists()
    assert not ApiToken.objects.filter(revoked_at=None).exists()
    assert not GuestLink.objects.filter(ended_at=None).exists()
    assert not Invitation.objects.filter(state="pending").exists()
    assert session in {lease.session for lease in bus.heard if lease.is_ended}
    assert browser.get("/account").status_code == 302
    assert set(Grant.objects.filter(ended_at=None).values_list("pk", flat=True)) == grants
    for person in (olivia, hotels.sam, hotels.xena, leo):
        assert told(person.email).count("Everybody was signed out") == 1
    assert (Entry.objects.get(action="installation.panic").fields or {})["invitations"] == 1
    leo.browser()


def test_a_reset_link_lets_an_owner_in_once_and_all_are_told(hotels: cast.Hotels) -> None:
    """Threats row `recovery`: owner by every way, and who watches over what he owns."""
    services.add_recovery_contact(hotels.olivia.actor, address="clara@example.org", name="Clara")
    run_due()
    secret = re.search(r"/recovery/([\w-]{40,})", str(mail.outbox[-1].body))
    assert secret
    services.confirm_recovery_contact(nobody(""), token=secret[1])
    link = organizations.recover_account(OPERATOR, account=hotels.olivia.id)
    path = link.partition("://")[2].partition("/")[2]
    for to, subject in (
        (hotels.olivia.email, "A way into the account of Olivia was made"),
        ("clara@example.org", "A way into the account of Olivia was made"),
        (hotels.sam.email, "A way into the account of the owner of Harbour Hotels was made"),
    ):
        assert subject in told(to)
    browser = Client()
    form = browser.get(f"/{path}", follow=True)
    assert form.status_code == 200
    where = form.redirect_chain[-1][0]
    new = "a new battery horse"
    assert browser.post(where, {"password1": new, "password2": new}).status_code == 302
    assert Client().post("/sign-in", {"login": hotels.olivia.email, "password": new}).status_code == 302
    assert "password1" not in Client().get(f"/{path}", follow=True).content.decode()
    assert Entry.objects.filter(chain_id=hotels.id, action="organization.owner_recovery").exists()
    with pytest.raises(NotFound):
        organizations.recover_account(OPERATOR, account="0" * 26)


@pytest.mark.parametrize("name", ["sam", "leo", "rita"])
def test_a_named_account_becomes_the_owner(hotels: cast.Hotels, name: str) -> None:
    """Super Admin, less, or no member before. One owner, always (VV-31); the former one stays, and is told."""
    taker = hotels.person(name)
    organizations.make_owner(OPERATOR, organization=hotels.id, account=taker.id)
    assert get_owner(hotels.id) == taker.id
    roles = {row.name: row.role for row in list_organizations(hotels.olivia.actor)}
    assert roles["Harbour Hotels"] == Role.SUPER_ADMIN
    for person in (hotels.olivia, taker):
        assert "Harbour Hotels has another owner" in told(person.email)
    entry = Entry.objects.get(chain_id=hotels.id, action="organization.owner_set")
    fields = entry.fields or {}
    assert (fields["actor_kind"], fields["before"]) == ("system", hotels.olivia.id)
    with pytest.raises(Conflict):
        organizations.make_owner(OPERATOR, organization=hotels.id, account=taker.id)


def test_a_home_changes_hands_when_nobody_comes_back(people: cast.Cast) -> None:
    """What came with an account becomes an organization like any other; its former owner gets an empty one."""
    home = people.olivia.organization
    organizations.make_owner(OPERATOR, organization=home, account=people.rita.id)
    assert not Organization.objects.get(pk=home).is_personal
    assert get_owner(home) == people.rita.id
    own = [row.id for row in list_organizations(people.olivia.actor) if row.is_personal]
    assert len(own) == 1
    assert own != [home]
    assert len([row for row in list_organizations(people.rita.actor) if row.is_personal]) == 1
    assert people.olivia.browser().get("/").status_code == 200


def test_nothing_changes_hands_while_frozen(hotels: cast.Hotels) -> None:
    organizations.freeze_by_operator(system("operator"), organization=hotels.id)
    with pytest.raises(Frozen):
        organizations.make_owner(OPERATOR, organization=hotels.id, account=hotels.sam.id)
    with clock.moved_by(timedelta(hours=73)):
        organizations.make_owner(OPERATOR, organization=hotels.id, account=hotels.sam.id)
    assert find_verified(hotels.sam.email)
    assert list_cuts("") == []


def test_a_disabled_account_works_again_when_the_operator_says_so(hotels: cast.Hotels) -> None:
    """Threats §7: nothing of it works meanwhile; who watches over what it is in is told of both."""
    leo = hotels.leo
    browser, program = leo.browser(), leo.api()
    incident.disable(settings.BELVEDERE, email=leo.email)
    assert (browser.get("/account").status_code, program.get("/api/v1/me").status_code) == (302, 401)
    with pytest.raises(OperatorError, match="no account"):
        incident.disable(settings.BELVEDERE, email=leo.email)
    for person in (hotels.olivia, hotels.sam):
        assert told(person.email) == ["The account of Leo was disabled"]
    mail.outbox.clear()
    incident.enable(settings.BELVEDERE, email=leo.email)
    assert leo.browser().get("/account").status_code == 200
    assert program.get("/api/v1/me").status_code == 401  # what ended, ended
    assert told(hotels.olivia.email) == ["The account of Leo works again"]
    assert told(leo.email) == ["Your account works again"]
    actions = ["member.disabled", "member.enabled"]
    rows = Entry.objects.filter(chain_id=hotels.id, action__in=actions).order_by("sequence")
    assert [(row.action, (row.fields or {})["account"]) for row in rows] == [(action, leo.id) for action in actions]
    with pytest.raises(OperatorError, match="no account here that was disabled"):
        incident.enable(settings.BELVEDERE, email=leo.email)


def test_what_its_holder_closed_the_operator_does_not_open(people: cast.Cast) -> None:
    Account.objects.filter(pk=people.rita.id).update(is_active=False, closed_at=clock.now())
    with pytest.raises(OperatorError):
        incident.enable(settings.BELVEDERE, email=people.rita.email)
    with pytest.raises(NotFound):
        services.enable_account(OPERATOR, account=people.rita.id)
    assert not Account.objects.get(pk=people.rita.id).is_active
