"""Rights that came back with a backup and wait: they open nothing, their owner's word counts, and silence ends them."""

from datetime import timedelta

import cast
from belvedere.control.access.models import Grant
from belvedere.control.audit.models import Entry
from belvedere.control.backups.services import end_unconfirmed
from belvedere.control.core import clock
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.organizations.models import Membership
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
    assert entry.fields["confirmed"] == [{"account": rita.id, "resource": people.pool}]
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
