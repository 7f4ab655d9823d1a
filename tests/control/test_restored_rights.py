"""Rights that came back with a backup and wait: they open nothing, their owner's word counts, and silence ends them."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction

import cast
from belvedere.control.access.models import Freeze, Grant
from belvedere.control.accounts import services as accounts
from belvedere.control.accounts.models import Phone, RecoveryContact
from belvedere.control.accounts.recovery import list_recovery_contacts
from belvedere.control.audit.models import Entry
from belvedere.control.backups import journal
from belvedere.control.backups.replaying import unlearn
from belvedere.control.backups.services import end_unconfirmed
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import system
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.organizations import services as organizations
from belvedere.control.organizations.models import Deputy, Membership
from belvedere.control.organizations.selectors import find_freeze
from belvedere.control.organizations.selectors.deputies import find_deputy
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.models import Share


def suspend(*persons: cast.Person) -> dict[str, str]:
    """As a restore leaves what these hold from others; resource → id of the grant."""
    for person in persons:
        rows = Grant.objects.filter(principal=person.id, ended_at=None).exclude(created_by=person.id)
        rows.update(suspended_at=clock.now())
    waiting = Grant.objects.filter(ended_at=None, suspended_at__isnull=False)
    return dict(waiting.values_list("resource", "pk"))


def sees(person: cast.Person) -> set[str]:
    return {view.id for view in list_cameras(person.actor)}


def test_the_owner_says_on_the_page_what_holds(people: cast.Cast) -> None:
    """D3: people × cameras, some or all; a fresh proof; who is not the owner finds nothing."""
    olivia, rita, vera = people.olivia, people.rita, people.vera
    olivia.share(rita, people.courtyard, people.pool)
    waiting = suspend(rita, vera)
    assert (sees(rita), sees(vera)) == (set(), set())
    address = f"/organizations/{olivia.organization}/restored"
    browser = olivia.browser()
    assert address in browser.get("/inbox").content.decode()
    page = browser.get(address).content.decode()
    assert all(word in page for word in (*waiting.values(), "Courtyard", "Pool", "Counter", "Rita", "Vera"))
    assert rita.browser().get(address).status_code == 404
    assert rita.browser().post(f"{address}/confirm", {"right": [*waiting.values()]}).status_code == 404

    with clock.moved_by(timedelta(minutes=11)):
        asked = browser.post(f"{address}/confirm", {"right": waiting[people.pool]})
        assert asked.headers["Location"].startswith("/account/reauthenticate")
    assert sees(rita) == set()
    assert browser.post(f"{address}/confirm", {"right": waiting[people.pool]}).headers["Location"] == address
    assert (sees(rita), sees(vera)) == ({people.pool}, set())
    page = browser.get(address).content.decode()
    assert waiting[people.pool] not in page
    assert waiting[people.courtyard] in page
    entry = Entry.objects.get(action="rights.confirmed")
    assert (entry.fields or {})["confirmed"] == [{"account": rita.id, "resource": people.pool}]
    assert entry.chain_id == olivia.organization


def test_a_program_does_not_say_what_holds(hotels: cast.Hotels) -> None:
    """The API, for the owner himself: no token, no Super Admin, and no right of another organization."""
    people, olivia = hotels.people, hotels.olivia
    olivia.share(hotels.rita, people.courtyard)
    waiting = suspend(hotels.rita)
    address = f"/api/v1/organizations/{olivia.organization}/suspended-rights"
    of_hotels = f"/api/v1/organizations/{hotels.id}/suspended-rights"
    body = {"rights": [*waiting.values()]}
    for client, path, status in (
        (olivia.api(), address, 403),
        (hotels.sam.browser(), of_hotels, 403),
        (hotels.vera.browser(), of_hotels, 403),
        (hotels.xena.browser(), address, 404),
    ):
        assert client.get(path).status_code == status
        assert client.post(path, body, "application/json").status_code == status
    browser = olivia.browser()
    assert browser.post(of_hotels, body, "application/json").json()["items"] == [], "they are not of this one"
    assert sees(hotels.rita) == set()
    [item] = browser.get(address).json()["items"]
    assert (item["id"], item["resource"], item["person"]["id"]) == (
        waiting[people.courtyard],
        people.courtyard,
        hotels.rita.id,
    )
    for _ in range(2):
        assert browser.post(address, body, "application/json").json() == {"items": [], "next": None}
    assert sees(hotels.rita) == {people.courtyard}
    assert Entry.objects.filter(action="rights.confirmed").count() == 1


def test_what_nobody_confirms_ends_after_thirty_days(hotels: cast.Hotels) -> None:
    """D3: with what gave it, so that nothing is projected anew; what was confirmed goes on."""
    people, olivia, rita, omar = hotels.people, hotels.olivia, hotels.rita, hotels.omar
    member = hotels.member(omar)
    share = olivia.share(rita, people.courtyard)
    waiting = suspend(rita, omar, hotels.vera)
    confirmed = {"rights": [waiting[people.counter]]}
    address = f"/api/v1/organizations/{olivia.organization}/suspended-rights"
    olivia.browser().post(address, confirmed, "application/json")

    with clock.moved_by(timedelta(days=29, hours=23)):
        end_unconfirmed()
        assert Grant.objects.filter(ended_reason="unconfirmed").count() == 0
    with clock.moved_by(timedelta(days=30, minutes=1)):
        end_unconfirmed()
        end_unconfirmed()
        run_due()
        assert not Grant.objects.filter(ended_at=None, suspended_at__isnull=False).exists()
        assert Share.objects.values_list("state", "ended_reason").get(pk=share) == ("revoked", "unconfirmed")
        assert not Membership.objects.get(pk=member).is_active
        assert Share.objects.values_list("state", flat=True).get(pk=people.veras_share) == "accepted"
        assert sees(hotels.vera) == {people.counter}
        entries = Entry.objects.filter(action="rights.unconfirmed").values_list("chain", flat=True)
        assert sorted(entries) == sorted([olivia.organization, hotels.id])


def test_who_was_dismissed_does_not_come_back_as_a_helper(hotels: cast.Hotels) -> None:
    """D3: a deputy claims an organization, a contact begins a recovery: both are ways in. A freeze ends as it ended."""
    olivia, sam, home = hotels.olivia.actor, hotels.sam.actor, hotels.olivia.organization
    folder = settings.BELVEDERE.journal_folder
    deputy = organizations.name_deputy(olivia, organization=hotels.id, account=hotels.sam.id)
    organizations.agree_to_deputize(sam, organization=hotels.id)
    address = {"address": "clara@example.org", "name": "Clara"}
    contact = accounts.add_recovery_contact(olivia, **address)
    place = journal.begin(folder)

    phone = Phone.objects.create(account_id=hotels.olivia.id, number="+34600000001", created_at=clock.now())
    accounts.remove_phone(olivia, phone=phone.pk)
    organizations.end_deputy(sam, organization=hotels.id)
    accounts.remove_recovery_contact(olivia, contact=contact)
    organizations.freeze_organization(sam, organization=hotels.id)
    frozen = Freeze.objects.get()
    organizations.freeze_organization(olivia, organization=home)
    thawed = Freeze.objects.get(organization=home)
    organizations.thaw_organization(olivia, organization=home)
    kept = journal.read(folder)
    assert kept
    lines = kept.since(place)
    assert lines
    assert [line.kind for line in lines] == ["account", "helper", "helper", "freeze", "freeze", "freeze"]
    assert "example.org" not in str(lines)

    def put_back() -> None:
        """As it was when the backup was made, or a little later."""
        at = clock.now()
        Deputy.objects.filter(pk=deputy).update(state="accepted", ended_at=None, ended_by="", ended_reason="")
        RecoveryContact.objects.create(
            pk=contact, account_id=hotels.olivia.id, created_at=at, confirmed_at=at, expires_at=at, **address
        )
        phone.save(force_insert=True)
        Freeze.objects.filter(pk=frozen.pk).delete()
        Freeze.objects.filter(pk=thawed.pk).update(ends_at=thawed.ends_at)

    put_back()
    with transaction.atomic():
        unlearn(system("test"), lines)
    assert (find_deputy(hotels.id), RecoveryContact.objects.count(), Phone.objects.count()) == (None, 0, 0)
    assert find_freeze(home) is None
    again = find_freeze(hotels.id)
    assert again
    assert (again.ends_at, again.change_id) == (frozen.ends_at, frozen.change_id)

    put_back()
    with transaction.atomic():
        unlearn(system("test"), None)
    assert find_deputy(hotels.id) is None
    assert [row.is_confirmed for row in list_recovery_contacts(olivia)] == [False], "he is asked again"


def test_a_role_that_waits_decides_nothing(hotels: cast.Hotels) -> None:
    """D3: what a role alone decides (a freeze, a deputy, an objection) waits with the rights of it."""
    olivia, sam, pk = hotels.olivia.actor, hotels.sam.actor, hotels.id
    organizations.name_deputy(olivia, organization=pk, account=hotels.sam.id)
    organizations.agree_to_deputize(sam, organization=pk)
    assert find_deputy(pk)
    waiting = Grant.objects.filter(resource=pk, principal__in=[hotels.sam.id, hotels.olivia.id])
    waiting.update(suspended_at=clock.now())
    assert find_deputy(pk) is None
    for actor in (olivia, sam):
        for act in (
            organizations.freeze_organization,
            organizations.thaw_organization,
            organizations.claim_ownership,
            organizations.end_ownership_claim,
            organizations.end_deputy,
        ):
            with pytest.raises(NotFound):
                act(actor, organization=pk)
    waiting.update(suspended_at=None)
    assert find_deputy(pk)
    organizations.freeze_organization(sam, organization=pk)
