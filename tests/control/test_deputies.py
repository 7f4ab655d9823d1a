"""A deputy owner: named and agreed, fourteen days in the open, ended by one word or by the owner's being there."""

import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

import cast
from belvedere.config import Settings
from belvedere.control.access.roles import Role
from belvedere.control.accounts import services as accounts
from belvedere.control.accounts.models import Account, Phone, RecoveryContact
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Frozen, Invalid, NotFound, ReauthenticationRequired
from belvedere.control.core.principal import Principal, nobody
from belvedere.control.organizations import services
from belvedere.control.organizations.models import OwnershipClaim
from belvedere.control.organizations.selectors import get_deputizing, get_owner, list_organizations
from belvedere.control.outbox.models import Message
from belvedere.control.outbox.services import run_due
from control.test_at_once import at_once

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _told_nothing_yet() -> None:
    mail.outbox.clear()


def told(to: str) -> list[str]:
    """Subjects of the mails to somebody, since this was asked last."""
    run_due()
    found = [str(row.subject) for row in mail.outbox if row.to == [to]]
    mail.outbox[:] = [row for row in mail.outbox if row.to != [to]]
    return found


@pytest.fixture
def agreed(hotels: cast.Hotels) -> cast.Hotels:
    """Sam is Olivia's deputy, and everything was told."""
    services.name_deputy(hotels.olivia.actor, organization=hotels.id, account=hotels.sam.id)
    services.agree_to_deputize(hotels.sam.actor, organization=hotels.id)
    run_due()
    mail.outbox.clear()
    return hotels


def claim(hotels: cast.Hotels) -> str:
    return services.claim_ownership(hotels.sam.actor, organization=hotels.id)


def state(pk: str) -> tuple[str, str]:
    row = OwnershipClaim.objects.get(pk=pk)
    return row.state, row.ended_reason


def test_he_is_asked_and_agrees(hotels: cast.Hotels) -> None:
    """Nobody is deputy without his word, and nobody but the owner names one."""
    olivia, sam, hotel = hotels.olivia, hotels.sam, hotels.id
    # Who stands in for whom is the owners' business: a recovery contact hears of claims, and not of this.
    RecoveryContact.objects.create(
        account_id=olivia.id,
        address="clara@example.org",
        name="Clara",
        created_at=clock.now(),
        confirmed_at=clock.now(),
        expires_at=clock.now(),
    )
    for who, account, refusal in (
        (sam, sam, Forbidden),
        (hotels.ada, sam, Forbidden),
        (hotels.xena, sam, NotFound),
        (olivia, hotels.ada, Invalid),
        (olivia, olivia, Invalid),
        (olivia, hotels.xena, Invalid),
    ):
        with pytest.raises(refusal):
            services.name_deputy(who.actor, organization=hotel, account=account.id)
    with pytest.raises(ReauthenticationRequired):
        services.name_deputy(Principal(id=olivia.id, name="Olivia"), organization=hotel, account=sam.id)
    deputy = services.name_deputy(olivia.actor, organization=hotel, account=sam.id)
    assert services.name_deputy(olivia.actor, organization=hotel, account=sam.id) == deputy
    assert told(sam.email) == ["Olivia asks you to be the deputy owner of Harbour Hotels"]
    # Who is asked already is not offered to be asked: it would say so, and send nothing.
    page = olivia.browser().get(f"/organizations/{hotel}/deputy").content.decode()
    assert ("Has not answered yet" in page, f'<option value="{sam.id}"' in page) == (True, False)
    with pytest.raises(Forbidden):
        claim(hotels)
    services.agree_to_deputize(sam.actor, organization=hotel)
    assert told(olivia.email) == ["Harbour Hotels has a deputy owner"]
    assert told("clara@example.org") == []
    view = get_deputizing(olivia.actor, hotel).deputy
    assert view
    assert (view.account.name, view.has_agreed) == ("Sam", True)
    for outsider, refusal in ((hotels.ada, Forbidden), (hotels.xena, NotFound)):
        with pytest.raises(refusal):
            get_deputizing(outsider.actor, hotel)
    services.end_deputy(olivia.actor, organization=hotel)
    assert told(sam.email)[-1] == "Harbour Hotels has no deputy owner any more"
    assert told("clara@example.org") == []


def test_after_fourteen_days_he_owns_it(agreed: cast.Hotels, settings: Any, tmp_path: Path) -> None:
    """All channels told on the first day and again; then everything in one transaction. VV-31: one owner, always."""
    settings.BELVEDERE = Settings.from_env({"BELVEDERE_DATA": str(tmp_path)})
    olivia, sam = agreed.olivia, agreed.sam
    Phone.objects.create(account_id=olivia.id, number="+34600123456", created_at=clock.now(), verified_at=clock.now())
    accounts.add_recovery_contact(olivia.actor, address="clara@example.org", name="Clara")
    run_due()
    found = re.search(r"/recovery/([\w-]{40,})", str(mail.outbox[-1].body))
    assert found
    accounts.confirm_recovery_contact(nobody(""), token=found[1])
    run_due()
    mail.outbox.clear()
    pk = claim(agreed)
    assert claim(agreed) == pk
    texts = tmp_path / "outbox"
    for days, subject in ((0, "Sam claims to own Harbour Hotels"), (7, "On "), (13, "On ")):
        with clock.moved_by(days * DAY):
            services.settle_ownership_claims()
            services.settle_ownership_claims()
            for to in (olivia.email, "clara@example.org", sam.email):
                [said] = told(to)
                assert said.startswith(subject)
            assert len(list(texts.glob("text-*.txt"))) == {0: 1, 7: 2, 13: 3}[days]
    with clock.moved_by(14 * DAY - timedelta(seconds=5)):
        services.settle_ownership_claims()
        assert get_owner(agreed.id) == olivia.id
    with clock.moved_by(14 * DAY):
        assert services.settle_ownership_claims() == 1
        assert services.settle_ownership_claims() == 0
    assert get_owner(agreed.id) == sam.id
    assert state(pk)[0] == "accepted"
    roles = {row.name: row.role for row in list_organizations(olivia.actor)}
    assert roles["Harbour Hotels"] == Role.SUPER_ADMIN
    with clock.moved_by(15 * DAY):
        assert told(olivia.email) == ["Sam owns Harbour Hotels"]
    # Whom the former owner named is nobody's deputy.
    assert get_deputizing(sam.actor, agreed.id).deputy is None
    actions = Entry.objects.filter(chain_id=agreed.id).order_by("sequence").values_list("action", flat=True)
    assert list(actions)[-5:] == [
        "deputy.named",
        "deputy.agreed",
        "ownership_claim.made",
        "organization.owner_changed",
        "ownership_claim.carried_out",
    ]


def test_the_owner_signs_in_and_it_is_over(agreed: cast.Hotels) -> None:
    """N4: a deputy's claim dies at the owner's sign-in, on the last day, too. N39: nothing of it was given before."""
    pk = claim(agreed)
    with clock.moved_by(14 * DAY - timedelta(minutes=1)):
        agreed.olivia.browser()
    with clock.moved_by(15 * DAY):
        services.settle_ownership_claims()
        assert told(agreed.sam.email)[-1] == "Harbour Hotels does not change hands"
    assert state(pk) == ("revoked", "owner_was_there")
    assert get_owner(agreed.id) == agreed.olivia.id


def test_a_browser_that_is_signed_in_shows_her_too(agreed: cast.Hotels) -> None:
    browser = agreed.olivia.browser()
    with clock.moved_by(DAY):
        pk = claim(agreed)
        services.settle_ownership_claims()
        assert state(pk)[0] == "pending"
    with clock.moved_by(3 * DAY):
        assert "claims this organization" in browser.get("/").content.decode()
        services.settle_ownership_claims()
    assert state(pk) == ("revoked", "owner_was_there")


@pytest.mark.parametrize("who", ["olivia", "tess"])
def test_one_word_of_who_watches_over_it_ends_it(agreed: cast.Hotels, who: str) -> None:
    """Objected by the owner or any Super Admin; not again for thirty days. Whoever is less has no word."""
    tess = cast.make("tess")
    agreed.join(tess, Role.SUPER_ADMIN, everywhere=True)
    pk = claim(agreed)
    with pytest.raises(Forbidden):
        services.end_ownership_claim(agreed.ada.actor, organization=agreed.id)
    with pytest.raises(NotFound):
        services.end_ownership_claim(agreed.xena.actor, organization=agreed.id)
    objector = tess if who == "tess" else agreed.olivia
    for _ in range(2):
        services.end_ownership_claim(objector.actor, organization=agreed.id)
    assert state(pk)[0] == "rejected"
    with pytest.raises(Conflict):
        claim(agreed)
    with clock.moved_by(31 * DAY):
        assert claim(agreed) != pk


def test_it_ends_with_what_it_rests_on(agreed: cast.Hotels) -> None:
    """No deputy, no claim: taken back by the owner, given up by himself, no Super Admin any more."""
    pk = claim(agreed)
    services.end_deputy(agreed.olivia.actor, organization=agreed.id)
    assert state(pk) == ("revoked", "dismissed")
    services.name_deputy(agreed.olivia.actor, organization=agreed.id, account=agreed.sam.id)
    services.agree_to_deputize(agreed.sam.actor, organization=agreed.id)
    pk = claim(agreed)
    wish = services.Wish(role=Role.VIEWER, sites="all")
    services.change_member(agreed.olivia.actor, member=agreed.member(agreed.sam), wish=wish)
    with clock.moved_by(15 * DAY):
        services.settle_ownership_claims()
    assert state(pk) == ("revoked", "no_deputy")
    assert get_owner(agreed.id) == agreed.olivia.id
    with pytest.raises(Forbidden):
        claim(agreed)


def test_claiming_in_vain_is_no_way_to_shout(agreed: cast.Hotels) -> None:
    """Threats, row `recovery`: taken back, or over since the owner was there; each was told by every way."""
    for _ in range(2):
        claim(agreed)
        services.end_ownership_claim(agreed.sam.actor, organization=agreed.id)
    claim(agreed)
    with clock.moved_by(timedelta(minutes=1)):
        agreed.olivia.browser()
    with clock.moved_by(DAY):
        services.settle_ownership_claims()
        with pytest.raises(Conflict):
            claim(agreed)
    with clock.moved_by(32 * DAY):
        claim(agreed)


def test_claimed_while_he_is_dismissed(agreed: cast.Hotels) -> None:
    """N11: whoever comes first, no claim is left that rests on nobody."""
    at_once(
        partial(services.claim_ownership, agreed.sam.actor, organization=agreed.id),
        partial(services.end_deputy, agreed.olivia.actor, organization=agreed.id),
    )
    assert not OwnershipClaim.objects.filter(state="pending").exists()


def test_agreeing_to_thaw_is_told_once(hotels: cast.Hotels) -> None:
    """Threats §5: one side's word, said ten times, is one message to the other."""
    services.freeze_organization(hotels.sam.actor, organization=hotels.id)
    told(hotels.olivia.email)
    for _ in range(3):
        assert not services.thaw_organization(hotels.sam.actor, organization=hotels.id)
    assert len(told(hotels.olivia.email)) == 1
    assert Entry.objects.filter(action="organization.thaw_agreed").count() == 1


@pytest.mark.parametrize("how", ["removed", "lowered"])
def test_who_comes_back_is_asked_anew(agreed: cast.Hotels, how: str) -> None:
    """A member who left, or was less for a while, is no deputy again without a word; nor by a backup (D3)."""
    olivia, sam = agreed.olivia, agreed.sam
    member = agreed.member(sam)
    if how == "removed":
        services.remove_member(olivia.actor, member=member)
        agreed.join(sam, Role.SUPER_ADMIN, everywhere=True)
    else:
        for role in (Role.VIEWER, Role.SUPER_ADMIN):
            services.change_member(olivia.actor, member=member, wish=services.Wish(role=role, sites="all"))
    assert get_deputizing(olivia.actor, agreed.id).deputy is None
    with pytest.raises(Forbidden):
        claim(agreed)
    assert Message.objects.filter(kind="lost.helper").count() == 1


def test_nothing_changes_hands_while_frozen(agreed: cast.Hotels) -> None:
    pk = claim(agreed)
    with clock.moved_by(13 * DAY):
        services.freeze_by_operator(nobody(""), organization=agreed.id)
    with clock.moved_by(15 * DAY):
        services.settle_ownership_claims()
        assert state(pk)[0] == "pending"
    with clock.moved_by(17 * DAY):
        services.settle_ownership_claims()
        assert state(pk)[0] == "accepted"
        services.freeze_by_operator(nobody(""), organization=agreed.id)
        with pytest.raises(Frozen):
            services.name_deputy(agreed.sam.actor, organization=agreed.id, account=agreed.olivia.id)


def test_a_disabled_deputy_is_none(agreed: cast.Hotels) -> None:
    pk = claim(agreed)
    Account.objects.filter(pk=agreed.sam.id).update(is_active=False)
    with clock.moved_by(15 * DAY):
        services.settle_ownership_claims()
    assert state(pk) == ("revoked", "no_deputy")
