"""`/presets`: sets of permissions and terms to begin a share from, built in or an organization's own."""

from typing import Self

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Status
from pydantic import Field

from belvedere.contracts.permissions import Permission, parse_names
from belvedere.control.api.auth import actor_of
from belvedere.control.api.schemas import Id, In, Name, Out, problems
from belvedere.control.api.share_shapes import FootageIn
from belvedere.control.core.errors import Invalid
from belvedere.control.sharing import services
from belvedere.control.sharing.presets import PRESETS, Preset
from belvedere.control.sharing.selectors import get_own_preset, list_own_presets
from belvedere.control.sharing.terms import HOUR, Footage, parse_footage, parse_span

router = Router(tags=["sharing"])


class PresetOut(Out):
    """What somebody of this kind mostly needs: to begin from. `weekly` in the zone of the camera."""

    id: str
    name: str
    organization: str | None = Field(description="whose own it is; null = built in, and changed by nobody")
    permissions: list[str]
    footage: dict[str, str] | None
    weekly: dict[str, list[list[str]]] | None
    lasts: str | None = Field(description="how long after the offer it ends, as PT8H; null = it does not")

    @classmethod
    def of(cls, row: Preset) -> Self:
        """From what selectors return."""
        return cls(
            id=row.id,
            name=str(row.name),
            organization=row.organization or None,
            permissions=row.permissions.wire_names,
            footage=row.footage.wire if row.footage else None,
            weekly=row.weekly,
            lasts=f"PT{row.lasts_s // HOUR}H" if row.lasts_s else None,
        )


class PresetsOut(Out):
    """The presets there are."""

    items: list[PresetOut]


class PresetIn(In):
    """A preset to be made. Null is without a bound: all footage there is, at any hour, for good."""

    organization: Id
    name: Name
    permissions: list[str] = Field(min_length=1, max_length=11)
    footage: FootageIn | None = None
    weekly: dict[str, list[tuple[str, str]]] | None = Field(default=None, description="windows, without a zone")
    lasts: str | None = Field(default=None, max_length=12, examples=["PT8H", "P7D"])


class PresetPatch(In):
    """What is to change of a preset. What is left out stays; null takes a bound away."""

    name: Name = ""
    permissions: list[str] = Field(default=[], min_length=1, max_length=11)
    footage: FootageIn | None = None
    weekly: dict[str, list[tuple[str, str]]] | None = None
    lasts: str | None = Field(default=None, max_length=12)


@router.get("/presets", response={200: PresetsOut, **problems(401, 404)})
def presets(request: HttpRequest, organization: str | None = None) -> PresetsOut:
    """The built-in ones, in none of which anybody is listened or spoken to; and those of an organization, where the
    caller shares something.
    """
    actor = actor_of(request)
    own = list_own_presets(actor, organization) if organization is not None else []
    return PresetsOut(items=[PresetOut.of(row) for row in (*PRESETS, *own)])


@router.post("/presets", response={201: PresetOut, **problems(401, 403, 404, 409, 422)})
def make_preset(request: HttpRequest, body: PresetIn) -> Status[PresetOut]:
    """Make a preset of an organization's own. It gives nobody anything."""
    actor = actor_of(request)
    made = services.make_preset(
        actor,
        organization=body.organization,
        name=body.name,
        permissions=_permissions(body.permissions),
        footage=_footage(body.footage),
        weekly=_weekly(body.weekly),
        lasts_s=_lasts(body.lasts),
    )
    return Status(201, PresetOut.of(get_own_preset(actor, made)))


@router.patch("/presets/{preset_id}", response={200: PresetOut, **problems(401, 403, 404, 409, 422)})
def change_preset(request: HttpRequest, preset_id: str, body: PresetPatch) -> PresetOut:
    """Change a preset of an organization's own. What was shared by way of it stays as it is."""
    actor = actor_of(request)
    said = body.model_fields_set
    changes: services.PresetPatch = {}
    if "name" in said:
        changes["name"] = body.name
    if "permissions" in said:
        changes["permissions"] = _permissions(body.permissions)
    if "footage" in said:
        changes["footage"] = _footage(body.footage)
    if "weekly" in said:
        changes["weekly"] = _weekly(body.weekly)
    if "lasts" in said:
        changes["lasts_s"] = _lasts(body.lasts)
    services.change_preset(actor, preset=preset_id, changes=changes)
    return PresetOut.of(get_own_preset(actor, preset_id))


@router.delete("/presets/{preset_id}", response={200: PresetsOut, **problems(401, 403, 404)})
def remove_preset(request: HttpRequest, preset_id: str) -> PresetsOut:
    """Give a preset up; those that are left. What was shared by way of it stays as it is."""
    organization = get_own_preset(actor_of(request), preset_id).organization
    services.remove_preset(actor_of(request), preset=preset_id)
    return presets(request, organization)


def _permissions(names: list[str]) -> Permission:
    try:
        return parse_names(names)
    except ValueError as error:
        raise Invalid(str(error), field="permissions") from None


def _footage(said: FootageIn | None) -> Footage | None:
    return parse_footage(said.model_dump(exclude_none=True)) if said else None


def _weekly(said: dict[str, list[tuple[str, str]]] | None) -> dict[str, list[list[str]]] | None:
    return {day: [list(window) for window in windows] for day, windows in said.items()} if said is not None else None


def _lasts(said: str | None) -> int | None:
    if said is None:
        return None
    found = parse_span(said)
    if found is None:
        raise Invalid(_("Say how long it lasts as P7D in days, or PT8H in hours."), field="lasts")
    return found
