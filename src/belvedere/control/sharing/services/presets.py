"""An organization's own presets.

A preset gives nobody anything, but whoever shares there begins from it: so those make and change it who hold `share` on
the whole organization (owner, Super Admin, Admin of all sites), not who shares on one site. `manage` is not asked for:
it is about people, and a preset is about what is shared. What was shared by way of one stays as it is when it changes.
"""

import json
from typing import Any, Final, TypedDict

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import requires
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Invalid, NotFound
from belvedere.control.core.names import clean_name
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.services import hold_organization
from belvedere.control.sharing.items import Item, normalize_items
from belvedere.control.sharing.models import SharePreset
from belvedere.control.sharing.presets import PRESETS
from belvedere.control.sharing.terms import HOUR, MAX_LAST_S, Footage, clean_hours, span_wire

MAX_PRESETS: Final = 30


class PresetPatch(TypedDict, total=False):
    """What is to change of a preset; what is not there stays. None: no such bound any more."""

    name: str
    permissions: Permission
    footage: Footage | None
    weekly: dict[str, list[list[str]]] | None
    lasts_s: int | None


@requires(Permission.SHARE, on="organization")
@transaction.atomic
def make_preset(
    actor: Principal,
    *,
    organization: str,
    name: str,
    permissions: Permission,
    footage: Footage | None = None,
    weekly: dict[str, list[list[str]]] | None = None,
    lasts_s: int | None = None,
) -> str:
    """Make a preset of an organization; its id.

    footage  how far back playback reaches; None = all there is
    weekly   windows of weekly hours, in the zone of whatever camera is shared; None = at any hour
    lasts_s  how long after the offer it ends, an hour to ten years; None = it does not

    Raises NotFound, Forbidden, Invalid (a set that no share could carry, a name that is none), Conflict (of this name
    there is one, or there are too many).
    """
    hold_organization(organization)
    if SharePreset.objects.filter(organization=organization).count() >= MAX_PRESETS:
        raise Conflict(_("An organization has at most %(count)d presets of its own.") % {"count": MAX_PRESETS})
    row = SharePreset(organization_id=organization, created_at=clock.now())
    _fill(row, {"name": name, "permissions": permissions, "footage": footage, "weekly": weekly, "lasts_s": lasts_s})
    row.save(force_insert=True)
    _write(actor, row, "preset.made")
    return row.pk


@requires(Permission.SHARE, on="preset")
@transaction.atomic
def change_preset(actor: Principal, *, preset: str, changes: PresetPatch) -> None:
    """Change a preset of an organization. What was shared by way of it stays as it is.

    Raises NotFound, Forbidden, Invalid, Conflict.
    """
    row = _hold(preset)
    before = {field.attname: getattr(row, field.attname) for field in SharePreset._meta.concrete_fields}  # noqa: SLF001  Django's public spelling
    _fill(row, changes)
    if any(getattr(row, name) != value for name, value in before.items()):
        row.save()
        _write(actor, row, "preset.changed", before=before["name"])


@requires(Permission.SHARE, on="preset")
@transaction.atomic
def remove_preset(actor: Principal, *, preset: str) -> None:
    """Give a preset up. What was shared by way of it stays as it is. Raises NotFound, Forbidden."""
    row = _hold(preset)
    SharePreset.objects.filter(pk=preset).delete()
    _write(actor, row, "preset.removed")


def _hold(preset: str) -> SharePreset:
    """Whoever comes second to the same preset finds what the first has left. Raises NotFound if that is nothing."""
    organization = SharePreset.objects.filter(pk=preset).values_list("organization_id", flat=True).first()
    if organization:
        hold_organization(organization)
    row = SharePreset.objects.filter(pk=preset).first()
    if row is None:
        raise NotFound
    return row


def _fill(row: SharePreset, changes: PresetPatch) -> None:
    if "name" in changes:
        row.name = _free_name(row, changes["name"])
        row.key = row.name.casefold()
    if "permissions" in changes:
        row.permissions = int(changes["permissions"])
        if Permission.PLAYBACK not in changes["permissions"] and "footage" not in changes:
            row.footage_last_s, row.is_since_grant = None, False
    if "footage" in changes:
        footage = changes["footage"] or Footage()
        row.footage_last_s, row.is_since_grant = footage.last_s, footage.is_since_grant
    # As a share's: what no share could carry, nobody is to begin from.
    window = Footage(row.footage_last_s, row.is_since_grant)
    normalize_items([Item("", Permission(row.permissions), footage=window)])
    if "weekly" in changes:
        row.weekly = _weekly(changes["weekly"])
    if "lasts_s" in changes:
        row.lasts_s = changes["lasts_s"]
        if row.lasts_s is not None and not HOUR <= row.lasts_s <= MAX_LAST_S:
            raise Invalid(_("Say how long it lasts as P7D in days, or PT8H in hours."), field="lasts")


def _free_name(row: SharePreset, text: str) -> str:
    """Of two alike nobody knows which he takes; capitals alone make no difference. Raises Invalid, Conflict."""
    name = clean_name(text)
    key = name.casefold()
    is_built_in = key in {str(preset.name).casefold() for preset in PRESETS}
    same = SharePreset.objects.filter(organization=row.organization_id, key=key).exclude(pk=row.pk)
    if is_built_in or same.exists():
        raise Conflict(_("There is a preset of this name already. Choose another."))
    return name


def _weekly(weekly: dict[str, list[list[str]]] | None) -> str:
    if weekly is None:
        return ""
    # Of the week alone: the zone is the camera's, once there is one.
    clean_hours({"zone": "UTC", "weekly": weekly})
    return json.dumps(weekly, sort_keys=True, separators=(",", ":"))


def _write(actor: Principal, row: SharePreset, action: str, **more: Any) -> None:
    wire = Footage(row.footage_last_s, row.is_since_grant).wire
    said: dict[str, Any] = {
        "footage": wire,
        "weekly": row.weekly,
        "lasts": span_wire(row.lasts_s) if row.lasts_s else None,
    }
    write_entry(
        actor=actor,
        action=action,
        thing=f"preset:{row.pk}",
        organization=row.organization_id,
        name=row.name,
        permissions=Permission(row.permissions).wire_names,
        **{key: value for key, value in said.items() if value},
        **more,
    )
