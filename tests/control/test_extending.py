"""A recorder's later channels: seen by exactly those they were chosen for. Rule 9, HC-23."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant
from belvedere.control.access.roles import Role
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound
from belvedere.control.devices.models import Camera, Device
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.devices.services import ChannelWish, add_device
from belvedere.control.organizations.services import Wish, change_member
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.selectors import get_given, get_received, list_extensions
from belvedere.control.sharing.services import Item, accept_share, end_share, extend_shares, leave_share, offer_share
from belvedere.control.sharing.terms import DAY, Footage

LIVE = Permission.LIVE_VIEW
BACK = Permission.LIVE_VIEW | Permission.PLAYBACK


@pytest.fixture
def recorder(people: cast.Cast) -> str:
    """Olivia's recorder with two cameras."""
    olivia = people.olivia
    wishes = [
        ChannelWish(token=token, name=name, address=f"rtsp://127.0.0.1:9/rec/{token}")
        for token, name in (("1", "Till"), ("2", "Yard"))
    ]
    return add_device(
        olivia.actor,
        site=olivia.site,
        name="Recorder",
        address="rtsp://127.0.0.1:9/rec",
        channels=wishes,
        is_tested=False,
    )


def cameras(device: str) -> dict[str, str]:
    """Name → id."""
    return dict(Camera.objects.filter(device=device, closed_at=None).values_list("name", "pk"))


def join(device: str, name: str = "Gate") -> str:
    """A channel that the recorder got later, as its refresh binds one; the camera's id."""
    row = Device.objects.get(pk=device)
    return Camera.objects.create(
        device=row,
        organization_id=row.organization_id,
        site_id=row.site_id,
        name=name,
        channel=name,
        created_at=clock.now(),
    ).pk


def share(people: cast.Cast, to: cast.Person, *items: tuple[str, Permission], accept: bool = True) -> str:
    given = offer_share(people.olivia.actor, recipient=to.email, items=[Item(*item) for item in items])
    if accept:
        accept_share(to.actor, share=given)
    return given


def sees(person: cast.Person) -> set[str]:
    return {view.name for view in list_cameras(person.actor) if not view.mine}


def offered(people: cast.Cast, device: str) -> dict[str, list[tuple[str, Permission]]]:
    found = list_extensions(people.olivia.actor, device)
    return {camera: [(row.share, row.permissions) for row in rows] for camera, rows in found.items()}


def test_of_a_recorder_one_camera_is_picked(people: cast.Cast, recorder: str) -> None:
    """HC-11: what was not picked stays unseen, though it is the same device's."""
    there = cameras(recorder)
    share = offer_share(people.olivia.actor, recipient=people.rita.email, items=[Item(there["Yard"], LIVE)])
    accept_share(people.rita.actor, share=share)
    assert [view.id for view in list_cameras(people.rita.actor)] == [there["Yard"]]
    with pytest.raises(NotFound):
        get_camera(people.rita.actor, there["Till"])


def test_a_later_channel_joins_the_chosen_shares_alone(people: cast.Cast, recorder: str) -> None:
    """Rule 9: offered to be added, with what the others have; before that nobody sees it."""
    there = cameras(recorder)
    ritas = share(people, people.rita, (there["Till"], BACK), (there["Yard"], LIVE))
    veras = share(people, people.vera, (there["Yard"], BACK))
    pats = share(people, people.pat, (there["Yard"], LIVE), accept=False)
    assert offered(people, recorder) == {}  # a share of some of them is not asked about again
    gate = join(recorder)
    assert "Gate" not in sees(people.rita) | sees(people.vera)
    # With what all of their cameras have: never more than any of them.
    assert sorted(offered(people, recorder)[gate]) == sorted([(ritas, LIVE), (veras, BACK), (pats, LIVE)])
    run_due()
    mail.outbox.clear()
    extend_shares(people.olivia.actor, additions={ritas: [Item(gate, LIVE)], pats: [Item(gate, LIVE)]})
    assert get_camera(people.rita.actor, gate).permissions == LIVE
    assert "Gate" not in sees(people.vera) | sees(people.pat)
    assert [name for name, _ in offered(people, recorder)[gate]] == [veras]
    run_due()
    # Who has it is told; who has not answered reads it with the rest, when he does.
    assert [(row.to, row.subject) for row in mail.outbox] == [([people.rita.email], "Olivia shares more with you")]
    assert "Gate" in str(mail.outbox[0].body)
    assert "Till" not in str(mail.outbox[0].body)
    accept_share(people.pat.actor, share=pats)
    assert {"Yard", "Gate"} <= sees(people.pat)
    entry = Entry.objects.filter(action="share.extended", thing=f"share:{ritas}").get()
    assert entry.fields is not None
    assert entry.fields["cameras"] == {gate: ["live_view"]}


def test_it_ends_with_its_share(people: cast.Cast, recorder: str) -> None:
    """VA-7: what was added is as much of the share as the rest."""
    ritas = share(people, people.rita, (cameras(recorder)["Yard"], LIVE))
    gate = join(recorder)
    extend_shares(people.olivia.actor, additions={ritas: [Item(gate, LIVE)]})
    assert {item.name for item in get_received(people.rita.actor, ritas).items} == {"Yard", "Gate"}
    end_share(people.olivia.actor, share=ritas)
    assert not Grant.objects.filter(principal=people.rita.id, origin_id=ritas, ended_at=None).exists()
    with pytest.raises(Conflict):
        extend_shares(people.olivia.actor, additions={ritas: [Item(gate, LIVE)]})


def test_nobody_adds_to_what_he_did_not_give(people: cast.Cast, recorder: str) -> None:
    """VA-5, N16: not the recipient, not a stranger; not what one may not share, nor twice, nor another's camera."""
    yard = cameras(recorder)["Yard"]
    ritas, veras = (share(people, who, (yard, LIVE)) for who in (people.rita, people.vera))
    gate = join(recorder)
    for who in (people.rita, people.vera, people.xena):
        with pytest.raises(NotFound):
            extend_shares(who.actor, additions={ritas: [Item(gate, LIVE)]})
    olivia = people.olivia.actor
    with pytest.raises(NotFound):
        extend_shares(olivia, additions={ritas: [Item(people.xenas, LIVE)]})
    with pytest.raises(Conflict):
        extend_shares(olivia, additions={ritas: [Item(yard, LIVE)]})
    with pytest.raises(Invalid):
        extend_shares(olivia, additions={})
    # All of it or nothing.
    leave_share(people.vera.actor, share=veras)
    with pytest.raises(Conflict):
        extend_shares(olivia, additions={ritas: [Item(gate, LIVE)], veras: [Item(gate, LIVE)]})
    assert "Gate" not in sees(people.rita)
    assert offered(people, recorder) == {gate: [(ritas, LIVE)]}


def test_who_lost_the_right_adds_nothing(hotels: cast.Hotels) -> None:
    """Rule 5: an Admin of one site adds nothing of another; one who may only watch by now, nothing at all."""
    given = hotels.ada.offer(hotels.rita, hotels.lobby)
    with pytest.raises(NotFound):
        extend_shares(hotels.ada.actor, additions={given: [Item(hotels.deck, LIVE)]})
    wish = Wish(role=Role.VIEWER, sites=[hotels.north])
    change_member(hotels.olivia.actor, member=hotels.member(hotels.ada), wish=wish)
    with pytest.raises((Conflict, Forbidden)):
        extend_shares(hotels.ada.actor, additions={given: [Item(hotels.lobby, LIVE)]})


def test_the_page_asks_and_adds_what_is_ticked(people: cast.Cast, recorder: str) -> None:
    yard = cameras(recorder)["Yard"]
    ritas, _veras = (share(people, who, (yard, LIVE)) for who in (people.rita, people.vera))
    client = people.olivia.browser()
    assert client.get(f"/devices/{recorder}").context["newcomers"] == []
    gate = join(recorder, "Gate <b>")
    [newcomer] = client.get(f"/devices/{recorder}").context["newcomers"]
    assert (newcomer["id"], len(newcomer["shares"])) == (gate, 2)
    assert "Gate &lt;b&gt;</bdi> is new" in client.get(f"/devices/{recorder}").content.decode()
    assert _post(client, recorder, share=[]) == 302
    assert "Gate <b>" not in sees(people.rita) | sees(people.vera)
    for _again in range(2):
        assert _post(client, recorder, share=[f"{ritas}.{gate}", f"{ritas}.{people.xenas}", "x"]) == 302
    assert "Gate <b>" in sees(people.rita)
    assert "Gate <b>" not in sees(people.vera)
    assert _post(people.rita.browser(), recorder, share=[f"{ritas}.{gate}"]) == 404


def test_the_api_says_the_same(people: cast.Cast, recorder: str) -> None:
    ritas = share(people, people.rita, (cameras(recorder)["Yard"], LIVE))
    body = {"add": [{"camera": join(recorder), "permissions": ["live_view"]}]}
    answer = _patch(people.olivia.api(), ritas, body)
    assert answer.status_code == 200
    assert {item["name"] for item in answer.json()["items"]} == {"Yard", "Gate"}
    assert (answer.json()["state"], answer.json()["cut"]) == ("accepted", [])
    assert _patch(people.olivia.api(), ritas, body).status_code == 409
    assert _patch(people.rita.api(), ritas, body).status_code == 404
    assert len(get_given(people.olivia.actor, ritas).items) == 2


def _post(client: Client, device: str, **form: Any) -> int:
    return client.post(f"/devices/{device}/shares", form).status_code


def _patch(client: Client, given: str, body: dict[str, Any]) -> Any:
    return client.patch(f"/api/v1/shares/{given}", body, content_type="application/json")


@pytest.mark.parametrize(
    ("windows", "least"),
    [
        ((Footage(7 * DAY), Footage(DAY)), Footage(DAY)),
        ((Footage(), Footage(DAY)), Footage(DAY)),
        ((Footage(DAY), Footage(is_since_grant=True)), Footage(is_since_grant=True)),
        ((Footage(), Footage()), Footage()),
    ],
    ids=str,
)
def test_a_later_channel_reaches_no_farther_back(
    people: cast.Cast, recorder: str, windows: tuple[Footage, Footage], least: Footage
) -> None:
    """Rule 9, B-6: with what all of the others have, and as far back as the least of them."""
    there = cameras(recorder)
    items = [Item(there[name], BACK, footage=window) for name, window in zip(("Till", "Yard"), windows, strict=True)]
    ritas = offer_share(people.olivia.actor, recipient=people.rita.email, items=items)
    accept_share(people.rita.actor, share=ritas)
    gate = join(recorder)
    assert [row.footage for row in list_extensions(people.olivia.actor, recorder)[gate]] == [least]
    assert _post(people.olivia.browser(), recorder, share=[f"{ritas}.{gate}"]) == 302
    given = get_given(people.olivia.actor, ritas)
    assert next(item.footage for item in given.items if item.resource == gate) == least
