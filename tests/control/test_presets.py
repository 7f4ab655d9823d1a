"""An organization's own presets: made and changed by who shares all of it, offered to who shares something there."""

from typing import Any

import pytest

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.roles import Role
from belvedere.control.audit.models import Entry
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound
from belvedere.control.sharing.models import SharePreset
from belvedere.control.sharing.presets import PRESETS
from belvedere.control.sharing.selectors import get_own_preset, list_own_presets
from belvedere.control.sharing.services import MAX_PRESETS, PresetPatch, change_preset, make_preset, remove_preset
from belvedere.control.sharing.terms import DAY, HOUR, MAX_LAST_S, Footage

LIVE = Permission.LIVE_VIEW
BACK = Permission.LIVE_VIEW | Permission.PLAYBACK
MORNINGS = {"mon": [["08:00", "12:00"]]}


def gardener(who: cast.Person, organization: str = "") -> str:
    return make_preset(
        who.actor,
        organization=organization or who.organization,
        name="Gardener",
        permissions=BACK,
        footage=Footage(3 * DAY),
        weekly=MORNINGS,
        lasts_s=30 * DAY,
    )


def test_a_preset_is_made_changed_and_given_up(people: cast.Cast) -> None:
    """VA-20."""
    olivia = people.olivia.actor
    preset = gardener(people.olivia)
    [row] = list_own_presets(olivia, people.olivia.organization)
    assert (row.id, row.name, row.permissions, row.footage, row.weekly, row.lasts_s) == (
        preset,
        "Gardener",
        BACK,
        Footage(3 * DAY),
        MORNINGS,
        30 * DAY,
    )
    # What is not said stays; without playback there is no window, either.
    change_preset(olivia, preset=preset, changes={"name": "GARDENER", "permissions": LIVE, "lasts_s": None})
    row = get_own_preset(olivia, preset)
    assert (row.name, row.permissions, row.footage, row.weekly, row.lasts_s) == ("GARDENER", LIVE, None, MORNINGS, None)
    change_preset(olivia, preset=preset, changes={"name": "GARDENER"})
    remove_preset(olivia, preset=preset)
    with pytest.raises(NotFound):
        remove_preset(olivia, preset=preset)
    with pytest.raises(NotFound):
        get_own_preset(olivia, preset)
    entries = Entry.objects.filter(thing=f"preset:{preset}").order_by("sequence")
    assert [entry.action for entry in entries] == ["preset.made", "preset.changed", "preset.removed"]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "x" * 81},
        {"name": "a\u202eb"},
        {"permissions": Permission(0)},
        {"permissions": Permission.PLAYBACK | Permission.TALK},
        {"permissions": LIVE | Permission.MANAGE},
        {"permissions": LIVE, "footage": Footage(DAY)},
        {"weekly": {"mon": [["12:00", "08:00"]]}},
        {"weekly": {"someday": [["08:00", "12:00"]]}},
        {"weekly": {}},
        {"lasts_s": HOUR - 1},
        {"lasts_s": MAX_LAST_S + 1},
        {"lasts_s": -DAY},
    ],
    ids=str,
)
def test_what_no_share_could_be_is_no_preset(people: cast.Cast, changes: PresetPatch) -> None:
    """Rule 4, N32: the rules of a share's items; and nothing of it stays."""
    preset = gardener(people.olivia)
    before = list(SharePreset.objects.values())
    with pytest.raises(Invalid):
        change_preset(people.olivia.actor, preset=preset, changes=changes)
    assert list(SharePreset.objects.values()) == before


def test_a_name_is_one_presets(people: cast.Cast) -> None:
    gardener(people.olivia)
    for name in ("gardener", " GARDENER", "Family", "fAMILY"):
        with pytest.raises(Conflict):
            make_preset(people.olivia.actor, organization=people.olivia.organization, name=name, permissions=LIVE)
    other = make_preset(
        people.olivia.actor, organization=people.olivia.organization, name="Ünïcode 外", permissions=LIVE
    )
    for name in ("Gardener", "ÜNÏCODE 外"):
        if name != "Gardener":
            change_preset(people.olivia.actor, preset=other, changes={"name": name})
        else:
            with pytest.raises(Conflict):
                change_preset(people.olivia.actor, preset=other, changes={"name": name})
    # Another organization's names are nobody's here.
    gardener(people.xena)


def test_there_are_so_many(people: cast.Cast) -> None:
    olivia = people.olivia
    for number in range(MAX_PRESETS):
        make_preset(olivia.actor, organization=olivia.organization, name=f"Preset {number}", permissions=LIVE)
    with pytest.raises(Conflict):
        gardener(olivia)
    assert len(list_own_presets(olivia.actor, olivia.organization)) == MAX_PRESETS


def test_who_makes_them_and_who_begins_from_them(hotels: cast.Hotels) -> None:
    """VV-27: what everybody begins from is the whole organization's; Ada shares on North alone, and reads them."""
    preset = gardener(hotels.sam, hotels.id)
    for who in (hotels.olivia, hotels.sam, hotels.ada):
        assert [row.id for row in list_own_presets(who.actor, hotels.id)] == [preset]
    with pytest.raises(Forbidden):
        change_preset(hotels.ada.actor, preset=preset, changes={"name": "Mine"})
    with pytest.raises(Forbidden):
        remove_preset(hotels.ada.actor, preset=preset)
    with pytest.raises(Forbidden):
        make_preset(hotels.ada.actor, organization=hotels.id, name="Mine", permissions=LIVE)
    # Who shares nothing there does not learn of them.
    for who in (hotels.omar, hotels.vera, hotels.rita, hotels.xena):
        with pytest.raises(NotFound):
            list_own_presets(who.actor, hotels.id)
        with pytest.raises(NotFound):
            change_preset(who.actor, preset=preset, changes={"name": "Mine"})
    rita = hotels.rita
    hotels.join(rita, Role.ADMIN, everywhere=True)
    change_preset(rita.actor, preset=preset, changes={"name": "Housekeeping"})
    assert get_own_preset(hotels.ada.actor, preset).name == "Housekeeping"


def test_the_api_says_the_same(people: cast.Cast) -> None:
    api = people.olivia.api()
    body = {
        "organization": people.olivia.organization,
        "name": "Gardener",
        "permissions": ["live_view", "playback"],
        "footage": {"last": "P3D"},
        "weekly": {"mon": [["08:00", "12:00"]]},
        "lasts": "P30D",
    }
    made = call(api.post, "presets", body)
    assert made.status_code == 201, made.content
    preset = made.json()["id"]
    assert made.json() == body | {"id": preset, "lasts": "PT720H"}
    listed = api.get("/api/v1/presets", {"organization": people.olivia.organization}).json()["items"]
    assert [row["id"] for row in listed] == [row.id for row in PRESETS] + [preset]
    assert {row["organization"] for row in listed} == {None, people.olivia.organization}
    assert len(api.get("/api/v1/presets").json()["items"]) == len(PRESETS)
    changed = call(api.patch, f"presets/{preset}", {"lasts": None, "footage": {"since": "grant"}})
    assert (changed.json()["lasts"], changed.json()["footage"]) == (None, {"since": "grant"})
    refused: list[dict[str, object]] = [
        {"lasts": "P0D"},
        {"lasts": "soon"},
        {"permissions": []},
        {"permissions": ["fly"]},
        {"name": ""},
    ]
    for wrong in refused:
        assert call(api.patch, f"presets/{preset}", wrong).status_code == 422, wrong
    # N13: another's, one that is built in, one that is not there: nothing to change, byte for byte.
    answers = [
        call(api.patch, f"presets/{found}", {"name": "X"})
        for found in ("family", gardener(people.xena), "01zzzzzzzzzzzzzzzzzzzzzzzz", "x")
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
    assert call(api.delete, f"presets/{preset}", {}).status_code == 200
    assert call(api.delete, f"presets/{preset}", {}).status_code == 404
    assert api.get("/api/v1/presets", {"organization": people.xena.organization}).status_code == 404


def call(method: Any, path: str, body: dict[str, Any]) -> Any:
    return method(f"/api/v1/{path}", body, content_type="application/json")


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_share_form_begins_from_them(people: cast.Cast) -> None:
    """HC-12, VA-20: a window that no button has, hours of the camera's zone, an end counted from now."""
    preset = gardener(people.olivia)
    client = people.olivia.browser()
    form = {"to": people.rita.email, "camera": people.courtyard}
    page = client.post("/share", form | {"preset": preset})
    terms, html = page.context["terms"], page.content.decode()
    assert f'<button class="pill" name="preset" value="{preset}"' in html
    assert (terms["footage"].value(), terms["mon"].value(), terms["time"].value()) == ("P3D", "08:00–12:00", "until")
    assert 'value="P3D" checked' in html
    assert terms.is_valid()
    assert terms.reach == Footage(3 * DAY)
    # Another organization's is nothing to this form.
    other = client.post("/share", form | {"preset": gardener(people.xena)})
    assert other.context["terms"]["footage"].value() is None


def test_the_pages(people: cast.Cast) -> None:
    olivia = people.olivia
    client = olivia.browser()
    assert "None yet" in client.get("/sharing/presets").content.decode()
    form: dict[str, Any] = {"name": "<i>Wächter</i>", "permission": ["live_view", "playback"], "footage": "week"}
    form |= {"lasts": "PT8H", "mon": "22:00–24:00"}
    assert client.post("/sharing/presets/new", form).status_code == 302
    page = client.get("/sharing/presets").content.decode()
    assert "<bdi>&lt;i&gt;Wächter&lt;/i&gt;</bdi>" in page
    assert "Live, and recordings of the last 7 days, Mon 22–24, for 8 hours" in page
    [row] = list_own_presets(olivia.actor, olivia.organization)
    assert client.get(f"/sharing/presets/{row.id}").context["terms"]["footage"].value() == "week"
    for wrong, status in (
        ({"name": ""}, 422),
        ({"mon": "late"}, 422),
        ({"permission": []}, 422),
        ({"name": "Family"}, 409),
    ):
        assert client.post(f"/sharing/presets/{row.id}", form | wrong).status_code == status, wrong
    assert client.post(f"/sharing/presets/{row.id}", form | {"name": "Guard", "lasts": ""}).status_code == 302
    assert get_own_preset(olivia.actor, row.id).lasts_s is None
    assert client.post(f"/sharing/presets/{row.id}/remove").status_code == 302
    assert list_own_presets(olivia.actor, olivia.organization) == []


def test_a_window_that_the_api_made_survives_the_form(people: cast.Cast) -> None:
    preset = gardener(people.olivia)
    change_preset(people.olivia.actor, preset=preset, changes={"lasts_s": 3 * DAY})
    client = people.olivia.browser()
    page = client.get(f"/sharing/presets/{preset}")
    assert (page.context["terms"]["footage"].value(), page.context["terms"]["lasts"].value()) == ("P3D", "P3D")
    form = {"name": "Gardener", "permission": ["live_view", "playback"], "footage": "P3D", "lasts": "P3D"}
    assert client.post(f"/sharing/presets/{preset}", form).status_code == 302
    row = get_own_preset(people.olivia.actor, preset)
    assert (row.footage, row.lasts_s, row.weekly) == (Footage(3 * DAY), 3 * DAY, None)
