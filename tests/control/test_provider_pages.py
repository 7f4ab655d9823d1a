"""The pages of service providers: what each side reads and can press (HC-27, HC-28, HC-29)."""

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.roles import Role
from belvedere.control.accounts.services import rename
from belvedere.control.core import clock
from belvedere.control.devices.models import Camera
from belvedere.control.handover.installations import list_installations
from belvedere.control.handover.services import accept_handover
from belvedere.control.organizations.selectors import list_sites
from belvedere.control.organizations.services import (
    Wish,
    accept_invitation,
    add_site,
    create_organization,
    edit_organization,
    edit_site,
    invite_member,
)
from belvedere.control.providers.models import Engagement
from belvedere.control.providers.selectors import list_engagements, list_wishes
from belvedere.control.providers.services import accept_engagement, end_engagement, offer_engagement

SET_UP = Permission.LIVE_VIEW | Permission.CONFIGURE


@pytest.fixture
def ivan(hotels: cast.Hotels) -> cast.Person:
    """The installer: nobody's member."""
    return cast.make("ivan")


@pytest.fixture
def owner(hotels: cast.Hotels) -> Client:
    """Olivia's browser, in Harbour Hotels."""
    browser = hotels.olivia.browser()
    browser.post("/organizations/switch", {"organization": hotels.id})
    return browser


def form(hotels: cast.Hotels, **more: object) -> dict[str, object]:
    return {
        "organization": hotels.id,
        "account": "ivan@example.org",
        "site": hotels.north,
        "until": f"{clock.now() + timedelta(days=7):%Y-%m-%d}",
        "permission": ["live_view", "configure"],
        "message": "the lobby flickers",
    } | more


def test_from_offer_to_end(hotels: cast.Hotels, ivan: cast.Person, owner: Client) -> None:
    assert "Engage somebody" in owner.get("/admin/providers").content.decode()
    assert owner.post("/admin/providers", form(hotels)).status_code == 302
    browser = ivan.browser()
    assert "asks you to set up" in browser.get("/inbox").content.decode()
    page = browser.get("/installations").content.decode()
    assert "the lobby flickers" in page
    [offered] = list_engagements(ivan.actor, "received")
    browser.post(f"/installations/{offered.id}/accept")
    page = browser.get("/installations").content.decode()
    assert "In your care" in page
    assert "7 days left" in page or "6 days left" in page
    device = Camera.objects.values_list("device", flat=True).get(pk=hotels.lobby)
    assert f"/devices/{device}" in page
    # HC-27: the device's page has no switch for him, and none that he finds by its address.
    page = browser.get(f"/devices/{device}").content.decode()
    assert "Rename" in page
    for word in ("Switch off", "Unbind", "Move to another site"):
        assert word not in page
    assert browser.get(f"/cameras/{hotels.lobby}").status_code == 200
    assert browser.post(f"/devices/{device}/switch", {"to": "off"}).status_code == 403
    assert browser.post(f"/devices/{device}/unbind").status_code == 403
    # HC-29
    ask = {"permission": ["live_view", "playback"], "hours": "4", "reason": "the disk"}
    browser.post(f"/installations/{offered.id}/ask", ask)
    page = owner.get("/admin/providers").content.decode()
    assert "the disk" in page
    assert "for 4 hours" in page
    assert "asks for rights on" in owner.get("/inbox").content.decode()
    [wish] = list_wishes(hotels.olivia.actor)
    owner.post(f"/providers/wishes/{wish.id}/approve", {"permission": ["playback"], "hours": "1"})
    [granted] = Engagement.objects.filter(permissions=int(Permission.PLAYBACK))
    assert granted.ends_at - clock.now() < timedelta(hours=1, seconds=1)
    owner.post(f"/providers/{offered.id}/end")
    owner.post(f"/providers/{granted.pk}/end")
    page = browser.get("/installations").content.decode()
    assert "Your rights have ended" in page
    assert browser.get(f"/devices/{device}").status_code == 404
    assert "ended by you" in owner.get("/admin/providers").content.decode()


@pytest.mark.parametrize(("zone", "hour"), [("America/Los_Angeles", 7), ("Asia/Tokyo", 14)])
def test_a_day_ends_when_it_ends_at_the_site(
    hotels: cast.Hotels, ivan: cast.Person, owner: Client, zone: str, hour: int
) -> None:
    """HC-29: until a date, read by both sides as the site reads it, and shown to both as that day."""
    edit_site(hotels.olivia.actor, site=hotels.north, zone=zone)
    owner.post("/admin/providers", form(hotels, until="2027-01-20"))
    [offered] = list_engagements(ivan.actor, "received")
    assert offered.ends_at.astimezone(UTC).hour == hour
    accept_engagement(ivan.actor, engagement=offered.id)
    browser = ivan.browser()
    assert zone in browser.get("/installations").content.decode()
    ask = {"permission": ["playback"], "until": "2026-12-24", "reason": "the disk"}
    browser.post(f"/installations/{offered.id}/ask", ask)
    [wish] = list_wishes(hotels.olivia.actor)
    assert wish.until
    assert wish.until.astimezone(ZoneInfo(zone)).isoformat()[:19] == "2026-12-24T23:59:59"
    page = owner.get("/admin/providers").content.decode()
    assert 'value="2026-12-24"' in page
    assert zone in page
    owner.post(f"/providers/wishes/{wish.id}/approve", {"permission": ["playback"], "until": "2026-12-23"})
    [granted] = Engagement.objects.filter(permissions=int(Permission.PLAYBACK))
    assert granted.ends_at.astimezone(ZoneInfo(zone)).isoformat()[:19] == "2026-12-23T23:59:59"
    again = owner.post(f"/providers/wishes/{wish.id}/approve", {"permission": ["playback"]}, follow=True)
    assert "answered already" in again.content.decode()


def test_what_ended_keeps_the_names_of_that_day(hotels: cast.Hotels, ivan: cast.Person, owner: Client) -> None:
    """HC-28, N14: who served there once does not learn what it is called since; nor who he is, they."""
    owner.post("/admin/providers", form(hotels))
    [offered] = list_engagements(ivan.actor, "received")
    accept_engagement(ivan.actor, engagement=offered.id)
    edit_organization(hotels.olivia.actor, organization=hotels.id, name="Harbour Group")
    [running] = list_engagements(ivan.actor, "received")
    assert running.organization_name == "Harbour Group"
    end_engagement(hotels.olivia.actor, engagement=offered.id)
    edit_organization(hotels.olivia.actor, organization=hotels.id, name="Sold to Xena")
    edit_site(hotels.olivia.actor, site=hotels.north, name="Another wing")
    rename(hotels.olivia.actor, name="Olivia Newname")
    rename(ivan.actor, name="Ivan Newname")
    [over] = list_engagements(ivan.actor, "received")
    assert (over.organization_name, over.site_name, over.giver.name) == ("Harbour Group", "North", "Olivia")
    assert over.provider.name == "Ivan"
    page = ivan.browser().get("/installations").content.decode()
    assert "Harbour Group" in page
    for later in ("Sold to Xena", "Another wing", "Newname"):
        assert later not in page.partition("<main")[2]


def test_a_wrong_form_says_what_is_missing(hotels: cast.Hotels, owner: Client) -> None:
    for wrong, words in (
        ({"until": ""}, "Nobody is engaged without an end"),
        ({"permission": []}, "Say what they may do"),
        ({"account": "nobody"}, "Type the whole e-mail address"),
        ({"until": "2020-01-01"}, "lies in the past"),
    ):
        answer = owner.post("/admin/providers", form(hotels, **wrong))
        assert answer.status_code == 422
        assert words in answer.content.decode()


def test_an_admin_of_one_site_engages_there_alone(hotels: cast.Hotels, ivan: cast.Person) -> None:
    # N12
    browser = hotels.ada.browser()
    browser.post("/organizations/switch", {"organization": hotels.id})
    page = browser.get("/admin/providers").content.decode()
    assert hotels.north in page
    assert hotels.south not in page
    assert browser.post("/admin/providers", form(hotels, site=hotels.south)).status_code == 404
    engagement = offer_engagement(
        hotels.olivia.actor,
        site=hotels.south,
        address=ivan.email,
        permissions=SET_UP,
        ends_at=clock.now() + timedelta(days=1),
    )
    assert "ivan@example.org" not in browser.get("/admin/providers").content.decode()
    assert browser.post(f"/providers/{engagement}/end").status_code == 404


def test_where_each_installation_stands(hotels: cast.Hotels, ivan: cast.Person) -> None:
    """HC-28: each state has its own acts, and none of them is a switch."""
    assert list_installations(ivan.actor) == []
    engagement = offer_engagement(
        hotels.olivia.actor,
        site=hotels.north,
        address=ivan.email,
        permissions=SET_UP,
        ends_at=clock.now() + timedelta(days=1),
    )
    assert list_installations(ivan.actor) == []
    accept_engagement(ivan.actor, engagement=engagement)
    [row] = list_installations(ivan.actor)
    assert (row.state, row.name, row.acts) == ("accepted", "Harbour Hotels", ("set_up", "ask", "leave"))
    end_engagement(hotels.olivia.actor, engagement=engagement)
    [row] = list_installations(ivan.actor)
    assert (row.state, row.acts, row.rights_until) == ("ended", ("ask",), None)


def test_an_installation_is_handed_over(hotels: cast.Hotels, ivan: cast.Person) -> None:
    """HC-28, from the installer who owns it to the one whose rights have ended."""
    rita = hotels.rita
    place = create_organization(ivan.actor, name="Casa Alba")
    assert list_installations(ivan.actor) == []  # one place of his own makes nobody an installer
    create_organization(ivan.actor, name="Casa Nera")
    [alba, _nera] = list_installations(ivan.actor)
    assert (alba.state, alba.owner, alba.acts) == ("not_invited", None, ("set_up", "invite"))
    assert "Owner not invited yet" in ivan.browser().get("/installations").content.decode()
    wish = Wish(role=Role.SUPER_ADMIN, sites="all")
    invitation = invite_member(ivan.actor, organization=place, address=rita.email, wish=wish)
    # Whether Rita has an account is hers to show (N1): who has not answered is not registered.
    alba = next(row for row in list_installations(ivan.actor) if row.organization == place)
    assert (alba.state, alba.owner and alba.owner.name) == ("not_registered", rita.email)
    accept_invitation(rita.actor, invitation=invitation)
    handover = cast.offer_handover(ivan.actor, thing=place, receiver=rita.id, afterwards="leaves")
    alba = next(row for row in list_installations(ivan.actor) if row.organization == place)
    assert (alba.state, alba.acts) == ("invited", ("set_up", "withdraw"))
    accept_handover(rita.actor, handover=handover)
    alba = next(row for row in list_installations(ivan.actor) if row.organization == place)
    assert (alba.state, alba.name, alba.acts) == ("ended", "Casa Alba", ())
    [site] = [row.id for row in list_sites(rita.actor, place)] or [
        add_site(rita.actor, organization=place, name="A").pk
    ]
    ends_at = clock.now() + timedelta(days=1)
    engagement = offer_engagement(rita.actor, site=site, address=ivan.email, permissions=SET_UP, ends_at=ends_at)
    accept_engagement(ivan.actor, engagement=engagement)
    alba = next(row for row in list_installations(ivan.actor) if row.organization == place)
    assert (alba.state, alba.rights_until, alba.acts) == ("accepted", ends_at, ("set_up", "ask", "leave"))
    assert "Casa Alba" in ivan.browser().get("/installations").content.decode()
