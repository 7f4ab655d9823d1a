"""How a share stands in rows and grants: for its services alone, whose guard has decided."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Origin
from belvedere.control.access.selectors import ResourcePath, get_decision
from belvedere.control.access.services import Terms, grant
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.offers import OPEN_STATES, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.panels import find_panel_path
from belvedere.control.devices.selectors import find_camera_path
from belvedere.control.sharing.items import Item, list_givable
from belvedere.control.sharing.models import Share, ShareItem, in_states
from belvedere.control.sharing.terms import When


def get_own_share(actor: Principal, share: str) -> Share:
    """A share or an offer that the actor gave, and its recipient, to be changed. Raises NotFound."""
    rows = Share.objects.filter(pk=share, sharer_id=actor.id).select_related("recipient")
    row = rows.first() if is_id(share) else None
    if row is None:
        raise NotFound
    return row


def claim_version(share: Share, version: int | None = None) -> None:
    """Take the right to change an open share: of two who read the same version one gets it. Raises Conflict.

    The conditional UPDATE comes first: what is being accepted or ended at this instant waits, or is seen.
    """
    version = share.version if version is None else version
    open_still = Share.objects.filter(in_states(OPEN_STATES, clock.now()), pk=share.pk, state=share.state)
    if not open_still.filter(version=version).update(version=version + 1):
        raise Conflict(_("This share is over, or was answered or changed just now. Nothing was changed."))
    share.version = version + 1


def columns_of(item: Item) -> dict[str, Any]:
    """What a row says of what is given."""
    return {
        "permissions": int(item.permissions),
        "footage_last_s": item.reach.last_s,
        "is_since_grant": item.reach.is_since_grant,
    }


def terms_written(when: When, items: Iterable[Item]) -> dict[str, Any]:
    """The terms for the audit: what bounds them, and nothing where nothing does."""
    terms = {
        "starts_at": when.starts_at.isoformat() if when.starts_at else None,
        "ends_at": when.ends_at.isoformat() if when.ends_at else None,
        "hours": when.hours,
        "footage": {item.resource: item.reach.wire for item in items if item.reach.wire},
        "follows": sorted({item.group for item in items if item.group}),
    }
    return {key: value for key, value in terms.items() if value}


def project_item(share: Share, item: Item, *, given_at: datetime) -> None:
    """Put one item of an accepted share in force, with the share's terms. Its footage may begin where that did.

    While the share rests nothing of it is in force: it comes with `resume_share`.
    """
    if share.paused_at:
        return
    grant(
        principal=share.accepted_by,
        resource=item.resource,
        permissions=item.permissions,
        origin=Origin.SHARE,
        origin_id=share.pk,
        created_by=share.sharer_id,
        terms=Terms(
            starts_at=share.starts_at,
            ends_at=share.ends_at,
            hours=share.hours,
            footage_last_s=item.reach.last_s,
            footage_from=given_at if item.reach.is_since_grant else None,
        ),
    )


def put_in(share: Share, items: Iterable[Item], *, at: datetime) -> None:
    """Add these to an open share; in one that was accepted they are in force at once, with its end."""
    is_accepted = share.state == OfferState.ACCEPTED
    for item in items:
        # What left this share before comes back to its old place.
        ShareItem.objects.update_or_create(
            share=share,
            camera_id=item.resource if item.kind == "camera" else None,
            panel_id=item.resource if item.kind == "panel" else None,
            defaults=columns_of(item)
            | {
                "group_id": item.group or None,
                "given_at": at if is_accepted else None,
                "ended_at": None,
                "ended_reason": "",
            },
        )
        if is_accepted:
            project_item(share, item, given_at=at)


def list_still_givable(share: Share) -> list[Item]:
    """Of what a share offers, what its giver may give now (rule 5)."""
    items = []
    for item in share.items.filter(ended_at=None):
        path = find_path(item)
        decision = get_decision(share.sharer_id, path) if path else None
        offered = Item(item.resource, Permission(item.permissions), footage=item.footage)
        permissions = list_givable(decision, offered, share.when) if decision else None
        if permissions:
            items.append(replace(offered, permissions=permissions))
    return items


def find_path(item: ShareItem) -> ResourcePath | None:
    """Where what an item gives stands; None if it is nowhere any more."""
    return find_panel_path(item.panel_id) if item.panel_id else find_camera_path(item.camera_id or "")
