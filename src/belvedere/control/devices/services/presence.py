"""Proving that one holds a device: by its own password, tried from the server inside one's own reach (HC 26)."""

from dataclasses import replace
from typing import Unpack

from django.utils.translation import gettext as _

from belvedere.contracts import events
from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import requires
from belvedere.control.core.errors import Conflict, Invalid
from belvedere.control.core.principal import Principal
from belvedere.control.devices.services.probing import (
    Draft,
    TestFailed,
    Typed,
    TypedFields,
    draft_device,
    explain_probe,
    organization_of,
    probe,
    stands_where_bound,
)

_LETS_IN = frozenset({"ok", events.SourceError.UNSUPPORTED_CODEC})


@requires(Permission.CONFIGURE, on="site")
def prove_presence(actor: Principal, *, site: str, device: str, **typed: Unpack[TypedFields]) -> None:
    """Try what was typed, and nothing that is stored, on the device itself. Returns if it is the one and lets him in.

    A device that lets everybody in proves nothing of anybody. Raises Invalid, NetworkNotAllowed, TestFailed, Conflict,
    RateLimited, Unavailable.
    """
    if not typed.get("password"):
        raise Invalid(_("Type the device’s own password: it is what proves that you hold it."), field="password")
    organization = organization_of(site)
    draft = draft_device(actor, organization=organization, typed=Typed(**typed))
    if not stands_where_bound(draft, device):
        raise Conflict(_("Another device answers there than the one you were refused. Nothing was changed."))
    found = probe(actor, draft)
    if found.code not in _LETS_IN:
        raise TestFailed(found.code, explain_probe(found))
    if probe(actor, _without_password(draft)).code in _LETS_IN:
        raise Conflict(
            _("The device lets everybody in, so its password proves nothing. Set one on it. Nothing was changed.")
        )


def _without_password(draft: Draft) -> Draft:
    source = replace(draft.source, username="", password="")
    return replace(draft, source=source)
