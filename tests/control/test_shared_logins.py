"""One sign-in in many places at once (VA 6), and what is known of where somebody watches from (VA 16)."""

from datetime import timedelta

import pytest
from django.core import mail

import cast
from belvedere.contracts import sessions
from belvedere.control.accounts.models import Account
from belvedere.control.accounts.selectors import CROWDED_FOR
from belvedere.control.core import clock
from belvedere.control.core.networks import place_of
from belvedere.control.core.principal import Principal
from belvedere.control.outbox.services import run_due
from belvedere.control.streaming import services
from belvedere.control.streaming.models import ViewingSession
from belvedere.control.streaming.services.shared_logins import MANY, notice_shared_logins
from control.watching import RUN, hello, renew, with_token

# Documentation networks are private to Python: what stands for the world is taken from it.
WORLD = ("8.8.8.8", "9.9.9.9", "1.1.1.1", "2606:4700:1::7", "2606:4700:2::7")


@pytest.fixture(autouse=True)
def node(people: cast.Cast) -> None:
    hello()


def _watch(actor: Principal, camera: str, address: str) -> str:
    url = services.open_ticket(actor, camera=camera).url
    session, secret = url.rpartition("ticket=")[2].split(".")
    services.claim_session("local", sessions.OpenRequest(session, secret, RUN, address, None))
    return session


def _signed_in(person: cast.Person) -> Principal:
    row = Account.objects.get(pk=person.id)
    person.browser()
    session = row.sign_ins.order_by("-created_at").values_list("session_key", flat=True)[0]
    return Principal(id=person.id, name=person.name, email=person.email, credential=f"session:{session}")


def _crowded() -> list[str]:
    notice_shared_logins()
    while run_due():
        pass
    return list(Account.objects.exclude(crowded_at=None).values_list("email", flat=True))


def test_a_login_in_many_places_at_once_is_noticed_and_told_to_its_account_alone(people: cast.Cast) -> None:  # VA-6
    olivia = _signed_in(people.olivia)
    for address in WORLD[: MANY - 1]:
        _watch(olivia, people.courtyard, address)
    assert _crowded() == []  # a phone, a home and an office are one person
    _watch(olivia, people.courtyard, WORLD[MANY])
    mail.outbox.clear()
    assert _crowded() == [people.olivia.email]
    (letter,) = mail.outbox
    assert letter.to == [people.olivia.email]
    assert "share the cameras" in letter.body
    assert not any(address in letter.body for address in WORLD)  # no place is ever named
    assert "share the cameras with them instead" in people.olivia.browser().get("/account").content.decode()
    assert "share the cameras with them instead" not in people.vera.browser().get("/account").content.decode()
    assert "used in several places" in people.olivia.browser().get("/inbox").content.decode()
    assert "used in several places" not in people.vera.browser().get("/inbox").content.decode()
    assert _crowded() == [people.olivia.email]
    assert len(mail.outbox) == 1  # once
    with clock.moved_by(CROWDED_FOR + timedelta(minutes=1)):
        assert "share the cameras with them instead" not in people.olivia.browser().get("/account").content.decode()


def test_it_is_put_away_by_whom_it_is_told(people: cast.Cast) -> None:  # VA-6
    olivia = _signed_in(people.olivia)
    for address in WORLD[:MANY]:
        _watch(olivia, people.courtyard, address)
    _crowded()
    browser = people.olivia.browser()
    assert browser.post("/account/many-places/dismiss").status_code == 302
    for page in ("/account", "/inbox"):
        assert "used in several places" not in browser.get(page).content.decode()
    mail.outbox.clear()
    _crowded()
    assert mail.outbox == []  # it is not told again so soon


def test_what_is_no_passed_on_password(people: cast.Cast) -> None:
    """Many windows of one house, sessions that are over, and programs."""
    olivia = _signed_in(people.olivia)
    for number in range(MANY + 2):
        _watch(olivia, people.courtyard, f"192.168.{number}.9")
    over = [_watch(olivia, people.courtyard, address) for address in WORLD]
    ViewingSession.objects.filter(pk__in=over).update(closed_at=clock.now())
    program = with_token(people.olivia)
    for address in WORLD:
        _watch(program, people.courtyard, address)
    assert _crowded() == []
    assert renew(over[0])[over[0]].is_ended


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("8.8.8.8", "8.8.8.0/24"),
        ("2606:4700:1::7", "2606:4700:1::/48"),
        ("192.168.1.10", "local"),
        ("127.0.0.1", "local"),
        ("fe80::1", "local"),
        ("::ffff:10.0.0.1", "local"),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_a_network_is_known_and_no_address(people: cast.Cast, address: str, network: str) -> None:  # VA-16
    assert place_of(address) == network
    session = _watch(_signed_in(people.olivia), people.courtyard, address)
    assert ViewingSession.objects.get(pk=session).network == network
