"""Recovery contacts: asked by mail or text, good once they said yes, told of every step, and no way in."""

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
from belvedere.control.accounts.recovery import find_asked_contact, list_recovery_contacts, list_routes
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Invalid, NotFound, ReauthenticationRequired
from belvedere.control.core.principal import Principal, nobody
from belvedere.control.handover.services.moving_out import move_out
from belvedere.control.outbox.services import run_due

CLARA = "clara@example.org"


def secret_sent(to: str = CLARA) -> str:
    """The secret of the last mail to a contact."""
    run_due()
    [body] = [str(row.body) for row in mail.outbox if row.to == [to] and "/recovery/" in str(row.body)][-1:]
    found = re.search(r"/recovery/([\w-]{40,})", body)
    assert found, body
    return found[1]


def told(to: str) -> list[str]:
    """Subjects of the mails to somebody."""
    run_due()
    return [str(row.subject) for row in mail.outbox if row.to == [to]]


def name_contact(person: cast.Person, address: str = CLARA) -> str:
    """Somebody's contact, who said yes; its id."""
    contact = services.add_recovery_contact(person.actor, address=address, name="My sister Clara")
    services.confirm_recovery_contact(nobody("192.0.2.7"), token=secret_sent(address))
    return contact


def test_a_contact_counts_once_he_said_yes(people: cast.Cast) -> None:
    """VA-11: recorded, confirmed. GET of the link changes nothing (N10)."""
    browser = people.olivia.browser()
    answer = browser.post("/account/recovery", {"address": " Clara@Example.org", "name": "My sister Clara"})
    assert answer.headers["Location"] == "/account/recovery"
    [contact] = list_recovery_contacts(people.olivia.actor)
    assert (contact.address, contact.is_confirmed, contact.is_waiting) == (CLARA, False, True)
    assert CLARA not in list_routes(people.olivia.id)
    secret = secret_sent()
    clara = Client()
    for _ in range(2):
        page = clara.get(f"/recovery/{secret}")
        assert page.status_code == 200
        assert "Olivia" in page.content.decode()
    assert not list_recovery_contacts(people.olivia.actor)[0].is_confirmed
    assert clara.post(f"/recovery/{secret}/confirm").status_code == 302
    assert list_recovery_contacts(people.olivia.actor)[0].is_confirmed
    assert list_routes(people.olivia.id) == [people.olivia.email, CLARA]
    assert "You have a recovery contact" in told(people.olivia.email)
    assert "_auth_user_id" not in clara.session
    assert "My sister Clara" in browser.get("/account/recovery").content.decode()


def test_a_contact_says_no_now_or_later(people: cast.Cast) -> None:
    name_contact(people.olivia)
    secret = secret_sent()
    clara = Client()
    assert clara.post(f"/recovery/{secret}/decline").status_code == 200
    assert list_recovery_contacts(people.olivia.actor) == []
    assert clara.get(f"/recovery/{secret}").status_code == 404
    assert "Somebody is no recovery contact of yours" in told(people.olivia.email)
    with pytest.raises(NotFound):
        services.confirm_recovery_contact(nobody(""), token=secret)


def test_a_contact_is_corrected_and_told(people: cast.Cast) -> None:
    """VA-11: correctable later. Who was taken off hears of nothing any more, but of that."""
    contact = name_contact(people.olivia)
    with pytest.raises(NotFound):
        services.remove_recovery_contact(people.xena.actor, contact=contact)
    services.remove_recovery_contact(people.olivia.actor, contact=contact)
    assert told(CLARA)[-1] == "You are no recovery contact of Olivia any more"
    assert told(people.olivia.email)[-1] == "A recovery contact was removed"
    assert list_routes(people.olivia.id) == [people.olivia.email]
    actions = Entry.objects.filter(action__startswith="recovery_contact").order_by("sequence")
    assert list(actions.values_list("action", flat=True)) == [
        "recovery_contact.asked",
        "recovery_contact.confirmed",
        "recovery_contact.removed",
    ]
    assert not any(CLARA in str(row.fields) for row in actions)


def test_a_question_is_good_for_a_week_and_asked_again(people: cast.Cast) -> None:
    services.add_recovery_contact(people.olivia.actor, address=CLARA, name="Clara")
    old = secret_sent()
    with clock.moved_by(timedelta(days=8)):
        asked = find_asked_contact(old)
        assert asked
        assert asked.is_over
        with pytest.raises(Conflict):
            services.confirm_recovery_contact(nobody(""), token=old)
        services.add_recovery_contact(people.olivia.actor, address=CLARA, name="Clara")
        new = secret_sent()
        assert find_asked_contact(old) is None
        services.confirm_recovery_contact(nobody(""), token=new)
    assert len(list_recovery_contacts(people.olivia.actor)) == 1


def test_a_number_is_a_contact_too(people: cast.Cast, settings: Any, tmp_path: Path) -> None:
    """VA-11: e-mail or phone route."""
    settings.BELVEDERE = Settings.from_env({"BELVEDERE_DATA": str(tmp_path)})
    services.add_recovery_contact(people.olivia.actor, address="+34 600 123 456", name="Clara")
    run_due()
    text = max((tmp_path / "outbox").glob("text-*.txt")).read_text(encoding="utf-8")
    assert text.startswith("To: +34600123456\n")
    found = re.search(r"/recovery/([\w-]{40,})", text)
    assert found
    services.confirm_recovery_contact(nobody(""), token=found[1])
    assert list_routes(people.olivia.id) == [people.olivia.email, "+34600123456"]


def test_naming_wants_a_fresh_proof_and_another_way(people: cast.Cast) -> None:
    stale = Principal(id=people.olivia.id, name="Olivia")
    with pytest.raises(ReauthenticationRequired):
        services.add_recovery_contact(stale, address=CLARA, name="Clara")
    for address in (people.olivia.email, "600123456", "nobody"):
        with pytest.raises(Invalid):
            services.add_recovery_contact(people.olivia.actor, address=address, name="Clara")
    for number in range(3):
        services.add_recovery_contact(people.olivia.actor, address=f"c{number}@example.org", name="C")
    with pytest.raises(Conflict):
        services.add_recovery_contact(people.olivia.actor, address=CLARA, name="Clara")


def test_moving_out_leaves_no_contact_behind(hotels: cast.Hotels) -> None:
    """Threats D3: who moves out is told of nothing any more; in silence, not of this either."""
    name_contact(hotels.olivia, hotels.vera.email)
    mail.outbox.clear()
    move_out(hotels.olivia.actor, account=hotels.vera.id, is_silent=True)
    assert list_recovery_contacts(hotels.olivia.actor) == []
    assert told(hotels.vera.email) == []
