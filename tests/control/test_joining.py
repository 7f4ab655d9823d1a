"""Joining an organization on the page: by the mail, in the portal, on the phone; and where one is afterwards."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client

import cast
from belvedere.control.access.roles import Role
from belvedere.control.core import clock
from belvedere.control.organizations.selectors import find_invitation_by_token, list_organizations, list_sites
from belvedere.control.organizations.services import (
    Wish,
    cancel_invitation,
    change_member,
    invite_member,
    remove_member,
    resend_invitation,
)
from belvedere.control.outbox.services import run_due
from rows import get_rows

PASSWORD = "a different horse entirely"
SESSIONS = {"accounts_session"}


@pytest.fixture
def hotels(people: cast.Cast) -> cast.Hotels:
    """Harbour Hotels, with nobody's mail left in the way."""
    hotels = cast.found_hotels(people)
    run_due(limit=1000)
    mail.outbox.clear()
    return hotels


def invite(hotels: cast.Hotels, address: str, *, role: Role = Role.VIEWER, by: cast.Person | None = None) -> str:
    """Invite to North; the invitation's id, once its mail is out."""
    wish = Wish(role=role, sites="all" if role is Role.SUPER_ADMIN else [hotels.north])
    invitation = invite_member((by or hotels.olivia).actor, organization=hotels.id, address=address, wish=wish)
    run_due(limit=1000)
    return invitation


def link_to(address: str) -> str:
    """The path in the last invitation mailed there."""
    body = [str(row.body) for row in mail.outbox if row.to == [address]][-1]
    found = re.search(r"http://localhost:8000(/invitations/[\w-]{43})\b", body)
    assert found, body
    return found[1]


def names(person: cast.Person) -> list[str]:
    """The organizations somebody belongs to, his own first."""
    return [row.name for row in list_organizations(person.actor)]


def text_of(answer: Any) -> str:
    """What a page says, without its tags."""
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", main).split())


# ── The mail ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_of_the_mail_shows_and_changes_nothing(hotels: cast.Hotels) -> None:
    """VV-13, VV-17: organization, inviter, role, end, and nothing else. N10: GET and HEAD change nothing."""
    invite(hotels, hotels.rita.email)
    link = link_to(hotels.rita.email)
    before = get_rows(without=SESSIONS)
    for client in (Client(), hotels.rita.browser(), hotels.xena.browser()):
        signed_in = get_rows(without=SESSIONS)
        for ask in (client.get, client.head, client.get):
            ask(link)
        assert get_rows(without=SESSIONS) == signed_in
    page = text_of(Client().get(link))
    for word in ("Harbour Hotels", "Olivia", "olivia@example.org", "Viewer", "6 days left", "rita@example.org"):
        assert word in page
    for word in ("North", "South", "Lobby", "Deck", "Sam", "Ada"):
        assert word not in page
    assert before["organizations_invitation"] == get_rows()["organizations_invitation"]


def test_every_address_in_every_mail_is_safe_to_open(hotels: cast.Hotels) -> None:
    """N10: whatever opens the links of our mails, by GET or HEAD, signed in or not, changes nothing."""
    invite(hotels, hotels.rita.email)
    hotels.rita.browser().post(f"{link_to(hotels.rita.email)}/accept")
    invite(hotels, "nina@example.org")
    run_due(limit=1000)
    links = {link for row in mail.outbox for link in re.findall(r"http://localhost:8000(/\S*)", str(row.body))}
    assert any(link.startswith("/invitations/") for link in links)
    clients = [Client(), hotels.rita.browser(), hotels.olivia.browser()]
    before = get_rows(without=SESSIONS)
    for client in clients:
        for link in links:
            client.get(link)
            client.head(link)
    assert get_rows(without=SESSIONS) == before


def test_accepting_from_the_mail_does_not_sign_in(hotels: cast.Hotels) -> None:
    """VV-13, VV-16: accept → confirmation → sign-in; a second accept is harmless. VV-19: it stands in the list."""
    invite(hotels, hotels.rita.email)
    link = link_to(hotels.rita.email)
    client = Client()
    assert client.post(f"{link}/accept").headers["Location"] == link
    page = client.get(link)
    assert "You are now Viewer of Harbour Hotels" in text_of(page)
    assert 'href="/sign-in"' in page.content.decode()
    assert client.get("/").status_code == 302  # nobody is signed in
    assert client.post(f"{link}/accept").status_code == 302
    assert names(hotels.rita) == ["Rita’s home", "Harbour Hotels"]
    # Another browser with the same mail learns that it is over, and no more.
    other = text_of(Client().get(link))
    assert "accepted" in other
    assert "Harbour" not in other
    signed_in = client.post("/sign-in", {"login": hotels.rita.email, "password": cast.PASSWORD})
    assert signed_in.headers["Location"] == "/organizations"
    assert "Harbour Hotels" in text_of(client.get("/organizations"))


def test_the_invited_account_that_is_signed_in_is_in_at_once(hotels: cast.Hotels) -> None:
    """VV-13: the confirmation leads into the organization. VV-23: what is one's own stays as it was."""
    home = list_sites(hotels.rita.actor, hotels.rita.organization)
    invite(hotels, hotels.rita.email)
    client = hotels.rita.browser()
    client.post(f"{link_to(hotels.rita.email)}/accept")
    assert "Go to Belvedere" in text_of(client.get(link_to(hotels.rita.email)))
    assert client.get("/").context["organization"].name == "Harbour Hotels"
    assert list_sites(hotels.rita.actor, hotels.rita.organization) == home


def test_another_account_learns_nothing(hotels: cast.Hotels) -> None:
    """VV-17, N11: "wrong account", with the way out, and nothing of the organization, at every state."""
    invitation = invite(hotels, hotels.rita.email)
    link = link_to(hotels.rita.email)
    client = hotels.xena.browser()

    def look() -> None:
        answer = client.get(link)
        assert answer.status_code == 403
        assert "for another account" in text_of(answer)
        for word in ("Harbour", "Olivia", "Rita", "rita@", "Viewer"):
            assert word not in answer.content.decode()

    look()
    before = get_rows(without=SESSIONS)
    assert client.post(f"{link}/accept").headers["Location"] == link
    assert client.post(f"{link}/decline").headers["Location"] == link
    for address in ("join", "decline"):
        assert client.post(f"/organizations/{address}/{invitation}").status_code == 404
    assert get_rows(without=SESSIONS) == before
    with clock.moved_by(timedelta(days=8)):
        look()
    # The way out comes back, and to no page of others.
    for back in ("https://elsewhere.example/", "//elsewhere.example/"):
        assert hotels.xena.browser().post("/sign-out", {"next": back}).headers["Location"] == "/sign-in"
    assert client.post("/sign-out", {"next": link}).headers["Location"] == link
    assert "Harbour Hotels" in text_of(client.get(link))


@pytest.mark.parametrize("mode", ["invited", "open"])
def test_without_an_account_the_mail_leads_through_sign_up(hotels: cast.Hotels, settings: Any, mode: str) -> None:
    """VV-13, VA-5: sign-up with the address filled in, and proven by the mail; then the invitation waits."""
    settings.BELVEDERE = replace(settings.BELVEDERE, signup=mode)
    invite(hotels, "nina@example.org")
    link = link_to("nina@example.org")
    client = Client()
    page = client.get(link)
    assert "no account with this address yet" in text_of(page)
    (sign_up,) = re.findall(r'href="(/sign-up[^"]*)"', page.content.decode())
    assert 'value="nina@example.org"' in client.get(sign_up).content.decode()
    # Nobody joins before there is somebody.
    assert client.post(f"{link}/accept").status_code == 404
    form = {"name": "Nina Ortiz", "email": "nina@example.org", "password1": PASSWORD}
    assert client.post("/sign-up", form).headers["Location"] == "/organizations"
    nina = client.get("/organizations")
    assert "Harbour Hotels" in text_of(nina)
    (join,) = set(re.findall(r'action="(/organizations/join/\w+)"', nina.content.decode()))
    assert client.post(join).headers["Location"] == "/"
    assert client.get("/").context["organization"].name == "Harbour Hotels"


def test_an_invitation_opens_sign_up_for_its_address_alone(hotels: cast.Hotels, settings: Any) -> None:
    """N2, N11: not for another address, and not once it is cancelled; by another, sign-up stays closed."""
    settings.BELVEDERE = replace(settings.BELVEDERE, signup="invited")
    invitation = invite(hotels, "nina@example.org")
    client = Client()
    assert "by invitation" in text_of(client.get("/sign-up"))
    client.get(link_to("nina@example.org"))
    form = {"name": "Mallory", "email": "mallory@example.org", "password1": PASSWORD}
    assert "another address" in text_of(client.post("/sign-up", form))
    cancel_invitation(hotels.olivia.actor, invitation=invitation)
    assert "by invitation" in text_of(client.get("/sign-up"))


def test_each_end_of_an_invitation_has_its_page(hotels: cast.Hotels) -> None:
    """N11, VV-10, VV-11, VV-18: expired at seven days to the second, void by a newer mail, cancelled, declined."""
    rita = hotels.rita.email
    invitation = invite(hotels, rita)
    first = link_to(rita)
    with clock.moved_by(timedelta(days=7, seconds=1)):
        assert "expired" in text_of(Client().get(first))
        assert Client().get(first).status_code == 410
        assert "Olivia" in text_of(Client().get(first))  # whom to ask
    resend_invitation(hotels.olivia.actor, invitation=invitation)
    run_due(limit=1000)
    assert Client().get(first).status_code == 404
    assert "leads nowhere" in text_of(Client().get(first))
    second = link_to(rita)
    assert second != first
    cancel_invitation(hotels.olivia.actor, invitation=invitation)
    assert "taken back" in text_of(Client().get(second))
    assert Client().post(f"{second}/accept").status_code == 409
    invite(hotels, rita)
    third = link_to(rita)
    client = Client()
    assert client.post(f"{third}/decline").headers["Location"] == third
    assert "You said no" in text_of(client.get(third))
    assert client.post(f"{third}/accept").status_code == 409
    assert names(hotels.rita) == ["Rita’s home"]
    run_due(limit=1000)
    assert any("rita@example.org" in str(row.body) for row in mail.outbox if row.to == ["olivia@example.org"])


def test_one_second_after_the_end_the_mail_accepts_nothing(hotels: cast.Hotels) -> None:
    """N11, VV-10: and a clock set back afterwards revives nothing."""
    invite(hotels, hotels.rita.email)
    link = link_to(hotels.rita.email)
    with clock.moved_by(timedelta(days=7, seconds=1)):
        assert Client().post(f"{link}/accept").headers["Location"] == link
    assert Client().post(f"{link}/accept").headers["Location"] == link
    assert "expired" in text_of(Client().get(link))
    assert names(hotels.rita) == ["Rita’s home"]


def test_who_invited_may_no_longer_do_so(hotels: cast.Hotels) -> None:
    """N11: the inviter was removed since: refused in the invited person's words."""
    invite(hotels, hotels.rita.email, by=hotels.ada)
    link = link_to(hotels.rita.email)
    remove_member(hotels.olivia.actor, member=hotels.member(hotels.ada))
    answer = Client().post(f"{link}/accept")
    assert answer.status_code == 409
    assert "Ask for a new invitation" in text_of(answer)
    assert names(hotels.rita) == ["Rita’s home"]


def test_the_secret_of_the_mail_leaks_nowhere(hotels: cast.Hotels, caplog: pytest.LogCaptureFixture) -> None:
    """N37: not into the database, not to other sites, not into the log of refusals, while it is still good."""
    invite(hotels, "nina@example.org")
    link = link_to("nina@example.org")
    client = Client()
    assert client.get(link).headers["Referrer-Policy"] == "same-origin"
    assert link.rpartition("/")[2] not in repr(get_rows())
    assert link.rpartition("/")[2] not in repr(dict(client.session))
    stranger = hotels.xena.browser()
    assert [stranger.get(link).status_code, Client().post(f"{link}/accept").status_code] == [403, 404]
    assert "invitations/<str:secret>" in caplog.text
    assert link.rpartition("/")[2] not in caplog.text
    assert find_invitation_by_token(link.rpartition("/")[2])


# ── The portal and the phone ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_portal_lists_what_one_is_invited_to(hotels: cast.Hotels) -> None:
    """VV-15, VV-19, VV-21: sign in → the invited organization in the list → Accept → in it at once."""
    invitation = invite(hotels, hotels.rita.email, role=Role.OPERATOR)
    client = Client()
    signed_in = client.post("/sign-in", {"login": hotels.rita.email, "password": cast.PASSWORD})
    assert signed_in.headers["Location"] == "/organizations"
    page = text_of(client.get("/organizations"))
    for word in ("Harbour Hotels", "Operator", "Olivia", "6 days left"):
        assert word in page
    for word in ("North", "Lobby", "Sam"):
        assert word not in client.get("/organizations").content.decode()
    assert client.post(f"/organizations/join/{invitation}").headers["Location"] == "/"
    wall = client.get("/")
    assert wall.context["organization"].name == "Harbour Hotels"
    assert [row["name"] for row in wall.context["cameras"]] == ["Lobby"]
    # VV-16: a second time is harmless.
    assert client.post(f"/organizations/join/{invitation}").headers["Location"] == "/"


def test_the_menu_of_every_page_offers_to_join(hotels: cast.Hotels) -> None:
    """VV-14, VV-20: on any page, menu → the organization to join → Join → switched to it, and the badge counts it."""
    invitation = invite(hotels, hotels.rita.email)
    client = hotels.rita.browser()
    for address in ("/", "/devices", "/inbox", "/account"):
        page = client.get(address)
        assert f'action="/organizations/join/{invitation}"' in page.content.decode(), address
        assert page.context["inbox_count"] == 1
    joined = client.post(f"/organizations/join/{invitation}", follow=True)
    assert joined.redirect_chain == [("/", 302)]
    assert joined.context["organization"].name == "Harbour Hotels"
    assert joined.context["inbox_count"] == 0


def test_declining_in_the_portal_tells_the_inviter(hotels: cast.Hotels) -> None:
    """VV-18."""
    invitation = invite(hotels, hotels.rita.email)
    client = hotels.rita.browser()
    assert "invites you to" in text_of(client.get(f"/inbox?invitation={invitation}"))
    assert client.post(f"/organizations/decline/{invitation}").headers["Location"] == "/organizations"
    assert "Harbour" not in text_of(client.get("/organizations"))
    run_due(limit=1000)
    assert any("rita@example.org" in str(row.body) for row in mail.outbox if row.to == ["olivia@example.org"])


def test_the_choice_is_remembered_beyond_the_sign_in(hotels: cast.Hotels) -> None:
    """VV-22: who belongs to several chooses after signing in; once, in each browser, and for himself alone."""
    client = Client()
    sign_in = {"login": hotels.vera.email, "password": cast.PASSWORD}
    assert client.post("/sign-in", sign_in).headers["Location"] == "/organizations"
    client.post("/organizations/switch", {"organization": hotels.id})
    client.post("/sign-out")
    assert client.post("/sign-in", sign_in).headers["Location"] == "/"
    assert client.get("/").context["organization"].name == "Harbour Hotels"
    client.post("/sign-out")
    # Who asked for a page gets it; another account on the same browser has its own choice.
    assert client.post("/sign-in?next=/inbox", sign_in).headers["Location"] == "/inbox"
    client.post("/sign-out")
    other = {"login": hotels.leo.email, "password": cast.PASSWORD}
    assert client.post("/sign-in", other).headers["Location"] == "/organizations"
    assert client.get("/").context["organization"].name == "Leo’s home"


# ── Where one is ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _cameras(client: Client, address: str = "/") -> set[str]:
    return {row["name"] for row in client.get(address).context["cameras"]}


def test_a_page_shows_the_chosen_organization_alone(hotels: cast.Hotels) -> None:
    """VV-22: wall, devices and sharing; what others share with a person is in his own."""
    olivia, vera = hotels.olivia.browser(), hotels.vera.browser()
    assert _cameras(olivia) == {"Courtyard", "Pool", "Counter"}
    assert _cameras(vera) == {"Counter"}  # Olivia shares it with her
    for client in (olivia, vera):
        client.post("/organizations/switch", {"organization": hotels.id})
    assert _cameras(olivia) == {"Lobby", "Deck"}
    assert _cameras(vera) == {"Lobby"}
    assert {row["name"] for row in olivia.get("/devices").context["devices"]} == {"Lobby", "Deck"}
    assert olivia.get("/sharing").context["parts"] == []
    # Absent, not dead: a Viewer sets nothing up here, and shares nothing.
    assert {item["key"] for item in vera.get("/").context["nav_items"]} == {"wall", "inbox"}
    assert vera.get("/devices").context["may_add"] is False
    assert vera.get("/sharing").status_code == 404
    assert vera.get("/devices/add").headers["Location"] == "/devices"
    answer = vera.post("/devices/add", {"name": "Gate", "site": hotels.north, "address": "rtsp://127.0.0.1:9/g"})
    assert answer.status_code == 422


def test_a_link_to_a_camera_leads_into_its_organization(hotels: cast.Hotels) -> None:
    """VV-22: from a mail or a bookmark, from either side."""
    client = hotels.vera.browser()
    assert client.get(f"/cameras/{hotels.lobby}").context["organization"].name == "Harbour Hotels"
    assert _cameras(client) == {"Lobby"}
    assert client.get(f"/cameras/{hotels.people.counter}").context["organization"].is_personal
    assert _cameras(client) == {"Counter"}
    owner = hotels.olivia.browser()
    assert owner.get(f"/share?camera={hotels.deck}").context["organization"].name == "Harbour Hotels"
    # One that is not visible leads nowhere.
    assert client.get(f"/cameras/{hotels.deck}").status_code == 404
    assert client.get("/").context["organization"].is_personal


def test_whose_membership_ends_is_led_elsewhere_with_a_sentence(hotels: cast.Hotels) -> None:
    """VV-34: no maze of pages that are not there."""
    client = hotels.vera.browser()
    client.post("/organizations/switch", {"organization": hotels.id})
    assert client.get("/").context["organization"].name == "Harbour Hotels"
    remove_member(hotels.olivia.actor, member=hotels.member(hotels.vera))
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.context["organization"].is_personal
    assert "no longer a member of Harbour Hotels" in answer.content.decode()
    assert "no longer a member" not in client.get("/").content.decode()  # said once
    assert client.post("/organizations/switch", {"organization": hotels.id}).status_code == 404


def test_no_access_everywhere_says_so(hotels: cast.Hotels) -> None:
    """VV-26: the organization stays in the list; nothing of it is on the wall, and no button that does nothing."""
    member = hotels.member(hotels.vera)
    client = hotels.vera.browser()
    client.post("/organizations/switch", {"organization": hotels.id})
    change_member(hotels.ada.actor, member=member, wish=Wish(role=Role.NO_ACCESS, sites=[hotels.north]), version=1)
    page = client.get("/")
    assert page.context["organization"].name == "Harbour Hotels"
    assert "is open to you" in text_of(page)
    assert "Add a camera" not in text_of(page)


# ── Founding ─────────────────────────────────────────────────────────────────────────────────────────────────────────

FOUNDED = {
    "organization-name": "  Puerto   Hotels ",
    "organization-region": "Galicia",
    "organization-time_zone": "Europe/Madrid",
}
SITE = {
    "site-name": "Quay",
    "site-region": "",
    "site-address": "Rúa do Porto 1",
    "site-time_zone": "Atlantic/Canary",
}


def _found(client: Client, **form: str) -> Any:
    return client.post("/organizations/new", form)


def test_founding_an_organization_step_by_step(people: cast.Cast) -> None:
    """VV-28, VV-30: name, region, zone → first site → summary → Done; nothing is made before. No script is needed."""
    client = people.rita.browser()
    before = get_rows(without=SESSIONS)
    assert client.get("/organizations/new").context["step"] == "organization"
    assert _found(client, **FOUNDED, step="site").context["step"] == "site"
    summary = _found(client, **FOUNDED, **SITE, step="summary")
    for word in ("Puerto Hotels", "Quay", "Galicia", "Rúa do Porto 1", "Europe/Madrid", "Atlantic/Canary"):
        assert word in text_of(summary)
    back = _found(client, **FOUNDED, **SITE, step="organization")
    assert 'value="Quay"' in back.content.decode()  # what was typed goes along
    assert get_rows(without=SESSIONS) == before
    assert _found(client, **FOUNDED, **SITE, step="done").headers["Location"] == "/"
    (_home, made) = list_organizations(people.rita.actor)
    assert (made.name, made.role, made.region, made.time_zone) == (
        "Puerto Hotels",
        Role.OWNER,
        "Galicia",
        "Europe/Madrid",
    )
    (site,) = list_sites(people.rita.actor, made.id)
    assert (site.name, site.address, site.time_zone) == ("Quay", "Rúa do Porto 1", "Atlantic/Canary")
    page = client.get("/")
    assert page.context["organization"].id == made.id
    assert "Add a camera" in text_of(page)


def test_the_first_site_may_come_later(people: cast.Cast) -> None:
    """VV-30."""
    client = people.rita.browser()
    assert "no site yet" in text_of(_found(client, **FOUNDED, **(SITE | {"site-name": ""}), step="skip"))
    assert _found(client, **FOUNDED, step="done").status_code == 302
    made = list_organizations(people.rita.actor)[1]
    assert list_sites(people.rita.actor, made.id) == []
    assert "Add a site first" in text_of(client.get("/"))
    assert "Go to its sites" in text_of(client.get("/devices"))


@pytest.mark.parametrize(
    ("wrong", "step", "where"),
    [
        ({"organization-name": " "}, "site", "organization"),
        ({"organization-name": "a\u202eb"}, "done", "organization"),
        ({"organization-time_zone": "Mars/Olympus"}, "done", "organization"),
        ({"site-name": ""}, "summary", "site"),
        ({"site-address": "x" * 201}, "done", "site"),
        ({"site-time_zone": ""}, "done", "site"),
    ],
)
def test_what_makes_no_sense_is_asked_again_where_it_was_typed(
    people: cast.Cast, wrong: dict[str, str], step: str, where: str
) -> None:
    """Input is kept, nothing is made."""
    before = get_rows(without=SESSIONS)
    client = people.rita.browser()
    signed_in = get_rows(without=SESSIONS)
    answer = _found(client, **(FOUNDED | SITE | wrong), step=step)
    assert (answer.status_code, answer.context["step"]) == (422, where)
    assert "field-error" in answer.content.decode()
    assert get_rows(without=SESSIONS) == signed_in
    assert before["organizations_organization"] == signed_in["organizations_organization"]


def test_one_account_owns_so_many_and_reads_why(people: cast.Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last step says what was refused, and keeps what was typed."""
    monkeypatch.setattr("belvedere.control.organizations.services.founding.MAX_OWNED", 1)
    answer = _found(people.rita.browser(), **FOUNDED, **SITE, step="done")
    assert (answer.status_code, answer.context["step"]) == (422, "summary")
    assert "at most 1 organizations" in text_of(answer)
