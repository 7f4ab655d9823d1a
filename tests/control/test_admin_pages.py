"""Admin → Users, Sites and Settings in a browser's hands: who finds them, what they say, and what they do.

VV-1 to VV-12, VV-18, VV-27 to VV-29, VV-33 to VV-36, N3, N5, N12. The law itself is in `test_standing.py`.
"""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import cast
from belvedere.control.access.roles import Role
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.organizations.selectors import (
    MemberFilter,
    get_member,
    list_invitations,
    list_members,
    list_sites,
)
from belvedere.control.organizations.services import Wish, change_member, decline_invitation, invite_member
from belvedere.control.outbox.services import run_due
from control.watching import hello, watch
from rows import get_rows


def enter(hotels: cast.Hotels, who: cast.Person) -> Client:
    """A browser that is in Harbour Hotels."""
    client = who.browser()
    assert client.post("/organizations/switch", {"organization": hotels.id}).status_code == 302
    return client


def text_of(answer: Any) -> str:
    """What one reads: the page without its tags, blanks folded."""
    body = re.sub(r"<(script|style|template)\b.*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"</?(bdi|strong|em|span)\b[^>]*>", "", body)).replace("<", " <").split())


def invite(client: Client, hotels: cast.Hotels, **fields: Any) -> Any:
    """Send the form of an invitation, its last step."""
    return client.post("/admin/users/invite", {"organization": hotels.id, "step": "send"} | fields)


def names_on(answer: Any) -> list[str]:
    """The members of a page of users, in their order."""
    return re.findall(r'href="/admin/users/\w+"><bdi>(.*?)</bdi>', answer.content.decode())


# ── Who finds Admin ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_admin_is_there_for_who_manages_and_for_nobody_else(hotels: cast.Hotels) -> None:
    """VV-1: in the frame and behind it. A member may know that it exists (403), a stranger may not (404)."""
    for name in ("olivia", "sam", "ada", "omar", "vera", "leo", "nora"):
        client = enter(hotels, hotels.person(name))
        manages = name in {"olivia", "sam", "ada"}
        assert ('href="/admin/users"' in client.get("/").content.decode()) is manages, name
        for path in ("/admin/users", "/admin/users/invite", "/admin/sites", "/admin/settings"):
            assert client.get(path).status_code == (200 if manages else 403), (name, path)


def test_who_owns_an_empty_home_has_nothing_to_manage(hotels: cast.Hotels) -> None:
    """VA-4: a recipient has no user management, though each account owns a personal organization."""
    client = hotels.rita.browser()
    assert 'href="/admin' not in client.get("/").content.decode()
    assert client.get("/admin/users").status_code == 404
    assert hotels.xena.browser().get("/admin/users").status_code == 200  # she has a camera


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_members_and_invitations_in_one_table(hotels: cast.Hotels) -> None:
    """VV-11: role, sites, time left; what ran out of late stands there to be sent again."""
    olivia = hotels.olivia
    wish = Wish(role=Role.VIEWER, sites=[hotels.north], overrides={hotels.south: Role.LIVE_ONLY})
    invite_member(olivia.actor, organization=hotels.id, address="pat@example.org", wish=wish)
    client = enter(hotels, olivia)
    answer = client.get("/admin/users")
    assert names_on(answer) == sorted(["Ada", "Leo", "Nora", "Olivia", "Omar", "Sam", "Vera"])
    text = text_of(answer)
    assert "pat@example.org" in text
    assert "6 d 23 h left" in text
    assert "Live Only: South" in text
    with clock.moved_by(timedelta(days=6, hours=23)):
        assert re.search(r"\b59 min left", text_of(enter(hotels, olivia).get("/admin/users")))
    with clock.moved_by(timedelta(days=7)):
        text = text_of(enter(hotels, olivia).get("/admin/users"))
        assert ("Ran out" in text, "Resend" in text) == (True, True)
    with clock.moved_by(timedelta(days=31)):
        assert "pat@example.org" not in text_of(enter(hotels, olivia).get("/admin/users"))


@pytest.mark.parametrize(
    ("query", "expected", "invited"),
    [
        ("q=ver", ["Vera"], False),
        ("q=PAT%40example", [], True),
        ("role=viewer", ["Vera"], True),
        ("role=admin", ["Ada"], False),
        ("role=no_access", ["Nora"], False),
        ("site={south}", ["Olivia", "Sam"], False),
        ("site={north}&role=live_only", ["Leo"], False),
        ("q=%27%22%3Cb%3E%25", [], False),
        ("site=nonsense", [], False),
        ("role=king", [], False),
    ],
)
def test_the_list_is_narrowed(hotels: cast.Hotels, query: str, expected: list[str], invited: bool) -> None:
    wish = Wish(role=Role.VIEWER, sites=[hotels.north])
    invite_member(hotels.olivia.actor, organization=hotels.id, address="pat@example.org", wish=wish)
    answer = enter(hotels, hotels.olivia).get(f"/admin/users?{query.format(north=hotels.north, south=hotels.south)}")
    assert (answer.status_code, names_on(answer)) == (200, expected)
    assert ("pat@example.org</bdi>" in answer.content.decode()) is invited


def test_an_admin_of_one_site_sees_that_site_and_who_is_there(hotels: cast.Hotels) -> None:
    """VV-27: of the other site neither name nor members; what reaches beyond him carries no button."""
    hotels.join(hotels.rita, Role.VIEWER, hotels.south)
    wish = Wish(role=Role.VIEWER, sites="all")
    invite_member(hotels.olivia.actor, organization=hotels.id, address="pat@example.org", wish=wish)
    client = enter(hotels, hotels.ada)
    for path in ("/admin/users", "/admin/users/invite", "/admin/sites", "/admin/settings"):
        assert "South" not in client.get(path).content.decode(), path
    answer = client.get("/admin/users")
    assert "Rita" not in names_on(answer)
    assert "pat@example.org" in text_of(answer)
    assert "resend" not in answer.content.decode()
    assert client.get(f"/admin/users/{hotels.member(hotels.rita)}").status_code == 404


def test_pages_of_fifty_hold_everybody_once(hotels: cast.Hotels) -> None:
    for number in range(60):
        invite_member(
            hotels.olivia.actor,
            organization=hotels.id,
            address=f"guest{number}@example.org",
            wish=Wish(role=Role.VIEWER, sites="all"),
        )
    client, path = enter(hotels, hotels.olivia), "/admin/users"
    addresses: list[str] = []
    members: list[str] = []
    sizes = []
    while path:
        answer = client.get(path)
        found, here = re.findall(r"<bdi>(guest\d+@example.org)</bdi>", answer.content.decode()), names_on(answer)
        addresses, members = addresses + found, members + here
        sizes.append(len(found) + len(here))
        following = re.search(r'href="([^"]*)" rel="next"', answer.content.decode())
        path = html.unescape(following[1]) if following else ""
    assert sizes == [50, 17]
    assert sorted(addresses) == sorted(f"guest{number}@example.org" for number in range(60))
    assert members == ["Ada", "Leo", "Nora", "Olivia", "Omar", "Sam", "Vera"]


def test_more_members_are_no_more_questions(hotels: cast.Hotels) -> None:
    """As many queries for one more member and invitation as for three and for thirty."""
    client, counts, made = enter(hotels, hotels.olivia), [], 0
    for size in (1, 3, 30):
        while made < size:
            person = cast.make(f"extra{made}")
            hotels.join(person, Role.VIEWER, hotels.north, overrides={hotels.south: Role.LIVE_ONLY})
            invite_member(
                hotels.olivia.actor,
                organization=hotels.id,
                address=f"guest{made}@example.org",
                wish=Wish(role=Role.VIEWER, sites="all"),
            )
            made += 1
        client.get("/admin/users")
        with CaptureQueriesContext(connection) as queries:
            client.get("/admin/users")
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2]
    assert counts[0] < 50


# ── Inviting ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_inviting_says_first_what_will_be_true_then_that_it_was_sent(hotels: cast.Hotels) -> None:
    """VV-2, VV-7, VV-9, VV-36: form → sentence → sent, confirmed on the page; one entry, one mail."""
    client = enter(hotels, hotels.olivia)
    fields = {"account": "Pat@Example.org", "role": "viewer", "reach": "some", "site": [hotels.north]}
    before = get_rows(without={"accounts_session"})
    answer = client.post("/admin/users/invite", {"organization": hotels.id, "step": "review"} | fields)
    assert "pat@example.org will be Viewer of North in Harbour Hotels." in text_of(answer)
    assert get_rows(without={"accounts_session"}) == before
    answer = client.post(
        "/admin/users/invite",
        dict(re.findall(r'name="(\w+)" value="([^"]*)"', answer.content.decode())) | {"step": "send"},
    )
    assert answer.status_code == 302
    confirmed = text_of(client.get(answer.headers["Location"]))
    assert "Invitation sent to pat@example.org as Viewer of North. Good for 7 days." in confirmed
    [row] = list_invitations(hotels.olivia.actor, hotels.id)
    assert (
        Entry.objects.filter(thing=f"invitation:{row.id}").values_list("action", flat=True).get() == "invitation.sent"
    )
    run_due()
    [sent] = [message for message in mail.outbox if message.to == ["pat@example.org"]]
    assert (sent.subject, "as Viewer." in str(sent.body)) == ("Olivia invites you to Harbour Hotels", True)
    assert "North" not in str(sent.body)


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"account": "nobody", "role": "viewer", "reach": "all"}, 422, "Type the whole e-mail address"),
        ({"account": "vera@example.org", "role": "viewer", "reach": "all"}, 422, "They are a member already"),
        ({"account": "olivia@example.org", "role": "viewer", "reach": "all"}, 422, "That is your own address"),
        ({"account": "new@example.org", "reach": "all"}, 422, "Choose a role"),
        ({"account": "new@example.org", "role": "king", "reach": "all"}, 422, "Choose a role"),
        ({"account": "new@example.org", "role": "owner", "reach": "all"}, 422, "handing the organization over"),
        ({"account": "new@example.org", "role": "viewer", "reach": "some"}, 422, "Choose all sites, or at least one"),
        ({"account": "new@example.org", "role": "viewer", "site": ["01m00000000000000000000000"]}, 404, "nothing here"),
    ],
)
def test_what_cannot_be_sent_is_said_and_the_form_is_kept(
    hotels: cast.Hotels, fields: dict[str, Any], status: int, words: str
) -> None:
    """VV-4, VV-7, VV-12: to oneself, to a member, without a role or sites, with sites of nobody's."""
    client = enter(hotels, hotels.olivia)
    before = get_rows(without={"accounts_session"})
    answer = invite(client, hotels, **fields)
    assert answer.status_code == status
    assert words in text_of(answer)
    if status == 422:
        assert f'value="{fields["account"]}"' in answer.content.decode()
    assert get_rows(without={"accounts_session"}) == before


def test_a_super_admin_has_no_choice_of_sites(hotels: cast.Hotels) -> None:
    """VV-6: what the form may still hold of sites does not count."""
    client = enter(hotels, hotels.olivia)
    answer = invite(client, hotels, account="pat@example.org", role="super_admin", reach="some", site=[hotels.north])
    assert "as Super Admin of every site." in text_of(client.get(answer.headers["Location"]))


def test_nobody_is_offered_more_than_he_may_give(hotels: cast.Hotels) -> None:
    """VV-27, N12: for Ada roles above Admin and *all sites* are absent; forged, they are refused."""
    client = enter(hotels, hotels.ada)
    form = client.get("/admin/users/invite").content.decode()
    assert 'value="admin"' in form
    for word in ("super_admin", 'name="reach"', "Super Admin</th>", hotels.south):
        assert word not in form, word
    before = get_rows(without={"accounts_session"})
    assert invite(client, hotels, account="pat@example.org", role="super_admin").status_code == 403
    answer = invite(client, hotels, account="pat@example.org", role="viewer", reach="all")
    assert answer.status_code == 422  # *all* is no choice of hers, and no site is ticked
    assert invite(client, hotels, account="p@example.org", role="viewer", site=[hotels.south]).status_code == 404
    assert get_rows(without={"accounts_session"}) == before
    assert invite(client, hotels, account="pat@example.org", role="admin", site=[hotels.north]).status_code == 302


def test_a_form_counts_for_the_organization_it_was_filled_in_for(hotels: cast.Hotels) -> None:
    """Two tabs: the switch in one does not send the other's invitation elsewhere."""
    client = enter(hotels, hotels.olivia)
    client.post("/organizations/switch", {"organization": hotels.olivia.organization})
    assert invite(client, hotels, account="pat@example.org", role="viewer", reach="all").status_code == 302
    assert [row.address for row in list_invitations(hotels.olivia.actor, hotels.id)] == ["pat@example.org"]
    assert list_invitations(hotels.olivia.actor, hotels.olivia.organization) == []


def test_sending_again_and_taking_back(hotels: cast.Hotels) -> None:
    """VV-11, VV-12, VV-36."""
    client = enter(hotels, hotels.olivia)
    fields = {"account": "pat@example.org", "role": "viewer", "reach": "all"}
    invite(client, hotels, **fields)
    [row] = list_invitations(hotels.olivia.actor, hotels.id)
    answer = client.post(f"/admin/invitations/{row.id}/resend")
    assert "Good for 7 days." in text_of(client.get(answer.headers["Location"]))
    answer = client.post(f"/admin/invitations/{row.id}/cancel", follow=True)
    assert "is cancelled" in text_of(answer)
    assert list_invitations(hotels.olivia.actor, hotels.id) == []
    actions = Entry.objects.filter(chain=hotels.id, thing=f"invitation:{row.id}").order_by("sequence")
    assert list(actions.values_list("action", flat=True)) == [
        "invitation.sent",
        "invitation.resent",
        "invitation.cancelled",
    ]


def test_who_declines_is_reported_to_the_inviter(hotels: cast.Hotels) -> None:
    """VV-18."""
    wish = Wish(role=Role.VIEWER, sites="all")
    sent = invite_member(hotels.olivia.actor, organization=hotels.id, address=hotels.rita.email, wish=wish)
    decline_invitation(hotels.rita.actor, invitation=sent)
    run_due()
    [told] = [row for row in mail.outbox if row.subject == "Rita declined your invitation"]
    assert told.to == [hotels.olivia.email]


# ── One member ───────────────────────────────────────────────────────────────────────────────────────────────────────


def change(client: Client, hotels: cast.Hotels, who: cast.Person, **fields: Any) -> Any:
    """Send the form of a change, its last step, with the version that is looked at."""
    member = hotels.member(who)
    version = get_member(hotels.olivia.actor, member).version
    return client.post(f"/admin/users/{member}", {"step": "save", "version": version} | fields)


def test_a_change_says_first_what_is_lost(hotels: cast.Hotels) -> None:
    """VV-33: site by site, with the shares that rest on it; nothing is changed by looking."""
    hotels.ada.share(hotels.rita, hotels.lobby)
    client, member = enter(hotels, hotels.olivia), hotels.member(hotels.ada)
    answer = client.post(f"/admin/users/{member}", {"role": "live_only", "reach": "some", "site": [hotels.north]})
    text = text_of(answer)
    assert "Ada will be Live Only of North in Harbour Hotels." in text
    assert "Admin becomes Live Only." in text
    assert "Manage people" in text
    assert "One share of theirs rests on this" in text
    assert "rita@example.org" in text
    assert "Lobby" in text
    assert get_member(hotels.olivia.actor, member).standing.role is Role.ADMIN


@pytest.mark.parametrize("shares", ["end", "adopt"])
def test_shares_of_who_loses_the_right_end_or_are_taken_over(hotels: cast.Hotels, shares: str) -> None:
    hotels.ada.share(hotels.rita, hotels.lobby)
    client = enter(hotels, hotels.olivia)
    change(client, hotels, hotels.ada, role="viewer", site=[hotels.north], shares=shares)
    seen = hotels.rita.browser().get(f"/cameras/{hotels.lobby}").status_code
    assert seen == (200 if shares == "adopt" else 404)


def test_a_change_acts_at_once_and_shows_the_receipt(hotels: cast.Hotels) -> None:
    """VV-33, VV-36: No Access ends the picture; whoever did it reads what was cut, and nobody else does."""
    hello()
    watch(hotels.vera, hotels.lobby)
    client = enter(hotels, hotels.olivia)
    answer = change(client, hotels, hotels.vera, role="no_access")
    assert answer.status_code == 302
    path = answer.headers["Location"]
    assert path.startswith("/receipts/")
    text = text_of(client.get(path))
    assert "What Vera may do has changed" in text
    assert "Lobby" in text
    assert enter(hotels, hotels.sam).get(path).status_code == 404
    assert Entry.objects.filter(action="member.changed", chain=hotels.id).count() == 1
    assert hotels.vera.browser().get(f"/cameras/{hotels.lobby}").status_code == 404


def test_what_stays_given_goes_on(hotels: cast.Hotels) -> None:
    """Viewer → Live Only while watching live: nothing is cut, so there is no receipt to read."""
    hello()
    watch(hotels.vera, hotels.lobby)
    answer = change(enter(hotels, hotels.olivia), hotels, hotels.vera, role="live_only", site=[hotels.north])
    assert answer.headers["Location"] == "/admin/users"


def test_who_comes_second_is_told(hotels: cast.Hotels) -> None:
    """Two admins at one member: the later sees what he is by now, with his own form kept."""
    client, member = enter(hotels, hotels.olivia), hotels.member(hotels.vera)
    version = get_member(hotels.olivia.actor, member).version
    change_member(hotels.ada.actor, member=member, wish=Wish(role=Role.OPERATOR), version=version)
    form = {"role": "live_only", "site": [hotels.north], "step": "save", "version": version}
    answer = client.post(f"/admin/users/{member}", form)
    assert answer.status_code == 409
    text = text_of(answer)
    assert "Somebody else changed this member in the meantime" in text
    assert "Operator of North in Harbour Hotels" in text
    assert f'name="version" value="{version + 1}"' in answer.content.decode()
    assert re.search(r'value="live_only" required checked', answer.content.decode())


def test_nobody_reaches_above_beside_or_at_himself(hotels: cast.Hotels) -> None:
    """VV-27, VV-31, N12: no form for the owner, oneself, or who is more; forged, it is refused."""
    ada, olivia = enter(hotels, hotels.ada), enter(hotels, hotels.olivia)
    before = get_rows(without={"accounts_session"})
    for client, who in ((ada, hotels.olivia), (ada, hotels.sam), (ada, hotels.ada), (olivia, hotels.olivia)):
        page = client.get(f"/admin/users/{hotels.member(who)}").content.decode()
        assert ('name="role"' in page, "/remove" in page) == (False, False)
        assert change(client, hotels, who, role="viewer", site=[hotels.north]).status_code == 403
        assert client.get(f"/admin/users/{hotels.member(who)}/remove").status_code == 404
    assert change(ada, hotels, hotels.vera, role="super_admin").status_code == 403
    assert change(ada, hotels, hotels.vera, role="viewer", site=[hotels.south]).status_code == 404
    assert get_rows(without={"accounts_session"}) == before


def test_super_admins_want_a_fresh_proof(hotels: cast.Hotels) -> None:
    """N9: eleven minutes after the sign-in the page asks who is there, and leads back to the form."""
    client, member = enter(hotels, hotels.olivia), hotels.member(hotels.vera)
    with clock.moved_by(timedelta(minutes=11)):
        answer = client.post(
            f"/admin/users/{member}",
            {"role": "super_admin"},
            headers={"referer": f"http://testserver/admin/users/{member}"},
        )
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/account/reauthenticate?next=%2Fadmin%2Fusers%2F")


def test_an_admin_of_one_site_changes_that_site_alone(hotels: cast.Hotels) -> None:
    """VV-27: what a member is elsewhere stays, unseen."""
    hotels.join(hotels.rita, Role.VIEWER, everywhere=True)
    change(enter(hotels, hotels.ada), hotels, hotels.rita, role="operator", site=[hotels.north])
    standing = get_member(hotels.olivia.actor, hotels.member(hotels.rita)).standing
    assert (standing.on(hotels.north), standing.on(hotels.south)) == (Role.OPERATOR, Role.VIEWER)


def test_removing_says_what_ends_and_ends_it(hotels: cast.Hotels) -> None:
    """VV-34, VV-36: the account and its other organizations live on."""
    hello()
    watch(hotels.vera, hotels.lobby)
    client, member = enter(hotels, hotels.olivia), hotels.member(hotels.vera)
    text = text_of(client.get(f"/admin/users/{member}/remove"))
    assert "Vera will no longer be a member of Harbour Hotels." in text
    assert "They are Viewer of North." in text
    answer = client.post(f"/admin/users/{member}/remove", {"version": get_member(hotels.olivia.actor, member).version})
    assert "Vera is no longer a member" in text_of(client.get(answer.headers["Location"]))
    assert hotels.vera.organization  # her own
    assert "Vera" not in names_on(client.get("/admin/users"))
    run_due()
    [told] = [row for row in mail.outbox if row.to == [hotels.vera.email] and "no longer" in row.subject]
    assert told.subject == "You are no longer a member of Harbour Hotels"


def test_leaving_needs_nobodys_consent_but_the_owner_stays(hotels: cast.Hotels) -> None:
    """VV-31, VV-34: a page for every member; the owner reads why he cannot."""
    path = f"/organizations/{hotels.id}/leave"
    client = enter(hotels, hotels.vera)
    assert "You are Viewer there." in text_of(client.get(path))
    assert client.post(path).headers["Location"] == "/"
    assert client.get(path).status_code == 404
    owner = enter(hotels, hotels.olivia)
    assert "You own Harbour Hotels" in text_of(owner.get(path))
    assert owner.post(path).status_code == 403
    assert owner.get(f"/organizations/{hotels.olivia.organization}/leave").status_code == 404  # nobody leaves his home
    assert hotels.xena.browser().get(path).status_code == 404


# ── Sites and settings ───────────────────────────────────────────────────────────────────────────────────────────────


def test_sites_with_their_devices(hotels: cast.Hotels) -> None:
    """VV-29, VV-35: each device on its site with its state; a site admin sees his own."""
    text = text_of(enter(hotels, hotels.olivia).get("/admin/sites"))
    assert [word in text for word in ("North", "Lobby", "South", "Deck", "Not heard from yet", "Add a site")] == [
        True
    ] * 6
    text = text_of(enter(hotels, hotels.ada).get("/admin/sites"))
    assert [word in text for word in ("North", "Lobby")] == [True] * 2
    assert [word in text for word in ("South", "Deck", "Add a site", "Delete")] == [False] * 4


def test_a_site_is_added_and_edited(hotels: cast.Hotels) -> None:
    """VV-29: name, region, zone, address; what is wrong is said and the form is kept."""
    client = enter(hotels, hotels.olivia)
    form = {
        "organization": hotels.id,
        "name": "East",
        "time_zone": "Europe/Lisbon",
        "region": "Minho",
        "address": "Cais 1",
    }
    assert client.post("/admin/sites/add", form).status_code == 302
    east = next(row for row in list_sites(hotels.olivia.actor, hotels.id) if row.name == "East")
    assert (east.time_zone, east.region, east.address) == ("Europe/Lisbon", "Minho", "Cais 1")
    for wrong, status in (({"name": "north"}, 409), ({"time_zone": "Mars/Olympus"}, 422), ({"name": ""}, 422)):
        answer = client.post("/admin/sites/add", form | {"name": "West"} | wrong)
        assert (answer.status_code, 'value="Cais 1"' in answer.content.decode()) == (status, True)
    assert client.post(f"/admin/sites/{east.id}", {"name": "Levante"}).status_code == 302
    east = next(row for row in list_sites(hotels.olivia.actor, hotels.id) if row.id == east.id)
    assert (east.name, east.region) == ("Levante", "Minho")
    ada = enter(hotels, hotels.ada)
    assert ada.post("/admin/sites/add", form | {"name": "West"}).status_code == 404
    assert ada.post(f"/admin/sites/{hotels.south}", {"name": "Mine"}).status_code == 404
    assert ada.post(f"/admin/sites/{hotels.north}", {"name": "Norte"}).status_code == 302


def test_a_site_goes_empty_or_its_devices_move_along(hotels: cast.Hotels) -> None:
    """VV-29: refused with the list; moved, whoever watched by a role there alone is cut."""
    hello()
    watch(hotels.vera, hotels.lobby)
    client, path = enter(hotels, hotels.olivia), f"/admin/sites/{hotels.north}/delete"
    assert "Lobby" in text_of(client.get(path))
    answer = client.post(path)
    assert (answer.status_code, "Devices stand on this site: Lobby." in text_of(answer)) == (409, True)
    answer = client.post(path, {"move_devices_to": hotels.south})
    assert answer.status_code == 302
    assert [row.name for row in list_sites(hotels.olivia.actor, hotels.id)] == ["South"]
    assert hotels.vera.browser().get(f"/cameras/{hotels.lobby}").status_code == 404
    assert hotels.sam.browser().get(f"/cameras/{hotels.lobby}").status_code == 200


def test_settings_are_the_managers_of_the_whole(hotels: cast.Hotels) -> None:
    """VV-28: name, region, time zone; who owns it is said; handing over is the owner's alone."""
    client = enter(hotels, hotels.olivia)
    form = {"organization": hotels.id, "name": "Harbour Inns", "region": "Galicia", "time_zone": "Europe/Lisbon"}
    assert client.post("/admin/settings", form).status_code == 302
    page = client.get("/admin/settings").content.decode()
    assert ("Harbour Inns" in page, f"/handovers/new?organization={hotels.id}" in page) == (True, True)
    assert client.post("/admin/settings", form | {"time_zone": "Mars/Olympus"}).status_code == 422
    sam = enter(hotels, hotels.sam).get("/admin/settings").content.decode()
    assert ("handovers/new" in sam, f"/organizations/{hotels.id}/leave" in sam) == (False, True)
    ada = enter(hotels, hotels.ada)
    assert 'name="time_zone"' not in ada.get("/admin/settings").content.decode()
    assert ada.post("/admin/settings", form | {"name": "Mine"}).status_code == 403
    owner = list_members(hotels.olivia.actor, hotels.id, look_for=MemberFilter(role="owner")).items
    assert [row.account.name for row in owner] == ["Olivia"]
