"""Organizations, sites, members and invitations through the API: what works beside what is refused.

VV-2 to VV-8, VV-24 to VV-29, VV-31, N12, N13, N16, N17. The life of an invitation is in `test_invitations_api.py`.
"""

from datetime import timedelta
from typing import Any

import pytest

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id
from belvedere.control.devices.services import add_device
from belvedere.control.sharing.services import Item, accept_share, offer_share
from control.firm import Firm, found_firm
from control.watching import hello, watch
from rows import get_rows


@pytest.fixture
def firm(people: cast.Cast) -> Firm:
    """North Bakery: Olivia owns it, Ada is Admin of North, Vera is Viewer everywhere."""
    return found_firm(people)


def add_camera(firm: Firm, site: str, name: str) -> str:
    """A camera of the firm's; its id."""
    device = add_device(
        firm.people.olivia.actor, site=site, name=name, address=f"rtsp://127.0.0.1:9/{name}", is_tested=False
    )
    cameras: list[dict[str, Any]] = firm.do("olivia", "GET", f"devices/{device}")[1]["cameras"]
    return str(cameras[0]["id"])


def test_an_organization_as_its_members_read_it(firm: Firm) -> None:
    """VV-28: name, region and time zone, editable by who manages the whole; a stranger learns nothing."""
    path = f"organizations/{firm.id}"
    view = {"id": firm.id, "name": "North Bakery", "personal": False, "region": "Galicia", "time_zone": "Europe/Madrid"}
    for name, role, manages in (("olivia", "owner", True), ("ada", "admin", True), ("vera", "viewer", False)):
        status, body = firm.do(name, "GET", path)
        own = {"role": role, "manages": manages, "membership": body["membership"]}
        assert (status, body) == (200, view | own)
    assert firm.do("vera", "PATCH", path, {"name": "Mine"})[0] == 403
    assert firm.do("ada", "PATCH", path, {"name": "Mine"})[0] == 403
    assert firm.do("xena", "PATCH", path, {"name": "Mine"})[0] == 404
    assert firm.do("olivia", "PATCH", path, {"time_zone": "Mars/Olympus"})[0] == 422
    assert firm.do("olivia", "GET", path)[1]["name"] == "North Bakery"
    status, body = firm.do("olivia", "PATCH", path, {"name": "Bakery", "time_zone": "Europe/Lisbon"})
    assert (status, body["name"], body["region"], body["time_zone"]) == (200, "Bakery", "Galicia", "Europe/Lisbon")


def test_sites_as_each_role_has_them(firm: Firm) -> None:
    """VV-8, VV-27, VV-29: added by who manages the whole, edited by who manages the site, unseen without a role."""
    path = f"organizations/{firm.id}/sites"
    assert [firm.do(name, "POST", path, {"name": "East"})[0] for name in ("xena", "vera", "ada")] == [404, 403, 403]
    assert firm.do("olivia", "POST", path, {"name": "north"})[0] == 409
    status, east = firm.do("olivia", "POST", path, {"name": "East", "region": "Asturias"})
    assert (status, east["time_zone"], east["address"]) == (201, "Europe/Madrid", "")
    seen = {name: [row["name"] for row in firm.do(name, "GET", path)[1]["items"]] for name in ("olivia", "ada", "vera")}
    # VV-8: *all sites* has the later one, *specific* has not.
    assert seen == {"olivia": ["East", "North", "South"], "ada": ["North"], "vera": ["East", "North", "South"]}
    site = firm.do("vera", "GET", f"sites/{firm.north}")[1]
    assert site == {
        "id": firm.north,
        "name": "North",
        "organization": firm.id,
        "region": "",
        "time_zone": "Europe/Madrid",
        "address": None,
        "permissions": ["live_view", "playback"],
    }
    assert firm.do("ada", "GET", f"sites/{firm.north}")[1]["address"] == "North Street 1"
    assert firm.do("ada", "PATCH", f"sites/{firm.north}", {"address": "Quay 3"})[1]["address"] == "Quay 3"
    assert firm.do("ada", "PATCH", f"sites/{firm.south}", {"address": "Quay 3"})[0] == 404
    assert firm.do("vera", "PATCH", f"sites/{firm.north}", {"address": "Quay 3"})[0] == 403


def test_a_site_goes_empty_or_with_its_devices_moved(firm: Firm) -> None:
    """VV-29: refused while devices stand there and nobody says where they go; roles on it end."""
    camera = add_camera(firm, firm.north, "Oven")
    assert firm.do("ada", "DELETE", f"sites/{firm.north}")[0] == 403
    status, body = firm.do("olivia", "DELETE", f"sites/{firm.north}")
    assert (status, body["code"]) == (409, "conflict")
    assert "Oven" in body["detail"]
    assert firm.do("olivia", "DELETE", f"sites/{firm.north}", {"move_devices_to": firm.people.xena.site})[0] == 404
    status, receipt = firm.do("olivia", "DELETE", f"sites/{firm.north}", {"move_devices_to": firm.south})
    assert (status, receipt["state"], receipt["cut"]) == (200, "closed", [])
    assert firm.do("olivia", "GET", f"cameras/{camera}")[1]["site"] == firm.south
    assert firm.do("ada", "GET", f"cameras/{camera}")[0] == 404
    assert firm.do("olivia", "GET", f"sites/{firm.north}")[0] == 404
    east = firm.do("olivia", "POST", f"organizations/{firm.id}/sites", {"name": "East"})[1]["id"]
    assert firm.do("olivia", "DELETE", f"sites/{firm.south}?move_devices_to={east}")[0] == 200
    assert firm.do("olivia", "GET", f"cameras/{camera}")[1]["site"] == east


def test_members_as_far_as_one_manages_them(firm: Firm) -> None:
    """VV-7, VV-27: a site's Admin reads of others what concerns his site; a plain member of nobody but himself."""
    vera = firm.members["vera"]
    firm.do("olivia", "PATCH", f"members/{vera}", {"overrides": [{"site": firm.south, "role": "operator"}]})
    whole = firm.do("olivia", "GET", f"members/{vera}")[1]
    account = {"id": firm.people.vera.id, "name": "Vera", "email": "vera@example.org"}
    assert whole == {
        "id": vera,
        "organization": firm.id,
        "account": account,
        "role": "viewer",
        "sites": "all",
        "overrides": [{"site": firm.south, "role": "operator"}],
        "since": whole["since"],
        "last_seen_at": whole["last_seen_at"],
        "version": 2,
        "may_change": True,
        "may_remove": True,
    }
    adas = firm.do("ada", "GET", f"members/{vera}")[1]
    assert {key: adas[key] for key in ("role", "sites", "overrides", "may_change", "may_remove")} == {
        "role": "viewer",
        "sites": [firm.north],
        "overrides": [],
        "may_change": True,
        "may_remove": False,
    }
    assert firm.do("vera", "GET", f"members/{vera}")[1]["overrides"] == whole["overrides"]
    assert firm.do("vera", "GET", f"members/{firm.members['ada']}")[0] == 404
    path = f"organizations/{firm.id}/members"
    assert [firm.do(name, "GET", path)[0] for name in ("vera", "rita")] == [403, 404]
    firm.join("rita", role="live_only", sites=[firm.south])
    names = {name: [row["account"]["name"] for row in firm.list_members(name)] for name in ("olivia", "ada")}
    assert names == {"olivia": ["Ada", "Olivia", "Rita", "Vera"], "ada": ["Ada", "Olivia", "Vera"]}
    for query, found in {
        "?text=ver": ["Vera"],
        "?role=admin": ["Ada"],
        f"?role=operator&site={firm.south}": ["Vera"],
        f"?site={firm.north}": ["Ada", "Olivia", "Vera"],
        "?text=nobody": [],
    }.items():
        assert [row["account"]["name"] for row in firm.list_members("olivia", query)] == found, query
    assert firm.do("olivia", "GET", f"{path}?role=boss")[0] == 422


def test_a_role_acts_on_every_surface_at_once(firm: Firm) -> None:
    """VV-24 to VV-26, VV-33: live only, no access; the receipt names what was cut."""
    north, south = add_camera(firm, firm.north, "Oven"), add_camera(firm, firm.south, "Till")
    path = f"members/{firm.members['vera']}"
    hello()
    session = watch(firm.people.vera, south)
    body = {"role": "live_only", "overrides": [{"site": firm.south, "role": "no_access"}], "version": 1}
    status, receipt = firm.do("olivia", "PATCH", path, body)
    assert (status, receipt["state"], [row["session"] for row in receipt["cut"]]) == (200, "changed", [session])
    assert receipt["cut"][0]["account"]["email"] == "vera@example.org"
    status, again = firm.do("olivia", "GET", f"receipts/{receipt['change_id']}")
    assert (status, again["state"], len(again["cut"])) == (200, "changed", 1)
    assert [firm.do(name, "GET", f"receipts/{receipt['change_id']}")[0] for name in ("ada", "vera")] == [404, 404]
    assert firm.do("vera", "GET", f"cameras/{north}")[1]["permissions"] == ["live_view"]
    assert firm.do("vera", "GET", f"cameras/{south}")[0] == 404
    assert firm.do("vera", "GET", f"sites/{firm.south}")[0] == 404
    # Two admins at once: the later reads that he looked at an older one.
    assert firm.do("olivia", "PATCH", path, body | {"role": "viewer"})[1]["code"] == "conflict"
    assert firm.do("olivia", "PATCH", path, {})[0] == 409


def test_nobody_reaches_above_or_beyond_himself(firm: Firm) -> None:
    """VV-5, VV-27, VV-31, N9, N12: by token no Super Admin is made; an Admin raises nobody above, nor elsewhere."""
    ada, vera = (f"members/{firm.members[name]}" for name in ("ada", "vera"))
    owner = f"members/{firm.do('olivia', 'GET', f'organizations/{firm.id}')[1]['membership']}"
    before = get_rows(without=ASIDE)
    refused: list[tuple[str, str, str, Any, int]] = [
        ("ada", "PATCH", ada, {"role": "super_admin"}, 403),
        ("ada", "PATCH", ada, {"role": "viewer"}, 403),
        ("ada", "PATCH", vera, {"role": "super_admin"}, 403),
        ("ada", "PATCH", vera, {"sites": "all", "role": "operator"}, 403),
        ("ada", "PATCH", vera, {"overrides": [{"site": firm.south, "role": "viewer"}]}, 404),
        ("ada", "PATCH", owner, {"role": "viewer"}, 403),
        ("ada", "DELETE", owner, None, 403),
        ("ada", "DELETE", vera, None, 403),  # he is on South as well
        ("olivia", "PATCH", vera, {"role": "owner"}, 422),
        ("olivia", "PATCH", vera, {"role": "super_admin"}, 403),  # a token is never fresh
        ("olivia", "PATCH", vera, {"role": "boss"}, 422),
        ("olivia", "PATCH", vera, {"sites": []}, 422),
        ("olivia", "PATCH", vera, {"overrides": [{"site": firm.south, "role": "super_admin"}]}, 422),
        ("olivia", "PATCH", vera, {"overrides": [{"site": firm.south, "role": "operator"}] * 2}, 422),
        ("olivia", "PATCH", owner, {"role": "viewer"}, 403),
        ("olivia", "DELETE", owner, None, 403),
        ("vera", "PATCH", ada, {"role": "viewer"}, 404),
        ("vera", "DELETE", ada, None, 404),
    ]
    for name, method, path, body, want in refused:
        assert firm.do(name, method, path, body)[0] == want, (name, method, path, body)
    assert get_rows(without=ASIDE) == before
    assert firm.do("olivia", "PATCH", vera, {"role": "super_admin"})[1]["code"] == "reauthentication_required"
    assert firm.do("ada", "PATCH", vera, {"role": "admin", "sites": [firm.north]})[0] == 200
    assert firm.do("olivia", "GET", vera)[1]["overrides"] == [{"site": firm.north, "role": "admin"}]


def test_a_signed_in_owner_makes_a_super_admin(firm: Firm) -> None:
    """VV-5, VV-6: with a fresh proof; he has every site, and there is nothing to choose."""
    page = firm.people.olivia.browser()
    address = f"/api/v1/members/{firm.members['vera']}"
    for body, want in (({"role": "super_admin", "sites": [firm.north]}, 422), ({"role": "super_admin"}, 200)):
        assert page.patch(address, body, content_type="application/json").status_code == want
    view = firm.do("vera", "GET", f"members/{firm.members['vera']}")[1]
    assert (view["role"], view["sites"], view["overrides"]) == ("super_admin", "all", [])
    assert firm.do("vera", "PATCH", f"organizations/{firm.id}", {"region": "Minho"})[0] == 200
    assert firm.do("vera", "DELETE", f"members/{firm.members['vera']}")[1]["state"] == "left"


def test_leaving_and_being_removed(firm: Firm) -> None:
    """VV-23, VV-34: everything of the organization ends, everything of one's own stays."""
    camera = add_camera(firm, firm.north, "Oven")
    assert firm.do("vera", "DELETE", f"members/{firm.members['vera']}")[1]["state"] == "left"
    assert firm.do("olivia", "DELETE", f"members/{firm.members['ada']}?version=7")[0] == 409
    assert firm.do("olivia", "DELETE", f"members/{firm.members['ada']}?version=1")[1]["state"] == "removed"
    for name in ("vera", "ada"):
        assert firm.do(name, "GET", f"cameras/{camera}")[0] == 404
        assert firm.do(name, "GET", f"organizations/{firm.id}")[0] == 404
        assert [row["personal"] for row in firm.do(name, "GET", "me")[1]["organizations"]] == [True]
    assert firm.do("vera", "GET", f"cameras/{firm.people.counter}")[0] == 200
    assert [row["account"]["name"] for row in firm.list_members("olivia")] == ["Olivia"]


#: what a refused request may leave: that the token was used
ASIDE = {"accounts_apitoken"}
EXTRA = ("id", "owner", "organization", "state", "origin", "created_by", "permissions_extra", "is_personal")


def test_no_write_takes_a_field_it_does_not_know(firm: Firm) -> None:
    """N12: `id owner organization state origin created_by permissions_extra`: 422, nothing changed."""
    invitation = firm.invite("rita", role="viewer", sites="all")
    writes: dict[tuple[str, str], dict[str, Any]] = {
        ("POST", "organizations"): {"name": "Mine"},
        ("PATCH", f"organizations/{firm.id}"): {"name": "Mine"},
        ("POST", f"organizations/{firm.id}/sites"): {"name": "Mine"},
        ("PATCH", f"sites/{firm.north}"): {"name": "Mine"},
        ("DELETE", f"sites/{firm.north}"): {"move_devices_to": firm.south},
        ("PATCH", f"members/{firm.members['vera']}"): {"role": "operator"},
        ("POST", f"organizations/{firm.id}/invitations"): {"account": "a@b.org", "role": "viewer", "sites": "all"},
        ("POST", "invitations/by-token"): {"token": invitation},
    }
    before = get_rows(without=ASIDE)
    for (method, path), body in writes.items():
        for name in EXTRA:
            assert firm.do("olivia", method, path, body | {name: firm.people.xena.id})[0] == 422, (path, name)
    nested = {"role": "viewer", "sites": "all", "overrides": [{"site": firm.north, "role": "admin", "id": "x"}]}
    assert firm.do("olivia", "PATCH", f"members/{firm.members['vera']}", nested)[0] == 422
    assert get_rows(without=ASIDE) == before


def test_a_cursor_is_its_readers_alone(firm: Firm) -> None:
    """N13: somebody else's, and with another filter: 400."""
    path = f"organizations/{firm.id}/members"
    pages: list[str] = []
    body = firm.do("olivia", "GET", f"{path}?limit=1")[1]
    cursor = body["next"]
    while body["next"]:
        pages += [row["account"]["name"] for row in body["items"]]
        body = firm.do("olivia", "GET", f"{path}?limit=1&cursor={body['next']}")[1]
    assert [*pages, body["items"][0]["account"]["name"]] == ["Ada", "Olivia", "Vera"]
    assert firm.do("ada", "GET", f"{path}?limit=1&cursor={cursor}")[1]["code"] == "bad_cursor"
    assert firm.do("olivia", "GET", f"{path}?limit=1&role=viewer&cursor={cursor}")[0] == 400
    assert (
        firm.do("olivia", "GET", f"organizations/{firm.people.olivia.organization}/members?cursor={cursor}")[0] == 400
    )
    assert firm.do("xena", "GET", f"{path}?cursor={cursor}")[0] == 400


def test_a_foreign_id_undoes_all(firm: Firm) -> None:
    """N16: a foreign site, or one that never was, among good ones: 404, the same words, nothing done in part."""
    before = get_rows(without=ASIDE)
    answers = []
    for foreign in (firm.people.xena.site, firm.people.olivia.site, new_id(), "x"):
        wishes: list[dict[str, Any]] = [
            {"role": "viewer", "sites": [firm.north, foreign]},
            {"role": "viewer", "sites": [firm.north], "overrides": [{"site": foreign, "role": "operator"}]},
        ]
        for wish in wishes:
            answers.append(firm.do("olivia", "PATCH", f"members/{firm.members['vera']}", wish))
            invitation = wish | {"account": "new@example.org"}
            answers.append(firm.do("olivia", "POST", f"organizations/{firm.id}/invitations", invitation))
    assert {status for status, _ in answers} == {404}
    assert len({str(body) for _, body in answers}) == 1
    assert get_rows(without=ASIDE) == before


def test_why_somebody_may(firm: Firm) -> None:
    """VA-22, N17: every right by name; who may not and who is not are one answer; foreign cameras are not there."""
    olivia, rita, vera = firm.people.olivia, firm.people.rita, firm.people.vera
    camera = add_camera(firm, firm.north, "Oven")
    ends_at = clock.now() + timedelta(days=400)
    share = offer_share(olivia.actor, recipient=rita.email, items=[Item(camera, Permission.LIVE_VIEW)], ends_at=ends_at)
    accept_share(rita.actor, share=share)

    def explain(name: str, account: str, permission: str = "live_view", of: str = camera) -> Any:
        return firm.do(name, "GET", f"access/explain?account={account}&camera={of}&permission={permission}")

    until = f"{ends_at.day} {ends_at:%B %Y}"
    terms: Any = {"starts_at": None, "ends_at": None, "hours": None, "footage": None}
    reason = terms | {"origin": "share", "id": share, "role": None, "resource": camera}
    reason["ends_at"] = f"{ends_at:%FT%T.%f}"[:-3] + "Z"
    text = f"Olivia shared it with Rita until {until}"
    for account in (rita.id, rita.email, "RITA@example.org"):
        answer = {"allowed": True, "from": None, "because": [reason | {"text": text}], "needs": ""}
        assert explain("ada", account) == (200, answer)
    member = terms | {"origin": "membership", "id": firm.members["ada"], "role": "admin", "resource": firm.north}
    assert explain("olivia", firm.ada.email, "manage")[1]["because"] == [member | {"text": "Ada is Admin of North"}]
    whole = terms | {"origin": "membership", "id": firm.members["vera"], "role": "viewer", "resource": firm.id}
    assert explain("ada", vera.id)[1]["because"] == [whole | {"text": "Vera is Viewer of North Bakery"}]
    needs = "It takes a share with live view, or the role Live Only on North, or a higher one."
    no: Any = (200, {"allowed": False, "from": None, "because": [], "needs": needs})
    for account in (firm.people.xena.id, firm.people.xena.email, new_id(), "nobody@example.org"):
        assert explain("ada", account) == no
    needs = "It takes a share with playback, or the role Viewer on North, or a higher one."
    assert explain("ada", rita.id, "playback") == (200, no[1] | {"needs": needs})
    # Vera sees the counter; of that Ada, and of the oven Vera herself, learn nothing.
    elsewhere = explain("ada", vera.id, of=new_id())
    assert elsewhere[0] == 404
    assert explain("ada", vera.id, of=firm.people.counter) == elsewhere
    assert explain("vera", vera.id) == explain("xena", vera.id) == elsewhere
    assert explain("ada", "x")[0] == explain("ada", vera.id, "fly")[0] == 422
    assert firm.do("ada", "GET", f"access/explain?account={vera.id}&permission=live_view")[0] == 422
