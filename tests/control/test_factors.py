"""Passkeys, the app that makes codes, recovery codes: what they let in, what they keep out, what their change ends."""

import base64
import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core import mail
from django.db import connection
from django.test import Client

import cast
from belvedere.control.accounts import codes, services
from belvedere.control.accounts.models import Account, Session
from belvedere.control.accounts.selectors import get_factors, list_alive_credentials, list_sign_ins
from belvedere.control.api.rules import RULES as API_RULES
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, NotFound, RateLimited, ReauthenticationRequired
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import Principal, system
from belvedere.control.outbox.models import Message
from belvedere.control.outbox.services import run_due
from rows import get_rows
from soft_key import SoftKey


def options_in(answer: Any, element: str) -> dict[str, Any]:
    """What the page asks the browser to do."""
    page = answer.content.decode()
    found = re.search(rf'<script id="{element}" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found, page
    options: dict[str, Any] = json.loads(found[1])
    return options


def code_now(seed: str, *, ahead: int = 0) -> str:
    return codes.code_of(seed, int(clock.now().timestamp()) // codes.STEP_S + ahead)


def set_up_app(client: Client) -> tuple[str, list[str]]:
    """Through the pages: the seed, and the recovery codes that are shown."""
    page = client.get("/account/security/app").content.decode()
    seed = re.search(r'id="app-seed">([A-Z2-7 ]+)<', page)
    assert seed
    secret = seed[1].replace(" ", "")
    answer = client.post("/account/security/app", {"code": code_now(secret, ahead=-1)})
    assert answer.status_code == 200, answer.content.decode()
    return secret, re.findall(r"^(?:.*>)?(\d{12})$", answer.content.decode(), re.MULTILINE)


def add_passkey(client: Client, key: SoftKey, name: str = "Phone") -> Any:
    options = options_in(client.get("/account/security/passkeys/add"), "passkey-options")
    return client.post("/account/security/passkeys/add", {"name": name, "credential": json.dumps(key.make(options))})


def signed_for(element: str, answer: Any, key: SoftKey) -> dict[str, str]:
    """The form that a page sends once the key has signed what the page asked for."""
    return {"credential": json.dumps(key.sign(options_in(answer, element)))}


def first_step(person: cast.Person, password: str = cast.PASSWORD) -> Client:
    """The password is right, and that is not enough."""
    client = Client()
    answer = client.post("/sign-in", {"login": person.email, "password": password})
    assert answer.headers["Location"] == "/sign-in/second-step"
    assert client.get("/api/v1/me").status_code == 401
    return client


def second_step(client: Client, code: str) -> bool:
    return bool(client.post("/sign-in/second-step", {"code": code}).status_code == 302)


def passkey_sign_in(key: SoftKey, client: Client | None = None) -> Client:
    client = client or Client()
    options = client.get("/sign-in/passkey", headers={"X-Requested-With": "XMLHttpRequest"}).json()["request_options"]
    client.post("/sign-in/passkey", {"credential": json.dumps(key.sign(options))})
    return client


def is_in(client: Client) -> bool:
    return bool(client.get("/api/v1/me").status_code == 200)


def mails() -> list[str]:
    run_due()
    return [str(message.subject) for message in mail.outbox]


def test_a_code_is_asked_for_and_spent(people: cast.Cast) -> None:
    """N5: each code once, none older than the last; a step early or late is forgiven, two are not."""
    seed, _recovery = set_up_app(people.rita.browser())
    assert not second_step(first_step(people.rita), code_now(seed, ahead=-1))  # the one that set it up
    code = code_now(seed)
    client = first_step(people.rita)
    assert second_step(client, code)
    assert is_in(client)
    assert not second_step(first_step(people.rita), code)
    with clock.moved_by(timedelta(seconds=45)):  # longer than allauth itself would remember it
        assert not second_step(first_step(people.rita), code)
    assert not second_step(first_step(people.rita), code_now(seed, ahead=2))
    assert second_step(first_step(people.rita), code_now(seed, ahead=1))
    assert not second_step(first_step(people.rita), code_now(seed))


def test_a_spent_code_is_spent_for_every_process(people: cast.Cast) -> None:
    """N5: another control process, with a memory of its own, refuses it too."""
    seed, recovery = set_up_app(people.rita.browser())
    code = code_now(seed, ahead=1)
    assert services.use_code(people.rita.id, code=code)
    assert services.use_code(people.rita.id, code=recovery[0])
    name = str(connection.settings_dict["NAME"])
    script = f"""
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = {name!r}
django.setup()
from belvedere.control.accounts.services import use_code
print([use_code({people.rita.id!r}, code=code) is not None for code in {[code, *recovery[:2]]!r}])
"""
    environment = os.environ | {"BELVEDERE_DATA": str(settings.BELVEDERE.data)}  # where the keys are
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "[False, False, True]", done.stderr


def test_recovery_codes_stand_in_once_each(people: cast.Cast) -> None:
    rita = people.rita
    client = rita.browser()
    _seed, recovery = set_up_app(client)
    assert len(set(recovery)) == 10
    lost_phone = first_step(rita)
    spaced = f"{recovery[3][:4]} {recovery[3][4:8]}-{recovery[3][8:]}"
    assert second_step(lost_phone, spaced)
    assert is_in(lost_phone)
    assert not second_step(first_step(rita), recovery[3])
    assert get_factors(rita.actor).codes_left == 9
    assert mails()[-1] == "A recovery code was used"
    shown = client.post("/account/security/codes").content.decode()
    fresh = re.findall(r"^(?:.*>)?(\d{12})$", shown, re.MULTILINE)
    assert not set(fresh) & set(recovery)
    assert not second_step(first_step(rita), recovery[5])
    assert second_step(first_step(rita), fresh[0])
    assert fresh[1] not in client.get("/account/security").content.decode()  # shown once


def test_guessing_codes_is_slow(people: cast.Cast) -> None:
    seed, _recovery = set_up_app(people.rita.browser())
    client = first_step(people.rita)
    for _ in range(10):
        assert not second_step(client, "000000")
    page = client.post("/sign-in/second-step", {"code": code_now(seed)}).content.decode()
    assert "tried too often" in page
    assert not is_in(client)
    with pytest.raises(RateLimited):
        services.use_code(people.rita.id, code="000000")


def test_seeds_rest_sealed(people: cast.Cast) -> None:
    """N37, §8: neither the seed, before and after it is taken, nor a recovery code stands in the database."""
    client = people.rita.browser()
    client.get("/account/security/app")
    seed, recovery = set_up_app(client)
    run_due()
    for session in Session.objects.all():
        assert seed not in json.dumps(session.get_decoded())
    whole = repr(get_rows())
    for secret in (seed, *recovery):
        assert secret not in whole
    assert Authenticator.objects.get(type="totp").data["secret"].startswith("k1.")


def test_a_passkey_signs_in_alone(people: cast.Cast) -> None:
    """And from then on a password does not."""
    key = SoftKey()
    home = people.rita.browser()
    answer = add_passkey(home, key)
    assert len(re.findall(r"^(?:.*>)?(\d{12})$", answer.content.decode(), re.MULTILINE)) == 10
    assert is_in(passkey_sign_in(key))
    half = first_step(people.rita)
    half.post("/sign-in/second-step", signed_for("second-step", half.get("/sign-in/second-step"), key))
    assert is_in(half)
    assert not is_in(passkey_sign_in(SoftKey(account=key.account)))  # somebody else's device
    shown = get_factors(people.rita.actor).passkeys
    assert [(row.name, row.is_synced, row.last_used_at is not None) for row in shown] == [("Phone", False, True)]


def test_a_passkey_wants_a_person_a_page_and_a_host(people: cast.Cast) -> None:
    """V6.7: without user verification, from another port or site, or for another host it neither comes nor signs in."""
    liars = [
        SoftKey(is_person_there=False),
        SoftKey(origin="http://localhost:9999"),
        SoftKey(origin="https://localhost"),
        SoftKey(origin="https://evil.example"),
        SoftKey(host="evil.example"),
    ]
    client = people.rita.browser()
    for liar in liars:
        assert add_passkey(client, liar).status_code == 422, liar
    assert client.post("/account/security/passkeys/add", {"name": "x", "credential": "{"}).status_code == 422
    assert not Authenticator.objects.exists()
    key = SoftKey()
    add_passkey(client, key)
    for liar in liars:
        liar._private, liar._id, liar.account = key._private, key._id, key.account
        assert not is_in(passkey_sign_in(liar)), liar
    assert is_in(passkey_sign_in(key))


def test_an_answer_is_good_once_and_for_its_own_browser(people: cast.Cast) -> None:
    client = people.rita.browser()
    key = SoftKey()
    options = options_in(client.get("/account/security/passkeys/add"), "passkey-options")
    made = {"name": "Phone", "credential": json.dumps(key.make(options))}
    assert people.xena.browser().post("/account/security/passkeys/add", made).status_code == 422
    assert client.post("/account/security/passkeys/add", made).status_code == 200
    assert client.post("/account/security/passkeys/add", made).status_code == 422
    asked = Client()
    options = asked.get("/sign-in/passkey", headers={"X-Requested-With": "XMLHttpRequest"}).json()["request_options"]
    signed = {"credential": json.dumps(key.sign(options))}
    thief = Client()
    thief.get("/sign-in/passkey", headers={"X-Requested-With": "XMLHttpRequest"})
    thief.post("/sign-in/passkey", signed)
    assert not is_in(thief)
    asked.post("/sign-in/passkey", signed)
    assert is_in(asked)
    asked.post("/sign-out")
    asked.post("/sign-in/passkey", signed)
    assert not is_in(asked)


def test_a_synced_passkey_says_so(people: cast.Cast) -> None:
    """V6.7: also one that became it later."""
    client = people.rita.browser()
    key = SoftKey()
    add_passkey(client, key)
    assert "Synced" not in client.get("/account/security").content.decode()
    key.is_synced = True
    passkey_sign_in(key)
    assert "Synced" in client.get("/account/security").content.decode()
    assert get_factors(people.rita.actor).passkeys[0].is_synced


@pytest.mark.parametrize("change", ["add", "remove", "app", "app-remove", "codes", "reset"])
def test_a_change_of_factors_ends_what_was_signed_in(people: cast.Cast, change: str) -> None:
    """N4: other sessions and tokens die, and with them what rests on them; this browser stays; the mail tells."""
    rita = people.rita
    key = SoftKey()
    if change != "app":
        set_up_app(rita.browser())
    if change in {"remove", "reset"}:
        add_passkey(passkeyless(rita), key)
    here = passkeyless(rita)
    there, program = passkeyless(rita), rita.api()
    names = {f"session:{row.id}" for row in list_sign_ins(rita.actor)}
    assert (is_in(here), is_in(there), is_in(program)) == (True, True, True)
    run_due()
    mail.outbox.clear()
    acts: dict[str, Callable[[], object]] = {
        "add": lambda: add_passkey(here, SoftKey(), "Second"),
        "remove": lambda: here.post(f"/account/security/passkeys/{get_factors(rita.actor).passkeys[0].id}/remove"),
        "app": lambda: set_up_app(here),
        "app-remove": lambda: here.post("/account/security/app/remove"),
        "codes": lambda: here.post("/account/security/codes"),
        "reset": lambda: _reset(rita),
    }
    acts[change]()
    assert (is_in(here), is_in(there), is_in(program)) == (change != "reset", False, False)
    assert len(list_alive_credentials(names)) == (0 if change == "reset" else 1)
    # What cuts the sockets (test_streaming) was told of each of them, the token too.
    told = {name for row in Message.objects.filter(kind="credential.lost") for name in row.payload["credentials"]}
    assert names - list_alive_credentials(names) < told
    assert any(name.startswith("token:") for name in told)
    run_due()
    assert [message.to for message in mail.outbox if "reset" not in message.body or "/reset/" not in message.body]


def passkeyless(person: cast.Person) -> Client:
    """A browser that is signed in whatever is asked for: allauth's second step is other tests' matter."""
    client = Client()
    account = Account.objects.get(pk=person.id)
    client.force_login(account)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": clock.now().timestamp()}]
    session["account_authentication_methods_user"] = account.pk
    session.save()
    return client


def _reset(person: cast.Person) -> str:
    Client().post("/reset", {"email": person.email})
    link = re.findall(r"http://localhost:8000(/reset/\S+)", str(mail.outbox[-1].body))[-1]
    client = Client()
    new = "an entirely new horse"
    answer = client.post(client.get(link).headers["Location"], {"password1": new, "password2": new})
    assert answer.headers["Location"] == "/reset/done"
    # Who can read the mail is not yet who has the phone.
    first_step(person, new)
    return new


def test_after_a_reset_the_code_is_still_asked_for(people: cast.Cast) -> None:
    """N4."""
    seed, _recovery = set_up_app(people.rita.browser())
    new = _reset(people.rita)
    client = first_step(people.rita, new)
    assert second_step(client, code_now(seed, ahead=1))
    assert is_in(client)


def test_every_change_wants_a_fresh_proof(people: cast.Cast) -> None:
    """N9: on pages and in the services, whoever calls them."""
    client = people.rita.browser()
    set_up_app(client)
    add_passkey(client, SoftKey())
    passkey = get_factors(people.rita.actor).passkeys[0].id
    rows = get_rows(without={"accounts_session"})
    with clock.moved_by(timedelta(minutes=11)):
        for method, path in (
            ("get", "passkeys/add"),
            ("post", "passkeys/add"),
            ("post", f"passkeys/{passkey}/remove"),
            ("get", "app"),
            ("post", "app"),
            ("post", "app/remove"),
            ("post", "codes"),
        ):
            answer = getattr(client, method)(f"/account/security/{path}")
            assert answer.headers["Location"].startswith("/account/reauthenticate?next=%2Faccount"), path
        for form in ({"action_primary": ""}, {"action_remove": ""}, {"action_add": ""}, {"action_send": ""}):
            answer = client.post("/account/email", {"email": people.rita.email, **form})
            assert answer.headers["Location"].startswith("/account/reauthenticate?next=%2Faccount"), form
    assert get_rows(without={"accounts_session"}) == rows
    token = Principal(id=people.rita.id, name="Rita", credential="token:x", scopes=frozenset({"read"}))
    for act in (
        lambda: services.add_passkey(token, name="x", state={}, response={}),
        lambda: services.remove_passkey(token, passkey=passkey),
        lambda: services.activate_app(token, seed="A" * 32, code="000000"),
        lambda: services.remove_app(token),
        lambda: services.make_recovery_codes(token),
        lambda: services.make_address_primary(token, email=people.rita.email),
        lambda: services.remove_address(token, email=people.rita.email),
        lambda: services.add_phone(token, number="+34600123456"),
        lambda: services.remove_phone(token, phone="x"),
    ):
        with pytest.raises(ReauthenticationRequired):
            act()


def test_any_factor_proves_it_once_more(people: cast.Cast) -> None:
    """Password, code or passkey, each on a page of its own that names the others."""
    client = people.rita.browser()
    key = SoftKey()
    seed, _recovery = set_up_app(client)
    add_passkey(client, key)
    for path in ("", "/code", "/passkey"):
        page = client.get(f"/account/reauthenticate{path}?next=/account/phones").content.decode()
        assert page.count("/account/reauthenticate") >= 2
        assert html.unescape(page).count("next=%2Faccount%2Fphones") + page.count('value="/account/phones"') >= 2
    forms: dict[str, Callable[[], dict[str, str]]] = {
        "/code": lambda: {"code": code_now(seed, ahead=1)},
        "/passkey": lambda: signed_for("again", client.get("/account/reauthenticate/passkey"), key),
    }
    for path, form in forms.items():
        session = client.session
        session["account_authentication_methods"] = [{"method": "password", "at": clock.now().timestamp() - 3600}]
        session.save()
        assert client.get("/account/security/app").status_code == 302
        answer = client.post(f"/account/reauthenticate{path}?next=/account/security/app", form())
        assert answer.headers["Location"] == "/account/security/app", path
        assert client.get("/account/security/app").status_code == 200


def test_the_last_way_in_stays(people: cast.Cast) -> None:
    """V6.7: without a password the only passkey cannot be removed; with a second one the first can."""
    rita = people.rita
    client = rita.browser()
    add_passkey(client, SoftKey(), "One")
    account = Account.objects.get(pk=rita.id)
    account.set_unusable_password()
    account.save()
    one = get_factors(rita.actor).passkeys[0].id
    with pytest.raises(Conflict):
        services.remove_passkey(rita.actor, passkey=one)
    add_passkey(passkeyless(rita), SoftKey(), "Two")
    services.remove_passkey(rita.actor, passkey=one)
    assert [row.name for row in get_factors(rita.actor).passkeys] == ["Two"]


def test_without_a_second_factor_there_are_no_recovery_codes(people: cast.Cast) -> None:
    client = people.rita.browser()
    set_up_app(client)
    assert client.post("/account/security/app/remove").status_code == 302
    assert not Authenticator.objects.exists()
    assert client.post("/account/security/codes").status_code == 409
    plain = Client()
    assert plain.post("/sign-in", {"login": people.rita.email, "password": cast.PASSWORD}).headers["Location"] == "/"


def test_nobody_elses_passkey(people: cast.Cast) -> None:
    """N16."""
    add_passkey(people.rita.browser(), SoftKey())
    passkey = get_factors(people.rita.actor).passkeys[0].id
    for wrong in (passkey, "0", "-1", "x", "9" * 40, "１"):
        with pytest.raises(NotFound):
            services.remove_passkey(people.xena.actor, passkey=wrong)
        with pytest.raises(NotFound):
            services.rename_passkey(people.xena.actor, passkey=wrong, name="Mine")
    client = passkeyless(people.rita)
    client.post(f"/account/security/passkeys/{passkey}/rename", {"name": "Old phone"})
    assert get_factors(people.rita.actor).passkeys[0].name == "Old phone"


def test_what_a_stranger_set_up_on_my_address_is_gone(people: cast.Cast) -> None:
    """N2: passkey, app, recovery codes and phone number too."""
    stranger = Account.objects.get(pk=people.rita.id)
    client = people.rita.browser()
    set_up_app(client)
    add_passkey(client, SoftKey())
    client.post("/account/phones", {"number": "+34600123456"})
    services.reset_unproven_credentials(stranger.pk)
    assert not Authenticator.objects.filter(user=stranger).exists()
    assert not stranger.phones.exists()
    assert not is_in(client)


def test_a_disabled_account_has_no_passkey_in(people: cast.Cast) -> None:
    """N6."""
    key = SoftKey()
    add_passkey(people.rita.browser(), key)
    Account.objects.filter(pk=people.rita.id).update(is_active=False)
    assert not is_in(passkey_sign_in(key))


def test_another_address_becomes_the_one(people: cast.Cast) -> None:
    """§3: the new one was proven, the old one is told, and every other browser and token ends (N4)."""
    rita = people.rita
    here, there, program = rita.browser(), rita.browser(), rita.api()
    EmailAddress.objects.create(user_id=rita.id, email="rita@new.example.org", verified=False)
    assert here.post("/account/email", {"action_primary": "", "email": "rita@new.example.org"}).status_code == 409
    assert here.post("/account/email", {"action_primary": "", "email": people.xena.email}).status_code == 404
    EmailAddress.objects.filter(email="rita@new.example.org").update(verified=True)
    here.post("/account/email", {"action_primary": "", "email": "rita@new.example.org"})
    assert Account.objects.get(pk=rita.id).email == "rita@new.example.org"
    assert (is_in(here), is_in(there), is_in(program)) == (True, False, False)
    run_due()
    told = [message for message in mail.outbox if message.to == [rita.email]]
    assert "rita@new.example.org" in str(told[-1].body)
    assert here.post("/account/email", {"action_remove": "", "email": "rita@new.example.org"}).status_code == 409
    here.post("/account/email", {"action_remove": "", "email": rita.email})
    assert not EmailAddress.objects.filter(email=rita.email).exists()


def test_on_a_shared_device_nobody_stays_signed_in(people: cast.Cast) -> None:
    """Threats V7: the cookie goes with the browser; after twelve hours it is over, however busy it is."""
    client = Client()
    answer = client.post("/sign-in", {"login": people.rita.email, "password": cast.PASSWORD})
    assert not answer.cookies["bv"]["max-age"]
    assert client.get("/account").status_code == 200
    for hours in (5, 10):
        with clock.moved_by(timedelta(hours=hours)):
            assert client.get("/account").status_code == 200
    with clock.moved_by(timedelta(hours=12, seconds=1)):
        assert client.get("/account").status_code == 302


def test_sessions_end_by_idleness_and_by_age(people: cast.Cast) -> None:
    """V7: fourteen days without a visit, ninety days whatever one does; the list says when one was last seen."""
    client = people.rita.browser()
    began = Session.objects.get(account_id=people.rita.id)
    with clock.moved_by(timedelta(minutes=30)):
        client.get("/account")
        assert Session.objects.get(pk=began.pk).last_seen_at == began.last_seen_at
    for day in range(13, 90, 13):
        with clock.moved_by(timedelta(days=day)):
            assert is_in(client), day
    row = list_sign_ins(people.rita.actor)
    with clock.moved_by(timedelta(days=78)):
        row = list_sign_ins(people.rita.actor)
    assert row[0].created_at == began.created_at
    assert row[0].last_seen_at - began.created_at > timedelta(days=77)
    assert Session.objects.get(pk=began.pk).expire_date == began.created_at + timedelta(days=90)
    with clock.moved_by(timedelta(days=90)):
        assert not is_in(client)
        assert list_alive_credentials([f"session:{began.pk}"]) == set()
    idle = people.vera.browser()
    with clock.moved_by(timedelta(days=14, seconds=5)):
        assert not is_in(idle)


def test_the_seed_is_a_picture_and_words(people: cast.Cast) -> None:
    client = people.rita.browser()
    page = client.get("/account/security/app").content.decode()
    assert "<path" in page
    assert "style=" not in page
    seed = re.search(r'id="app-seed">([A-Z2-7 ]+)<', page)
    again = re.search(r'id="app-seed">([A-Z2-7 ]+)<', client.get("/account/security/app").content.decode())
    assert seed
    assert again
    assert seed[1] == again[1]
    assert len(base64.b32decode(seed[1].replace(" ", ""))) == 20
    assert client.post("/account/security/app", {"code": "000000"}).status_code == 422
    set_up_app(client)
    assert client.post("/account/security/app", {"code": "000000"}).status_code == 422


def test_whoever_lost_everything_is_let_in_by_the_operator(people: cast.Cast) -> None:
    """Nothing that was signed in stays so (N4), and the mail tells."""
    rita = people.rita
    client, program = rita.browser(), rita.api()
    set_up_app(client)
    add_passkey(client, SoftKey())
    services.remove_all_factors(system("operator"), account=rita.id)
    assert (is_in(client), is_in(program)) == (False, False)
    assert is_in(rita.browser())
    assert mails()[-1] == "Your second factors were removed"
    with pytest.raises(NotFound):
        services.remove_all_factors(system("operator"), account=new_id())


def test_a_factor_of_another_key_file_lets_nobody_in(people: cast.Cast) -> None:
    """A sealed seed that does not open is a wrong code, and no fault of the page."""
    seed, recovery = set_up_app(people.rita.browser())
    for row in Authenticator.objects.all():
        row.data = {key: "k1.AAAA" if key in {"secret", "seed"} else value for key, value in row.data.items()}
        row.save()
    client = first_step(people.rita)
    for code in (code_now(seed, ahead=1), recovery[0]):
        assert client.post("/sign-in/second-step", {"code": code}).status_code == 200
    assert not is_in(client)


def test_no_token_reaches_factors(people: cast.Cast) -> None:
    """N9: the best of tokens opens none of these pages, and the API has none of these acts."""
    program = people.rita.api()
    for path in ("", "/passkeys/add", "/app", "/codes", "/app/remove"):
        for method in ("get", "post"):
            answer = getattr(program, method)(f"/account/security{path}")
            assert answer.headers["Location"].startswith("/sign-in?next="), path
    program.post("/account/phones", {"number": "+34600123456"})
    assert not Authenticator.objects.exists()
    assert not Account.objects.get(pk=people.rita.id).phones.exists()
    assert not [path for _method, path in API_RULES if re.search("factor|passkey|phone|password|security", path)]


def test_a_passkey_leads_where_one_was_going(people: cast.Cast) -> None:
    """And nowhere else."""
    key = SoftKey()
    add_passkey(people.rita.browser(), key)
    for wanted, expected in (("/account", "/account"), ("https://evil.example/", "/")):
        client = Client()
        page = client.get("/sign-in", {"next": wanted}).content.decode()
        assert page.count(f'value="{wanted}"') in {0, 2}
        asked = client.get("/sign-in/passkey", headers={"X-Requested-With": "XMLHttpRequest"}).json()["request_options"]
        answer = client.post("/sign-in/passkey", {"credential": json.dumps(key.sign(asked)), "next": wanted})
        assert answer.headers["Location"] == expected
