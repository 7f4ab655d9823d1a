"""Signing up, in, out; passwords, sessions, tokens; and that what ends, ends everywhere."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import hashers
from django.core import mail
from django.core.cache import cache
from django.test import Client

import cast
from belvedere.control.accounts import services
from belvedere.control.accounts.models import Account, ApiToken, Session
from belvedere.control.accounts.selectors import (
    find_principal_of_token,
    list_alive_credentials,
    list_verified_addresses,
    require_fresh,
)
from belvedere.control.accounts.tokens import is_well_formed, new_secret
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, Invalid, NotFound, ReauthenticationRequired
from belvedere.control.core.principal import Principal, system
from belvedere.control.outbox.services import run_due
from belvedere.control.settings import base
from rows import get_rows

NEW_PASSWORD = "a different horse entirely"


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every password hashed or checked from here on."""
    found: list[str] = []
    for name in ("encode", "verify"):
        original = getattr(hashers.MD5PasswordHasher, name)

        def noting(self: Any, *args: Any, _original: Any = original, _name: str = name, **kwargs: Any) -> Any:
            found.append(_name)
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(hashers.MD5PasswordHasher, name, noting)
    return found


def sign_up(email: str, client: Client | None = None) -> Any:
    client = client or Client()
    return client.post("/sign-up", {"name": "New Person", "email": email, "password1": NEW_PASSWORD})


def link_in_mail(to: str, part: str) -> str:
    """The path of the last link with `part` in it that was mailed to `to`; it begins with our own address."""
    body = [str(row.body) for row in mail.outbox if row.to == [to]][-1]
    found = re.search(rf"http://localhost:8000(/{part}\S+)", body)
    assert found, body
    return found[1]


def shape(answer: Any) -> tuple[Any, ...]:
    """What an outsider can compare: status, headers, where to, and the page without nonce and form tokens."""
    text = re.sub(r'nonce="[^"]*"|value="[A-Za-z0-9]{64}"|content="[A-Za-z0-9]{64}"', "", answer.content.decode())
    text = re.sub(r"[\w.+-]+@example\.org", "…", text)
    headers = {key: value for key, value in answer.headers.items() if key not in {"Content-Security-Policy", "Expires"}}
    headers["Content-Length"] = ""
    return answer.status_code, headers, text


def test_known_and_unknown_addresses_get_one_answer(people: cast.Cast, counted: list[str]) -> None:
    """N1: sign-up, sign-in, reset: equal status, headers, words and equally many password hashes."""
    for address, form in (
        ("/sign-up", {"name": "Somebody", "password1": NEW_PASSWORD, "email": "{}"}),
        ("/sign-in", {"login": "{}", "password": "wrong password"}),
        ("/reset", {"email": "{}"}),
    ):
        answers = []
        for email in (people.rita.email, "nobody@example.org"):
            counted.clear()
            filled = {key: value.format(email) for key, value in form.items()}
            answers.append((shape(Client().post(address, filled)), len(counted)))
        assert answers[0] == answers[1], address


def test_offers_to_known_and_unknown_addresses_look_alike(people: cast.Cast, counted: list[str]) -> None:
    """N1: over the API, to the last byte but ids and times."""
    answers = []
    for email in (people.rita.email, "nobody@example.org"):
        counted.clear()
        body = {"recipient": email, "items": [{"camera": people.courtyard, "permissions": ["live_view"]}]}
        answer = people.olivia.api().post("/api/v1/shares", body, content_type="application/json")
        text = re.sub(r"01[0-9a-z]{24}|\d{4}-[\d:.TZ+-]+", "…", answer.content.decode()).replace(email, "…")
        answers.append((answer.status_code, text, len(counted)))
    assert answers[0] == answers[1]


def test_sign_up_is_born_with_a_home_and_in_nobodys_sight(transactional_db: None) -> None:
    """VA-5: an own account, its own organization; until the address is proven it finds and gets nothing."""
    client = Client()
    assert sign_up("new@example.org", client).status_code == 302
    account = Account.objects.get(email="new@example.org")
    assert account.owned_organizations.count() == 1
    assert client.get("/").status_code == 302
    assert client.get(link_in_mail("new@example.org", "confirm")).status_code == 200
    assert client.post(link_in_mail("new@example.org", "confirm")).status_code == 302
    signed_in = Client()
    answer = signed_in.post("/sign-in", {"login": "new@example.org", "password": NEW_PASSWORD})
    assert answer.status_code == 302
    assert signed_in.get("/api/v1/me").json()["account"]["email"] == "new@example.org"


def test_an_offer_leads_through_sign_up(people: cast.Cast, settings: Any) -> None:
    """VA-5: the mail's link opens sign-up for that address alone, and the offer waits inside."""
    settings.BELVEDERE = _with(settings.BELVEDERE, signup="invited")
    assert "signup_closed" in str(Client().get("/sign-up").templates[0].name)
    people.olivia.offer("new@example.org", people.courtyard)
    run_due()
    join = link_in_mail("new@example.org", "join")
    client = Client()
    assert client.get(join).status_code == 200
    sign_up("other@example.org", client)
    assert not Account.objects.filter(email="other@example.org").exists()
    assert sign_up("new@example.org", client).status_code == 302
    assert EmailAddress.objects.get(email="new@example.org").verified
    assert len(client.get("/api/v1/inbox").json()["items"]) == 1


def _with(settings: Any, **changes: Any) -> Any:
    from dataclasses import replace

    return replace(settings, **changes)


def test_a_strangers_sign_up_on_my_address_is_worth_nothing(transactional_db: None) -> None:
    """N2: pre-hijack. He registers her address and waits; she proves it: his password, session and tokens are gone."""
    his, hers = Client(), Client()
    sign_up("rita@example.org", his)
    account = Account.objects.get(email="rita@example.org")
    _token, secret = services.issue_token(account.pk, name="trap", scopes=["read"], days=9, by=system("test"))
    his.force_login(account)
    assert his.get("/api/v1/me").status_code == 200
    confirm = link_in_mail("rita@example.org", "confirm")
    answer = hers.post(confirm)
    assert answer.headers["Location"] == "/reset"
    assert his.get("/api/v1/me").status_code == 401
    assert find_principal_of_token(secret) is None
    account.refresh_from_db()
    assert not account.has_usable_password()
    assert Client().post("/sign-in", {"login": "rita@example.org", "password": NEW_PASSWORD}).status_code == 200
    assert not ApiToken.objects.filter(account=account, revoked_at=None).exists()
    assert not Session.objects.filter(account=account).exists()


def test_a_click_gives_no_address_to_somebody_elses_account(people: cast.Cast) -> None:
    """Xena adds the gardener's address to her own account; his click on the mail's link does not make it hers."""
    xena = people.xena.browser()
    xena.post("/account/reauthenticate", {"password": cast.PASSWORD})
    xena.post("/account/email", {"action_add": "", "email": "gardener@example.org"})
    confirm = link_in_mail("gardener@example.org", "confirm")
    for client in (Client(), people.rita.browser()):
        assert client.post(confirm).status_code in {200, 302}
        assert list_verified_addresses(people.xena.id) == [people.xena.email]
    assert xena.get("/api/v1/me").status_code == 200
    xena.post(confirm)
    assert set(list_verified_addresses(people.xena.id)) == {people.xena.email, "gardener@example.org"}


def test_reading_mailed_links_changes_nothing(people: cast.Cast) -> None:
    """N10: GET and HEAD on every link in every mail; scanners open them all."""
    sign_up("new@example.org")
    Client().post("/reset", {"email": people.rita.email})
    people.olivia.offer("unknown@example.org", people.courtyard)
    people.olivia.offer(people.rita, people.courtyard)
    people.olivia.share(people.xena, people.counter)
    run_due()
    links = {
        found for message in mail.outbox for found in re.findall(r"http://localhost:8000(/\S*)", str(message.body))
    }
    assert {re.match(r"/(\w*)", link)[1] for link in links} >= {"confirm", "reset", "join", "inbox", "sharing"}  # type: ignore[index]
    ignored = {"accounts_session"}
    before = get_rows(without=ignored)
    for link in links:
        for client in (Client(), people.rita.browser()):
            before = get_rows(without=ignored)
            client.head(link)
            client.get(link, follow=True)
            assert get_rows(without=ignored) == before, link


def test_a_reset_link_works_once_and_not_for_long(people: cast.Cast) -> None:
    """N3: used twice, after a newer password, too late, with a forged Host: refused; it names our own address."""
    old = people.rita.browser()
    assert Client().post("/reset", {"email": people.rita.email}, headers={"Host": "evil.example"}).status_code == 421
    Client().post("/reset", {"email": people.rita.email}, headers={"Host": "127.0.0.1:8000"})
    first = link_in_mail(people.rita.email, "reset")
    Client().post("/reset", {"email": people.rita.email})
    second = link_in_mail(people.rita.email, "reset")
    assert _reset(first, NEW_PASSWORD)
    assert old.get("/api/v1/me").status_code == 401  # N4
    assert not _reset(first, "yet another password")
    assert not _reset(second, "yet another password")
    assert Client().post("/sign-in", {"login": people.rita.email, "password": NEW_PASSWORD}).status_code == 302


def test_a_reset_link_ends_after_an_hour(people: cast.Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.auth.tokens import PasswordResetTokenGenerator

    Client().post("/reset", {"email": people.rita.email})
    link = link_in_mail(people.rita.email, "reset")
    real = PasswordResetTokenGenerator._now
    monkeypatch.setattr(PasswordResetTokenGenerator, "_now", lambda self: real(self) + timedelta(hours=1, seconds=1))
    assert not _reset(link, NEW_PASSWORD)


def _reset(link: str, password: str) -> bool:
    """Whether the link led to a form that took this password."""
    client = Client()
    shown = client.get(link)
    if shown.status_code != 302:
        return False
    answer = client.post(shown.headers["Location"], {"password1": password, "password2": password})
    return bool(answer.status_code == 302 and answer.headers["Location"] == "/reset/done")


def test_a_new_password_ends_every_other_sign_in_and_token(people: cast.Cast) -> None:
    """N4, N6: this browser stays, nothing else does."""
    here, there = people.rita.browser(), people.rita.browser()
    program = people.rita.api()
    form = {"oldpassword": cast.PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert here.post("/account/password", form).status_code == 302
    assert there.get("/api/v1/me").status_code == 401
    assert program.get("/api/v1/me").status_code == 401
    assert here.get("/api/v1/me").status_code == 200


def test_what_ends_is_dead_everywhere(people: cast.Cast) -> None:
    """N6: token revoked, session ended, everywhere else, account disabled: page, API and credential."""
    program = people.rita.api()
    token = ApiToken.objects.get(account_id=people.rita.id)
    here, there, elsewhere = (people.rita.browser() for _ in range(3))
    assert program.get("/api/v1/me").status_code == 200
    assert here.delete(f"/api/v1/tokens/{token.pk}").status_code == 200
    assert program.get("/api/v1/me").status_code == 401
    assert list_alive_credentials([f"token:{token.pk}"]) == set()

    names = set(Session.objects.filter(account_id=people.rita.id).values_list("pk", flat=True))
    assert len(names) == 3
    mine = here.get("/account").context["sessions"]
    other = next(row.id for row in mine if not row.is_this)
    here.post(f"/account/sessions/{other}/end")
    assert sorted(client.get("/api/v1/me").status_code for client in (here, there, elsewhere)) == [200, 200, 401]
    here.post("/account/sessions/others/end")
    assert [client.get("/api/v1/me").status_code for client in (here, there, elsewhere)] == [200, 401, 401]
    assert len(list_alive_credentials(f"session:{name}" for name in names)) == 1

    services.disable_account(system("operator"), account=people.rita.id)
    assert here.get("/api/v1/me").status_code == 401
    assert here.get("/").headers["Location"].startswith("/sign-in")
    assert list_alive_credentials(f"session:{name}" for name in names) == set()
    assert Client().post("/sign-in", {"login": people.rita.email, "password": cast.PASSWORD}).status_code != 200
    assert Client().get("/api/v1/me").status_code == 401


def test_what_an_operator_ends_names_whose_it_was(people: cast.Cast) -> None:
    """VV-5: who looks in his log finds it there, and the operator's hand in it."""
    disabled = services.disable_account(system("operator"), account=people.rita.id)
    factors = services.remove_all_factors(system("operator"), account=people.vera.id)
    for change, account in ((disabled, people.rita.id), (factors, people.vera.id)):
        entry = Entry.objects.get(change_id=change)
        assert (entry.thing, (entry.fields or {})["actor_name"]) == (f"account:{account}", "operator")


def test_signing_out_ends_this_browser(people: cast.Cast) -> None:
    client = people.rita.browser()
    key = client.cookies["bv"].value
    answer = client.post("/sign-out")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    thief = Client()
    thief.cookies["bv"] = key
    assert thief.get("/api/v1/me").status_code == 401


def test_a_session_is_renewed_at_sign_in_and_keeps_its_day(people: cast.Cast) -> None:
    """A cookie from before the sign-in is no sign-in, and saving a session later does not make it younger."""
    client = Client()
    client.get("/sign-in")
    client.post("/sign-in", {"login": people.rita.email, "password": "wrong"})
    before = client.cookies["bv"].value if "bv" in client.cookies else ""
    client.post("/sign-in", {"login": people.rita.email, "password": cast.PASSWORD})
    after = client.cookies["bv"].value
    assert before != after
    began = Session.objects.get(account_id=people.rita.id).created_at
    client.post("/account/organization", {"organization": people.rita.organization})
    row = Session.objects.get(account_id=people.rita.id)
    assert row.created_at == began
    assert row.pk != after


def test_nobody_elses_tokens_and_sessions(people: cast.Cast) -> None:
    """N16."""
    people.rita.token()
    people.rita.browser()
    token = ApiToken.objects.get(account_id=people.rita.id)
    session = Session.objects.get(account_id=people.rita.id)
    with pytest.raises(NotFound):
        services.revoke_token(people.xena.actor, token=token.pk)
    with pytest.raises(NotFound):
        services.end_session(people.xena.actor, session=session.pk)
    assert list_alive_credentials([f"token:{token.pk}", f"session:{session.pk}"]) == {
        f"token:{token.pk}",
        f"session:{session.pk}",
    }


def test_tokens_are_bounded(people: cast.Cast) -> None:
    """N9: only a person, only known scopes, at most a year."""
    person = Principal(id=people.rita.id, name="Rita", credential="session:x", proved_at=clock.now())
    cache.clear()
    for scopes in ([], ["everything"], ["read", "nothing"]):
        with pytest.raises(Invalid):
            services.create_token(person, name="x", scopes=scopes)
    for days in (0, -1, 366, 10**9):
        with pytest.raises(Invalid):
            services.create_token(person, name="x", scopes=["read"], days=days)
    with pytest.raises(Forbidden):
        services.create_token(
            Principal(id=people.rita.id, name="Rita", credential="token:x"), name="x", scopes=["read"]
        )
    token, secret = services.create_token(person, name="x", scopes=["read"], days=1)
    assert token.digest not in secret
    assert find_principal_of_token(secret)
    with clock.moved_by(timedelta(days=1)):
        assert find_principal_of_token(secret) is None


def test_dangerous_acts_want_a_fresh_proof(people: cast.Cast) -> None:
    """N9: within ten minutes of a proof, by control's clock; afterwards page and API ask again, and lead back."""
    client = people.rita.browser()
    form = {"name": "script", "scope": ["read"]}
    body = {"name": "script", "scopes": ["read"]}
    with clock.moved_by(timedelta(minutes=9, seconds=50)):
        assert client.post("/account/tokens", form).status_code == 200
    for offset in (timedelta(minutes=10, seconds=1), -timedelta(hours=1)):
        with clock.moved_by(offset):
            answer = client.post("/account/tokens", form, headers={"Referer": "http://testserver/account?x=1#y"})
            assert answer.headers["Location"] == "/account/reauthenticate?next=%2Faccount%3Fx%3D1"
            for foreign in ("https://evil.example/", "//evil.example/a", "javascript:alert(1)", ""):
                answer = client.post("/account/tokens", form, headers={"Referer": foreign})
                assert answer.headers["Location"] == "/account/reauthenticate?next=%2Faccount", foreign
            refused = client.post("/api/v1/tokens", body, content_type="application/json")
            assert (refused.status_code, refused.json()["code"]) == (403, "reauthentication_required")
            assert client.post("/account/sessions/others/end").headers["Location"].startswith("/account/reauth")
    assert ApiToken.objects.filter(account_id=people.rita.id).count() == 1
    with pytest.raises(ReauthenticationRequired):
        require_fresh(Principal(id=people.rita.id, name="Rita", credential="token:x"))


def test_proving_it_once_more_leads_back(people: cast.Cast) -> None:
    client = people.rita.browser()
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() - 3600}]
    session.save()
    asked = client.post("/account/tokens", {"name": "script", "scope": ["read"]}).headers["Location"]
    assert "Is it you?" in client.get(asked).content.decode()
    assert client.post(asked, {"password": "wrong"}).status_code == 200
    assert client.post(asked, {"password": cast.PASSWORD}).headers["Location"] == "/account"
    assert client.post("/account/tokens", {"name": "script", "scope": ["read"]}).status_code == 200


def test_a_token_shows_that_it_is_used(people: cast.Cast) -> None:
    program = people.rita.api()
    assert ApiToken.objects.get(account_id=people.rita.id).last_used_at is None
    program.get("/api/v1/me")
    assert ApiToken.objects.get(account_id=people.rita.id).last_used_at is not None


def test_the_form_of_tokens() -> None:
    """Prefix and checksum let scanners find leaked ones, and let us refuse mistyped ones unasked."""
    secret = new_secret()
    assert is_well_formed(secret)
    assert len(secret) == 3 + 43 + 6
    for place in range(3, len(secret)):
        wrong = secret[:place] + ("a" if secret[place] != "a" else "b") + secret[place + 1 :]
        assert not is_well_formed(wrong)
    for wrong in ("", "bv_", secret[:-1], secret + "0", secret.upper(), "ｂ" + secret[1:], secret[3:]):
        assert not is_well_formed(wrong)


def test_guessing_is_slow_for_known_and_unknown_alike(people: cast.Cast, settings: Any) -> None:
    """N1, N39: five wrong passwords, then a pause; a forged address buys none, and nobody else is locked out."""
    settings.ACCOUNT_RATE_LIMITS = base.ACCOUNT_RATE_LIMITS
    answers = []
    for email in (people.rita.email, "nobody@example.org"):
        cache.clear()
        tries = [
            shape(
                Client().post(
                    "/sign-in",
                    {"login": email, "password": f"guess {number}"},
                    headers={"X-Forwarded-For": f"192.0.2.{number}"},
                )
            )
            for number in range(7)
        ]
        assert tries[0] != tries[6]
        answers.append(tries)
    assert answers[0] == answers[1]
    assert Client().post("/sign-in", {"login": people.vera.email, "password": cast.PASSWORD}).status_code == 302


def test_too_many_tries_from_one_place_are_refused_whole(people: cast.Cast, settings: Any) -> None:
    """429 with our own page and headers, before anything is looked up."""
    settings.ACCOUNT_RATE_LIMITS = base.ACCOUNT_RATE_LIMITS
    cache.clear()
    answers = [Client().post("/sign-in", {"login": f"n{n}@example.org", "password": "x"}) for n in range(31)]
    assert answers[-1].status_code == 429
    assert answers[-1].headers["X-Content-Type-Options"] == "nosniff"
    assert answers[-1].headers["Retry-After"] == "60"
    assert "Wait a while" in answers[-1].content.decode()
