"""The pages of being told: one's own choices, one's inbox, and the owner's table of who is told about what."""

import re
from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant, Origin
from belvedere.control.accounts.models import Account
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id
from belvedere.control.devices.models import Camera, Device
from belvedere.control.notifications.selectors import get_preferences, list_lines
from belvedere.control.organizations.models import Organization
from control.told import happen, tell

LIVE_AND_NEWS = Permission.LIVE_VIEW | Permission.NOTIFY


def told(shown: str) -> set[tuple[str, str, str]]:
    """(person, camera, of what) of the table."""
    found = set()
    for row in re.findall(r'<tr role="row"><th role="rowheader".*?</tr>', shown, re.DOTALL):
        name = re.findall(r'person-name is-cut"><bdi>(.*?)</bdi>', row)[0]
        cells = re.findall(r'cell-name">(.*?)</bdi><span class="chip is-good">(.*?)</span>', row)
        found |= {(name, camera, what) for camera, what in cells}
    return found


def test_the_owners_table(people: cast.Cast) -> None:
    """VA-17: who is told of what; parts of names lead to some of it; nobody else has it."""
    people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    browser = people.olivia.browser()
    whole = told(browser.get("/notifications/matrix").content.decode())
    assert ("Rita", "Courtyard", "What happens there") in whole
    assert {camera for person, camera, _what in whole if person == "Rita"} == {"Courtyard"}
    assert ("Olivia", "Pool", "Everything") in whole
    some = told(browser.get("/notifications/matrix", {"person": "rita@", "thing": "COURT"}).content.decode())
    assert some == {("Rita", "Courtyard", "What happens there")}
    nobody = browser.get("/notifications/matrix", {"person": "nobody"}).content.decode()
    assert "Nobody and nothing like that" in nobody
    assert people.rita.browser().get("/notifications/matrix").status_code == 404  # VA-4


def test_fifty_people_and_a_hundred_cameras(people: cast.Cast) -> None:
    """A number of queries that does not grow, and a page that a phone can take."""
    browser = people.olivia.browser()
    browser.get("/notifications/matrix")
    with CaptureQueriesContext(
        connection,
    ) as few:
        browser.get("/notifications/matrix")
    _fill(people, cameras=97, persons=49)
    with CaptureQueriesContext(connection) as many:
        answer = browser.get("/notifications/matrix")
    shown = answer.content.decode()
    assert shown.count('role="rowheader"') == 50
    assert shown.count('role="columnheader"') == 101
    assert len(many) <= len(few) + 2
    assert len(answer.content) < 1_500_000


def _fill(people: cast.Cast, *, cameras: int, persons: int) -> None:
    """As many more of each, everybody told of every second camera."""
    at, like = clock.now(), Camera.objects.select_related("device").get(pk=people.pool)
    made = []
    for number in range(cameras):
        device = Device.objects.create(
            site_id=like.site_id, organization_id=like.organization_id, name=f"Bay {number}", created_at=at
        )
        made.append(
            Camera(
                device=device,
                site_id=like.site_id,
                organization_id=like.organization_id,
                name=f"Bay {number}",
                created_at=at,
            )
        )
    Camera.objects.bulk_create(made)
    accounts = [Account(email=f"{number}@example.org", name=f"Person {number}") for number in range(persons)]
    Account.objects.bulk_create(accounts)
    Grant.objects.bulk_create(
        Grant(
            principal=account.pk,
            resource=camera.pk,
            permissions=int(LIVE_AND_NEWS),
            origin=Origin.SHARE,
            origin_id=new_id(),
            created_at=at,
            created_by="",
        )
        for account in accounts
        for camera in made[::2]
    )


def test_a_line_has_a_picture_for_who_may_look_back(people: cast.Cast) -> None:
    """HC-2: live alone is no look into the past, and neither is being told."""
    people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    happen(people.courtyard)
    tell()
    pictures = {}
    for person in (people.olivia, people.rita):
        [line] = list_lines(person.actor).items
        shown = person.browser().get("/inbox").content.decode()
        assert f"/notifications/{line.id}" in shown
        pictures[person.name] = f"/notifications/{line.id}/picture.jpg" in shown
    assert pictures == {"Olivia": True, "Rita": False}


def test_a_line_leads_to_the_instant(people: cast.Cast) -> None:
    happen(people.courtyard)
    tell()
    [line] = list_lines(people.olivia.actor).items
    led = people.olivia.browser().get(f"/notifications/{line.id}")
    assert led["Location"] == f"/cameras/{people.courtyard}#at={line.began_at.timestamp():.3f}&told={line.id}"


def test_quiet_hours_are_chosen_where_one_lives(people: cast.Cast) -> None:
    """The zone is one of a list, at first the organization's; what is none is refused."""
    Organization.objects.filter(owner_id=people.olivia.id).update(time_zone="Europe/Lisbon")
    browser = people.olivia.browser()
    shown = browser.get("/account/notifications").content.decode()
    assert '<option value="Europe/Lisbon" selected>' in shown
    night = {"from": "22:00", "to": "06:30", "zone": "Atlantic/Canary"}
    assert browser.post("/account/notifications/quiet", night).status_code == 302
    shown = browser.get("/account/notifications").content.decode()
    assert '<option value="Atlantic/Canary" selected>' in shown
    assert "data-own-zone" not in shown
    assert browser.post("/account/notifications/quiet", night | {"zone": "Nowhere"}).status_code == 422
    browser.post("/account/notifications/snooze", {"hours": "8"})
    until = get_preferences(people.olivia.actor).snooze_until
    assert until
    assert abs(until - clock.now() - timedelta(hours=8)) < timedelta(minutes=1)
    browser.post("/account/notifications/snooze")
    assert get_preferences(people.olivia.actor).snooze_until is None
