"""What to begin a share with: the presets that are built in, and those an organization made for itself."""

import json

from belvedere.contracts.permissions import Permission
from belvedere.control.access.selectors import ResourcePath, get_decision
from belvedere.control.core.errors import NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.selectors import find_membership
from belvedere.control.sharing.models import SharePreset
from belvedere.control.sharing.presets import Preset
from belvedere.control.sharing.terms import Footage


def find_preset_path(preset: str) -> ResourcePath | None:
    """The guard's resolver for presets: what one holds on the whole organization."""
    found = SharePreset.objects.filter(pk=preset).values_list("organization_id", flat=True).first()
    return ResourcePath(found, found, found) if found else None


def is_preset_known(account: str, preset: str) -> bool:
    """Whether this account is offered the preset: it shares something there."""
    found = SharePreset.objects.filter(pk=preset).values_list("organization_id", flat=True).first()
    return bool(found) and find_membership(account, str(found), needs=Permission.SHARE) is not None


def list_own_presets(actor: Principal, organization: str) -> list[Preset]:
    """Those of an organization, by name, for who shares something there. Raises NotFound for everybody else."""
    if not is_id(organization) or find_membership(actor.id, organization, needs=Permission.SHARE) is None:
        raise NotFound
    return [_view(row) for row in SharePreset.objects.filter(organization=organization).order_by("key", "pk")]


def may_change_presets(actor: Principal, organization: str) -> bool:
    """Whether the actor makes and changes them: he shares all of the organization."""
    return get_decision(actor.id, ResourcePath(organization, organization, organization)).allows(Permission.SHARE)


def get_own_preset(actor: Principal, preset: str) -> Preset:
    """One of them. Raises NotFound."""
    if not is_id(preset) or not is_preset_known(actor.id, preset):
        raise NotFound
    return _view(SharePreset.objects.get(pk=preset))


def _view(row: SharePreset) -> Preset:
    permissions = Permission(row.permissions)
    return Preset(
        id=row.pk,
        name=row.name,
        permissions=permissions,
        footage=Footage(row.footage_last_s, row.is_since_grant) if Permission.PLAYBACK in permissions else None,
        weekly=json.loads(row.weekly) if row.weekly else None,
        lasts_s=row.lasts_s,
        organization=row.organization_id,
    )
