"""The life of an invitation through the API: sent, mailed, answered, run out. VV-2 to VV-4, VV-6 to VV-18, N11."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core import mail
from django.test import Client

import cast
from belvedere.control.core import clock
from belvedere.control.organizations.models import Invitation, Membership
from belvedere.control.outbox.services import run_due
from control.firm import Firm, call, found_firm, mailed_tokens
from control.test_at_once import at_once
from rows import get_rows

WEEK = timedelta(days=7)


@pytest.fixture
def firm(people: cast.Cast) -> Firm:
    """North Bakery: Olivia owns it, Ada is Admin of North, Vera is Viewer everywhere."""
    return found_firm(people)


def test_an_invitation_gives_nothing_before_it_is_accepted(firm: Firm) -> None:
    """VV-2, VV-3, VV-9, VV-15, VV-19: one account, one role; it waits in /me and /inbox, with a name and no id."""
    body = {
        "account": " RITA@example.org",
        "role": "viewer",
        "sites": [firm.north],
        "overrides": [{"site": firm.south, "role": "live_only"}],
    }
    status, sent = firm.do("olivia", "POST", f"organizations/{firm.id}/invitations", body)
    olivia = {"id": firm.people.olivia.id, "name": "Olivia", "email": "olivia@example.org"}
    assert (status, sent) == (
        201,
        {
            "id": sent["id"],
            "organization": firm.id,
            "account": "rita@example.org",
            "role": "viewer",
            "sites": [firm.north],
            "overrides": [{"site": firm.south, "role": "live_only"}],
            "state": "pending",
            "inviter": olivia,
            "sent_at": sent["sent_at"],
            "expires_at": sent["expires_at"],
            "decided_at": None,
            "may_act": True,
        },
    )
    offer = {
        "id": sent["id"],
        "kind": "invitation",
        "state": "pending",
        "organization": None,
        "organization_name": "North Bakery",
        "inviter": olivia,
        "role": "viewer",
        "expires_at": sent["expires_at"],
    }
    assert firm.do("rita", "GET", "inbox")[1]["items"] == [offer]
    me = firm.do("rita", "GET", "me")[1]
    assert (me["offers"], [row["personal"] for row in me["organizations"]]) == ([offer], [True])
    assert firm.do("rita", "GET", f"organizations/{firm.id}")[0] == 404
    joined = firm.do("rita", "POST", f"invitations/{sent['id']}/accept")
    assert joined == (200, offer | {"state": "accepted", "organization": firm.id})
    me = firm.do("rita", "GET", "me")[1]
    assert me["offers"] == []
    assert me["organizations"][1] == {"id": firm.id, "name": "North Bakery", "role": "viewer", "personal": False}
    (member,) = firm.list_members("olivia", "?text=rita")
    assert {key: member[key] for key in ("role", "sites", "overrides")} == {
        key: body[key] for key in ("role", "sites", "overrides")
    }


def test_what_cannot_be_offered(firm: Firm) -> None:
    """VV-4, VV-6, VV-7, VV-12, VV-27: no owner; a Super Admin everywhere; else all sites or at least one."""
    new = {"account": "new@example.org"}
    before = get_rows(without={"accounts_apitoken"})
    refused: list[tuple[str, dict[str, Any], int]] = [
        ("olivia", new | {"role": "owner", "sites": "all"}, 422),
        ("olivia", new | {"role": "boss", "sites": "all"}, 422),
        ("olivia", new | {"sites": "all"}, 422),
        ("olivia", new | {"role": "super_admin", "sites": [firm.north]}, 422),
        ("olivia", new | {"role": "super_admin", "overrides": [{"site": firm.north, "role": "viewer"}]}, 422),
        ("olivia", new | {"role": "viewer"}, 422),
        ("olivia", new | {"role": "viewer", "sites": []}, 422),
        ("olivia", new | {"role": "viewer", "sites": "some"}, 422),
        ("olivia", {"account": "no address", "role": "viewer", "sites": "all"}, 422),
        ("olivia", {"account": "olivia@example.org", "role": "viewer", "sites": "all"}, 422),
        ("olivia", {"account": "vera@example.org", "role": "viewer", "sites": "all"}, 422),
        ("ada", new | {"role": "super_admin"}, 403),
        ("ada", new | {"role": "viewer", "sites": "all"}, 403),
        ("ada", new | {"role": "viewer", "sites": [firm.south]}, 404),
        ("vera", new | {"role": "viewer", "sites": "all"}, 403),
        ("xena", new | {"role": "viewer", "sites": "all"}, 404),
    ]
    for name, body, want in refused:
        assert firm.do(name, "POST", f"organizations/{firm.id}/invitations", body)[0] == want, (name, body)
    assert get_rows(without={"accounts_apitoken"}) == before
    for name, body in (
        ("olivia", {"role": "super_admin", "sites": "all"}),
        ("ada", {"role": "admin", "sites": [firm.north]}),
    ):
        assert firm.do(name, "POST", f"organizations/{firm.id}/invitations", new | body)[0] == 201


def test_seven_days_to_the_second(firm: Firm) -> None:
    """VV-10, N11: good until 7 d, expired at 7 d + 1 s, and so it stays when the clock goes back an hour."""
    first, second = firm.invite("rita", role="viewer", sites="all"), firm.invite("pat", role="viewer", sites="all")
    for name, pk, late, want in (("pat", second, 0, 200), ("rita", first, 1, 409)):
        end = Invitation.objects.get(pk=pk).offered_at + WEEK
        with clock.frozen_at(end + timedelta(seconds=late) - timedelta(milliseconds=late == 0)):
            status, body = call(firm.person(name).api(), "POST", f"invitations/{pk}/accept")
        assert (status, body.get("code")) == (want, "invitation_expired" if late else None)
    with clock.frozen_at(Invitation.objects.get(pk=first).expires_at - timedelta(hours=1)):
        assert call(firm.people.rita.api(), "POST", f"invitations/{first}/accept")[0] == 409
    # Sent again it has a successor; what ran out stays so.
    status, again = firm.do("olivia", "POST", f"invitations/{first}/resend")
    assert (status, again["state"], again["id"] != first) == (200, "pending", True)
    assert firm.do("rita", "POST", f"invitations/{first}/accept")[0] == 409
    assert firm.do("rita", "POST", f"invitations/{again['id']}/accept")[0] == 200


def test_listed_sent_again_cancelled_replaced(firm: Firm) -> None:
    """VV-11, VV-12: by state; a new secret voids the old; a second invitation replaces the first."""
    path = f"organizations/{firm.id}/invitations"
    first = firm.invite("rita", role="viewer", sites="all")
    second = firm.invite("rita", role="operator", sites=[firm.south])

    def states(query: str = "") -> dict[str, str]:
        return {row["id"]: row["state"] for row in firm.do("olivia", "GET", f"{path}{query}")[1]["items"]}

    assert states("?state=pending") == {second: "pending"}
    assert states("?state=cancelled&text=rita") == {first: "cancelled"}
    assert firm.do("rita", "POST", f"invitations/{first}/accept")[0] == 409
    # Ada does not manage South: of that invitation she learns nothing. Vera manages nothing.
    assert second not in {row["id"] for row in firm.do("ada", "GET", path)[1]["items"]}
    assert [firm.do(name, "GET", path)[0] for name in ("vera", "xena")] == [403, 404]
    absent = firm.do("ada", "DELETE", "invitations/01zzzzzzzzzzzzzzzzzzzzzzzz")
    assert absent[0] == 404
    for name in ("ada", "vera", "xena"):
        assert firm.do(name, "DELETE", f"invitations/{second}") == absent
        assert firm.do(name, "POST", f"invitations/{second}/resend") == absent
    old = mailed_tokens()[-1]
    with clock.moved_by(timedelta(days=2)):
        later = call(firm.people.olivia.api(), "POST", f"invitations/{second}/resend")[1]
        assert (later["id"], later["state"]) == (second, "pending")
        new = mailed_tokens()[-1]
    assert later["expires_at"] > firm.do("olivia", "GET", path)[1]["items"][-1]["expires_at"]
    assert call(Client(), "POST", "invitations/by-token", {"token": old})[0] == 404
    assert firm.do("olivia", "DELETE", f"invitations/{second}")[1]["state"] == "cancelled"
    assert firm.do("olivia", "DELETE", f"invitations/{second}")[0] == 200  # a second time is harmless
    assert call(Client(), "POST", "invitations/by-token", {"token": new})[0] == 409
    assert firm.do("olivia", "POST", f"invitations/{second}/resend")[0] == 409


def test_the_secret_of_the_mail_acts_for_the_invited_alone(firm: Firm) -> None:
    """VV-13, VV-17, N7, N8, N11: whoever is signed in; nobody is signed in by it; others learn nothing."""
    pk = firm.invite("rita", role="viewer", sites="all")
    (token,) = mailed_tokens()
    path, body = "invitations/by-token", {"token": token}
    status, refusal = firm.do("xena", "POST", path, body)
    assert (status, refusal["code"]) == (403, "wrong_account")
    assert "Bakery" not in str(refusal)
    assert firm.do("xena", "POST", f"invitations/{pk}/accept")[0] == 404
    assert firm.do("xena", "POST", f"invitations/{pk}/decline")[0] == 404
    # A bad bearer is 401 even here (N7), and a token of another scope opens nothing.
    assert call(Client(headers={"authorization": "Bearer bv_no"}), "POST", path, body)[0] == 401
    assert call(firm.people.rita.api(["read"]), "POST", path, body)[0] == 403
    # Another site's page cannot use who is signed in here (N8).
    foreign = firm.people.rita.browser().post(
        f"/api/v1/{path}", body, content_type="application/json", headers={"sec-fetch-site": "cross-site"}
    )
    assert foreign.status_code == 403
    assert not Membership.objects.filter(account_id=firm.people.rita.id, organization_id=firm.id).exists()
    stranger = Client()
    for _ in range(2):  # a second time is harmless
        status, joined = call(stranger, "POST", path, body)
        assert (status, joined["state"], joined["organization"]) == (200, "accepted", firm.id)
    assert "bv" not in stranger.cookies
    assert call(stranger, "GET", "me")[0] == 401
    assert Membership.objects.get(account_id=firm.people.rita.id, organization_id=firm.id).is_active


def test_an_address_without_an_account_signs_up_first(firm: Firm) -> None:
    """VV-13: the secret opens nothing while nobody holds the address; then it does."""
    body = {"account": "nadia@example.org", "role": "viewer", "sites": "all"}
    assert firm.do("olivia", "POST", f"organizations/{firm.id}/invitations", body)[0] == 201
    (token,) = mailed_tokens()
    assert call(Client(), "POST", "invitations/by-token", {"token": token})[0] == 404
    cast.make("nadia")
    assert call(Client(), "POST", "invitations/by-token", {"token": token})[0] == 200


def test_accepted_twice_at_once(firm: Firm) -> None:
    """VV-16, N11: by list and by mail, from three devices at one moment: one membership, and all read yes."""
    pk = firm.invite("rita", role="viewer", sites="all")
    (token,) = mailed_tokens()
    clients = [firm.people.rita.api() for _ in range(2)]
    found = at_once(
        *[partial(call, client, "POST", f"invitations/{pk}/accept") for client in clients],
        partial(call, Client(), "POST", "invitations/by-token", {"token": token}),
    )
    assert [(status, body.get("state"), body.get("detail")) for status, body in found] == [(200, "accepted", None)] * 3
    assert Membership.objects.filter(account_id=firm.people.rita.id, organization_id=firm.id).count() == 1


def test_accepting_while_it_is_cancelled(firm: Firm) -> None:
    """N11: one of both wins, and the other is told."""
    rita, olivia = firm.people.rita.api(), firm.people.olivia.api()
    for _ in range(3):
        pk = firm.invite("rita", role="viewer", sites="all")
        (accepted, _joined), (cancelled, _sent) = at_once(
            partial(call, rita, "POST", f"invitations/{pk}/accept"),
            partial(call, olivia, "DELETE", f"invitations/{pk}"),
        )
        assert sorted([accepted, cancelled]) == [200, 409]
        members = Membership.objects.filter(account_id=firm.people.rita.id, organization_id=firm.id, is_active=True)
        assert members.exists() == (accepted == 200)
        if accepted == 200:
            firm.do("olivia", "DELETE", f"members/{members.get().pk}")


@pytest.mark.parametrize("act", ["demoted", "removed"])
def test_nobody_joins_under_somebody_who_may_not_invite_any_more(firm: Firm, act: str) -> None:
    """N11: the inviter's right is decided again at acceptance."""
    body = {"account": "rita@example.org", "role": "operator", "sites": [firm.north]}
    pk = firm.do("ada", "POST", f"organizations/{firm.id}/invitations", body)[1]["id"]
    ada = f"members/{firm.members['ada']}"
    if act == "demoted":
        assert firm.do("olivia", "PATCH", ada, {"role": "viewer"})[0] == 200
    else:
        assert firm.do("olivia", "DELETE", ada)[0] == 200
    assert firm.do("rita", "POST", f"invitations/{pk}/accept")[1]["code"] == "conflict"
    assert firm.do("rita", "GET", f"organizations/{firm.id}")[0] == 404
    # Who may still give it sends it again, and then answers for it himself.
    assert firm.do("olivia", "POST", f"invitations/{pk}/resend")[1]["inviter"]["name"] == "Olivia"
    assert firm.do("rita", "POST", f"invitations/{pk}/accept")[0] == 200


def test_declining_tells_the_inviter(firm: Firm) -> None:
    """VV-18: and a second time is harmless."""
    pk = firm.invite("rita", role="viewer", sites="all")
    run_due()
    mail.outbox.clear()
    for _ in range(2):
        status, answer = firm.do("rita", "POST", f"invitations/{pk}/decline")
        assert (status, answer["state"], answer["organization"]) == (200, "declined", None)
    run_due()
    assert [row.to for row in mail.outbox] == [["olivia@example.org"]]
    assert firm.do("rita", "POST", f"invitations/{pk}/accept")[0] == 409
    assert firm.do("rita", "GET", "inbox")[1]["items"] == []
