"""Changing a share that there is. Less acts at once, on running pictures too; more is in force at once, and announced
(HC-32).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import NONE, Permission
from belvedere.control.access.decision import covered
from belvedere.control.access.guard import unguarded
from belvedere.control.access.selectors import list_projected
from belvedere.control.access.services import end_grants
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Invalid
from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.services import touch_membership
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.items import Item, check_items, check_once, facts_of, normalize_items
from belvedere.control.sharing.models import IS_BOUND, Share, ShareItem
from belvedere.control.sharing.projection import claim_version, columns_of, get_own_share, project_item, terms_written
from belvedere.control.sharing.terms import EVERYTHING, TermsPatch, When, check_when, clean_hours, end_of_once

REASON: Final = "share_changed"


@unguarded("the actor's own given share, until an end that he may give himself")
@transaction.atomic
def prolong_share(actor: Principal, *, share: str, ends_at: datetime) -> str:
    """Give a share with an end once more the time it was given for; the change id.

    `ends_at` is its end as the actor read it: of two taps the second finds another one. Raises NotFound, Forbidden (he
    does not hold it for so long himself, rule 5), Conflict (it is over, has no end, or another one by now).
    """
    row = get_own_share(actor, share)
    if row.state != OfferState.ACCEPTED or row.is_once or row.ends_at != ends_at or row.term is None:
        raise Conflict(_("This share is over, or was answered or changed just now. Nothing was changed."))
    change_id = change_share(actor, share=share, terms={"ends_at": ends_at + row.term}, version=row.version)
    # What it was given for stays what it was: a third day after two, not a fourth and fifth.
    Share.objects.filter(pk=row.pk).update(term_from=ends_at)
    return change_id


@unguarded("the actor's own given share; checks `share` on all of it, and that he may give what it becomes")
@transaction.atomic
def change_share(
    actor: Principal,
    *,
    share: str,
    terms: TermsPatch | None = None,
    items: Sequence[Item] = (),
    version: int | None = None,
) -> str:
    """Change when a share or an offer holds, and what it gives; the change id, for the receipt.

    terms     what is to change of them; `footage` is that of every item with playback that has none said of its own
    items     what these cameras and panels get from now on, instead; without any permission they leave the share
    version   of the share as the actor read it; None = whatever it is now

    Raises NotFound, Forbidden (more, longer or farther back than the actor holds), Invalid, Conflict (the share is
    over, or somebody changed it since).
    """
    row = get_own_share(actor, share)
    terms = terms or {}
    touch_membership(row.membership_id)
    claim_version(row, version)
    there = {item.resource: item for item in row.items.filter(IS_BOUND, ended_at=None)}
    before, was = {key: _item(item) for key, item in there.items()}, row.when
    after, when = _changed(before, terms, items), _when(was, terms)
    check_items(actor, list(after.values()), when)
    if when != was:
        check_when(when, clock.now())
    if row.is_once:
        _check_once(row, list(after.values()), when)
    _store(row, there, after, when)
    change_id, stale = new_id(), []
    if row.state == OfferState.ACCEPTED:
        # What is new comes first: nobody is blind in between.
        stale = _project(row, there, before, after, is_all=when != was)
        if _is_more(before, after, was, when):
            enqueue("mail.share_changed", {"share": row.pk, "at": clock.now().isoformat()})
    return end_grants(
        actor,
        organization=row.organization_id,
        reason=REASON,
        action="share.changed",
        thing=f"share:{row.pk}",
        grants=stale,
        change_id=change_id,
        details={
            "cameras": {item.resource: item.permissions.wire_names for item in after.values()},
            **terms_written(when, after.values()),
        },
    )


def _check_once(share: Share, items: list[Item], when: When) -> None:
    check_once(items)
    given_at = share.decided_at if share.state == OfferState.ACCEPTED else None
    if given_at and (when.ends_at is None or when.ends_at > end_of_once(replace(when, ends_at=None), given_at)):
        raise Invalid(_("What is for one time lasts 24 hours at most."), field="ends_at")


def _item(row: ShareItem) -> Item:
    return Item(row.resource, Permission(row.permissions), "panel" if row.panel_id else "camera", row.footage)


def _when(was: When, terms: TermsPatch) -> When:
    return When(
        starts_at=terms.get("starts_at", was.starts_at),
        ends_at=terms.get("ends_at", was.ends_at),
        hours=clean_hours(terms["hours"]) if "hours" in terms else was.hours,
    )


def _changed(before: dict[str, Item], terms: TermsPatch, items: Sequence[Item]) -> dict[str, Item]:
    """Resource → what it gives from now on. Raises Invalid."""
    named = {item.resource: item for item in items}
    if not named.keys() <= before.keys() or len(named) != len(items):
        raise Invalid(_("That is not in this share, or stands there twice. Add it first."), field="items")
    after = {key: named.get(key, replace(item, footage=None)) for key, item in before.items()}
    after = {key: item for key, item in after.items() if item.permissions}
    if not after:
        raise Invalid(_("Nothing would be left of it. End the share instead."), field="items")
    with_past = [key for key, item in after.items() if Permission.PLAYBACK in item.permissions]
    if terms.get("footage", EVERYTHING) != EVERYTHING and not with_past:
        raise Invalid(_("How far back somebody may look means nothing without playback."), field="footage")
    for key, item in after.items():
        if item.footage is None:
            said = terms.get("footage", before[key].reach) if key in with_past else EVERYTHING
            after[key] = replace(item, footage=said)
    normalize_items(list(after.values()))
    return after


def _store(share: Share, there: dict[str, ShareItem], after: dict[str, Item], when: When) -> None:
    share.starts_at, share.ends_at, share.hours = when.starts_at, when.ends_at, when.hours
    share.save(update_fields=["starts_at", "ends_at", "hours"])
    for key, row in there.items():
        changes = columns_of(after[key]) if key in after else {"ended_at": clock.now()}
        ShareItem.objects.filter(pk=row.pk).update(**changes)


def _project(
    share: Share, there: dict[str, ShareItem], before: dict[str, Item], after: dict[str, Item], *, is_all: bool
) -> list[str]:
    """Put in force what is new; the grants that it replaces."""
    touched = {key for key, item in before.items() if is_all or after.get(key) != item}
    stale = [pk for pk, resource, _bits in list_projected([share.pk]).get(share.pk, []) if resource in touched]
    for key in sorted(touched & after.keys()):
        given_at = there[key].given_at or share.decided_at or clock.now()
        project_item(share, after[key], given_at=given_at)
    return stale


def _is_more(before: dict[str, Item], after: dict[str, Item], was: When, when: When) -> bool:
    """Whether anything can be done from now on that could not be done before."""
    at = clock.now().timestamp()
    for key, item in after.items():
        held, given = facts_of(before[key], was, given_at=at), facts_of(item, when, given_at=at)
        if item.permissions & ~covered([held], given, at) != NONE:
            return True
    return False
