"""A recovery contact begins to let a holder in again: told to all, over once the holder is there, never his way in."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.test import Client

import cast
from belvedere.config import Settings
from belvedere.control.accounts import services
from belvedere.control.accounts.models import Account, AccountRecovery, ApiToken, Phone, Session
from belvedere.control.accounts.recovery import find_recovery, list_recovery_contacts
from belvedere.control.accounts.selectors import get_factors
from belvedere.control.accounts.services.account import disable_account
from belvedere.control.accounts.services.regaining import WAIT, _carry_out
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, NotFound
from belvedere.control.core.principal import nobody, system
from belvedere.control.organizations.services import freeze_organization
from belvedere.control.outbox.services import run_due
from control.test_factors import set_up_app
from control.test_recovery import CLARA, name_contact, secret_sent, told

DAY = timedelta(days=1)


@pytest.fixture
def secret(hotels: cast.Hotels) -> str:
    """Of Olivia's contact Clara, who said yes. Olivia has not been there since."""
    name_contact(hotels.olivia)
    found = secret_sent()
    mail.outbox.clear()
    return found


def begin(secret: str) -> str:
    return services.begin_recovery(nobody("192.0.2.7"), token=secret)


def ended(recovery: str) -> tuple[str, str]:
    row = AccountRecovery.objects.get(pk=recovery)
    return row.state, row.ended_reason


def test_after_seven_days_the_mailbox_alone_lets_her_in(hotels: cast.Hotels, settings: Any, tmp_path: Path) -> None:
    """Threats, row `recovery`: all channels on the first day and again; factors and password end together (N4)."""
    settings.BELVEDERE = Settings.from_env({"BELVEDERE_DATA": str(tmp_path)})
    olivia = hotels.olivia
    set_up_app(olivia.browser())
    olivia.token()
    name_contact(olivia)
    secret = secret_sent()
    Phone.objects.create(account_id=olivia.id, number="+34600123456", created_at=clock.now(), verified_at=clock.now())
    mail.outbox.clear()
    clara = Client()
    page = clara.get(f"/recovery/{secret}").content.decode()
    assert "Has <bdi>Olivia</bdi> lost every way in?" in page
    assert AccountRecovery.objects.count() == 0  # N10: looking begins nothing
    with clock.moved_by(timedelta(minutes=1)):
        assert clara.post(f"/recovery/{secret}/begin").headers["Location"] == f"/recovery/{secret}"
        assert clara.post(f"/recovery/{secret}/begin").status_code == 302
        [row] = AccountRecovery.objects.all()
        assert "Take it back" in clara.get(f"/recovery/{secret}").content.decode()
    for days, subject in ((0, "Somebody recovers the account of Olivia"), (3, "On "), (6, "On ")):
        with clock.moved_by(days * DAY + timedelta(minutes=2)):
            services.settle_recoveries()
            services.settle_recoveries()
            for to in (olivia.email, CLARA):
                [said] = told(to)
                assert said.startswith(subject)
            # VV-5: whoever watches over what she owns hears it, too.
            assert len(told(hotels.sam.email)) == 1
            mail.outbox.clear()
    assert len(list((tmp_path / "outbox").glob("text-*.txt"))) == 3
    assert get_factors(olivia.actor).app_since
    with clock.moved_by(WAIT + timedelta(minutes=2)):
        assert (services.settle_recoveries(), services.settle_recoveries()) == (1, 0)
        assert "Set a new password, and come in again" in told(olivia.email)
        # The contact hears of it, and has no link.
        assert told(CLARA) == ["The account of Olivia was recovered"]
        assert not any("/reset/" in str(row.body) for row in mail.outbox if row.to != [olivia.email])
        assert ended(row.pk) == ("accepted", "")
        factors = get_factors(olivia.actor)
        assert (factors.has_password, factors.app_since, factors.codes_left) == (False, None, None)
        assert not Session.objects.filter(account=olivia.id).exists()
        assert not ApiToken.objects.filter(account=olivia.id, revoked_at=None).exists()
        # Whoever knew the password is not in by it.
        assert Client().post("/sign-in", {"login": olivia.email, "password": cast.PASSWORD}).status_code == 200
        [link] = [
            found[1]
            for sent in mail.outbox
            if sent.to == [olivia.email] and (found := re.search(r"http://[^/]+(/reset/\S+)", str(sent.body)))
        ]
        browser = Client()
        where = browser.get(link, follow=True).redirect_chain[-1][0]
        new = "a new battery horse"
        assert browser.post(where, {"password1": new, "password2": new}).status_code == 302
        assert Client().post("/sign-in", {"login": olivia.email, "password": new}).status_code == 302
    actions = Entry.objects.filter(action__startswith="recovery.").order_by("sequence").values_list("action", flat=True)
    assert list(actions) == ["recovery.begun", "recovery.carried_out"]
    # It is about her, and nobody's but the server's: her log has it, and does not say that she did it.
    done = Entry.objects.get(action="recovery.carried_out")
    assert (done.thing, (done.fields or {})["actor"]) == (f"account:{olivia.id}", "")


def test_her_being_there_ends_it(hotels: cast.Hotels, secret: str) -> None:
    """N4: at the last minute, too; and nobody begins again for thirty days."""
    recovery = begin(secret)
    with clock.moved_by(WAIT - timedelta(minutes=1)):
        hotels.olivia.browser()
    with clock.moved_by(WAIT + DAY):
        services.settle_recoveries()
        assert told(CLARA)[-1] == "The account of Olivia is not recovered"
        with pytest.raises(Conflict):
            begin(secret)
    assert ended(recovery) == ("revoked", "holder_was_there")
    assert Account.objects.get(pk=hotels.olivia.id).has_usable_password()
    with clock.moved_by(timedelta(days=40)):
        begin(secret)


def test_one_word_ends_it(hotels: cast.Hotels, secret: str) -> None:
    """Hers, on its page; his who began it; another contact's."""
    first = begin(secret)
    page = hotels.olivia.browser()
    assert "I am here: end it" in page.get("/account/recovery").content.decode()
    assert page.post("/account/recovery/refuse").status_code == 302
    assert ended(first) == ("revoked", "holder_was_there")
    AccountRecovery.objects.all().delete()
    second = begin(secret)
    assert Client().post(f"/recovery/{secret}/stop").status_code == 302
    assert ended(second) == ("revoked", "withdrawn")
    name_contact(hotels.olivia, "dora@example.org")
    other = secret_sent("dora@example.org")
    third = begin(secret)
    assert "Object: end it" in Client().get(f"/recovery/{other}").content.decode()
    services.stop_recovery(nobody(""), token=other)
    assert ended(third) == ("revoked", "objected")
    with pytest.raises(Conflict):
        begin(secret)


def test_who_is_no_contact_begins_nothing(hotels: cast.Hotels, secret: str) -> None:
    """Not before he said yes, not after he was taken off; nor while the address has just been changed."""
    services.add_recovery_contact(hotels.olivia.actor, address="dora@example.org", name="Dora")
    for wrong in (secret_sent("dora@example.org"), "forged", ""):
        for act in (services.begin_recovery, services.stop_recovery):
            with pytest.raises(NotFound):
                act(nobody(""), token=wrong)
    Account.objects.filter(pk=hotels.olivia.id).update(email_changed_at=clock.now(), former_email="o@example.org")
    with pytest.raises(Conflict):
        begin(secret)
    Account.objects.filter(pk=hotels.olivia.id).update(email_changed_at=None, former_email="")
    recovery = begin(secret)
    services.decline_recovery_contact(nobody(""), token=secret)
    services.settle_recoveries()
    assert ended(recovery) == ("revoked", "no_contact")
    assert find_recovery(hotels.olivia.id) is None


def test_his_link_is_sent_to_him_alone(hotels: cast.Hotels, secret: str) -> None:
    """N1: one answer whether the two go together, as many questions; what is sent goes to the contact."""
    pages = set()
    for email, address in (
        (hotels.olivia.email, CLARA),
        (hotels.olivia.email, "nobody@example.org"),
        (hotels.rita.email, CLARA),
        ("nobody@example.org", CLARA),
    ):
        answer = Client().post("/recovery", {"email": email, "address": address})
        pages.add(
            (answer.status_code, re.sub(r'(value|content)="[^"]*"|nonce(=|-)"?[^"\' ]*', "", answer.content.decode()))
        )
    assert len(pages) == 1
    run_due()  # whether they go together is found after the answer
    assert told(CLARA) == ["You are a recovery contact of Olivia"]
    assert [row.to for row in mail.outbox] == [[CLARA]]
    fresh = secret_sent()
    assert fresh != secret
    begin(fresh)
    wrong = Client().post("/recovery", {"email": "x", "address": "y"})
    assert wrong.status_code == 422
    assert Client().get("/recovery").status_code == 200


def test_everything_cancelled_is_being_there(hotels: cast.Hotels, secret: str) -> None:
    """Threats §5: whoever has a recovery code ends a recovery with it, signed out."""
    _seed, codes = set_up_app(hotels.olivia.browser())
    with clock.moved_by(timedelta(hours=1)):
        recovery = begin(secret)
        services.cancel_all(nobody("192.0.2.9"), email=hotels.olivia.email, code=codes[0])
    assert ended(recovery) == ("revoked", "holder_was_there")


def call(client: Client, method: str, path: str, **body: str) -> tuple[int, Any]:
    """Of the API: its answer."""
    answer = client.generic(
        method, f"/api/v1/{path}", json.dumps(body) if body else b"", content_type="application/json"
    )
    return answer.status_code, answer.json()


def test_the_api_begins_tells_and_ends(hotels: cast.Hotels, secret: str) -> None:
    """The contact by his secret, signed in nowhere; the holder signed in. Each twice (N11)."""
    clara, olivia = Client(), hotels.olivia.browser()
    status, seen = call(clara, "POST", "recoveries/by-token", token=secret)
    assert (status, seen["account_name"], seen["address"], seen["recovery"]) == (200, "Olivia", CLARA, None)
    assert hotels.olivia.id not in str(seen)
    assert call(olivia, "GET", "me/recovery") == (200, {"recovery": None})
    status, begun = call(clara, "POST", "recoveries/by-token/begin", token=secret)
    assert (status, begun["mine"], begun["recovery"]["by"]) == (200, True, "My sister Clara")
    assert call(clara, "POST", "recoveries/by-token/begin", token=secret) == (200, begun)
    [row] = AccountRecovery.objects.all()
    assert clara.cookies == {}
    assert told(hotels.olivia.email)[-1] == "Somebody recovers the account of Olivia"
    assert call(olivia, "GET", "me/recovery")[1]["recovery"] == begun["recovery"]
    assert call(hotels.vera.browser(), "GET", "me/recovery") == (200, {"recovery": None})
    assert call(hotels.vera.browser(), "DELETE", "me/recovery")[0] == 200
    assert ended(row.pk) == ("pending", "")
    for _ in range(2):
        assert call(olivia, "DELETE", "me/recovery") == (200, {"recovery": None})
    assert ended(row.pk) == ("revoked", "holder_was_there")
    status, refusal = call(clara, "POST", "recoveries/by-token/begin", token=secret)
    assert (status, refusal["code"]) == (409, "conflict")
    assert call(clara, "POST", "recoveries/by-token/stop", token=secret)[0] == 200
    actions = Entry.objects.filter(action__startswith="recovery.").order_by("sequence").values_list("action", flat=True)
    assert list(actions) == ["recovery.begun", "recovery.ended"]


def test_whose_secret_is_none_reads_the_same_404(hotels: cast.Hotels, secret: str) -> None:
    """N16, N9: guessed, void, of who has not said yes, of who was taken off, of a closed account; by a token never."""
    services.add_recovery_contact(hotels.olivia.actor, address="dora@example.org", name="Dora")
    unanswered = secret_sent("dora@example.org")
    call(Client(), "POST", "recoveries/by-token/begin", token=secret)
    [row] = AccountRecovery.objects.all()
    refusals = []
    for act in ("begin", "stop"):
        for wrong in ("guessed", unanswered, secret.swapcase(), ""):
            refusals.append(call(Client(), "POST", f"recoveries/by-token/{act}", token=wrong))
            refusals.append(call(hotels.xena.browser(), "POST", f"recoveries/by-token/{act}", token=wrong))
        assert call(hotels.sam.api(), "POST", f"recoveries/by-token/{act}", token=secret)[0] == 403
        foreign = hotels.sam.browser().post(
            f"/api/v1/recoveries/by-token/{act}",
            {"token": secret},
            content_type="application/json",
            headers={"sec-fetch-site": "cross-site"},
        )
        assert foreign.status_code == 403  # N8
    assert ended(row.pk) == ("pending", "")
    [contact] = [one for one in list_recovery_contacts(hotels.olivia.actor) if one.address == CLARA]
    services.remove_recovery_contact(hotels.olivia.actor, contact=contact.id)
    refusals += [call(Client(), "POST", f"recoveries/by-token{act}", token=secret) for act in ("", "/begin", "/stop")]
    assert {status for status, _problem in refusals} == {404}
    assert len({str(problem) for _status, problem in refusals}) == 1
    # A dismissed contact's beginning leads nowhere, whoever comes first.
    with clock.moved_by(WAIT + DAY):
        services.settle_recoveries()
    assert ended(row.pk) == ("revoked", "no_contact")
    assert Account.objects.get(pk=hotels.olivia.id).has_usable_password()


def test_a_closed_account_is_not_recovered(hotels: cast.Hotels, secret: str) -> None:
    """Closed or disabled: nobody begins, and what was begun is over."""
    recovery = begin(secret)
    disable_account(system("operator"), account=hotels.olivia.id)
    assert call(Client(), "POST", "recoveries/by-token", token=secret)[0] == 404
    with pytest.raises(NotFound):
        begin(secret)
    with clock.moved_by(WAIT + DAY):
        services.settle_recoveries()
    assert ended(recovery) == ("revoked", "no_contact")
    assert "Set a new password, and come in again" not in told(hotels.olivia.email)


def test_a_frozen_house_keeps_nobody_out_of_his_account(hotels: cast.Hotels, secret: str) -> None:
    """Threats §5: a freeze stops watching and rights. Its owner's way in is neither, and he is needed to end it."""
    freeze_organization(hotels.sam.actor, organization=hotels.id)
    recovery = begin(secret)
    with clock.moved_by(WAIT + DAY):
        services.settle_recoveries()
    assert ended(recovery) == ("accepted", "")


def test_beginning_and_taking_back_is_no_way_to_shout(hotels: cast.Hotels, secret: str) -> None:
    """Threats, row `recovery`: each beginning is told to everybody, by every way. Three times a month is enough."""
    for _ in range(3):
        begin(secret)
        services.stop_recovery(nobody(""), token=secret)
    with pytest.raises(Conflict):
        begin(secret)
    with clock.moved_by(timedelta(days=31)):
        begin(secret)


def test_what_is_over_is_not_what_he_began(hotels: cast.Hotels, secret: str) -> None:
    """The one who began is no contact any more, or she is there: before the worker has come by, too."""
    name_contact(hotels.olivia, "dora@example.org")
    other = secret_sent("dora@example.org")
    first = begin(secret)
    services.decline_recovery_contact(nobody(""), token=secret)
    second = begin(other)
    assert second != first
    assert ended(first) == ("revoked", "no_contact")
    with clock.moved_by(timedelta(minutes=1)):
        hotels.olivia.browser()
    with clock.moved_by(timedelta(minutes=2)), pytest.raises(Conflict):
        begin(other)


def test_whoever_moves_the_mail_in_between_is_not_mailed(hotels: cast.Hotels, secret: str) -> None:
    """Threats §5: who sits at her open browser has her mail go elsewhere, within the hour in which it was seen last."""
    recovery = begin(secret)
    Account.objects.filter(pk=hotels.olivia.id).update(
        email="o@example.org", former_email=hotels.olivia.email, email_changed_at=clock.now() + timedelta(minutes=1)
    )
    with clock.moved_by(WAIT + DAY):
        services.settle_recoveries()
    assert ended(recovery) == ("revoked", "holder_was_there")


def test_a_contact_taken_off_at_the_last_moment(hotels: cast.Hotels, secret: str) -> None:
    """N11: dismissed while the worker has it in its hands: it is not carried out."""
    begin(secret)
    in_hand = AccountRecovery.objects.select_related("account").get()
    services.decline_recovery_contact(nobody(""), token=secret)
    with clock.moved_by(WAIT + DAY):
        assert not _carry_out(in_hand)
    assert Account.objects.get(pk=hotels.olivia.id).has_usable_password()
