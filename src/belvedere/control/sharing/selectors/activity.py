"""What is logged about oneself: what one watched, what one did, and what others did with what they share with one.

Whoever reads his own log learns nothing of others by it (threats.md §5): no other viewer, no count, of what others did
no name but the sharer's, and no camera by a name that he may not know any more.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from django.db.models import CharField, F, Q, QuerySet, Value
from django.db.models.functions import Concat

from belvedere.control.accounts.selectors import Person
from belvedere.control.audit.selectors import EntryView, OwnEntry, list_about
from belvedere.control.audit.services import INSTALLATION
from belvedere.control.core import clock
from belvedere.control.core.offers import OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Alias
from belvedere.control.devices.panels import list_panels
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.organizations.models import Membership
from belvedere.control.sharing.models import THINGS, Share, ShareItem, in_states
from belvedere.control.sharing.selectors.received import is_to
from belvedere.control.streaming.selectors import OwnViewing, list_own_viewings

#: of so many offers that wait, the cameras are named
_OFFERS: Final = 100
#: of what others did, the fields their reader may know: what a share is of, his own address, what he is as a member
_OF_OTHERS: Final = ("actor_kind", "cameras", "recipient", "account", "role", "sites", "overrides", "before", "after")


@dataclass(frozen=True, slots=True)
class ThingName:
    """A camera or panel as the reader knows it: by his alias or its name; "" once it is his to see no more."""

    id: str
    name: str
    #: who shares it with him; None: it is his, or his organization's, or gone
    shared_by: Person | None


@dataclass(frozen=True, slots=True)
class MyViewing:
    """Something the reader watched."""

    id: str
    at: datetime
    viewing: OwnViewing
    camera: ThingName


@dataclass(frozen=True, slots=True)
class MyEntry:
    """An entry of the audit about the reader. `by`: the sharer who did it; None: himself, or one he need not know."""

    id: str
    at: datetime
    entry: EntryView
    is_mine: bool
    by: Person | None
    #: whose chain it stands in: an organization of the reader's, "installation", or "" for one of a sharer
    chain: str


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """What is logged, the latest first; `before` is where the next page goes on, None at the end.

    cameras   id → what the reader calls it, of those he may know
    """

    items: list[MyViewing | MyEntry] = field(default_factory=list)
    before: tuple[datetime, str] | None = None
    cameras: dict[str, str] = field(default_factory=dict)


def list_activity(actor: Principal, *, before: tuple[datetime, str] | None = None, limit: int = 50) -> ActivityPage:
    """A page of what is logged about the actor. A constant number of queries."""
    viewings = list_own_viewings(actor, before=before, limit=limit + 1)
    entries = list_about(actor.id, [_shares(actor), _memberships(actor)], before=before, limit=limit + 1)
    known = _known_things(actor)
    unknown = {row.camera for row in viewings} - known.keys()
    aliases = dict(Alias.objects.filter(account_id=actor.id, camera__in=unknown).values_list("camera_id", "name"))
    found: list[MyViewing | MyEntry] = [
        MyViewing(
            row.session,
            row.since,
            row,
            known.get(row.camera) or ThingName(row.camera, aliases.get(row.camera, ""), None),
        )
        for row in viewings
    ]
    found += _my_entries(actor, entries)
    found.sort(key=lambda row: (row.at, row.id), reverse=True)
    page = found[:limit]
    return ActivityPage(
        page,
        (page[-1].at, page[-1].id) if len(found) > limit else None,
        _offered_names(actor) | {pk: thing.name for pk, thing in known.items()},
    )


def _shares(actor: Principal) -> QuerySet[Share, str]:
    """Everything that was shared with the actor, and the offers that he may see."""
    waiting = in_states([OfferState.PENDING], clock.now()) & is_to(actor)
    return Share.objects.filter(waiting | Q(accepted_by=actor.id)).values_list(_thing("share"), flat=True)


def _memberships(actor: Principal) -> QuerySet[Membership, str]:
    return Membership.objects.filter(account_id=actor.id).values_list(_thing("member"), flat=True)


def _thing(kind: str) -> Concat:
    return Concat(Value(f"{kind}:"), F("pk"), output_field=CharField())


def _known_things(actor: Principal) -> dict[str, ThingName]:
    cameras = [ThingName(view.id, view.label, view.shared_by) for view in list_cameras(actor)]
    panels = [ThingName(view.id, view.name, view.shared_by) for view in list_panels(actor)]
    return {thing.id: thing for thing in (*cameras, *panels)}


def _offered_names(actor: Principal) -> dict[str, str]:
    """What waits in the inbox is named there, too."""
    waiting = in_states([OfferState.PENDING], clock.now()) & is_to(actor)
    items = ShareItem.objects.filter(share__in=Share.objects.filter(waiting).order_by("-pk")[:_OFFERS], ended_at=None)
    return {item.resource: item.thing.name for item in items.select_related(*THINGS)}


def _my_entries(actor: Principal, rows: list[OwnEntry]) -> list[MyEntry]:
    shares = [row.entry.thing.removeprefix("share:") for row in rows if row.entry.thing.startswith("share:")]
    sharers = {
        share.pk: Person(share.sharer.pk, share.sharer.name, share.sharer.email)
        for share in Share.objects.filter(pk__in=shares).select_related("sharer")
    }
    mine = set(Membership.objects.filter(account_id=actor.id, is_active=True).values_list("organization_id", flat=True))
    found = []
    for row in rows:
        is_mine = row.entry.text("actor") == actor.id
        sharer = sharers.get(row.entry.thing.removeprefix("share:"))
        by = sharer if sharer and sharer.id == row.entry.text("actor") and not is_mine else None
        entry = row.entry if is_mine else _without_others(row.entry, by)
        chain = row.chain if row.chain in {INSTALLATION, *mine} else ""
        found.append(MyEntry(row.id, entry.at, entry, is_mine, by, chain))
    return found


def _without_others(entry: EntryView, by: Person | None) -> EntryView:
    fields: dict[str, Any] = {key: value for key, value in entry.fields.items() if key in _OF_OTHERS}
    return replace(entry, fields=fields | {"actor": "", "actor_name": by.name if by else ""}, site="", change_id="")
